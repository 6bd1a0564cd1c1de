"""How far a picture is from its photo by a metric that has nothing to do with how nets are trained: ST-LPIPS.

Ghildyal and Liu 2022, "Shift-tolerant Perceptual Similarity Metric" (arXiv:2207.13686), by the authors' own package
`stlpips_pytorch`, which carries its weights.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from types import ModuleType

import torch
from torch import Tensor

from stylezoo.errors import OptionError, StyleZooError

UNUSED = {"IPython": "embed", "torchsummary": "summary"}
"""Packages that the package imports, and what of them, without needing it to measure."""


class STLPIPS:
    """The distance between two pictures as people see it: 0 the same, about 1 nothing in common.

    It was fitted to people's judgements of distortions and does not mind a shift by some pixels. Between a photo and
    its painting it tells how much of the photo is there, as the content error does by another trunk (AlexNet with
    antialiasing, trained anew) that no net of the zoo has seen.

    Raises:
        OptionError: the package is not installed.
        StyleZooError: it is, and cannot be used with what else is.
    """

    def __init__(self, device: str | torch.device = "cpu") -> None:
        if find_spec("stlpips_pytorch") is None:
            raise OptionError("ST-LPIPS is a package of its own: pip install 'stylezoo[eval]'")
        try:
            with _stand_ins():
                from stlpips_pytorch.stlpips import LPIPS

            self.net = LPIPS(net="alex", variant="shift_tolerant", verbose=False).eval().to(device)
        except Exception as cause:  # whatever an old package finds changed
            raise StyleZooError(
                f"stlpips_pytorch does not work with torch {torch.__version__}: {cause}: leave --stlpips out"
            ) from cause

    @torch.inference_mode()
    def __call__(self, photo: Tensor, painted: Tensor) -> float:
        """Return the distance of two pictures, (1, 3, H, W) in [0, 1], of one size from 64 px a side."""
        device = next(self.net.parameters()).device
        return float(self.net(photo.to(device), painted.to(device), normalize=True))


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
