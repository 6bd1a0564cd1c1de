"""Statistics of feature maps that stand for style."""

from __future__ import annotations

import torch
from torch import Tensor


def gram_matrix(features: Tensor) -> Tensor:
    """Return the Gram matrices of `features`, (N, C, H, W), divided by the number of positions: (N, C, C), float32.

    Computed in float32 whatever the input and autocast say: sums over VGG activations overflow float16.
    Gatys et al. 2016 (CVPR) leave the division to the loss; with it, pictures of any size compare.
    """
    n, c, h, w = features.shape
    with torch.autocast(features.device.type, enabled=False):
        flat = features.reshape(n, c, h * w)
        flat = flat if flat.dtype == torch.float64 else flat.float()
        return flat @ flat.transpose(1, 2) / (h * w)


def mean_std(features: Tensor, eps: float = 1e-5) -> tuple[Tensor, Tensor]:
    """Return the mean and the standard deviation over positions of `features`, (N, C, H, W): both (N, C), float32."""
    features = features if features.dtype == torch.float64 else features.float()
    variance, mean = torch.var_mean(features, dim=(2, 3), correction=0)
    return mean, torch.sqrt(variance + eps)
