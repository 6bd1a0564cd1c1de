"""A small copy of training pictures in one portable folder, within a limit of bytes."""

from __future__ import annotations

import io
import os
import shutil
import sys
import tempfile
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from PIL import Image, features
from tqdm import tqdm

from stylezoo.errors import DataError, ImageError
from stylezoo.images.io import read, to_pil

QUALITIES = (35, 70)
"""Least and most, of AVIF. Below it, fewer pictures teach more than worse ones; above, files grow and nothing else."""

_TRIED = 32  # pictures by which the quality of the first ones is chosen


@dataclass(frozen=True)
class Packed:
    """What became of the pictures.

    Attributes:
        quality: the least and the most that was used, of AVIF, 1 to 100.
        packed: folder -> how many pictures were packed.
        left_out: folder -> how many did not fit.
        broken: what was wrong with pictures that could not be read.
    """

    quality: tuple[int, int]
    packed: dict[str, int]
    left_out: dict[str, int]
    broken: list[str] = field(default_factory=list)


@contextmanager
def new_folder(out: Path) -> Iterator[Path]:
    """Yield a folder next to `out` to fill, which becomes `out` in the end; nothing is left of it on failure.

    Raises:
        DataError: `out` is a file, or a folder that holds something.
    """
    if out.exists() and not (out.is_dir() and not any(out.iterdir())):
        raise DataError(f"{out} exists and is not an empty folder: choose another --out, or remove it")
    out.parent.mkdir(parents=True, exist_ok=True)
    folder = Path(tempfile.mkdtemp(prefix=f".{out.name}-", dir=out.parent))
    try:
        yield folder
        folder.chmod(0o755)
        if out.exists():
            out.rmdir()  # empty, as it was above; os.rename refuses others
        folder.rename(out)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def pack_pictures(
    target: Path, pictures: Mapping[str, Sequence[Path]], side: int, room: int, *, progress: bool = False
) -> Packed:
    """Write pictures as AVIF, at most `side` px long, into folders of `target`, `room` bytes together.

    The quality, within `QUALITIES`, is steered so that all of them fit; if they do not fit at the lowest, each source
    (what is before the last underscore of a name) is thinned alike.

    Args:
        pictures: folder -> pictures.

    Raises:
        DataError: this Pillow cannot write AVIF.
    """
    if not features.check("avif"):
        raise DataError("this Pillow was built without AVIF: pip install --upgrade --force-reinstall pillow")
    workers = min(4, os.cpu_count() or 1)
    order = evenly(pictures)
    packed, left_out = dict.fromkeys(pictures, 0), dict.fromkeys(pictures, 0)
    broken: list[str] = []
    names: set[Path] = set()
    sizes: list[int] = []
    hidden = None if progress else True
    with (
        ThreadPoolExecutor(workers) as pool,
        tqdm(total=len(order), unit="picture", desc="packing", file=sys.stderr, disable=hidden) as bar,
    ):
        quality = _first_quality(pool, order, side, room)
        used, done, qualities = 0, 0, {quality}
        while done < len(order) and not any(left_out.values()):
            batch = order[done : done + 8 * workers]
            done += len(batch)
            for (kind, path), data in zip(batch, pool.map(_shrink(side, quality), batch), strict=True):
                bar.update()
                if isinstance(data, ImageError):
                    broken.append(str(data))
                elif sum(left_out.values()) or used + len(data) > room:  # what came later would favour small ones
                    left_out[kind] += 1
                else:
                    packed[kind] += 1
                    used += len(data)
                    sizes.append(len(data))
                    qualities.add(quality)
                    _write(target / kind, path, data, names)
            mean = sum(sizes[-256:]) / max(1, len(sizes[-256:]))
            needed = (len(order) - done + 2) * mean  # two more, for the last ones to be larger than most
            quality += (needed < 0.98 * (room - used)) - (needed > room - used)
            quality = min(max(quality, QUALITIES[0]), QUALITIES[1])
        for kind, _ in order[done:]:
            left_out[kind] += 1
    return Packed((min(qualities), max(qualities)), packed, left_out, broken)


def evenly(pictures: Mapping[str, Sequence[Path]]) -> list[tuple[str, Path]]:
    """Return (folder, picture) in an order of which every beginning holds the same share of each folder and source."""
    ranked = []
    for kind, paths in pictures.items():
        sources: dict[str, list[Path]] = defaultdict(list)
        for path in paths:
            sources[path.stem.rpartition("_")[0]].append(path)
        for name, group in sorted(sources.items()):
            order = np.random.default_rng(len(group)).permutation(len(group))
            ranked += [((rank + 0.5) / len(group), kind, name, group[i]) for rank, i in enumerate(order)]
    return [(kind, path) for _, kind, _, path in sorted(ranked)]


def _first_quality(pool: ThreadPoolExecutor, order: Sequence[tuple[str, Path]], side: int, room: int) -> int:
    """Return the highest quality, of every fifth, at which all pictures fit by the size of some of them."""
    tried = order[:: max(1, len(order) // _TRIED)]
    for quality in range(QUALITIES[1], QUALITIES[0], -5):
        sizes = [len(data) for data in pool.map(_shrink(side, quality), tried) if isinstance(data, bytes)]
        if sum(sizes) * len(order) <= room * len(sizes):
            return quality
    return QUALITIES[0]


def _shrink(side: int, quality: int) -> Callable[[tuple[str, Path]], bytes | ImageError]:
    """Return a function from (folder, picture) to an AVIF file, at most `side` px long, or why it cannot be read."""

    def shrunk(entry: tuple[str, Path]) -> bytes | ImageError:
        try:
            image = to_pil(read(entry[1]).levels)
        except ImageError as cause:
            return cause
        image.thumbnail((side, side), Image.Resampling.LANCZOS)
        buffer = io.BytesIO()
        image.save(buffer, "AVIF", quality=quality, speed=8, max_threads=1)  # slower ones save 2 %
        return buffer.getvalue()

    return shrunk


def _write(folder: Path, path: Path, data: bytes, names: set[Path]) -> None:
    name = folder / f"{path.stem}.avif"
    if name in names:  # of another folder, or kind of file
        name = folder / f"{path.stem}-{len(names)}.avif"
    names.add(name)
    folder.mkdir(parents=True, exist_ok=True)
    name.write_bytes(data)
