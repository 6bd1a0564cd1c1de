from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor

from stylezoo.nn.stats import gram_matrix, mean_std, region_moments


def features(n: int = 2, c: int = 5, h: int = 7, w: int = 9) -> Tensor:
    return torch.randn(n, c, h, w, generator=torch.Generator().manual_seed(0)) + 0.5


def gram(x: Tensor) -> np.ndarray:
    v = x.double().numpy()
    return np.einsum("nchw,ndhw->ncd", v, v) / (v.shape[2] * v.shape[3])


def test_gram_matrix_is_the_formula() -> None:
    np.testing.assert_allclose(gram_matrix(features()).numpy(), gram(features()), rtol=1e-5, atol=1e-6)


def test_gram_matrix_of_a_view_in_another_memory_order() -> None:
    x = features().transpose(2, 3)
    np.testing.assert_allclose(gram_matrix(x).numpy(), gram(x), rtol=1e-5, atol=1e-6)
    last = features().contiguous(memory_format=torch.channels_last)
    np.testing.assert_allclose(gram_matrix(last).numpy(), gram(last), rtol=1e-5, atol=1e-6)


def test_gram_matrix_does_not_depend_on_size_for_a_repeated_texture() -> None:
    tiled = features().repeat(1, 1, 3, 2)
    torch.testing.assert_close(gram_matrix(tiled), gram_matrix(features()), rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32])
def test_gram_matrix_is_float32_under_autocast(dtype: torch.dtype) -> None:
    x = features().to(dtype)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        g = gram_matrix(x)
        assert (x.float().flatten(2) @ x.float().flatten(2).mT).dtype == torch.bfloat16  # autocast is at work here
    assert g.dtype == torch.float32
    np.testing.assert_allclose(g.numpy(), gram(x), rtol=1e-5, atol=1e-5)


def test_statistics_of_large_float16_features_do_not_overflow() -> None:
    x = (1000 * features(h=64, w=64)).half()
    np.testing.assert_allclose(gram_matrix(x).numpy(), gram(x), rtol=1e-4, atol=100)
    mean, std = mean_std(x)
    assert mean.dtype == std.dtype == torch.float32
    np.testing.assert_allclose(mean.numpy(), x.double().numpy().mean(axis=(2, 3)), rtol=1e-4)
    np.testing.assert_allclose(std.numpy(), x.double().numpy().std(axis=(2, 3)), rtol=1e-4)


def test_gram_over_a_region_counts_positions_by_it() -> None:
    x = features(h=4, w=6).double()
    left = torch.zeros(1, 1, 4, 6)
    left[..., :2] = 1
    torch.testing.assert_close(gram_matrix(x, left), gram_matrix(x[..., :2]))
    shares = torch.rand(1, 1, 4, 6, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    expected = np.einsum("nchw,ndhw,hw->ncd", x, x, shares[0, 0]) / shares.sum().item()
    np.testing.assert_allclose(gram_matrix(x, shares), expected, rtol=1e-12)
    assert torch.equal(gram_matrix(x, left * 0), torch.zeros_like(gram_matrix(x)))


def test_moments_of_regions_count_positions_by_their_shares() -> None:
    x = 1000 + features(n=1, h=6, w=8)
    parts = torch.rand(1, 3, 12, 24, generator=torch.Generator().manual_seed(1))
    parts[:, 2] = 0
    mean, variance = region_moments(x, parts)
    v, shares = x.double().numpy()[0], parts.double().numpy()[0].reshape(3, 6, 2, 8, 3).mean(axis=(2, 4))
    for k in (0, 1):
        m = np.average(v, axis=(1, 2), weights=np.broadcast_to(shares[k], v.shape))
        spread = np.average((v - m[:, None, None]) ** 2, axis=(1, 2), weights=np.broadcast_to(shares[k], v.shape))
        np.testing.assert_allclose(mean[k].numpy(), m, rtol=1e-6)
        np.testing.assert_allclose(variance[k].numpy(), spread, rtol=1e-4)
    assert not mean[2].any() and not variance[2].any(), "an empty region"
    for ours, theirs in zip(mean_std(x, 0.01, regions=parts), (mean, (variance + 0.01).sqrt()), strict=True):
        torch.testing.assert_close(ours, theirs)


def test_mean_std_is_the_formula() -> None:
    x = features().double()
    mean, std = mean_std(x, eps=0.01)
    assert mean.shape == std.shape == (2, 5)
    np.testing.assert_allclose(mean.numpy(), x.numpy().mean(axis=(2, 3)), rtol=1e-12)
    np.testing.assert_allclose(std.numpy(), np.sqrt(x.numpy().var(axis=(2, 3)) + 0.01), rtol=1e-12)
    _, bessel = mean_std(x, 0.01, correction=1)
    np.testing.assert_allclose(bessel.numpy(), np.sqrt(x.numpy().var(axis=(2, 3), ddof=1) + 0.01), rtol=1e-12)


def test_gradients_are_those_of_finite_differences() -> None:
    x = features(n=1, c=2, h=3, w=2).double().requires_grad_()
    assert torch.autograd.gradcheck(gram_matrix, x)
    assert torch.autograd.gradcheck(mean_std, x)


def test_gradient_of_flat_features_is_finite() -> None:
    x = torch.zeros(1, 2, 4, 4, requires_grad=True)
    mean_std(x)[1].sum().backward()
    assert x.grad is not None and x.grad.isfinite().all()
