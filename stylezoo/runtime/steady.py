"""Temporal smoothing: the norm statistics and the masks carry over from frame to frame.

An instance norm divides by the standard deviation of the whole frame, so an object that enters at one edge changes
brightness and colours everywhere. Within a shot, a running mean of the statistics prevents that, and one of the masks
that detectors find prevents their flicker; a cut resets both.
"""

from __future__ import annotations

from numbers import Real
from typing import Any

import numpy as np
from numpy.typing import NDArray

from stylezoo.errors import OptionError
from stylezoo.images.planes import Array, Floats, as_float, lerp
from stylezoo.runtime.base import Passes, Statistics

STEADY = 0.9
"""The default share of the statistics that comes from earlier frames."""

CUT = 27 / 255  # mean difference of thumbnails; the default threshold of PySceneDetect's content detector
THUMBNAIL = 16  # px a side: coarse, so that motion is not taken for a cut
GROWING, SHRINKING = 0.5, 0.85
"""The share of the mask of earlier frames where it grows and shrinks: what is missed in one frame stays."""
SEEN, KEPT, MASK = "seen", "statistics", "mask"


class Steadiness:
    """The state carried from frame to frame of one clip; not thread-safe.

    Args:
        share: share of the statistics that comes from earlier frames, at least 0 (off) and below 1.
        cuts: reset at a cut, where a frame differs from the previous one by more than `CUT`.

    Raises:
        OptionError: `share` is out of range.
    """

    def __init__(self, share: float = STEADY, cuts: bool = True) -> None:
        if not (isinstance(share, Real) and 0 <= share < 1):
            raise OptionError(f"steady must be at least 0 (no smoothing) and below 1, not {share!r}")
        self.share: float = float(share)
        self.cuts: bool = cuts
        self._kept: list[Statistics] = []
        self._seen: Floats | None = None
        self._mask: Floats | None = None

    def frame(self, photo: Array) -> Passes | None:
        """Return the `passes` argument for the next frame, `photo`, (N, 3, H, W); None if smoothing is off."""
        seen = _thumbnail(photo)
        if self._seen is not None and self._is_new(seen, self._seen):
            self._kept.clear()
            self._mask = None
        self._seen = seen
        return Passes(self.share, self._kept) if self.share else None

    def smooth(self, mask: Floats) -> Floats:
        """Return a mask of the frame that `frame` was called for last, (N, 1, H, W), smoothed at any `share`."""
        if self._mask is not None and self._mask.shape == mask.shape:
            mask = lerp(mask, self._mask, np.where(mask > self._mask, np.float32(GROWING), np.float32(SHRINKING)))
        self._mask = mask
        return mask

    def _is_new(self, seen: Floats, before: Floats) -> bool:
        return seen.shape != before.shape or (self.cuts and bool(np.abs(seen - before).mean() > CUT))

    def state(self) -> dict[str, NDArray[Any]]:
        """Return the state, for `load_state`."""
        kept: dict[str, NDArray[Any]] = {f"{KEPT}.{number}": value.copy() for number, value in enumerate(self._kept)}
        others = {SEEN: self._seen, MASK: self._mask}
        return kept | {name: value for name, value in others.items() if value is not None}

    def load_state(self, state: dict[str, NDArray[Any]]) -> None:
        """Continue from a state returned by `state`."""
        self._kept = [state[f"{KEPT}.{number}"] for number in range(sum(name.startswith(KEPT) for name in state))]
        self._seen, self._mask = state.get(SEEN), state.get(MASK)


def _thumbnail(photo: Array) -> Floats:
    """Return box means, (N, 3, 16, 16), like torch's adaptive_avg_pool2d."""
    height, width = photo.shape[-2:]
    (rows, row_counts), (columns, column_counts) = _boxes(height), _boxes(width)
    flat = photo.astype(np.float32) if photo.dtype == np.uint8 else as_float(photo)
    sums: Floats = np.matmul(np.matmul(rows, flat), columns.T) / (row_counts[:, None] * column_counts)
    return sums / np.float32(255) if photo.dtype == np.uint8 else sums


def _boxes(side: int) -> tuple[Floats, Floats]:
    """Return the membership of pixels in the boxes of a line, (16, side) of 0 and 1, and the pixels per box."""
    number = np.arange(THUMBNAIL)
    first, last = number * side // THUMBNAIL, -(-(number + 1) * side // THUMBNAIL)
    pixels = np.arange(side)
    inside = (pixels >= first[:, None]) & (pixels < last[:, None])
    return inside.astype(np.float32), inside.sum(axis=1).astype(np.float32)
