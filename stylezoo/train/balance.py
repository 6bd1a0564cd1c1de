"""How hard each style is pushed, so that none starves among many."""

from __future__ import annotations

import torch
from torch import Tensor, distributed


class StyleBalance:
    """A coefficient for each style's term, from how far the net still is from that style.

    The coefficient of a style is its running style error over the mean of all, to the power `strength`, kept within
    [1/2, 2]: a style that lags is pushed up to twice as hard, one that leads down to half. Errors are relative to their
    targets, so they compare between styles. Not in the papers, which tune one weight a style by hand.

    Args:
        styles: how many.
        strength: 0 weighs all alike.

    Attributes:
        error: (styles,) float32, the running error of each; NaN until a style has been seen.
    """

    DECAY = 0.9  # per picture of the style

    def __init__(self, styles: int, strength: float) -> None:
        self.strength = strength
        self.error = torch.full((styles,), torch.nan)

    def coefficients(self, style: Tensor) -> Tensor:
        """Return the coefficients of pictures, (N,), for their styles, (N,) integers; 1 for one outside the range."""
        error = self.error.to(style.device)
        relative = (error / error.nanmean()).nan_to_num(1.0) ** self.strength
        inside = (style >= 0) & (style < len(error))
        return torch.where(inside, relative.clamp(0.5, 2.0)[style.clamp(0, len(error) - 1)], 1.0)

    def observe(self, style: Tensor, error: Tensor) -> None:
        """Take note of the style errors of pictures, (N,), in their styles, (N,) integers."""
        count, error = len(self.error), error.detach().float()
        # On the training device, with a place for the other pictures: nothing waits for a GPU.
        self.error = self.error.to(error.device)
        place = torch.where((style >= 0) & (style < count), style, count)
        sums = torch.zeros(2, count + 1, device=error.device)
        sums[0].index_add_(0, place, error)
        sums[1].index_add_(0, place, torch.ones_like(error))
        if distributed.is_available() and distributed.is_initialized():
            distributed.all_reduce(sums)
        total, seen = sums[:, :count]
        mean = total / seen.clamp_min(1)
        keep = self.DECAY**seen
        after = torch.where(self.error.isnan(), mean, self.error * keep + mean * (1 - keep))
        self.error = torch.where(seen > 0, after, self.error)
