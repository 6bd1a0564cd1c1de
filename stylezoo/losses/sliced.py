"""Sliced Wasserstein distances: of colours, and of features.

Samples are projected on directions; along each direction the distance between two distributions is that of their
sorted projections. Unlike a Gram matrix it compares whole distributions: a missing hue or accent costs as much as the
share of the picture that should have it. Heitz et al. 2021, "A Sliced Wasserstein Loss for Neural Texture Synthesis"
(arXiv:2006.07229). Departure: directions are fixed, so that the quantiles of its projections are all that is kept of a
style, some hundred KB.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Literal

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from stylezoo.errors import OptionError
from stylezoo.losses.terms import TINY, StyleTerm
from stylezoo.nn.color import rgb_to_lab
from stylezoo.nn.stats import full_precision, wide

ColorSpace = Literal["lab", "rgb"]
SPACES: tuple[ColorSpace, ...] = ("lab", "rgb")

DIRECTIONS = {"features": 64, "colors": 32}
QUANTILES = 128
SAMPLES = 2048
"""Positions of a feature map, or pixels, that are compared: sorting all would cost more than they tell."""

_FLOOR = 1e-2  # of a variance of colours, (10 Lab units)^2: a style of nearly one colour should not outweigh all others


@lru_cache(maxsize=32)
def directions(count: int, channels: int, device: torch.device = torch.device("cpu")) -> Tensor:  # noqa: B008
    """Return `count` unit vectors, (count, channels) float32: always the same ones, evenly distributed by chance."""
    rows = np.random.default_rng([channels, count]).standard_normal((count, channels))
    return torch.from_numpy(rows / np.linalg.norm(rows, axis=1, keepdims=True)).float().to(device)


def sliced_quantiles(samples: Tensor, axes: Tensor, count: int = QUANTILES) -> Tensor:
    """Return quantiles of the projections of `samples`, (N, C, P), on `axes`, (D, C): (N, D, count), rising.

    The quantiles are those of (i + 1/2) / count.
    """
    with full_precision(samples):
        return _resample((axes.to(samples) @ samples).sort(dim=2).values, count)


def sliced_wasserstein(samples: Tensor, target: Tensor, axes: Tensor) -> Tensor:
    """Return the squared sliced Wasserstein distance of `samples`, (N, C, P), to a style, (N,).

    Args:
        target: `sliced_quantiles` of the style, (N or 1, D, Q).
        axes: the directions, (D, C).
    """
    projected = (axes.to(samples) @ samples).sort(dim=2).values
    return (projected - _resample(target.to(samples), projected.shape[2])).square().mean(dim=(1, 2))


def _resample(quantiles: Tensor, count: int) -> Tensor:
    return functional.interpolate(quantiles, size=count, mode="linear", align_corners=False)


def draw_positions(samples: Tensor, count: int | None, draw: int) -> Tensor:
    """Return `count` of the positions of `samples`, (N, C, P), chosen by the number `draw`; None: all of them."""
    positions = samples.shape[2]
    if count is None or positions <= count:
        return samples
    chosen = np.random.default_rng([positions, draw]).integers(0, positions, count)
    return samples.index_select(2, torch.from_numpy(chosen).to(samples.device, non_blocking=True))


def as_colors(x: Tensor, space: ColorSpace) -> Tensor:
    """Return the colours of `x`, (N, 3, H, W) in [0, 1], in a space where black and white are one apart: (N, 3, HW)."""
    with full_precision(x):
        return (rgb_to_lab(wide(x)) / 100 if space == "lab" else wide(x)).flatten(2)


def pool(parts: Sequence[Tensor], count: int = QUANTILES) -> Tensor:
    """Return the quantiles, (1, D, count), of the union of several distributions, each of which counts the same."""
    return _resample(torch.cat(list(parts), dim=2).sort(dim=2).values, count) if len(parts) > 1 else parts[0]


class SlicedTerm(StyleTerm):
    """What the two sliced terms share: the quantiles of each style, (S, D, Q), and which positions are compared.

    Attributes:
        samples: how many positions; None: all of them, for the optimisation of a single picture.
        draw: the number by which they are chosen: counted up in a training, so that in its course all are seen.
    """

    quantiles: Tensor
    samples: int | None = SAMPLES
    draw: int = 0

    def compare(self, samples: Tensor, style: Tensor | None) -> tuple[Tensor, Tensor]:
        """Return the squared distance of `samples`, (N, C, P), to their styles, and the styles' quantiles."""
        target = wide(self.rows("quantiles", style))
        with full_precision(samples):
            drawn = wide(draw_positions(samples, self.samples, self.draw))
            axes = directions(target.shape[1], drawn.shape[1], drawn.device)
            return sliced_wasserstein(drawn, target, axes), target


class SlicedLoss(SlicedTerm):
    """Squared sliced Wasserstein distance of feature maps, over the mean square of the style's projections.

    Args:
        styles: feature maps of each style at this layer, (1, C, H, W), or a list of them, one for each scale.
    """

    def __init__(self, styles: Sequence[Tensor | Sequence[Tensor]] = ()) -> None:
        super().__init__(styles)

    def measure(self, features: Sequence[Tensor]) -> dict[str, Tensor]:
        axes = directions(DIRECTIONS["features"], features[0].shape[1])
        return {"quantiles": pool([sliced_quantiles(wide(f).flatten(2), axes) for f in features])}

    def forward(self, features: Tensor, style: Tensor | None = None) -> Tensor:
        """Return the error, (N,), of `features`, (N, C, H, W); `style`, (N,), says to which style; None: the first."""
        error, target = self.compare(features.flatten(2), style)
        return error / target.square().mean(dim=(1, 2)).clamp_min(TINY)


class PaletteLoss(SlicedTerm):
    """Squared sliced Wasserstein distance of colours, over the variance of the style's colours.

    It is 1 for a picture that has the style's mean colour everywhere.

    Args:
        styles: the style images, (1, 3, H, W) each in [0, 1], or a list of them, for a style at several scales.
        space: "lab" (CIELAB over 100: hue weighs as the eye has it) or "rgb" (light and dark outweigh it).

    Raises:
        OptionError: there is no such space.
    """

    def __init__(self, styles: Sequence[Tensor | Sequence[Tensor]] = (), *, space: ColorSpace = "lab") -> None:
        if space not in SPACES:
            raise OptionError(f"the colour space must be one of {', '.join(SPACES)}, not '{space}'")
        self.space: ColorSpace = space
        super().__init__(styles)

    def measure(self, features: Sequence[Tensor]) -> dict[str, Tensor]:
        """Return the targets of one style from its pictures, (1, 3, H, W) in [0, 1], one a scale."""
        axes = directions(DIRECTIONS["colors"], 3)
        return {"quantiles": pool([sliced_quantiles(as_colors(x, self.space), axes) for x in features])}

    def forward(self, x: Tensor, style: Tensor | None = None) -> Tensor:
        """Return the error, (N,), of pictures `x`, (N, 3, H, W) in [0, 1]; for `style` see `SlicedLoss`."""
        error, target = self.compare(as_colors(x, self.space), style)
        spread = (target - target.mean(dim=2, keepdim=True)).square().mean(dim=(1, 2))
        return error / spread.clamp_min(_FLOOR)
