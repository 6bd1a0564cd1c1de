"""Which style each picture of a batch is painted in, and its code: where the families differ in training."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import torch
from torch import Tensor

from stylezoo.data.style_set import StyleSet
from stylezoo.losses import PerceptualLoss
from stylezoo.losses.perceptual import PHOTO
from stylezoo.models import AdaIN, Ghiasi, StyleNet
from stylezoo.models.adain import LAYER
from stylezoo.models.ghiasi import LAYERS
from stylezoo.nn.stats import mean_std
from stylezoo.train.recipe import Recipe
from stylezoo.zoo.spec import FAMILIES

PHOTO_EVERY = 16  # of the pictures that a predicting net learns from, one of so many is to stay the photo
RECONSTRUCTED_EVERY = 2  # of the pictures that a decoder learns from, one of so many is to stay the photo
DISTILLED = 8  # style pictures a step whose statistics the encoder estimates, beside the photos of the step


@dataclass(frozen=True)
class Draw:
    """What a step paints.

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


class FixedStyle:
    """A net of one style: nothing to choose."""

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
class NamedStyles(FixedStyle):
    """The rows of a table, and the photo's row too, unless the net's base has learnt that."""

    recipe: Recipe

    def choose(self, net: StyleNet, batch: Tensor, first: int) -> tuple[Tensor, Tensor | None]:
        count = len(self.recipe.styles)
        photo = net.photo_code(batch) is not None and self.recipe.model.base is None
        style = deal(count + photo, range(first, first + len(batch)), self.recipe.run.seed)
        style[style == count] = PHOTO
        return style, torch.cat([net.named_code(int(i)) for i in style])


@dataclass
class PredictedStyles(FixedStyle):
    """Any picture of a set, its row predicted: for `Ghiasi`.

    Up to `run.teacher` of the steps the row is predicted from the true statistics of the style picture's VGG features,
    while the encoder learns to estimate them; then from its estimate, end to end. Besides the style pictures it learns
    from the photos of the batch, whose features the loss has computed anyway: they never repeat. A folded net
    is trained end to end from the first step.
    """

    recipe: Recipe
    pictures: StyleSet

    def __post_init__(self) -> None:
        self._scale: tuple[Tensor, Tensor] | None = None

    def choose(self, net: StyleNet, batch: Tensor, first: int) -> tuple[Tensor, Tensor | None]:
        style, photo = self._deal(batch, first)
        rows = net.encode(self.pictures.at(style).to(batch.device, non_blocking=True))
        return self._with_photo(net, rows, style, photo)

    def _deal(self, batch: Tensor, first: int) -> tuple[Tensor, Tensor]:
        numbers = range(first, first + len(batch))
        photo = torch.tensor([i % PHOTO_EVERY == 0 for i in numbers])
        return deal(len(self.pictures), numbers, self.recipe.run.seed), photo

    def _with_photo(self, net: StyleNet, rows: Tensor, style: Tensor, photo: Tensor) -> tuple[Tensor, Tensor]:
        assert isinstance(net, Ghiasi)
        kept = photo.to(rows.device, non_blocking=True)[:, None]
        return torch.where(photo, PHOTO, style), torch.where(kept, net.styles[-1:], rows)

    def draw(self, net: StyleNet, loss: PerceptualLoss, batch: Tensor, first: int, share: float) -> Draw:
        assert isinstance(net, Ghiasi)
        run = self.recipe.run
        targets = loss.content_targets(batch)
        style, photo = self._deal(batch, first)
        folded = bool(net.arch.get("folded"))  # then there are no statistics to teach
        if share < run.teacher and not folded:
            rows = net.predictor(self.standardized(loss, style))
        else:
            rows = net.encode(self.pictures.at(style).to(batch.device, non_blocking=True))
        style, rows = self._with_photo(net, rows, style, photo)
        style = style.to(rows.device, non_blocking=True)
        if folded:
            return Draw(style, rows, targets)
        # Mirrored, a painting keeps its statistics but for a square error of 0.15, of 1 between paintings (measured on
        # 60): it serves as one more.
        rng = np.random.default_rng([run.seed, 6, first])
        others = torch.from_numpy(rng.integers(0, len(self.pictures), DISTILLED))
        seen = self.pictures.at(others).to(batch.device, non_blocking=True)
        error = (net.encoder(seen.flip(-1) if rng.random() < 0.5 else seen) - self.standardized(loss, others)).square()
        photos = (net.encoder(batch) - self.standardize(loss, statistics(targets))).square()
        distilled = (error.mean() * DISTILLED + photos.mean() * len(batch)) / (DISTILLED + len(batch))
        terms = {"encoder": distilled.float().expand(len(batch))}
        return Draw(style, rows, targets, terms)

    def standardized(self, loss: PerceptualLoss, style: Tensor) -> Tensor:
        """Return the statistics, (N, STATISTICS), of pictures of the set, with mean 0 and deviation 1 over the set."""
        return self.standardize(loss, loss.statistics(LAYERS, style))

    def standardize(self, loss: PerceptualLoss, values: Tensor) -> Tensor:
        if self._scale is None:
            known = loss.statistics(LAYERS)
            std = known.std(dim=0)
            # Of few pictures some channels never see anything: one photo that they see would drown all else.
            self._scale = known.mean(dim=0), std.clamp_min(0.01 * std.mean().item())
        mean, std = self._scale
        return (values - mean) / std


@dataclass
class MeasuredStyles(FixedStyle):
    """Any picture of a set, by the mean and deviation of its features: for `AdaIN`.

    The content term compares with the photo's features once they have these (Huang & Belongie 2017, eq. 12). Departure:
    every second picture is a photo in its own statistics, which is to come back pixel by pixel. A decoder without norms
    learns much faster from pixels than through the encoder, and strength 0 is then a faithful reconstruction.
    """

    recipe: Recipe
    pictures: StyleSet

    def draw(self, net: StyleNet, loss: PerceptualLoss, batch: Tensor, first: int, share: float) -> Draw:
        assert isinstance(net, AdaIN)
        last = first + len(batch)
        style = deal(len(self.pictures), range(first, last), self.recipe.run.seed)
        targets = loss.content_targets(batch)
        own = torch.cat(mean_std(targets[LAYER], net.norm.eps), dim=1)
        photo = torch.tensor([i % RECONSTRUCTED_EVERY == 0 for i in range(first, last)])
        style, photo = (value.to(batch.device, non_blocking=True) for value in (style, photo))
        code = torch.where(photo[:, None], own, loss.statistics([LAYER], style))
        aim = {LAYER: net.transfer(targets[LAYER], code)}
        return Draw(torch.where(photo, PHOTO, style), code, targets | aim)


def choose_styles(recipe: Recipe, pictures: StyleSet | None) -> FixedStyle:
    """Return how the family of a recipe gets its styles; `pictures` for those that take any."""
    kind = FAMILIES[recipe.model.family]
    if kind == "single":
        return FixedStyle()
    if pictures is None:
        return NamedStyles(recipe)
    return (MeasuredStyles if recipe.model.family == "adain" else PredictedStyles)(recipe, pictures)


def deal(count: int, draws: range, seed: int) -> Tensor:
    """Return a style's index for each of `draws`, numbers of pictures since the start of the run: (N,) integers.

    Dealt like cards: each of the `count` styles comes once before any comes again, in an order of (seed, round).
    """
    deals = (divmod(draw, count) for draw in draws)
    return torch.tensor([np.random.default_rng([seed, 3, deal]).permutation(count)[place] for deal, place in deals])


def statistics(features: Mapping[str, Tensor]) -> Tensor:
    """Return the means and deviations, (N, STATISTICS), of features that hold `LAYERS`."""
    return torch.cat([value for layer in LAYERS for value in mean_std(features[layer])], dim=1)
