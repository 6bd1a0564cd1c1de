"""Nets with circular padding."""

from __future__ import annotations

import torch
from torch import nn
from torch.nn import functional as F

from stylezoo.nn.circular import circular, upsample


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
