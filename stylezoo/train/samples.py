"""The sample pages of a run: a few photos, stylized."""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Tensor

from stylezoo.data.style_set import StyleSet
from stylezoo.errors import ImageError
from stylezoo.images.io import read, write
from stylezoo.images.resize import resize
from stylezoo.images.sizes import fit_short_side
from stylezoo.models import StyleNet
from stylezoo.recipe import Recipe

SHOWN = 6  # styles in the samples of an arbitrary-style net


class Samples:
    """A few photos and the styles to show them in.

    Args:
        photos: the first few that can be read are shown.
        pictures: the style images that an arbitrary-style net learns from.
    """

    def __init__(self, recipe: Recipe, photos: list[Path], pictures: StyleSet | None, device: torch.device) -> None:
        self.styles, self.pictures = len(recipe.styles), pictures
        self.photos = sample_batch(photos, device, side=160 if pictures or self.styles > 1 else 256)

    @torch.no_grad()
    def write(self, net: StyleNet, path: Path) -> None:
        """Write a grid: photos on top, and one row of results of `net` per style.

        For an arbitrary-style net each row starts with its style image.
        """
        if self.photos is None:
            return
        shown, side = self.photos, self.photos.shape[-1]
        if self.pictures is None:
            rows = [shown] + [net(shown, net.named_code(i)) for i in range(self.styles)]
        else:
            chosen = self.pictures.at(torch.arange(0, len(self.pictures), -(-len(self.pictures) // SHOWN)))
            rows = [torch.cat([torch.ones_like(shown[:1]), shown])]
            for picture in chosen.to(shown.device).split(1):
                rows.append(torch.cat([resize(picture, (side, side)), net(shown, net.encode(picture)).clamp(0, 1)]))
        grid = torch.cat([torch.cat(list(row.float()), dim=2) for row in rows], dim=1)
        write(grid.cpu(), path, overwrite=True)


def sample_batch(photos: list[Path], device: torch.device, count: int = 4, side: int = 256) -> Tensor | None:
    """Return center crops of the first `count` photos that can be read; None if none can."""
    batch: list[Tensor] = []
    for path in photos:
        if len(batch) == count:
            break
        try:
            x = read(path).pixels
        except ImageError:
            continue
        height, width = fit_short_side(x.shape[-2], x.shape[-1], side)
        top, left = (height - side) // 2, (width - side) // 2
        batch.append(resize(x, (height, width))[0, :, top : top + side, left : left + side])
    return torch.stack(batch).to(device) if batch else None
