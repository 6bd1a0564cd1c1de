"""Which style each picture of a training step gets, and its code: what most families have in common."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

from stylezoo.data.style_set import StyleSet
from stylezoo.errors import RecipeError
from stylezoo.losses import PerceptualLoss
from stylezoo.losses.perceptual import PHOTO
from stylezoo.recipe import Recipe

if TYPE_CHECKING:
    from stylezoo.models.base import StyleNet


@dataclass(frozen=True)
class Draw:
    """What a step learns from.

    Attributes:
        style: (N,) integers, the styles' places in the loss, or PHOTO.
        code: (N, D), their codes, through which gradients flow; None: the net has one style, its own.
        targets: as `PerceptualLoss.content_targets`, what the content term compares with.
        terms: further terms, (N,) each, added to the loss as they are.
    """

    style: Tensor
    code: Tensor | None
    targets: Mapping[str, Tensor]
    terms: dict[str, Tensor] = field(default_factory=dict)


@dataclass
class StyleSampler:
    """Chooses the styles of a net of one style: there is nothing to choose."""

    recipe: Recipe

    def choose(self, net: StyleNet, batch: Tensor, first: int) -> tuple[Tensor, Tensor | None]:
        """Return `Draw.style`, on the processor, and `Draw.code`, as the net has it, for the photos of `draw`."""
        return torch.zeros(len(batch), dtype=torch.long), None

    def draw(self, net: StyleNet, loss: PerceptualLoss, batch: Tensor, first: int, share: float) -> Draw:
        """Choose for the photos `batch`, (N, 3, H, W), the first of which is number `first` since the run began.

        `share` of the run, in [0, 1], is done.
        """
        style, code = self.choose(net, batch, first)
        return Draw(style.to(batch.device, non_blocking=True), code, loss.content_targets(batch))


@dataclass
class NamedStyles(StyleSampler):
    """The rows of a table, and the photo's row too, unless the net's base has learnt that."""

    def choose(self, net: StyleNet, batch: Tensor, first: int) -> tuple[Tensor, Tensor | None]:
        count = len(self.recipe.styles)
        photo = net.photo_code(batch) is not None and self.recipe.model.base is None
        style = in_turn(count + photo, range(first, first + len(batch)), self.recipe.run.seed)
        style[style == count] = PHOTO
        return style, torch.cat([net.named_code(int(i)) for i in style])


@dataclass
class PictureStyles(StyleSampler):
    """Any picture of a set, encoded by the net itself."""

    pictures: StyleSet

    def choose(self, net: StyleNet, batch: Tensor, first: int) -> tuple[Tensor, Tensor | None]:
        style = in_turn(len(self.pictures), range(first, first + len(batch)), self.recipe.run.seed)
        return style, self.encode(net, style, batch)

    def encode(self, net: StyleNet, style: Tensor, batch: Tensor) -> Tensor:
        """Return the codes, (N, D), of pictures of the set, where `batch` is."""
        return net.encode(self.pictures.at(style).to(batch.device, non_blocking=True))


def in_turn(count: int, draws: range, seed: int) -> Tensor:
    """Return a style's index for each of `draws`, numbers of pictures since the start of the run: (N,) integers.

    Each of the `count` styles comes once before any comes again, in an order of (seed, round).
    """
    rounds = (divmod(draw, count) for draw in draws)
    return torch.tensor([np.random.default_rng([seed, 3, turn]).permutation(count)[place] for turn, place in rounds])


def require_layers(recipe: Recipe, layers: Sequence[str]) -> None:
    """Raise RecipeError unless the loss of a recipe computes the features at `layers` of styles and of photos."""
    loss, family = recipe.loss, recipe.model.family
    if missing := [layer for layer in layers if layer not in loss.style]:
        raise RecipeError(
            f"loss.style lacks {', '.join(missing)}, whose means and deviations {family} nets learn from: "
            "add it, with weight 0 to keep it out of the loss"
        )
    if max(loss.content) < layers[-1]:  # the photo's features are computed up to the deepest
        raise RecipeError(f"loss.content must name {layers[-1]} or a deeper layer, not {list(loss.content)}")
