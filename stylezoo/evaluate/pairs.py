"""The pairs of content and style images on which all methods are compared."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

from PIL import Image
from torch import Tensor

from stylezoo.data.images import list_photos, sample_photos
from stylezoo.data.splits import load_split, split
from stylezoo.data.styles import read_style
from stylezoo.errors import DataError
from stylezoo.images.io import to_pil
from stylezoo.recipe import Data
from stylezoo.zoo.results import UNSEEN

T = TypeVar("T")

OWN = "own"
"""The split of the user's own photos."""

SAMPLES = "samples"
"""The split of scikit-image's sample photos."""


@dataclass(frozen=True)
class StyleImage:
    """A style image, which is compared with at a long side of `size` px.

    Attributes:
        id: the style's, for nets that know it by name; else the name of the file without its ending.
        crop: (left, top, right, bottom) as fractions of the image; None: all of it.
        whole_colors: whether the crop is brought to the colours of the whole image.
    """

    id: str
    path: Path
    size: int
    crop: tuple[float, float, float, float] | None = None
    whole_colors: bool = False

    @property
    def facts(self) -> tuple[object, ...]:
        """What tells style images apart."""
        known = (self.path.name, self.size, self.crop, self.id)
        return (*known, "whole colours") if self.whole_colors else known

    def picture(self) -> Image.Image:
        """Return the image in its own size: what methods are given."""
        return to_pil(read_style(self.path, crop=self.crop, whole_colors=self.whole_colors))

    def target(self) -> Tensor:
        """Return what metrics compare with, (1, 3, H, W) in [0, 1]."""
        return read_style(self.path, self.size, self.crop, self.whole_colors)


@dataclass(frozen=True)
class Pair:
    """A photo and a style image."""

    photo: Path
    style: StyleImage


@dataclass(frozen=True)
class PairSet:
    """Pairs, and where they come from.

    Attributes:
        styles: the model whose styles they are of, or `UNSEEN` for paintings.
        split: "validation" or "test" of the list of splits; `OWN` or `SAMPLES`.
        gallery: the style images by id among which the right one is to be recognised: of the pairs, or all that a
            model knows.
    """

    styles: str
    split: str
    pairs: tuple[Pair, ...]
    gallery: Mapping[str, StyleImage] = field(default_factory=dict)

    def digest(self, size: int) -> str:
        """Return eight hexadecimal digits that tell sets of pairs apart; photos have a long side of `size` px."""
        facts = [(p.photo.name, *p.style.facts) for p in self.pairs]
        return digest(size, facts)


def digest(*facts: object) -> str:
    """Return eight hexadecimal digits that are the same for the same facts."""
    return hashlib.sha256(repr(facts).encode()).hexdigest()[:8]


def find_photos(name: str, folder: Path | None, data: Path | None) -> tuple[str, list[Path]]:
    """Return a split's name and its photos.

    They are those of `folder`, all of them, if one is given; else those of the split `name` in the data folder `data`;
    without that folder, those of scikit-image. A data folder of other photos has a validation split, every 50th.

    Raises:
        DataError: photos are missing, or the data folder has no test split.
    """
    if folder is not None:
        return OWN, list_photos(folder)
    chosen = load_split(name)
    if data is not None and chosen.there(data):
        return name, chosen.find_photos(data)
    if name == "test":
        raise DataError(
            "the photos of the test split are not in the data folder: set STYLEZOO_DATA to a folder with them"
        )
    if data is None or not (data / "content").is_dir():
        return SAMPLES, sample_photos()
    photos = list_photos(data / "content")
    return name, split(photos, Data().hold_out)[1] or photos


def painting_pairs(
    name: str, data: Path | None, style_size: int, *, photos: Path | None = None, paintings: Path | None = None
) -> PairSet:
    """Return the pairs of the split `name`; of the folders `photos` and `paintings` instead where these are given.

    Raises:
        DataError: pictures are missing.
    """
    if paintings is not None:
        split_name, content = find_photos(name, photos, data)
        styles = list_photos(paintings)
        count = max(len(content), len(styles))
        found = [(content[i % len(content)], styles[i % len(styles)]) for i in range(count)]
        return _paintings(found, OWN if photos else split_name, style_size)
    if photos is not None:
        raise DataError("--photos needs style images of your own too: add --styles DIR")
    if data is None or not load_split(name).there(data):
        raise DataError(
            f"the pictures of the {name} split are not in the data folder: set STYLEZOO_DATA to a folder with them, or "
            "use your own with --photos DIR --styles DIR"
        )
    return _paintings(load_split(name).find_pairs(data), name, style_size)


def _paintings(found: Sequence[tuple[Path, Path]], name: str, size: int) -> PairSet:
    gallery = {path: StyleImage(path.stem, path, size) for _, path in found}
    pairs = tuple(Pair(photo, gallery[path]) for photo, path in found)
    return PairSet(UNSEEN, name, pairs, {style.id: style for style in gallery.values()})


def style_pairs(
    model: str, styles: Sequence[StyleImage], split_name: str, photos: Sequence[Path], chosen: Sequence[str] = ()
) -> PairSet:
    """Return the pairs of every photo and every style of a model, or the `chosen` ones by id, photo by photo."""
    asked = [style for style in styles if not chosen or style.id in chosen]
    pairs = tuple(Pair(photo, style) for photo in photos for style in asked)
    return PairSet(model, split_name, pairs, {style.id: style for style in styles})


def spread_over(items: Sequence[T], count: int | None) -> list[T]:
    """Return `count` of the items, spread evenly over their order; None, or more than there are: all."""
    count = min(count or len(items), len(items))
    return [items[i * len(items) // count] for i in range(count)]
