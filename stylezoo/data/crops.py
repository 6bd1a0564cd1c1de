"""Random crops of a folder of photos, the same for the same seed and step whatever happened before."""

from __future__ import annotations

import math
import os
from collections import deque
from collections.abc import Generator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import lru_cache
from itertools import count
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from stylezoo.data.images import FLAT
from stylezoo.errors import DataError, ImageError
from stylezoo.images.files import read_file
from stylezoo.images.sizes import fit_short_side

Pixels = np.ndarray[tuple[int, ...], np.dtype[np.uint8]]

TRIES = 8  # places in a photo, before the next photo is taken
LOADERS = 8  # threads at most
MOST_PIXELS = 200_000_000  # of a photo's file, as its header says


class Windows(NamedTuple):
    """The parts of photos that a batch of crops is made of.

    Attributes:
        pixels: (N, 3, K, K) uint8, zero beyond the `extent`.
        centre, step: (N, 2) float32, down and across: the place in the window of a crop's first pixel, and how far it
            is from there to the next one; negative for a mirrored crop.
        extent: (N, 2) float32, px of the window that are of the photo.
    """

    pixels: Tensor
    centre: Tensor
    step: Tensor
    extent: Tensor

    def cut(self, side: int, device: torch.device) -> Tensor:
        """Return the crops, (N, 3, side, side) in [0, 1], computed on `device`: bicubic, antialiased, as `resize`."""
        pixels, centre, step, extent = (value.to(device, non_blocking=True) for value in self)
        taps = torch.arange(pixels.shape[-1], device=device) + 0.5
        centres = centre[..., None] + torch.arange(side, device=device) * step[..., None]
        distance = (taps - centres[..., None]).abs() / step.abs().clamp_min(1.0)[..., None, None]
        weights = _cubic(distance) * (taps < extent[..., None, None])
        down, across = (weights / weights.sum(dim=-1, keepdim=True)).unbind(1)  # (N, side, K) each
        count, _, height, width = pixels.shape
        lines = pixels.float().view(count, 3 * height, width) @ across.mT
        return (down[:, None] @ lines.view(count, 3, height, side)).div_(255).clamp_(0, 1)


def _cubic(x: Tensor) -> Tensor:
    """Return Keys' kernel (1981, a = -1/2) at distances `x` of at least 0."""
    near, far = (1.5 * x - 2.5) * x * x + 1, ((-0.5 * x + 2.5) * x - 4) * x + 2
    return torch.where(x < 1, near, torch.where(x < 2, far, 0.0))


class PhotoCache:
    """Photos as 8-bit pixels in main memory, each decoded once as long as there is room.

    Once the memory is full, further photos are decoded whenever they are asked for: each epoch asks for every photo
    once, so those that were kept first serve as well as any others.

    Args:
        side: px to which the short side of a larger photo is reduced.
        memory: bytes that the photos may take.
    """

    def __init__(self, side: int, memory: int) -> None:
        self.side, self.left = side, memory
        self._kept: dict[Path, Pixels] = {}

    def read(self, path: Path) -> Pixels:
        """Return a photo, (3, H, W) uint8.

        Raises:
            ImageError: it cannot be read.
        """
        if (kept := self._kept.get(path)) is not None:
            return kept
        pixels = _rgb(read_file(path, MOST_PIXELS)[0])
        height, width = pixels.shape[:2]
        if min(height, width) > self.side:
            smaller = fit_short_side(height, width, self.side)
            pixels = np.asarray(Image.fromarray(pixels).resize(smaller[::-1], Image.Resampling.BICUBIC))
        pixels = np.ascontiguousarray(pixels.transpose(2, 0, 1))
        if pixels.nbytes <= self.left:  # threads may pass the bound by a photo each
            self.left -= pixels.nbytes
            self._kept[path] = pixels
        return pixels


def _rgb(array: np.ndarray) -> Pixels:
    """Return HW or HWC, C 1 to 4, uint8 or float in [0, 1], as HW3 uint8 without alpha."""
    levels = array if array.dtype == np.uint8 else (array.clip(0, 1) * 255 + 0.5).astype(np.uint8)
    planes = levels[..., None] if levels.ndim == 2 else levels
    return planes[..., :3] if planes.shape[-1] >= 3 else planes[..., :1].repeat(3, axis=-1)


@dataclass
class RandomCrops:
    """Square crops of photos at random places and scales, mirrored at random.

    Every draw depends on (seed, step, place in the batch) alone, so a resumed run sees what an unbroken one would have.
    Each photo comes once before any comes again. One that cannot be read is replaced by the next and remembered. A crop
    of one colour is drawn again, from the next photo in the end.

    Threads decode photos and gather the windows that crops are made of; cutting, scaling and mirroring run on `device`.

    Args:
        photos: paths.
        crop: side of the crops, px.
        short_side: (least, most) px to which the short side of a photo is scaled before the crop is cut: the scale
            at which people use the net, not the crop's own size.
        batch: crops a step in this process.
        seed: of all draws.
        rank, world: this process among those that train together; they draw different photos.
        device: where the crops are made and returned.
        memory: bytes of decoded photos to keep, see `PhotoCache`; the crops do not depend on it.
    """

    photos: list[Path]
    crop: int
    short_side: tuple[int, int]
    batch: int
    seed: int
    rank: int = 0
    world: int = 1
    device: torch.device = torch.device("cpu")  # noqa: RUF009 (immutable)
    memory: int = 2**30
    broken: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._order = lru_cache(maxsize=4)(self._shuffled)
        most = max(self.short_side[1], self.crop)
        self._cache = PhotoCache(most, self.memory)
        step = most / max(self.short_side[0], self.crop)  # the longest from pixel to pixel of a crop
        self._side = math.ceil((self.crop + 1) * step + 4 * step) + 2

    def _shuffled(self, epoch: int) -> np.ndarray:
        return np.random.default_rng([self.seed, 1, epoch]).permutation(len(self.photos))

    def at(self, step: int) -> Tensor:
        """Return the crops of one step, (batch, 3, crop, crop) in [0, 1], on the device.

        Raises:
            DataError: none of the photos can be read.
        """
        return self._windows(step).cut(self.crop, self.device)

    def steps(self, start: int, stop: int | None = None) -> Generator[Tensor, None, None]:
        """Yield the crops of steps `start` to `stop` - 1, or without end; threads prepare them ahead of time."""
        threads = min(LOADERS, usable_cores())
        numbers = iter(range(start, stop) if stop is not None else count(start))
        with ThreadPoolExecutor(threads, "loader") as pool:
            queue: deque[Future[Windows]] = deque()
            try:
                while True:
                    while len(queue) < 2 * threads and (number := next(numbers, None)) is not None:
                        queue.append(pool.submit(self._windows, number))
                    if not queue:
                        return
                    yield queue.popleft().result().cut(self.crop, self.device)
            finally:
                for future in queue:
                    future.cancel()

    def _windows(self, step: int) -> Windows:
        first, pin = (step * self.world + self.rank) * self.batch, self.device.type == "cuda"
        # Filled by numpy: of torch, each thread would start a team of its own besides that of the training.
        pixels = torch.empty(self.batch, 3, self._side, self._side, dtype=torch.uint8, pin_memory=pin)
        places = [self._fill(window, first + i) for i, window in enumerate(pixels.numpy())]
        centre, stride, extent = torch.tensor(np.array(places), dtype=torch.float32).unbind(1)
        return Windows(pixels, centre, stride, extent)

    def _fill(self, window: Pixels, draw: int) -> np.ndarray:
        """Copy what crop number `draw` is made of into `window`, and return its `Windows.centre`, `step`, `extent`."""
        rng = np.random.default_rng([self.seed, 2, draw])
        epoch, place = divmod(draw, len(self.photos))
        order = self._order(epoch)
        for offset in range(len(self.photos)):
            path = self.photos[order[(place + offset) % len(self.photos)]]
            if str(path) in self.broken:
                continue
            try:
                photo = self._cache.read(path)
            except ImageError as cause:
                self.broken[str(path)] = str(cause)
                continue
            if (found := self._place(photo, window, rng)) is not None:
                return found
        total = len(self.photos)
        if len(self.broken) == total:
            raise DataError(f"none of the {total} photos can be read; the last: {list(self.broken.values())[-1]}")
        raise DataError(f"all {total} photos are of a single colour: give other photos")

    def _place(self, photo: Pixels, window: Pixels, rng: np.random.Generator) -> np.ndarray | None:
        """Choose a crop of `photo`, as `_fill`; None if all tries are of one colour."""
        before = np.array(photo.shape[-2:])
        short = max(int(rng.integers(self.short_side[0], self.short_side[1] + 1)), self.crop)
        after = np.array(fit_short_side(int(before[0]), int(before[1]), short))
        step = before / after
        for _ in range(TRIES):
            start = (rng.integers(0, after - self.crop + 1) + 0.5) * step
            last = start + (self.crop - 1) * step
            if _varied(photo[:, int(start[0]) : int(last[0]) + 1, int(start[1]) : int(last[1]) + 1]):
                break
        else:
            return None
        reach = 2 * np.maximum(step, 1)
        low = np.maximum(0, np.floor(start - reach)).astype(int)
        high = np.minimum(before, np.ceil(last + reach)).astype(int)
        (height, width), (top, left) = high - low, low
        window.fill(0)
        window[:, :height, :width] = photo[:, top : top + height, left : left + width]
        start, last = start - low, last - low
        if rng.random() < 0.5:
            start[1], step[1] = last[1], -step[1]
        return np.stack([start, step, high - low])


def _varied(x: Pixels) -> bool:
    """Return whether `x`, (3, H, W) uint8, is not of one colour, by some thousands of its pixels.

    Instance norms divide by the deviation: of one colour, a crop's gradient grows without bound.
    """
    down, across = (max(1, n // 64) for n in x.shape[-2:])
    return bool(x[:, ::down, ::across].std(axis=(1, 2), dtype=np.float32).max() > FLAT * 255)


def usable_cores() -> int:
    """Return how many processors this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
