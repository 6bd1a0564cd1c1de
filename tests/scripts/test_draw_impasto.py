"""The script that draws the impasto style picture: repeatable, of the size asked, strokes with colour and relief."""

from __future__ import annotations

from types import ModuleType

import numpy as np
import pytest
from PIL import Image
from skimage.color import rgb2hsv, rgb2lab


@pytest.fixture(scope="module")
def script(load_script) -> ModuleType:
    return load_script("draw_impasto")


@pytest.fixture(scope="module")
def small(script: ModuleType) -> Image.Image:
    return script.draw(size=160, seed=7)


def one_stroke(script: ModuleType, turn: float, color: tuple[int, int, int], seed: int = 7):
    canvas = script.Canvas(400, np.random.default_rng(seed))
    canvas.color[:] = canvas.height[:] = 0
    canvas.stroke((0.5, 0.5), turn, (0.5, 0.14), rgb2lab(np.asarray(color) / 255))
    return canvas


@pytest.mark.parametrize("turn", [0.0, 0.7, np.pi / 2, 2.5])
def test_a_stroke_follows_its_direction(script: ModuleType, turn: float) -> None:
    rows, columns = np.nonzero(one_stroke(script, turn, (200, 40, 40)).height)
    assert (columns.mean(), rows.mean()) == pytest.approx((200, 200), abs=10)
    spread, ways = np.linalg.eigh(np.cov(columns, rows))
    assert abs(ways[:, 1] @ (np.cos(turn), np.sin(turn))) > 0.99
    assert np.sqrt(spread[1] / spread[0]) == pytest.approx(0.5 / 0.14, rel=0.25)


def test_a_bent_stroke_turns_from_its_start_to_its_end(script: ModuleType) -> None:
    canvas = script.Canvas(400, np.random.default_rng(7))
    canvas.stroke((0.5, 0.5), 0.0, (0.5, 0.14), rgb2lab(np.asarray((200, 40, 40)) / 255), bend=0.8)
    middle = [np.nonzero(canvas.height[:, column])[0].mean() for column in (120, 200, 280)]
    assert middle[0] > middle[1] + 3  # downwards is clockwise: both its ends lie lower
    assert middle[2] > middle[1] + 3


def test_a_stroke_has_its_colour_and_streaks(script: ModuleType) -> None:
    color = np.asarray((40, 90, 200))
    canvas = one_stroke(script, 0.0, tuple(color))
    paint = canvas.color[185:215, 130:270] * 255
    assert np.abs(paint.mean((0, 1)) - color).max() < 35
    across, along = (np.abs(np.diff(paint.mean(2), axis=axis)).mean() for axis in (0, 1))
    assert across > 2 * along  # a bristle's colour runs along the stroke


@pytest.mark.parametrize("turn", [0.7, 2.2])
def test_a_stroke_is_lit_at_the_upper_left_and_shaded_at_the_lower_right(script: ModuleType, turn: float) -> None:
    canvas = one_stroke(script, turn, (120, 120, 120))
    canvas.color[:] = 0.5
    lit = script.light(canvas).mean(2)
    rows, columns = np.indices(lit.shape)
    inside = canvas.height > 0
    along = (rows + columns - 400) / np.sqrt(2)  # away from the lamp
    first, last = along[inside].min(), along[inside].max()
    flat = lit[:20, :20].mean()
    assert lit[inside & (along < first + 6)].mean() > flat + 15
    assert lit[inside & (along > last - 6)].mean() < flat - 15


def test_it_is_full_of_strokes_of_many_colours(small: Image.Image) -> None:
    assert (small.size, small.mode) == ((160, 160), "RGB")
    pixels = np.asarray(small)
    hue, saturation, _ = rgb2hsv(pixels).transpose(2, 0, 1)
    assert np.median(saturation) > 0.55
    near = [abs((hue - at + 0.5) % 1 - 0.5) < 0.06 for at in (0, 0.08, 0.14, 0.6, 0.76)]
    shares = [(one & (saturation > 0.4)).mean() for one in near]
    assert min(shares) > 0.03, shares  # red, orange, yellow, blue, violet
    patches = pixels.reshape(4, 40, 4, 40, 3).mean(-1).std((1, 3))
    assert patches.min() > 20  # no empty area
