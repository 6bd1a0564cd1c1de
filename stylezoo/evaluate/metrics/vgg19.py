"""VGG19 of the Caffe lineage, the network that training losses use, for the metrics that report on them."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import torch
from torch import Tensor

from stylezoo.backbones import Backbone, create_backbone
from stylezoo.evaluate.metrics.base import Picture
from stylezoo.nn.stats import gram_matrix

CONTENT_LAYER = "relu4_2"
STYLE_LAYERS = ("relu1_1", "relu2_1", "relu3_1", "relu4_1", "relu5_1")


@dataclass(frozen=True)
class Statistics:
    """What C and S need of a picture: its feature map at relu4_2, (1, 512, H/8, W/8), and five Gram matrices."""

    content: Tensor
    grams: list[Tensor]


@cache
def network(device: torch.device) -> Backbone:
    """Return the network, built once for each device."""
    return create_backbone("vgg19:caffe", layers=[CONTENT_LAYER, *STYLE_LAYERS]).to(device)


def statistics(picture: Picture, device: torch.device) -> Statistics:
    """Return the statistics of a picture: one pass of the network, whoever asks first."""

    @torch.inference_mode()
    def compute(pixels: Tensor) -> Statistics:
        found = network(device)(pixels.to(device))
        return Statistics(found[CONTENT_LAYER], [gram_matrix(found[layer]) for layer in STYLE_LAYERS])

    return picture.once(("vgg19:caffe", device), compute)
