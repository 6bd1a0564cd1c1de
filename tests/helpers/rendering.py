"""`render` by torch, with tensors in and out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor

from stylezoo.models import StyleNet
from stylezoo.runtime.base import Region, StyleCode, as_array
from stylezoo.runtime.options import StylizeOptions
from stylezoo.runtime.render import render as render_arrays
from stylezoo.torch_runtime.runtime import TorchRuntime


def render(
    net: StyleNet, photo: Tensor, style: StyleCode | Sequence[Region], *, progress: bool = False, **options: Any
) -> Tensor:
    """Return what `stylezoo.runtime.render.render` makes of a photo, (N, 3, H, W)."""
    if not isinstance(style, StyleCode):
        style = [replace(region, mask=as_array(region.mask)) for region in style]
    made = render_arrays(TorchRuntime(net), as_array(photo), style, StylizeOptions(**options), progress=progress)
    return torch.from_numpy(made)


def tensor(code: StyleCode) -> Tensor:
    """Return the numbers of a code as a tensor."""
    return torch.from_numpy(code.values)
