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
    """Fetch and pack what nets are trained on: the zoo's style pictures, and photos.

    It all lies in one folder: the one that STYLEZOO_DATA names, or else one among your user data.
    """
    if ctx.invoked_subcommand is None:
        click.echo(ctx.get_help())


@command.command("path")
def path() -> None:
    """Print the data folder."""
    click.echo(folder_for(None))


@command.command("get")
@click.argument("what", type=click.Choice(["presets", "photos"]))
@click.option("--to", type=click.Path(path_type=Path, file_okay=False), help="The folder.  [default: the data folder]")
@click.option("--dry-run", is_flag=True, help="Say what is there and what would be fetched, and stop.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object a line.")
def get(what: str, to: Path | None, dry_run: bool, as_json: bool) -> None:
    """Fetch style pictures or photos into the data folder, where `stylezoo train` finds them.

    \b
    presets  the public-domain pictures that the zoo's styles were learned from, from Wikimedia Commons
    photos   the 5,000 photos of COCO's val2017, 816 MB: from Flickr, under various Creative Commons licences

    What is there already stays. A download that breaks off goes on where it stopped, when the command is run again too.
    """
    folder = folder_for(to)
    (get_presets if what == "presets" else get_photos)(folder, dry_run, as_json)
    if to and not dry_run and folder.resolve() != folder_for(None).resolve():
        say(f"for stylezoo train to find it: export STYLEZOO_DATA={folder.resolve()}")


@command.command("targets")
@click.option("--recipe", "recipes", multiple=True, metavar="FILE", help="Whose styles. Repeat for more.  [all]")
@click.option("--out", required=True, type=click.Path(path_type=Path, dir_okay=False), help="FILE.safetensors.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object a line.")
def targets(recipes: tuple[str, ...], out: Path, as_json: bool) -> None:
    """Measure the style pictures of recipes, and write what training needs in place of them.

    A file in the folder targets/ of the data folder is found by `stylezoo train` where a picture is not on the disk.
    It serves the recipe's own sizes, crop, backbone and loss terms: measure again when these change.
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
@click.option("--out", required=True, type=click.Path(path_type=Path, file_okay=False), help="A folder to make.")
@click.option(
    "--recipe", "recipes", multiple=True, metavar="FILE", help="What is to be trained. Repeat for more.  [all]"
)
@click.option("--limit-mb", type=float, default=40, show_default=True, help="Of the whole folder.")
@click.option("--photos", type=click.Path(path_type=Path), help="A folder of photos.  [default: as the recipes say]")
@click.option("--styles", type=click.Path(path_type=Path), help="A folder of paintings, for nets of any style.")
@click.option("--side", type=int, default=384, show_default=True, help="Long side of the pictures, px.")
def pack(
    out: Path, recipes: tuple[str, ...], limit_mb: float, photos: Path | None, styles: Path | None, side: int
) -> None:
    """Pack what training needs into one small folder, for a machine without a network.

    It holds photos, paintings for nets that take any style, and the loss network. There:
    STYLEZOO_DATA=FOLDER stylezoo train --recipe FILE. The pictures are those of the training split, at the quality at
    which they all fit; if they do not fit at the lowest, some of each source are left out.
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
    """Fetch the pictures that the zoo names; fail in the end if one of them is missing."""
    from stylezoo.data.presets import FOLDER, fetch_picture, is_there, zoo_pictures
    from stylezoo.zoo import catalog

    folder, missing = data / FOLDER, 0
    pictures = zoo_pictures(catalog.default_zoo())
    if not pictures:
        raise DataError("no style of the zoo says where its picture can be fetched")
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
                by_hand = f"see {picture.page} to get it by hand, as {folder / picture.file}"
                say(f"{picture.file} is missing: {problem}; {by_hand}")
        fact = {"file": picture.file, "state": state, "path": str(folder / picture.file), "page": picture.page}
        show(fact | {"problem": problem}, f"{picture.file:<28} {state}", as_json)
    if missing:
        raise Failure(f"missing in {folder}: {missing} of {len(pictures)} pictures")


def get_photos(data: Path, dry_run: bool, as_json: bool) -> None:
    """Fetch the set of photos."""
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
    """Write a result to stdout."""
    if as_json:
        put_json(fact)
    else:
        click.echo(line)


def folder_for(to: Path | None) -> Path:
    """Return the folder to fill: the given one, the one that STYLEZOO_DATA names, or the default one."""
    from stylezoo.data.folder import data_folder, default_folder

    return to.expanduser() if to else data_folder() or default_folder()
