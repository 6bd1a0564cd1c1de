"""The script that draws the mosaic style picture: repeatable, of the size asked for, made of separate stones."""

from __future__ import annotations

from types import ModuleType

import numpy as np
import pytest
from PIL import Image


@pytest.fixture(scope="module")
def script(load_script) -> ModuleType:
    return load_script("draw_mosaic")


@pytest.fixture(scope="module")
def small(script: ModuleType) -> Image.Image:
    return script.draw(size=108, seed=7)


@pytest.fixture(scope="module")
def regions(script: ModuleType) -> np.ndarray:
    return script.design_picture()


def test_size_and_mode_are_as_asked(small: Image.Image) -> None:
    assert (small.size, small.mode) == ((108, 108), "RGB")


@pytest.mark.slow
def test_grout_separates_all_stones_and_stones_are_about_one_pitch(script: ModuleType, regions: np.ndarray) -> None:
    rng = np.random.default_rng(7)
    stones = script.lay_stones(regions, rng)
    owner, depth = script.cut_stones(stones, script.SIDE * script.FINEST, rng)
    for one, other in ((owner[1:], owner[:-1]), (owner[:, 1:], owner[:, :-1])):
        touching = (one != other) & (one >= 0) & (other >= 0)
        assert not touching.any()
    assert np.array_equal(depth > 0, owner >= 0)
    assert 0.15 < (owner < 0).mean() < 0.4
    areas = np.bincount(owner[owner >= 0]) / script.FINEST**2
    assert 0.5 < np.median(areas) < 1.0  # in squares of the pitch: what the joints leave of a stone


def test_the_picture_balances_light_and_dark(small: Image.Image) -> None:
    light = np.asarray(small.convert("L")) / 255
    assert 0.1 < (light > 0.6).mean() < 0.6
    assert 0.1 < (light < 0.35).mean() < 0.6


@pytest.mark.slow
def test_another_seed_lays_other_stones(script: ModuleType, regions: np.ndarray) -> None:
    one, other = (script.lay_stones(regions, np.random.default_rng(seed)).centres for seed in (1, 2))
    assert one.shape != other.shape or not np.allclose(one, other)
