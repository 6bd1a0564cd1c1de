"""List the pictures of a folder by their suffixes. Imports neither Pillow nor torch."""

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
"""Suffixes of files that Pillow reads without a plugin."""
OTHERS = frozenset(_OTHERS.split())
"""Suffixes of pictures that need a plugin or cannot be read; they are reported, not ignored."""
PICTURES = READABLE | OTHERS


def ending(path: Path | str) -> str:
    """Return a file's suffix in lower case without the dot: 'jpg' for 'a.JPG'."""
    return Path(path).suffix.lower().lstrip(".")


def is_picture(path: Path) -> bool:
    """Whether a file's name is that of a picture. Hidden files are excluded, such as the ._* files of macOS."""
    return ending(path) in PICTURES and not path.name.startswith(".")


def list_pictures(folder: Path | str, *, recursive: bool = False, without: Path | None = None) -> list[Path]:
    """Return the pictures of a folder, sorted by name, including formats that cannot be read.

    Args:
        recursive: include subfolders, except hidden ones; links to folders are not followed.
        without: a folder to skip, such as the output folder.
    """
    if not recursive:
        return sorted(path for path in Path(folder).iterdir() if is_picture(path) and path.is_file())
    return sorted(path for place in _places(Path(folder), without) for path in list_pictures(place))


def has_more(folder: Path | str) -> bool:
    """Whether the subfolders of a folder have pictures."""
    places = _places(Path(folder), None)
    next(places)
    return any(is_picture(path) for place in places for path in place.iterdir())


def _places(folder: Path, without: Path | None) -> Iterator[Path]:
    """Yield a folder and its subfolders."""
    left_out = without.resolve() if without else None
    for place, names, _ in os.walk(folder):
        names[:] = sorted(n for n in names if not n.startswith(".") and Path(place, n).resolve() != left_out)
        yield Path(place)
