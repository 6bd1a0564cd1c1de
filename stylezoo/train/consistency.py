"""The consistency loss: a slightly moved photo should give the same stylized image, moved; this stabilizes video.

After the noise loss of Rainy and de Berker 2018, "Stabilizing neural style-transfer for video with noise-based
regularization", with known motion instead of the optical flow of Ruder et al. 2016 (arXiv:1604.08610), so that
photos suffice. Departures: also shifts by whole pixels, for which a net that works at a quarter of the resolution is
least stable; and the error is divided by the variance of the stylized image, so that one weight fits all styles.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

SHIFT, ZOOM, TURN = 12.0, 0.06, 3.0  # maxima: px, share of the size, degrees
NOISE, LIGHT = 0.03, 0.04  # maxima, for levels in [0, 1]: standard deviation of the noise, change of brightness
WHOLE = 0.5  # share of the pictures that are only shifted by whole pixels
_TINY = 1e-4  # of a variance: avoids division by zero for flat images


@dataclass(frozen=True)
class View:
    """A second, moved view of a batch.

    Attributes:
        grid: (N, H, W, 2), the source position of each pixel of the view, as in `grid_sample`.
        inside: (N, 1, H, W), 1 where that position is inside the picture, else 0.
        noise: (N, 3, H, W), added to the levels.
    """

    grid: Tensor
    inside: Tensor
    noise: Tensor

    def move(self, x: Tensor) -> Tensor:
        """Warp `x`, (N, 3, H, W), to the view, without noise: bicubic, exact for whole pixels."""
        grid = self.grid.to(x.dtype)
        return functional.grid_sample(x, grid, mode="bicubic", padding_mode="reflection", align_corners=False)

    def photograph(self, photos: Tensor) -> Tensor:
        """Warp `photos`, (N, 3, H, W) in [0, 1], to the view, and add its noise."""
        return (self.move(photos) + self.noise.to(photos.dtype)).clamp(0, 1)

    def error(self, stylized: Tensor, again: Tensor) -> Tensor:
        """Return the error, (N,), between the stylized view `again` and the warped `stylized`, both (N, 3, H, W).

        It is the mean squared difference where both are inside, divided by the variance of the stylized image.
        """
        stylized, again = stylized.float(), again.float()
        square = (self.move(stylized) - again).square().mean(dim=1, keepdim=True)
        shared = (square * self.inside).sum(dim=(1, 2, 3)) / self.inside.sum(dim=(1, 2, 3)).clamp_min(1)
        variance = stylized.var(dim=(2, 3), correction=0).mean(
            dim=1
        )  # with gradient: lower contrast must not lower the error
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
    """Return an affine map from the view to the picture, (2, 3), in units of half the sides."""
    shift = rng.uniform(-SHIFT, SHIFT, 2)
    zoom, turn = 1 + rng.uniform(-ZOOM, ZOOM), math.radians(rng.uniform(-TURN, TURN))
    if rng.random() < WHOLE:
        shift, zoom, turn = np.round(shift), 1.0, 0.0
    cosine, sine = zoom * math.cos(turn), zoom * math.sin(turn)
    x, y = 2 * shift / (width, height)
    return np.array([[cosine, -sine * height / width, x], [sine * width / height, cosine, y]])
