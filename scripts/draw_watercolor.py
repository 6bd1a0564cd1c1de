"""Draw `recipes/styles/watercolor.jpg`, the style picture of `johnson/watercolor`: a watercolour of our own design.

The picture is painted as on wet paper: washes of clear pigment with ragged edges lie one over the other, and each dries
with a dark rim, with blooms, and with grains of pigment in the valleys of the paper. Lengths are in sides of the
picture, which is square.

    python scripts/draw_watercolor.py --out recipes/styles/watercolor.jpg
"""

from __future__ import annotations

import numpy as np
from drawing import Floats, command
from numpy.typing import NDArray
from PIL import Image
from scipy import ndimage

RIM = 0.0026  # width of the dark rim of a wash
GAP = 0.0035  # paper left between the hills
SUN = (0.36, 0.22)  # x, y
OVERSAMPLE = 2  # pixels drawn for one pixel of the picture, along each side
PAPER = (254, 251, 243)

# What a full wash of each pigment leaves of white light.
PIGMENTS = {
    "yellow": (255, 214, 22), "orange": (255, 150, 20), "vermilion": (244, 72, 40), "rose": (236, 48, 124),
    "violet": (126, 60, 190), "ultramarine": (38, 76, 204), "azure": (30, 140, 226), "turquoise": (0, 176, 186),
    "emerald": (16, 150, 96), "sap": (104, 164, 30), "lime": (182, 208, 30), "indigo": (42, 44, 132),
}  # fmt: skip

# Pairs that bleed into each other in a wash; those of the sky go from the sun outwards.
Pairs = list[tuple[str, str]]
SKY: list[Pairs] = [
    [("yellow", "orange"), ("orange", "rose"), ("yellow", "rose")],
    [("rose", "orange"), ("azure", "turquoise"), ("rose", "violet"), ("turquoise", "azure")],
    [("azure", "ultramarine"), ("violet", "rose"), ("turquoise", "azure"), ("ultramarine", "violet")],
    [("ultramarine", "azure"), ("azure", "turquoise"), ("ultramarine", "violet")],
]
HILLS: list[Pairs] = [
    [("violet", "ultramarine"), ("violet", "rose"), ("ultramarine", "azure"), ("rose", "violet")],
    [("turquoise", "emerald"), ("emerald", "sap"), ("turquoise", "azure"), ("lime", "emerald")],
    [("sap", "lime"), ("yellow", "lime"), ("orange", "yellow"), ("emerald", "sap"), ("lime", "yellow")],
]
LAKE: Pairs = [("azure", "turquoise"), ("ultramarine", "azure"), ("turquoise", "emerald"), ("rose", "violet"),
               ("violet", "ultramarine"), ("yellow", "orange")]  # fmt: skip
MEADOW: Pairs = [("sap", "lime"), ("emerald", "turquoise"), ("lime", "yellow"), ("emerald", "sap")]
LEAVES: Pairs = [("vermilion", "orange"), ("orange", "yellow"), ("rose", "vermilion"), ("yellow", "lime")]
PETALS: Pairs = [("rose", "vermilion"), ("vermilion", "orange"), ("violet", "rose"), ("rose", "violet"),
                 ("yellow", "orange"), ("ultramarine", "violet")]  # fmt: skip

Box = tuple[slice, slice]


def fractal(rng: np.random.Generator, pixels: int, power: float) -> Floats:
    """Return a tile of noise of variance 1 whose waves weaken as the `power` of their number along a side."""
    waves = np.hypot(np.fft.fftfreq(pixels)[:, None], np.fft.rfftfreq(pixels)) * pixels
    spectrum = np.fft.rfft2(rng.normal(0, 1, (pixels, pixels))) * np.maximum(waves, 3.0) ** -power
    spectrum[0, 0] = 0
    noise = np.fft.irfft2(spectrum, (pixels, pixels))
    return np.asarray(noise / noise.std())


class Sheet:
    """The paper so far: `dye` is the optical density of each pixel in red, green and blue."""

    def __init__(self, pixels: int, rng: np.random.Generator) -> None:
        axis = (np.arange(pixels) + 0.5) / pixels
        self.x, self.y = np.meshgrid(axis, axis)
        self.dye = np.zeros((pixels, pixels, 3))
        self.rng = rng
        self.ragged, self.cloud = fractal(rng, pixels, 1.75), fractal(rng, pixels, 2.3)
        grain = ndimage.gaussian_filter(rng.normal(0, 1, (pixels, pixels)), pixels / 800, mode="wrap")
        self.grain = grain / grain.std() * 0.8 + 0.6 * fractal(rng, pixels, 1.0)  # above 0 in the valleys of the paper

    def box(self, x: float, y: float, wide: float, high: float | None = None) -> Box:
        """The pixels at most `wide` and `high` away from (x, y), as far as they are on the sheet."""
        reach = np.asarray([high or wide, wide])
        first, last = ((np.asarray([y, x]) + side) * len(self.x) for side in (-reach, reach))
        top, left = first.clip(0, len(self.x) - 2).astype(int)
        bottom, right = last.clip(2, len(self.x)).astype(int)
        return slice(top, max(bottom, top + 2)), slice(left, max(right, left + 2))

    def piece(self, noise: Floats, box: Box) -> Floats:
        """A piece of a tile of noise as large as `box`, from anywhere."""
        rows, columns = (
            (np.arange(side.stop - side.start) + self.rng.integers(len(noise))) % len(noise) for side in box
        )
        return np.asarray(noise[np.ix_(rows, columns)])

    def wash(
        self,
        box: Box,
        inside: Floats,
        pair: tuple[str, str],
        load: float,
        *,
        rough: float = 0.006,
        bloom: float = 0.0,
        lift: float = 0.0,
    ) -> None:
        """Lay a wash where `inside`, the distance to its edge, is above 0; the edge strays by about `rough`.

        `pair` are the pigments that bleed into each other, `load` how much of them; `bloom` is the radius of a bloom,
        `lift` the share of the earlier washes that is taken off under this one.
        """
        cloud, pixel = self.piece(self.cloud, box), 1 / len(self.x)
        stray = 0.7 * self.piece(self.ragged, box) + 0.9 * self.piece(self.cloud, box)
        edge = inside + rough * stray + 0.0006 * self.grain[box]
        if not (edge > 0).any():
            return
        depth = ndimage.distance_transform_edt(edge > 0) * pixel
        # Where the paper was still wet, the edge is soft, without a rim.
        soft = 1.5 * pixel + 1.2 * min(rough, 0.02) * (self.piece(self.cloud, box) - 0.7).clip(0)
        crisp = 1.5 * pixel / soft
        # Pigment runs outwards as a wash dries: a thin dark rim, a faint fall behind it, a middle like a cloud.
        amount = 0.62 + 0.2 * cloud + 1.15 * crisp * np.exp(-((depth / RIM) ** 2)) + 0.3 * np.exp(-depth / (5 * RIM))
        if bloom:  # water dropped into a damp wash pushes pigment out, into a frilled line
            y, x = np.argwhere(depth > 0.5 * depth.max())[self.rng.integers((depth > 0.5 * depth.max()).sum())]
            far = np.hypot(self.x[box] - self.x[box][y, x], self.y[box] - self.y[box][y, x])
            front = far - bloom + bloom * (0.2 * self.piece(self.ragged, box) + 0.3 * cloud)
            amount *= 1 - 0.62 / (1 + np.exp((front / bloom * 9).clip(-40, 40)))
            amount += 0.55 * np.exp(-((front / (1.3 * RIM)) ** 2)) * (0.6 + 0.4 * np.tanh(cloud))
        amount = amount.clip(0.1) * (1 + 0.17 * self.grain[box]).clip(0.2) * load
        share = 1 / (1 + np.exp(-2.6 * self.piece(self.cloud, box) - 0.5))[..., None]
        first, second = (-np.log(np.maximum(PIGMENTS[name], 6) / np.float64(255)) for name in pair)
        cover = np.clip(depth / soft, 0, 1)[..., None]
        self.dye[box] *= 1 - lift * cover
        self.dye[box] += cover * amount[..., None] * (share * first + (1 - share) * second)

    def blob(self, x: float, y: float, radius: float, pair: tuple[str, str], load: float, *, flat: float = 1.0) -> None:
        """A dab of about `radius`, `flat` times as wide as high."""
        box = self.box(x, y, radius * max(flat, 1.0) * 1.5)
        far = np.hypot((self.x[box] - x) / flat, self.y[box] - y)
        self.wash(box, radius - far, pair, load, rough=0.21 * radius, bloom=0.4 * radius * (radius > 0.024), lift=0.8)

    def stroke(self, start: tuple[float, float], end: tuple[float, float], width: float, pair: tuple[str, str]) -> None:
        """A stroke of a pointed brush, which thins towards its end."""
        a, b = np.asarray(start), np.asarray(end)
        middle, half = (a + b) / 2, float(np.hypot(*(b - a))) / 2
        box = self.box(middle[0], middle[1], half + 2 * width)
        x, y, (along_x, along_y) = self.x[box] - a[0], self.y[box] - a[1], b - a
        at = ((x * along_x + y * along_y) / (along_x**2 + along_y**2)).clip(0, 1)
        far = np.hypot(x - at * along_x, y - at * along_y)
        self.wash(box, width * (1 - 0.75 * at) - far, pair, 0.95, rough=0.25 * width, lift=0.7)

    def patches(
        self, inside: Floats, size: tuple[float, float], pairs: list[Pairs], load: float, lift: float = 0.0
    ) -> None:
        """Fill where `inside` is above 0 with washes of about `size`, a sliver of paper between; rows of `pairs`
        are for places farther and farther from the sun."""
        wide, high = size
        spots = [
            (
                (column + 0.5 * (row % 2) + self.rng.uniform(-0.33, 0.33)) * wide,
                (row + self.rng.uniform(0.2, 0.8)) * high,
            )
            for row in range(-1, int(1 / high) + 2)
            for column in range(-1, int(1 / wide) + 2)
        ]
        seeds = np.asarray(spots) / size
        # Sides that bend as a hand does, the same bend for the washes on both sides.
        bend_x, bend_y = (0.18 * np.roll(self.cloud, self.rng.integers(len(self.x), size=2), (0, 1)) for _ in "xy")
        for spot, seed in zip(spots, seeds, strict=True):
            box = self.box(spot[0], spot[1], 1.8 * wide, 1.8 * high)
            edge = inside[box].copy()
            if not (edge > 0).any():
                continue
            x, y = self.x[box] / wide + bend_x[box], self.y[box] / high + bend_y[box]
            gap = min(size) * self.rng.uniform(-0.04, 0.075)
            away = np.hypot(*(seeds - seed).T)
            for other in seeds[(away > 0) & (away < 2.4)]:
                (middle_x, middle_y), (to_x, to_y) = (seed + other) / 2, (seed - other) / np.hypot(*(seed - other))
                np.minimum(edge, ((x - middle_x) * to_x + (y - middle_y) * to_y) * min(size) - gap, out=edge)
            far = float(np.hypot(spot[0] - SUN[0], spot[1] - SUN[1])) + self.rng.normal(0, 0.02)
            choices = pairs[min(int(far / 0.19), len(pairs) - 1)]
            bloom = min(size) * self.rng.uniform(0.15, 0.34) * (self.rng.random() < 0.6)
            pair = choices[self.rng.integers(len(choices))]
            self.wash(
                box, edge, pair, load * self.rng.uniform(0.65, 1.2), rough=0.05 * min(size), bloom=bloom, lift=lift
            )


def skyline(x: Floats) -> Floats:
    return np.asarray(0.45 + 0.05 * np.sin(10 * x + 0.5) + 0.025 * np.sin(23 * x))


def draw_sky(sheet: Sheet) -> None:
    """A sun, and a sky that cools away from it, with clouds of a second glaze."""
    far = np.hypot(sheet.x - SUN[0], sheet.y - SUN[1])
    sky = np.minimum(skyline(sheet.x) + 0.006 - sheet.y, far - 0.085)
    sheet.patches(sky, (0.15, 0.085), SKY, 0.78)
    sheet.patches(np.minimum(sky, 0.035 * sheet.cloud - 0.012), (0.12, 0.05), SKY, 0.6, 0.45)
    sheet.blob(*SUN, 0.078, ("yellow", "orange"), 0.9)
    sheet.blob(SUN[0] + 0.012, SUN[1] + 0.014, 0.045, ("vermilion", "orange"), 0.7)


def draw_land(sheet: Sheet) -> None:
    """Three hills, a lake that mirrors the sky, and a meadow before it."""
    x, y = sheet.x, sheet.y
    tops = [skyline(x), 0.535 + 0.04 * np.sin(7 * x + 2.4)]
    tops += [0.6 - 0.03 * np.sin(8 * x + 2.2), 0.665 + 0.008 * np.sin(9 * x), 0.83 + 0.025 * np.sin(7 * x + 1)]
    bands = [np.minimum(y - top, below - y) - GAP for top, below in zip(tops, [*tops[1:], 2.0 + 0 * x], strict=True)]
    for band, colors in zip(bands, HILLS, strict=False):
        sheet.patches(band, (0.13, 0.07), [colors], 0.85)
        sheet.patches(np.minimum(band, 0.03 * sheet.cloud - 0.012), (0.08, 0.035), [colors], 0.55)
    sheet.patches(bands[3], (0.17, 0.034), [LAKE], 0.8)
    sheet.patches(np.minimum(bands[3], 0.03 * sheet.cloud - 0.012), (0.12, 0.016), [LAKE[:3]], 0.6, 0.3)
    sheet.patches(bands[4], (0.1, 0.07), [MEADOW], 0.75)


def draw_trees(sheet: Sheet) -> None:
    """A tree in autumn at the right, of many dabs, and a row of small ones on the far shore."""
    rng = sheet.rng
    for x in np.arange(0.03, 0.7, 0.045) + rng.uniform(-0.015, 0.015, 15):
        for _ in range(3):
            at = (x + rng.normal(0, 0.008), 0.625 + rng.normal(0, 0.016))
            sheet.blob(*at, rng.uniform(0.012, 0.022), MEADOW[rng.integers(4)], 0.9)
    sheet.stroke((0.79, 0.85), (0.8, 0.3), 0.02, ("violet", "vermilion"))
    for end in ((0.66, 0.36), (0.94, 0.33), (0.72, 0.22), (0.89, 0.2)):
        sheet.stroke((0.797, 0.56 - 0.3 * abs(end[1] - 0.3)), end, 0.009, ("violet", "vermilion"))
    for _ in range(110):
        turn, far = rng.uniform(0, 2 * np.pi), rng.uniform(0, 1) ** 0.6
        at = (0.8 + 0.19 * far * np.cos(turn), 0.28 + 0.2 * far * np.sin(turn))
        sheet.blob(*at, rng.uniform(0.01, 0.034), LEAVES[rng.integers(4)], rng.uniform(0.5, 0.9), flat=1.25)


def draw_flowers(sheet: Sheet) -> None:
    """Grass and flowers in the meadow, and drops flicked from the brush everywhere."""
    rng = sheet.rng
    for _ in range(70):
        x, y = rng.uniform(0, 1), rng.uniform(0.86, 1.02)
        sheet.stroke((x, y), (x + rng.normal(0, 0.025), y - rng.uniform(0.05, 0.13)), 0.005, MEADOW[rng.integers(4)])
    for x in np.arange(0.04, 1, 0.075) + rng.uniform(-0.02, 0.02, 13):
        y, size, pair = rng.uniform(0.8, 0.95), rng.uniform(0.017, 0.028), PETALS[rng.integers(6)]
        for turn in np.arange(5) * 2 * np.pi / 5 + rng.uniform(0, 1):
            sheet.blob(x + size * np.cos(turn), y + 0.8 * size * np.sin(turn), 0.62 * size, pair, 0.95)
        sheet.blob(x, y, 0.3 * size, ("indigo", "violet"), 0.9)
    every = [pair for pairs in (*SKY, LEAVES, PETALS) for pair in pairs]
    for _ in range(170):
        radius = 0.0018 + 0.002 * rng.exponential()
        sheet.blob(rng.uniform(0, 1), rng.uniform(0, 1), radius, every[rng.integers(len(every))], 1.1)


def dry(sheet: Sheet) -> NDArray[np.uint8]:
    """Look at the sheet in the light: white paper with its grain, through all the washes."""
    relief = ndimage.sobel(ndimage.gaussian_filter(sheet.grain, 1), axis=1)
    light = np.asarray(PAPER) * (1 + 0.012 * relief / relief.std())[..., None]
    return np.asarray((light * np.exp(-sheet.dye)).clip(0, 255) + 0.5, dtype=np.float64).astype(np.uint8)


def draw(size: int = 800, seed: int = 3) -> Image.Image:
    """Return the watercolour as an RGB picture of `size` x `size` pixels; the same seed gives the same washes."""
    if size < 160:
        raise ValueError(f"size {size} has under half a pixel for the rim of a wash; give at least 160")
    sheet = Sheet(size * OVERSAMPLE, np.random.default_rng(seed))
    for part in (draw_sky, draw_land, draw_trees, draw_flowers):
        part(sheet)
    return Image.fromarray(dry(sheet)).resize((size, size), Image.Resampling.LANCZOS)


def main() -> None:
    command(draw, "watercolor", size=800, seed=3)


if __name__ == "__main__":
    main()
