"""Thousands of style pictures out of a folder of paintings, the same for the same seed."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import overload

import numpy as np
import torch
from torch import Tensor

from stylezoo.data.crops import usable_cores
from stylezoo.data.images import random_square
from stylezoo.errors import DataError, ImageError
from stylezoo.images.color import rgb_to_ycbcr, ycbcr_to_rgb
from stylezoo.images.io import read
from stylezoo.images.resize import resize
from stylezoo.images.sizes import fit_short_side


class StyleSet(Sequence[Tensor]):
    """Square cuts of paintings at random scales and places, mirrored at random, half of them with other colours.

    The sources of a folder are its paintings' names up to the last underscore. Each gives cuts in proportion to the
    square root of its paintings, so that a large one does not drown the others, nor a small one repeat itself without
    end; within a source every painting comes once before any comes again. Cuts are kept in memory, 8 bits a value.

    Args:
        paintings: paths; one that cannot be read is replaced by the next of its source.
        count: how many cuts.
        side: of a cut, px.
        short_side: (least, most) px to which the short side of a painting is scaled before it is cut: the scale of its
            strokes.
        seed: of all draws.

    Raises:
        DataError: none of a source's paintings can be read, or all are of one colour.
    """

    def __init__(self, paintings: list[Path], count: int, side: int, short_side: tuple[int, int], seed: int) -> None:
        sources: dict[str, list[Path]] = defaultdict(list)
        for path in paintings:
            sources[path.stem.rpartition("_")[0]].append(path)
        self.side, self.short_side, self.seed = side, short_side, seed
        self.broken: dict[Path, str] = {}
        roots = np.cumsum([len(paths) ** 0.5 for paths in sources.values()])
        ends = np.round(roots / roots[-1] * count).astype(int)
        jobs: list[tuple[list[Path], int]] = []
        for paths, end in zip(sources.values(), ends, strict=True):
            order = np.random.default_rng([seed, 4, len(jobs)]).permutation(len(paths))
            shuffled = [paths[i] for i in order]
            jobs += [(shuffled, index) for index in range(len(jobs), int(end))]
        with ThreadPoolExecutor(usable_cores()) as pool:  # each cut depends on its index alone
            self._pixels = torch.stack(list(pool.map(lambda job: self._cut(*job), jobs)))

    def __len__(self) -> int:
        return len(self._pixels)

    @overload
    def __getitem__(self, index: int) -> Tensor: ...
    @overload
    def __getitem__(self, index: slice) -> list[Tensor]: ...
    def __getitem__(self, index: int | slice) -> Tensor | list[Tensor]:
        """Return one cut, (1, 3, side, side) in [0, 1], or a list of them."""
        places = range(len(self))[index]
        return [self[i] for i in places] if isinstance(places, range) else self.at(torch.tensor([places]))

    def at(self, indices: Tensor) -> Tensor:
        """Return the cuts of those indices, (N,) integers: (N, 3, side, side) in [0, 1], where they are kept."""
        return self._pixels[indices.to(self._pixels.device, non_blocking=True)].float() / 255

    def move_to(self, device: torch.device, room: int) -> None:
        """Keep the cuts on `device` from now on, if they take no more than `room` bytes."""
        if self._pixels.nbytes <= room:
            self._pixels = self._pixels.to(device)

    def _cut(self, paths: list[Path], index: int) -> Tensor:
        rng = np.random.default_rng([self.seed, 5, index])
        for offset in range(len(paths)):
            path = paths[(index + offset) % len(paths)]
            if path in self.broken:
                continue
            try:
                pixels = read(path).pixels
            except ImageError as cause:
                self.broken[path] = str(cause)
                continue
            short = max(self.side, int(rng.integers(self.short_side[0], self.short_side[1] + 1)))
            pixels = resize(pixels, fit_short_side(pixels.shape[-2], pixels.shape[-1], short))
            if (cut := random_square(pixels[0], self.side, rng, tries=32)) is not None:
                cut = recolor(cut[None], rng)[0] if rng.random() < 0.5 else cut
                return (cut * 255).round().to(torch.uint8)
        broken = [self.broken[path] for path in paths if path in self.broken]
        raise DataError(
            f"none of {len(paths)} style images can be read; the last: {broken[-1]}; give others with --styles DIR"
            if len(broken) == len(paths)
            else f"{len(paths)} style images, such as {paths[0]}, are of a single colour: give others with --styles DIR"
        )


def recolor(x: Tensor, rng: np.random.Generator) -> Tensor:
    """Return `x`, (N, 3, H, W) in [0, 1], with its hues turned, its colours stronger or weaker, and lighter or darker.

    Turned by up to a sixth of the circle, chroma times 0.5 to 1.5, luma to the power 0.7 to 1.4, all by `rng`.
    """
    angle, chroma = rng.uniform(-np.pi / 3, np.pi / 3), rng.uniform(0.5, 1.5)
    y, blue, red = rgb_to_ycbcr(x).split(1, dim=1)
    y = y.clamp(0, 1) ** float(np.exp(rng.uniform(np.log(0.7), np.log(1.4))))
    grey = 128 / 255
    cos, sin = float(np.cos(angle) * chroma), float(np.sin(angle) * chroma)
    blue, red = blue - grey, red - grey
    return ycbcr_to_rgb(torch.cat([y, cos * blue - sin * red + grey, sin * blue + cos * red + grey], dim=1)).clamp(0, 1)
