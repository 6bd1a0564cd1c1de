"""Balance the style losses, so that no style lags behind."""

from __future__ import annotations

import torch
from torch import Tensor, distributed


class StyleBalance:
    """A weight for each style's loss term, from its running error.

    The weight of a style is its running style error divided by the mean over styles, to the power `strength`, clamped
    to [1/2, 2]. Errors are relative to their targets, so they are comparable between styles. Not in the papers, which
    tune one weight per style by hand.

    Args:
        styles: number of styles.
        strength: 0 weighs all equally.

    Attributes:
        error: (styles,) float32, the running error of each; NaN until a style has been seen.
    """

    DECAY = 0.9  # per picture of the style

    def __init__(self, styles: int, strength: float) -> None:
        self.strength = strength
        self.error = torch.full((styles,), torch.nan)

    def coefficients(self, style: Tensor) -> Tensor:
        """Return the weights of pictures, (N,), for their styles, (N,) integers; 1 for an index out of range."""
        if not len(self.error):
            return torch.ones(len(style), device=style.device)
        error = self.error.to(style.device)
        relative = (error / error.nanmean()).nan_to_num(1.0) ** self.strength
        inside = (style >= 0) & (style < len(error))
        return torch.where(inside, relative.clamp(0.5, 2.0)[style.clamp(0, len(error) - 1)], 1.0)

    def observe(self, style: Tensor, error: Tensor) -> None:
        """Update with the style errors of pictures, (N,), in their styles, (N,) integers."""
        count, error = len(self.error), error.detach().float()
        # On the training device, with a slot for other pictures, to avoid waiting for a GPU.
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
