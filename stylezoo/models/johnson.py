"""One net, one style.

Johnson, Alahi and Fei-Fei 2016, "Perceptual Losses for Real-Time Style Transfer and Super-Resolution"
(arXiv:1603.08155), with the instance norm of Ulyanov et al. 2016 (arXiv:1607.08022).
"""

from __future__ import annotations

import re
from typing import ClassVar

import torch
from torch import Tensor, nn

from stylezoo.errors import OptionError
from stylezoo.models.base import StyleNet
from stylezoo.nn.trunk import Trunk


class Johnson(StyleNet):
    """A trunk and one affine vector, learnt with it.

    Args:
        variant: "classic", the net of the paper's authors' later releases: 9x9 stem and head, 32-64-128 channels,
            1,679,235 parameters at the default width and blocks. "fast" folds 2x2 pixels into channels first, works
            at a quarter of the resolution with half the channels, and ends in a full-resolution convolution of few
            channels rather than in a pixel shuffle, which would leave a period-2 hatch.
        width: channels of the residual blocks; the other stages follow in proportion. None: 128 classic, 64 fast.
        blocks: residual blocks.

    Departures from the paper: instance for batch norm, reflection padding in every convolution in place of one border
    of 40 px around the picture, upsampling and a convolution in place of transposed convolutions. The fast
    variant ends in a sigmoid (as Dumoulin et al. 2017), the classic one in a linear layer, clamped outside training.
    """

    family: ClassVar[str] = "johnson"

    def __init__(self, variant: str = "fast", width: int | None = None, blocks: int = 5) -> None:
        super().__init__()
        if variant not in ("classic", "fast"):
            raise OptionError(f"johnson has no variant '{variant}'; there are classic and fast")
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
        self.style = nn.Parameter(self.trunk.neutral_affine())
        self.multiple = self.trunk.multiple
        self.minimum = 16  # reflection by 4 px at full resolution, by 1 px at a quarter
        self.overlap = self.trunk.reach

    def forward(self, x: Tensor, code: Tensor | None = None) -> Tensor:
        """Paint `x`, (N, 3, H, W) in [0, 1]; `code`, (N or 1, affine_size), replaces the net's own affine vector."""
        affine = self.style if code is None else code
        if not self.classic:
            return torch.sigmoid(self.trunk(x, affine))
        y = self.trunk(x * 255, affine) / 255  # the reference net works on 0..255
        return y if self.training else y.clamp(0, 1)

    def named_code(self, style: int) -> Tensor:
        return self.style

    def adapt_state_dict(self, weights: dict[str, Tensor], where: str = "the state dict") -> dict[str, Tensor]:
        """Accept the layout of the well-known PyTorch reference net too, `running_*` keys of old releases included.

        Raises:
            WeightsError: it is that layout, but not whole or of other sizes; told in its own names.
        """
        if not self.classic or "conv1.conv2d.weight" not in weights:
            return weights
        weights = {k: v for k, v in weights.items() if not re.search(r"\.(running_(mean|var)|num_batches_tracked)$", k)}
        layers = [(f"conv{i + 1}", f"in{i + 1}", f"encoder.{i}") for i in range(3)]
        for i in range(len(self.trunk.blocks)):
            layers += [(f"res{i + 1}.conv1", f"res{i + 1}.in1", f"blocks.{i}.first")]
            layers += [(f"res{i + 1}.conv2", f"res{i + 1}.in2", f"blocks.{i}.second")]
        layers += [(f"deconv{i + 1}", f"in{i + 4}", f"decoder.{i}") for i in range(2)]
        parts = ("weight", "bias")
        names = {f"{conv}.conv2d.{part}": f"trunk.{ours}.conv.{part}" for conv, _, ours in layers for part in parts}
        names |= {f"deconv3.conv2d.{part}": f"trunk.head.{part}" for part in parts}
        affine = [f"{norm}.{part}" for _, norm, _ in layers for part in parts]
        own = self.state_dict()
        shapes: dict[str, tuple[int, ...]] = {theirs: own[ours].shape for theirs, ours in names.items()}
        widths = [width for width in self.trunk.norm_widths for _ in parts]
        shapes |= {name: (width,) for name, width in zip(affine, widths, strict=True)}
        self.check_fit(weights, shapes, where)
        renamed = {ours: weights[theirs] for theirs, ours in names.items()}
        return renamed | {"style": torch.cat([weights[name] for name in affine])[None]}
