"""`protect` and `only`: parts of a photo that stay, in pictures, batches and the frames of a clip."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from skimage import data

import stylezoo
from stylezoo.detect import faces, subject
from stylezoo.errors import OptionError
from stylezoo.runtime.steady import SHRINKING, Steadiness
from stylezoo.stylizer.loading import load

ASTRONAUT = np.asarray(data.astronaut())[:256, 80:336][::2, ::2]
FACE = np.s_[38:76, 54:90]
CORNER = np.s_[90:, :24]
WALL = np.asarray(data.astronaut())[:128, 300:428]


@pytest.fixture(autouse=True)
def only_cascade(monkeypatch: pytest.MonkeyPatch) -> None:
    """Faces are found by scikit-image's cascade, and the subject of a photo is its right half."""
    monkeypatch.setattr(faces, "packaged", lambda name, file: None)
    monkeypatch.setattr(subject, "packaged", lambda name, file: Path(file))
    right = np.zeros((1, 1, 320, 320), np.float32)
    right[..., 160:] = 1
    monkeypatch.setattr(subject, "u2netp", lambda path, photo: right if photo.any() else 0 * right)


def apart(a: np.ndarray, b: np.ndarray) -> float:
    return float(np.abs(a.astype(int) - b).mean())


@pytest.mark.parametrize("backend", ["onnx", "torch"])
@pytest.mark.parametrize("name", ["cin/16", "johnson/mosaic"])
def test_a_face_stays_in_proportion_and_the_rest_is_stylized(name: str, backend: str) -> None:
    net = load(name, backend=backend)
    style = "composition_vii" if net.kind == "multi" else None
    plain = net.stylize(ASTRONAUT, style)
    results = [net.stylize(ASTRONAUT, style, protect=f"face:{share}") for share in (0.4, 0.7, 1)]
    distances = [apart(made[FACE], ASTRONAUT[FACE]) for made in (plain, *results)]
    assert distances[0] > 20 and distances == sorted(distances, reverse=True)
    assert distances[1] > 1.2 * distances[2] and distances[3] < 2
    for made in results:
        assert apart(made[CORNER], plain[CORNER]) < 6


@pytest.mark.parametrize(
    "options", [{"protect": "face"}, {"only": "subject"}, {"protect": "face", "only": "background"}]
)
def test_both_runtimes_give_the_same(multi_file: Path, options: dict[str, str]) -> None:
    made = [load(multi_file, backend=b).stylize(ASTRONAUT, "dots", **options).astype(int) for b in ("onnx", "torch")]
    assert np.abs(made[0] - made[1]).max() <= 1


def test_tiles_give_what_the_whole_picture_does(multi_file: Path) -> None:
    net = load(multi_file, backend="torch")
    whole, tiled = (net.stylize(ASTRONAUT, "dots", protect="face", tile=tile).astype(int) for tile in (None, 64))
    assert np.abs(whole - tiled).max() <= 1


def test_only_one_part_is_stylized(multi_file: Path) -> None:
    net = load(multi_file)
    plain, left, right = net.stylize(ASTRONAUT, "dots"), np.s_[:, :40], np.s_[:, -40:]
    for part, there, stays in (("subject", right, left), ("background", left, right)):
        made = net.stylize(ASTRONAUT, "dots", only=part)
        np.testing.assert_array_equal(made[stays], ASTRONAUT[stays])
        assert apart(made[there], plain[there]) < 0.3 * apart(plain[there], ASTRONAUT[there])


def test_regions_and_masks_count_too(multi_file: Path) -> None:
    net = load(multi_file)
    top = np.zeros(ASTRONAUT.shape[:2], bool)
    top[:64] = True
    made = net.stylize(ASTRONAUT, "dots", mask=top, only="subject")
    np.testing.assert_array_equal(made[70:], ASTRONAUT[70:])
    np.testing.assert_array_equal(made[:, :40], ASTRONAUT[:, :40])
    assert apart(made[:58, -40:], ASTRONAUT[:58, -40:]) > 10
    regions = net.stylize(ASTRONAUT, "waves", mask={"lines": top}, only="background")
    plain = net.stylize(ASTRONAUT, "waves", mask={"lines": top})
    np.testing.assert_array_equal(regions[:, -40:], ASTRONAUT[:, -40:])
    assert apart(regions[:, :40], plain[:, :40]) < 0.3 * apart(plain[:, :40], ASTRONAUT[:, :40])


@pytest.mark.parametrize("colour", [False, "stats"])
def test_pictures_of_a_batch_are_each_as_by_itself(any_file: Path, colour: str | bool) -> None:
    net = load(any_file)
    style = np.asarray(data.coffee())[::8, ::8]
    options = {"only": "background", "preserve_color": colour, "strength": 0.8}
    batch = list(net.stylize_batch([ASTRONAUT, ASTRONAUT[::-1], WALL], style, batch_size=2, **options))
    for made, photo in zip(batch, (ASTRONAUT, ASTRONAUT[::-1], WALL), strict=True):
        np.testing.assert_allclose(made.astype(int), net.stylize(photo, style, **options), atol=1)


def test_a_photo_without_a_face_is_stylized_and_named(multi_file: Path, tmp_path: Path) -> None:
    from PIL import Image

    Image.fromarray(WALL).save(tmp_path / "wall.png")
    net = load(multi_file)
    with pytest.warns(UserWarning, match=r"wall\.png: no face found"):
        made = net.stylize(tmp_path / "wall.png", "dots", protect="face")
    np.testing.assert_array_equal(np.asarray(made), net.stylize(WALL, "dots"))


def test_a_missing_package_is_an_error_before_a_photo_is_read(
    multi_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(subject, "packaged", lambda name, file: None)
    net = load(multi_file)
    for call in (net.stylize, net.stylize_batch, net.stylize_frames):
        with pytest.raises(OptionError, match=r"only='subject' .*pip install"):
            call(["nowhere.png"], "dots", only="subject")


def test_what_is_missed_in_one_frame_hardly_shows(multi_file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The detector misses the face in the third of five equal frames."""
    net, seen = load(multi_file), iter([1, 1, 0, 1, 1] * 2)
    found = faces.cascade(ASTRONAUT.transpose(2, 0, 1)[None])
    monkeypatch.setattr(faces, "cascade", lambda photo: found if next(seen) else found[:0])
    for steady in (0.9, 0):
        made = list(net.stylize_frames([ASTRONAUT] * 5, "dots", protect="face:1", steady=steady))
        flicker = apart(net.stylize_frames([ASTRONAUT], "dots").__next__()[FACE], ASTRONAUT[FACE])
        assert apart(made[1][FACE], ASTRONAUT[FACE]) < 2
        assert 0 < apart(made[2][FACE], made[1][FACE]) < 0.5 * flicker


def test_masks_are_smoothed_and_start_again_at_a_cut() -> None:
    ones, zeros = np.ones((1, 1, 4, 4), np.float32), np.zeros((1, 1, 4, 4), np.float32)
    bright, dark = np.ones((1, 3, 32, 32), np.float32), np.zeros((1, 3, 32, 32), np.float32)
    for share in (0.9, 0.0):
        memory = Steadiness(share)
        values = []
        for photo, mask in ((bright, ones), (bright, zeros), (bright, zeros), (bright, ones), (dark, zeros)):
            memory.frame(photo)
            values.append(float(memory.smooth(mask).max()))
        gone = SHRINKING**2
        assert values == pytest.approx([1, SHRINKING, gone, (1 + gone) / 2, 0])


def test_masks_go_on_from_a_state(multi_file: Path) -> None:
    net = stylezoo.load(multi_file)
    frames = [ASTRONAUT, ASTRONAUT, np.roll(ASTRONAUT, 6, 1), ASTRONAUT]
    whole = list(net.stylize_frames(frames, "dots", protect="face"))
    first, second = Steadiness(), Steadiness()
    parts = list(net.stylize_frames(frames[:2], "dots", protect="face", steady=first))
    second.load_state(first.state())
    parts += list(net.stylize_frames(frames[2:], "dots", protect="face", steady=second, first=2))
    np.testing.assert_array_equal(parts, whole)
