"""The parts of a texture that a model shows, and what fills the rest."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from stylezoo.images.planes import Floats, resize
from stylezoo.mesh.model import Triangles, Wrap

RINGS = 12
"""Texels by which the colours at the edge of an island are continued. The smooth fill begins behind them."""
MOST_REPEATS = 8  # a triangle that spans more repeats of the texture shows all of it

Mask = NDArray[np.bool_]


def coverage(triangles: Triangles, size: tuple[int, int], wrap: tuple[Wrap, Wrap]) -> Mask:
    """Return which texels of a texture of `size`, (height, width), are in or touch a triangle; all if there is none.

    Triangles beyond the texture are moved into it as `wrap`, across and down, says.
    """
    height, width = size
    found = triangles[np.isfinite(triangles).all(axis=(1, 2))]
    for axis, how in enumerate(wrap):
        if how == "clamp":
            found[..., axis] = found[..., axis].clip(0, 1)
    low = np.floor(found.min(axis=1))
    repeats = np.ceil(found.max(axis=1)).clip(low + 1) - low
    if not len(found) or (repeats > MOST_REPEATS).any():
        return np.ones(size, dtype=bool)
    image = Image.new("L", (width, height))
    draw = ImageDraw.Draw(image)
    for corners, first, spans in zip(found, low, repeats.astype(int), strict=True):
        for tile in np.ndindex(*spans):
            turn = first + tile
            place = corners - turn
            for axis, how in enumerate(wrap):
                if how == "mirror" and turn[axis] % 2:
                    place[:, axis] = 1 - place[:, axis]
            points = place * (width, height) - 0.5  # Pillow counts from the centres of pixels
            draw.polygon([tuple(point) for point in points], fill=255, outline=255)
    covered = np.asarray(image) > 0
    return covered if covered.any() else np.ones(size, dtype=bool)


def within(covered: Mask, wrap: tuple[bool, bool]) -> Mask:
    """Return the mask without the texels at its edge, which often have some of the gap's colour.

    What is too thin to have others stays.
    """
    core = ~_near(~covered, wrap)
    return core | (covered & ~_near(core, wrap))


def _near(mask: Mask, wrap: tuple[bool, bool]) -> Mask:
    """Return the mask extended by one texel on all sides."""
    padded = np.pad(mask, ((1, 1), (0, 0)), mode="wrap" if wrap[1] else "edge")
    mask = padded[:-2] | padded[1:-1] | padded[2:]
    padded = np.pad(mask, ((0, 0), (1, 1)), mode="wrap" if wrap[0] else "edge")
    return np.asarray(padded[:, :-2] | padded[:, 1:-1] | padded[:, 2:])


def fill(colours: Floats, covered: Mask, wrap: tuple[bool, bool]) -> Floats:
    """Return colours, (H, W, 3) in [0, 1], with those outside of the mask replaced by their surroundings'.

    The edge of the mask is continued by `RINGS` texels, so that filtering and mip-maps find no foreign colour. Further
    out the fill is smooth (pull and push, Gortler et al. 1996, doi:10.1145/237170.237200).

    Args:
        wrap: whether opposite edges are neighbours, across and down.
    """
    if covered.all():
        return colours
    colours, covered = colours.copy(), covered.copy()
    for _ in range(RINGS):
        _grow(colours, covered, wrap)
    colours[~covered] = 0
    planes = np.ascontiguousarray(colours.transpose(2, 0, 1)[None])
    return _pull_push(planes, covered, any(wrap))[0].transpose(1, 2, 0)


def _grow(colours: Floats, covered: Mask, wrap: tuple[bool, bool]) -> None:
    """Extend the mask by one texel, in place; new texels get the mean of their neighbours in it."""
    height, width = covered.shape
    rows, columns = np.nonzero(_near(covered, wrap) & ~covered)
    total = np.zeros((len(rows), 3), dtype=np.float32)
    count = np.zeros((len(rows), 1), dtype=np.float32)
    for down, right in np.ndindex(3, 3):
        y, x = rows + down - 1, columns + right - 1
        y = y % height if wrap[1] else y.clip(0, height - 1)
        x = x % width if wrap[0] else x.clip(0, width - 1)
        there = covered[y, x, None]
        total += colours[y, x] * there
        count += there
    colours[rows, columns] = total / count
    covered[rows, columns] = True


def _pull_push(colours: Floats, covered: Mask, wrap: bool) -> Floats:
    """Return colours, (1, 3, H, W), filled where the mask is false from those of half the size, and so on."""
    if covered.all():
        return colours
    height, width = covered.shape
    half = math.ceil(height / 2), math.ceil(width / 2)
    around = (0, 2 * half[0] - height), (0, 2 * half[1] - width)
    shares = np.pad(covered, around).astype(np.float32).reshape(half[0], 2, half[1], 2).sum(axis=(1, 3))
    sums = np.pad(colours * covered, ((0, 0), (0, 0), *around)).reshape(1, 3, half[0], 2, half[1], 2).sum(axis=(3, 5))
    coarse = _pull_push(sums / np.maximum(shares, 1), shares > 0, wrap)
    smooth = resize(coarse, (2 * half[0], 2 * half[1]), wrap=wrap)[..., :height, :width]
    return np.where(covered, colours, smooth)
