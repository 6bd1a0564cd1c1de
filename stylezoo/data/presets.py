"""The pictures that the zoo's styles were learned from, fetched from where their records say."""

from __future__ import annotations

from pathlib import Path

from stylezoo.data.fetch import download
from stylezoo.errors import DataError, ImageError
from stylezoo.images.io import read
from stylezoo.images.phash import SAME, distance
from stylezoo.zoo.spec import PictureSpec, Zoo

FOLDER = "presets"
"""The folder of these pictures in the data folder."""

LEAST = 480
"""Px of the long side below which a picture has lost the strokes that a net is to learn."""


def zoo_pictures(zoo: Zoo) -> list[PictureSpec]:
    """Return the pictures of a registry's artworks, each file once, sorted by file.

    Raises:
        DataError: two artworks mean different pictures by the same file name.
    """
    found: dict[str, PictureSpec] = {}
    for artwork in zoo.artworks.values():
        if (picture := artwork.picture) and found.setdefault(picture.file, picture).phash != picture.phash:
            raise DataError(f"two artworks of the zoo name different pictures {picture.file}: report it")
    return [found[file] for file in sorted(found)]


def check_picture(path: Path, phash: str) -> None:
    """Raise DataError, which says why, unless the file shows the picture that has this perceptual hash."""
    try:
        pixels = read(path).pixels
    except ImageError as cause:
        raise DataError("the file is not a picture, or is damaged") from cause
    if (side := max(pixels.shape[-2:])) < LEAST:
        raise DataError(f"the picture is too small: its long side is {side} px, not {LEAST} or more")
    if (bits := distance(pixels, phash)) > SAME:
        raise DataError(f"it is another picture: {bits} bits of its hash differ, not {SAME} or fewer")


def is_there(picture: PictureSpec, data: Path) -> bool:
    """Return whether the data folder `data` has the right picture."""
    try:
        check_picture(data / FOLDER / picture.file, picture.phash)
        return True
    except DataError:
        return False


def fetch_picture(picture: PictureSpec, data: Path, *, progress: bool = False) -> None:
    """Fetch a picture into the data folder `data`, from the first of its addresses that gives the right one.

    A wrong picture of that name is kept next to it, with .old at the end of its name.

    Raises:
        DataError: no address gives it; says what came of each.
    """
    target = data / FOLDER / picture.file

    def accept(path: Path) -> None:
        check_picture(path, picture.phash)
        if target.exists():
            target.replace(target.with_name(f"{target.name}.old"))

    problems = []
    for url in picture.addresses:
        try:
            return download(url, target, accept, progress=progress)
        except DataError as problem:
            problems.append(str(problem))
    raise DataError("; ".join(problems))
