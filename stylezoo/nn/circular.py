"""Nets for pictures that tile: circular padding in every convolution."""

from __future__ import annotations

import copy
from typing import TypeVar

from torch import Tensor, nn
from torch.nn import functional as F

Net = TypeVar("Net", bound=nn.Module)

CIRCULAR = "circular"


def circular(net: Net) -> Net:
    """Return a copy of `net` that pads circularly, on the same parameters and buffers.

    Every module with a `padding_mode` has it changed, as torch's convolutions have, with zero padding too. What such a
    net makes of a picture that tiles also tiles, if the sides of the picture are multiples of the net's strides.
    """
    made = copy.copy(net)  # which shares everything
    made._modules = {name: child and circular(child) for name, child in net._modules.items()}
    for name, value in vars(net).items():
        if isinstance(value, nn.Module):  # not registered, as a frozen encoder
            made.__dict__[name] = circular(value)
    if hasattr(made, "padding_mode"):
        made.__dict__["padding_mode"] = CIRCULAR
    return made


def lowpass(x: Tensor, padding_mode: str) -> Tensor:
    """Return (N, C, H, W) blurred by 1 2 1 in both directions, which removes what alternates from pixel to pixel."""
    padded = F.pad(x, (1, 1, 1, 1), mode=padding_mode)
    return F.avg_pool2d(F.avg_pool2d(padded, 2, stride=1), 2, stride=1)  # 1 1 by 1 1


def upsample(x: Tensor, mode: str, padding_mode: str) -> Tensor:
    """Return (N, C, H, W) at twice the size, "nearest" or "bilinear"; at the border as `padding_mode` says."""
    if padding_mode != CIRCULAR or mode == "nearest":
        return F.interpolate(x, scale_factor=2, mode=mode)
    wide = F.pad(x, (1, 1, 1, 1), mode=CIRCULAR)
    return F.interpolate(wide, scale_factor=2, mode=mode)[..., 2:-2, 2:-2]
