"""Draw `recipes/styles/comic.jpg`, the style picture of `johnson/comic`: a printed comic picture of our own design.

The picture is printed as a cheap comic is: areas of flat colour, tones made of dots in rows, and a black line around
each area that swells towards its lower right. Lengths are in sides of the picture, which is square.

    python scripts/draw_comic.py --out recipes/styles/comic.jpg
"""

from __future__ import annotations

import numpy as np
from drawing import Floats, Mask, command, smooth_noise
from numpy.typing import NDArray
from PIL import Image
from scipy import ndimage

PITCH = 0.0155  # of the dots
LINE = 0.0078  # mean width of the black line around an area
LEAN = 0.0034  # how much wider the line is at the lower right, and narrower at the upper left
SLIP = (0.0035, -0.003)  # x, y: the dots are printed so far from their place
SUN = (0.615, 0.335)  # x, y
RAYS = 28
OVERSAMPLE = 2  # pixels drawn for one pixel of the picture, along each side

Color = tuple[int, int, int]
BLACK, PAPER = (16, 14, 18), (250, 244, 226)
RED, YELLOW, BLUE, PINK = (226, 30, 42), (255, 214, 18), (12, 138, 214), (250, 150, 170)
ANGLES = {RED: 0.30, BLUE: 1.05}  # of the rows of dots, in radians

# Flat colour and dots of the rays in turn.
SKY: list[tuple[Color, Color | None]] = [
    (PAPER, BLUE), (RED, None), (PAPER, BLUE), (YELLOW, RED), (BLUE, None), (PAPER, RED), (YELLOW, None),
    (PAPER, BLUE), (RED, None), (YELLOW, RED), (PINK, None), (BLUE, None), (PAPER, RED), (YELLOW, None),
]  # fmt: skip
# Of the clouds: x, y and radius of each puff.
CLOUDS = [
    [(0.85, 0.545, 0.06), (0.93, 0.515, 0.065), (0.765, 0.575, 0.045), (0.9, 0.59, 0.06), (1.0, 0.56, 0.065)],
    [(0.40, 0.045, 0.06), (0.49, 0.02, 0.065), (0.33, 0.075, 0.045), (0.43, 0.09, 0.05), (0.55, 0.065, 0.045)],
    [(0.94, 0.06, 0.06), (1.0, 0.12, 0.06), (0.88, 0.1, 0.045), (0.94, 0.14, 0.045)],
]
PALM = (0.2, 0.27)  # x, y of the crown
# Of the palm's leaves: direction in turns, length, flat colour and dots of each half.
LEAVES = [
    (0.46, 0.27, (RED, None), (YELLOW, None)), (0.02, 0.29, (YELLOW, RED), (BLUE, None)),
    (0.58, 0.27, (PAPER, BLUE), (BLUE, None)), (0.90, 0.29, (YELLOW, None), (RED, None)),
    (0.69, 0.27, (YELLOW, RED), (BLACK, None)), (0.79, 0.27, (BLUE, None), (PAPER, RED)),
    (0.33, 0.26, (PAPER, RED), (BLACK, None)), (0.13, 0.26, (BLACK, None), (PAPER, BLUE)),
]  # fmt: skip


def moved(values: Floats, x: float, y: float) -> Floats:
    """Shift `values` by whole pixels; what comes in at a side repeats its edge."""
    rows, columns = (np.arange(n) for n in values.shape)
    return values[np.ix_((rows - round(y)).clip(0, len(rows) - 1), (columns - round(x)).clip(0, len(columns) - 1))]


class Sheet:
    """The sheet so far: `page` has the colour of each pixel."""

    def __init__(self, pixels: int, rng: np.random.Generator) -> None:
        axis = (np.arange(pixels) + 0.5) / pixels
        self.x, self.y = np.meshgrid(axis, axis)
        self.page = np.zeros((pixels, pixels, 3)) + PAPER
        self.rng = rng
        self.sway = smooth_noise(rng, pixels, 14)  # a hand's: lines are not quite even

    def soft(self, inside: Floats) -> Floats:
        """Return the share of each pixel that is inside, for a distance from the edge: an edge is a pixel wide."""
        return np.asarray((inside * len(self.x) + 0.5).clip(0, 1))

    def lay(self, share: Floats, color: Color, box: tuple[slice, slice] = (slice(None), slice(None))) -> None:
        self.page[box] += (np.asarray(color) - self.page[box]) * share[..., None]

    def dots(self, color: Color, tone: Floats | float) -> Floats:
        """Return the share of each pixel in rows of dots that cover `tone` of the paper."""
        turn = ANGLES[color]
        along, across = self.x * np.cos(turn) + self.y * np.sin(turn), self.y * np.cos(turn) - self.x * np.sin(turn)
        far = np.hypot((along / PITCH) % 1 - 0.5, (across / PITCH) % 1 - 0.5)
        return self.soft((np.sqrt(np.clip(tone, 0, 0.95) / np.pi) - far) * PITCH)

    def area(self, where: Mask, flat: Color, dots: Color | None = None, tone: Floats | float = 0.35) -> None:
        """Fill `where` with a flat colour and dots over it that cover `tone` of it, and draw its black line."""
        pixels = len(self.x)
        margin = round(4 * LINE * pixels) + 2
        rows, columns = (np.flatnonzero(where.any(axis)) for axis in (1, 0))
        top, left = (slice(max(at[0] - margin, 0), at[-1] + margin) for at in (rows, columns))
        box = (top, left)
        part = np.pad(where[box], 1, mode="edge")
        inside = (ndimage.distance_transform_edt(part) - ndimage.distance_transform_edt(~part))[1:-1, 1:-1] / pixels
        lean = LEAN * pixels
        self.lay(self.soft(moved(inside, lean, lean) + LINE * (1 + 0.2 * self.sway[box])), BLACK, box)
        share = self.soft(inside)
        self.lay(share, flat, box)
        if dots is not None:
            slipped = np.minimum(share, moved(share, SLIP[0] * pixels, SLIP[1] * pixels))
            self.lay(slipped * self.dots(dots, tone)[box], dots, box)

    def stroke(self, off: Floats, width: Floats, color: Color = BLACK) -> None:
        """Draw a line where `off`, the distance from its middle, is under half of `width`; none where that is 0."""
        self.lay(self.soft(width / 2 - abs(off)) * (width > 0), color)


def draw_sky(sheet: Sheet) -> None:
    """Bent rays round the sun, and the sun in a burst of stars."""
    x, y = sheet.x - SUN[0], sheet.y - SUN[1]
    far, turn = np.hypot(x, y), np.arctan2(y, x) / (2 * np.pi)
    ray = np.floor((turn + 0.07 * far) * RAYS).astype(np.int64) % RAYS
    for i in range(RAYS):
        flat, dots = SKY[i % len(SKY)]
        sheet.area(ray == i, flat, dots, 0.62 - 0.85 * (far - 0.2))
    for points, inner, outer, flat, dots in ((15, 0.17, 0.265, BLACK, None), (15, 0.15, 0.235, YELLOW, RED),
                                             (12, 0.115, 0.165, RED, None)):  # fmt: skip
        tooth = abs((turn * points) % 1 - 0.5) * 2
        long = 1 + 0.14 * np.sin(2 * np.pi * np.floor(turn * points) * 0.4)
        sheet.area(far < inner + (outer * long - inner) * tooth, flat, dots, 0.1 + 4.5 * (far - 0.1))
    sheet.area(far < 0.088, PAPER, RED, 0.25 + 4 * (x + y))
    for radius in (0.069, 0.052):
        sheet.stroke(far - radius, 0.011 * np.clip(np.cos(2 * np.pi * (turn - 0.62)) * 2.5 - 1.3, 0, 1), RED)


def draw_clouds(sheet: Sheet) -> None:
    """Clouds of puffs, white above, dotted below, with a curl of line in each puff."""
    x, y = sheet.x, sheet.y
    for cloud in CLOUDS:
        far = np.stack([np.hypot(x - at_x, y - at_y) - radius for at_x, at_y, radius in cloud])
        middle = np.mean([at_y for _, at_y, _ in cloud])
        sheet.area(far.min(0) < 0, PAPER, BLUE, np.clip(0.25 + 4.5 * (y - middle), 0.07, 1))
        for (at_x, at_y, _), off in zip(cloud, far, strict=True):
            turn = np.arctan2(y - at_y, x - at_x)
            sheet.stroke(off + 0.017, 0.014 * np.clip(np.cos(turn - 0.9) * 1.6 - 0.6, 0, 1))


def draw_land(sheet: Sheet) -> None:
    """Two hills with lines of speed down them, the farther red and pink."""
    x, y = sheet.x, sheet.y
    tops = (0.63 - 0.09 * np.sin(7 * x + 0.2), 0.69 + 0.05 * np.sin(8 * x + 1.2))
    hills = ((tops[0], RED, PINK, 0.05, 0.4 * y + x), (tops[1], YELLOW, YELLOW, 0.0, x - 0.5 * y))
    for top, upper, lower, band, along in hills:
        sheet.area(y > top, upper)
        sheet.area(y > top + band, lower, RED, 0.07 + 3 * (y - top - band))
        line = np.floor(along / 0.034 + 0.5)
        reach = 0.045 + 0.06 * (line * 0.618 % 1)
        sheet.stroke(along - 0.034 * line, 0.017 * np.clip(1 - (y - top) / reach, 0, 1) * (y > top))


def draw_waves(sheet: Sheet) -> None:
    """Rows of waves, the nearer over the farther, each with foam along its crest and lines below."""
    x, y = sheet.x, sheet.y
    fills = ((BLUE, None), (PAPER, BLUE), (BLACK, None), (PINK, RED))
    for i, (flat, dots) in enumerate(fills):
        base = 0.72 + 0.066 * i
        phase = 3.2 * (x + 0.55 * (y - base)) + 0.37 * i  # crests lean to the left
        top = base + 0.062 * abs(np.sin(np.pi * phase)) ** 0.8
        deep = y - top
        sheet.area(deep > 0, PAPER)
        sheet.area(deep > 0.014 + 0.008 * np.sin(2 * np.pi * phase * 4), flat, dots, 0.2 + 4 * deep)
        for at in (0.043, 0.065, 0.087):
            width = 0.011 * np.clip(np.cos(2 * np.pi * phase + 40 * (at - 0.06)) + 0.7, 0, 1)
            sheet.stroke(deep - at, width, PAPER if dots is None else BLACK)


def draw_palm(sheet: Sheet) -> None:
    """A palm: a black trunk with white lights, and leaves of two halves each."""
    x, y = sheet.x, sheet.y
    bend = PALM[0] - 0.075 * np.sin(2.6 * (y - PALM[1]))
    width = 0.022 + 0.035 * (y - PALM[1]) ** 2
    trunk = (abs(x - bend) < width) & (y > PALM[1])
    sheet.area(trunk, BLACK)
    ring = (y + 0.35 * (x - bend)) / 0.036 % 1 - 0.5
    sheet.stroke(ring * 0.036, 0.018 * np.clip(1.25 - abs(x - bend + 0.008) / width * 1.2, 0, 1) * trunk, PAPER)
    for turn, length, upper, lower in LEAVES:
        way = 2 * np.pi * turn
        along = ((x - PALM[0]) * np.cos(way) + (y - PALM[1]) * np.sin(way)) / length
        across = ((y - PALM[1]) * np.cos(way) - (x - PALM[0]) * np.sin(way)) / length
        across = across - 0.3 * np.sign(np.cos(way)) * along**2 + 0.05 * np.sign(np.cos(way))
        half = 0.17 * np.sin(np.pi * along.clip(0, 1) ** 0.8)
        for fill, where in ((upper, (across < 0) & (across > -half)), (lower, (across >= 0) & (across < half))):
            sheet.area(where, *fill, 0.55 - 0.45 * along)


def draw(size: int = 800, seed: int = 3) -> Image.Image:
    """Return the picture in RGB, of `size` x `size` pixels; the same seed gives the same picture."""
    if size < 160:
        raise ValueError(f"size {size} has under three pixels for a dot; give at least 160")
    sheet = Sheet(size * OVERSAMPLE, np.random.default_rng(seed))
    for part in (draw_sky, draw_clouds, draw_land, draw_waves, draw_palm):
        part(sheet)
    page: NDArray[np.uint8] = np.asarray(sheet.page.clip(0, 255) + 0.5, dtype=np.uint8)
    return Image.fromarray(page).resize((size, size), Image.Resampling.LANCZOS)


def main() -> None:
    command(draw, "comic", size=800, seed=3)


if __name__ == "__main__":
    main()
