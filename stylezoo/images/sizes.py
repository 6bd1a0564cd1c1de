"""Sizes in px: keeping the aspect ratio, and padding to a net's stride. Imports no torch."""

from __future__ import annotations

from stylezoo.errors import OptionError

STYLE_SIZE = 384
"""The default long side of style images."""
STYLE_SIZES = (16, 4096)
SMALLEST_STYLE = 64  # px a side that nets can encode; smaller pictures are padded by reflection


def fit_long_side(height: int, width: int, size: int) -> tuple[int, int]:
    """Return (height, width) with the long side at `size`, keeping the aspect ratio; no side is below 1 px."""
    return _scaled(height, width, size, max(height, width))


def fit_short_side(height: int, width: int, size: int) -> tuple[int, int]:
    """Return (height, width) with the short side at `size`, keeping the aspect ratio."""
    return _scaled(height, width, size, min(height, width))


def padded_side(side: int, multiple: int, minimum: int = 1) -> int:
    """Return the next multiple of `multiple` that is at least `side` and `minimum`."""
    return -(-max(side, minimum) // multiple) * multiple


def _scaled(height: int, width: int, size: int, side: int) -> tuple[int, int]:
    if min(height, width, size) < 1:
        raise OptionError(f"cannot fit a picture of {height}x{width} px to size={size}: all must be at least 1")
    # In integers, rounding half up: a float scale can miss `size` by one pixel.
    return max(1, (2 * height * size + side) // (2 * side)), max(1, (2 * width * size + side) // (2 * side))
