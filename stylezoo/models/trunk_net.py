"""What the families on the shared trunk have in common: all but where gamma and beta come from."""

from __future__ import annotations

import torch
from torch import Tensor

from stylezoo.errors import OptionError
from stylezoo.models.base import StyleNet
from stylezoo.nn.trunk import Trunk


class TrunkNet(StyleNet):
    """A trunk in one of two variants, at any width.

    Args:
        variant: "classic", the net of Johnson et al.'s later releases: 9x9 stem and head, 32-64-128 channels,
            1,679,235 parameters at the default width and blocks, one style's affine vector included. "fast" folds 2x2
            pixels into channels first, works at a quarter of the resolution with half the channels, and ends in a
            full-resolution convolution of few channels rather than in a pixel shuffle, which would leave a period-2
            hatch.
        width: channels of the residual blocks; the other stages follow in proportion. None: 128 classic, 64 fast.
        blocks: residual blocks.

    Departures from Johnson et al. 2016: instance for batch norm, reflection padding in every convolution in place of
    one border of 40 px around the picture, upsampling and a convolution in place of transposed convolutions. The fast
    variant ends in a sigmoid (as Dumoulin et al. 2017), the classic one in a linear layer, clamped outside training.
    """

    def __init__(self, variant: str = "fast", width: int | None = None, blocks: int = 5) -> None:
        super().__init__()
        if variant not in ("classic", "fast"):
            raise OptionError(f"{self.family} has no variant '{variant}'; there are classic and fast")
        if width is None:
            width = 128 if variant == "classic" else 64
        if width % 4 or not 8 <= width <= 1024:
            raise OptionError(f"width must be a multiple of 4 from 8 to 1024, not {width}")
        if not 0 <= blocks <= 64:
            raise OptionError(f"blocks must be from 0 to 64, not {blocks}")
        self.arch = {"variant": variant, "width": width, "blocks": blocks}
        self.classic = variant == "classic"
        if self.classic:
            self.trunk = Trunk(
                (width // 4, width // 2, width), (width // 2, width // 4), blocks, stem=9, head=9, bias=True
            )
        else:
            encoder, decoder = (width // 2, width), (width // 2, width // 4)
            self.trunk = Trunk(encoder, decoder, blocks, unshuffle=2, stem=5, head=5, upsample="bilinear")
        self.multiple = self.trunk.multiple
        self.minimum = 16  # reflection by 4 px at full resolution, by 1 px at a quarter
        self.overlap = self.trunk.reach

    def paint(self, x: Tensor, affine: Tensor, regions: Tensor | None = None) -> Tensor:
        """Return `x`, (N, 3, H, W) in [0, 1], painted with the affine vectors of `Trunk.forward`."""
        if not self.classic:
            return torch.sigmoid(self.trunk(x, affine, regions))
        y = self.trunk(x * 255, affine, regions) / 255  # the reference net works on 0..255
        return y if self.training else y.clamp(0, 1)
