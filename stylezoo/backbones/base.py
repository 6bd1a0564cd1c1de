"""What a perceptual loss needs of a feature extractor."""

from __future__ import annotations

import abc
from typing import Self

from torch import Tensor, nn


class Backbone(nn.Module, abc.ABC):
    """A frozen feature extractor.

    Attributes:
        name: architecture and lineage, for example "vgg19:caffe".
        layers: what `forward` returns, from shallow to deep.
    """

    name: str
    layers: tuple[str, ...]

    @abc.abstractmethod
    def forward(self, x: Tensor, upto: str | None = None) -> dict[str, Tensor]:
        """Return the features of `x`, (N, 3, H, W) in [0, 1], by layer: each (N, C, H', W').

        With `upto`, layers behind that one are neither computed nor returned.
        """

    def freeze(self) -> None:
        """Take the weights out of training: gradients flow through, none are kept."""
        self.requires_grad_(False)
        self.eval()

    def train(self, mode: bool = True) -> Self:
        """Stay in evaluation mode: a loss that holds a backbone may be switched, batch norms in here must not learn."""
        return super().train(False)
