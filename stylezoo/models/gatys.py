"""No net: each picture is optimised until its features are the photo's and their statistics the style's.

Gatys, Ecker and Bethge 2016, "Image Style Transfer Using Convolutional Neural Networks" (arXiv:1508.06576), with the
regions and the coarse-to-fine scheme of Gatys et al. 2017, "Controlling Perceptual Factors in Neural Style Transfer"
(arXiv:1611.07865).
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar, NoReturn, Self

import torch
from torch import Tensor
from torch.nn.functional import interpolate
from tqdm import tqdm

from stylezoo._files import shows
from stylezoo.backbones import Backbone, create_backbone
from stylezoo.errors import OptionError, StyleError, WeightsError
from stylezoo.images.io import read
from stylezoo.images.resize import pad_to_multiple, resize, resize_around
from stylezoo.images.sizes import SMALLEST_STYLE
from stylezoo.losses import PerceptualLoss
from stylezoo.models.base import StyleNet
from stylezoo.models.descent import Objective, Step, descend
from stylezoo.models.gatys_options import STAGES, Options, layer_weights
from stylezoo.nn.circular import CIRCULAR
from stylezoo.nn.stats import gram_matrix
from stylezoo.zoo.spec import ModelSpec

COARSE = 640  # px: a long side up to this needs no stage before it
FINER = 0.4  # share of the steps for each stage behind the first: 200 after 500 in the paper of 2017


class Gatys(StyleNet):
    """Gatys' method in the place of a net: `forward` optimises, so it takes minutes where a net takes a second.

    A code holds the Gram matrices of the style layers, at three scales of the picture: (1, 1.8 million) by default. So
    codes mix as Gram matrices do, and a mix of styles has the same minimum as the weighted sum of their losses.

    The loss is `PerceptualLoss`. Departures from the papers: each error is relative to its target (a layer's Gram error
    to the squared norm of the style's Gram matrix, the content error to the mean square of the photo's features), so
    that weights do not depend on layers, style and size; pooling is by maximum, as nets are measured; regions count by
    their area, and soft masks guide by their square root. For the descent's departures see `descend`.

    Memory: some 3.5 KB a pixel, and 24 bytes more a pixel for each step that L-BFGS remembers: 1.5 GB at 512x512 px.

    Args:
        encoder: a backbone of `create_backbone`. It is no part of the zoo's weights: this family has none.
        how: the options of paintings; `tuned` changes them.
        backbone: taken in place of a new one; it must be `encoder`, and tap the layers of `how`.

    Raises:
        BackboneError: there is no such backbone, or it has no such layer.
        OptionError: see `Options`.
    """

    family: ClassVar[str] = "gatys"
    takes_palette: ClassVar[bool] = False  # it optimises colours
    tiles: ClassVar[bool] = False  # one loss is of the whole picture
    exports: ClassVar[bool] = False

    def __init__(
        self, encoder: str = "vgg19:caffe", *, how: Options | None = None, backbone: Backbone | None = None
    ) -> None:
        super().__init__()
        self.how = how or Options()
        with torch.inference_mode(False):  # or else gradients could not pass it
            self.backbone = backbone or create_backbone(str(encoder), layers=self.how.taps, pooling=self.how.pooling)
            self.backbone.to(memory_format=torch.channels_last)
        self.arch = {"encoder": str(encoder)}
        self.multiple, self.minimum, self.overlap = 1, 32, 0
        self.padding_mode = "zeros"  # of the backbone; see `stylezoo.nn.circular`
        with torch.no_grad():
            smallest = torch.zeros(1, 3, self.minimum, self.minimum, device=self.device, dtype=self.dtype)
            features = self.backbone(smallest)
        self.channels = {layer: features[layer].shape[1] for layer in self.how.style_layers}

    def tuned(self, **options: Any) -> Self:
        """Return this net with other `Options`; backbone and all are shared where they allow it."""
        how = dataclasses.replace(self.how, **options)
        if (set(how.taps), how.pooling) == (set(self.how.taps), self.how.pooling):
            backbone = self.backbone
        else:
            with torch.inference_mode(False):
                backbone = create_backbone(self.arch["encoder"], layers=how.taps, pooling=how.pooling)
                backbone.to(self.device, self.dtype)
        return type(self)(self.arch["encoder"], how=how, backbone=backbone).train(self.training)

    @property
    def period(self) -> int:
        return 2**4  # VGG pools four times

    @property
    def code_width(self) -> int:
        return STAGES * sum(width**2 for width in self.channels.values())

    def encode(self, style: Tensor, regions: Tensor | None = None) -> Tensor:
        """Return the codes, (N, D), of style pictures, (N, 3, H, W) in [0, 1]; those below 64 px are reflected.

        With `regions`, (1, K, H, W), those of the K parts of one picture, (K, D): its guided Gram matrices (Gatys et
        al. 2017, eq. 4).
        """
        self._check_dtype()
        style = pad_to_multiple(style, 1, SMALLEST_STYLE)[0]
        parts = None if regions is None else pad_to_multiple(regions, 1, SMALLEST_STYLE)[0]
        height, width = style.shape[-2:]
        codes = []
        for level in range(STAGES):
            features = self.backbone(resize(style, (height >> level, width >> level)))
            codes += [_grams(features[layer], parts).flatten(1) for layer in self.channels]
        return torch.cat(codes, dim=1).to(style.dtype)

    def forward(self, x: Tensor, code: Tensor | None = None, regions: Tensor | None = None) -> Tensor:
        """Stylize `x`, (N, 3, H, W) in [0, 1], one picture after the other, in the style `code`, (N or 1, D).

        With `regions`, (N or 1, K, H, W), `code` is (K, D): each style is compared with its region alone.

        Raises:
            StyleError: no code, or one of another net or other layers.
            OptionError: the start is lost, or the computation is not in float32 or float64.
        """
        if code is None:
            raise StyleError("gatys needs a style code: encode a style image")
        if code.shape[-1] != self.code_width:
            raise StyleError(
                f"a style code of {code.shape[-1]} numbers is from another net or other style_layers: encode it again"
            )
        self._check_dtype()
        stylized = []
        with torch.inference_mode(False), torch.enable_grad():  # `render` is in inference mode
            for index, photo in enumerate(x.clone().split(1)):
                if regions is None:
                    here, shares = code[index % len(code), None].clone(), None
                else:
                    here, shares = code.clone(), regions[index % len(regions), None].clone()
                stylized.append(self._stylize_one(photo, here, shares))
        return torch.cat(stylized)

    def objective(self, photo: Tensor, code: Tensor, regions: Tensor | None = None, level: int = 0) -> Objective:
        """Return what is descended to stylize a photo, (1, 3, H, W) in [0, 1]: its terms, "total" first.

        Args:
            code: (1, D), or (K, D) with `regions`, (1, K, h, w) of any size.
            level: at which scale of the style: 0 is its own, 1 a half, 2 a quarter.
        """
        loss = self._loss(code, level)
        targets = loss.content_targets(photo)
        if regions is not None:  # a sharper filter would not keep their sum at 1
            regions = interpolate(regions, size=photo.shape[-2:], mode="area")

        def terms_of(x: Tensor) -> dict[str, Tensor]:
            terms = loss.terms(x, targets, regions=regions)
            return {"total": loss.total(terms)} | {name: terms[name] for name in ("content", "style", "tv")}

        return terms_of

    def _stylize_one(self, photo: Tensor, code: Tensor, regions: Tensor | None) -> Tensor:
        how, height, width = self.how, *photo.shape[-2:]
        levels = range(self._stages(height, width))[::-1]
        resized = resize_around if self.padding_mode == CIRCULAR else resize
        steps = [how.steps if i == 0 else max(1, round(FINER * how.steps)) for i in range(len(levels))]
        image = self._start(photo, (height >> levels[0], width >> levels[0]))
        with tqdm(
            total=sum(steps), unit="step", disable=not shows(how.progress), leave=False, dynamic_ncols=True
        ) as bar:
            for stage, level in enumerate(levels):
                size = height >> level, width >> level
                objective = self.objective(resized(photo, size), code, regions, level)
                best: Step | None = None
                start = resized(image, size)
                for step in descend(objective, start, steps=steps[stage], optimizer=how.optimizer, lr=how.lr):
                    best = step if best is None or step.terms["total"] < best.terms["total"] else best
                    if stage and not step.number:
                        continue  # the former stage's result, scaled
                    bar.update(min(1, step.number))
                    terms = {name: f"{value:.3g}" for name, value in step.terms.items()}
                    bar.set_postfix(terms, refresh=step.number == 0)  # however fast the steps, the start is shown
                    if how.callback and how.callback(sum(steps[:stage]) + step.number, step.image, step.terms) is True:
                        return resized(step.image, (height, width))
                assert best is not None
                image = best.image
        return image

    def _loss(self, code: Tensor, level: int) -> PerceptualLoss:
        """Return the loss whose kept styles are the rows of `code`, (K, D), at one of the scales that it holds."""
        widths = self.channels.values()
        parts = code.chunk(STAGES, dim=1)[level].split([width**2 for width in widths], dim=1)
        grams = [part.unflatten(1, (width, width)) for part, width in zip(parts, widths, strict=True)]
        names = [f"gram.{layer}.target" for layer in self.channels]
        styles = [dict(zip(names, [g[k, None] for g in grams], strict=True)) for k in range(len(code))]
        how = self.how
        return PerceptualLoss(
            self.backbone,
            styles,
            content=layer_weights("content_layers", how.content_layers),
            style=layer_weights("style_layers", how.style_layers),
            content_weight=how.content_weight,
            style_weight=how.style_weight,
            tv_weight=how.tv_weight,
        )

    def _stages(self, height: int, width: int) -> int:
        """Return how many stages a picture of that size takes; none is below the least size."""
        wanted = self.how.stages
        if wanted is None:
            wanted = 1
            while not self.how.from_picture and wanted < STAGES and max(height, width) >> (wanted - 1) > COARSE:
                wanted += 1
        while wanted > 1 and min(height, width) >> (wanted - 1) < self.minimum:
            wanted -= 1
        return wanted

    def _start(self, photo: Tensor, size: tuple[int, int]) -> Tensor:
        start = self.how.start
        if isinstance(start, str) and start == "photo":
            return photo
        if isinstance(start, str) and start == "noise":
            generator = torch.Generator().manual_seed(self.how.seed)  # the same on every device
            return torch.rand(1, 3, *size, generator=generator).to(photo)
        picture = read(start)
        if len(picture.pixels) > 1:
            raise OptionError(f"start must be one picture, but {picture.name} has {len(picture.pixels)}")
        return resize(picture.pixels.to(photo), (photo.shape[-2], photo.shape[-1]))

    def _check_dtype(self) -> None:
        if self.dtype not in (torch.float32, torch.float64):
            named = str(self.dtype).removeprefix("torch.")
            raise OptionError(f"gatys needs float32 or float64, not {named}, in which its Gram matrices overflow")

    def fingerprint(self, pattern: Tensor) -> list[float]:
        """Return the terms of the pattern's mirror image, and twelve of its pixels' slopes in units of their deviation.

        Not the picture after some steps: each step multiplies what processors differ by.
        """
        with torch.inference_mode(False), torch.enable_grad():
            pattern = pattern.to(self.device, self.dtype)
            terms = self.objective(pattern, self.encode(1 - pattern))(mirror := pattern.flip(-1).requires_grad_())
            (slope,) = torch.autograd.grad(terms["total"].sum(), mirror)
            pixels = slope[0, :, 9::18, 12::24].flatten()[::4] / slope.std()
            return [float(v) for v in [*(term.detach() for term in terms.values()), *pixels]]

    def compile(self, *args: Any, **options: Any) -> None:
        """Compile the backbone: the loop around it is Python's."""
        self.backbone.compile(*args, **options)

    def load_weights(self, weights: Mapping[str, Tensor] | str | Path) -> NoReturn:
        """Raise WeightsError: there are none."""
        raise WeightsError("gatys has no weights to load: it optimises each picture")

    def save_weights(self, path: str | Path, spec: ModelSpec, dtype: torch.dtype | None = None) -> NoReturn:
        """Raise WeightsError: there are none."""
        raise WeightsError("gatys has no weights to save: it optimises each picture")


def _grams(features: Tensor, regions: Tensor | None) -> Tensor:
    """Return the Gram matrices of pictures, (N, C, C), or of the regions of one, (K, C, C)."""
    if regions is None:
        return gram_matrix(features)
    here = interpolate(regions.to(features.dtype), size=features.shape[-2:], mode="area")
    return torch.cat([gram_matrix(features, part) for part in here.split(1, dim=1)])
