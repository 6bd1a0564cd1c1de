from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from stylezoo.errors import DataError, OptionError
from stylezoo.evaluate.clips import KINDS, NOISE, clips_digest, make_clips
from stylezoo.evaluate.motion import places

SIZE = 64


@pytest.fixture(scope="module")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """A small, a large and an upright photo, by name."""
    folder = tmp_path_factory.mktemp("photos")
    rng = np.random.default_rng(0)
    sizes = {"a": (40, 30), "b": (200, 150), "c": (90, 160)}
    for name, size in sizes.items():
        coarse = Image.fromarray(rng.integers(0, 256, (9, 12, 3), dtype=np.uint8))
        coarse.resize(size, Image.Resampling.BICUBIC).save(folder / f"{name}.png")
    return sorted(folder.iterdir())


def levels(image: Image.Image) -> np.ndarray:
    return np.asarray(image) / 255


def test_clips_are_of_every_kind_and_always_the_same(pictures: list[Path]) -> None:
    clips = make_clips(pictures, 10, size=SIZE, length=3)
    assert [clip.kind for clip in clips] == [*KINDS, "pan", "drift"]
    assert {frame.size for clip in clips for frame in clip.frames} == {(64, 48)}
    again = make_clips(pictures, 10, size=SIZE, length=3)
    for first, second in zip(clips, again, strict=True):
        assert np.array_equal(np.stack(first.frames), np.stack(second.frames))
    other = make_clips(pictures, 10, size=SIZE, length=3, seed=1)
    assert not np.array_equal(clips[1].frames[0], other[1].frames[0])
    assert clips_digest(clips) == clips_digest(again)
    digests = {clips_digest(make_clips(pictures[:2], size=SIZE)), clips_digest(make_clips(pictures, size=SIZE))}
    assert len(digests | {clips_digest(clips), clips_digest(other)}) == 4


def test_the_largest_photos_come_first_and_one_that_is_none_last(pictures: list[Path], tmp_path: Path) -> None:
    broken = tmp_path / "broken.png"
    broken.write_bytes(b"no picture")
    clips = make_clips([broken, *pictures], 2, size=SIZE, length=2)
    assert [clip.photos for clip in clips] == [("b.png",), ("c.png",)]


@pytest.mark.parametrize("size", [64, 100])
def test_the_camera_never_leaves_the_photo(pictures: list[Path], size: int) -> None:
    for clip in make_clips(pictures, size=size, length=25):
        scene = clip.scene
        for layer in scene.layers:
            height, width = layer.picture.shape[-2:]
            for map in layer.path:
                where = places(scene.height, scene.width, map)
                where = where[layer.cover(where) > 0]
                assert where.min() >= 1 and where[:, 0].max() <= width - 2 and where[:, 1].max() <= height - 2
        ratio = torch.linalg.det(scene.layers[0].path[:, :2, :2])
        assert (ratio <= 1 + 1e-9).all()  # a frame's pixel is no larger than one of the scene: nothing is left out


def test_what_moves_moves_and_what_is_still_changes_as_said(pictures: list[Path]) -> None:
    clips = {clip.kind: clip for clip in make_clips(pictures, size=256, length=3)}
    still = levels(clips["noise"].frames[1]) - levels(clips["noise"].frames[0])
    assert still.std() == pytest.approx(NOISE * 2**0.5, rel=0.1)
    first, second = (levels(frame) for frame in clips["flicker"].frames[:2])
    lit = np.median(second[first > 0.2] / first[first > 0.2])
    assert 0.94 < lit < 1.06 and not np.array_equal(first, second)
    background, piece = (layer.cover(places(192, 256, layer.path[0])) for layer in clips["cut-out"].scene.layers)
    assert background.eq(1).all() and 0.1 < piece.mean() < 0.4 and 0 < ((piece > 0) & (piece < 1)).sum() < 600


def test_what_makes_no_clip_is_refused(pictures: list[Path]) -> None:
    with pytest.raises(OptionError, match="at least 2 frames, not 1"):
        make_clips(pictures, length=1)
    with pytest.raises(DataError, match="none"):
        make_clips([])
