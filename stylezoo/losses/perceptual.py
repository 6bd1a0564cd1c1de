"""The loss that every family trains with and that Gatys' optimisation descends."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional

from stylezoo.backbones.base import Backbone
from stylezoo.errors import OptionError
from stylezoo.losses.sliced import ColorSpace, PaletteLoss, SlicedLoss, SlicedTerm
from stylezoo.losses.terms import GramLoss, MeanStdLoss, StyleTerm, content_loss, gram_loss, total_variation

PHOTO = -1
"""In place of a style's index: the picture should be the photo itself."""

STYLE_TERMS = ("gram", "mean_std")

StyleTargets = Mapping[str, Tensor]
"""What a loss keeps of one style, (1, ...) each, by term, layer and part, such as "gram.relu1_1.target"."""


class PerceptualLoss(nn.Module):
    """The weighted sum of the terms "content", "style", "sliced", "palette" and "tv".

    The first three are weighted means over their layers, so adding a layer does not change the balance of the terms.
    Departure from the papers: each error is divided by the size of its target (see `losses.terms`), which makes content
    1 and style 10 a good start for any backbone and style; `normalize=False` gives the papers' form.

    Args:
        backbone: must tap every layer named here.
        styles: the style images, (1, 3, H, W) each in [0, 1], or a list of such for a style at several scales; their
            targets are computed once, here, and read one style at a time. Or, each, its targets, as `style_targets`
            returns them. None at all, if the loss has no term of style: for pictures that should be photos.
        content, style, sliced: layer -> weight within the term.
        style_term: "gram" or "mean_std".
        balanced: divide Gram errors by the size of the photo's Gram matrix as well, see `gram_loss`.
        palette_space: the colours that the palette term compares, see `PaletteLoss`.
        compact: keep Gram matrices in bfloat16, for thousands of styles: 1.2 MB each with relu1_1 ... relu5_1. It has
            float32's range, which they need, and its rounding moves a style error by some 1e-5.

    Attributes:
        kept: the terms that hold targets, by kind ("gram", "moments", "sliced", "palette"), then by layer, for the
            palette by its space. Means and deviations are kept whatever the style term.
    """

    def __init__(
        self,
        backbone: Backbone,
        styles: Iterable[Tensor | Sequence[Tensor] | StyleTargets],
        *,
        content: Mapping[str, float],
        style: Mapping[str, float],
        sliced: Mapping[str, float] | None = None,
        content_weight: float = 1.0,
        style_weight: float = 10.0,
        sliced_weight: float = 0.0,
        palette_weight: float = 0.0,
        tv_weight: float = 0.0,
        style_term: str = "gram",
        balanced: bool = False,
        palette_space: ColorSpace = "lab",
        normalize: bool = True,
        compact: bool = False,
    ) -> None:
        super().__init__()
        self.backbone = backbone
        self.content_layers, self.style_layers, self.sliced_layers = dict(content), dict(style), dict(sliced or {})
        self.weights = {"content": content_weight, "style": style_weight, "sliced": sliced_weight}
        self.weights |= {"palette": palette_weight, "tv": tv_weight}
        self.normalize, self.style_term, self.balanced = normalize, style_term, balanced
        self._check()
        terms: dict[str, dict[str, StyleTerm]] = {
            "moments": {layer: MeanStdLoss(normalize=normalize) for layer in style},
            "sliced": {layer: SlicedLoss() for layer in self.sliced_layers},
            "palette": {palette_space: PaletteLoss(space=palette_space)},
        }
        if style_term == "gram":
            terms["gram"] = {layer: GramLoss(normalize=normalize) for layer in style}
        measured = [self._measure(image, terms, compact) for image in styles]
        if not measured and (style or self.sliced_layers or palette_weight):
            raise OptionError("a perceptual loss needs at least one style image")
        self.kept = nn.ModuleDict()
        for kind, by_layer in terms.items():
            known = {layer: _join(measured, f"{kind}.{layer}.") for layer in by_layer}
            self.kept[kind] = nn.ModuleDict({k: by_layer[k].keep(known[k]) for k in by_layer if known[k]})
        needed = {style_term.replace("mean_std", "moments"): style_weight, "sliced": sliced_weight}
        for kind, weight in (needed | {"palette": palette_weight}).items():
            if weight and len(self.terms_of(kind)) < len(terms[kind]):
                raise OptionError(f"the style targets lack '{kind}', which the loss needs: compute them again")

    def terms_of(self, kind: str) -> dict[str, StyleTerm]:
        """Return the terms of one kind of `kept`, by layer."""
        return cast(dict[str, StyleTerm], dict(cast(nn.ModuleDict, self.kept[kind]).items()))

    def _check(self) -> None:
        """Refuse layers that the backbone does not return, and weights that cannot work."""
        layers = {"content": self.content_layers, "style": self.style_layers, "sliced": self.sliced_layers}
        for name in (name for weights in layers.values() for name in weights):
            if name not in self.backbone.layers:
                raise OptionError(
                    f"the loss uses layer '{name}', which the backbone {self.backbone.name} does not return"
                )
        for term, weights in layers.items():
            if weights and not (min(weights.values()) >= 0 and sum(weights.values()) > 0):
                raise OptionError(f"the {term} term needs weights of at least 0, one of them above 0, not {weights}")
        if self.weights["sliced"] and not self.sliced_layers:
            raise OptionError("the sliced term has a weight but no layers: name some, or set its weight to 0")
        if self.style_term not in STYLE_TERMS:
            raise OptionError(f"style_term must be one of {', '.join(STYLE_TERMS)}, not '{self.style_term}'")
        if self.balanced and (self.style_term != "gram" or not self.normalize):
            raise OptionError("balanced needs normalised Gram errors: set style_term 'gram' and normalize true")

    @torch.no_grad()
    def _measure(
        self,
        style: Tensor | Sequence[Tensor] | StyleTargets,
        terms: Mapping[str, Mapping[str, StyleTerm]],
        compact: bool,
    ) -> dict[str, Tensor]:
        """Return the targets of one style."""
        home = next((p.device for p in self.backbone.parameters()), torch.device("cpu"))
        if isinstance(style, Mapping):
            targets = {name: value.to(home) for name, value in style.items()}
        else:
            pictures = [x.to(home) for x in ([style] if isinstance(style, Tensor) else style)]
            deepest = self._deepest(self.style_layers, self.sliced_layers)
            features = [self.backbone(x, upto=deepest) if deepest else {} for x in pictures]
            targets = {}
            for kind, layer, term in ((k, layer, term) for k, by in terms.items() for layer, term in by.items()):
                seen = pictures if kind == "palette" else [each[layer] for each in features]
                targets |= {f"{kind}.{layer}.{part}": value for part, value in term.measure(seen).items()}
        half = {name: value.bfloat16() for name, value in targets.items() if compact and name.startswith("gram.")}
        return targets | half

    def _deepest(self, *layers: Mapping[str, float]) -> str | None:
        """Return the deepest of the layers that the backbone returns and one of `layers` names."""
        return next((name for name in reversed(self.backbone.layers) if any(name in some for some in layers)), None)

    def style_targets(self, style: int) -> dict[str, Tensor]:
        """Return what is kept of one style, on the CPU: in place of its picture, for another loss of the same terms."""
        found: dict[str, Tensor] = {}
        for name, value in self.kept.named_buffers():
            found[name] = value[style : style + 1].cpu()
        return found

    def redraw(self, number: int) -> None:
        """Let the terms that compare some positions take others, chosen by `number`, such as that of the step."""
        for term in self.modules():
            if isinstance(term, SlicedTerm):
                term.draw = number

    @torch.no_grad()
    def content_targets(self, content: Tensor) -> dict[str, Tensor]:
        """Return the features of `content`, (N, 3, H, W) in [0, 1], that the content term compares with, and itself."""
        deepest = self._deepest(self.content_layers, self.style_layers if self.balanced else {})
        return {"pixels": content} | (self.backbone(content, upto=deepest) if deepest else {})

    def statistics(self, layers: Sequence[str], style: Tensor | None = None) -> Tensor:
        """Return the means and deviations of styles at some of the style layers, one behind the other: (N, D).

        `style`, (N,) integers, says of which; None: of all.
        """
        moments = [self.terms_of("moments")[layer] for layer in layers]
        known = [term.get_buffer(part) for term in moments for part in ("mean", "std")]
        if style is not None:
            style = style.to(known[0].device, non_blocking=True)
        return torch.cat([values if style is None else values[style] for values in known], dim=1)

    def terms(
        self,
        output: Tensor,
        targets: Mapping[str, Tensor],
        style: Tensor | None = None,
        regions: Tensor | None = None,
    ) -> dict[str, Tensor]:
        """Return the unweighted terms of each picture of `output`, (N,) each: those that have a weight or cost nothing.

        Args:
            output: (N, 3, H, W) in [0, 1]; all its features come from one pass through the backbone.
            targets: `content_targets` of the photos.
            style: (N,) integers, which style each picture should have; None: the first for all. For `PHOTO` the style
                term is the relative squared error of the pixels, and the sliced and palette terms are 0.
            regions: (N or 1, K, H, W) in [0, 1], which sum to 1 in every pixel: each of the K kept styles is compared
                with its own part of the picture, and counts as much as that part is large. Gatys et al. 2017
                (arXiv:1611.07865), where every region counts the same: so a speck would outweigh its surroundings.
        """
        if regions is not None and (style is not None or self.style_term != "gram" or self._beyond_gram()):
            raise OptionError("regions need Gram matrices alone: no choice of styles and no other style term")
        features = self.backbone(output)
        content = self._mean(
            self.content_layers,
            lambda layer: content_loss(features[layer], targets[layer], normalize=self.normalize),
            output,
        )
        error = self._mean(
            self.style_layers, lambda layer: self._style_error(layer, features[layer], targets, style, regions), output
        )
        zero = output.new_zeros(len(output), dtype=torch.float32)
        sliced, palette = zero, zero
        for term in self.terms_of("palette").values() if regions is None else ():
            palette = term(output, style)
        if regions is None and (by_layer := self.terms_of("sliced")):
            sliced = self._mean(self.sliced_layers, lambda layer: by_layer[layer](features[layer], style), output)
        if style is not None:
            photo = style == PHOTO
            error = torch.where(photo, content_loss(output, targets["pixels"]), error)
            sliced, palette = torch.where(photo, 0.0, sliced), torch.where(photo, 0.0, palette)
        found = {"content": content, "style": error, "sliced": sliced, "palette": palette}
        return found | {"tv": total_variation(output)}

    def _beyond_gram(self) -> bool:
        return bool(self.weights["palette"] or self.weights["sliced"] or self.balanced)

    @staticmethod
    def _mean(weights: Mapping[str, float], error: Callable[[str], Tensor], output: Tensor) -> Tensor:
        """Return the weighted mean of the errors of layers, (N,)."""
        total = output.new_zeros(len(output), dtype=torch.float32)
        for layer, weight in weights.items():
            total = total + error(layer) * (weight / sum(weights.values()))
        return total

    def _style_error(
        self,
        layer: str,
        features: Tensor,
        targets: Mapping[str, Tensor],
        style: Tensor | None,
        regions: Tensor | None,
    ) -> Tensor:
        if self.style_term == "mean_std":
            return self.terms_of("moments")[layer](features, style)
        if regions is None:
            return self.terms_of("gram")[layer](features, style, targets[layer] if self.balanced else None)
        # Averaged over what a position of the layer stands for, so that soft masks and small parts keep their share.
        here = functional.interpolate(regions.to(features.dtype), size=features.shape[-2:], mode="area")
        grams = self.terms_of("gram")[layer].get_buffer("target")
        errors = [
            share.mean(dim=(1, 2, 3)) * gram_loss(features, target, normalize=self.normalize, region=share)
            for share, target in zip(here.split(1, dim=1), grams.split(1), strict=True)
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


def _join(measured: Sequence[Mapping[str, Tensor]], prefix: str) -> dict[str, Tensor]:
    """Return the targets whose names begin with `prefix`, without it, (S, ...); none that one of the styles lacks."""
    names = [
        name for name in next(iter(measured), {}) if name.startswith(prefix) and all(name in each for each in measured)
    ]
    return {name.removeprefix(prefix): torch.cat([each[name] for each in measured]) for name in names}
