"""P: how far the colours of the result are from those of the style image."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from stylezoo.evaluate.metrics.base import Metric, Picture, Scene
from stylezoo.nn.color import rgb_to_lab

DIRECTIONS = 64
QUANTILES = 256


class PaletteDistance(Metric):
    """P = mean over 64 directions u of the 1-Wasserstein distance between <u, Lab(result)> and <u, Lab(style)>.

    In CIELAB units (2.3 is a just noticeable difference of flat colours); where every colour is moved by d, P is d/2.
    From 0, for equal palettes whatever their arrangement. Lower is better. The directions are a Fibonacci lattice on
    the half sphere, the distance along one is the mean absolute difference of 256 quantiles. No network is involved.

    Sliced Wasserstein distance: Rabin et al. 2011, "Wasserstein Barycenter and Its Application to Texture Mixing";
    Bonneel et al. 2015.
    """

    key, title, better, decimals = "P", "palette distance", "lower", 2
    note = "P is the sliced Wasserstein distance between the Lab colours of the result and of the style image."

    def measure(self, result: Picture, scene: Scene) -> float | None:
        if scene.style is None:
            return None
        own, target = (picture.once("palette", palette) for picture in (result, scene.style))
        return float((own - target).abs().mean())


@torch.inference_mode()
def palette(pixels: Tensor) -> Tensor:
    """Return the quantiles of the Lab colours of a picture, (1, 3, H, W) in [0, 1], by direction: (64, 256)."""
    along = directions(DIRECTIONS).float() @ rgb_to_lab(pixels.float().cpu())[0].flatten(1)
    return quantiles(along, QUANTILES)


def directions(count: int) -> Tensor:
    """Return so many unit vectors, (count, 3) in float64, evenly spread over the half sphere."""
    index = torch.arange(count, dtype=torch.float64)
    height = (index + 0.5) / count
    angle = index * math.pi * (3 - math.sqrt(5))
    radius = torch.sqrt(1 - height.square())
    return torch.stack([radius * angle.cos(), radius * angle.sin(), height], dim=1)


def quantiles(values: Tensor, count: int) -> Tensor:
    """Return the quantiles at (i + 1/2) / count of each row of `values`, (N, M): (N, count), linearly interpolated."""
    ordered = values.sort(dim=1).values
    place = (torch.arange(count, dtype=values.dtype) + 0.5) / count * (values.shape[1] - 1)
    below = place.floor().long()
    above = (below + 1).clamp(max=values.shape[1] - 1)
    return ordered[:, below] + (place - below) * (ordered[:, above] - ordered[:, below])
