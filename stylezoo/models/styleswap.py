"""Any picture as the style, learnt by no net: patches of the photo's features are swapped for the style's.

Chen and Schmidt 2016, "Fast Patch-based Style Transfer of Arbitrary Style" (arXiv:1612.04337). Each patch of 3x3 at
relu3_1 becomes the style's with the highest normalised cross-correlation, overlaps are averaged, and an inverse net
gives the picture. Departures: patches come from three scales of the style image; the encoder is VGG19 of the Caffe
lineage; the inverse net mirrors it, has no norms, and learns from photos alone, by their pixels and features.
"""

from __future__ import annotations

import copy
import dataclasses
from typing import Any, ClassVar, Self

import torch
from torch import Tensor
from torch.nn.functional import adaptive_avg_pool2d, pad

from stylezoo.errors import StyleError
from stylezoo.images.resize import resize
from stylezoo.models.mirror_net import MirrorNet
from stylezoo.nn.mirror import reach_of
from stylezoo.runtime.swap import LAYER, Swap, level_sizes, read_code, write_code, write_region_codes


class StyleSwap(MirrorNet):
    """VGG19 to relu3_1, style swap, and a decoder.

    A code holds the features of the style image at its scales, see `stylezoo.runtime.swap.write_code`: 22 MB at 512 px.
    Codes of several styles do not mix; regions do.

    Args:
        patch, stride: see `Swap`.

    Raises:
        OptionError: a value is out of range.
    """

    family: ClassVar[str] = "styleswap"
    wraps: ClassVar[bool] = False  # patches end at the border
    encoder_layers: ClassVar[tuple[str, ...]] = (LAYER,)
    mixes: ClassVar[bool] = False

    def __init__(self, patch: int = 3, stride: int = 1) -> None:
        super().__init__((LAYER,))
        self._set(Swap(patch, stride))

    def _set(self, how: Swap) -> None:
        self.how, self.arch = how, dataclasses.asdict(how)
        self.multiple, self.minimum, self.overlap = how.multiple, how.minimum, reach_of(LAYER) + how.reach

    def tuned(self, **options: Any) -> Self:
        """Return this net with another `Swap`; the weights are shared."""
        other = copy.copy(self)
        other._set(dataclasses.replace(self.how, **options))
        return other

    def forward(self, x: Tensor, code: Tensor | None = None, regions: Tensor | None = None) -> Tensor:
        """Stylize `x`, (N, 3, H, W) in [0, 1], in the style `code`, (N or 1, D).

        With `regions`, (N or 1, K, H, W), `code` is (K, D): every position has its mix of the K styles' patches. In
        training, without a code, the photos come back.

        Raises:
            StyleError: no code, or one of another net, or of a style image smaller than a patch.
        """
        if code is None and self.training:
            return self.reconstruct(x)
        if code is None:
            raise StyleError("a styleswap net needs a style code: encode a style image")
        features = self.features(x, LAYER)
        for index, one in enumerate(features):
            if regions is None:
                features[index] = self._swapped(one, code[index % len(code)])
                continue
            shares = adaptive_avg_pool2d(regions[index % len(regions)].to(one), one.shape[-2:])
            pairs = zip(shares, code, strict=True)
            features[index] = torch.stack([share * self._swapped(one, row) for share, row in pairs]).sum(dim=0)
        return self.decode(features, LAYER)

    def _swapped(self, features: Tensor, code: Tensor) -> Tensor:
        """Return features, (C, h, w), of a style's patches."""
        height, width = features.shape[1:]
        rows, columns = self.how.padding(height), self.how.padding(width)
        padded = pad(features[None], (*columns, *rows), mode="reflect")[0]
        maps = [part.to(padded) for part in read_code(code)]
        found: Tensor = self.how.features(torch, padded, maps)
        return found[:, rows[0] : rows[0] + height, columns[0] : columns[0] + width]

    def encode(self, style: Tensor, regions: Tensor | None = None) -> Tensor:
        """Return the codes, (N, D), of style pictures, (N, 3, H, W) in [0, 1]; those below 64 px are reflected.

        With `regions`, (1, K, H, W), those of the K parts of one picture, (K, D): a patch is of the part in which it
        lies, and of no part if it lies across an edge.

        Raises:
            StyleError: a part is too small.
        """
        style = self.padded(style)
        sizes = level_sizes(style.shape[-2], style.shape[-1])
        maps = [self.features(resize(style, size), LAYER) for size in sizes]
        if regions is not None:
            parts = self.padded(regions).to(maps[0])
            shares = [adaptive_avg_pool2d(parts, (one.shape[-2], one.shape[-1]))[0] for one in maps]
            codes: Tensor = write_region_codes([one[0] for one in maps], shares, torch)
            return codes.to(style.dtype)
        return torch.cat([write_code([m[i] for m in maps], torch) for i in range(len(style))]).to(style.dtype)

    @property
    def code_width(self) -> None:
        """None: it depends on the style image."""
