"""The loss that every family trains with and that Gatys' optimisation descends."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional

from stylezoo.backbones.base import Backbone
from stylezoo.errors import OptionError
from stylezoo.losses.terms import GramLoss, MeanStdLoss, PaletteLoss, content_loss, gram_loss, join, total_variation

PHOTO = -1
"""In place of a style's index: the picture should be the photo itself."""

STYLE_TERMS = ("gram", "mean_std")


class PerceptualLoss(nn.Module):
    """content_weight * content + style_weight * style + palette_weight * palette + tv_weight * tv.

    The content and style terms are weighted means over their layers, so adding a layer does not change the balance
    of the terms. Departure from the papers: each error is divided by the size of its target (see `losses.terms`), which
    makes content 1 and style 10 a good start for any backbone and style; `normalize=False` gives the papers' form.

    Args:
        backbone: must tap every layer named here.
        styles: the style pictures, (1, 3, H, W) each in [0, 1]; their targets are computed once, here, and read one
            picture at a time. Or, each, the Gram matrices of a style by layer, (1, C, C); such have neither a palette
            term nor moments, and all styles must be of that kind.
        content, style: layer -> weight within the term.
        style_term: "gram" or "mean_std".
        compact: keep Gram matrices in bfloat16, for thousands of styles: 1.2 MB each with relu1_1 ... relu5_1. It has
            float32's range, which they need, and its rounding moves a style error by some 1e-5.

    Attributes:
        moments: layer -> the means and deviations of every style, whatever the style term.
    """

    def __init__(
        self,
        backbone: Backbone,
        styles: Iterable[Tensor | Mapping[str, Tensor]],
        *,
        content: Mapping[str, float],
        style: Mapping[str, float],
        content_weight: float = 1.0,
        style_weight: float = 10.0,
        palette_weight: float = 0.0,
        tv_weight: float = 0.0,
        style_term: str = "gram",
        normalize: bool = True,
        compact: bool = False,
    ) -> None:
        super().__init__()
        for layer in [*content, *style]:
            if layer not in backbone.layers:
                raise OptionError(
                    f"the loss names layer '{layer}', which the backbone {backbone.name} was not made to return"
                )
        for term_name, layers in (("content", content), ("style", style)):
            if layers and not (min(layers.values()) >= 0 and sum(layers.values()) > 0):
                raise OptionError(f"the {term_name} term needs weights of 0 and above, one above 0, not {dict(layers)}")
        if style_term not in STYLE_TERMS:
            raise OptionError(f"style_term must be one of {', '.join(STYLE_TERMS)}, not '{style_term}'")
        self.backbone = backbone
        self.content_layers, self.style_layers = dict(content), dict(style)
        self.weights = {"content": content_weight, "style": style_weight, "palette": palette_weight, "tv": tv_weight}
        self.normalize, self.style_term = normalize, style_term
        deepest = [layer for layer in backbone.layers if layer in self.style_layers][-1:]
        grams: dict[str, list[GramLoss]] = {layer: [] for layer in self.style_layers}
        moments: dict[str, list[MeanStdLoss]] = {layer: [] for layer in self.style_layers}
        palettes: list[PaletteLoss] = []
        kept = torch.bfloat16 if compact else None
        home = next((p.device for p in backbone.parameters()), torch.device("cpu"))
        for picture in styles:
            if isinstance(picture, Mapping):
                for layer in self.style_layers:
                    grams[layer].append(GramLoss.of(picture[layer], normalize=normalize).to(kept))
                continue
            with torch.no_grad():
                features = backbone(picture.to(home), upto=deepest[0]) if deepest else {}
            palettes.append(PaletteLoss([picture]))
            for layer in self.style_layers:
                moments[layer].append(MeanStdLoss([features[layer]], normalize=normalize))
                if style_term == "gram":
                    grams[layer].append(GramLoss([features[layer]], normalize=normalize).to(kept))
        if not palettes and not any(grams.values()):
            raise OptionError("a perceptual loss needs at least one style picture")
        if not palettes and (palette_weight or style_term != "gram"):
            raise OptionError("Gram matrices in place of style pictures tell neither their palette nor their means")
        self.palette = join(palettes) if palettes else None
        self.moments = nn.ModuleDict({layer: join(parts) for layer, parts in moments.items() if parts})
        self.style_losses = self.moments
        if style_term == "gram":
            self.style_losses = nn.ModuleDict({layer: join(grams.pop(layer)) for layer in self.style_layers})

    @torch.no_grad()
    def content_targets(self, content: Tensor) -> dict[str, Tensor]:
        """Return the features of `content`, (N, 3, H, W) in [0, 1], that the content term compares with, and itself."""
        deepest = [layer for layer in self.backbone.layers if layer in self.content_layers]
        return {"pixels": content} | (self.backbone(content, upto=deepest[-1]) if deepest else {})

    def statistics(self, layers: Sequence[str], style: Tensor | None = None) -> Tensor:
        """Return the means and deviations of styles at some of the style layers, one behind the other: (N, D).

        `style`, (N,) integers, says of which; None: of all.
        """
        known = [self.moments[layer].get_buffer(part) for layer in layers for part in ("mean", "std")]
        return torch.cat([values if style is None else values[style] for values in known], dim=1)

    def terms(
        self,
        output: Tensor,
        targets: Mapping[str, Tensor],
        style: Tensor | None = None,
        regions: Tensor | None = None,
    ) -> dict[str, Tensor]:
        """Return the unweighted terms "content", "style", "palette" and "tv" of each picture of `output`, (N,) each.

        Args:
            output: (N, 3, H, W) in [0, 1]; all its features come from one pass through the backbone.
            targets: `content_targets` of the photos.
            style: (N,) integers, which style each picture should have; None: the first for all. For `PHOTO` the style
                term is the relative squared error of the pixels, and the palette term is 0.
            regions: (N or 1, K, H, W) in [0, 1], which sum to 1 in every pixel: each of the K kept styles is compared
                with its own part of the picture, and counts as much as that part is large. Gatys et al. 2017
                (arXiv:1611.07865), where every region counts the same: so a speck would outweigh its surroundings.
        """
        if regions is not None and (style is not None or self.style_term != "gram" or self.weights["palette"]):
            raise OptionError("regions go with Gram matrices alone: with no choice of styles, mean_std or palette")
        features = self.backbone(output)
        zero = output.new_zeros(output.shape[0], dtype=torch.float32)
        content, style_error = zero, zero
        for layer, weight in self.content_layers.items():
            error = content_loss(features[layer], targets[layer], normalize=self.normalize)
            content = content + error * (weight / sum(self.content_layers.values()))
        for layer, weight in self.style_layers.items():
            if regions is None:
                error = self.style_losses[layer](features[layer], style)
            else:
                error = self._error_by_region(layer, features[layer], regions)
            style_error = style_error + error * (weight / sum(self.style_layers.values()))
        palette = zero if self.palette is None or regions is not None else self.palette(output, style)
        if style is not None:
            photo = style == PHOTO
            style_error = torch.where(photo, content_loss(output, targets["pixels"]), style_error)
            palette = torch.where(photo, 0.0, palette)
        return {"content": content, "style": style_error, "palette": palette, "tv": total_variation(output)}

    def _error_by_region(self, layer: str, features: Tensor, regions: Tensor) -> Tensor:
        # Averaged over what a position of the layer stands for, so that soft masks and small parts keep their share.
        here = functional.interpolate(regions.to(features.dtype), size=features.shape[-2:], mode="area")
        targets = self.style_losses[layer].get_buffer("target")
        errors = [
            share.mean(dim=(1, 2, 3)) * gram_loss(features, target, normalize=self.normalize, region=share)
            for share, target in zip(here.split(1, dim=1), targets.split(1), strict=True)
        ]
        return torch.stack(errors).sum(dim=0)

    def forward(
        self, output: Tensor, content: Tensor, style: Tensor | None = None, emphasis: Tensor | None = None
    ) -> dict[str, Tensor]:
        """Return "total", (N,), the loss to descend of each picture, and the unweighted `terms`.

        `emphasis`, (N,), multiplies each picture's style term in the total.
        """
        terms = self.terms(output, self.content_targets(content), style)
        return {"total": self.total(terms, emphasis)} | terms

    def total(self, terms: Mapping[str, Tensor], emphasis: Tensor | None = None) -> Tensor:
        """Return the weighted sum of `terms`, (N,); `emphasis`, (N,), multiplies the style term."""
        weighted = {name: self.weights[name] * value for name, value in terms.items()}
        if emphasis is not None:
            weighted["style"] = weighted["style"] * emphasis
        return torch.stack(list(weighted.values())).sum(dim=0)
