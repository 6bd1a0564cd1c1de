"""C: how far the result is from the content image."""

from __future__ import annotations

import torch

from stylezoo.evaluate.metrics.base import Metric, Picture, Scene
from stylezoo.evaluate.metrics.vgg19 import statistics
from stylezoo.losses import content_loss


class ContentError(Metric):
    """C = ||F(result) - F(content)||^2 / ||F(content)||^2, F being relu4_2 of VGG19 (Caffe lineage).

    From 0, for the content image itself; an unrelated photo is above 1. Lower is better. It is the content loss of
    Gatys et al. 2016 (arXiv:1508.06576), divided by the size of its target, in the network that nets are trained with.
    """

    key, title, better = "C", "content error", "lower"
    note = "C is the content error at relu4_2 of VGG19, relative to the content image: 0 is the content image itself."

    @torch.inference_mode()
    def measure(self, result: Picture, scene: Scene) -> float:
        own, target = (statistics(picture, self.device).content for picture in (result, scene.content))
        return content_loss(own, target).item()
