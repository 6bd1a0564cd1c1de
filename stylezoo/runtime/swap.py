"""Style swap: each patch of the photo's features becomes the style's patch that is most like it.

Chen and Schmidt 2016, "Fast Patch-based Style Transfer of Arbitrary Style" (arXiv:1612.04337). For numpy and torch
alike: `xp` is one of the two modules, and arrays are its own. Imports no torch.

The correlation of two patches is the sum of the products of their positions, so a block of products of all positions
with all, once computed, is added up along its diagonals: for patches of 3x3 an eighth of the arithmetic.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import product
from numbers import Integral
from typing import Any

from stylezoo.errors import OptionError, StyleError

LAYER, CHANNELS, STEP = "relu3_1", 256, 4
"""The layer of VGG19 whose features are swapped, their number, and how many px apart they are."""
LEVELS, LEAST_SIDE = 3, 64
"""Patches are those of the style image, of its half and of its quarter, while its sides are not below that, in px."""
BLOCK = 2**22
"""Products that are held at once; a few copies of 4 bytes each: 100 MB whatever the sizes."""
DIGIT = 128  # sides are stored in two digits, which half precision holds too
MOST = 9  # positions of a patch's side
TINY = 1e-12


@dataclass(frozen=True)
class Swap:
    """How to swap.

    Attributes:
        patch: side of a patch in positions of `LAYER`, so of 4 px each.
        stride: positions from one patch to the next, in the photo and in the style; where they overlap, they are
            averaged. Up to `patch`.

    Raises:
        OptionError: out of range.
    """

    patch: int = 3
    stride: int = 1

    def __post_init__(self) -> None:
        for name, most in (("patch", MOST), ("stride", self.patch)):
            value = getattr(self, name)
            if not isinstance(value, Integral) or isinstance(value, bool) or not 1 <= int(value) <= most:
                allowed = f"1 to {MOST}" if name == "patch" else "1 to the patch's side"
                raise OptionError(f"{name} must be a whole number from {allowed}, not {value!r}")

    @property
    def multiple(self) -> int:
        """What the sides of photos are multiples of, in px: the same grid of patches for every tile."""
        return STEP * self.stride

    @property
    def minimum(self) -> int:
        """The least side of photos, in px."""
        return STEP * self.stride * math.ceil((self.patch + self.stride) / self.stride)

    @property
    def reach(self) -> int:
        """How many px around it a position depends on by its patches."""
        return STEP * (self.patch + self.stride)

    def padding(self, side: int) -> tuple[int, int]:
        """Return how many positions to add before and behind a side of that many, so that patches cover it."""
        before = self.patch // 2
        count = max(0, math.ceil((side + 2 * before - self.patch) / self.stride)) + 1
        return before, (count - 1) * self.stride + self.patch - side - before

    def features(self, xp: Any, photo: Any, styles: list[Any]) -> Any:
        """Return the features of a photo with the style's patches.

        Args:
            photo: (C, H, W), with the `padding`.
            styles: (C, h, w) each: the style's features at its scales; `read_code` of a code. Features are at least 0;
                where they are negative, no patch may be.

        Returns:
            (C, H, W); the padding is to be cut off.

        Raises:
            StyleError: the style, or its region, has no whole patch.
        """
        maps = [style for style in styles if self._holds_a_patch(style)]
        if not maps:
            least = STEP * self.patch
            raise StyleError(
                f"the style image, or a region of its style map, is smaller than a patch of {least} px: give a larger "
                "one, or lower patch"
            )
        rows, columns = ((side - self.patch) // self.stride + 1 for side in photo.shape[1:])
        place, which = self._match(xp, photo, maps)
        chosen = [which == k for k in range(len(maps))]
        total, count = xp.zeros_like(photo), xp.zeros_like(photo[0])
        values = xp.zeros_like(photo[:, :rows, :columns]).reshape(CHANNELS, -1)
        for dy in range(self.patch):
            for dx in range(self.patch):
                for style, here in zip(maps, chosen, strict=True):
                    at = place[here] + dy * style.shape[2] + dx
                    values[:, here] = style.reshape(CHANNELS, -1)[:, at]
                window = self._window(dy, dx, rows, columns)
                total[(slice(None), *window)] += values.reshape(CHANNELS, rows, columns)
                count[window] += 1
        return total / count

    def _holds_a_patch(self, style: Any) -> bool:
        return min(style.shape[1:]) >= self.patch and bool((self._window_sums(style[0] < 0) == 0).any())

    def _window_sums(self, values: Any) -> Any:
        """Return the sum of values, (h, w), over every patch of the grid, (rows, columns)."""
        rows, columns = ((side - self.patch) // self.stride + 1 for side in values.shape)
        places = product(range(self.patch), repeat=2)
        return sum(1 * values[self._window(dy, dx, rows, columns)] for dy, dx in places)

    def _window(self, dy: int, dx: int, rows: int, columns: int) -> tuple[slice, slice]:
        """Return where the position (dy, dx) of the patches of a grid is, of `rows` and `columns` patches."""
        s = self.stride
        return slice(dy, dy + (rows - 1) * s + 1, s), slice(dx, dx + (columns - 1) * s + 1, s)

    def _match(self, xp: Any, photo: Any, maps: list[Any]) -> tuple[Any, Any]:
        """Return for each patch of the photo where the best of all `maps` begins, and in which of them, (P,) each."""
        best: Any = None
        for number, style in enumerate(maps):
            scales = self._scales(xp, style)
            parts = [self._match_rows(xp, part, style, scales) for part in self._parts(photo, style)]
            score, place = (xp.concatenate(part) for part in zip(*parts, strict=True))
            found = score, place, xp.full_like(place, number)
            best = found if best is None else _better(xp, best, found)
        return best[1], best[2]

    def _rows_at_once(self, photo: Any, style: Any) -> int:
        """Return how many rows of patches of both sides may be compared at once."""
        side = math.isqrt(max(1, BLOCK // (photo.shape[2] * style.shape[2])))
        return max(1, (side - self.patch) // self.stride + 1)

    def _parts(self, photo: Any, style: Any) -> list[Any]:
        """Return the photo's features in strips of a few rows of patches."""
        rows, count = (photo.shape[1] - self.patch) // self.stride + 1, self._rows_at_once(photo, style)
        ends = [(top, min(rows, top + count) - 1) for top in range(0, rows, count)]
        return [photo[:, top * self.stride : last * self.stride + self.patch] for top, last in ends]

    def _match_rows(self, xp: Any, photo: Any, style: Any, scales: Any) -> tuple[Any, Any]:
        """Return the best correlation of each patch of a strip with those of one map, and where that begins."""
        count, columns = self._rows_at_once(photo, style), scales.shape[1]
        best: Any = None
        for first in range(0, len(scales), count):
            scale = scales[first : first + count]
            strip = style[:, first * self.stride : (first + len(scale) - 1) * self.stride + self.patch]
            scores = self._correlations(photo, strip)
            scores *= scale.reshape(-1)
            scores[:, scale.reshape(-1) < 0] = -1  # others have no less than 0
            at = scores.argmax(1)
            score = scores[xp.arange(len(at)), at]
            place = ((at // columns + first) * style.shape[2] + at % columns) * self.stride
            best = (score, place) if best is None else _better(xp, best, (score, place))
        return best

    def _correlations(self, photo: Any, style: Any) -> Any:
        """Return the sum of the products of each patch of a photo with each of a style, (P, Q)."""
        s, p = self.stride, self.patch
        (height, width), (rows, columns) = photo.shape[1:], style.shape[1:]
        products = (photo.reshape(CHANNELS, -1).T @ style.reshape(CHANNELS, -1)).reshape(height, width, rows, columns)
        across, down = (width - p) // s + 1, (height - p) // s + 1
        theirs, below = (columns - p) // s + 1, (rows - p) // s + 1
        sums = _added(
            [products[:, d : d + (across - 1) * s + 1 : s, :, d : d + (theirs - 1) * s + 1 : s] for d in range(p)]
        )
        total = _added([sums[d : d + (down - 1) * s + 1 : s, :, d : d + (below - 1) * s + 1 : s] for d in range(p)])
        return total.reshape(down * across, below * theirs)

    def _scales(self, xp: Any, style: Any) -> Any:
        """Return the inverse norm of each patch of a map, (rows, columns); 0 where it is 0, -1 if it is not inside."""
        total = self._window_sums((style * style).sum(0))
        scales = xp.where(total > TINY, 1 / (total + TINY) ** 0.5, 0 * total)
        return xp.where(self._window_sums(style[0] < 0) == 0, scales, 0 * total - 1)


def _added(parts: list[Any]) -> Any:
    if len(parts) == 1:
        return parts[0]
    total = parts[0] + parts[1]
    for part in parts[2:]:
        total += part
    return total


def _better(xp: Any, old: tuple[Any, ...], new: tuple[Any, ...]) -> tuple[Any, ...]:
    """Return element by element that of two findings whose first array, the score, is higher; the old if equal."""
    wins = new[0] > old[0]
    return tuple(xp.where(wins, b, a) for a, b in zip(old, new, strict=True))


def write_code(maps: list[Any], xp: Any) -> Any:
    """Return the code, (1, D), of the features, (C, h, w), of a style at its scales: their sides, then they.

    D depends on the style image's size.
    """
    sides = [digit for style in maps for side in style.shape[1:] for digit in divmod(side, DIGIT)]
    head = xp.asarray([len(maps), *sides], dtype=maps[0].dtype)
    return xp.concatenate([head.to(maps[0]) if hasattr(head, "to") else head, *(m.reshape(-1) for m in maps)])[None]


def write_region_codes(maps: list[Any], shares: list[Any], xp: Any) -> Any:
    """Return the codes, (K, D), of the regions of a style: the part of each map around a region, -1 outside of it.

    Args:
        maps: (C, h, w) each: its features at its scales.
        shares: (K, h, w) each: how much of each position is in each region; from a half on, it is inside.

    Raises:
        StyleError: nothing is inside of a region.
    """
    codes = []
    for region in range(len(shares[0])):
        parts = []
        for style, share in zip(maps, shares, strict=True):
            inside = share[region] >= 0.5
            if not inside.any():
                continue
            rows, columns = (xp.where(inside.any(axis))[0] for axis in (1, 0))
            box = slice(int(rows[0]), int(rows[-1]) + 1), slice(int(columns[0]), int(columns[-1]) + 1)
            parts.append(xp.where(inside[box], style[(slice(None), *box)], -xp.ones_like(style[:1, :1, :1])))
        if not parts:
            raise StyleError(f"a region of the style map is smaller than a position of {STEP} px: draw a larger one")
        codes.append(write_code(parts, xp)[0])
    room = xp.zeros_like(maps[0].reshape(-1)[:1])
    longest = max(len(code) for code in codes)
    return xp.stack([xp.concatenate([code, xp.tile(room, (longest - len(code),))]) for code in codes])


def read_code(code: Any) -> list[Any]:
    """Return the features, (C, h, w) each, of a code, (D,), which may have zeros behind it.

    Raises:
        StyleError: it is no code of a style swap.
    """
    count = int(code[0]) if len(code) else 0
    if 1 <= count <= LEVELS and len(code) > 4 * count:
        digits = [int(value) for value in code[1 : 1 + 4 * count]]
        sides = [high * DIGIT + low for high, low in zip(digits[::2], digits[1::2], strict=True)]
        at, maps = 1 + 4 * count, []
        for height, width in zip(sides[::2], sides[1::2], strict=True):
            size = CHANNELS * height * width
            maps.append(code[at : at + size])
            at += size
        if min(sides) > 0 and at <= len(code):
            shapes = zip(maps, sides[::2], sides[1::2], strict=True)
            return [part.reshape(CHANNELS, height, width) for part, height, width in shapes]
    raise StyleError("the style code is from another net: encode a style image")


def level_sizes(height: int, width: int) -> list[tuple[int, int]]:
    """Return the sizes, (height, width), at which the patches of a style image of that size are taken."""
    sizes = [(height >> level, width >> level) for level in range(LEVELS)]
    return [size for size in sizes if min(size) >= LEAST_SIDE or size == sizes[0]]
