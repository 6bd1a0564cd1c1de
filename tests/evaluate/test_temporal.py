"""The warp error, against what is worked out from the frames by other means."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from stylezoo.evaluate.clips import Clip, make_clips
from stylezoo.evaluate.temporal import measure_steadiness, warp_error, warp_figure, zoo_stylizer
from stylezoo.stylizer.loading import load

LENGTH = 4


@pytest.fixture(scope="module")
def clips(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Clip]:
    """A clip of each kind, 96 px wide."""
    skimage = pytest.importorskip("skimage.data")
    folder = tmp_path_factory.mktemp("photos")
    for name in ("coffee", "astronaut"):
        Image.fromarray(getattr(skimage, name)()).resize((240, 180)).save(folder / f"{name}.png")
    return {clip.kind: clip for clip in make_clips(sorted(folder.iterdir()), size=96, length=LENGTH)}


def random_frames(clip: Clip) -> list[Image.Image]:
    rng = np.random.default_rng(0)
    height, width = clip.scene.height, clip.scene.width
    return [Image.fromarray(rng.integers(0, 256, (height, width, 3), dtype=np.uint8)) for _ in clip.frames]


def test_the_photos_themselves_have_the_noise_and_what_interpolation_costs(clips: dict[str, Clip]) -> None:
    errors = {kind: warp_error(clip.frames, clip.scene.known) for kind, clip in clips.items()}
    assert [errors["pan"].short, errors["pan"].long] == pytest.approx([0, 0], abs=1e-20)
    for kind in ("noise", "flicker"):
        frames = np.stack([np.asarray(frame) / 255.0 for frame in clips[kind].frames])
        assert errors[kind].short == pytest.approx(np.square(np.diff(frames, axis=0)).mean())
        assert errors[kind].long == pytest.approx(np.square(frames[1:] - frames[0]).mean())
    for kind in ("drift", "zoom", "rotation", "cut-out", "parallax"):
        assert 0 < errors[kind].short < 3e-4
        still = np.square(np.diff(np.stack([np.asarray(f) / 255.0 for f in clips[kind].frames]), axis=0)).mean()
        assert still > 3 * errors[kind].short  # what there is to see without the motion


@pytest.mark.parametrize("kind", ["pan", "rotation", "parallax"])
def test_a_change_of_brightness_is_its_square(clips: dict[str, Clip], kind: str) -> None:
    clip = clips[kind]
    grey = [Image.new("RGB", (clip.scene.width, clip.scene.height), (level,) * 3) for level in (100, 110, 100, 110)]
    error = warp_error(grey, clip.scene.known)
    assert error.short == pytest.approx((10 / 255) ** 2)
    assert error.long == pytest.approx((10 / 255) ** 2 * 2 / 3)


def test_a_pattern_that_stays_on_the_screen_is_the_difference_from_itself_moved(clips: dict[str, Clip]) -> None:
    clip = clips["pan"]
    pattern = random_frames(clip)[0]
    step = clip.scene.layers[0].path[1, :2, 2] - clip.scene.layers[0].path[0, :2, 2]
    x, y = (round(float(value)) for value in step)
    p = np.asarray(pattern) / 255.0

    def moved(x: int, y: int) -> float:
        """The mean over the pixels (i + y, j + x) that are in the frame."""
        height, width = p.shape[:2]
        rows, columns = slice(max(0, -y), height - max(0, y)), slice(max(0, -x), width - max(0, x))
        there = p[max(0, y) : height + min(0, y), max(0, x) : width + min(0, x)]
        return float(np.square(p[rows, columns] - there).mean())

    error = warp_error([pattern] * LENGTH, clip.scene.known)
    assert (x, y) != (0, 0) and error.short == pytest.approx(moved(x, y))
    assert error.long == pytest.approx(statistics.fmean(moved(x * t, y * t) for t in range(1, LENGTH)))


def keys(distance: np.ndarray) -> np.ndarray:
    """Keys' kernel with a = -3/4."""
    a, d = -0.75, np.abs(distance)
    near, far = (a + 2) * d**3 - (a + 3) * d**2 + 1, a * (d**3 - 5 * d**2 + 8 * d - 4)
    return np.where(d <= 1, near, np.where(d < 2, far, 0))


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["drift", "zoom", "rotation", "cut-out", "parallax"])
def test_between_pixels_it_is_bicubic_interpolation(clips: dict[str, Clip], kind: str) -> None:
    """Pixel by pixel in float64, over all pixels of the frame before at once: no tap is chosen."""
    clip = clips[kind]
    frames = random_frames(clip)[:2]
    where, visible = (np.asarray(part) for part in clip.scene.known(0, 1))
    before, after = (np.asarray(frame) / 255.0 for frame in frames)
    places = where[visible]
    across = keys(places[:, :1] - np.arange(clip.scene.width))
    down = keys(places[:, 1:] - np.arange(clip.scene.height))
    moved = np.einsum("ny,yxc,nx->nc", down, before, across, optimize=True)
    expected = np.square(after[visible] - moved).mean()
    assert 0.5 < visible.mean() <= 1
    assert warp_error(frames, clip.scene.known).short == pytest.approx(expected, rel=1e-9)


def test_pixels_that_one_frame_does_not_show_are_left_out(clips: dict[str, Clip]) -> None:
    clip = clips["cut-out"]
    frames = [np.array(frame) for frame in clip.frames[:2]]
    before = warp_error(map(Image.fromarray, frames), clip.scene.known)
    hidden = ~clip.scene.known(0, 1)[1].numpy()
    assert hidden.any()
    frames[1][hidden] = 255 - frames[1][hidden]
    assert warp_error(map(Image.fromarray, frames), clip.scene.known) == before
    seen = np.argwhere(~hidden)[0]
    frames[1][tuple(seen)] = 255 - frames[1][tuple(seen)]
    assert warp_error(map(Image.fromarray, frames), clip.scene.known) != before


def test_painters_are_measured_on_the_same_clips_and_averaged(clips: dict[str, Clip]) -> None:
    def stylizer(step: int) -> Callable[[Sequence[Image.Image]], list[Image.Image]]:
        return lambda frames: [Image.new("RGB", f.size, (step * (t % 2),) * 3) for t, f in enumerate(frames)]

    two = [clips["pan"], clips["noise"]]
    errors = measure_steadiness({"calm": stylizer(5), "wild": stylizer(50)}, two)
    assert list(errors) == ["calm", "wild"] and [error.kind for error in errors["calm"]] == ["pan", "noise"]
    found = warp_figure("wild", errors["wild"])
    assert found.mean == pytest.approx((50 / 255) ** 2, abs=1e-6) and found.spread == 0 and found.count == 2
    assert found.facts["pan"] == found.facts["noise"] == found.mean
    assert found.facts["photo"] == pytest.approx(errors["calm"][1].photo.short / 2, abs=1e-6)


def test_a_net_stylizes_by_frames(multi_file: Path, clips: dict[str, Clip]) -> None:
    stylizer = load(multi_file, device="cpu")
    frames = clips["drift"].frames
    style = stylizer.styles[-1]
    steady = list(zoo_stylizer(stylizer, style, 0.9)(frames))
    assert [frame.size for frame in steady] == [frame.size for frame in frames]
    expected = list(stylizer.stylize_frames(frames, style, steady=0.9))
    assert all(np.array_equal(a, b) for a, b in zip(steady, expected, strict=True))
    alone = list(zoo_stylizer(stylizer, style, 0.0)(frames))
    assert np.array_equal(alone[2], stylizer.stylize(frames[2], style)) and not np.array_equal(alone[2], steady[2])
