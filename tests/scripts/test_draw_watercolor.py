"""The script that draws the watercolour style picture: repeatable, of the size asked for, washes like real ones."""

from __future__ import annotations

from types import ModuleType

import numpy as np
import pytest
from PIL import Image


@pytest.fixture(scope="module")
def script(load_script) -> ModuleType:
    return load_script("draw_watercolor")


@pytest.fixture(scope="module")
def small(script: ModuleType) -> Image.Image:
    return script.draw(size=160, seed=7)


def light_of(script: ModuleType, sheet) -> np.ndarray:
    return script.dry(sheet).astype(float).mean(axis=2)


def square(sheet) -> np.ndarray:
    """The distance to the sides of a square in the middle of the sheet."""
    return 0.35 - np.maximum(abs(sheet.x - 0.5), abs(sheet.y - 0.5))


def test_a_wash_is_darker_at_its_rim_than_inside(script: ModuleType) -> None:
    sheet = script.Sheet(600, np.random.default_rng(7))
    inside = square(sheet)
    sheet.wash(sheet.box(0.5, 0.5, 0.5), inside, ("azure", "azure"), 0.8, rough=0.0)
    light = light_of(script, sheet)
    rim = light[(inside > 0.001) & (inside < 0.003)].mean()
    assert rim < light[inside > 0.05].mean() - 20
    assert light[inside < -0.01].mean() > 235  # paper


def test_a_bloom_lightens_a_wash(script: ModuleType) -> None:
    light = []
    for bloom in (0.0, 0.15):
        sheet = script.Sheet(400, np.random.default_rng(7))
        sheet.wash(sheet.box(0.5, 0.5, 0.5), square(sheet), ("rose", "rose"), 0.8, bloom=bloom)
        light.append(light_of(script, sheet)[100:-100, 100:-100].max())
    assert light[1] > light[0]


def test_glazing_darkens_and_lifting_does_not(script: ModuleType) -> None:
    light = {}
    for lift in (0.0, 1.0):
        sheet = script.Sheet(400, np.random.default_rng(7))
        everywhere, box = np.ones(sheet.x.shape), sheet.box(0.5, 0.5, 0.5)
        sheet.wash(box, everywhere, ("ultramarine", "ultramarine"), 0.8)
        once = light_of(script, sheet)[50:-50, 50:-50].mean()
        sheet.wash(box, everywhere, ("yellow", "yellow"), 0.8, lift=lift)
        light[lift] = light_of(script, sheet)[50:-50, 50:-50].mean() - once
    assert light[0.0] < -10
    assert light[1.0] > 10


def test_it_has_white_paper_and_clear_colors_of_all_hues(small: Image.Image) -> None:
    assert (small.size, small.mode) == ((160, 160), "RGB")
    hue, saturation, value = np.asarray(small.convert("HSV")).astype(int).transpose(2, 0, 1)
    assert 0.02 < ((saturation < 30) & (value > 225)).mean() < 0.35
    assert saturation.mean() > 110
    clear = np.histogram(hue[(saturation > 90) & (value > 90)], bins=8, range=(0, 256))[0] / hue.size
    assert (clear > 0.01).all()
