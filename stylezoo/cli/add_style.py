"""`stylezoo add-style`."""

from __future__ import annotations

import json
import os
from pathlib import Path

import click

from stylezoo.cli.console import say
from stylezoo.cli.options import model_names, shared_options
from stylezoo.errors import OptionError


@click.command("add-style")
@click.argument("base", metavar="MODEL", shell_complete=model_names)
@click.option(
    "--image",
    required=True,
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    help="Style image to learn from.",
)
@click.option("--name", required=True, help="Style name: lowercase letters, digits, - and _.")
@click.option("--title", help="Title of the style image.  [default: from the file name]")
@click.option("--artist", help="Artist of the style image.")
@click.option("--rights", help="Rights to the style image; state them before you share the card.")
@click.option("--recipe", default="add_style", help="Recipe file, or name of a bundled recipe.")
@click.option("--content", type=click.Path(path_type=Path), help="Folder of photos to train on.")
@click.option(
    "--out",
    type=click.Path(path_type=Path, file_okay=False),
    help="Run folder.  [default: runs/cin/NAME or runs/ghiasi/NAME]",
)
@click.option(
    "--set", "overrides", multiple=True, metavar="KEY=VALUE", help="Override a recipe value, as in run.steps=500."
)
@click.option("--resume", is_flag=True, help="Resume the run in --out.")
@shared_options("device")
def command(
    base: str,
    image: Path,
    name: str,
    title: str | None,
    artist: str | None,
    rights: str | None,
    recipe: str,
    content: Path | None,
    out: Path | None,
    overrides: tuple[str, ...],
    resume: bool,
    device: str,
) -> None:
    """Add a style to a trained model, in minutes.

    MODEL is a cin or ghiasi model. Its weights stay fixed; only the embedding of the new style is trained. A ghiasi
    model first predicts this embedding from the image. Prints the path of the style card, a small file for
    `stylezoo stylize --card`.
    """
    from msgspec import structs

    from stylezoo.train.recipe import load_recipe
    from stylezoo.zoo.families import FAMILIES
    from stylezoo.zoo.fields import ID, ID_FORM
    from stylezoo.zoo.store import find

    if not ID.fullmatch(name):
        raise OptionError(f"--name '{name}' must be {ID_FORM}")
    spec, path = find(base)  # fails on a misspelt name
    family = FAMILIES[spec.family].extension
    if family is None:
        able = " and ".join(name for name, record in FAMILIES.items() if record.extension)
        raise OptionError(
            f"{base} is of family {spec.family}, but only {able} models can learn more styles: name one of these"
        )
    where = str(path.resolve()) if path else spec.name
    plan = load_recipe(
        recipe,
        overrides=[f"model.base={json.dumps(where, ensure_ascii=False)}", f"model.family={family}", *overrides],
        style=image,
        content=content,
        name=f"{family}/{name}",
    )
    given = {"title": title, "artist": artist, "rights": rights}
    stated = {key: value for key, value in given.items() if value and value.strip()}
    plan = structs.replace(plan, styles=tuple(structs.replace(s, id=name, **stated) for s in plan.styles))

    from stylezoo.train.trainer import train

    folder = train(plan, out or Path("runs") / plan.name, device=device, resume=resume, progress=True)
    if os.environ.get("RANK", "0") != "0":  # torchrun runs this command in several processes; one prints
        return
    card = folder / f"{plan.styles[0].id}.card.safetensors"
    click.echo(card)
    say(f"try it: stylezoo stylize photo.jpg -m {base} --card {card} -o stylized.jpg")
