"""Pictures as planes, (N, C, H, W): uint8, or float32 in [0, 1]. Imports no torch."""

from __future__ import annotations

import math
from typing import Any, NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from stylezoo.errors import OptionError
from stylezoo.images.sizes import padded_side

Array: TypeAlias = NDArray[Any]
Floats: TypeAlias = NDArray[np.float32]

STRIP = 2**22
"""Pixels converted to float at a time when shrinking an 8-bit picture."""


def as_float(x: Array) -> Floats:
    """Convert uint8 pixels to float32 in [0, 1]; return float pixels unchanged."""
    return np.divide(x, 255, dtype=np.float32) if x.dtype == np.uint8 else x


def as_levels(x: Array) -> NDArray[np.uint8]:
    """Convert float pixels in [0, 1] to uint8, rounded half up; return uint8 pixels unchanged."""
    if x.dtype == np.uint8:
        return x
    scaled = x * np.float32(255)
    scaled += np.float32(0.5)
    return scaled.astype(np.uint8)


def resize(x: Array, size: tuple[int, int], alpha: Array | None = None, *, wrap: bool = False) -> Floats:
    """Return `x` at `size` (height, width) as float32: bicubic, antialiased, clamped to [0, 1].

    At the same size it is only converted to float. With `alpha`, (N, 1, H, W), it is composed over white first. With
    `wrap` opposite edges are neighbours, so that a picture that tiles still does. Raises OptionError for a size below
    1.
    """
    height, width = size
    if height < 1 or width < 1:
        raise OptionError(f"size={height}x{width} must be at least 1x1")
    if x.shape[-2:] == (height, width):
        return as_float(on_white(x, alpha))
    scaled = np.empty((*x.shape[:2], height, width), dtype=np.float32)
    rows = max(1, STRIP // x.shape[-1])
    for index in np.ndindex(*x.shape[:2]):
        veil = None if alpha is None else alpha[index[0], 0]
        # Rows first, strip by strip, then columns: the same result as all at once.
        strips = []
        for part in (slice(top, top + rows) for top in range(0, x.shape[-2], rows)):
            strip = on_white(x[index][part], None if veil is None else veil[part])
            strips.append(_scaled(as_float(strip).astype(np.float32, copy=False), width, 1, wrap))
        scaled[index] = _scaled(strips[0] if len(strips) == 1 else np.concatenate(strips), height, 0, wrap)
    return scaled.clip(0, 1, out=scaled)  # bicubic weights overshoot at edges


def _scaled(plane: Floats, side: int, axis: int, wrap: bool) -> Floats:
    before = plane.shape[axis]
    if before == side:
        return plane
    size = (side, plane.shape[0]) if axis else (plane.shape[1], side)
    box = None
    if wrap:  # Pillow's kernel also reads what lies outside of the box
        margin = math.ceil(2 * max(1, before / side)) + 1
        box = (margin, 0, margin + before, plane.shape[0]) if axis else (0, margin, plane.shape[1], margin + before)
        plane = np.pad(plane, ((0, 0), (margin, margin)) if axis else ((margin, margin), (0, 0)), mode="wrap")
    image = Image.fromarray(np.ascontiguousarray(plane))
    return np.asarray(image.resize(size, Image.Resampling.BICUBIC, box=box))


def pool(x: Floats, size: tuple[int, int]) -> Floats:
    """Return `x`, (N, C, H, W), averaged over equal parts to `size` (h, w), as `torch.adaptive_avg_pool2d` does."""
    for axis, after in ((-2, size[0]), (-1, size[1])):
        before = x.shape[axis]
        if before == after:
            continue
        index = np.arange(after)
        first, last = index * before // after, -(-(index + 1) * before // after)
        sums = np.insert(np.cumsum(x, axis=axis, dtype=np.float64), 0, 0, axis=axis)
        sums = np.diff(np.take(sums, [first, last], axis=axis), axis=axis - 1).squeeze(axis - 1)
        x = (sums / (last - first)[:, None] if axis == -2 else sums / (last - first)).astype(np.float32)
    return x


def pad_to_multiple(x: Array, multiple: int, minimum: int = 1) -> Array:
    """Pad right and below by reflection, so that both sides are multiples of `multiple` and at least `minimum`.

    The reflection repeats where the padding exceeds the picture, so 1 px wide pictures are padded too.
    """
    height, width = x.shape[-2:]
    down, right = (padded_side(side, multiple, minimum) - side for side in (height, width))
    return np.pad(x, ((0, 0), (0, 0), (0, down), (0, right)), mode="reflect") if down or right else x


def crop(x: Array, size: tuple[int, int]) -> Array:
    """Return the top left `size` (height, width): undoes `pad_to_multiple`."""
    return x[..., : size[0], : size[1]]


def lerp(start: Array, end: Array, weight: Any) -> Array:
    """Interpolate linearly from `start` at weight 0 to `end` at 1; exact at both ends."""
    apart = end - start
    if np.ndim(weight) == 0:
        return start + weight * apart if weight < 0.5 else end - apart * (1 - weight)
    return np.where(weight < 0.5, start + weight * apart, end - apart * (1 - weight))


def on_white(colours: Array, alpha: Array | None) -> Array:
    """Compose colours, (N, 3, H, W), with `alpha`, (N, 1, H, W), over white."""
    if alpha is None:
        return colours
    share = as_float(alpha)
    return as_float(colours) * share + (1 - share)


class Taps(NamedTuple):
    """The weights of a run of resampled pixels over the pixels `first` to `last` (exclusive) of the same line."""

    first: int
    last: int
    weights: Floats
    """(pixels of the run, last - first)."""


def resample(before: int, after: int, start: int, stop: int, margin: int = 0) -> list[Taps]:
    """Return the weights for pixels `start` to `stop` of a line of `after` px resampled from `before` px, as `resize`.

    Uses Keys' cubic kernel (1981, a = -1/2), widened when shrinking. Split into runs, to store few zero weights. The
    line has `margin` further px at each end; `Taps.first` and `last` count from the first of them.
    """
    step = before / after
    width = max(step, 1.0)
    runs = []
    for begin in range(start, stop, 64):
        centres = (np.arange(begin, min(begin + 64, stop)) + 0.5) * step
        first = max(-margin, math.floor(float(centres[0]) - 2 * width + 0.5))
        last = min(before + margin, math.floor(float(centres[-1]) + 2 * width + 0.5))
        x = np.abs((np.arange(first, last) + 0.5 - centres[:, None]) / width)
        near, far = (1.5 * x - 2.5) * x * x + 1, ((-0.5 * x + 2.5) * x - 4) * x + 2
        weights = np.where(x < 1, near, np.where(x < 2, far, 0.0))
        shares = (weights / weights.sum(axis=1, keepdims=True)).astype(np.float32)
        runs.append(Taps(first + margin, last + margin, shares))
    return runs
