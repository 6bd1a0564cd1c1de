"""The script that draws the woodcut style picture: repeatable, of the size asked for, lines as dense as the tone."""

from __future__ import annotations

from types import ModuleType

import numpy as np
import pytest
from PIL import Image


@pytest.fixture(scope="module")
def script(load_script) -> ModuleType:
    return load_script("draw_woodcut")


@pytest.fixture(scope="module")
def small(script: ModuleType) -> Image.Image:
    return script.draw(size=200, seed=7)


@pytest.mark.parametrize("tone", [0.3, 0.5, 0.8])
def test_the_share_of_paper_is_the_tone(script: ModuleType, tone: float) -> None:
    block = script.Block(600, np.random.default_rng(7))
    block.cut(np.ones(block.x.shape, dtype=bool), block.y, tone)
    inside = block.ink[20:-20, 20:-20]
    assert 1 - inside.mean() == pytest.approx(tone, abs=0.03)
    assert ((inside == 0) | (inside == 1)).mean() > 0.6  # lines with sharp edges, no grey


def test_lines_are_a_pitch_apart(script: ModuleType) -> None:
    block = script.Block(800, np.random.default_rng(7))
    block.cut(np.ones(block.x.shape, dtype=bool), block.y, 0.5)
    column = block.ink[40:-40, 400] > 0.5
    lines = (column[1:] & ~column[:-1]).sum()
    assert lines == pytest.approx(720 / 800 / script.PITCH, abs=2)


def test_it_has_paper_ink_and_one_red(small: Image.Image) -> None:
    assert (small.size, small.mode) == ((200, 200), "RGB")
    light = np.asarray(small.convert("L")) / 255
    assert 0.3 < (light > 0.7).mean() < 0.6
    assert 0.2 < (light < 0.3).mean() < 0.6
    red, green, blue = np.asarray(small).astype(int).transpose(2, 0, 1)
    assert 0.01 < ((red - np.maximum(green, blue)) > 90).mean() < 0.05
