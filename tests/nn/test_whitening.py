from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from stylezoo.nn.norm import frozen_statistics, own_statistics, recorded_statistics, smoothed_statistics
from stylezoo.nn.whitening import Whitening


def features(seed: int, height: int = 9, width: int = 14) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    mix = torch.randn(8, 8, generator=generator)
    return torch.einsum("oc,nchw->nohw", mix, torch.randn(1, 8, height, width, generator=generator)) + 0.5


def code(x: Tensor, alpha: float = 1.0) -> tuple[Tensor, Tensor]:
    mean, covariance = (part.flatten(1) for part in Whitening(8).measure(x))
    return torch.cat([alpha * covariance, torch.tensor([[alpha]])], dim=1), alpha * mean


def test_the_result_has_the_styles_mean_and_covariance() -> None:
    y = Whitening(8)(features(0), *code(features(1)))
    for part, expected in zip(Whitening(8).measure(y), Whitening(8).measure(features(1)), strict=True):
        torch.testing.assert_close(part, expected, rtol=1e-3, atol=1e-3)


def test_covariances_come_from_parts_as_from_the_whole() -> None:
    x = features(2, 12, 20)
    moments = Whitening(8).moments()
    for part in (x[..., :5, :], x[..., 5:, :7], x[..., 5:, 7:]):
        moments.add(part)
    for part, expected in zip(moments.statistics(), Whitening(8).measure(x), strict=True):
        torch.testing.assert_close(part, expected, rtol=1e-5, atol=1e-5)
        assert part.shape == expected.shape


def regions(height: int, width: int, at: int) -> Tensor:
    left = (torch.arange(width) < at).float().expand(1, 1, height, width)
    return torch.cat([0.9 * left + 0.1, 0.9 - 0.9 * left], dim=1)


def test_regions_have_their_own_mean_and_covariance_from_parts_as_from_the_whole() -> None:
    x, shares = features(2, 12, 20), regions(12, 20, 8)
    found, moments = Whitening(8).measure(x, shares), Whitening(8).moments()
    for part in (slice(0, 9), slice(9, 20)):
        moments.add(x[..., part], shares[..., part])
    for measured in (found, moments.statistics()):
        for k in range(2):
            flat, share = x[0].flatten(1).double().numpy(), shares[0, k].flatten().double().numpy()
            np.testing.assert_allclose(measured[0][k].flatten(), np.average(flat, axis=1, weights=share), atol=1e-5)
            expected = np.cov(flat, aweights=share, ddof=0)
            np.testing.assert_allclose(measured[1][k].reshape(8, 8), expected, rtol=1e-3, atol=1e-4)


def test_a_region_of_its_own_statistics_becomes_its_style() -> None:
    norm, x = Whitening(8), features(0, 8, 12)
    gamma, beta = (torch.cat(parts) for parts in zip(code(features(1)), code(features(2)), strict=True))
    left = (torch.arange(12) < 5).float().expand(1, 1, 8, 12)
    shares = torch.cat([left, 1 - left], dim=1)
    with own_statistics(norm), recorded_statistics(norm) as statistics:
        made = norm(x, gamma, beta, shares)
    for k in range(2):
        pairs = zip(norm.measure(made, shares), norm.measure(features(1 + k)), strict=True)
        for found, expected in pairs:
            torch.testing.assert_close(found[k], expected[0], rtol=1e-3, atol=1e-3)
    with frozen_statistics(norm, statistics):
        torch.testing.assert_close(norm(x[..., 3:], gamma, beta, shares[..., 3:]), made[..., 3:])


def test_a_part_is_that_of_the_whole_once_the_statistics_are_frozen() -> None:
    norm, x = Whitening(8), features(3)
    with recorded_statistics(norm) as statistics:
        whole = norm(x, *code(features(1)))
    with frozen_statistics(norm, statistics):
        torch.testing.assert_close(norm(x[..., 4:], *code(features(1))), whole[..., 4:])


def test_a_code_or_a_statistic_that_changes_is_not_taken_for_the_one_before() -> None:
    norm = Whitening(8)
    first = norm(features(0), *code(features(1)))
    assert not torch.allclose(norm(features(0), *code(features(2))), first)
    torch.testing.assert_close(norm(features(0), *code(features(1))), first)
    torch.testing.assert_close(norm(features(4), *code(features(1), 0.0)), features(4))


def test_regions_have_their_own_style_and_soft_ones_the_mix() -> None:
    norm, x = Whitening(8), features(0, 8, 12)
    gamma, beta = (torch.cat(parts) for parts in zip(code(features(1)), code(features(2)), strict=True))
    left = (torch.arange(24) < 10).float().expand(1, 1, 16, 24)
    both = norm(x, gamma, beta, torch.cat([left, 1 - left], dim=1))
    one, two = (norm(x, gamma[k, None], beta[k, None]) for k in range(2))
    torch.testing.assert_close(both[..., :5], one[..., :5], rtol=1e-4, atol=1e-4)
    torch.testing.assert_close(both[..., 5:], two[..., 5:], rtol=1e-4, atol=1e-4)
    half = norm(x, gamma, beta, torch.full((1, 2, 16, 24), 0.5))
    torch.testing.assert_close(half, (one + two) / 2, rtol=1e-4, atol=1e-4)


def test_frames_take_over_a_share_of_the_covariance_before() -> None:
    norm, before, now = Whitening(8), features(0), features(0) * 1.1
    statistics: dict[str, tuple[Tensor, Tensor]] = {}
    for x in (before, now):
        with smoothed_statistics(norm, statistics, 0.75):
            norm(x, *code(features(1)))
    (mean, covariance), (old, spread) = norm.measure(now), norm.measure(before)
    torch.testing.assert_close(statistics["#1"][0], 0.25 * mean + 0.75 * old, rtol=1e-4, atol=1e-4)
    torch.testing.assert_close(statistics["#1"][1], 0.25 * covariance + 0.75 * spread, rtol=1e-3, atol=1e-3)
