"""List the pictures of a folder by their suffixes. Imports neither Pillow nor torch."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NoReturn

from stylezoo.errors import ImageError

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
    """Return the pictures of a folder, sorted by name, including formats that cannot be read and broken links.

    Args:
        recursive: include subfolders, except hidden ones; links to folders are not followed, see `linked_folders`.
        without: a folder to skip, such as the output folder.

    Raises:
        ImageError: no permission to read the folder or, with `recursive`, one of its subfolders.
    """
    if recursive:
        return sorted(path for place in _places(Path(folder), without, _refuse) for path in list_pictures(place))
    try:
        found = sorted(path for path in Path(folder).iterdir() if is_picture(path))
    except PermissionError as cause:
        _refuse(cause)
    return [path for path in found if path.is_file() or (path.is_symlink() and not path.exists())]


def linked_folders(folder: Path | str, without: Path | None = None) -> list[Path]:
    """Return the links to folders in a folder and its subfolders, sorted by name."""
    found = (path for place in _places(Path(folder), without) for path in place.iterdir() if path.is_symlink())
    return sorted(path for path in found if path.is_dir() and not path.name.startswith("."))


def has_more(folder: Path | str) -> bool:
    """Whether the subfolders of a folder have pictures."""
    places = _places(Path(folder))
    next(places)
    return any(is_picture(path) for place in places for path in place.iterdir())


def _places(
    folder: Path, without: Path | None = None, onerror: Callable[[OSError], None] | None = None
) -> Iterator[Path]:
    """Yield a folder and its subfolders; `onerror` gets the error of one that cannot be read."""
    left_out = os.path.realpath(without) if without else None
    for place, names, _ in os.walk(folder, onerror=onerror):
        names[:] = sorted(n for n in names if not n.startswith(".") and os.path.realpath(Path(place, n)) != left_out)
        yield Path(place)


def _refuse(error: OSError) -> NoReturn:
    raise ImageError(f"cannot read the folder {error.filename}: {error.strerror}; change its permissions") from error
