"""`stylezoo data`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from stylezoo.cli.console import Failure, one_line, put_json, say
from stylezoo.errors import DataError


@click.group("data", invoke_without_command=True)
@click.pass_context
def command(ctx: click.Context) -> None:
    """Download and pack training data: the style images of the zoo, and photos.

    The data folder is STYLEZOO_DATA if set, else a folder in your user data.
    """
    if ctx.invoked_subcommand is None:
        click.echo(ctx.get_help())


@command.command("path")
def path() -> None:
    """Print the data folder."""
    click.echo(folder_for(None))


@command.command("get")
@click.argument("what", type=click.Choice(["presets", "photos"]))
@click.option(
    "--to", type=click.Path(path_type=Path, file_okay=False), help="Target folder.  [default: the data folder]"
)
@click.option("--dry-run", is_flag=True, help="Show what would be downloaded, and stop.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object per line.")
def get(what: str, to: Path | None, dry_run: bool, as_json: bool) -> None:
    """Download style images or photos into the data folder, where `stylezoo train` finds them.

    \b
    presets  the zoo's style images, in the public domain, from Wikimedia Commons
    photos   the 5,000 photos of COCO val2017, 816 MB, from Flickr, under various Creative Commons licences

    Existing files are kept. Run the command again to resume an interrupted download.
    """
    folder = folder_for(to)
    (get_presets if what == "presets" else get_photos)(folder, dry_run, as_json)
    if to and not dry_run and folder.resolve() != folder_for(None).resolve():
        say(f"to train on it: export STYLEZOO_DATA={folder.resolve()}")


@command.command("targets")
@click.option(
    "--recipe",
    "recipes",
    multiple=True,
    metavar="FILE",
    help="Recipe to read styles from; may be repeated.  [default: all]",
)
@click.option(
    "--out", required=True, type=click.Path(path_type=Path, dir_okay=False), help="Output file, .safetensors."
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object per line.")
def targets(recipes: tuple[str, ...], out: Path, as_json: bool) -> None:
    """Compute the style targets of recipes, to train without the style images.

    If a style image is missing, `stylezoo train` looks for its targets in the folder targets/ of the data folder. They
    hold for the sizes, crop, backbone and loss terms of the recipe; compute them again if these change.
    """
    from stylezoo.data.targets import write_targets
    from stylezoo.errors import OptionError
    from stylezoo.train.inputs import measure_targets
    from stylezoo.train.recipe import load_recipes
    from stylezoo.zoo.families import FAMILIES

    if out.suffix != ".safetensors":
        raise OptionError(f"--out must end in .safetensors, not '{out}'")
    plans = [plan for plan in load_recipes(recipes) if recipes or FAMILIES[plan.model.family].kind != "arbitrary"]
    measured = measure_targets(plans)
    write_targets(out, measured)
    for spec, _ in measured:
        sizes = " and ".join(map(str, spec.sizes))
        fact = {"style": spec.style, "image": spec.image, "sizes": list(spec.sizes), "terms": list(spec.terms)}
        show(fact, f"{spec.style:<24} {spec.image:<28} {sizes} px", as_json)
    say(f"{out}: {len(measured)} styles, {out.stat().st_size / 1e6:.1f} MB")


@command.command("pack")
@click.option("--out", required=True, type=click.Path(path_type=Path, file_okay=False), help="Folder to create.")
@click.option(
    "--recipe", "recipes", multiple=True, metavar="FILE", help="Recipe to pack for; may be repeated.  [default: all]"
)
@click.option("--limit-mb", type=float, default=40, show_default=True, help="Maximum size of the folder.")
@click.option("--photos", type=click.Path(path_type=Path), help="Folder of photos.  [default: from the recipes]")
@click.option("--styles", type=click.Path(path_type=Path), help="Folder of style images, for arbitrary-style models.")
@click.option("--side", type=int, default=384, show_default=True, help="Long side of the pictures in px.")
def pack(
    out: Path, recipes: tuple[str, ...], limit_mb: float, photos: Path | None, styles: Path | None, side: int
) -> None:
    """Pack training data into one small folder, for a machine without a network.

    It holds photos, style images for arbitrary-style models, and the loss network. To use it, run
    STYLEZOO_DATA=FOLDER stylezoo train --recipe FILE. The pictures are those of the training split, at the highest
    quality at which they fit; if they do not fit at the lowest quality, some of each source are left out.
    """
    from stylezoo.train.pack import make_pack
    from stylezoo.train.recipe import load_recipes

    made = make_pack(
        out, load_recipes(recipes), limit_mb=limit_mb, photos=photos, styles=styles, side=side, progress=True
    )
    pictures = made.pictures
    for folder, count in pictures.packed.items():
        left = pictures.left_out[folder]
        say(f"{folder}: {count:,} pictures" + (f"; {left:,} did not fit" if left else ""))
    if pictures.broken:
        say(f"{len(pictures.broken)} pictures could not be read: {'; '.join(pictures.broken[:3])}")
    network = f"VGG19 to {made.network}, " if made.network else ""
    styles_there = f"{made.style_pictures} style pictures, " if made.style_pictures else ""
    quality = " to ".join(map(str, sorted(set(pictures.quality))))
    say(f"{network}{styles_there}{side} px, AVIF quality {quality}: {made.bytes / 1e6:.1f} MB")
    click.echo(out)


def get_presets(data: Path, dry_run: bool, as_json: bool) -> None:
    """Download the style images of the zoo; raise Failure at the end if one is missing."""
    from stylezoo.data.presets import FOLDER, fetch_picture, is_there, zoo_pictures
    from stylezoo.zoo import catalog

    folder, missing = data / FOLDER, 0
    pictures = zoo_pictures(catalog.default_zoo())
    if not pictures:
        raise DataError("no style of the zoo has a picture to download")
    for picture in pictures:
        problem = None
        if is_there(picture, data):
            state = "there"
        elif dry_run:
            state = "missing"
        else:
            try:
                fetch_picture(picture, data, progress=True)
                state = "fetched"
            except DataError as cause:
                state, problem = "missing", one_line(cause)
                missing += 1
                by_hand = f"download it from {picture.page} to {folder / picture.file}"
                say(f"{picture.file} is missing: {problem}; {by_hand}")
        fact = {"file": picture.file, "state": state, "path": str(folder / picture.file), "page": picture.page}
        show(fact | {"problem": problem}, f"{picture.file:<28} {state}", as_json)
    if missing:
        raise Failure(f"{missing} of {len(pictures)} pictures are missing in {folder}: see above")


def get_photos(data: Path, dry_run: bool, as_json: bool) -> None:
    """Download the photos."""
    from stylezoo.data.images import list_photos
    from stylezoo.data.photos import NAME, URL, fetch_photos, photo_folder

    folder = photo_folder(data)
    there = folder.is_dir()
    if not there and not dry_run:
        fetch_photos(data, tell=say, progress=True)
    state = "there" if there else "missing" if dry_run else "fetched"
    count = len(list_photos(folder)) if folder.is_dir() else 0
    fact = {"set": NAME, "state": state, "path": str(folder), "photos": count, "url": URL}
    show(fact, f"{NAME}  {state}  {count} photos in {folder}" if count else f"{NAME}  {state}  {URL}", as_json)


def show(fact: dict[str, Any], line: str, as_json: bool) -> None:
    """Print a result as JSON or text."""
    if as_json:
        put_json(fact)
    else:
        click.echo(line)


def folder_for(to: Path | None) -> Path:
    """Return the folder to fill: `to`, else STYLEZOO_DATA, else the default data folder."""
    from stylezoo.data.folder import data_folder, default_folder

    return to.expanduser() if to else data_folder() or default_folder()
