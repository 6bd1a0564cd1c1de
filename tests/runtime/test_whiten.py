"""Whitening and colouring against the paper's formulas in float64."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from stylezoo.runtime.whiten import CODE_WIDTH, LEAST, measure, root, steadied, transfer

Array = NDArray[np.float64]


def features(seed: int, channels: int = 12, positions: int = 400) -> Array:
    """Features whose channels depend on each other."""
    rng = np.random.default_rng(seed)
    return rng.standard_normal((channels, channels)) @ rng.standard_normal((channels, positions)) + rng.random((12, 1))


def changed(photo: Array, style: Array, alpha: float = 1.0) -> Array:
    single = photo.astype(np.float32)
    mean, covariance = measure(single)
    target, wanted = (np.float32(alpha) * part for part in measure(style.astype(np.float32)))
    matrix, shift = transfer(covariance, mean, wanted, target, alpha)
    return (matrix @ (single - mean[:, None]) + shift[:, None]).astype(np.float64)


def papers(photo: Array, style: Array) -> Array:
    """Equations 1 to 3, by singular vectors of the features themselves."""
    apart, other = (f - f.mean(axis=1, keepdims=True) for f in (photo, style))
    (e_c, d_c, _), (e_s, d_s, _) = (np.linalg.svd(f, full_matrices=False) for f in (apart, other))
    white = e_c @ np.diag(np.sqrt(photo.shape[1]) / d_c) @ e_c.T @ apart
    coloured = e_s @ np.diag(d_s / np.sqrt(style.shape[1])) @ e_s.T @ white
    return coloured + style.mean(axis=1, keepdims=True)


def test_features_become_what_the_paper_has() -> None:
    photo, style = features(0), features(1, positions=300)
    expected = papers(photo, style)
    np.testing.assert_allclose(changed(photo, style), expected, atol=2e-3 * np.abs(expected).max())
    np.testing.assert_allclose(np.cov(changed(photo, style), bias=True), np.cov(style, bias=True), rtol=0.01, atol=0.01)


def test_positions_count_by_their_share() -> None:
    x, share = features(0), np.random.default_rng(9).random(400)
    mean, covariance = measure(x.astype(np.float32), share.astype(np.float32))
    np.testing.assert_allclose(mean, np.average(x, axis=1, weights=share), atol=1e-5)
    np.testing.assert_allclose(covariance, np.cov(x, aweights=share, ddof=0), rtol=1e-4, atol=1e-4)
    empty = measure(x.astype(np.float32), np.zeros(400, np.float32))
    assert all(np.array_equal(part, np.zeros_like(part)) for part in empty)


@pytest.mark.parametrize("alpha", [0.0, 0.3, 1.6])
def test_alpha_mixes_the_features(alpha: float) -> None:
    photo, style = features(0), features(1)
    expected = (1 - alpha) * photo + alpha * papers(photo, style)
    np.testing.assert_allclose(changed(photo, style, alpha), expected, atol=2e-3 * np.abs(expected).max())


def test_flat_photos_and_flat_styles_take_on_the_mean() -> None:
    flat, style = np.full((12, 50), 0.7), features(1)
    means = np.broadcast_to(style.mean(axis=1, keepdims=True), flat.shape)
    np.testing.assert_allclose(changed(flat, style), means, atol=1e-5)
    np.testing.assert_allclose(changed(style, flat), np.full_like(style, 0.7), atol=1e-5)


def test_faint_directions_are_dropped() -> None:
    """Noise of a thousandth of the deviation would otherwise count as much as everything else."""
    rng = np.random.default_rng(2)
    axes, _ = np.linalg.qr(rng.standard_normal((6, 6)))
    variances = np.array([1, 0.5, 0.2, 0.1, 2 * LEAST, 0.5 * LEAST])
    found = root((axes * variances) @ axes.T, inverse=True)
    gains = np.einsum("ij,jk,ik->i", axes.T, found, axes.T)
    np.testing.assert_allclose(gains[:5], variances[:5] ** -0.5, rtol=1e-6)
    assert abs(gains[5]) < 1e-6


def test_statistics_of_the_frame_before_are_clamped() -> None:
    mean, covariance = (part.astype(np.float32) for part in measure(features(3).astype(np.float32)))
    same_mean, same = steadied(mean, covariance, (mean, covariance), 0.9)
    np.testing.assert_allclose(same, covariance, rtol=1e-5, atol=1e-5)
    np.testing.assert_allclose(same_mean, mean, rtol=1e-5)
    _, dark = steadied(mean, covariance, (mean, covariance * np.float32(1e-4)), 1.0)
    np.testing.assert_allclose(dark, covariance / 1.25**2, rtol=1e-3, atol=1e-3)
    far, _ = steadied(mean, covariance, (mean + 1000, covariance), 1.0)
    np.testing.assert_allclose(far, mean + 0.5 * np.sqrt(np.diag(covariance)), rtol=1e-4)


def test_a_code_has_the_means_and_covariances_of_four_layers_and_alpha() -> None:
    assert sum(c + c * c for c in (512, 256, 128, 64)) + 1 == CODE_WIDTH
