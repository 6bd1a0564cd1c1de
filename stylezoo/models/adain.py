"""Any picture as the style, without learning one: the photo's features take on the style's statistics.

Huang and Belongie 2017, "Arbitrary Style Transfer in Real-time with Adaptive Instance Normalization"
(arXiv:1703.06868).
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar, Self

import torch
from torch import Tensor, nn

from stylezoo.backbones import Backbone, create_backbone
from stylezoo.backbones.normalised import NormalisedVGG
from stylezoo.data.style_set import StyleSet
from stylezoo.errors import OptionError, RecipeError, StyleError
from stylezoo.images.resize import pad_to_multiple
from stylezoo.images.sizes import SMALLEST_STYLE
from stylezoo.losses import PerceptualLoss
from stylezoo.losses.perceptual import PHOTO
from stylezoo.models.base import StyleNet
from stylezoo.models.sampling import Draw, PictureStyles, StyleSampler, in_turn, require_layers
from stylezoo.models.table import StyleTable, hash_weights
from stylezoo.nn.mirror import build_decoder, divide_features, reach_of
from stylezoo.nn.norm import InstanceNorm
from stylezoo.nn.stats import mean_std, wide
from stylezoo.nn.trunk import Affine
from stylezoo.recipe import Recipe
from stylezoo.runtime.architecture import MIRROR, VGG_CHANNELS

LAYER = "relu4_1"
CHANNELS = VGG_CHANNELS[LAYER]
CODE = 2 * CHANNELS
RECONSTRUCTED_EVERY = 2  # of the pictures that a decoder learns from, one of so many is to stay the photo


class AdaIN(StyleTable):
    """VGG19 to relu4_1, adaptive instance norm, and a decoder that mirrors VGG19; only the decoder is learnt.

    A code holds the means and then the deviations of relu4_1's channels, (N or 1, 1024), in the encoder's own scale:
    at vgg19:caffe hundreds, up to 2e4. The straight line from the photo's code to the style's is the paper's alpha.

    Args:
        styles: how many are known by name, as rows of a table: codes that were encoded once.
        encoder: a VGG of `create_backbone`. It is no part of the net's weights: it is not in the state dict, among the
            parameters or in weights files, but moves with the net. Or "vgg19:normalised", that of the authors' release:
            nobody else has it, so it is a part of the weights; deviations are Bessel's then, as there.

    Attributes:
        encoder: the frozen backbone; it gives features divided by `scale`.
        scale: what features are divided by for the decoder, so that they are about 1.

    Raises:
        BackboneError: there is no such encoder, or it cannot be had.
        OptionError: a number of styles out of range.
    """

    family: ClassVar[str] = "adain"
    learns_photo = False
    gives_back: ClassVar[bool] = False
    measures_photo: ClassVar[bool] = True
    measures_parts: ClassVar[bool] = True
    encoder_layers: ClassVar[tuple[str, ...]] = (LAYER,)
    encoder: Backbone

    def __init__(self, styles: int = 0, encoder: str = "vgg19:caffe") -> None:
        super().__init__()
        if not 0 <= styles <= 4096:
            raise OptionError(f"styles must be from 0 to 4096, not {styles}")
        if encoder == NormalisedVGG.name:
            self.encoder, self.scale = NormalisedVGG(), 1.0
        else:
            backbone = create_backbone(str(encoder), layers=[LAYER])
            self.scale = divide_features(backbone)
            self.__dict__["encoder"] = backbone  # which keeps it out of state_dict() and parameters()
        self.arch = {"styles": styles, "encoder": self.encoder.name}
        self.norm = InstanceNorm(CHANNELS, eps=1e-5 * self.scale**2, correction=int(self.keeps_encoder), by_part=True)
        self.decoder = build_decoder(LAYER)
        # Rows are encoded, not learnt; DDP would wait for their gradients.
        self.styles = nn.Parameter(torch.zeros(styles, CODE), requires_grad=False)
        self.multiple = 2 ** (len(MIRROR) - 1)
        self.minimum = 2 * self.multiple  # reflection by 1 px at an eighth
        self.overlap = reach_of(LAYER)

    @property
    def keeps_encoder(self) -> bool:
        """Whether the encoder is a part of the weights."""
        return "encoder" in self._modules

    def forward(self, x: Tensor, code: Tensor | None = None, regions: Tensor | None = None) -> Tensor:
        """Stylize `x`, (N, 3, H, W) in [0, 1], in the style `code`, (N or 1, 1024).

        With `regions`, (N or 1, K, H, W), `code` is (K, 1024): one style a region.

        Raises:
            StyleError: no code, or one of another net.
        """
        if code is None:
            raise StyleError("an adain net needs a style code: encode a style image")
        if code.shape[-1] != CODE:
            raise StyleError(f"a style code of {code.shape[-1]} numbers is from another net: this one takes {CODE}")
        return self.decode(self.transfer(self.features(x), code, regions))

    def features(self, x: Tensor) -> Tensor:
        """Return relu4_1 of `x`, (N, 3, H, W) in [0, 1]: (N, 512, H/8, W/8), float32, in the encoder's own scale."""
        return wide(self.encoder(x)[LAYER]) * self.scale

    def transfer(self, features: Tensor, code: Tensor, regions: Tensor | None = None) -> Tensor:
        """Return `features`, (N, 512, h, w), with the means and deviations of `code`: the paper's t (eq. 8).

        `code` is (N or 1, 1024), or (K, 1024) with `regions`, (N or 1, K, H, W) of any resolution: every position then
        takes on its own mix of the K means and deviations, while what it loses are those of the whole picture. The
        result is float32 in the scale of `features`, also under autocast: it does not fit float16.
        """
        features = wide(features)
        with torch.autocast(features.device.type, enabled=False):
            shares = None if regions is None else regions.to(features.dtype)
            mean, deviation, shares = Affine(code.to(features.dtype), [CHANNELS], shares).take(features)
            return self.norm(features, deviation, mean, shares)

    def decode(self, target: Tensor) -> Tensor:
        """Return the picture, (N, 3, 8h, 8w), of features, (N, 512, h, w); clamped to [0, 1] outside training."""
        y = self.decoder((target / self.scale).to(self.dtype))
        return y if self.training else y.clamp(0, 1)

    def encode(self, style: Tensor, regions: Tensor | None = None) -> Tensor:
        """Return the codes, (N, 1024), of style pictures, (N, 3, H, W) in [0, 1]; those below 64 px are reflected.

        With `regions`, (1, K, H, W), those of the K parts of one picture, (K, 1024).
        """
        style = pad_to_multiple(style, 1, SMALLEST_STYLE)[0]
        if regions is None:
            return self.photo_code(style)
        regions = pad_to_multiple(regions, 1, SMALLEST_STYLE)[0]
        return torch.cat(mean_std(self.features(style), self.norm.eps, regions=regions), dim=1).to(style.dtype)

    def encode_unpadded(self, style: Tensor) -> Tensor:
        return self.photo_code(style)

    @classmethod
    def check_recipe(cls, recipe: Recipe) -> None:
        if recipe.run.distill:
            raise RecipeError(f"run.distill is not for {cls.family} nets, which have no teacher: leave it out")
        if LAYER not in recipe.loss.content:
            raise RecipeError(
                f"loss.content must name {LAYER}, which {cls.family} decodes, not {list(recipe.loss.content)}"
            )
        require_layers(recipe, [LAYER])
        names = [str(recipe.model.args.get("encoder", "vgg19:caffe")), recipe.loss.backbone]
        if len({"vgg19:caffe" if name == "vgg19" else name for name in names}) == 2:
            raise RecipeError(f"loss.backbone must be the net's encoder, {names[0]}, not {names[1]}")

    @classmethod
    def style_sampler(cls, recipe: Recipe, pictures: StyleSet | None) -> StyleSampler:
        return super().style_sampler(recipe, pictures) if pictures is None else MeasuredStyles(recipe, pictures)

    @property
    def code_width(self) -> int:
        return self.styles.shape[1]

    def named_code(self, style: int) -> Tensor:
        return self.styles[style, None] if len(self.styles) else super().named_code(style)

    def photo_code(self, x: Tensor) -> Tensor:
        """Return the photos' own codes, (N, 1024): with them the net gives its reconstruction of the photos."""
        if self.norm.frozen:
            mean, inverse = self.norm.frozen
            return torch.cat([mean, 1 / inverse], dim=1).flatten(1).to(x)
        return torch.cat(mean_std(self.features(x), self.norm.eps, self.norm.correction), dim=1).to(x.dtype)

    def trunk_hash(self) -> str:
        """Return the SHA-256 of what codes depend on: encoder and layer. They serve every decoder of that encoder."""
        weights = f" {hash_weights(self.encoder)}" if self.keeps_encoder else ""
        return hashlib.sha256(f"{self.encoder.name} {LAYER}{weights}".encode()).hexdigest()

    def _apply(self, fn: Callable[[Tensor], Tensor], recurse: bool = True) -> Self:
        if not self.keeps_encoder:
            self.encoder._apply(fn, recurse)
        return super()._apply(fn, recurse)


@dataclass
class MeasuredStyles(PictureStyles):
    """Any picture of a set, by the mean and deviation of its features: for `AdaIN`.

    The content term compares with the photo's features once they have these (Huang & Belongie 2017, eq. 12). Departure:
    every second picture is a photo in its own statistics, which is to come back pixel by pixel. A decoder without norms
    learns much faster from pixels than through the encoder, and strength 0 is then a faithful reconstruction.
    """

    def draw(self, net: StyleNet, loss: PerceptualLoss, batch: Tensor, first: int, share: float) -> Draw:
        assert isinstance(net, AdaIN)
        last = first + len(batch)
        style = in_turn(len(self.pictures), range(first, last), self.recipe.run.seed)
        targets = loss.content_targets(batch)
        own = torch.cat(mean_std(targets[LAYER], net.norm.eps), dim=1)
        photo = torch.tensor([i % RECONSTRUCTED_EVERY == 0 for i in range(first, last)])
        style, photo = (value.to(batch.device, non_blocking=True) for value in (style, photo))
        code = torch.where(photo[:, None], own, loss.statistics([LAYER], style))
        aim = {LAYER: net.transfer(targets[LAYER], code)}
        return Draw(torch.where(photo, PHOTO, style), code, targets | aim)
