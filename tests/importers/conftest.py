"""Weights as others write them."""

from __future__ import annotations

import pytest
import torch
from skimage import data
from torch import Tensor, nn


class Padded(nn.Module):
    """A convolution of the reference: reflection padding, and nearest enlargement before it where asked for."""

    def __init__(self, inputs: int, outputs: int, kernel: int, stride: int = 1, enlarge: int = 1) -> None:
        super().__init__()
        self.enlarge = enlarge
        self.reflection_pad = nn.ReflectionPad2d(kernel // 2)
        self.conv2d = nn.Conv2d(inputs, outputs, kernel, stride)

    def forward(self, x: Tensor) -> Tensor:
        x = nn.functional.interpolate(x, scale_factor=self.enlarge, mode="nearest") if self.enlarge > 1 else x
        return self.conv2d(self.reflection_pad(x))


class Residual(nn.Module):
    def __init__(self, width: int) -> None:
        super().__init__()
        self.conv1, self.in1 = Padded(width, width, 3), nn.InstanceNorm2d(width, affine=True)
        self.conv2, self.in2 = Padded(width, width, 3), nn.InstanceNorm2d(width, affine=True)

    def forward(self, x: Tensor) -> Tensor:
        return x + self.in2(self.conv2(self.in1(self.conv1(x)).relu()))


class FastNeuralStyle(nn.Module):
    """pytorch/examples' net by its modules' names; takes and gives 0..255."""

    def __init__(self, stages: tuple[int, ...] = (32, 64, 128, 64, 32), blocks: int = 5) -> None:
        super().__init__()
        a, b, c, d, e = stages
        self.conv1, self.in1 = Padded(3, a, 9), nn.InstanceNorm2d(a, affine=True)
        self.conv2, self.in2 = Padded(a, b, 3, 2), nn.InstanceNorm2d(b, affine=True)
        self.conv3, self.in3 = Padded(b, c, 3, 2), nn.InstanceNorm2d(c, affine=True)
        for index in range(blocks):
            self.add_module(f"res{index + 1}", Residual(c))
        self.deconv1, self.in4 = Padded(c, d, 3, enlarge=2), nn.InstanceNorm2d(d, affine=True)
        self.deconv2, self.in5 = Padded(d, e, 3, enlarge=2), nn.InstanceNorm2d(e, affine=True)
        self.deconv3 = Padded(e, 3, 9)
        self.blocks = blocks

    def forward(self, x: Tensor) -> Tensor:
        for conv, norm in ((self.conv1, self.in1), (self.conv2, self.in2), (self.conv3, self.in3)):
            x = norm(conv(x)).relu()
        for index in range(self.blocks):
            x = self.get_submodule(f"res{index + 1}")(x)
        for conv, norm in ((self.deconv1, self.in4), (self.deconv2, self.in5)):
            x = norm(conv(x)).relu()
        return self.deconv3(x)


def reference_net(stages: tuple[int, ...] = (32, 64, 128, 64, 32), blocks: int = 5) -> FastNeuralStyle:
    """Random weights that make a picture."""
    with torch.random.fork_rng():
        torch.manual_seed(4)
        net = FastNeuralStyle(stages, blocks)
        for module in net.modules():
            if isinstance(module, nn.InstanceNorm2d):
                nn.init.uniform_(module.weight, 0.4, 1.6)
                nn.init.normal_(module.bias, std=0.3)
        with torch.no_grad():
            net.deconv3.conv2d.weight *= 60
            net.deconv3.conv2d.bias.fill_(120)
    return net.requires_grad_(False)


@pytest.fixture(scope="session")
def reference() -> FastNeuralStyle:
    """The reference's net at its own widths. Not to be changed."""
    return reference_net()


@pytest.fixture(scope="session")
def narrow() -> FastNeuralStyle:
    """One with other widths and three blocks, small enough for many tests. Not to be changed."""
    return reference_net((4, 8, 12, 8, 4), blocks=3)


@pytest.fixture(scope="session")
def photo() -> Tensor:
    """(1, 3, 64, 80) in [0, 1]."""
    return torch.from_numpy(data.astronaut()[40:104, 180:260].copy()).permute(2, 0, 1)[None].float() / 255
