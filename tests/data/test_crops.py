from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from stylezoo.data import crops as crops_module
from stylezoo.data.crops import PhotoCache, RandomCrops
from stylezoo.data.images import list_photos
from stylezoo.errors import DataError
from stylezoo.images.resize import resize
from stylezoo.images.sizes import fit_short_side


@pytest.fixture
def greys(tmp_path: Path) -> list[Path]:
    """Ten photos, the k-th of grey 20 k with a faint checkerboard, so that a crop tells which photo it is of."""
    paths = [tmp_path / f"{k}.png" for k in range(10)]
    checks = 6 * (np.add.outer(np.arange(50) // 4, np.arange(60) // 4) % 2)
    for k, path in enumerate(paths):
        Image.fromarray((20 * k + checks).astype(np.uint8)).save(path)
    return paths


def crops_of(photos: list[Path], **options) -> RandomCrops:
    return RandomCrops(photos, **{"crop": 32, "short_side": (40, 48), "batch": 2, "seed": 0} | options)


def drawn(crops: RandomCrops, steps: range) -> list[int]:
    """Return which of the grey photos the crops of `steps` are of."""
    return [round(float(c.mean()) * 255 / 20) for step in steps for c in crops.at(step)]


def test_shape_and_range(greys) -> None:
    batch = crops_of(greys, batch=3).at(0)
    assert batch.shape == (3, 3, 32, 32)
    assert batch.dtype == torch.float32
    assert 0 <= batch.min() <= batch.max() <= 1


def test_each_photo_comes_once_before_any_comes_again(greys) -> None:
    crops = crops_of(greys)
    first, second = drawn(crops, range(5)), drawn(crops, range(5, 10))
    assert sorted(first) == sorted(second) == list(range(10))
    assert first != second
    assert first != list(range(10))


def test_a_step_depends_on_the_seed_and_itself_alone(photos) -> None:
    paths = list_photos(photos)
    fresh = crops_of(paths).at(7)
    used = crops_of(paths)
    for step in (3, 9, 0):
        used.at(step)
    assert torch.equal(used.at(7), fresh)
    assert not torch.equal(crops_of(paths, seed=1).at(7), fresh)
    assert not torch.equal(used.at(8), fresh)


def test_prepared_ahead_or_one_by_one_the_crops_are_the_same(photos) -> None:
    crops = crops_of(list_photos(photos))
    ahead = list(crops_of(list_photos(photos)).steps(3, 9))
    assert len(ahead) == 6
    for step, batch in enumerate(ahead, 3):
        assert torch.equal(batch, crops.at(step))


def test_processes_share_an_epoch_and_draw_what_one_would(greys) -> None:
    ranks = [crops_of(greys, batch=1, rank=rank, world=2) for rank in (0, 1)]
    assert not set(drawn(ranks[0], range(5))) & set(drawn(ranks[1], range(5)))
    alone = crops_of(greys, batch=2)
    assert torch.equal(torch.cat([r.at(3) for r in ranks]), alone.at(3))


def test_short_side_is_the_scale_and_crops_lie_anywhere(tmp_path: Path) -> None:
    ramp = np.linspace(0, 255, 400).round().astype(np.uint8)
    Image.fromarray(np.tile(ramp, (200, 1))).save(tmp_path / "ramp.png")
    crops = crops_of([tmp_path / "ramp.png"], crop=40, short_side=(50, 100), batch=1)
    rows = torch.cat([crops.at(step)[:, 0, 20] for step in range(40)])
    rise = (rows[:, 34] - rows[:, 5]) / 29
    sides = 1 / rise.abs() / 2  # the picture is twice as wide as high
    assert 47 < sides.min() < 60
    assert 90 < sides.max() < 107
    assert {bool(r > 0) for r in rise} == {True, False}  # mirrored or not
    assert rows.mean(1).min() < 0.3 and rows.mean(1).max() > 0.7


def test_a_photo_smaller_than_the_crop_is_enlarged(tmp_path: Path) -> None:
    small = np.full((30, 9, 3), 128, np.uint8)
    small[..., 2] = np.random.default_rng(0).integers(0, 255, (30, 9))
    Image.fromarray(small).save(tmp_path / "small.png")
    batch = crops_of([tmp_path / "small.png"], crop=64).at(0)
    assert batch.shape[-2:] == (64, 64)
    assert torch.allclose(batch[0, :2], torch.tensor(128 / 255), atol=1e-3)


@pytest.mark.slow
def test_a_crop_is_cut_from_the_resized_photo(photos) -> None:
    """Its pixels are those that `resize` gives for the whole photo, whatever the scale; some crops are mirrored."""
    path = list_photos(photos)[0]
    whole = PhotoCache(48, 0).read(path)
    crops = crops_of([path], short_side=(36, 48), batch=1)
    for step in range(12):
        crop = crops.at(step)[0]
        found = []
        for short in range(36, 49):
            x = resize(torch.from_numpy(whole)[None] / 255, fit_short_side(*whole.shape[1:], short))[0]
            places = x.unfold(1, 32, 1).unfold(2, 32, 1)  # (3, down, across, 32, 32)
            for mirrored in (crop, crop.flip(-1)):
                found.append((places - mirrored[:, None, None]).abs().amax(dim=(0, 3, 4)).min())
        assert min(found) < 1e-3


def test_photos_are_decoded_once_as_long_as_there_is_room(photos, monkeypatch) -> None:
    paths = list_photos(photos)
    reads, read_file = [], crops_module.read_file
    monkeypatch.setattr(crops_module, "read_file", lambda path, most: reads.append(path) or read_file(path, most))
    size = PhotoCache(40, 0).read(paths[0]).nbytes
    reads.clear()
    batches = {}
    for kept in (0, 2, 5):
        crops = crops_of(paths, short_side=(40, 40), batch=5, memory=int((kept + 0.5) * size))
        batches[kept] = [crops.at(step) for step in range(3)]
        assert len(reads) == 5 + 2 * (5 - kept)
        reads.clear()
    for kept in (2, 5):
        assert all(torch.equal(a, b) for a, b in zip(batches[kept], batches[0], strict=True))


def test_photos_of_16_bits_and_with_alpha_are_read_as_8_bits_of_colour(tmp_path: Path) -> None:
    grey = np.linspace(0, 65535, 50 * 40).reshape(50, 40).astype(np.uint16)
    Image.fromarray(grey).save(tmp_path / "deep.png")
    clear = np.random.default_rng(0).integers(0, 255, (50, 40, 4), np.uint8)
    Image.fromarray(clear, "RGBA").save(tmp_path / "clear.png")
    cache = PhotoCache(64, 0)
    assert np.array_equal(cache.read(tmp_path / "clear.png"), clear[..., :3].transpose(2, 0, 1))
    deep = cache.read(tmp_path / "deep.png")
    assert deep.shape == (3, 50, 40)
    assert np.abs(deep - grey / 257).max() <= 0.51


def test_steps_without_end(photos) -> None:
    crops = crops_of(list_photos(photos))
    steps = crops.steps(4)
    assert all(torch.equal(next(steps), crops.at(step)) for step in range(4, 30))
    steps.close()


def test_broken_photos_are_skipped_and_remembered(greys) -> None:
    greys[2].write_bytes(b"no picture")
    greys[6].write_bytes(greys[5].read_bytes()[:60])
    crops = crops_of(greys)
    found = drawn(crops, range(10))
    assert len(found) == 20
    assert set(found) == set(range(10)) - {2, 6}
    assert set(crops.broken) == {str(greys[2]), str(greys[6])}
    assert "2.png" in crops.broken[str(greys[2])]
    for step in range(10):  # whoever knows already that they are broken draws the same
        assert torch.equal(crops.at(step), crops_of(greys).at(step))


def test_a_crop_of_one_colour_is_drawn_again(tmp_path: Path) -> None:
    """Instance norms divide by the deviation, so the gradient of such a crop overflows."""
    half = np.full((64, 400), 255, np.uint8)
    half[:, 200:] = np.random.default_rng(0).integers(0, 255, (64, 200))
    Image.fromarray(half).save(tmp_path / "half.png")
    Image.new("L", (64, 64), 255).save(tmp_path / "white.png")
    photos = [tmp_path / "half.png", tmp_path / "white.png"]
    crops = crops_of(photos, short_side=(64, 64))
    assert all(crop.std() > 0.01 for step in range(20) for crop in crops.at(step))
    assert not crops.broken
    with pytest.raises(DataError, match=r"all 1 photos .* colour"):
        crops_of(photos[1:]).at(0)


def test_no_photo_that_can_be_read(greys) -> None:
    for path in greys:
        path.write_bytes(b"no picture")
    with pytest.raises(DataError, match=r"none of the 10 photos can be read.*\.png"):
        crops_of(greys).at(0)
    with pytest.raises(DataError, match="none of the 10"):
        list(crops_of(greys).steps(0, 3))
