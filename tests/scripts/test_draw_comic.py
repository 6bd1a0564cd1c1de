"""The script that draws the comic style picture: repeatable, of the size asked for, dots as large as the tone."""

from __future__ import annotations

from types import ModuleType

import numpy as np
import pytest
from PIL import Image
from scipy import ndimage


@pytest.fixture(scope="module")
def script(load_script) -> ModuleType:
    return load_script("draw_comic")


@pytest.fixture(scope="module")
def small(script: ModuleType) -> Image.Image:
    return script.draw(size=200, seed=7)


@pytest.fixture(scope="module")
def sheet(script: ModuleType):
    return script.Sheet(400, np.random.default_rng(7))


@pytest.mark.parametrize("tone", [0.15, 0.35, 0.6])
def test_the_share_of_ink_in_dots_is_the_tone(script: ModuleType, sheet, tone: float) -> None:
    assert sheet.dots(script.RED, tone).mean() == pytest.approx(tone, abs=0.02)


def test_dots_are_a_pitch_apart(script: ModuleType, sheet) -> None:
    count = ndimage.label(sheet.dots(script.BLUE, 0.3)[40:-40, 40:-40] > 0.5)[1]
    assert count == pytest.approx((320 / 400 / script.PITCH) ** 2, rel=0.1)  # those at the edge are cut, so some more


def test_the_line_round_an_area_is_wider_at_the_lower_right(script: ModuleType) -> None:
    sheet = script.Sheet(400, np.random.default_rng(7))
    sheet.area(abs(sheet.x - 0.5) + abs(sheet.y - 0.5) < 0.2, script.YELLOW)
    black = sheet.page.sum(-1) < 120
    diagonal = black[np.arange(400), np.arange(400)]
    assert 0 < 2 * diagonal[:200].sum() < diagonal[200:].sum()
    assert tuple(sheet.page[200, 200]) == script.YELLOW
    assert tuple(sheet.page[20, 20]) == script.PAPER


def test_every_quarter_has_every_colour(script: ModuleType, small: Image.Image) -> None:
    assert (small.size, small.mode) == ((200, 200), "RGB")
    page = np.asarray(small).astype(int)
    for quarter in (page[:100, :100], page[:100, 100:], page[100:, :100], page[100:, 100:]):
        for color in (script.BLACK, script.PAPER, script.RED, script.YELLOW, script.BLUE):
            assert (abs(quarter - color).max(-1) < 40).mean() > 0.025, color
