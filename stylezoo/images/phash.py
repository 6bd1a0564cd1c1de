"""A perceptual hash: do two files show the same picture, whatever their size, compression and margins?

The usual hash thresholds the 8x8 lowest frequencies of the cosine transform of a grey thumbnail at their median: 64
bits that survive scaling and compression. Reproductions of a painting also differ by strips of canvas or paper at the
borders, which shift the cosine waves. So the hash here uses the middle 90 % only, and a file is compared with it with
0 to 10 % cut off each side.

ImageHash has only the usual hash, and depends on SciPy and PyWavelets.
"""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor

SAME = 8
"""Two files show the same picture if at most this many of the 64 bits differ; docs/data.md has the measurements."""

_GRID = 160  # side of the thumbnail: every cut below is a whole number of its pixels
_CUTS = (0.0, 0.025, 0.05, 0.075, 0.1)
_MIDDLE = (0.05, 0.05)


def perceptual_hash(pixels: Tensor) -> str:
    """Return the 64 bits of a picture, (1, 3, H, W) in [0, 1], as 16 hexadecimal digits."""
    return crop_hashes(pixels, 1, steps=1)[0]


def crop_hashes(pixels: Tensor, share: float, steps: int = 3) -> list[str]:
    """Return the hashes of steps x steps crops of a picture, (1, 3, H, W) in [0, 1], each with `share` of its sides.

    The crops are evenly spaced; with a share of 1 all hashes equal the picture's `perceptual_hash`.
    """
    margin = _MIDDLE[0] * share
    starts = [(1 - share) * i / max(steps - 1, 1) for i in range(steps)]
    bits = _bits(pixels, [(start + margin, 1 - share - start + margin) for start in starts])
    return [f"{sum(1 << i for i, bit in enumerate(row) if bit):016x}" for row in bits.tolist()]


def distance(pixels: Tensor, phash: str) -> int:
    """Return the number of the 64 bits of `phash` in which a picture, (1, 3, H, W) in [0, 1], differs.

    It is the minimum over all cuts of 0 to 10 % off each side of the picture.
    """
    number = int(phash, 16)
    wanted = torch.tensor([bool(number >> i & 1) for i in range(64)])
    return int((_bits(pixels, [(a, b) for a in _CUTS for b in _CUTS]) != wanted).sum(1).min())


def _bits(pixels: Tensor, cuts: list[tuple[float, float]]) -> Tensor:
    """Return the bits for every pair of a vertical and a horizontal cut (before, after): (len(cuts)^2, 64)."""
    grey = F.adaptive_avg_pool2d(pixels.mean(1), _GRID)[0].double()
    waves = torch.stack([_waves(*cut) for cut in cuts])
    frequencies = torch.einsum("aky,yx,blx->abkl", waves, grey, waves).reshape(-1, 64)
    return frequencies > frequencies.quantile(0.5, dim=1, keepdim=True)  # the median as NumPy computes it


def _waves(before: float, after: float) -> Tensor:
    """Return the eight longest cosine waves over a line without its two cuts, 0 in the cuts: (8, _GRID)."""
    place = ((torch.arange(_GRID, dtype=torch.float64) + 0.5) / _GRID - before) / (1 - before - after)
    waves = torch.cos(math.pi * torch.arange(8, dtype=torch.float64)[:, None] * place)
    return waves * ((place > 0) & (place < 1))
