"""Random crops of a folder of photos, the same for the same seed and step whatever happened before."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from stylezoo.errors import DataError, ImageError
from stylezoo.image.io import read
from stylezoo.image.resize import resize
from stylezoo.image.sizes import fit_short_side

SUFFIXES = frozenset({".jpg", ".jpeg", ".png", ".webp", ".avif", ".bmp", ".tif", ".tiff"})
HOLD_OUT = 50  # every 50th photo is kept for validation, the same ones for every net, so that figures compare
FLAT = 1e-3  # deviation, in [0, 1], below which a crop counts as of one colour
SAMPLE_PHOTOS = ("astronaut", "chelsea", "coffee", "motorcycle_left", "rocket")  # what the scikit-image wheel carries


def list_photos(folder: Path) -> list[Path]:
    """Return the pictures in `folder` and below, sorted by name.

    Raises:
        DataError: no such folder, or no picture in it.
    """
    if not folder.is_dir():
        raise DataError(
            f"there is no folder of photos at {folder}: give one with --content DIR, set STYLEZOO_DATA, "
            "or fetch a set with stylezoo data get photos"
        )
    photos = sorted(p for p in folder.rglob("*") if p.suffix.lower() in SUFFIXES and not p.name.startswith("."))
    if not photos:
        raise DataError(f"{folder} holds no picture ({', '.join(sorted(SUFFIXES))})")
    return photos


def split(photos: list[Path], hold_out: int) -> tuple[list[Path], list[Path]]:
    """Return (training, validation): every `hold_out`-th photo, from the first, is kept for validation.

    0 keeps none, and a lone photo is for training.
    """
    if hold_out <= 0 or len(photos) == 1:
        return photos, []
    return [p for i, p in enumerate(photos) if i % hold_out], photos[::hold_out]


def sample_photos() -> list[Path]:
    """Return the photos that the scikit-image package carries: a toy set for a bare machine.

    Raises:
        DataError: scikit-image is not installed.
    """
    try:
        import skimage.data
    except ImportError as cause:
        raise DataError("the sample photos come with scikit-image: pip install 'stylezoo[train]'") from cause
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


@dataclass
class RandomCrops:
    """Square crops of photos at random places and scales, mirrored at random.

    Every draw depends on (seed, step, place in the batch) alone, so a resumed run sees what an unbroken one would have.
    Each photo comes once before any comes again. One that cannot be read is replaced by the next and remembered. A crop
    of one colour is drawn again, from the next photo in the end.

    Args:
        photos: paths.
        crop: side of the crops, px.
        short_side: (least, most) px to which the short side of a photo is scaled before the crop is cut: the scale
            at which people use the net, not the crop's own size.
        batch: crops a step in this process.
        seed: of all draws.
        rank, world: this process among those that train together; they draw different photos.
    """

    photos: list[Path]
    crop: int
    short_side: tuple[int, int]
    batch: int
    seed: int
    rank: int = 0
    world: int = 1
    broken: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._order = lru_cache(maxsize=4)(self._shuffled)

    def _shuffled(self, epoch: int) -> np.ndarray:
        return np.random.default_rng([self.seed, 1, epoch]).permutation(len(self.photos))

    def at(self, step: int) -> Tensor:
        """Return the crops of one step, (batch, 3, crop, crop) in [0, 1].

        Raises:
            DataError: none of the photos can be read.
        """
        first = (step * self.world + self.rank) * self.batch
        return torch.stack([self._crop(first + i) for i in range(self.batch)])

    def steps(self, start: int, stop: int, ahead: int = 4) -> Iterator[Tensor]:
        """Yield the crops of steps `start` to `stop` - 1, prepared `ahead` steps early by a thread."""
        with ThreadPoolExecutor(1) as pool:
            queue: list[Future[Tensor]] = []
            try:
                for step in range(start, stop):
                    queue += [pool.submit(self.at, s) for s in range(step + len(queue), min(step + ahead, stop))]
                    yield queue.pop(0).result()
            finally:
                for future in queue:
                    future.cancel()

    def _crop(self, draw: int) -> Tensor:
        rng = np.random.default_rng([self.seed, 2, draw])
        epoch, place = divmod(draw, len(self.photos))
        order = self._order(epoch)
        for offset in range(len(self.photos)):
            path = self.photos[order[(place + offset) % len(self.photos)]]
            if str(path) in self.broken:
                continue
            try:
                photo = self._scaled(path, int(rng.integers(self.short_side[0], self.short_side[1] + 1)))
            except ImageError as cause:
                self.broken[str(path)] = str(cause)
                rng = np.random.default_rng([self.seed, 2, draw])  # the replacement is drawn as if it had been first
                continue
            if (crop := random_square(photo, self.crop, rng)) is not None:
                return crop
        count = len(self.photos)
        if len(self.broken) == count:
            raise DataError(f"none of the {count} photos can be read; the last: {list(self.broken.values())[-1]}")
        raise DataError(f"the {count} photos are of one colour everywhere: give photos with something in them")

    def _scaled(self, path: Path, short: int) -> Tensor:
        picture = read(path)
        height, width = picture.pixels.shape[-2:]
        size = fit_short_side(height, width, max(short, self.crop))
        return resize(picture.pixels, size)[0]
