"""Resampling, and padding to multiples of a net's stride."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

from stylezoo.errors import OptionError
from stylezoo.images import planes
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


def resize_around(x: Tensor, size: tuple[int, int]) -> Tensor:
    """Return what `resize` does of a picture that tiles: opposite edges are neighbours."""
    return torch.from_numpy(planes.resize(x.detach().float().cpu().numpy(), size, wrap=True)).to(x)


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
