"""Draw `recipes/styles/impasto.jpg`, the style picture of `johnson/impasto`: a thick oil painting of our own design.

It is painted as a painter does it: stroke over stroke, from the dark ground to the bright lights, each along the shape
that it is part of. Every stroke has a height as well as a colour, and a lamp at the upper left lights the relief.
Lengths are in sides of the picture, which is square; angles in radians, clockwise from the right.

    python scripts/draw_impasto.py --out recipes/styles/impasto.jpg
"""

from __future__ import annotations

import numpy as np
from drawing import Floats, Mask, command, smooth_noise
from numpy.typing import NDArray
from PIL import Image
from scipy import ndimage
from skimage.color import lab2rgb, rgb2lab

LENGTH, WIDTH = 0.105, 0.029  # of a usual stroke
THICK = 0.006  # height of its paint
LAMP = (-0.52, -0.52, 0.68)  # towards the light: x, y, and out of the picture
SUN = (0.65, 0.31)  # x, y
PLAN = 200  # cells along a side of the maps that say where strokes go
OVERSAMPLE = 2  # pixels drawn for one pixel of the picture, along each side

COLORS = {
    "night": (16, 18, 66), "navy": (18, 36, 116), "cobalt": (22, 66, 190), "azure": (36, 130, 222),
    "teal": (0, 122, 138), "aqua": (48, 190, 186), "violet": (92, 44, 160), "plum": (74, 16, 84),
    "magenta": (190, 30, 120), "rose": (244, 98, 122), "wine": (112, 8, 36), "crimson": (206, 16, 38),
    "orange": (250, 104, 10), "gold": (255, 170, 8), "lemon": (255, 224, 60), "cream": (255, 246, 196),
    "pine": (6, 70, 62), "leaf": (58, 142, 46), "lime": (178, 206, 40),
}  # fmt: skip

# Of each part: its colours from shadow to light, and after the bar its accents.
PAINTS = {
    "ground": "night plum navy cobalt pine | violet",
    "sky": "night navy cobalt teal cobalt azure aqua violet magenta rose orange gold lemon | orange rose",
    "far": "night navy violet cobalt teal azure rose | orange magenta",
    "middle": "plum violet magenta crimson orange gold | teal azure",
    "near": "pine teal leaf lime gold | crimson magenta",
    "lake": "night navy cobalt teal azure aqua rose orange gold lemon | crimson violet",
    "bank": "plum wine pine crimson leaf orange gold lime lemon | azure aqua violet",
    "trunk": "night plum violet wine orange | azure",
    "red": "plum wine crimson crimson orange gold lemon | teal cobalt azure",
    "yellow": "plum crimson orange gold lemon cream | azure violet",
    "sun": "crimson orange gold lemon lemon cream | magenta",
}

# Of the trees' leaves: paint, x, y, radius, the farther first.
CLUSTERS = [("yellow", 0.93, 0.44, 0.085), ("yellow", 0.885, 0.54, 0.075), ("yellow", 0.975, 0.55, 0.07),
            ("red", 0.33, 0.2, 0.1), ("red", 0.08, 0.2, 0.11), ("red", 0.1, 0.4, 0.1), ("red", 0.34, 0.4, 0.09),
            ("red", 0.21, 0.26, 0.135)]  # fmt: skip


class Canvas:
    """The painting so far: `color` (0 to 1) and `height` (in sides) of each pixel."""

    def __init__(self, pixels: int, rng: np.random.Generator) -> None:
        self.color = np.full((pixels, pixels, 3), 0.1)
        self.height = np.zeros((pixels, pixels))
        self.rng = rng
        axis = (np.arange(PLAN) + 0.5) / PLAN
        self.x, self.y = np.meshgrid(axis, axis)
        self.sway = smooth_noise(rng, PLAN, 7)

    def stroke(
        self, at: tuple[float, float], turn: float, size: tuple[float, float], color: Floats, *, bend: float = 0.0
    ) -> None:
        """Lay one stroke of `size` (length, width) with its middle at `at`, towards `turn`; `color` is Lab.

        `bend` is how much it turns from its start to its end.
        """
        rng, pixels, (length, width) = self.rng, len(self.height), size
        reach = 0.5 * length + 0.7 * width
        left, top = (max(0, int((place - reach) * pixels)) for place in at)
        right, bottom = (min(pixels, int((place + reach) * pixels) + 1) for place in at)
        x = ((np.arange(left, right) + 0.5) / pixels - at[0])[None]
        y = ((np.arange(top, bottom) + 0.5) / pixels - at[1])[:, None]
        u = (x * np.cos(turn) + y * np.sin(turn)) / length  # along: -0.5 to 0.5
        v = (y * np.cos(turn) - x * np.sin(turn) - 0.5 * bend * length * (u**2 - 0.08)) / (0.5 * width)  # across: -1, 1
        rows, columns = np.nonzero((np.abs(u) < 0.5) & (np.abs(v) < 1.2))
        u, v = u[rows, columns], v[rows, columns]
        # What each bristle leaves: it changes much across the stroke, little along it. A knife leaves less.
        knife = rng.random() < 0.3
        hairs = int(rng.integers(4, 6) if knife else rng.integers(8, 13))
        place = np.stack([(u + 0.5) * 4, (v + 1.2) / 2.4 * hairs])
        hair, tint = (ndimage.map_coordinates(rng.normal(0, 1, (5, hairs + 1)), place, order=1) for _ in range(2))
        far = np.abs(v) / (1 - 0.1 * np.sin(7 * u + rng.uniform(0, 6)) ** 2 + 0.04 * hair)
        curve = rng.uniform(0.0, 0.05) if knife else rng.uniform(0.08, 0.15)
        ends = np.minimum(u + 0.5, 0.5 - u + 0.045 * hair) - curve * v**2
        inside = np.minimum((1 - far) * 0.5 * width, ends * length)
        cover = np.clip(inside * pixels / 1.5, 0, 1)
        if not knife and rng.random() < 0.4:  # a brush that runs dry
            cover *= np.clip(3.2 + 1.6 * hair - 7 * np.clip(u - 0.2, 0, 1), 0, 1)
        ridge = np.exp(-(((far - 0.84) / 0.13) ** 2)) * rng.uniform(0.3, 0.8)
        blob = np.exp(-(((u - 0.42) / 0.055) ** 2)) * rng.uniform(0.3, 1.2) * (1 - 0.3 * far)
        lump = 0.75 + (0.12 if knife else 0.27) * hair + ridge + blob
        lump *= np.clip(inside / (0.1 * width), 0, 1) ** 0.7 * THICK * width / WIDTH
        # A brush holds more than one colour.
        held = np.stack([color, color + rng.normal(0, 1, 3) * (13, 16, 16)])
        held = held.clip((12, -80, -80), (97, 90, 95))
        held[:, 2] = np.minimum(held[:, 2], 1.7 * (held[:, 0] + 16))  # no dark colour is that yellow
        first, second = lab2rgb(held)
        paint = first + (second - first) * np.clip(0.25 + 0.42 * tint, 0, 1)[:, None]
        paint *= 1 + 0.09 * hair[:, None]
        spot = (rows + top, columns + left)
        self.color[spot] += cover[:, None] * (paint - self.color[spot])
        self.height[spot] += cover * (lump - 0.65 * self.height[spot])

    def fill(
        self, where: Mask, turn: Floats, tone: Floats, paint: str, *, scale: float = 1.0, layers: float = 2.2
    ) -> None:
        """Cover `where` with strokes along `turn`, in the paint that `tone` (0 to 1) picks, the darkest first."""
        rng = self.rng
        ramp, accents = (rgb2lab(np.asarray([COLORS[name] for name in half.split()]) / 255)
                         for half in PAINTS[paint].split("|"))  # fmt: skip
        step = scale * np.sqrt(LENGTH * WIDTH / layers)
        grid = np.stack(np.meshgrid(np.arange(-step, 1 + step, step), np.arange(-step, 1 + step, step)), -1)
        points = grid.reshape(-1, 2) + rng.uniform(0, step, (grid.size // 2, 2))
        cells = (points * PLAN).astype(np.int64).clip(0, PLAN - 1)
        points, cells = points[where[cells[:, 1], cells[:, 0]]], cells[where[cells[:, 1], cells[:, 0]]]
        light = np.clip(tone[cells[:, 1], cells[:, 0]] + rng.normal(0, 0.13, len(cells)), 0, 1)
        for i in np.argsort(light + rng.normal(0, 0.25, len(light))):
            (x, y), angle = points[i], float(turn[cells[i, 1], cells[i, 0]])
            long, wide = rng.uniform(0.75, 1.25, 2) * (LENGTH * scale, WIDTH * scale)
            ahead = (np.asarray([np.cos(angle), np.sin(angle)]) * long / 2 + points[i]) * PLAN
            column, row = ahead.astype(np.int64).clip(0, PLAN - 1)
            change = 0.5 * np.angle(np.exp(2j * (turn[row, column] - angle)))  # a line has no front and back
            color = ramp[round(light[i] * (len(ramp) - 1))]
            color = accents[rng.integers(len(accents))] if rng.random() < 0.07 else color
            color = color + rng.normal(0, 1, 3) * (6, 9, 9)
            angle += rng.normal(0, 0.13) + np.pi * rng.integers(2)
            self.stroke((float(x), float(y)), angle, (float(long), float(wide)), color, bend=2 * float(change))


def paint_sky(canvas: Canvas) -> None:
    """A dark ground, then an evening sky that fans out from a low sun."""
    x, y = canvas.x - SUN[0], canvas.y - SUN[1]
    everywhere = np.ones(x.shape, dtype=bool)
    canvas.fill(everywhere, 0.6 * canvas.sway, 0.5 + 0.3 * canvas.sway, "ground", scale=1.3)
    far = np.hypot(x, 1.25 * y)
    turn = np.arctan2(y, x) + 0.45 + 0.35 * canvas.sway
    canvas.fill(canvas.y < 0.6, turn, 1.05 - 1.75 * far + 0.1 * canvas.sway, "sky", layers=2.6)
    ring = np.where(far < 0.035, 0.5, np.arctan2(y, x) + np.pi / 2)
    canvas.fill(far < 0.1, ring, 1.2 - 10 * far, "sun", scale=0.7, layers=3.5)


def paint_land(canvas: Canvas) -> None:
    """Three hills, the nearer over the farther, a lake that mirrors the sun, and a bank of grass before it."""
    x, y = canvas.x, canvas.y
    tops = (0.47 - 0.06 * np.sin(8 * x + 0.4), 0.55 + 0.045 * np.sin(6.2 * x + 1.2), 0.63 - 0.03 * np.sin(7 * x + 2.2))
    for top, paint, lean in zip(tops, ("far", "middle", "near"), (0.5, 0.2, -0.35), strict=True):
        turn = np.arctan(np.gradient(top, 1 / PLAN, axis=1)) + lean + 0.2 * canvas.sway
        canvas.fill(y > top, turn, 0.75 - 4 * (y - top) + 0.15 * canvas.sway, paint, scale=0.9)
    shore = 0.705 + 0.012 * np.sin(13 * x)
    glow = np.exp(-((np.abs(x - SUN[0]) / 0.16) ** 2))
    canvas.fill(y > shore, 0.14 * canvas.sway, 0.3 + 0.6 * glow + 0.12 * canvas.sway, "lake", scale=0.9, layers=2.6)
    bank = 0.87 - 0.16 * np.exp(-((x / 0.4) ** 2)) + 0.05 * x
    grass = -np.pi / 2 + 0.9 * (x - 0.3) + 0.4 * canvas.sway
    canvas.fill(y > bank, grass, 0.72 - 4 * (y - bank) + 0.25 * canvas.sway, "bank", scale=0.85, layers=3)


def paint_trees(canvas: Canvas) -> None:
    """A crimson tree at the left and a golden one at the right: trunks, then leaves dabbed outwards, lit by the sun."""
    x, y = canvas.x, canvas.y
    for at, foot, half in ((0.21, 0.85, 0.026), (0.93, 0.8, 0.016)):
        bend = at + 0.02 * np.sin(7 * y)
        trunk = (np.abs(x - bend) < half + 0.3 * np.clip(y - foot + 0.1, 0, 1) ** 1.5) & (y > 0.4) & (y < foot)
        canvas.fill(trunk, np.full(x.shape, 1.5), 0.5 + 12 * (x - bend), "trunk", scale=0.75, layers=4)
    for paint, at_x, at_y, radius in CLUSTERS:
        across, down = (x - at_x) / radius, (y - at_y) / radius
        lit = 0.5 + 0.36 * across - 0.3 * down + 0.1 * canvas.sway
        turn = np.arctan2(down + 0.4, across) + 0.5 * canvas.sway
        canvas.fill(np.hypot(across, down) < 1, turn, lit, paint, scale=0.66, layers=2.6)


def light(canvas: Canvas) -> NDArray[np.uint8]:
    """Light the relief from the upper left: bright and dark slopes, gleams on ridges, short shadows behind them."""
    pixels = len(canvas.height)
    height = ndimage.gaussian_filter(canvas.height, pixels / 2000) * pixels
    down, across = np.gradient(height)
    normal = np.stack([-across, -down, np.ones(height.shape)], -1)
    normal /= np.linalg.norm(normal, axis=-1, keepdims=True)
    lamp = np.asarray(LAMP) / np.linalg.norm(LAMP)
    half = lamp + np.asarray((0, 0, 1))
    half /= np.linalg.norm(half)
    slope = normal @ lamp / lamp[2]  # 1 where the paint is flat
    gleam = np.clip(normal @ half, 0, 1) ** 60
    shadow = np.zeros(height.shape)
    for step in range(1, 9):  # pixels towards the lamp that stand higher than its ray
        moved = np.pad(height, ((step, 0), (step, 0)), mode="edge")[:pixels, :pixels]
        shadow = np.maximum(shadow, np.clip((moved - height - 0.8 * step) / 3, 0, 1))
    shadow = ndimage.gaussian_filter(shadow, pixels / 1100)
    shade = np.clip(slope, 0.15, 1.5) * (1 - 0.5 * shadow)
    color = canvas.color.clip(0, 1) * (0.25 + 0.75 * shade[..., None])
    color += 0.34 * gleam[..., None] * (1 - shadow[..., None]) * (1 - 0.5 * canvas.color.clip(0, 1))
    return np.asarray(color.clip(0, 1) * 255 + 0.5, dtype=np.uint8)


def draw(size: int = 800, seed: int = 6) -> Image.Image:
    """Return the painting as an RGB picture of `size` x `size` pixels; the same seed gives the same strokes."""
    if size < 160:
        raise ValueError(f"size {size} has under five pixels for a stroke's width; give at least 160")
    canvas = Canvas(size * OVERSAMPLE, np.random.default_rng(seed))
    for part in (paint_sky, paint_land, paint_trees):
        part(canvas)
    return Image.fromarray(light(canvas)).resize((size, size), Image.Resampling.LANCZOS)


def main() -> None:
    command(draw, "impasto", size=800, seed=6)


if __name__ == "__main__":
    main()
