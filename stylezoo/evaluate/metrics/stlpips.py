"""L: ST-LPIPS, how far the result is from the content image by a metric that nets are not trained on."""

from __future__ import annotations

import torch

from stylezoo.evaluate.metrics.base import Metric, Picture, Scene
from stylezoo.evaluate.metrics.shift_tolerant import network


class STLPIPS(Metric):
    """L = the learned perceptual distance between the content image and the result, by an antialiased AlexNet.

    From 0, for the content image itself, to about 1. Lower keeps more of the content image. It was fitted to people's
    judgements of distortions and tolerates shifts by some pixels. Pictures need at least 64 px a side. Ghildyal and Liu
    2022 (arXiv:2207.13686), by the authors' package `stlpips_pytorch`, which carries its weights.

    Raises:
        OptionError: the package is not installed.
    """

    key, title, better = "L", "ST-LPIPS", "lower"
    note = "L is ST-LPIPS, a learned distance between the content image and the result: 0 is the content image itself."

    def __init__(self, device: torch.device | str = "cpu") -> None:
        super().__init__(device)
        network("alex", self.device)

    @torch.inference_mode()
    def measure(self, result: Picture, scene: Scene) -> float:
        net = network("alex", self.device)
        return float(net(*(x.pixels.to(self.device) for x in (scene.content, result)), normalize=True))
