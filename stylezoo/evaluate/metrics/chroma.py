"""K: is the result as colourful as the style image?"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from stylezoo.evaluate.metrics.base import Metric, Picture, Scene, geometric_mean
from stylezoo.nn.color import rgb_to_lab

GREY = 2.0
"""Mean chroma, in Lab units, below which a style image counts as grey: nothing can have a share of its colour."""


class ChromaShare(Metric):
    """K = mean over pixels of sqrt(a^2 + b^2) of the result, over the same mean of the style image, in CIELAB.

    From 0, for a grey result; 1 is best, above 1 is more colourful than the style. None for a grey style image (mean
    chroma below 2). No network is involved.
    """

    key, title, better, decimals = "K", "chroma share", "one", 2
    note = "K is the mean Lab chroma of the result over that of the style image: below 1 is duller, above 1 gaudier."

    def measure(self, result: Picture, scene: Scene) -> float | None:
        if scene.style is None or (target := scene.style.once("chroma", chroma)) < GREY:
            return None
        return result.once("chroma", chroma) / target

    def pool(self, values: Sequence[float]) -> float:
        """Return the geometric mean: half and twice the chroma cancel."""
        return geometric_mean(values)


@torch.inference_mode()
def chroma(pixels: Tensor) -> float:
    """Return the mean chroma of a picture, (1, 3, H, W) in [0, 1], in Lab units."""
    return float(rgb_to_lab(pixels.double().cpu())[:, 1:].norm(dim=1).mean())
