"""Draw `recipes/styles/stained_glass.jpg`, the style picture of `johnson/stained_glass`: a window of our own design.

The window is made as a glazier makes it: shapes first, each cut into panes, and lead between all panes. Lengths are in
sides of the picture, which is square.

    python scripts/draw_stained_glass.py --out recipes/styles/stained_glass.jpg
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from drawing import Ints, Mask, command
from numpy.typing import NDArray
from PIL import Image
from scipy import ndimage
from scipy.spatial import cKDTree
from skimage.color import lab2rgb, rgb2lab

LEAD = 0.0105  # width of the lead between panes
FRAME = 0.085  # width of the border
SUN = (0.62, 0.33)  # x, y
# Of the tree's leaves: x, y, radius.
CLUSTERS = [(0.15, 0.41, 0.075), (0.33, 0.43, 0.07), (0.24, 0.31, 0.1), (0.17, 0.22, 0.065), (0.33, 0.22, 0.06)]
OVERSAMPLE = 2  # pixels drawn for one pixel of the picture, along each side
LEAD_COLOR = (24, 22, 27)

COLORS = {
    "white": (250, 243, 214), "lemon": (250, 222, 92), "gold": (243, 176, 40), "orange": (228, 110, 34),
    "ruby": (184, 26, 44), "rose": (222, 92, 124), "plum": (120, 44, 120), "violet": (84, 66, 168),
    "cobalt": (28, 66, 176), "azure": (48, 128, 212), "sky": (130, 190, 232), "aqua": (64, 176, 184),
    "emerald": (20, 128, 84), "leaf": (92, 164, 60), "lime": (176, 204, 76), "umber": (124, 66, 34),
}  # fmt: skip

# Region -> the colours of its panes; each pane draws one. Those of the sky go from the sun outwards.
SKY = [("lemon", "white"), ("gold", "lemon"), ("orange", "rose"), ("rose", "plum", "sky"), ("sky", "azure", "violet"),
       ("azure", "cobalt"), ("cobalt", "azure", "violet")]  # fmt: skip
HILLS = [("aqua", "azure", "violet"), ("lime", "leaf", "leaf"), ("emerald", "leaf", "emerald")]
LAKE = ("cobalt", "azure", "sky", "aqua", "azure", "white")
TRUNK = ("umber", "umber", "plum")
CROWN = ("ruby", "orange", "ruby", "gold", "emerald", "leaf")
BORDER = ("ruby", "cobalt")
CORNER = ("gold",)


class Window:
    """The panes so far: `panes` has a number for each pixel, `colors` the colour name of each pane."""

    def __init__(self, pixels: int, rng: np.random.Generator) -> None:
        axis = (np.arange(pixels) + 0.5) / pixels
        self.x, self.y = np.meshgrid(axis, axis)
        self.panes: Ints = np.zeros((pixels, pixels), dtype=np.int64)
        self.colors = ["white"]
        self.rng = rng

    def glaze(self, where: Mask, pieces: Ints, colors: Sequence[tuple[str, ...]]) -> None:
        """Cut `where` into the panes that `pieces` numbers; `colors` has the choices of each number."""
        kept = np.unique(pieces[where])
        number = np.zeros(int(kept.max()) + 1, dtype=np.int64)
        number[kept] = len(self.colors) + np.arange(len(kept))
        self.panes[where] = number[pieces[where]]
        self.colors += [str(self.rng.choice(colors[i])) for i in kept]

    def shards(self, where: Mask, size: tuple[float, float], colors: tuple[str, ...]) -> None:
        """Cut `where` into straight-edged panes of about `size` (width, height)."""
        scale = np.asarray(size)
        points = np.stack([self.x[where], self.y[where]], 1) / scale
        count = max(2, round(float(where.mean() / scale.prod())))
        seeds = points[self.rng.choice(len(points), count, replace=False)]
        for _ in range(6):  # towards the middle of each pane: none becomes a splinter
            owner = cKDTree(seeds).query(points)[1]
            share = np.bincount(owner, minlength=count).clip(1)[:, None]
            middle = np.stack([np.bincount(owner, points[:, i], minlength=count) for i in (0, 1)], 1) / share
            seeds = np.where(share > 1, middle, seeds)
        pieces = np.zeros(where.shape, dtype=np.int64)
        pieces[where] = cKDTree(seeds).query(points)[1]
        self.glaze(where, pieces, [colors] * count)

    def disc(self, x: float, y: float, radius: float) -> Mask:
        return np.hypot(self.x - x, self.y - y) < radius


def rays(window: Window, where: Mask, rings: list[float], sectors: list[int], colors: list[tuple[str, ...]]) -> None:
    """Cut `where` into `rings` round the sun (outer radii), ring i into `sectors[i]` panes of `colors[i]`."""
    x, y = window.x - SUN[0], window.y - SUN[1]
    ring = np.searchsorted(rings, np.hypot(x, y)).clip(0, len(rings) - 1)
    turn = np.arctan2(y, x) / (2 * np.pi) + 0.5 + 0.021 * ring
    count = np.asarray(sectors)[ring]
    pieces = ring * 100 + (turn * count).astype(np.int64) % count
    window.glaze(where, pieces, [choices for choices in colors for _ in range(100)])


def draw_sky(window: Window) -> None:
    """The sun with its petals, and rays that fill the sky."""
    everywhere = np.ones(window.x.shape, dtype=bool)
    rays(window, everywhere, [0.15, 0.2, 0.265, 0.34, 0.43, 0.54, 2], [20, 20, 22, 24, 26, 30, 34], SKY)
    rays(window, window.disc(*SUN, 0.105), [0.04, 0.105], [1, 12], [("gold",), ("orange", "ruby", "gold")])


def draw_land(window: Window) -> None:
    """Three hills, the nearer over the farther, and a lake before them."""
    x, y = window.x, window.y
    tops = (0.60 - 0.05 * np.sin(9 * x + 0.6), 0.665 + 0.05 * np.sin(6.2 * x + 1.9), 0.74 - 0.035 * np.sin(8 * x + 2.4))
    for top, colors in zip(tops, HILLS, strict=True):
        window.shards(y > top, (0.062, 0.05), colors)
    window.shards(y > 0.80 + 0.02 * np.sin(11 * x), (0.1, 0.032), LAKE)


def draw_tree(window: Window) -> None:
    """A tree at the left, of round clusters of leaves."""
    x, y = window.x, window.y
    bend = 0.235 + 0.03 * np.sin(5 * y)
    trunk = (abs(x - bend) < 0.016 + 0.05 * np.clip(y - 0.62, 0, 1)) & (y > 0.35) & (y < 0.79)
    window.shards(trunk, (0.05, 0.07), TRUNK)
    for at_x, at_y, radius in CLUSTERS:
        window.shards(window.disc(at_x, at_y, radius), (0.045, 0.045), CROWN)


def draw_border(window: Window) -> None:
    """Panes in turn along each side, and a square in each corner."""
    x, y = window.x, window.y
    edge = np.minimum(np.minimum(x, 1 - x), np.minimum(y, 1 - y))
    along = np.where(np.minimum(x, 1 - x) < np.minimum(y, 1 - y), y, x)
    side = (x > y).astype(np.int64) * 2 + (x + y > 1)
    count = 12
    place = ((along - FRAME) / (1 - 2 * FRAME) * count).astype(np.int64).clip(0, count - 1)
    inner = (edge > FRAME * 0.62).astype(np.int64)
    pieces = (side * count + place) * 2 + inner
    choices = [("lemon", "white", "lime") if i % 2 else (BORDER[i // 2 % 2],) for i in range(4 * count * 2)]
    window.glaze(edge < FRAME, pieces, choices)
    corner = (np.minimum(x, 1 - x) < FRAME) & (np.minimum(y, 1 - y) < FRAME)
    window.glaze(corner, side, [CORNER] * 4)
    for at in ((a, b) for a in (FRAME / 2, 1 - FRAME / 2) for b in (FRAME / 2, 1 - FRAME / 2)):
        window.glaze(window.disc(*at, FRAME * 0.3), np.zeros(x.shape, dtype=np.int64), [("ruby",)])


def light(window: Window) -> NDArray[np.uint8]:
    """Colour the panes as glass with the light behind: streaks within, darker towards the lead, a gleam on the lead."""
    panes, rng, pixels = window.panes, window.rng, len(window.panes)
    seams = np.zeros(panes.shape, dtype=bool)
    seams[:, 1:] |= panes[:, 1:] != panes[:, :-1]
    seams[1:] |= panes[1:] != panes[:-1]
    wobble = ndimage.zoom(rng.normal(0, 1, (40, 40)), pixels / 40, order=3)[:pixels, :pixels]
    depth = ndimage.distance_transform_edt(~seams) / pixels - LEAD / 2 * (1 + 0.12 * wobble)
    base = rgb2lab(np.asarray([COLORS[name] for name in window.colors]) / 255)
    base += rng.normal(0, 1, base.shape) * (5.0, 3.0, 3.0)
    lab = base[panes]
    streaks = ndimage.gaussian_filter(rng.normal(0, 1, panes.shape), (pixels / 60, pixels / 400))
    lab[..., 0] += 3.0 * streaks / streaks.std() - 15 * np.exp(-depth.clip(0) / 0.006) + 3
    lead = rgb2lab(np.asarray(LEAD_COLOR) / 255) + np.zeros(lab.shape)
    lead[..., 0] += 14 * np.exp(-(((depth + LEAD / 2) / (LEAD / 6)) ** 2))
    share = np.clip(0.5 + depth * pixels, 0, 1)[..., None]
    lab = share * lab + (1 - share) * lead
    lab[..., 0] = lab[..., 0].clip(0, 98)
    return np.asarray(lab2rgb(lab) * 255 + 0.5, dtype=np.uint8)


def draw(size: int = 800, seed: int = 5) -> Image.Image:
    """Return the window as an RGB picture of `size` x `size` pixels; the same seed gives the same panes."""
    if size < 100:
        raise ValueError(f"size {size} leaves no pixel for the lead; give at least 100")
    window = Window(size * OVERSAMPLE, np.random.default_rng(seed))
    for part in (draw_sky, draw_land, draw_tree, draw_border):
        part(window)
    return Image.fromarray(light(window)).resize((size, size), Image.Resampling.LANCZOS)


def main() -> None:
    command(draw, "stained_glass", size=800, seed=5)


if __name__ == "__main__":
    main()
