"""Convolutions between many channels, with a quarter of the multiplications.

Winograd's minimal filtering F(4x4, 3x3) by Lavin & Gray 2016, "Fast Algorithms for Convolutional Neural Networks"
(arXiv:1509.09308): a tile of 6x6 inputs takes 36 products to give 4x4 outputs, in place of 9 for each output. On the
CPU, torch computes the layers of VGG directly, and most of the time of a training step goes into them. Results differ
from torch's by some 1e-5 of the largest.
"""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable
from torch.nn import functional

from stylezoo.runtime import winograd as matrices

# The matrices of one direction, for both at once: of flattened tiles.
INPUT, KERNEL, OUTPUT = (
    np.kron(each, each).astype(float) for each in (matrices.INPUT, matrices.WEIGHT, matrices.OUTPUT)
)
BYTES = 8_000_000  # of transformed tiles at a time: as many as caches hold
LEAST_CHANNELS, LEAST_SIDE = 128 * 256, 16  # below, the transforms cost what the products save


def transform_kernel(weight: Tensor) -> Tensor:
    """Return kernels, (C', C, 3, 3), as `convolve` takes them, (36, C, C')."""
    flat = weight.permute(2, 3, 1, 0).reshape(9, -1).double()
    return (torch.from_numpy(KERNEL) @ flat).view(36, weight.shape[1], weight.shape[0]).to(weight.dtype)


def convolve(x: Tensor, kernel: Tensor, bias: Tensor | None = None) -> Tensor:
    """Return the convolution of `x`, (N, H, W, C), with zeros around it, by 3x3 kernels: (N, H, W, C').

    Args:
        kernel: `transform_kernel` of the kernels.
        bias: (C',), added to the result.
    """
    (n, height, width, inputs), outputs = x.shape, kernel.shape[2]
    down, across = -(-height // 4), -(-width // 4)
    padded = functional.pad(x, (0, 0, 1, 4 * across - width + 1, 1, 4 * down - height + 1))
    result = x.new_empty(n, 4 * down, 4 * across, outputs)
    rows = max(1, min(down, BYTES // (36 * n * across * max(inputs, outputs) * x.element_size())))
    to_points, to_pixels = (torch.from_numpy(each).to(x.dtype) for each in (INPUT, OUTPUT))
    most = n * rows * across  # tiles at a time; one memory for all times, as new pages cost more than the arithmetic
    memory = [x.new_empty(size * most) for size in (36 * inputs, 36 * inputs, 36 * outputs, 16 * outputs)]
    for row in range(0, down, rows):
        count = min(rows, down - row)
        tiles = n * count * across
        pieces, points, products, pixels = (
            part[: len(part) // most * tiles].view(size, -1)
            for part, size in zip(memory, (36, 36, 36, 16), strict=True)
        )
        part = padded[:, 4 * row : 4 * (row + count) + 2]
        for place, piece in enumerate(pieces.view(36, n, count, across, inputs)):
            i, j = divmod(place, 6)
            piece.copy_(part[:, i : i + 4 * count - 3 : 4, j : j + 4 * across - 3 : 4])
        torch.mm(to_points, pieces, out=points)
        torch.bmm(points.view(36, tiles, inputs), kernel, out=products.view(36, tiles, outputs))
        torch.mm(to_pixels, products, out=pixels)
        target = result[:, 4 * row : 4 * (row + count)].view(n, count, 4, across, 4, outputs)
        target.copy_(pixels.view(4, 4, n, count, across, outputs).permute(2, 3, 0, 4, 1, 5))
        if bias is not None:
            target.add_(bias)
    return result if result.shape[1:3] == (height, width) else result[:, :height, :width].clone()


class WinogradConv2d(nn.Conv2d):
    """A 3x3 convolution with padding 1 that is computed in this way where that is faster, and gives the same result.

    That is on the CPU, in float32, with weights that are frozen, between many channels. In all other cases it is a
    `Conv2d`. Transformed kernels take 4 times the memory of the weights, and as much again for gradients.
    """

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__(inputs, outputs, 3, padding=1)
        self._kernels: dict[str, tuple[object, Tensor]] = {}

    def __getstate__(self) -> dict[str, Any]:
        return self.__dict__ | {"_kernels": {}}

    def forward(self, x: Tensor) -> Tensor:
        if not self._is_faster(x):
            return super().forward(x)
        return _Convolution.apply(x.permute(0, 2, 3, 1), self).permute(0, 3, 1, 2)

    def _is_faster(self, x: Tensor) -> bool:
        return (
            x.device.type == "cpu"
            and x.dtype == self.weight.dtype == torch.float32
            and self.in_channels * self.out_channels >= LEAST_CHANNELS
            and x.ndim == 4
            and min(x.shape[2:]) >= LEAST_SIDE
            and not self.weight.requires_grad
            and not torch.is_autocast_enabled("cpu")
            and not torch.compiler.is_compiling()
        )

    def kernel(self, way: Literal["forward", "backward"]) -> Tensor:
        """Return the transformed kernels, or those by which gradients are convolved; they are kept."""
        weight = self.weight.detach()
        state = (weight.data_ptr(), None if weight.is_inference() else weight._version)
        known = self._kernels.get(way)
        if known is None or known[0] != state:
            turned = weight if way == "forward" else weight.flip(2, 3).transpose(0, 1)
            known = self._kernels[way] = (state, transform_kernel(turned))
        return known[1]


class _Convolution(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, conv: WinogradConv2d) -> Tensor:
        ctx.conv = conv
        return convolve(x, conv.kernel("forward"), conv.bias)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None]:
        return convolve(gradient, ctx.conv.kernel("backward")), None
