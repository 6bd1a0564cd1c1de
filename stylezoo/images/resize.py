"""Resampling, and padding to multiples of a net's stride."""

from __future__ import annotations

import math
from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional

from stylezoo.errors import OptionError
from stylezoo.images.sizes import padded_side


def resize(x: Tensor, size: tuple[int, int]) -> Tensor:
    """Return `x` (float NCHW in [0, 1]) at `size` (height, width): bicubic, antialiased, clamped to [0, 1].

    At the same size `x` is returned unchanged. Raises OptionError for a size below 1.
    """
    height, width = size
    if height < 1 or width < 1:
        raise OptionError(f"size={height}x{width} must be at least 1x1")
    if tuple(x.shape[-2:]) == (height, width):
        return x
    # Half precision is resampled in float32: its bicubic kernel is coarse, and some devices lack it.
    wide = functional.interpolate(
        x.float() if x.dtype in (torch.float16, torch.bfloat16) else x,
        size=(height, width),
        mode="bicubic",
        antialias=True,
    )
    return wide.clamp(0, 1).to(x.dtype)  # bicubic weights overshoot at edges


def pad_to_multiple(x: Tensor, multiple: int, minimum: int = 1) -> tuple[Tensor, tuple[int, int]]:
    """Pad NCHW `x` right and below by reflection; return it and its original size, (height, width), for `crop`.

    Both sides become the next multiple of `multiple` that is at least `minimum`. The reflection repeats where the
    padding exceeds the picture, so 1 px wide pictures are padded too. Raises OptionError for a value below 1.
    """
    if multiple < 1 or minimum < 1:
        raise OptionError(f"multiple={multiple} and minimum={minimum} must be at least 1")
    height, width = x.shape[-2:]
    for axis, side in ((-2, height), (-1, width)):
        padded = padded_side(side, multiple, minimum)
        if padded != side:
            x = x.index_select(axis, reflected(side, padded, x.device))
    return x, (height, width)


def crop(x: Tensor, size: tuple[int, int]) -> Tensor:
    """Return the top left `size` (height, width) of NCHW `x`: undoes `pad_to_multiple`."""
    return x[..., : size[0], : size[1]]


def reflected(side: int, length: int, device: torch.device | None = None) -> Tensor:
    """Indices 0 ... side-1 ... 0 ... that reflect without repeating the border, `length` of them."""
    period = max(1, 2 * (side - 1))
    position = torch.arange(length, device=device) % period
    return torch.minimum(position, period - position) if side > 1 else position


class Taps(NamedTuple):
    """The weights of a run of resampled pixels over the pixels `first` to `last` (exclusive) of the same line."""

    first: int
    last: int
    weights: Tensor
    """(pixels made, last - first), float32."""

    def along(self, x: Tensor, axis: int) -> Tensor:
        """Apply the weights to `x`, (..., H, W), along `axis`: -1 or -2."""
        weights = self.weights.to(x)
        return weights @ x if axis == -2 else x @ weights.mT


def resample(before: int, after: int, start: int, stop: int) -> list[Taps]:
    """Return the weights for pixels `start` to `stop` of a line of `after` px resampled from `before` px, as `resize`.

    Uses Keys' cubic kernel (1981, a = -1/2), widened when shrinking. Split into runs, to store few zero weights.
    """
    step = before / after
    width = max(step, 1.0)
    runs = []
    for begin in range(start, stop, 64):
        centres = (torch.arange(begin, min(begin + 64, stop), dtype=torch.float64) + 0.5) * step
        first = max(0, math.floor(float(centres[0]) - 2 * width + 0.5))
        last = min(before, math.floor(float(centres[-1]) + 2 * width + 0.5))
        x = ((torch.arange(first, last) + 0.5 - centres[:, None]) / width).abs()
        near, far = (1.5 * x - 2.5) * x * x + 1, ((-0.5 * x + 2.5) * x - 4) * x + 2
        weights = torch.where(x < 1, near, torch.where(x < 2, far, 0.0))
        runs.append(Taps(first, last, (weights / weights.sum(dim=1, keepdim=True)).float()))
    return runs
