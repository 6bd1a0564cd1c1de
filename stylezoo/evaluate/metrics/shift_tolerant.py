"""The networks of ST-LPIPS, whose weights no training loss has seen, from the package `stlpips_pytorch`.

Ghildyal and Liu 2022, "Shift-tolerant Perceptual Similarity Metric" (arXiv:2207.13686).
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from importlib.util import find_spec
from types import ModuleType
from typing import Any

import torch
from torch import Tensor

from stylezoo.errors import OptionError, StyleZooError
from stylezoo.evaluate.metrics.base import Picture
from stylezoo.nn.stats import gram_matrix

UNUSED = {"IPython": "embed", "torchsummary": "summary"}
"""Packages that the package imports, and what of them, without needing it to measure."""

LAYERS = ("relu1_2", "relu2_2", "relu3_3", "relu4_3", "relu5_3")
"""What the five outputs of its VGG16 are, each blurred before the next stride."""


@cache
def network(trunk: str, device: torch.device) -> Any:
    """Return ST-LPIPS with a trunk, "alex" or "vgg", built once for each device.

    Raises:
        OptionError: the package is not installed.
        StyleZooError: it is, and cannot be used with what else is.
    """
    if find_spec("stlpips_pytorch") is None:
        raise OptionError("needs the package stlpips_pytorch: pip install 'stylezoo[eval]'")
    try:
        with _stand_ins():
            from stlpips_pytorch.stlpips import LPIPS

        return LPIPS(net=trunk, variant="shift_tolerant", verbose=False).eval().requires_grad_(False).to(device)
    except Exception as cause:  # whatever an old package finds changed
        raise StyleZooError(f"stlpips_pytorch does not work with torch {torch.__version__}: {cause}") from cause


def texture_grams(picture: Picture, device: torch.device) -> list[Tensor]:
    """Return the Gram matrices of a picture at `LAYERS` of the VGG16, (1, C, C) each."""
    return picture.once(("grams of stlpips", device), lambda pixels: grams_of(pixels, device))


@torch.inference_mode()
def grams_of(pixels: Tensor, device: torch.device) -> list[Tensor]:
    """Return the Gram matrices of pixels, (1, 3, H, W) in [0, 1]; see `texture_grams`."""
    net = network("vgg", device)
    return [gram_matrix(x) for x in net.net(net.scaling_layer(2 * pixels.to(device) - 1))]


@contextmanager
def _stand_ins() -> Iterator[None]:
    """Put empty modules in the place of packages that are imported without need and are not installed."""
    missing = [name for name in UNUSED if find_spec(name) is None]
    for name in missing:
        module = ModuleType(name)
        setattr(module, UNUSED[name], None)
        sys.modules[name] = module
    try:
        yield
    finally:
        for name in missing:
            del sys.modules[name]
