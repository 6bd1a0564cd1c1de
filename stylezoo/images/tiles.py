"""Windows of pictures, to process a large picture tile by tile.

A `View` represents a whole picture, (1, C, H, W), that need not be in memory: it returns float windows of an 8-bit
photo, or windows of the enlargement of a small picture, identical to crops of the whole.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple, Protocol

import torch
from torch import Tensor

from stylezoo.images.planes import Taps, resample
from stylezoo.images.resize import reflected

STRIP = 2**22
"""Source pixels to process at a time for a window."""


class Box(NamedTuple):
    """A window in px: rows `top` to `bottom` (exclusive), columns `left` to `right` (exclusive)."""

    top: int
    left: int
    bottom: int
    right: int

    @property
    def height(self) -> int:
        return self.bottom - self.top

    @property
    def width(self) -> int:
        return self.right - self.left

    def grown(self, margin: int, size: tuple[int, int]) -> Box:
        """Return the box enlarged by `margin` px on each side, within a picture of `size`."""
        height, width = size
        return Box(
            max(0, self.top - margin),
            max(0, self.left - margin),
            min(height, self.bottom + margin),
            min(width, self.right + margin),
        )

    def aligned(self, multiple: int) -> Box:
        """Return the smallest box around this one whose edges are multiples of `multiple`."""
        top, left = self.top // multiple * multiple, self.left // multiple * multiple
        return Box(top, left, -(-self.bottom // multiple) * multiple, -(-self.right // multiple) * multiple)

    def of(self, x: Tensor, outer: Box) -> Tensor:
        """Return this box's part of `x`, (N, C, h, w), which covers the box `outer` at any resolution."""
        top, bottom = ((edge - outer.top) * x.shape[-2] // outer.height for edge in (self.top, self.bottom))
        left, right = ((edge - outer.left) * x.shape[-1] // outer.width for edge in (self.left, self.right))
        return x[..., top:bottom, left:right]


def whole(size: tuple[int, int]) -> Box:
    """Return the box of a whole picture of `size`, (height, width)."""
    return Box(0, 0, *size)


def rows_of_tiles(size: tuple[int, int], side: int) -> list[list[Box]]:
    """Return the tiles of a picture of `size`, row by row: squares of `side` px, cropped at the right and bottom."""
    height, width = size
    lefts = range(0, width, side)
    return [
        [Box(top, left, min(top + side, height), min(left + side, width)) for left in lefts]
        for top in range(0, height, side)
    ]


class View(Protocol):
    """A picture of `size`, (height, width) in px, that returns windows."""

    size: tuple[int, int]

    def window(self, box: Box) -> Tensor:
        """Return the picture in `box`, (1, C, h, w)."""
        ...


class Kept:
    """A view of a tensor in memory, (1, C, h, w); 8 and 16 bits become float32 in [0, 1].

    Args:
        x: the tensor.
        size: size of the picture that it represents, if different: activations have a fraction of its resolution.
    """

    def __init__(self, x: Tensor, size: tuple[int, int] | None = None) -> None:
        self.x = x
        self.size = size or (x.shape[-2], x.shape[-1])

    def window(self, box: Box) -> Tensor:
        return as_float(box.of(self.x, whole(self.size)))

    def paste(self, box: Box, x: Tensor) -> None:
        """Put `x` into `box`, in place."""
        box.of(self.x, whole(self.size)).copy_(x)


class Resized:
    """A view at another size, as by `stylezoo.images.resize.resize`."""

    def __init__(self, source: View, size: tuple[int, int]) -> None:
        self.source, self.size = source, size

    def window(self, box: Box) -> Tensor:
        full_height, full_width = self.source.size
        # In strips of rows that need at most STRIP source pixels each.
        rows = max(1, STRIP * self.size[0] // (full_width * full_height))
        strips = []
        across = resample(full_width, self.size[1], box.left, box.right)
        for top in range(box.top, box.bottom, rows):
            down = resample(full_height, self.size[0], top, min(top + rows, box.bottom))
            x = self.source.window(Box(down[0].first, across[0].first, down[-1].last, across[-1].last)).float()
            for taps, axis in ((across, -1), (down, -2)):
                start = taps[0].first
                parts = [_resampled(x.narrow(axis, t.first - start, t.last - t.first), t, axis) for t in taps]
                x = torch.cat(parts, dim=axis)
            strips.append(x.clamp_(0, 1))
        return torch.cat(strips, dim=-2)


def _resampled(x: Tensor, taps: Taps, axis: int) -> Tensor:
    """Apply the weights to `x`, (..., H, W), along `axis`: -1 or -2."""
    weights = torch.from_numpy(taps.weights).to(x)
    return weights @ x if axis == -2 else x @ weights.mT


def resized(source: View, size: tuple[int, int]) -> View:
    """Return `source` at `size`, (height, width)."""
    return source if source.size == size else Resized(source, size)


class Padded:
    """A view padded right and below, as by `stylezoo.images.resize.pad_to_multiple`."""

    def __init__(self, source: View, multiple: int, minimum: int = 1) -> None:
        self.source = source
        height, width = (-(-max(side, minimum) // multiple) * multiple for side in source.size)
        self.size = height, width

    def window(self, box: Box) -> Tensor:
        rows, columns = (
            reflected(side, padded)[first:last]
            for side, padded, first, last in zip(
                self.source.size, self.size, (box.top, box.left), (box.bottom, box.right), strict=True
            )
        )
        inner = Box(int(rows.min()), int(columns.min()), int(rows.max()) + 1, int(columns.max()) + 1)
        x = self.source.window(inner)
        if inner == box:
            return x
        x = x.index_select(-2, (rows - inner.top).to(x.device))
        return x.index_select(-1, (columns - inner.left).to(x.device))


class Stacked:
    """Views of the same size, stacked as channels."""

    def __init__(self, sources: Sequence[View]) -> None:
        self.sources, self.size = sources, sources[0].size

    def window(self, box: Box) -> Tensor:
        return torch.cat([source.window(box) for source in self.sources], dim=1)


def as_float(x: Tensor) -> Tensor:
    """Convert pixels of 8 or 16 bits, see `as_levels`, to float32 in [0, 1]; return float pixels unchanged."""
    if x.dtype == torch.int16:
        return x.float().add_(32768).div_(65535)
    return x.float().div_(255) if x.dtype == torch.uint8 else x


def as_levels(x: Tensor, dtype: torch.dtype = torch.uint8) -> Tensor:
    """Convert float pixels in [0, 1] to uint8, 0 to 255, or int16, -32768 to 32767, rounded half up."""
    if dtype == torch.int16:
        return x.mul(65535).sub_(32767.5).floor_().to(dtype)
    return x.mul(255).add_(0.5).to(dtype)


def strips(x: Tensor) -> Iterator[Tensor]:
    """Yield pictures, (N, C, H, W), from top to bottom in strips of at most STRIP px, in float."""
    for strip in x.split(max(1, STRIP // (x.shape[0] * x.shape[-1])), dim=-2):
        yield as_float(strip)
