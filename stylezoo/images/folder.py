"""Which files of a folder are pictures, by their names. Neither Pillow nor torch is needed."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

_READABLE = (
    "png apng jpg jpeg jpe jfif jif mpo webp tif tiff avif jp2 j2k jpx bmp dib gif tga ppm pgm pbm pnm pcx sgi dds ico "
    "psd qoi icns"
)
_OTHERS = "heic heif hif jxl eps svg svgz ai xcf exr hdr dng cr2 cr3 crw nef nrw arw srf sr2 raf orf rw2 pef srw x3f"
READABLE = frozenset(_READABLE.split())
"""Endings of files that Pillow reads by itself."""
OTHERS = frozenset(_OTHERS.split())
"""Endings of pictures that need a plugin, or that cannot be read here: they are named, not passed over."""
PICTURES = READABLE | OTHERS


def ending(path: Path | str) -> str:
    """Return what a file's name ends with, in lower case: 'jpg' of 'a.JPG'."""
    return Path(path).suffix.lower().lstrip(".")


def is_picture(path: Path) -> bool:
    """Whether a file is a picture by its name. Hidden files are none, such as the ._* files of macOS."""
    return ending(path) in PICTURES and not path.name.startswith(".")


def list_pictures(folder: Path | str, *, recursive: bool = False, without: Path | None = None) -> list[Path]:
    """Return the pictures of a folder, sorted by name; those that cannot be read too, as nothing is passed over.

    Args:
        recursive: with those of its subfolders, but for hidden ones; links to folders are not followed.
        without: a folder that is left out, in which results go.
    """
    if not recursive:
        return sorted(path for path in Path(folder).iterdir() if is_picture(path) and path.is_file())
    return sorted(path for place in _places(Path(folder), without) for path in list_pictures(place))


def has_more(folder: Path | str) -> bool:
    """Whether there are pictures in the subfolders of a folder."""
    places = _places(Path(folder), None)
    next(places)
    return any(is_picture(path) for place in places for path in place.iterdir())


def _places(folder: Path, without: Path | None) -> Iterator[Path]:
    """Yield a folder and those below it."""
    left_out = without.resolve() if without else None
    for place, names, _ in os.walk(folder):
        names[:] = sorted(n for n in names if not n.startswith(".") and Path(place, n).resolve() != left_out)
        yield Path(place)
