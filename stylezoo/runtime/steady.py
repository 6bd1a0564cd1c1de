"""Frames that follow each other, stylized alike: the statistics of the norms carry over from frame to frame.

An instance norm divides by the deviation of the whole frame, so that what enters at one edge changes the light and
colours everywhere. Within a shot a running mean of the statistics takes that out; a cut starts over.
"""

from __future__ import annotations

from numbers import Real
from typing import Any

import numpy as np
from numpy.typing import NDArray

from stylezoo.errors import OptionError
from stylezoo.images.planes import Array, Floats, as_float
from stylezoo.runtime.base import Passes, Statistics

STEADY = 0.9
"""The share of the statistics that comes from the frames before, unless another is asked for."""

CUT = 27 / 255  # of levels, mean over a thumbnail: where PySceneDetect's content detector sees a cut by default
THUMBNAIL = 16  # px a side: coarse, so that motion is no cut
SEEN, KEPT = "seen", "statistics"


class Steadiness:
    """What is kept from frame to frame. One clip has one; it is not for several threads.

    Args:
        share: of the statistics that comes from the frames before, from 0 (each frame has its own) up to, but not, 1.
        cuts: start over at a cut, where a frame differs from the one before by more than `CUT`.

    Raises:
        OptionError: no such share.
    """

    def __init__(self, share: float = STEADY, cuts: bool = True) -> None:
        if not (isinstance(share, Real) and 0 <= share < 1):
            raise OptionError(f"steady must be at least 0 (no smoothing) and below 1, not {share!r}")
        self.share: float = float(share)
        self.cuts: bool = cuts
        self._kept: list[Statistics] = []
        self._seen: Floats | None = None

    def frame(self, photo: Array) -> Passes | None:
        """Return what the net takes for the next frame, `photo`, (N, 3, H, W); None: nothing carries over."""
        if not self.share:
            return None
        seen = _thumbnail(photo)
        if self._seen is not None and self._is_new(seen, self._seen):
            self._kept.clear()
        self._seen = seen
        return Passes(self.share, self._kept)

    def _is_new(self, seen: Floats, before: Floats) -> bool:
        return seen.shape != before.shape or (self.cuts and bool(np.abs(seen - before).mean() > CUT))

    def state(self) -> dict[str, NDArray[Any]]:
        """Return all that is kept, to go on from it elsewhere: see `load_state`."""
        kept: dict[str, NDArray[Any]] = {f"{KEPT}.{number}": value.copy() for number, value in enumerate(self._kept)}
        return kept | ({} if self._seen is None else {SEEN: self._seen})

    def load_state(self, state: dict[str, NDArray[Any]]) -> None:
        """Go on from what `state` returned."""
        self._kept = [state[f"{KEPT}.{number}"] for number in range(sum(name != SEEN for name in state))]
        self._seen = state.get(SEEN)


def _thumbnail(photo: Array) -> Floats:
    """Return means of boxes, (N, 3, 16, 16), as torch's adaptive_avg_pool2d divides a picture into them."""
    height, width = photo.shape[-2:]
    (rows, row_counts), (columns, column_counts) = _boxes(height), _boxes(width)
    flat = photo.astype(np.float32) if photo.dtype == np.uint8 else as_float(photo)
    sums: Floats = np.matmul(np.matmul(rows, flat), columns.T) / (row_counts[:, None] * column_counts)
    return sums / np.float32(255) if photo.dtype == np.uint8 else sums


def _boxes(side: int) -> tuple[Floats, Floats]:
    """Return which pixels of a line are in which of its boxes, (16, side) of 0 and 1, and how many in each."""
    number = np.arange(THUMBNAIL)
    first, last = number * side // THUMBNAIL, -(-(number + 1) * side // THUMBNAIL)
    pixels = np.arange(side)
    inside = (pixels >= first[:, None]) & (pixels < last[:, None])
    return inside.astype(np.float32), inside.sum(axis=1).astype(np.float32)
