from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from skimage import color, data
from torch import Tensor

from stylezoo.data.style_set import StyleSet, recolor
from stylezoo.errors import DataError


def style_set(paintings: list[Path], **options: Any) -> StyleSet:
    return StyleSet(paintings, **({"count": 12, "side": 64, "short_side": (64, 80), "seed": 0} | options))


@pytest.fixture
def paintings(tmp_path: Path) -> list[Path]:
    """Five pieces of three photos, of other sizes and shapes, some smaller than a cut; two sources."""
    pieces = {
        "cups_a": data.coffee()[:200, :300],
        "cups_b": data.coffee()[100:160, 300:350],
        "faces_a": data.astronaut()[:150, 100:400],
        "faces_b": data.chelsea()[:90, 100:130],
        "faces_c": data.chelsea()[100:250, 100:330],
    }
    for name, piece in pieces.items():
        Image.fromarray(piece).save(tmp_path / f"{name}.png")
    return sorted(tmp_path.iterdir())


@pytest.fixture
def greys(tmp_path: Path) -> list[Path]:
    """Source "large" of 16 pictures, "middle" of 4 and "small" of 1; the k-th of all is of grey 12 k, faintly checked.

    No change of colour moves a grey, so that a cut's lightness tells which picture it is of, unless it was made lighter
    or darker: see `picked`.
    """
    names = [f"large_{i:02}" for i in range(16)] + [f"middle_{i}" for i in range(4)] + ["small_0"]
    checks = 6 * (np.add.outer(np.arange(80) // 4, np.arange(90) // 4) % 2)
    for k, name in enumerate(names):
        Image.fromarray((12 * k + checks).astype(np.uint8)).save(tmp_path / f"{name}.png")
    return [tmp_path / f"{name}.png" for name in names]


@pytest.fixture
def picked(greys: list[Path], monkeypatch: pytest.MonkeyPatch):
    """Return which of the grey pictures each cut is of, in the order of the cuts."""
    monkeypatch.setattr("stylezoo.data.style_set.recolor", lambda cut, rng: cut)

    def call(paintings: list[Path] = greys, **options: Any) -> list[int]:
        cuts = style_set(paintings, **options)
        return [round((float(cut.mean()) * 255 - 3) / 12) for cut in cuts]

    return call


def test_cuts_are_many_square_and_in_range(paintings: list[Path]) -> None:
    cuts = style_set(paintings, count=17)
    assert len(cuts) == 17 == len(list(cuts))
    for cut in cuts:
        assert cut.shape == (1, 3, 64, 64) and cut.dtype == torch.float32
        assert cut.min() >= 0 and cut.max() <= 1 and cut.std() > 0.01
    assert torch.equal(cuts.at(torch.tensor([3, 0, 3])), torch.cat([cuts[3], cuts[0], cuts[3]]))
    assert torch.equal(cuts[-1], cuts[16]) and torch.equal(torch.cat(cuts[2:4]), cuts.at(torch.tensor([2, 3])))
    with pytest.raises(IndexError):
        cuts[17]
    assert not cuts.broken


def test_cuts_depend_on_the_seed_alone(paintings: list[Path]) -> None:
    everything = torch.arange(12)
    first = style_set(paintings).at(everything)
    torch.manual_seed(1)
    np.random.default_rng(1).random()
    assert torch.equal(style_set(paintings).at(everything), first)
    other = style_set(paintings, seed=1).at(everything)
    assert not any(torch.equal(a, b) for a, b in zip(first, other, strict=True))
    assert len({cut.numpy().tobytes() for cut in first}) == 12


def test_sources_come_by_the_root_of_their_size_and_their_pictures_in_turn(greys: list[Path], picked) -> None:
    """Roots of 16, 4 and 1: four, two and one of seven parts."""
    order = picked(count=70)
    assert (len(order[:40]), set(order[:40])) == (40, set(range(16)))
    assert set(order[40:60]) == {16, 17, 18, 19} and set(order[60:]) == {20}
    assert set(Counter(order[:40]).values()) == {2, 3} and set(Counter(order[40:60]).values()) == {5}
    assert sorted(order[:16]) != order[:16]  # not by name, or few cuts would all be of the first names
    assert [len(picked(count=count)) for count in (1, 2, 5, 23)] == [1, 2, 5, 23]


def test_names_without_an_underscore_are_one_source(greys: list[Path], picked, tmp_path: Path) -> None:
    plain = [path.rename(tmp_path / f"{index:02}.png") for index, path in enumerate(greys)]
    assert sorted(picked(plain, count=21)) == list(range(21))


def test_broken_pictures_are_skipped_and_remembered(greys: list[Path], picked) -> None:
    greys[3].write_bytes(b"no picture")
    greys[17].write_bytes(greys[16].read_bytes()[:60])
    order = picked(count=70)
    assert len(order) == 70
    assert set(order) == set(range(21)) - {3, 17}
    broken = style_set(greys, count=70).broken
    assert set(broken) == {greys[3], greys[17]}
    assert "large_03.png" in broken[greys[3]]


def test_pictures_that_are_all_broken_are_refused_with_a_remedy(greys: list[Path]) -> None:
    for path in greys[:16]:
        path.write_bytes(b"no picture")
    with pytest.raises(
        DataError, match=r"none of 16 style images can be read; the last: .*large_\d\d.png.*--styles DIR"
    ) as caught:
        style_set(greys)
    assert "\n" not in str(caught.value)


def test_a_cut_of_one_colour_is_drawn_again(tmp_path: Path) -> None:
    half = np.full((64, 400, 3), 255, np.uint8)
    half[:, 320:] = np.random.default_rng(0).integers(0, 255, (64, 80, 3))
    Image.fromarray(half).save(tmp_path / "half.png")
    Image.new("RGB", (80, 80), "teal").save(tmp_path / "teal.png")
    paths = [tmp_path / "half.png", tmp_path / "teal.png"]
    cuts = style_set(paths, short_side=(64, 64), count=20)
    assert all(cut.std(dim=(2, 3)).max() > 0.001 for cut in cuts)
    assert not cuts.broken
    with pytest.raises(DataError, match=r"1 style images, such as .*teal.png, are of a single colour.*--styles DIR"):
        style_set(paths[1:])


def test_a_picture_smaller_than_a_cut_is_enlarged(tmp_path: Path) -> None:
    small = np.zeros((20, 9, 3), np.uint8)
    small[:] = (np.arange(20) * 12)[:, None, None]
    Image.fromarray(small).save(tmp_path / "small.png")
    Image.fromarray(small[:, :1]).save(tmp_path / "line.png")
    for name in ("small.png", "line.png"):
        for cut in style_set([tmp_path / name], side=128, short_side=(32, 40), count=4):
            assert cut.shape == (1, 3, 128, 128)
            assert (cut[0] - cut[0, :, :, :1]).abs().max() < 0.01  # still rows of one colour


def test_short_side_is_the_scale_and_cuts_lie_anywhere_and_either_way(tmp_path: Path, picked) -> None:
    ramp = np.linspace(0, 255, 400).round().astype(np.uint8)
    Image.fromarray(np.tile(ramp, (200, 1))).save(tmp_path / "ramp.png")
    cuts = style_set([tmp_path / "ramp.png"], short_side=(70, 140), count=60)
    rows = cuts.at(torch.arange(60))[:, 0, 20]
    rise = (rows[:, 58] - rows[:, 5]) / 53
    sides = 1 / rise.abs() / 2  # the picture is twice as wide as high
    assert 67 < sides.min() < 80 and 130 < sides.max() < 146
    assert {bool(r > 0) for r in rise} == {True, False}
    assert rows.mean(1).min() < 0.3 and rows.mean(1).max() > 0.7


# Colours


class Chosen:
    """Stands in for a generator: gives, in their order, these values, each of which must be in the range asked for."""

    def __init__(self, *values: float) -> None:
        self.values = list(values)

    def uniform(self, low: float, high: float) -> float:
        value = self.values.pop(0)
        assert low - 1e-9 <= value <= high + 1e-9
        return value


def muted(seed: int = 0) -> Tensor:
    """Colours near grey, so that none leaves [0, 1] when it is turned."""
    noise = torch.rand(2, 3, 16, 16, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
    return 0.35 + 0.3 * noise


@pytest.mark.parametrize(
    ("angle", "chroma", "power"),
    [(0.0, 1.0, 1.0), (np.pi / 3, 1.0, 1.0), (-0.7, 1.5, 1.0), (0.4, 0.5, 1.4), (-np.pi / 3, 1.2, 0.7)],
)
def test_hues_turn_as_by_skimage(angle: float, chroma: float, power: float) -> None:
    x = muted()
    mine = recolor(x, Chosen(angle, chroma, np.log(power)))
    for picture, result in zip(x.numpy(), mine.numpy(), strict=True):
        ycbcr = color.rgb2ycbcr(picture.transpose(1, 2, 0))
        luma = (ycbcr[..., 0] - 16) / 219
        plane = (ycbcr[..., 1] - 128) + 1j * (ycbcr[..., 2] - 128)
        plane = plane * chroma * np.exp(1j * angle)
        turned = np.stack([16 + 219 * luma**power, 128 + plane.real, 128 + plane.imag], axis=-1)
        np.testing.assert_allclose(result.transpose(1, 2, 0), color.ycbcr2rgb(turned), atol=2e-3)
    if (angle, chroma, power) == (0.0, 1.0, 1.0):
        torch.testing.assert_close(mine, x, atol=1e-6, rtol=0)


def test_grey_stays_grey_and_no_colour_leaves_the_range() -> None:
    grey = torch.linspace(0, 1, 64).view(1, 1, 8, 8).expand(1, 3, 8, 8)
    corners = torch.tensor([[r, g, b] for r in (0.0, 1) for g in (0.0, 1) for b in (0.0, 1)]).T.reshape(1, 3, 2, 4)
    for seed in range(20):
        rng = np.random.default_rng(seed)
        result = recolor(grey, rng)
        assert (result - result[:, :1]).abs().max() < 1e-5
        assert (result.diff(dim=-1) > 0).all()  # darker stays darker
        for x in (grey, corners, muted(seed).float()):
            result = recolor(x, rng)
            assert result.min() >= 0 and result.max() <= 1 and result.dtype == x.dtype
            assert result.isfinite().all()


def test_half_of_the_cuts_have_other_colours(paintings: list[Path], monkeypatch: pytest.MonkeyPatch) -> None:
    changed = style_set(paintings, count=60).at(torch.arange(60))
    monkeypatch.setattr("stylezoo.data.style_set.recolor", lambda cut, rng: cut)
    plain = style_set(paintings, count=60).at(torch.arange(60))
    others = sum(not torch.equal(a, b) for a, b in zip(changed, plain, strict=True))
    assert 18 <= others <= 42
