"""Folders of photos: what is in them, what is kept for validation, and squares cut from them."""

from __future__ import annotations

import warnings
from pathlib import Path

import numpy as np
from torch import Tensor

from stylezoo.errors import DataError
from stylezoo.images.folder import READABLE, list_pictures

SUFFIXES = frozenset(f".{ending}" for ending in READABLE)
FLAT = 1e-3  # deviation, in [0, 1], below which a crop counts as of one colour
SAMPLE_PHOTOS = ("astronaut", "chelsea", "coffee", "motorcycle_left", "rocket")  # what the scikit-image wheel carries


def list_photos(folder: Path) -> list[Path]:
    """Return the pictures in `folder` and below, sorted by name; a warning says how many of other kinds there are.

    Raises:
        DataError: no such folder, or no picture in it.
    """
    if not folder.is_dir():
        raise DataError(
            f"no folder of photos at {folder}: give one with --content DIR, set STYLEZOO_DATA, or run "
            "stylezoo data get photos"
        )
    found = list_pictures(folder, recursive=True)
    photos = [path for path in found if path.suffix.lower() in SUFFIXES]
    if left := [path for path in found if path.suffix.lower() not in SUFFIXES]:
        kinds = ", ".join(sorted({path.suffix.lower() for path in left}))
        warnings.warn(f"{len(left)} pictures in {folder} were skipped ({kinds}): convert them to JPEG", stacklevel=2)
    if not photos:
        raise DataError(f"no pictures in {folder} ({', '.join(sorted(SUFFIXES))})")
    return photos


def sample_photos() -> list[Path]:
    """Return the photos that the scikit-image package carries: a toy set for a bare machine.

    Raises:
        DataError: scikit-image is not installed.
    """
    try:
        import skimage.data
    except ImportError as cause:
        raise DataError("the sample photos need scikit-image: pip install 'stylezoo[train]'") from cause
    folder = Path(skimage.data.__file__).parent
    found = {p.stem: p for p in folder.iterdir() if p.suffix in SUFFIXES}
    return [found[name] for name in SAMPLE_PHOTOS if name in found]


def random_square(x: Tensor, side: int, rng: np.random.Generator, tries: int = 8) -> Tensor | None:
    """Return a square of `x`, (3, H, W), at a random place, mirrored at random; None if all tries are of one colour."""
    for _ in range(tries):
        top, left = (int(rng.integers(0, n - side + 1)) for n in x.shape[-2:])
        square = x[:, top : top + side, left : left + side]
        # Instance norms divide by the deviation: of one colour, a crop's gradient grows without bound.
        if square.std(dim=(1, 2)).max() > FLAT:
            return square.flip(-1) if rng.random() < 0.5 else square
    return None
