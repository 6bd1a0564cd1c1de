"""S: how far the result is from the style image, in the network of the training losses."""

from __future__ import annotations

from stylezoo.evaluate.metrics.base import Metric, Picture, Scene, relative_gram_error
from stylezoo.evaluate.metrics.vgg19 import statistics


class StyleError(Metric):
    """S = mean over relu1_1 ... relu5_1 of ||G(result) - G(style)||_F^2 / ||G(style)||_F^2, in VGG19 (Caffe lineage).

    From 0, for the style image itself; the content image is mostly between 0.5 and 1. Lower is better, but nets are
    trained on these very Gram matrices, in which light and dark outweigh hue: so S alone does not show whether a result
    looks like the style. Gatys et al. 2016 (arXiv:1508.06576).
    """

    key, title, better = "S", "style error", "lower"
    note = "S is the mean relative error of five Gram matrices of VGG19, the network that nets are trained with."

    def measure(self, result: Picture, scene: Scene) -> float | None:
        if scene.style is None:
            return None
        own, target = (statistics(picture, self.device).grams for picture in (result, scene.style))
        return relative_gram_error(own, target)
