"""Statistics of feature maps that stand for style."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F


def wide(x: Tensor) -> Tensor:
    """Return `x` in float32 or better: sums over VGG activations overflow half precision."""
    return x if x.dtype == torch.float64 else x.float()


def full_precision(x: Tensor) -> AbstractContextManager[Any]:
    """Return a context in which autocast leaves products of tensors like `x` alone."""
    kind = x.device.type
    return torch.autocast(kind, enabled=False) if torch.amp.is_autocast_available(kind) else nullcontext()


def gram_matrix(features: Tensor, region: Tensor | None = None) -> Tensor:
    """Return the Gram matrices of `features`, (N, C, H, W), divided by the number of positions: (N, C, C), float32.

    With `region`, (N or 1, 1, H, W) of at least 0, positions count by it, and the divisor is its sum; where that is 0,
    so is the matrix.

    Computed in float32 whatever the input and autocast say: sums over VGG activations overflow float16.
    Gatys et al. 2016 (CVPR) leave the division to the loss; with it, pictures of any size compare.
    """
    n, c, h, w = features.shape
    with full_precision(features):
        flat = wide(features.reshape(n, c, h * w))
        if region is None:
            return flat @ flat.transpose(1, 2) / (h * w)
        counts = region.to(flat.dtype).flatten(2)
        return (flat * counts) @ flat.transpose(1, 2) / counts.sum(dim=2, keepdim=True).clamp_min(1e-12)


def mean_std(
    features: Tensor, eps: float = 1e-5, correction: int = 0, regions: Tensor | None = None
) -> tuple[Tensor, Tensor]:
    """Return the mean and the standard deviation over positions of `features`, (N, C, H, W): both (N, C), float32.

    `eps` is added to the variance; `correction` is 1 for Bessel's. With `regions`, see `region_moments`, both are
    (K, C), without Bessel's correction.
    """
    if regions is not None:
        mean, variance = region_moments(features, regions)
        return mean, torch.sqrt(variance + eps)
    variance, mean = torch.var_mean(wide(features), dim=(2, 3), correction=correction)
    return mean, torch.sqrt(variance + eps)


def region_moments(features: Tensor, regions: Tensor) -> tuple[Tensor, Tensor]:
    """Return the means and variances of the K regions of `features`, (1, C, h, w): both (K, C), float32.

    `regions`, (1, K, H, W) of at least 0 and of any resolution, is averaged to that of the features; a position counts
    by its share of the region. Where a region is empty, both are 0.
    """
    with full_precision(features):
        flat = wide(features)[0].flatten(1)
        shares = F.adaptive_avg_pool2d(regions.to(flat), (features.shape[-2], features.shape[-1]))[0].flatten(1)
        weights = shares / shares.sum(dim=1, keepdim=True).clamp_min(1e-12)
        mean = weights @ flat.T
        variance = [(flat - m[:, None]).square() @ w for m, w in zip(mean, weights, strict=True)]
        return mean, torch.stack(variance)
