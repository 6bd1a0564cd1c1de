"""Clips whose numbers mean other colours than BT.709's, transparent clips, and what a clip says of itself."""

from __future__ import annotations

import warnings
from pathlib import Path

import av
import numpy as np
import pytest
from moving import make_clip, pictures
from PIL import Image

from stylezoo.video import open_clip, stylize_video
from stylezoo.video.clip import BT709

BT2020, PQ, HLG = 9, 16, 18


def pq(nits: float) -> float:
    """SMPTE ST 2084: light in cd/m2 to a code value in [0, 1]."""
    y = (nits / 10000) ** 0.1593017578125
    return ((0.8359375 + 18.8515625 * y) / (1 + 18.6875 * y)) ** 78.84375


def srgb(light: float) -> float:
    return 255 * (light * 12.92 if light <= 0.0031308 else 1.055 * light ** (1 / 2.4) - 0.055)


def hdr_clip(path: Path, code: float, transfer: int, count: int = 6) -> Path:
    """Grey of one code value, in ten bits."""
    frames = [np.full((48, 64, 3), round(code * 255), np.uint8)] * count
    about = {"colorspace": BT2020, "color_primaries": BT2020, "color_trc": transfer, "color_range": 1}
    return make_clip(path, frames, codec="libx265", pixel_format="yuv420p10le", sound=None, **about)


@pytest.mark.parametrize(
    ("transfer", "code", "light"), [(PQ, pq(50), 50 / 203), (HLG, 0.5, (0.5**2 / 3) ** 1.2 * 1000 / 203)]
)
def test_hdr_is_tone_mapped_and_no_longer_tagged_so(
    net, tmp_path: Path, transfer: int, code: float, light: float
) -> None:
    path = hdr_clip(tmp_path / "hdr.mp4", code, transfer)
    clip = open_clip(path)
    seen = next(clip.frames()).pixels
    assert np.abs(seen - srgb(light)).max() <= 6
    with pytest.warns(UserWarning, match="HDR"):
        stylize_video(path, tmp_path / "out.mp4", net, "dots", strength=0.5)
    with av.open(str(tmp_path / "out.mp4")) as made:
        context = made.streams.video[0].codec_context
        assert (context.color_primaries, context.color_trc, context.colorspace) == (BT709, BT709, BT709)


def transparent_clip(path: Path, count: int = 4) -> Path:
    frames = [np.dstack([picture, np.zeros((48, 64), np.uint8)]) for picture in pictures(count)]
    for frame in frames:
        frame[:, 32:, 3] = 255
    options = {"auto-alt-ref": "0", "b": "0", "crf": "4"}
    return make_clip(path, frames, codec="libvpx-vp9", pixel_format="yuva420p", sound=None, options=options)


def test_the_alpha_of_vp9_is_read(net, tmp_path: Path) -> None:
    path = transparent_clip(tmp_path / "clip.webm")
    clip = open_clip(path)
    frames = list(clip.frames())
    assert clip.alpha and len(frames) == 4
    assert frames[2].pixels.shape == (48, 64, 4)
    assert (frames[2].pixels[:, :30, 3] == 0).all() and (frames[2].pixels[:, 34:, 3] == 255).all()
    again = list(clip.frames(frames[2].time))
    assert len(again) == 2 and np.array_equal(again[0].pixels, frames[2].pixels)
    stylize_video(path, tmp_path / "out.webp", net, "dots")
    with Image.open(tmp_path / "out.webp") as made:
        assert np.asarray(made.convert("RGBA"))[24, 10, 3] == 0
    with pytest.warns(UserWarning, match="white"):
        stylize_video(path, tmp_path / "out.mp4", net, "dots")


@pytest.mark.parametrize(
    ("name", "codec", "close"),
    [("out.webm", None, 2), ("out.mkv", "vp9", 2), ("out.mkv", "ffv1", 0), ("out.mov", "prores", 1)],
)
def test_alpha_is_kept_where_codec_and_container_store_it(net, tmp_path: Path, name, codec, close) -> None:
    path = transparent_clip(tmp_path / "clip.webm", 60)  # more than one part
    before = [frame.pixels[..., 3] for frame in open_clip(path).frames()]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        stylize_video(path, tmp_path / name, net, "dots", codec=codec)
    made = open_clip(tmp_path / name)
    after = [frame.pixels for frame in made.frames()]
    assert made.alpha and len(after) == len(before) == 60
    for old, new in zip(before, after, strict=True):
        assert np.abs(old[:, :30] - 1.0 * new[:, :30, 3]).max() <= close
        assert np.abs(old[:, 34:] - 1.0 * new[:, 34:, 3]).max() <= close
    with pytest.warns(UserWarning, match="white"):
        stylize_video(path, tmp_path / "plain.mp4", net, "dots", quality=1)
    plain = next(open_clip(tmp_path / "plain.mp4").frames()).pixels
    assert np.abs(plain[:, 36:] - 1.0 * after[0][:, 36:, :3]).mean() < 12  # the colours are those of the style


def test_alpha_that_a_container_cannot_store_is_put_on_white_and_said(net, tmp_path: Path) -> None:
    path = transparent_clip(tmp_path / "clip.webm")
    with pytest.warns(UserWarning, match=r"\.mp4 with vp9 has no transparency.*white.*\.webm"):
        stylize_video(path, tmp_path / "out.mp4", net, "dots", codec="vp9")
    seen = next(open_clip(tmp_path / "out.mp4").frames()).pixels
    assert seen.shape[2] == 3 and seen[:, :28].min() > 245


@pytest.mark.parametrize(
    ("choice", "kept"), [("safe", {"title", "artist"}), ("none", set()), ("keep", {"title", "artist", "location"})]
)
def test_a_clip_keeps_who_and_what_and_not_where(net, tmp_path: Path, choice: str, kept: set[str]) -> None:
    said = {"title": "A cat", "artist": "Ada Example", "location": "+52.52+013.40/"}
    path = make_clip(tmp_path / "clip.mp4", pictures(3), sound=None, metadata=said)
    with av.open(str(path)) as made:
        assert said.keys() <= made.metadata.keys()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        stylize_video(path, tmp_path / "out.mp4", net, "dots", metadata=choice)
    with av.open(str(tmp_path / "out.mp4")) as made:
        assert said.keys() & made.metadata.keys() == kept


def test_a_title_that_is_not_utf8_keeps_its_bytes(net, tmp_path: Path) -> None:
    path = make_clip(tmp_path / "clip.mp4", pictures(3), sound=None, metadata={"title": "Cafe0"})
    path.write_bytes(path.read_bytes().replace(b"Cafe0", b"Caf\xe9\xff"))
    stylize_video(path, tmp_path / "out.mp4", net, "dots")
    assert b"Caf\xe9\xff" in (tmp_path / "out.mp4").read_bytes()
