"""VGG19 as the AdaIN release has it: its weights travel with the decoder that was trained on its features."""

from __future__ import annotations

from torch import Tensor, nn
from torch.nn import functional as F

from stylezoo.backbones.base import Backbone
from stylezoo.backbones.vgg import WIDTHS
from stylezoo.nn.trunk import conv

DEPTHS = (2, 2, 4, 1)
"""Convolutions of each block, to relu4_1."""


class NormalisedVGG(Backbone):
    """VGG19 to relu4_1, rescaled so that every channel is 1 in the mean over pictures, with reflection padding.

    A first 1x1 convolution takes RGB in [0, 1] to what the net was trained on. Starts with random weights: no package
    or hub has them.
    """

    name = "vgg19:normalised"
    layers: tuple[str, ...] = ("relu4_1",)

    def __init__(self) -> None:
        super().__init__()
        self.colours = nn.Conv2d(3, 3, 1)
        self.convs = nn.ModuleDict()
        inputs = 3
        for block, depth in enumerate(DEPTHS):
            for index in range(depth):
                self.convs[f"relu{block + 1}_{index + 1}"] = conv(inputs, WIDTHS[block], 3, bias=True)
                inputs = WIDTHS[block]
        self.freeze()

    def forward(self, x: Tensor, upto: str | None = None) -> dict[str, Tensor]:
        x = self.colours(x)
        for layer, convolution in self.convs.items():
            if layer.endswith("_1") and layer != "relu1_1":
                x = F.max_pool2d(x, 2, ceil_mode=True)  # as the release does: a last odd row counts
            x = F.relu(convolution(x), inplace=True)
        return {self.layers[-1]: x}
