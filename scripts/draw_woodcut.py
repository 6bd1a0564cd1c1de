"""Draw `recipes/styles/woodcut.jpg`, the style picture of `johnson/woodcut`: a woodcut of our own design.

The picture is cut as a block is: every area is filled with lines that follow its shape, and the share of ink between
them is the area's tone. Lengths are in sides of the picture, which is square.

    python scripts/draw_woodcut.py --out recipes/styles/woodcut.jpg
"""

from __future__ import annotations

import numpy as np
from drawing import Floats, Mask, command, smooth_noise
from numpy.typing import NDArray
from PIL import Image
from scipy import ndimage

PITCH = 0.0185  # of the lines
OUTLINE = 0.0048  # width of the line around each area
FRAME = 0.075  # width of the border
SUN, RADIUS = (0.63, 0.3), 0.115  # x, y
OVERSAMPLE = 2  # pixels drawn for one pixel of the picture, along each side
PAPER, INK, RED = (243, 230, 201), (27, 24, 27), (196, 58, 38)

# Of the tree's leaves: x, y, radius, the farther first.
CLUSTERS = [(0.3, 0.2, 0.085), (0.16, 0.235, 0.085), (0.345, 0.335, 0.085), (0.145, 0.375, 0.08), (0.245, 0.3, 0.105)]


class Block:
    """The block so far: `ink` is the share of ink of each pixel, `red` where the ink is red."""

    def __init__(self, pixels: int, rng: np.random.Generator) -> None:
        axis = (np.arange(pixels) + 0.5) / pixels
        self.x, self.y = np.meshgrid(axis, axis)
        self.ink = np.zeros((pixels, pixels))
        self.red: Mask = np.zeros((pixels, pixels), dtype=bool)
        self.rng = rng
        self.sway = smooth_noise(rng, pixels, 12)  # a hand's: lines are not quite even
        self.bite = smooth_noise(rng, pixels, 46)  # where a line swells or ends

    def cut(self, where: Mask, along: Floats, tone: Floats | float, *, red: bool = False) -> None:
        """Fill `where` with lines, along which `along` is constant, and outline it; `tone` is the share of paper."""
        light = np.clip(tone + 0.11 * self.bite, 0.0, 1.0)
        wave = np.sin(2 * np.pi * along / PITCH + 0.8 * self.sway)
        # The share of a sine above cos(pi * (1 - light)) is 1 - light. In pixels, so that an edge is one pixel of grey.
        above = (wave - np.cos(np.pi * (1 - light))) * PITCH * len(self.x) / (2 * np.pi)
        around = ndimage.distance_transform_edt(where) / len(self.x)
        edge = (OUTLINE - around) * len(self.x)
        self.ink = np.where(where, np.clip(np.maximum(above, edge) + 0.5, 0, 1), self.ink)
        self.red = np.where(where, red, self.red)

    def from_sun(self) -> Floats:
        return np.asarray(np.hypot(self.x - SUN[0], self.y - SUN[1]))


def draw_sky(block: Block) -> None:
    """Rings of light round a red sun, darker away from it."""
    far = block.from_sun()
    block.cut(far > RADIUS, far, 0.93 - 1.15 * (far - RADIUS))
    block.cut(far <= RADIUS, block.y, 0.1, red=True)


def draw_land(block: Block) -> None:
    """Three hills, the nearer over the farther, each cut along its slope or across it, and a lake."""
    x, y = block.x, block.y
    tops = (0.59 - 0.06 * np.sin(8 * x + 0.4), 0.66 + 0.055 * np.sin(6.2 * x + 1.9), 0.74 - 0.04 * np.sin(7 * x + 2.2))
    ways = (y - 0.55 * tops[0] + 0.5 * x, y - tops[1], 0.5 * y + 0.75 * x - 0.2 * x**2)
    for top, along, light in zip(tops, ways, (0.62, 0.4, 0.72), strict=True):
        block.cut(y > top, along, light - 1.3 * (y - top) * (light > 0.5) + 1.5 * (y - top) * (light < 0.5))
    shore = 0.81 + 0.012 * np.sin(13 * x)
    block.cut(y > shore, y + 0.006 * np.sin(34 * x + 40 * y), 0.58 + 0.32 * np.sin(26 * (y - shore) + 3 * x))


def draw_tree(block: Block) -> None:
    """A tree at the left: bark along the trunk, round clusters of leaves lit from the sun."""
    x, y = block.x, block.y
    bend = 0.24 + 0.025 * np.sin(5 * y)
    trunk = (abs(x - bend) < 0.021 + 0.06 * np.clip(y - 0.6, 0, 1)) & (y > 0.3) & (y < 0.795)
    block.cut(trunk, x - bend + 0.03 * y, 0.45 + 12 * (x - bend))
    for at_x, at_y, radius in CLUSTERS:
        far, turn = np.hypot(x - at_x, y - at_y), np.arctan2(y - at_y, x - at_x)
        leaf = far < radius * (1 + 0.06 * np.sin(9 * turn + 40 * at_x))
        lit = ((x - at_x) - 0.6 * (y - at_y)) / radius
        block.cut(leaf, far + 0.004 * np.sin(14 * turn), 0.42 + 0.4 * lit)


def draw_border(block: Block) -> None:
    """A black frame with a row of teeth cut out, and a line of paper inside."""
    x, y = block.x, block.y
    edge = np.minimum(np.minimum(x, 1 - x), np.minimum(y, 1 - y))
    along = np.where(np.minimum(x, 1 - x) < np.minimum(y, 1 - y), y, x)
    tooth = np.abs((along * 22) % 1 - 0.5) * 2  # 0 in the middle of a tooth
    depth = (edge - 0.016) / (FRAME * 0.55)
    paper = ((depth > 0) & (depth < 1 - tooth)) | ((edge > FRAME - 0.011) & (edge < FRAME))
    block.ink = np.where(edge < FRAME, ndimage.gaussian_filter((~paper).astype(float), 0.7), block.ink)
    block.red = block.red & (edge >= FRAME)


def stamp(block: Block) -> NDArray[np.uint8]:
    """Print the block: ink a little uneven, paper a little grained."""
    ink = block.ink[..., None]
    grain = block.rng.normal(0, 1, block.ink.shape)
    cloud = ndimage.gaussian_filter(grain, len(grain) / 500)
    press = 1 - 0.09 * np.clip(cloud / cloud.std(), 0, 3)[..., None]
    color = np.where(block.red[..., None], np.asarray(RED), np.asarray(INK)).astype(float)
    paper = np.asarray(PAPER) + 2.5 * cloud[..., None] / cloud.std()
    return np.asarray((paper + (color - paper) * ink * press).clip(0, 255) + 0.5, dtype=np.uint8)


def draw(size: int = 800, seed: int = 4) -> Image.Image:
    """Return the woodcut as an RGB picture of `size` x `size` pixels; the same seed gives the same lines."""
    if size < 160:
        raise ValueError(f"size {size} has under three pixels for a line; give at least 160")
    block = Block(size * OVERSAMPLE, np.random.default_rng(seed))
    for part in (draw_sky, draw_land, draw_tree, draw_border):
        part(block)
    return Image.fromarray(stamp(block)).resize((size, size), Image.Resampling.LANCZOS)


def main() -> None:
    command(draw, "woodcut", size=800, seed=4)


if __name__ == "__main__":
    main()
