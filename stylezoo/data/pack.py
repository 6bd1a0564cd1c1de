"""A small copy of training pictures in one portable folder, within a limit of bytes."""

from __future__ import annotations

import io
import os
import shutil
import sys
import tempfile
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from PIL import Image, features
from tqdm import tqdm

from stylezoo.errors import DataError, ImageError
from stylezoo.image.io import read, to_pil

QUALITIES = (70, 60, 50, 45, 40, 35)
"""Of AVIF, from the best: below the last, fewer pictures teach more than worse ones."""

TRIED = 32
"""Pictures of each folder on which the size at a quality is estimated."""

_MARGIN = 0.97  # of the room, for what the estimate misses


@dataclass(frozen=True)
class Packed:
    """What became of the pictures.

    Attributes:
        quality: of AVIF, 1 to 100.
        packed: folder -> how many pictures were packed.
        left_out: folder -> how many did not fit.
        broken: what was wrong with pictures that could not be read.
    """

    quality: int
    packed: dict[str, int]
    left_out: dict[str, int]
    broken: list[str] = field(default_factory=list)


@contextmanager
def new_folder(out: Path) -> Iterator[Path]:
    """Yield a folder beside `out` to fill, which becomes `out` in the end; nothing is left of it on failure.

    Raises:
        DataError: `out` is a file, or a folder that holds something.
    """
    if out.exists() and not (out.is_dir() and not any(out.iterdir())):
        raise DataError(f"{out} exists and is not an empty folder: name another with --out, or remove it")
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

    The quality is the highest of `QUALITIES` at which all of them fit; if they do not fit at the lowest, each source
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
    with ThreadPoolExecutor(workers) as pool:
        quality = _choose_quality(pool, order, side, room)
        packed, left_out = dict.fromkeys(pictures, 0), dict.fromkeys(pictures, 0)
        broken, names, used, full = [], set[Path](), 0, False
        hidden = None if progress else True
        with tqdm(total=len(order), unit="picture", desc="packing", file=sys.stderr, disable=hidden) as bar:
            for start in range(0, len(order), 8 * workers):
                batch = order[start : start + 8 * workers]
                done = [None] * len(batch) if full else pool.map(lambda pair: _shrunk(pair[1], side, quality), batch)
                for (kind, path), data in zip(batch, done, strict=True):
                    bar.update()
                    if isinstance(data, ImageError):
                        broken.append(str(data))
                    elif data is None or full or used + len(data) > room:
                        full = True  # what comes later would favour small pictures
                        left_out[kind] += 1
                    else:
                        used += len(data)
                        packed[kind] += 1
                        _write(target / kind, path, data, names)
    return Packed(quality, packed, left_out, broken)


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


def _choose_quality(pool: ThreadPoolExecutor, order: Sequence[tuple[str, Path]], side: int, room: int) -> int:
    tried = order[:: max(1, len(order) // (2 * TRIED))]
    for quality in QUALITIES:
        sizes = [d for d in pool.map(lambda pair: _shrunk(pair[1], side, quality), tried) if isinstance(d, bytes)]  # noqa: B023
        if not sizes or sum(map(len, sizes)) / len(sizes) * len(order) <= _MARGIN * room:
            return quality
    return QUALITIES[-1]


def _shrunk(path: Path, side: int, quality: int) -> bytes | ImageError:
    """Return a picture as the bytes of an AVIF file, at most `side` px long, or why it cannot be read."""
    try:
        image = to_pil(read(path).levels)
    except ImageError as cause:
        return cause
    image.thumbnail((side, side), Image.Resampling.LANCZOS)
    buffer = io.BytesIO()
    image.save(buffer, "AVIF", quality=quality, speed=8, max_threads=1)  # slower ones save 2 %
    return buffer.getvalue()


def _write(folder: Path, path: Path, data: bytes, names: set[Path]) -> None:
    name = folder / f"{path.stem}.avif"
    if name in names:  # of another folder, or kind of file
        name = folder / f"{path.stem}-{len(names)}.avif"
    names.add(name)
    folder.mkdir(parents=True, exist_ok=True)
    name.write_bytes(data)
