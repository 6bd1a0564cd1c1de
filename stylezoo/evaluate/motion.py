"""Pictures that move along known paths in front of a camera, and the exact motion from one frame to another.

A place is (x, y) in px; (0, 0) is the centre of the top left pixel. An affine map is a 3x3 matrix for (x, y, 1).
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
"""Of photos and of frames: the kernel of Keys 1981, with a = -3/4."""


def affine(angle: float = 0.0, scale: float = 1.0, shift: tuple[float, float] = (0.0, 0.0)) -> Tensor:
    """Return the map that rotates by `angle` (radians, from x towards y), scales, and then shifts."""
    cos, sin = scale * math.cos(angle), scale * math.sin(angle)
    return torch.tensor([[cos, -sin, shift[0]], [sin, cos, shift[1]], [0.0, 0.0, 1.0]], dtype=torch.float64)


def places(height: int, width: int, map: Tensor) -> Tensor:
    """Return the places to which an affine map sends the pixels of a frame, (H, W, 2)."""
    y, x = torch.meshgrid(*(torch.arange(side, dtype=torch.float64) for side in (height, width)), indexing="ij")
    return torch.stack([x, y], dim=-1) @ map[:2, :2].mT + map[:2, 2]


def sample(picture: Tensor, where: Tensor) -> Tensor:
    """Return the values of a picture, (C, h, w), at places, (H, W, 2), as (C, H, W); its border extends outwards."""
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
        path: for each frame, the affine map from the frame to the picture, (T, 3, 3).
        outline: returns the distance in px of places in the picture, (H, W, 2), to the edge of the cut-out: positive
            inside, negative outside. None: no cut-out, the picture is everywhere.
    """

    picture: Tensor
    path: Tensor
    outline: Callable[[Tensor], Tensor] | None = None

    def show(self, where: Tensor) -> Tensor:
        """Return the picture's values at places, (H, W, 2), as (3, H, W) in [0, 1]."""
        return sample(self.picture, where).clamp(0, 1)

    def cover(self, where: Tensor) -> Tensor:
        """Return the layer's opacity at places in the picture, (H, W, 2), as (H, W) in [0, 1]."""
        return where.new_ones(where.shape[:2]) if self.outline is None else (self.outline(where) + 0.5).clamp(0, 1)


@dataclass(frozen=True, eq=False)
class Scene:
    """Layers in front of a camera, from back to front; the first is everywhere.

    Attributes:
        height, width: size of the frames in px.
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
        """Return for each layer the pixels of a frame that show only this layer, (layers, H, W)."""
        hidden = torch.zeros(self.height, self.width, dtype=torch.float64)
        alone = []
        for layer in reversed(self.layers):
            cover = layer.cover(places(self.height, self.width, layer.path[frame]))
            alone.append((cover == 1) & (hidden == 0))
            hidden = torch.maximum(hidden, cover)
        return torch.stack(alone[::-1])

    def known(self, earlier: int, later: int) -> tuple[Tensor, Tensor]:
        """Return the place of each pixel in an earlier frame, (H, W, 2), and whether it was visible there, (H, W).

        It was visible if all pixels that interpolation reads around that place are inside the earlier frame and show
        only the same layer.
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
    """Return the places, (H, W, 2), for which every pixel that interpolation reads is True in a mask, (h, w)."""
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
