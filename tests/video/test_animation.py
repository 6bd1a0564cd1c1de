from __future__ import annotations

import numpy as np
import pytest
from moving import make_clip, pictures, read_clip
from PIL import Image, ImageSequence

from stylezoo.errors import OptionError, VideoError
from stylezoo.video import open_clip, stylize_video
from stylezoo.video.parts import PART

DURATIONS = [70, 40, 110, 60, 200]


def animate(path, frames, durations, **options):
    first, *rest = [Image.fromarray(frame) for frame in frames]
    first.save(path, save_all=True, append_images=rest, duration=durations, **options)
    return path


def with_hole(count):
    """Pictures with alpha: a transparent square that wanders."""
    alpha = [np.full((48, 64), 255, np.uint8) for _ in range(count)]
    for number, veil in enumerate(alpha):
        veil[8:24, 4 * number : 4 * number + 16] = 0
    return [np.dstack(pair) for pair in zip(pictures(count), alpha, strict=True)]


def shown(path):
    """Return durations and pictures of an animation, by Pillow alone, and how it loops."""
    durations, pictures = [], []
    with Image.open(path) as image:
        for frame in ImageSequence.Iterator(image):
            pictures.append(np.asarray(frame.convert("RGBA")))
            durations.append(round(frame.info["duration"]))  # which WebP states once it is decoded
        return durations, pictures, image.info.get("loop")


LOOPS = [("gif", 0), ("gif", 3), ("webp", 0), ("webp", 2), ("png", 0), ("apng", 2)]


@pytest.mark.parametrize(("suffix", "loop"), LOOPS)
def test_durations_loops_and_transparency_are_kept(net, tmp_path, suffix, loop):
    kind = {"apng": "PNG"}.get(suffix, suffix.upper())
    lossless = {"lossless": True} if suffix == "webp" else {"disposal": 2}
    source = animate(tmp_path / f"in.{suffix}", with_hole(5), DURATIONS, loop=loop, format=kind, **lossless)
    out = tmp_path / f"out.{suffix}"
    facts = stylize_video(source, out, net, "dots", steady=0.0)
    assert (facts.frames, facts.codec, facts.sound) == (5, kind.lower(), "none")
    assert facts.duration == pytest.approx(sum(DURATIONS) / 1000)
    (before, photos, _), (after, found, plays) = shown(source), shown(out)
    assert before == after == DURATIONS
    assert plays == loop
    for photo, stylized in zip(photos, found, strict=True):
        assert np.array_equal(photo[..., 3], stylized[..., 3])
        solid = photo[..., 3] == 255
        expected = net.stylize(np.where(solid[..., None], photo[..., :3], 255).astype(np.uint8), "dots")
        assert np.abs(stylized[..., :3].astype(int) - expected)[solid].mean() < 12
        assert np.abs(stylized[..., :3].astype(int) - photo[..., :3])[solid].mean() > 20


def test_a_gif_that_plays_once_does_so_in_other_formats(net, tmp_path):
    source = animate(tmp_path / "in.gif", pictures(3), 50)
    assert stylize_video(source, tmp_path / "out.gif", net, "dots").frames == 3
    assert shown(tmp_path / "out.gif")[2] is None
    stylize_video(source, tmp_path / "out.webp", net, "dots")
    assert shown(tmp_path / "out.webp")[2] == 1


def test_frames_without_a_duration_are_shown_as_browsers_do(tmp_path):
    source = animate(tmp_path / "in.gif", pictures(4), 0)
    found = open_clip(source)
    assert [frame.duration for frame in found.frames()] == [100] * 4
    assert found.seconds == pytest.approx(0.4)
    assert [frame.time for frame in found.frames(150)] == [200, 300]


def test_an_animation_becomes_a_film(net, tmp_path):
    source = animate(tmp_path / "in.gif", with_hole(5), DURATIONS, loop=0, disposal=2)
    with pytest.warns(UserWarning, match=r"\.mp4 with h264 has no transparency: .*in\.gif is put on white"):
        stylize_video(source, tmp_path / "out.mp4", net, "dots", quality=1)
    times, found = read_clip(tmp_path / "out.mp4")
    assert [round(float(time), 3) for time in times] == [0, 0.07, 0.11, 0.22, 0.28]
    hole = np.abs(found[0][10:22, 4:12].astype(int) - 255)
    assert hole.mean() < 6


@pytest.mark.slow
def test_a_film_becomes_an_animation_of_the_same_length(net, tmp_path):
    source = make_clip(tmp_path / "in.mp4", pictures(PART + 12), rate=30)
    for suffix in ("gif", "webp"):
        with pytest.warns(UserWarning, match="takes no such sound .aac.: it is left out"):
            stylize_video(source, tmp_path / f"out.{suffix}", net, "dots")
        durations, found, loop = shown(tmp_path / f"out.{suffix}")
        assert (len(found), loop) == (PART + 12, 0)
        assert sum(durations) == 2000
        assert set(durations) == ({30, 40} if suffix == "gif" else {33, 34})


def test_what_cannot_be_animated(net, tmp_path):
    still = tmp_path / "still.png"
    Image.fromarray(pictures(1)[0]).save(still)
    with pytest.raises(VideoError, match="is a still picture: use stylezoo stylize"):
        open_clip(still)
    Image.fromarray(pictures(1)[0]).save(tmp_path / "still.jpg")
    with pytest.raises(VideoError, match="is a picture, not a clip: use stylezoo stylize"):
        open_clip(tmp_path / "still.jpg")
    whole = animate(tmp_path / "in.webp", pictures(8), 50)
    cut = tmp_path / "cut.webp"
    cut.write_bytes(whole.read_bytes()[: whole.stat().st_size // 2])
    with pytest.raises(VideoError, match="cut"):
        open_clip(cut)
    with pytest.raises(OptionError, match=r"quality\b.*not GIF"):
        stylize_video(whole, tmp_path / "out.gif", net, "dots", quality=3)
    with pytest.raises(OptionError, match="is for video containers, not"):
        stylize_video(whole, tmp_path / "out.gif", net, "dots", codec="h264")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["cut.webp", "in.webp", "still.jpg", "still.png"]
