"""What the scripts share that draw style pictures (`draw_*.py`): smooth noise, and their command line."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from scipy import ndimage

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Mask = NDArray[np.bool_]


def smooth_noise(rng: np.random.Generator, pixels: int, cells: int) -> Floats:
    """Return `pixels` x `pixels` of smooth noise, of variance 1 and about `cells` waves along a side."""
    coarse = rng.normal(0, 1, (cells, cells))
    smooth = ndimage.zoom(coarse, pixels / cells, order=3, grid_mode=True, mode="nearest")
    return np.asarray(smooth / smooth.std())


def command(draw: Callable[[int, int], Image.Image], style: str, *, size: int, seed: int) -> None:
    """Run the command line of a script whose `draw(size, seed)` makes the style picture of johnson/`style`."""
    parser = argparse.ArgumentParser(description=f"Draw the style picture of johnson/{style}.")
    parser.add_argument("--size", type=int, default=size, help=f"side of the picture in pixels (default {size})")
    parser.add_argument("--seed", type=int, default=seed, help=f"seed of all that is random (default {seed})")
    parser.add_argument("--out", type=Path, default=Path(f"recipes/styles/{style}.jpg"), help="file to write")
    options = parser.parse_args()
    options.out.parent.mkdir(parents=True, exist_ok=True)
    draw(options.size, options.seed).save(options.out, quality=92)
