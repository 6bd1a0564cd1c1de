"""A perceptual hash: do two files show the same picture, whatever their size, compression and margins?

The usual hash takes the 8x8 lowest frequencies of the cosine transform of a grey thumbnail, and notes which of them lie
above their median: 64 bits that survive scaling and compression. Reproductions of one painting also differ by a strip
of canvas or paper at the borders, which shifts those waves. So the bits here are those of the middle 90 % alone, and a
file is held against them as it would look with 0 to 10 % cut off each of its sides.

ImageHash has the usual hash only, and would bring SciPy and PyWavelets along for what is one product of matrices.
"""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor

SAME = 8
"""Two files of which at most so many of the 64 bits differ show the same picture; docs/data.md has the measurements."""

_GRID = 160  # side of the thumbnail: every cut below is whole pixels of it
_CUTS = (0.0, 0.025, 0.05, 0.075, 0.1)
_MIDDLE = (0.05, 0.05)


def perceptual_hash(pixels: Tensor) -> str:
    """Return the 64 bits of a picture, (1, 3, H, W) in [0, 1], as 16 hexadecimal digits."""
    return crop_hashes(pixels, 1, steps=1)[0]


def crop_hashes(pixels: Tensor, share: float, steps: int = 3) -> list[str]:
    """Return the hashes of steps x steps crops of a picture, (1, 3, H, W) in [0, 1], with `share` of each of its sides.

    They are evenly placed from border to border; with a share of 1 they are all the `perceptual_hash` of the picture.
    """
    margin = _MIDDLE[0] * share
    starts = [(1 - share) * i / max(steps - 1, 1) for i in range(steps)]
    bits = _bits(pixels, [(start + margin, 1 - share - start + margin) for start in starts])
    return [f"{sum(1 << i for i, bit in enumerate(row) if bit):016x}" for row in bits.tolist()]


def distance(pixels: Tensor, phash: str) -> int:
    """Return in how many of the 64 bits of `phash` a picture, (1, 3, H, W) in [0, 1], differs: 0 to 64.

    It is the least over all ways to cut 0 to 10 % off each side of the picture.
    """
    number = int(phash, 16)
    wanted = torch.tensor([bool(number >> i & 1) for i in range(64)])
    return int((_bits(pixels, [(a, b) for a in _CUTS for b in _CUTS]) != wanted).sum(1).min())


def _bits(pixels: Tensor, cuts: list[tuple[float, float]]) -> Tensor:
    """Return the bits for every pair of a vertical and a horizontal cut (before, after): (len(cuts)^2, 64)."""
    grey = F.adaptive_avg_pool2d(pixels.mean(1), _GRID)[0].double()
    waves = torch.stack([_waves(*cut) for cut in cuts])
    frequencies = torch.einsum("aky,yx,blx->abkl", waves, grey, waves).reshape(-1, 64)
    return frequencies > frequencies.quantile(0.5, dim=1, keepdim=True)  # the middle of an even count, as NumPy has it


def _waves(before: float, after: float) -> Tensor:
    """Return the eight longest cosine waves over what two cuts leave of a line, 0 outside of it: (8, _GRID)."""
    place = ((torch.arange(_GRID, dtype=torch.float64) + 0.5) / _GRID - before) / (1 - before - after)
    waves = torch.cos(math.pi * torch.arange(8, dtype=torch.float64)[:, None] * place)
    return waves * ((place > 0) & (place < 1))
