"""What nets have in common that change VGG19's features and decode them: a frozen encoder, and decoders that mirror it.

Nothing here learns a style. A decoder learns to give photos back from their features, and what is done to the features
is the family's.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Self

import torch
from torch import Tensor, nn

from stylezoo.backbones import Backbone, create_backbone
from stylezoo.data.style_set import StyleSet
from stylezoo.errors import RecipeError
from stylezoo.images.resize import pad_to_multiple
from stylezoo.images.sizes import SMALLEST_STYLE
from stylezoo.losses import PerceptualLoss
from stylezoo.losses.perceptual import PHOTO
from stylezoo.models.base import StyleNet
from stylezoo.models.sampling import Draw, StyleSampler
from stylezoo.nn.mirror import build_decoder, divide_features
from stylezoo.nn.stats import wide
from stylezoo.recipe import Recipe
from stylezoo.runtime.vgg import CAFFE, hash_layers


class MirrorNet(StyleNet):
    """Decoders of some layers of VGG19. In training, `forward` gives photos back, each from one layer in turn.

    Args:
        layers: the layers to decode, deep to shallow.

    Attributes:
        encoder: the frozen VGG19, no part of the weights, which gives features divided by `scale`, so about 1.
        decoders: by layer.
    """

    exports: ClassVar[bool] = False  # what happens between encoder and decoder is no graph
    encoder: Backbone

    def __init__(self, layers: tuple[str, ...]) -> None:
        super().__init__()
        backbone = create_backbone(CAFFE, layers=layers)
        self.scale = divide_features(backbone)
        self.__dict__["encoder"] = backbone  # which keeps it out of state_dict() and parameters()
        self.layers = layers
        self.decoders = nn.ModuleDict({layer: build_decoder(layer) for layer in layers})
        self.multiple = 2 ** (int(layers[0][4]) - 1)
        self.minimum = 2 * self.multiple  # reflection by 1 px at the lowest resolution

    def features(self, x: Tensor, layer: str) -> Tensor:
        """Return `layer` of `x`, (N, 3, H, W) in [0, 1]: (N, C, h, w), float32, divided by `scale`."""
        return wide(self.encoder(x, upto=layer)[layer])

    def decode(self, features: Tensor, layer: str) -> Tensor:
        """Return the picture, (N, 3, H, W), of features at `layer`; clamped to [0, 1] outside training."""
        y: Tensor = self.decoders[layer](features.to(self.dtype))
        return y if self.training else y.clamp(0, 1)

    def reconstruct(self, x: Tensor) -> Tensor:
        """Return the pictures `x`, (N, 3, H, W) in [0, 1], each decoded from one of the layers, in turn."""
        turns = len(self.layers)
        result = torch.empty_like(x)
        for turn, layer in enumerate(self.layers[: len(x)]):
            result[turn::turns] = self.decode(self.features(x[turn::turns], layer), layer).to(x.dtype)
        return result

    def padded(self, style: Tensor) -> Tensor:
        """Return a style picture, or its regions, those with a side below 64 px reflected up to it."""
        return pad_to_multiple(style, 1, SMALLEST_STYLE)[0]

    @classmethod
    def style_sampler(cls, recipe: Recipe, pictures: StyleSet | None) -> StyleSampler:
        return Reconstruction(recipe)

    @classmethod
    def check_recipe(cls, recipe: Recipe) -> None:
        loss, run = recipe.loss, recipe.run
        for key, given in (("loss.style", loss.style), ("loss.sliced", loss.sliced), ("styles", recipe.styles)):
            if given:
                raise RecipeError(f"{key} must be empty: {cls.family} nets learn to give photos back, from no style")
        for key, value in (("loss.palette_weight", loss.palette_weight), ("run.distill", run.distill)):
            if value:
                raise RecipeError(f"{key} must be 0, not {value}: {cls.family} nets learn to give photos back")

    @torch.no_grad()
    def init_from(self, other: StyleNet, known: Mapping[int, int], name: str) -> None:
        """Take over the other net's decoders of the same layers; of an adain net, its decoder and the end of it."""
        if isinstance(other, MirrorNet):
            found = {layer: other.decoders[layer] for layer in other.layers if layer in self.layers}
        else:
            found = dict.fromkeys(self.layers, other.get_submodule("decoder"))
        for layer, decoder in found.items():
            theirs = list(decoder.parameters())
            own = list(self.decoders[layer].parameters())
            for mine, other_one in zip(own, theirs[len(theirs) - len(own) :], strict=True):
                mine.copy_(other_one)

    def trunk_hash(self) -> str:
        """Return the SHA-256 of what codes depend on: encoder and layers."""
        return hash_layers(self.layers)

    def _apply(self, fn: Callable[[Tensor], Tensor], recurse: bool = True) -> Self:
        self.encoder._apply(fn, recurse)
        return super()._apply(fn, recurse)


@dataclass
class Reconstruction(StyleSampler):
    """No style: every photo is to come back, pixel by pixel and in its features."""

    def draw(self, net: StyleNet, loss: PerceptualLoss, batch: Tensor, first: int, share: float) -> Draw:
        photo = torch.full((len(batch),), PHOTO, device=batch.device)
        return Draw(photo, None, loss.content_targets(batch))

    def choose(self, net: StyleNet, batch: Tensor, first: int) -> tuple[Tensor, Any]:
        return torch.full((len(batch),), PHOTO), None
