"""T: how far the texture of the result is from that of the style image, in a network that no loss uses."""

from __future__ import annotations

from collections.abc import Sequence

import torch

from stylezoo.evaluate.metrics.base import Metric, Picture, Scene, geometric_mean, relative_gram_error
from stylezoo.evaluate.metrics.shift_tolerant import network, texture_grams


class TextureError(Metric):
    """T = mean over five layers of ||G(result) - G(style)||_F^2 / ||G(style)||_F^2, in the VGG16 of ST-LPIPS.

    The layers are the outputs of its five stages, relu1_2, relu2_2, relu3_3, relu4_3 and relu5_3, blurred against
    aliasing. From 0, for the style image itself. Lower is better. As S, but in a network of other weights in which
    nothing is trained: Gram matrices of Gatys et al. 2016 (arXiv:1508.06576), network of Ghildyal and Liu 2022
    (arXiv:2207.13686). Pairs are averaged geometrically.

    Raises:
        OptionError: the package `stlpips_pytorch` is not installed.
    """

    key, title, better = "T", "texture error", "lower"
    note = "T is the mean relative Gram error in the antialiased VGG16 of ST-LPIPS, in which nothing is trained."

    def pool(self, values: Sequence[float]) -> float:
        """Return the geometric mean.

        Smooth style images have small Gram matrices: a pair with one, of a hundred times the error of others, would
        decide an arithmetic mean.
        """
        return geometric_mean(values)

    def __init__(self, device: torch.device | str = "cpu") -> None:
        super().__init__(device)
        network("vgg", self.device)

    def measure(self, result: Picture, scene: Scene) -> float | None:
        if scene.style is None:
            return None
        return relative_gram_error(texture_grams(result, self.device), texture_grams(scene.style, self.device))
