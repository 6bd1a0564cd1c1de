"""Decoders that mirror VGG19 from one of its layers back to a picture, as AdaIN, WCT and style swap have them."""

from __future__ import annotations

import math

import torch
from torch import nn

from stylezoo.nn.trunk import conv
from stylezoo.runtime.architecture import VGG_CHANNELS, mirrored


def build_decoder(layer: str) -> nn.Sequential:
    """Return the net from VGG19's `layer`, such as "relu4_1", (N, C, H/8, W/8), to a picture, (N, 3, H, W).

    It has no norms, as in the papers.
    """
    layers: list[nn.Module] = []
    inputs = VGG_CHANNELS[layer]
    for widths in mirrored(layer):
        for width in widths:
            layers += [conv(inputs, width, 3, bias=True), nn.ReLU(inplace=True)]
            inputs = width
        layers.append(nn.Upsample(scale_factor=2, mode="nearest"))
    net = nn.Sequential(*layers[:-2])  # the last convolution gives RGB
    # Where no norm restores it, the picture would fade layer by layer with torch's own start: He et al.'s keeps it.
    parameters = list(net.parameters())
    for values in parameters:
        nn.init.kaiming_normal_(values, nonlinearity="relu") if values.ndim > 1 else nn.init.zeros_(values)
    with torch.no_grad():  # and it begins as a faint one on grey, within the range
        parameters[-2].mul_(0.1)
        parameters[-1].fill_(0.5)
    return net


def reach_of(layer: str) -> int:
    """Return how many px around it a pixel depends on that passes VGG19 to `layer` and its decoder."""
    stages = mirrored(layer)
    multiple = 2 ** (len(stages) - 1)
    reach = sum(len(widths) * multiple // 2**stage for stage, widths in enumerate(stages))
    return 2 * reach + multiple  # the encoder reaches as far as the decoder; pooling is in steps


def divide_features(backbone: nn.Module) -> float:
    """Divide a VGG's features by a power of two that makes them about 1, in place, and return it.

    They grow with the input that the net was made for: 0..255 in the Caffe lineage. Dividing input and biases divides
    all features, since ReLU and max pooling let a positive factor through: float16 cannot overflow then. By a power of
    two no bit of float32 changes.
    """
    deviation = backbone.get_buffer("std")
    scale = 2.0 ** round(math.log2(2 / deviation.mean().item()))
    deviation *= scale
    with torch.no_grad():
        for layer in backbone.modules():
            if isinstance(layer, nn.Conv2d) and layer.bias is not None:
                layer.bias /= scale
    return scale
