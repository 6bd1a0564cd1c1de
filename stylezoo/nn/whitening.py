"""Whitening and colouring as a norm, whose statistics are recorded, frozen and gathered from tiles as any other's.

Li et al. 2017, "Universal Style Transfer via Feature Transforms" (arXiv:1705.08086).
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import adaptive_avg_pool2d

from stylezoo.nn.norm import InstanceNorm, Moments
from stylezoo.nn.stats import full_precision, wide
from stylezoo.runtime.base import Floats
from stylezoo.runtime.whiten import steadied, transfer


class Whitening(InstanceNorm):
    """Features whose mean and covariance become a style's. Its statistics are means and covariances.

    The matrices are computed by numpy in float64, as in the other runtime, and kept for the tiles that follow.
    """

    def __init__(self, channels: int) -> None:
        super().__init__(channels)
        self._known: tuple[tuple[Tensor, ...], list[Tensor]] | None = None

    @property
    def sizes(self) -> tuple[int, int]:
        return self.channels, self.channels**2

    def forward(self, x: Tensor, gamma: Tensor, beta: Tensor, shares: Tensor | None = None) -> Tensor:
        """Change `x`, (N, C, H, W).

        Args:
            gamma: (N or 1, C * C + 1): covariances of the styles times alpha, and alpha.
            beta: (N or 1, C): means times alpha.
            shares: (N or 1, K, H, W): how much of each of K styles every position has; `gamma` and `beta` are theirs.
        """
        mean, covariance = self._statistics(x, shares)
        count = len(gamma) if shares is not None else len(x)
        first, matrix, shift = self._matrices(mean, covariance, gamma, beta, count)
        flat = wide(x).flatten(2)
        with full_precision(flat):
            if shares is None:
                return (matrix @ (flat - first) + shift).unflatten(2, x.shape[-2:])
            weights = adaptive_avg_pool2d(wide(shares), (x.shape[-2], x.shape[-1])).flatten(2)
            total = torch.zeros_like(flat)
            for k in range(count):
                total += weights[:, k, None] * (matrix[k] @ (flat - first[k % len(first)]) + shift[k])
            return total.unflatten(2, x.shape[-2:])

    def measure(self, x: Tensor, shares: Tensor | None = None) -> tuple[Tensor, Tensor]:
        return covariance_of(x, shares)

    def moments(self) -> Moments:
        return Covariances(self)

    def smooth(self, own: tuple[Tensor, Tensor], before: tuple[Tensor, Tensor], share: float) -> tuple[Tensor, Tensor]:
        pairs = zip(*(self._rows(*pair) for pair in (own, before)), strict=True)
        mixed = [steadied(mean, covariance, then, share) for (mean, covariance), then in pairs]
        mean, spread = (torch.from_numpy(np.stack(part)).to(own[0]) for part in zip(*mixed, strict=True))
        return mean[..., None, None], spread.flatten(1)[..., None, None]

    def _rows(self, mean: Tensor, covariance: Tensor) -> list[tuple[Floats, Floats]]:
        """Return the mean, (C,), and the covariance, (C, C), of each picture, as arrays."""
        means, flats = (part.flatten(1).float().cpu().numpy() for part in (mean, covariance))
        return [(m, c.reshape(self.channels, -1)) for m, c in zip(means, flats, strict=True)]

    def _matrices(self, mean: Tensor, covariance: Tensor, gamma: Tensor, beta: Tensor, count: int) -> list[Tensor]:
        """Return the means to subtract, (N or K, C, 1), matrices, (count, C, C), and shifts, (count, C, 1)."""
        key = mean, covariance, gamma, beta
        if self._known and len(self._known[1][1]) == count and all(map(torch.equal, key, self._known[0])):
            return self._known[1]
        pairs = self._rows(mean, covariance)
        styles = [row.float().cpu().numpy() for row in gamma]
        targets = [row.float().cpu().numpy() for row in beta]
        found = []
        for i in range(count):
            (own, spread), style = pairs[i % len(pairs)], styles[i % len(styles)]
            wanted, alpha = style[:-1].reshape(self.channels, -1), float(style[-1])
            found.append(transfer(spread, own, wanted, targets[i % len(targets)], alpha))
        matrix, shift = (torch.from_numpy(np.stack(part)).to(mean) for part in zip(*found, strict=True))
        self._known = key, [mean.flatten(2), matrix, shift[..., None]]
        return self._known[1]


def covariance_of(x: Tensor, regions: Tensor | None = None) -> tuple[Tensor, Tensor]:
    """Return the mean, (N, C, 1, 1), and the covariance, (N, C * C, 1, 1), of `x`, (N, C, H, W), float32.

    With `regions`, (1, K, h, w) of at least 0 and of any resolution, those of the K regions of one picture, (K, ...): a
    position counts by its share of the region. Where a region is empty, both are 0.
    """
    if regions is not None:
        here = adaptive_avg_pool2d(wide(regions), (x.shape[-2], x.shape[-1])).flatten(2)
        pairs = [_weighted(wide(x).flatten(2), share) for share in here.split(1, dim=1)]
        mean, covariance = (torch.cat(part) for part in zip(*pairs, strict=True))
    else:
        flat = wide(x).flatten(2)
        with full_precision(flat):
            mean = flat.mean(dim=2, keepdim=True)
            apart = flat - mean
            covariance = apart @ apart.transpose(1, 2) / flat.shape[2]
    return mean[..., None], covariance.flatten(1)[..., None, None]


def _weighted(flat: Tensor, share: Tensor) -> tuple[Tensor, Tensor]:
    """Return the mean, (1, C, 1), and the covariance, (1, C, C), of features, (1, C, P), that count by (1, 1, P)."""
    with full_precision(flat):
        weights = share / share.sum().clamp_min(1e-12)
        mean = flat @ weights.transpose(1, 2)
        apart = (flat - mean) * weights.sqrt()
        return mean, apart @ apart.transpose(1, 2)


class Covariances(Moments):
    """Mean and covariance of what comes in parts."""

    def add(self, x: Tensor, shares: Tensor | None = None) -> None:
        mean, flat = self.norm.measure(x, shares)
        covariance = flat.cpu().double().reshape(-1, self.norm.channels, self.norm.channels)
        if shares is None:
            count = torch.tensor(float(x.shape[-2] * x.shape[-1]), dtype=torch.float64)
        else:
            count = shares.cpu().double().sum(dim=(2, 3)).view(-1, 1, 1).clamp_min(1e-12)
        self.merge(mean.flatten(1).cpu().double()[..., None], covariance, count)

    def outer(self, apart: Tensor) -> Tensor:
        return apart @ apart.transpose(1, 2)

    def statistics(self) -> tuple[Tensor, Tensor]:
        covariance = self.squares / self.count
        return self.mean.float()[..., None], covariance.flatten(1).float()[..., None, None]
