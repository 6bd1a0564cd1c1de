"""How good a picture is: the content and the style error that the whole zoo is measured by."""

from __future__ import annotations

import os
import platform
import statistics
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from stylezoo.backbones import create_backbone
from stylezoo.image.io import read
from stylezoo.image.resize import resize
from stylezoo.image.sizes import fit_long_side
from stylezoo.losses import content_loss, gram_loss
from stylezoo.nn.stats import gram_matrix
from stylezoo.stylizer import Stylizer

CONTENT_LAYER = "relu4_2"
STYLE_LAYERS = ("relu1_1", "relu2_1", "relu3_1", "relu4_1", "relu5_1")


@dataclass(frozen=True)
class Quality:
    """Means and standard deviations over photos: content error C, style error S; and their photos' number.

    `stlpips` is the mean distance from the photo by `STLPIPS`, where it was asked for.
    """

    content: float
    content_spread: float
    style: float
    style_spread: float
    photos: int
    stlpips: float | None = None
    stlpips_spread: float | None = None


class Protocol:
    """C = ||F_out - F_photo||^2 / ||F_photo||^2 at relu4_2; S = mean over relu1_1 ... relu5_1 of
    ||G_out - G_style||^2 / ||G_style||^2, both by VGG19 of the Caffe lineage. 0 is perfect for either, and no picture
    has both; C of an unrelated photo is above 1, S of the photo itself mostly between 0.5 and 1.
    """

    def __init__(self) -> None:
        self.backbone = create_backbone("vgg19:caffe", layers=[CONTENT_LAYER, *STYLE_LAYERS])

    @torch.inference_mode()
    def grams(self, style: Tensor) -> dict[str, Tensor]:
        """Return the Gram matrices of a style picture, (1, 3, H, W) in [0, 1]."""
        features = self.backbone(style)
        return {layer: gram_matrix(features[layer]) for layer in STYLE_LAYERS}

    @torch.inference_mode()
    def content(self, photo: Tensor) -> Tensor:
        """Return the content features of a photo, (1, 3, H, W) in [0, 1]."""
        return self.backbone(photo, upto=CONTENT_LAYER)[CONTENT_LAYER]

    def measure(self, output: Tensor, content: Tensor, grams: Mapping[str, Tensor]) -> tuple[float, float]:
        """Return (C, S) of a result, (1, 3, H, W) in [0, 1], on its photo's `content` and its style's `grams`."""
        error, style = self.measure_layers(output, content, grams)
        return error, statistics.fmean(style.values())

    @torch.inference_mode()
    def measure_layers(
        self, output: Tensor, content: Tensor, grams: Mapping[str, Tensor]
    ) -> tuple[float, dict[str, float]]:
        """Return C and what S is the mean of, layer by layer; for the rest see `measure`."""
        features = self.backbone(output)
        style = {layer: gram_loss(features[layer], grams[layer]).item() for layer in STYLE_LAYERS}
        return content_loss(features[CONTENT_LAYER], content).item(), style


def evaluate(
    stylizer: Stylizer,
    photos: Iterable[Path],
    *,
    style_pictures: Mapping[str, Tensor],
    size: int = 384,
    distance: Callable[[Tensor, Tensor], float] | None = None,
    progress: Callable[[Iterable[Path]], Iterable[Path]] = lambda photos: photos,
) -> dict[str, Quality]:
    """Measure a model on photos, for each of its styles that `style_pictures` holds.

    Args:
        style_pictures: style id -> (1, 3, H, W) in [0, 1], at the size at which it was learnt.
        size: long side of the photos in px.
        distance: of a photo and its painting, (1, 3, H, W) in [0, 1] each, such as `STLPIPS`.
        progress: wraps the photos, for example a progress bar.
    """
    protocol = Protocol()
    grams = {style: protocol.grams(picture) for style, picture in style_pictures.items()}
    scores: dict[str, list[tuple[float, float]]] = {style: [] for style in grams}
    distances: dict[str, list[float]] = {style: [] for style in grams}
    for path in progress(photos):
        photo = read(path).pixels
        photo = resize(photo, fit_long_side(photo.shape[-2], photo.shape[-1], size))
        content = protocol.content(photo)
        for style, targets in grams.items():
            painted = stylizer.stylize(photo, style)
            scores[style].append(protocol.measure(painted, content, targets))
            if distance:
                distances[style].append(distance(photo, painted))
    return {style: summarize(pairs, distances[style]) for style, pairs in scores.items() if pairs}


def summarize(pairs: Sequence[tuple[float, float]], distances: Sequence[float] = ()) -> Quality:
    """Return the means and deviations of (C, S) pairs, one for each photo, and of the distances if there are any."""
    content, style = zip(*pairs, strict=True)
    spread = statistics.stdev if len(pairs) > 1 else lambda _: 0.0
    return Quality(
        content=round(statistics.fmean(content), 4),
        content_spread=round(spread(content), 4),
        style=round(statistics.fmean(style), 4),
        style_spread=round(spread(style), 4),
        photos=len(pairs),
        stlpips=round(statistics.fmean(distances), 4) if distances else None,
        stlpips_spread=round(spread(distances), 4) if distances else None,
    )


def machine_name(device: str) -> str:
    """Return what computed, in a few words, for a device of that type."""
    if device == "cuda":
        return torch.cuda.get_device_name()
    return f"{platform.machine()} CPU, {os.cpu_count()} cores" if device == "cpu" else device
