"""Find copies and crops of the pictures that the list of splits names, among all others of a data folder.

    STYLEZOO_DATA=data python scripts/near_duplicates.py

Whole pictures, mirrored ones, and crops with 90 to 50 % of the sides, nine of each, are compared by perceptual hash:
crops of a listed picture with the whole of any other, and the reverse. Each hit is a candidate to look at: faces and
landscapes of the same composition look alike to a hash. Copies belong into stylezoo/data/splits.tsv as excluded.
"""

from __future__ import annotations

import sys
from pathlib import Path

import click
from torch import Tensor
from tqdm import tqdm

from stylezoo.data.folder import data_folder
from stylezoo.data.images import list_photos
from stylezoo.data.splits import listed_pictures
from stylezoo.errors import ImageError, StyleZooError
from stylezoo.images.io import read
from stylezoo.images.phash import SAME, crop_hashes, perceptual_hash
from stylezoo.images.resize import resize

SHARES = (0.9, 0.8, 0.7, 0.6, 0.5)
FOLDERS = {"photo": ("content",), "painting": ("styles", "presets")}


def whole_hashes(pixels: Tensor) -> list[int]:
    """Return the hashes of a picture and of its mirror image."""
    return [int(perceptual_hash(x), 16) for x in (pixels, pixels.flip(-1))]


def all_hashes(pixels: Tensor) -> list[int]:
    """Return the hashes of a picture, its mirror image and its crops."""
    return whole_hashes(pixels) + [int(text, 16) for share in SHARES for text in crop_hashes(pixels, share)]


def bits_apart(own: list[int], other: list[int]) -> int:
    """Return the least number of bits by which a hash of one list differs from one of another."""
    return min((a ^ b).bit_count() for a in own for b in other)


@click.command()
@click.option(
    "--bits", default=SAME, show_default=True, help="Report pictures that differ in at most so many of 64 bits."
)
def main(bits: int) -> None:
    """Print candidates, a pair a line."""
    data = data_folder()
    if data is None:
        raise click.ClickException("set STYLEZOO_DATA to a folder with content/, styles/ and presets/")
    try:
        for kind, folders in FOLDERS.items():
            report(kind, [path for name in folders for path in list_photos(data / name)], bits)
    except StyleZooError as cause:
        raise click.ClickException(str(cause)) from cause


def report(kind: str, paths: list[Path], bits: int) -> None:
    """Print the candidates among photos or among paintings."""
    hashes: dict[str, list[int]] = {}
    for path in tqdm(paths, unit=kind, disable=not sys.stderr.isatty()):
        try:
            hashes[path.name] = all_hashes(resize(read(path).pixels, (160, 160)))
        except ImageError as cause:
            click.echo(str(cause), err=True)
    for name, split in listed_pictures(kind).items():
        for other, theirs in hashes.items() if name in hashes else ():
            apart = min(bits_apart(hashes[name], theirs[:2]), bits_apart(hashes[name][:2], theirs))
            if other != name and apart <= bits:
                click.echo(f"{split}  {name}  {other}  {apart} bits")


if __name__ == "__main__":
    main()
