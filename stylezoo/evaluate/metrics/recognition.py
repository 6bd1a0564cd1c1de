"""R: do results look like their own style, colours aside?"""

from __future__ import annotations

import statistics
from collections.abc import Sequence

import torch
from torch import Tensor

from stylezoo.evaluate.metrics.base import Metric, Picture, Scene
from stylezoo.evaluate.metrics.shift_tolerant import grams_of, network
from stylezoo.images.resize import resize


class Recognition(Metric):
    """R = share of results that are nearest to their own style image among all style images of the comparison.

    Results and style images are made grey and given one histogram, the uniform one, so that neither colour nor contrast
    helps. Nearest is the greatest `likeness` of T's Gram matrices at full and half size. 1 for a result that is nearest
    to the right style image, else 0: so a mean is a share, and 1 / number of styles is chance. Higher is better. None
    where there is only one style.

    Raises:
        OptionError: the package `stlpips_pytorch` is not installed.
    """

    key, title, better, decimals = "R", "recognition", "higher", 2
    note = "R is the share of results that, made grey, are nearest in texture to their own style image of all."

    def __init__(self, device: torch.device | str = "cpu") -> None:
        super().__init__(device)
        network("vgg", self.device)

    def measure(self, result: Picture, scene: Scene) -> float | None:
        if scene.style_id is None or len(scene.gallery) < 2:
            return None
        own = self.statistics(result)
        near = {id: likeness(own, self.statistics(style)) for id, style in scene.gallery.items()}
        return float(max(near, key=lambda id: near[id]) == scene.style_id)

    def statistics(self, picture: Picture) -> list[Tensor]:
        """Return the Gram matrices of a picture, grey and of uniform histogram, at full and half size."""
        return picture.once(("recognition", self.device), self._compute)

    def _compute(self, pixels: Tensor) -> list[Tensor]:
        height, width = pixels.shape[-2:]
        sizes = [(height, width), (max(1, height // 2), max(1, width // 2))]
        return [g for size in sizes for g in grams_of(equalized(resize(pixels, size)), self.device)]


def likeness(grams: Sequence[Tensor], others: Sequence[Tensor]) -> float:
    """Return the mean cosine between two pictures' Gram matrices, layer by layer: 1 for the same, whatever their size.

    By an error relative to the candidate, as T is, busy style images with large Gram matrices would attract results of
    all styles: of quarters of the style images themselves, fewer are then recognised (docs/measuring.md).
    """
    pairs = zip(grams, others, strict=True)
    return statistics.fmean(float((g * o).sum() / (g.norm() * o.norm()).clamp_min(1e-12)) for g, o in pairs)


def equalized(pixels: Tensor) -> Tensor:
    """Return a picture, (1, 3, H, W) in [0, 1], grey and with a uniform histogram: equal greys get their mean rank."""
    grey = (pixels * pixels.new_tensor([0.299, 0.587, 0.114]).view(3, 1, 1)).sum(1, keepdim=True)
    _, place, counts = grey.mul(255).round().unique(return_inverse=True, return_counts=True)
    ends = counts.cumsum(0)
    ranks = (ends - counts / 2) / ends[-1]
    return ranks.to(pixels)[place].expand(-1, 3, -1, -1)
