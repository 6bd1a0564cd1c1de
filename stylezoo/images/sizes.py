"""Sizes in px: with the aspect kept, and as a net's strides need them. No torch."""

from __future__ import annotations

from stylezoo.errors import OptionError

STYLE_SIZE = 384
"""The long side at which a style picture is read unless another is asked for."""
STYLE_SIZES = (16, 4096)
SMALLEST_STYLE = 64  # a side of the pictures that nets encode; a smaller one is reflected


def fit_long_side(height: int, width: int, size: int) -> tuple[int, int]:
    """Return (height, width) with the longer side at `size`, the aspect kept and no side below 1 px."""
    return _scaled(height, width, size, max(height, width))


def fit_short_side(height: int, width: int, size: int) -> tuple[int, int]:
    """Return (height, width) with the shorter side at `size` and the aspect kept."""
    return _scaled(height, width, size, min(height, width))


def padded_side(side: int, multiple: int, minimum: int = 1) -> int:
    """Return the next multiple of `multiple` that is at least `side` and `minimum`."""
    return -(-max(side, minimum) // multiple) * multiple


def _scaled(height: int, width: int, size: int, side: int) -> tuple[int, int]:
    if min(height, width, size) < 1:
        raise OptionError(f"cannot fit a picture of {height}x{width} px to size={size}: all must be at least 1")
    # In whole numbers, rounding halves up: a float scale can miss `size` by one pixel.
    return max(1, (2 * height * size + side) // (2 * side)), max(1, (2 * width * size + side) // (2 * side))
