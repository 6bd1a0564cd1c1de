"""Against torch's convolution in float64."""

from __future__ import annotations

import copy
import pickle

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from stylezoo.nn import winograd
from stylezoo.nn.winograd import INPUT, KERNEL, OUTPUT, WinogradConv2d, convolve, transform_kernel


def noise(*shape: int, seed: int = 0, dtype: torch.dtype = torch.float64) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64).to(dtype)


def wide(inputs: int = 128, outputs: int = 256) -> WinogradConv2d:
    conv = WinogradConv2d(inputs, outputs)
    with torch.no_grad():
        conv.weight.copy_(noise(outputs, inputs, 3, 3, seed=1) / (9 * inputs) ** 0.5)
        assert conv.bias is not None
        conv.bias.copy_(noise(outputs, seed=2))
    return conv.requires_grad_(False)


def direct(conv: nn.Conv2d, x: Tensor) -> Tensor:
    assert conv.bias is not None
    return F.conv2d(x.double(), conv.weight.double(), conv.bias.double(), padding=1)


def test_matrices_give_the_correlation_of_a_tile() -> None:
    tile, kernel = noise(6, 6), noise(3, 3, seed=1)
    found = OUTPUT @ ((INPUT @ tile.flatten().numpy()) * (KERNEL @ kernel.flatten().numpy()))
    np.testing.assert_allclose(found.reshape(4, 4), F.conv2d(tile[None, None], kernel[None, None])[0, 0], atol=1e-12)


@pytest.mark.parametrize("size", [(1, 1), (4, 4), (5, 7), (16, 9), (33, 18)])
@pytest.mark.parametrize("count", [1, 3])
@pytest.mark.parametrize("memory", [1, 100_000, winograd.BYTES])
def test_it_is_the_convolution(size: tuple[int, int], count: int, memory: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(winograd, "BYTES", memory)
    x, weight, bias = noise(count, 5, *size), noise(7, 5, 3, 3, seed=1), noise(7, seed=2)
    found = convolve(x.permute(0, 2, 3, 1), transform_kernel(weight), bias).permute(0, 3, 1, 2)
    torch.testing.assert_close(found, F.conv2d(x, weight, bias, padding=1), rtol=0, atol=1e-11)


@pytest.mark.parametrize("size", [(16, 16), (19, 26)])
def test_a_frozen_layer_and_its_gradients_are_the_same(size: tuple[int, int]) -> None:
    conv, x = wide(), noise(2, 128, *size, dtype=torch.float32).requires_grad_()
    exact = x.detach().double().requires_grad_()
    result, expected = conv(x), direct(conv, exact)
    assert result.grad_fn is not None and "Convolution" in type(result.grad_fn.next_functions[0][0]).__name__
    torch.testing.assert_close(result.double(), expected, rtol=0, atol=1e-4)
    weights = noise(*expected.shape, seed=3)
    (result * weights.float()).sum().backward()
    (expected * weights).sum().backward()
    assert x.grad is not None and exact.grad is not None
    torch.testing.assert_close(x.grad.double(), exact.grad, rtol=0, atol=2e-4)


def test_weights_that_change_or_learn_count() -> None:
    conv, x = wide(), noise(1, 128, 16, 16, dtype=torch.float32)
    before = conv(x)
    conv.load_state_dict({name: 2 * value for name, value in conv.state_dict().items()})
    torch.testing.assert_close(conv(x), 2 * before, rtol=0, atol=1e-4)
    conv.requires_grad_(True)
    conv(x).sum().backward()
    assert conv.weight.grad is not None and conv.weight.grad.abs().sum() > 0


def test_layers_made_for_inference_work() -> None:
    with torch.inference_mode():
        conv = wide()
        x = noise(1, 128, 16, 16, dtype=torch.float32)
        torch.testing.assert_close(conv(x).double(), direct(conv, x), rtol=0, atol=1e-4)


@pytest.mark.parametrize("case", ["few channels", "small", "float64", "bfloat16"])
def test_elsewhere_it_is_torchs(case: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(winograd, "convolve", None)  # a call would fail
    conv = wide(64, 64) if case == "few channels" else wide()
    x = noise(1, conv.in_channels, *((8, 32) if case == "small" else (32, 32)), dtype=torch.float32)
    if case == "bfloat16":
        with torch.autocast("cpu", torch.bfloat16):
            assert conv(x).dtype == torch.bfloat16
        return
    if case == "float64":
        conv, x = conv.double(), x.double()
    torch.testing.assert_close(conv(x).double(), direct(conv, x), rtol=0, atol=1e-4)


def test_copies_and_pickles_leave_the_transformed_kernels_behind() -> None:
    conv, x = wide(), noise(1, 128, 16, 16, dtype=torch.float32)
    expected, size = conv(x), len(pickle.dumps(wide()))
    assert len(pickle.dumps(conv)) == size
    for other in (copy.deepcopy(conv), pickle.loads(pickle.dumps(conv))):
        assert torch.equal(other(x), expected)
