"""Any picture as the style, at the speed of a net of fixed styles: gammas and betas are predicted from the picture.

Ghiasi, Lee, Kudlur, Dumoulin and Shlens 2017, "Exploring the structure of a real-time, arbitrary neural artistic
stylization network" (arXiv:1705.06830).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import ClassVar

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from stylezoo.data.style_set import StyleSet
from stylezoo.errors import RecipeError, StyleError
from stylezoo.images.resize import pad_to_multiple
from stylezoo.images.sizes import SMALLEST_STYLE
from stylezoo.losses import PerceptualLoss
from stylezoo.losses.perceptual import PHOTO
from stylezoo.models.base import StyleNet
from stylezoo.models.cin import CIN
from stylezoo.models.sampling import Draw, PictureStyles, StyleSampler, in_turn, require_layers
from stylezoo.nn.stats import mean_std
from stylezoo.nn.trunk import conv
from stylezoo.recipe import Recipe

LAYERS = ("relu1_1", "relu2_1", "relu3_1", "relu4_1")
STATISTICS = 2 * (64 + 128 + 256 + 512)
"""Means and deviations of VGG19's features at `LAYERS`: what the style encoder estimates."""

HIDDEN = 256  # of the predictor

PHOTO_EVERY = 16  # of the pictures that a net learns from, one of so many is to stay the photo
DISTILLED = 8  # style images a step whose statistics the encoder estimates, besides the photos of the step


class StyleEncoder(nn.Module):
    """A small net that estimates the pooled statistics of VGG19's features from a style picture.

    Five stages, each halving the resolution; the means and deviations of every stage's channels, together a picture's
    description at all scales, pass a perceptron.

    Args:
        outputs: how many numbers it gives.
        widths: channels of the stages.
        hidden: of the perceptron.
    """

    def __init__(
        self, outputs: int = STATISTICS, widths: tuple[int, ...] = (32, 48, 64, 128, 192), hidden: int = 192
    ) -> None:
        super().__init__()
        self.stages = nn.ModuleList()
        inputs = 3
        for width in widths:
            self.stages.append(
                nn.Sequential(conv(inputs, width, 3, 2, bias=True), nn.ReLU(), conv(width, width, 3, 1, bias=True))
            )
            inputs = width
        self.head = nn.Sequential(nn.Linear(2 * sum(widths), hidden), nn.ReLU(), nn.Linear(hidden, outputs))

    def forward(self, picture: Tensor, regions: Tensor | None = None) -> Tensor:
        """Map pictures, (N, 3, H, W) in [0, 1] with H and W at least 64, to (N, outputs): standardised statistics.

        With `regions`, (1, K, H, W), map the K parts of one picture to (K, outputs).
        """
        x = picture * 2 - 1
        pooled: list[Tensor] = []
        for stage in self.stages:
            x = F.relu(stage(x))
            pooled += mean_std(x, regions=regions)
        return self.head(torch.cat(pooled, dim=1).to(picture.dtype))


class Ghiasi(CIN):
    """The trunk of a CIN net, whose gammas and betas are predicted from a style picture.

    A code holds the gammas and betas themselves, (N or 1, A): what a row of a CIN net's table holds.

    Args:
        styles: how many are also known by name, as rows of a table.
        variant, width, blocks, antialiased: of the trunk, see `TrunkNet`.
        folded: as `fold` makes it.

    Departures from the paper: the pooled features of a pretrained Inception net give way to VGG19's, of which not the
    means alone but the deviations too are kept, at four depths; and a small encoder learns to estimate them, so that no
    pretrained net is needed to stylize. As in `CIN`, one more row is learnt to give the photo back.
    """

    family: ClassVar[str] = "ghiasi"
    least_styles: ClassVar[int] = 0

    def __init__(
        self,
        styles: int = 0,
        variant: str = "fast",
        width: int | str | None = None,
        blocks: int = 5,
        folded: bool = False,
        antialiased: bool = False,
    ) -> None:
        super().__init__(styles, variant, width, blocks, antialiased=antialiased)
        self.arch |= {"folded": True} if folded else {}
        self.encoder = StyleEncoder(HIDDEN if folded else STATISTICS)
        self.predictor = nn.Sequential(
            nn.Identity() if folded else nn.Linear(STATISTICS, HIDDEN),
            nn.ReLU(),
            nn.Linear(HIDDEN, 128),
            nn.ReLU(),
            last := nn.Linear(128, self.styles.shape[1]),
        )
        with torch.no_grad():  # every style starts near the neutral row, or the first steps would diverge
            last.weight.mul_(0.1)
            last.bias.copy_(self.styles[-1])

    def forward(self, x: Tensor, code: Tensor | None = None, regions: Tensor | None = None) -> Tensor:
        """Stylize `x`, (N, 3, H, W) in [0, 1], with the gammas and betas `code`, (N or 1, A).

        With `regions`, (N or 1, K, H, W), `code` is (K, A): one row a region.

        Raises:
            StyleError: no code, or one of another net.
        """
        if code is None:
            raise StyleError("a ghiasi net needs a style code: encode a style image")
        if code.shape[-1] != self.styles.shape[1]:
            raise StyleError(
                f"a style code of {code.shape[-1]} numbers is from another net: this one takes {self.styles.shape[1]}"
            )
        return self.stylize(x, code, regions)

    def encode(self, style: Tensor, regions: Tensor | None = None) -> Tensor:
        """Return the codes, (N, A), of style pictures, (N, 3, H, W) in [0, 1].

        With `regions`, (1, K, H, W), those of the K parts of one picture, (K, A).
        """
        style = pad_to_multiple(style, 1, SMALLEST_STYLE)[0]
        if regions is None:
            return self.encode_unpadded(style)
        return self.predictor(self.encoder(style, pad_to_multiple(regions, 1, SMALLEST_STYLE)[0]))

    def encode_unpadded(self, style: Tensor) -> Tensor:
        return self.predictor(self.encoder(style))

    @classmethod
    def check_recipe(cls, recipe: Recipe) -> None:
        if recipe.model.args.get("folded") and recipe.model.start is None:
            raise RecipeError("model.args.folded is for training on from a folded net: name that as model.start")
        require_layers(recipe, LAYERS)
        if recipe.data.crop < SMALLEST_STYLE:
            raise RecipeError(
                f"data.crop must be at least {SMALLEST_STYLE} px for {cls.family}, which encodes photos too, "
                f"not {recipe.data.crop}"
            )

    @classmethod
    def style_sampler(cls, recipe: Recipe, pictures: StyleSet | None) -> StyleSampler:
        return super().style_sampler(recipe, pictures) if pictures is None else PredictedStyles(recipe, pictures)

    @torch.no_grad()
    def init_from(self, other: StyleNet, known: Mapping[int, int], name: str) -> None:
        """Take over trunk and photo's row, and predict what the other net predicts.

        Where it predicts nothing, or only one of the two is folded: about the mean of its rows.
        """
        super().init_from(other, {}, name)
        assert isinstance(other, CIN)
        if isinstance(other, Ghiasi) and self._reads_as(other):
            self.encoder.load_state_dict(other.encoder.state_dict())
            self.predictor.load_state_dict(other.predictor.state_dict())
            return
        rows = other.styles[: len(other.styles) - other.learns_photo]
        mean = other.predictor[-1].get_parameter("bias") if isinstance(other, Ghiasi) else rows.mean(dim=0)
        self.predictor[-1].get_parameter("bias").copy_(mean)

    def init_encoder_from(self, teacher: StyleNet) -> None:
        """Take over all but the predictor's last layer, which makes rows for a trunk.

        Only where both are folded, or neither is: else they have other layers.
        """
        if isinstance(teacher, Ghiasi) and self._reads_as(teacher):
            self.encoder.load_state_dict(teacher.encoder.state_dict())
            for layer, known in zip(self.predictor[:-1], teacher.predictor[:-1], strict=True):
                layer.load_state_dict(known.state_dict())

    def _reads_as(self, other: Ghiasi) -> bool:
        return self.arch.get("folded") == other.arch.get("folded")

    @torch.no_grad()
    def fold(self) -> Ghiasi:
        """Return the same net in less: no statistics in between, where two linear layers meet that make one.

        Such a net is for painting: what it would be taught by, the true statistics, has no place in it. It can go on
        learning end to end.
        """
        if self.arch.get("folded"):
            return self
        net = Ghiasi(**self.arch, folded=True)
        weights = self.state_dict()
        outer = [weights.pop(f"predictor.0.{part}").double() for part in ("weight", "bias")]
        inner = [weights[f"encoder.head.2.{part}"].double() for part in ("weight", "bias")]
        weights["encoder.head.2.weight"] = (outer[0] @ inner[0]).to(self.dtype)
        weights["encoder.head.2.bias"] = (outer[0] @ inner[1] + outer[1]).to(self.dtype)
        return net.load_weights(weights).to(self.device, self.dtype).train(self.training)

    @property
    def code_width(self) -> int:
        return self.styles.shape[1]

    def named_code(self, style: int) -> Tensor:
        if style >= (known := len(self.styles) - 1):  # the last row is the photo's
            raise StyleError(
                f"this ghiasi net has {known} named styles, none with number {style}: encode a style image"
            )
        return self.styles[style, None]


@dataclass
class PredictedStyles(PictureStyles):
    """Any picture of a set, its row predicted: for `Ghiasi`.

    Up to `run.teacher` of the steps the row is predicted from the true statistics of the style picture's VGG features,
    while the encoder learns to estimate them; then from its estimate, end to end. Besides the style pictures it learns
    from the photos of the batch, whose features the loss has computed anyway: they never repeat. A folded net
    is trained end to end from the first step.
    """

    _scale: tuple[Tensor, Tensor] | None = field(default=None, init=False)

    def choose(self, net: StyleNet, batch: Tensor, first: int) -> tuple[Tensor, Tensor | None]:
        style, photo = self._deal(batch, first)
        return self._with_photo(net, self.encode(net, style, batch), style, photo)

    def _deal(self, batch: Tensor, first: int) -> tuple[Tensor, Tensor]:
        numbers = range(first, first + len(batch))
        photo = torch.tensor([i % PHOTO_EVERY == 0 for i in numbers])
        return in_turn(len(self.pictures), numbers, self.recipe.run.seed), photo

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
            rows = self.encode(net, style, batch)
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


def statistics(features: Mapping[str, Tensor]) -> Tensor:
    """Return the means and deviations, (N, STATISTICS), of features that hold `LAYERS`."""
    return torch.cat([value for layer in LAYERS for value in mean_std(features[layer])], dim=1)
