"""Draw `recipes/styles/mosaic.jpg`, the style picture of `johnson/mosaic`: a Roman floor mosaic of our own design.

The picture is laid as a mosaicist lays it: shapes first, then rows of stones along their contours (opus vermiculatum).
Lengths are in stones (the pitch of a row) until `stylize`; the design is `SIDE` stones square, whatever the pixels.

    python scripts/draw_mosaic.py --out recipes/styles/mosaic.jpg
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from drawing import Floats, Ints, Mask, command
from numpy.typing import NDArray
from PIL import Image
from scipy import ndimage
from scipy.spatial import cKDTree
from skimage.color import lab2rgb, rgb2lab
from skimage.draw import polygon2mask
from skimage.feature import peak_local_max
from skimage.measure import find_contours

SIDE = 54  # stones along one side of the picture
GRID = 16  # cells of the design grid per stone
FRAME = 8  # width of the border
OVERSAMPLE = 3  # pixels drawn for one pixel of the picture, along each side
FINEST = 16  # pixels that the cut of a stone needs at least, along each side
GROUT = 0.185  # width of a joint
GROUT_COLOR = (82, 70, 60)
# Lightness is drawn together around the middle, as on an old floor: at full contrast VGG19's relu4_2 has 1.6 times the
# energy, the joints outweigh what the photo shows, and a net that learns the picture loses more of the content.
CONTRAST, MIDDLE = 0.75, 58

COLORS = {
    "ivory": (242, 231, 206), "cream": (229, 211, 172), "sand": (213, 184, 138), "ochre": (203, 143, 56),
    "gold": (232, 180, 58), "terracotta": (190, 76, 44), "red": (146, 40, 32), "umber": (56, 36, 28),
    "black": (30, 25, 27), "slate": (52, 80, 108), "teal": (24, 116, 122), "aqua": (122, 178, 172),
    "olive": (120, 124, 50), "moss": (78, 86, 40),
}  # fmt: skip

# Region -> colours of its rows, counted from the contour inwards (the last one repeats); each stone draws one.
DARK = ("umber", "umber", "black")
REGIONS: dict[str, list[tuple[str, ...]]] = {
    "ground": [("ivory", "ivory", "cream"), ("ivory", "cream"), ("cream", "ivory", "ivory", "sand")],
    "line": [DARK],
    "band": [("ivory", "cream", "ivory")],
    "scroll": [("slate", "slate", "slate", "teal")],
    "bead": [("gold", "terracotta")],
    "corner": [("terracotta", "terracotta", "red")],
    "boss": [("ivory", "cream"), ("slate", "teal"), ("gold",)],
    "back": [("slate",), ("teal", "teal", "slate"), ("aqua", "aqua", "teal")],
    "stripe": [("gold", "gold", "ochre")],
    "belly": [("cream", "sand"), ("ivory",), ("ivory", "cream")],
    "head": [("ochre",), ("gold", "ochre"), ("gold",)],
    "fin": [("terracotta",), ("terracotta", "red"), ("red", "terracotta", "ochre")],
    "white": [("ivory",)],
    "sun": [("gold",), ("gold", "ochre"), ("terracotta",), ("red", "terracotta")],
    "ray": [("terracotta", "terracotta", "red")],
    "beam": [("gold", "ochre")],
    "leaf": [("olive", "olive", "moss")],
    "deep": [("slate", "slate", "teal")],
    "wave": [("teal", "teal", "aqua"), ("teal", "slate")],
    "foam": [("aqua", "aqua", "ivory"), ("aqua", "teal")],
}
NAMES = list(REGIONS)


class Design:
    """The regions of the picture on a grid, stylized over one another; coordinates are (x, y) in stones."""

    def __init__(self) -> None:
        axis = (np.arange(SIDE * GRID) + 0.5) / GRID
        self.x, self.y = np.meshgrid(axis, axis)
        self.regions: Ints = np.full(self.x.shape, NAMES.index("ground"), dtype=np.int64)

    def fill(self, where: Mask, region: str, *, outline: bool = False) -> None:
        """Stylize `where`; with `outline`, one row of dark stones goes round it."""
        if outline:
            self.regions[ndimage.distance_transform_edt(~where) < GRID] = NAMES.index("line")
        self.regions[where] = NAMES.index(region)

    def disc(self, x: float, y: float, radius: float) -> Mask:
        return np.hypot(self.x - x, self.y - y) < radius

    def shape(self, points: list[tuple[float, float]]) -> Mask:
        """A smooth closed curve through `points`."""
        return self.polygon(closed_curve(points))

    def polygon(self, corners: Floats) -> Mask:
        """The inside of the polygon `corners` (n, 2)."""
        return np.asarray(polygon2mask(self.x.shape, corners[:, ::-1] * GRID), dtype=bool)

    def stroke(self, path: Floats, width: float) -> Mask:
        """All places within `width` / 2 of the polyline `path` (n, 2), which is sampled densely."""
        where = np.ones(self.x.shape, dtype=bool)
        columns, rows = (path * GRID).astype(int).clip(0, SIDE * GRID - 1).T
        where[rows, columns] = False
        return np.asarray(ndimage.distance_transform_edt(where) < width * GRID / 2)


def closed_curve(points: list[tuple[float, float]]) -> Floats:
    """A closed Catmull-Rom spline through `points`, as a polygon (n, 2)."""
    p = np.asarray(points, dtype=float)
    before, after, later = np.roll(p, 1, 0), np.roll(p, -1, 0), np.roll(p, -2, 0)
    t = np.linspace(0, 1, 24, endpoint=False)[None, :, None]
    a, b, c, d = (q[:, None] for q in (before, p, after, later))
    curve = b + 0.5 * t * (c - a + t * (2 * a - 5 * b + 4 * c - d + t * (3 * (b - c) + d - a)))
    return np.asarray(curve.reshape(-1, 2), dtype=float)


def bezier(points: list[tuple[float, float]], count: int = 600) -> Floats:
    """A cubic Bezier curve (count, 2) with four control points."""
    a, b, c, d = (np.asarray(q, dtype=float) for q in points)
    t = np.linspace(0, 1, count)[:, None]
    return np.asarray((1 - t) ** 3 * a + 3 * (1 - t) ** 2 * t * b + 3 * (1 - t) * t**2 * c + t**3 * d)


def draw_border(design: Design) -> None:
    """A scroll of breaking waves on each side, a boss in each corner, a dark row inside and outside."""
    d, inner = design, SIDE - FRAME
    edge = np.minimum(np.minimum(d.x, SIDE - d.x), np.minimum(d.y, SIDE - d.y))
    d.fill(edge < FRAME, "line")
    d.fill((edge >= 1) & (edge < FRAME - 1), "band")
    top = Design()
    waves, middle = 5, FRAME / 2
    for wave in range(waves):
        x = FRAME + (inner - FRAME) * (wave + 0.55) / waves
        turn = np.linspace(np.pi, np.pi * 2.75, 900)
        radius = 2.45 - 0.62 * (turn - np.pi) / np.pi
        curl = np.stack([x + radius * np.cos(turn), middle + radius * np.sin(turn)], 1)
        rise = bezier([(x - 5.0, FRAME - 1.5), (x - 3.4, FRAME - 1.5), (x - 2.5, middle + 1.8), (x - 2.45, middle)])
        top.fill(top.stroke(np.concatenate([rise, curl]), 1.06), "scroll")
        top.fill(top.disc(x, middle, 0.55), "bead")
    for quarter in range(4):
        for part in ("scroll", "bead"):
            d.fill(np.rot90(top.regions, quarter) == NAMES.index(part), part)
    for x, y in ((middle, middle), (SIDE - middle, middle), (middle, SIDE - middle), (SIDE - middle, SIDE - middle)):
        square = np.maximum(abs(d.x - x), abs(d.y - y))
        d.fill(square < FRAME / 2, "line")
        d.fill(square < FRAME / 2 - 1, "corner")
        d.fill(d.disc(x, y, 2.5), "boss")


def draw_sun(design: Design, x: float, y: float) -> None:
    """A disc with a ring and sixteen rays, red and gold in turn."""
    d = design
    angle = np.arctan2(d.y - y, d.x - x) / (2 * np.pi) * 16
    reach = np.hypot(d.x - x, d.y - y) + 3.4 * abs(angle - np.round(angle))
    rays = reach < 6.9
    d.fill(rays, "ray", outline=True)
    d.fill(rays & (np.round(angle).astype(int) % 2 == 0), "beam")
    d.fill(d.disc(x, y, 3.2), "sun", outline=True)


def draw_sea(design: Design) -> None:
    """Three ranks of rounded waves along the bottom, the nearer over the farther."""
    inside = (abs(design.x - SIDE / 2) < SIDE / 2 - FRAME) & (design.y < SIDE - FRAME)
    for row, (y, region) in enumerate(((42.6, "foam"), (45.4, "wave"), (48.4, "deep"))):
        for x in np.arange(FRAME - 4 + 3.8 * (row % 2), SIDE, 7.6):
            for radius, part in ((4.9, "line"), (3.9, region), (1.9, "band")):
                design.fill(design.disc(x, y, radius) & inside, part)


def draw_branch(design: Design) -> None:
    """An olive branch in the upper left."""
    d = design
    stem = bezier([(10.2, 25.5), (11.5, 19.5), (16, 14), (25.5, 11.5)])
    for at, side in ((0.1, -1), (0.3, 1), (0.42, -1), (0.62, 1), (0.74, -1)):
        i = int(at * (len(stem) - 1))
        along = stem[i + 1] - stem[i - 1]
        along = along / np.hypot(*along)
        out = side * np.array([-along[1], along[0]])
        points = [stem[i] + a * along + b * out for a, b in ((0, 0.3), (-0.1, 2.3), (2.2, 4.9), (2.3, 2.0))]
        d.fill(d.shape([(float(p[0]), float(p[1])) for p in points]), "leaf")
    d.fill(d.stroke(stem, 1.05), "line")


def draw_fish(design: Design) -> None:
    """The fish: a bowed body whose rows change colour from back to belly, red fins, a golden head."""
    d = design
    spine = bezier([(11.2, 31.5), (20, 19.5), (30, 24.5), (38.5, 27.5)])
    t = np.linspace(0, 1, len(spine))
    width = 9.6 * (t + 0.004) ** 0.5 * (1 - t) ** 0.85 + 1.5 * t
    tangent = np.gradient(spine, axis=0)
    normal = np.stack([-tangent[:, 1], tangent[:, 0]], 1) / np.hypot(*tangent.T)[:, None]
    outline = np.concatenate([spine + width[:, None] * normal, (spine - width[:, None] * normal)[::-1]])
    body = d.polygon(outline)
    tail = [(37.2, 27), (40.5, 23), (44.2, 20.8), (43.4, 25.5), (42, 28)]
    tail += [(43.6, 31.5), (44, 35.5), (40.5, 32.5), (37.5, 29)]
    d.fill(d.shape(tail), "fin", outline=True)
    d.fill(d.shape([(19.5, 22), (22, 17.6), (27.5, 16.2), (32.6, 18.6), (31, 23), (24, 24)]), "fin", outline=True)
    d.fill(d.shape([(20, 29), (27, 27), (30.5, 31.5), (31.5, 36.6), (27, 36.2), (22.5, 33.5)]), "fin", outline=True)
    d.fill(body, "belly", outline=True)
    nearest = cKDTree(spine).query(np.stack([d.x[body], d.y[body]], 1))[1]
    offset = (np.stack([d.x[body], d.y[body]], 1) - spine[nearest]) * normal[nearest]
    upper = body.copy()
    upper[body] = offset.sum(1) < 1.0
    d.fill(upper, "stripe")
    upper[body] = offset.sum(1) < -0.1
    d.fill(upper, "back")
    gill = d.disc(11.6, 31.2, 8.4) & body
    d.fill(d.disc(11.6, 31.2, 9.4) & body, "line")
    d.fill(gill, "head")
    d.fill(d.stroke(bezier([(9.8, 31.6), (11.6, 32.4), (13, 32.6), (14.4, 32)]), 1.0), "line")
    d.fill(d.disc(16.3, 28.3, 1.5), "white", outline=True)
    d.fill(d.disc(16.3, 28.3, 0.5), "line")


def design_picture() -> Ints:
    """Return the region of each cell of the design grid (SIDE * GRID, SIDE * GRID), an index into `NAMES`."""
    design = Design()
    draw_sea(design)
    draw_branch(design)
    draw_sun(design, 37.2, 17.2)
    draw_fish(design)
    draw_border(design)
    return design.regions


@dataclass
class Stones:
    """Where the stones lie: centres (n, 2) as x, y in stones, angles (n,) in radians, colours (n,) by name."""

    centres: Floats
    angles: Floats
    colors: list[str]


def lay_stones(regions: Ints, rng: np.random.Generator) -> Stones:
    """Lay rows of stones along the contours of `regions`, and fill the gaps that rows leave where they meet."""
    padded = np.pad(regions, 1, constant_values=-1)
    edges = np.zeros(regions.shape, dtype=bool)
    for dy, dx in ((0, 1), (2, 1), (1, 0), (1, 2)):
        edges |= padded[dy : dy + regions.shape[0], dx : dx + regions.shape[1]] != regions
    depth = (ndimage.distance_transform_edt(~edges) + 0.5) / GRID
    smooth = ndimage.gaussian_filter(depth, GRID * 0.08)

    candidates = []
    for row in range(int(depth.max()) + 1):
        # The first row lies a little short of its middle, so that a line one stone wide still has a contour to follow.
        for line in find_contours(smooth, row + (0.42 if row == 0 else 0.48)):
            steps = np.hypot(*np.diff(line, axis=0).T).cumsum() / GRID
            count = max(1, round(float(steps[-1])))
            at = (np.arange(count) + rng.uniform()) / count * steps[-1]
            candidates.append(line[np.searchsorted(steps, at).clip(0, len(line) - 1)][:, ::-1] / GRID)
    centres = thin(np.concatenate(candidates), 0.7)

    free = np.ones(regions.shape, dtype=bool)
    free[cells_of(centres)] = False
    room = ndimage.distance_transform_edt(free) / GRID
    gaps = peak_local_max(room, min_distance=int(0.6 * GRID), threshold_abs=0.74, exclude_border=False)
    centres = np.concatenate([centres, (gaps[:, ::-1] + 0.5) / GRID])

    across, down = np.gradient(smooth)[::-1]
    # Squares look the same after a quarter turn: averaging the fourth power of the direction respects that.
    direction = (across + 1j * down) ** 4 / (np.hypot(across, down) ** 3 + 1e-9)
    turn = np.angle(ndimage.gaussian_filter(direction, GRID * 0.45)) / 4
    centres = settle(centres, turn, regions)
    centres += rng.normal(0, 0.025, centres.shape)
    angles = turn[cells_of(centres)] + rng.normal(0, 0.035, len(centres))

    colors = []
    for region, row in zip(regions[cells_of(centres)], depth[cells_of(centres)].astype(int), strict=True):
        rows = REGIONS[NAMES[region]]
        colors.append(str(rng.choice(rows[min(row, len(rows) - 1)])))
    return Stones(centres, angles, colors)


def cells_of(centres: Floats) -> tuple[Ints, Ints]:
    """The rows and columns of the design grid where `centres` (n, 2) lie."""
    columns, rows = (centres * GRID).astype(np.int64).clip(0, SIDE * GRID - 1).T
    return rows, columns


def thin(centres: Floats, spacing: float) -> Floats:
    """Keep, in order, each centre that is at least `spacing` away from all kept before it."""
    kept = np.ones(len(centres), dtype=bool)
    for i, near in enumerate(cKDTree(centres).query_ball_point(centres, spacing)):
        if kept[i]:
            kept[[j for j in near if j > i]] = False
    return centres[kept]


def nearest_stones(points: Floats, centres: Floats, angles: Floats) -> Ints:
    """The stone that owns each of `points` (n, 2): the nearest in the square metric of each stone's own frame."""
    tree, cos, sin = cKDTree(centres), np.cos(angles), np.sin(angles)
    owners = []
    for part in np.array_split(points, len(points) // 50_000 + 1):  # in parts, to stay within the processor's cache
        near = tree.query(part, k=8)[1]
        x, y = part[:, :1] - centres[near, 0], part[:, 1:] - centres[near, 1]
        u, v = x * cos[near] + y * sin[near], y * cos[near] - x * sin[near]
        best = np.maximum(abs(u), abs(v)).argmin(1)
        owners.append(near[np.arange(len(part)), best])
    return np.concatenate(owners)


def settle(centres: Floats, turn: Floats, regions: Ints, rounds: int = 8) -> Floats:
    """Move the stones towards the middle of their cells, which evens out the rows where they meet."""
    step = 2
    rows, columns = np.mgrid[0 : SIDE * GRID : step, 0 : SIDE * GRID : step]
    points = (np.stack([columns.ravel(), rows.ravel()], 1) + 0.5) / GRID
    for _ in range(rounds):
        owner = nearest_stones(points, centres, turn[cells_of(centres)])
        same = regions[cells_of(centres)][owner] == regions[rows.ravel(), columns.ravel()]
        count = np.bincount(owner[same], minlength=len(centres)).clip(1)[:, None]
        middle = np.stack([np.bincount(owner[same], points[same, i], minlength=len(centres)) for i in (0, 1)], 1)
        centres = centres + 0.5 * np.where(count > 8, middle / count - centres, 0)
    return centres


def cut_stones(stones: Stones, pixels: int, rng: np.random.Generator) -> tuple[Ints, Floats]:
    """Cut the stones apart at `pixels` x `pixels`.

    Returns the stone of each pixel, -1 for grout, and each pixel's depth within its stone (in stones; 0 in the grout).
    """
    axis = (np.arange(pixels) + 0.5) * SIDE / pixels
    x, y = np.meshgrid(axis, axis)
    # Hand-cut edges are not quite straight: bend the picture a little before it is cut.
    bend = [ndimage.zoom(rng.normal(0, 0.03, (2 * SIDE, 2 * SIDE)), pixels / (2 * SIDE), order=3) for _ in range(2)]
    points = np.stack([(x + bend[0]).ravel(), (y + bend[1]).ravel()], 1)
    owner = nearest_stones(points, stones.centres, stones.angles).reshape(pixels, pixels)
    seams = np.zeros(owner.shape, dtype=bool)
    seams[:, 1:] |= owner[:, 1:] != owner[:, :-1]
    seams[1:] |= owner[1:] != owner[:-1]
    scale = SIDE / pixels
    depth = ndimage.distance_transform_edt(~seams) * scale
    rounding = 0.08
    core = depth >= GROUT / 2 + rounding
    # An opening rounds the corners; half a pixel makes up for distances that end at the centres of pixels.
    stone = ndimage.distance_transform_edt(~core) * scale < rounding + scale / 2
    return np.where(stone, owner, -1), ndimage.distance_transform_edt(stone) * scale


def stylize(stones: Stones, owner: Ints, depth: Floats, rng: np.random.Generator) -> NDArray[np.uint8]:
    """Colour the stones: one flat colour each, lit on the upper left edge, shaded on the lower right."""
    palette = {name: rgb2lab(np.asarray(color) / 255) for name, color in COLORS.items()}
    base = np.stack([palette[name] for name in stones.colors])
    base += rng.normal(0, 1, base.shape) * (4.2, 1.7, 3.2)
    light = np.where(owner >= 0, base[owner, 0], 0)
    slope_y, slope_x = np.gradient(ndimage.gaussian_filter(depth, 0.06 * len(depth) / SIDE) * len(depth) / SIDE)
    bevel = (slope_x + slope_y) * np.exp(-((depth / 0.11) ** 2))
    light = light + np.where(owner >= 0, 8 * bevel, 0)
    light += ndimage.gaussian_filter(rng.normal(0, 1, owner.shape), 0.05 * len(depth) / SIDE) * 2.5
    lab = np.where((owner >= 0)[..., None], base[owner], rgb2lab(np.asarray(GROUT_COLOR) / 255))
    lab[..., 0] = np.where(owner >= 0, light, lab[..., 0] + rng.normal(0, 2.5, owner.shape)).clip(0, 98)
    lab[..., 0] = MIDDLE + CONTRAST * (lab[..., 0] - MIDDLE)
    return np.asarray(lab2rgb(lab) * 255 + 0.5, dtype=np.uint8)


def draw(size: int = 640, seed: int = 3) -> Image.Image:
    """Return the mosaic as an RGB picture of `size` x `size` pixels; the same seed gives the same stones."""
    if size < SIDE:
        raise ValueError(f"size {size} is under one pixel per stone; give at least {SIDE}")
    rng = np.random.default_rng(seed)
    stones = lay_stones(design_picture(), rng)
    owner, depth = cut_stones(stones, max(size * OVERSAMPLE, SIDE * FINEST), rng)
    return Image.fromarray(stylize(stones, owner, depth, rng)).resize((size, size), Image.Resampling.LANCZOS)


def main() -> None:
    command(draw, "mosaic", size=640, seed=3)


if __name__ == "__main__":
    main()
