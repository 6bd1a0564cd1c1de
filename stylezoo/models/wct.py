"""Any picture as the style, learnt by no net: the photo's features take on the style's means and covariances.

Li et al. 2017, "Universal Style Transfer via Feature Transforms" (arXiv:1705.08086). Features are whitened and coloured
at relu4_1, the picture is decoded, and the same follows at relu3_1, relu2_1 and relu1_1: from coarse to fine.
Departures: the encoder is VGG19 of the Caffe lineage; all decoders learn in one run, by the features of the same two
layers; directions are dropped by their share of the largest variance, where the paper has a fixed bound.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import ClassVar

import torch
from torch import Tensor, nn

from stylezoo.errors import StyleError
from stylezoo.models.mirror_net import MirrorNet
from stylezoo.nn.mirror import reach_of
from stylezoo.nn.whitening import Whitening, covariance_of
from stylezoo.runtime.architecture import VGG_CHANNELS
from stylezoo.runtime.whiten import CODE_WIDTH, LAYERS, PARTS


class WCT(MirrorNet):
    """VGG19, whitening and colouring at four layers, and a decoder for each.

    A code, (N or 1, 349,121), holds for each layer the mean and the covariance of the style's features, divided by
    `scale`, and a 1. The photo's code is 0 throughout: on the line between them the last number is the paper's alpha,
    which holds at each of the layers (eq. 4), so strength 0 gives what four decoders in a row make of the photo.
    """

    family: ClassVar[str] = "wct"
    encoder_layers: ClassVar[tuple[str, ...]] = LAYERS
    gives_back: ClassVar[bool] = False
    measures_parts: ClassVar[bool] = True

    def __init__(self) -> None:
        super().__init__(LAYERS)
        self.arch = {}
        self.norms = nn.ModuleList([Whitening(VGG_CHANNELS[layer]) for layer in LAYERS])
        self.overlap = sum(self.sections)
        self._only: int | None = None

    def forward(self, x: Tensor, code: Tensor | None = None, regions: Tensor | None = None) -> Tensor:
        """Stylize `x`, (N, 3, H, W) in [0, 1], in the style `code`, (N or 1, 349121).

        With `regions`, (N or 1, K, H, W), `code` is (K, 349121): one style a region. In training, without a code, each
        photo comes back from one of the layers.

        Raises:
            StyleError: no code, or one of another net.
        """
        if code is None and self.training:
            return self.reconstruct(x)
        if code is None:
            raise StyleError("a wct net needs a style code: encode a style image")
        if code.shape[-1] != CODE_WIDTH:
            raise StyleError(
                f"a style code of {code.shape[-1]} numbers is from another net: this one takes {CODE_WIDTH}"
            )
        *parts, alpha = code.split([*PARTS, 1], dim=1)
        for level, (layer, norm) in enumerate(zip(LAYERS, self.norms, strict=True)):
            if self._only in (None, level):
                mean, covariance = parts[2 * level : 2 * level + 2]
                spread = torch.cat([covariance, alpha], dim=1)
                x = self.decode(norm(self.features(x, layer), spread, mean, regions), layer)
        return x

    def encode(self, style: Tensor, regions: Tensor | None = None) -> Tensor:
        """Return the codes, (N, 349121), of style pictures, (N, 3, H, W) in [0, 1]; those below 64 px are reflected.

        With `regions`, (1, K, H, W), those of the K parts of one picture, (K, 349121).
        """
        features = self.encoder(self.padded(style))
        parts = None if regions is None else self.padded(regions)
        pairs = [covariance_of(features[layer], parts) for layer in LAYERS]
        ones = torch.ones(len(pairs[0][0]), 1, device=style.device)
        return torch.cat([*(part.flatten(1) for pair in pairs for part in pair), ones], dim=1).to(style.dtype)

    @property
    def code_width(self) -> int:
        return CODE_WIDTH

    def photo_code(self, x: Tensor) -> Tensor:
        """Return the code, (1, 349121), that leaves the features of any photo as they are."""
        return x.new_zeros(1, CODE_WIDTH)

    @property
    def sections(self) -> tuple[int, ...]:
        return tuple(map(reach_of, LAYERS))

    @contextmanager
    def section(self, index: int) -> Iterator[None]:
        self._only = index
        try:
            yield
        finally:
            self._only = None
