"""Pictures that move along known paths before a camera, and where each point of one frame was in another.

A place is (x, y) in px, the centre of the top left pixel being (0, 0). An affine map is a 3x3 matrix for (x, y, 1).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

TOLERANCE = 1e-6  # px, for places that are whole numbers but for rounding
INTERPOLATION = "bicubic"
"""Between pixels, of the photos that frames show as of the frames that are compared: Keys' kernel (1981), a = -3/4."""


def affine(angle: float = 0.0, scale: float = 1.0, shift: tuple[float, float] = (0.0, 0.0)) -> Tensor:
    """Return the map that turns by `angle` (radians, from x towards y), scales, and then shifts."""
    cos, sin = scale * math.cos(angle), scale * math.sin(angle)
    return torch.tensor([[cos, -sin, shift[0]], [sin, cos, shift[1]], [0.0, 0.0, 1.0]], dtype=torch.float64)


def places(height: int, width: int, map: Tensor) -> Tensor:
    """Return where an affine map has the pixels of a frame, (H, W, 2)."""
    y, x = torch.meshgrid(*(torch.arange(side, dtype=torch.float64) for side in (height, width)), indexing="ij")
    return torch.stack([x, y], dim=-1) @ map[:2, :2].mT + map[:2, 2]


def sample(picture: Tensor, where: Tensor) -> Tensor:
    """Return a picture, (C, h, w), at places, (H, W, 2), as (C, H, W); beyond its border goes on as it ends."""
    height, width = picture.shape[-2:]
    grid = 2 * where / where.new_tensor([width - 1, height - 1]) - 1
    return functional.grid_sample(
        picture[None], grid[None].to(picture.dtype), INTERPOLATION, padding_mode="border", align_corners=True
    )[0]


@dataclass(frozen=True, eq=False)
class Layer:
    """A picture that moves.

    Attributes:
        picture: (3, h, w) in [0, 1].
        path: for each frame the affine map of its places to those in the picture, (T, 3, 3).
        outline: how far places in the picture, (H, W, 2), are inside the cut-out, px, negative outside. None: the
            picture is everywhere.
    """

    picture: Tensor
    path: Tensor
    outline: Callable[[Tensor], Tensor] | None = None

    def show(self, where: Tensor) -> Tensor:
        """Return the picture at places in it, (H, W, 2), as (3, H, W) in [0, 1]."""
        return sample(self.picture, where).clamp(0, 1)

    def cover(self, where: Tensor) -> Tensor:
        """Return how much of the pixels at places in the picture, (H, W, 2), it covers, (H, W) in [0, 1]."""
        return where.new_ones(where.shape[:2]) if self.outline is None else (self.outline(where) + 0.5).clamp(0, 1)


@dataclass(frozen=True, eq=False)
class Scene:
    """Layers before a camera, each before those that come earlier; the first is everywhere.

    Attributes:
        height, width: of the frames, px.
    """

    layers: tuple[Layer, ...]
    height: int
    width: int

    def render(self, frame: int) -> Tensor:
        """Return a frame, (3, H, W) in [0, 1]."""
        image = torch.zeros(3, self.height, self.width, dtype=torch.float64)
        for layer in self.layers:
            where = places(self.height, self.width, layer.path[frame])
            image += layer.cover(where) * (layer.show(where) - image)
        return image

    def seen(self, frame: int) -> Tensor:
        """Return which pixels of a frame show one layer and nothing else, (layers, H, W)."""
        hidden = torch.zeros(self.height, self.width, dtype=torch.float64)
        alone = []
        for layer in reversed(self.layers):
            cover = layer.cover(places(self.height, self.width, layer.path[frame]))
            alone.append((cover == 1) & (hidden == 0))
            hidden = torch.maximum(hidden, cover)
        return torch.stack(alone[::-1])

    def known(self, earlier: int, later: int) -> tuple[Tensor, Tensor]:
        """Return where each pixel of a frame was in an earlier one, (H, W, 2), and whether it was to be seen, (H, W).

        It was to be seen where all pixels that interpolation takes around that place, or the one on it, are in the
        frame and show the same layer alone.
        """
        before, after = self.seen(earlier), self.seen(later)
        where = torch.zeros(self.height, self.width, 2, dtype=torch.float64)
        visible = torch.zeros(self.height, self.width, dtype=torch.bool)
        for layer, was, now in zip(self.layers, before, after, strict=True):
            came = places(self.height, self.width, torch.linalg.inv(layer.path[earlier]) @ layer.path[later])
            where = torch.where(now[..., None], came, where)
            visible |= now & whole(was, came)
        return where, visible


def whole(mask: Tensor, where: Tensor) -> Tensor:
    """Return at which places, (H, W, 2), every pixel that interpolation takes is in a mask, (h, w), and True there."""
    height, width = mask.shape
    nearest = where.round()
    between = (where - nearest).abs() > TOLERANCE
    result = torch.ones(where.shape[:2], dtype=torch.bool)
    taps = [torch.where(between, where.floor() + k, nearest).long() for k in (-1, 0, 1, 2)]
    for x in (tap[..., 0] for tap in taps):
        for y in (tap[..., 1] for tap in taps):
            inside = (x >= 0) & (x < width) & (y >= 0) & (y < height)
            result &= inside & mask[y.clamp(0, height - 1), x.clamp(0, width - 1)]
    return result
