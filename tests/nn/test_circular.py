"""Nets with circular padding."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy import ndimage
from torch import nn
from torch.nn import functional as F

from stylezoo.nn.circular import circular, lowpass, upsample


class Hidden(nn.Module):
    """A convolution that is registered, and one that is not."""

    def __init__(self) -> None:
        super().__init__()
        self.shown = nn.Conv2d(1, 1, 3, padding=1)
        self.__dict__["hidden"] = nn.Conv2d(1, 1, 5, padding=2, padding_mode="reflect")

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.hidden(self.shown(x))


def test_the_copy_pads_circularly_on_the_same_weights_and_the_net_stays() -> None:
    net = Hidden()
    made = circular(net)
    x = torch.rand(1, 1, 9, 7)
    inner = F.conv2d(F.pad(x, (1, 1, 1, 1), mode="circular"), net.shown.weight, net.shown.bias)
    wanted = F.conv2d(F.pad(inner, (2, 2, 2, 2), mode="circular"), net.hidden.weight, net.hidden.bias)
    assert torch.allclose(made(x), wanted, atol=1e-6)
    assert net.shown.padding_mode == "zeros" and net.hidden.padding_mode == "reflect"
    assert made.shown.weight is net.shown.weight and made.hidden.weight is net.hidden.weight


def test_upsampling_wraps() -> None:
    x = torch.rand(1, 2, 5, 6)
    wanted = F.interpolate(x.repeat(1, 1, 3, 3), scale_factor=2, mode="bilinear")[..., 10:20, 12:24]
    assert torch.allclose(upsample(x, "bilinear", "circular"), wanted, atol=1e-6)
    assert torch.equal(upsample(x, "bilinear", "reflect"), F.interpolate(x, scale_factor=2, mode="bilinear"))


@pytest.mark.parametrize("mode", ["reflect", "circular"])
def test_lowpass_is_a_convolution_by_1_2_1(mode: str) -> None:
    x = np.random.default_rng(4).random((2, 3, 7, 9))
    kernel = np.outer([1, 2, 1], [1, 2, 1]) / 16
    expected = ndimage.convolve(x, kernel[None, None], mode="mirror" if mode == "reflect" else "wrap")
    np.testing.assert_allclose(lowpass(torch.from_numpy(x), mode).numpy(), expected)


def test_lowpass_removes_what_alternates_and_keeps_what_is_flat() -> None:
    rows, columns = np.indices((8, 8))
    for pattern in ((-1.0) ** rows, (-1.0) ** columns, (-1.0) ** (rows + columns)):
        assert lowpass(torch.from_numpy(pattern)[None, None], "circular").abs().max() < 1e-12
    torch.testing.assert_close(lowpass(torch.full((1, 1, 5, 5), 0.3), "reflect"), torch.full((1, 1, 5, 5), 0.3))
