"""Whitening and colouring: the arithmetic of WCT on means and covariances, for both runtimes. Imports no torch.

Li et al. 2017, "Universal Style Transfer via Feature Transforms" (arXiv:1705.08086).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from stylezoo.runtime.architecture import VGG_CHANNELS
from stylezoo.runtime.base import LIMIT, SHIFT, Floats

LAYERS = tuple(reversed(VGG_CHANNELS))
"""From coarse to fine."""
PARTS = [size for layer in LAYERS for size in (VGG_CHANNELS[layer], VGG_CHANNELS[layer] ** 2)]
"""What a row of statistics holds: for each layer the mean and the covariance of the features."""
CODE_WIDTH = sum(PARTS) + 1
"""A code holds the same of the style, and 1. So codes mix in a line, and on the line from the photo's code, which is 0
throughout, to a style's the last number is the paper's alpha, and all others are multiplied by it."""

LEAST, FAINTEST = 1e-5, 1e-9
"""Directions are dropped whose variance is below this share of the largest, or this; features are about 1."""


def measure(features: Floats, share: Floats | None = None) -> tuple[Floats, Floats]:
    """Return the mean, (C,), and the covariance, (C, C), of features, (C, P).

    With `share`, (P,) of at least 0, a position counts by it; where all of it is 0, so are both.
    """
    if share is None:
        mean = features.mean(axis=1)
        apart = features - mean[:, None]
        return mean, apart @ apart.T / np.float32(features.shape[1])
    weights = share / max(share.sum(), np.float32(1e-12))
    mean = features @ weights
    apart = (features - mean[:, None]) * np.sqrt(weights)
    return mean, apart @ apart.T


def root(covariance: NDArray[np.floating], inverse: bool = False) -> NDArray[np.float64]:
    """Return the symmetric square root of a covariance, (C, C), or that of its inverse, without faint directions."""
    values, vectors = np.linalg.eigh(covariance.astype(np.float64))
    kept = values > max(LEAST * values[-1], FAINTEST)
    powers = values[kept] ** (-0.5 if inverse else 0.5)
    return (vectors[:, kept] * powers) @ vectors[:, kept].T


def transfer(covariance: Floats, mean: Floats, style: Floats, target: Floats, alpha: float) -> tuple[Floats, Floats]:
    """Return (matrix, shift) that give features, once their `mean` is subtracted, the style's mean and covariance.

    Args:
        covariance, mean: (C, C) and (C,) of the photo's features.
        style, target: covariance, (C, C), and mean, (C,), of a code: those of the style times `alpha`.
        alpha: 0 keeps the features, 1 is the style (eq. 4 of the paper); more goes beyond it.

    Returns:
        (C, C) and (C,), float32.
    """
    matrix = (1 - alpha) * np.eye(len(mean))
    if alpha:
        matrix += alpha * root(style / alpha) @ root(covariance, inverse=True)
    return matrix.astype(np.float32), ((1 - alpha) * mean + target).astype(np.float32)


def steadied(mean: Floats, covariance: Floats, before: tuple[Floats, Floats], share: float) -> tuple[Floats, Floats]:
    """Return a frame's mean, (C,), and covariance, (C, C), mixed with those of the frame before, by its `share`.

    What is far from the frame's own counts as the nearest that is not, by `LIMIT` and `SHIFT`: the correlations of
    the frame before stay, its deviations are clamped.
    """
    own, other = (np.sqrt(np.maximum(np.diag(c), FAINTEST)) for c in (covariance, before[1]))
    factor = other.clip(own / LIMIT, own * LIMIT) / other
    near = before[1] * factor * factor[:, None]
    centre = before[0].clip(mean - SHIFT * own, mean + SHIFT * own)
    weight = np.float32(share)
    return mean + weight * (centre - mean), (covariance + weight * (near - covariance)).astype(np.float32)
