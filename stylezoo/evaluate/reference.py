"""The net of Johnson et al. 2016 as PyTorch's own examples have it, in plain layers: what most of the field runs."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from typing import cast

from torch import Tensor, nn
from torch.nn import functional as F


class ReferenceNet(nn.Module):
    """9x9 stem, two strided stages, five residual blocks of 128 channels, two upsampled stages, 9x9 head.

    Instance norms with affine, reflection padding, nearest upsampling; RGB in 0..255 in and out. Its parameters have
    the names and shapes that `johnson` with variant "classic" reads. 1,679,235 parameters.
    """

    def __init__(self) -> None:
        super().__init__()
        widths = (3, 32, 64, 128)
        for i, (inputs, outputs) in enumerate(pairwise(widths), start=1):
            self.add_module(f"conv{i}", _Padded(inputs, outputs, 3 if i > 1 else 9, 2 if i > 1 else 1))
            self.add_module(f"in{i}", nn.InstanceNorm2d(outputs, affine=True))
        for i in range(1, 6):
            self.add_module(f"res{i}", _Residual(128))
        for i, (inputs, outputs) in enumerate([(128, 64), (64, 32)], start=1):
            self.add_module(f"deconv{i}", _Padded(inputs, outputs, 3))
            self.add_module(f"in{i + 3}", nn.InstanceNorm2d(outputs, affine=True))
        self.deconv3 = _Padded(32, 3, 9)

    def forward(self, x: Tensor) -> Tensor:
        """Stylize `x`, (N, 3, H, W) in 0..255, H and W multiples of 4."""
        for i in (1, 2, 3):
            x = F.relu(self._layer(f"in{i}")(self._layer(f"conv{i}")(x)))
        for i in range(1, 6):
            x = self._layer(f"res{i}")(x)
        for i in (1, 2):
            x = F.interpolate(x, scale_factor=2, mode="nearest")
            x = F.relu(self._layer(f"in{i + 3}")(self._layer(f"deconv{i}")(x)))
        return self.deconv3(x)

    def _layer(self, name: str) -> Callable[[Tensor], Tensor]:
        return cast("Callable[[Tensor], Tensor]", self.get_submodule(name))


class _Padded(nn.Module):
    def __init__(self, inputs: int, outputs: int, kernel: int, stride: int = 1) -> None:
        super().__init__()
        self.pad = nn.ReflectionPad2d(kernel // 2)
        self.conv2d = nn.Conv2d(inputs, outputs, kernel, stride)

    def forward(self, x: Tensor) -> Tensor:
        return self.conv2d(self.pad(x))


class _Residual(nn.Module):
    def __init__(self, width: int) -> None:
        super().__init__()
        self.conv1, self.conv2 = _Padded(width, width, 3), _Padded(width, width, 3)
        self.in1, self.in2 = (nn.InstanceNorm2d(width, affine=True) for _ in "12")

    def forward(self, x: Tensor) -> Tensor:
        return x + self.in2(self.conv2(F.relu(self.in1(self.conv1(x)))))
