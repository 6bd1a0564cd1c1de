"""The script that draws the stained-glass style picture: repeatable, of the size asked for, lead between all panes."""

from __future__ import annotations

from types import ModuleType

import numpy as np
import pytest
from PIL import Image
from skimage.color import rgb2lab


@pytest.fixture(scope="module")
def script(load_script) -> ModuleType:
    return load_script("draw_stained_glass")


@pytest.fixture(scope="module")
def small(script: ModuleType) -> Image.Image:
    return script.draw(size=200, seed=7)


def test_lead_separates_all_panes(script: ModuleType) -> None:
    window = script.Window(400, np.random.default_rng(7))
    for part in (script.draw_sky, script.draw_land, script.draw_tree, script.draw_border):
        part(window)
    lightness = rgb2lab(script.light(window))[..., 0]
    seams = np.zeros(lightness.shape, dtype=bool)
    seams[:, 1:] |= window.panes[:, 1:] != window.panes[:, :-1]
    seams[1:] |= window.panes[1:] != window.panes[:-1]
    assert np.quantile(lightness[seams], 0.99) < 35  # near black, and glass is not
    assert np.median(lightness[~seams]) > 35
    assert 150 < len(np.unique(window.panes)) < 800


def test_the_glass_has_colours_of_all_hues(small: Image.Image) -> None:
    assert (small.size, small.mode) == ((200, 200), "RGB")
    lab = rgb2lab(np.asarray(small))
    vivid = np.hypot(lab[..., 1], lab[..., 2]) > 30
    hues = np.degrees(np.arctan2(lab[..., 2], lab[..., 1]))[vivid] % 360
    assert vivid.mean() > 0.4
    assert all(((hues >= at) & (hues < at + 60)).mean() > 0.01 for at in range(0, 360, 60))
