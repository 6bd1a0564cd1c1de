"""Frames that follow each other, painted alike: the statistics of the norms carry over from frame to frame.

An instance norm divides by the deviation of the whole frame, so that what enters at one edge changes the light and
colours everywhere. Within a shot a running mean of the statistics takes that out; a cut starts it anew.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from numbers import Real

import torch
from torch import Tensor
from torch.nn import functional

from stylezoo.errors import OptionError
from stylezoo.image.tiles import as_float
from stylezoo.models import StyleNet
from stylezoo.nn.norm import smoothed_statistics

STEADY = 0.9
"""The share of the statistics that comes from the frames before, unless another is asked for."""

CUT = 27 / 255  # of levels, mean over a thumbnail: where PySceneDetect's content detector sees a cut by default
THUMBNAIL = 16  # px a side: coarse, so that motion is no cut
SEEN = "seen"


class Steadiness:
    """What is kept from frame to frame.

    Args:
        share: of the statistics that comes from the frames before, from 0 (each frame has its own) up to, but not, 1.
        cuts: start anew at a cut, where a frame differs from the one before by more than `CUT`.

    Raises:
        OptionError: no such share.
    """

    def __init__(self, share: float = STEADY, cuts: bool = True) -> None:
        if not (isinstance(share, Real) and 0 <= share < 1):
            raise OptionError(f"steady must be from 0 (each frame for itself) up to, but not, 1, not {share!r}")
        self.share: float = float(share)
        self.cuts: bool = cuts
        self._statistics: dict[str, tuple[Tensor, Tensor]] = {}
        self._seen: Tensor | None = None

    @contextmanager
    def frame(self, net: StyleNet, photo: Tensor) -> Iterator[None]:
        """Paint the next frame inside the block: `photo`, (N, 3, H, W), float in [0, 1] or uint8."""
        if not self.share:
            yield
            return
        seen = functional.adaptive_avg_pool2d(as_float(photo).float(), THUMBNAIL).cpu()
        if self._seen is not None and self._is_new(seen, self._seen):
            self._statistics.clear()
        self._seen = seen
        with smoothed_statistics(net, self._statistics, self.share):
            yield

    def _is_new(self, seen: Tensor, before: Tensor) -> bool:
        return seen.shape != before.shape or (self.cuts and bool((seen - before).abs().mean() > CUT))

    def state(self) -> dict[str, Tensor]:
        """Return all that is kept, to go on from it elsewhere: see `load_state`."""
        kept = {f"{name}.{part}": v for name, pair in self._statistics.items() for part, v in enumerate(pair)}
        kept |= {} if self._seen is None else {SEEN: self._seen}
        return {name: value.detach().cpu().clone() for name, value in kept.items()}

    def load_state(self, state: dict[str, Tensor], device: torch.device | None = None) -> None:
        """Go on from what `state` returned; `device` is the net's."""
        names = sorted({name.rpartition(".")[0] for name in state if name != SEEN})
        self._statistics = {name: (state[f"{name}.0"].to(device), state[f"{name}.1"].to(device)) for name in names}
        self._seen = state.get(SEEN)
