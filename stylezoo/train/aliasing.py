"""The aliasing loss: what a net makes of a photo must not depend on where the photo lies on the net's grid.

A net that works at a quarter of the resolution sees a photo anew when it moves by one to three pixels, and can draw a
woven pattern of that period, which the style term likes. After the definition of Zhang 2019, "Making Convolutional
Networks Shift-Invariant Again" (arXiv:1904.11486), as a loss in place of blurred strides: they would cost time in every
picture. The error is divided by the variance of the stylized image, so that one weight fits all styles.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

GRID = 4  # px; nets work in steps of 2 and 4, and so do the first two pools of VGG
_TINY = 1e-4  # of a variance: avoids division by zero for flat images


class Offset(NamedTuple):
    """Two views of a picture, of which the second starts this many rows and columns later: 0 to 3, not both 0."""

    down: int
    right: int

    def views(self, x: Tensor) -> Tensor:
        """Return both views of pictures, (N, 3, H, W), as (2 N, 3, H - 4, W - 4)."""
        height, width = x.shape[-2] - GRID, x.shape[-1] - GRID
        later = x[..., self.down : height + self.down, self.right : width + self.right]
        return torch.cat([x[..., :height, :width], later])

    def shared(self, x: Tensor) -> Tensor:
        """Return the part of pictures, (N, 3, H, W), that both views see."""
        return x[..., self.down : x.shape[-2] - GRID, self.right : x.shape[-1] - GRID]

    def split(self, stylized: Tensor) -> tuple[Tensor, Tensor]:
        """Return that part of the stylized views, (2 N, 3, H - 4, W - 4), of each view."""
        one, two = stylized.chunk(2)
        height, width = one.shape[-2:]
        return one[..., self.down :, self.right :], two[..., : height - self.down, : width - self.right]


def draw_offset(seed: int, step: int) -> Offset:
    """Return the offset of a step of a run."""
    return Offset(*divmod(int(np.random.default_rng([seed, 9, step]).integers(1, GRID * GRID)), GRID))


def aliasing_error(one: Tensor, two: Tensor) -> Tensor:
    """Return the mean squared difference, (N,), of two results, (N, 3, H, W), divided by the variance of the first."""
    one, two = one.float(), two.float()
    variance = one.var(dim=(2, 3), correction=0).mean(dim=1)  # with gradient: lower contrast must not lower the error
    return (one - two).square().mean(dim=(1, 2, 3)) / variance.clamp_min(_TINY)
