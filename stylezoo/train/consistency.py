"""The same photo, moved a little, is to be stylized as the same picture, moved: what makes a net steady in video.

After the noise loss of Rainy and de Berker 2018, "Stabilizing neural style-transfer for video with noise-based
regularization", with known movements in place of the optical flow of Ruder et al. 2016 (arXiv:1604.08610), so that
photos are enough. Departures: shifts by whole pixels too, under which a net that works at a quarter of the resolution
is least steady, and the error is divided by the variance of the painting, so that a weight serves for all styles.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

SHIFT, ZOOM, TURN = 12.0, 0.06, 3.0  # at most: px, share of the size, degrees
NOISE, LIGHT = 0.03, 0.04  # at most, of levels in [0, 1]: deviation of the noise of a pixel, change of the brightness
WHOLE = 0.5  # share of the pictures that are shifted by whole pixels and no more
_TINY = 1e-4  # of a variance: keeps paintings of one colour from dividing by zero


@dataclass(frozen=True)
class View:
    """How a batch is seen a second time.

    Attributes:
        grid: (N, H, W, 2), for each pixel of the view the place in the batch that it shows, as `grid_sample` has it.
        inside: (N, 1, H, W), 1 where that place is in the picture, else 0.
        noise: (N, 3, H, W), what is added to the levels.
    """

    grid: Tensor
    inside: Tensor
    noise: Tensor

    def move(self, x: Tensor) -> Tensor:
        """Return `x`, (N, 3, H, W), as the view shows it, without its noise: bicubic, exact for whole pixels."""
        grid = self.grid.to(x.dtype)
        return functional.grid_sample(x, grid, mode="bicubic", padding_mode="reflection", align_corners=False)

    def photograph(self, photos: Tensor) -> Tensor:
        """Return `photos`, (N, 3, H, W) in [0, 1], as the view shows them."""
        return (self.move(photos) + self.noise.to(photos.dtype)).clamp(0, 1)

    def error(self, stylized: Tensor, again: Tensor) -> Tensor:
        """Return how far the painting of the view is from the moved painting, both (N, 3, H, W): (N,).

        The mean squared difference over what both show, over the variance of the painting.
        """
        stylized, again = stylized.float(), again.float()
        square = (self.move(stylized) - again).square().mean(dim=1, keepdim=True)
        shared = (square * self.inside).sum(dim=(1, 2, 3)) / self.inside.sum(dim=(1, 2, 3)).clamp_min(1)
        variance = stylized.var(dim=(2, 3), correction=0).mean(dim=1)  # with its slope: less contrast gains nothing
        return shared / variance.clamp_min(_TINY)


def draw_view(batch: Tensor, rng: np.random.Generator) -> View:
    """Return a view of `batch`, (N, 3, H, W), drawn from `rng`."""
    count, _, height, width = batch.shape
    maps = torch.from_numpy(np.stack([_draw_map(rng, height, width) for _ in range(count)])).float()
    grid = functional.affine_grid(maps, [count, 1, height, width], align_corners=False)
    inside = (grid.abs() <= 1).all(dim=-1)[:, None].float()
    noise = torch.from_numpy(rng.standard_normal(batch.shape, dtype=np.float32))
    deviation, light = (torch.from_numpy(rng.uniform(low, high, (count, 1, 1, 1))).float() for low, high in _LEVELS)
    return View(*(value.to(batch.device, non_blocking=True) for value in (grid, inside, noise * deviation + light)))


_LEVELS = ((0.0, NOISE), (-LIGHT, LIGHT))


def _draw_map(rng: np.random.Generator, height: int, width: int) -> np.ndarray:
    """Return a map from places in a view to places in the picture, (2, 3), in units of half the sides."""
    shift = rng.uniform(-SHIFT, SHIFT, 2)
    zoom, turn = 1 + rng.uniform(-ZOOM, ZOOM), math.radians(rng.uniform(-TURN, TURN))
    if rng.random() < WHOLE:
        shift, zoom, turn = np.round(shift), 1.0, 0.0
    cosine, sine = zoom * math.cos(turn), zoom * math.sin(turn)
    x, y = 2 * shift / (width, height)
    return np.array([[cosine, -sine * height / width, x], [sine * width / height, cosine, y]])
