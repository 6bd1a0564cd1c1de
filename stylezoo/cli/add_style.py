"""`stylezoo add-style`."""

from __future__ import annotations

import json
import os
from pathlib import Path

import click

from stylezoo.cli.console import say
from stylezoo.cli.options import model_names
from stylezoo.errors import OptionError


@click.command("add-style")
@click.argument("base", metavar="MODEL", shell_complete=model_names)
@click.option(
    "--image",
    required=True,
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    help="The picture whose style is learned.",
)
@click.option("--name", required=True, help="What the style is called: lowercase letters, digits, - and _.")
@click.option("--title", help="The picture's title.  [default: as the file is called]")
@click.option("--artist", help="Who made it.")
@click.option("--rights", help="Why it may be used; state it before you share the card.")
@click.option("--recipe", default="add_style", help="A recipe file, or the name of one that comes along.")
@click.option("--content", type=click.Path(path_type=Path), help="A folder of photos to train on.")
@click.option("--out", type=click.Path(path_type=Path, file_okay=False), help="The run's folder.  [default: runs/NAME]")
@click.option("--set", "overrides", multiple=True, metavar="KEY=VALUE", help="Change a value, as in run.steps=500.")
@click.option("--resume", is_flag=True, help="Go on where the run in --out stopped.")
@click.option("--device", default="auto", help="Where to compute: auto, cpu, cuda, cuda:1 or mps.")
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
    """Add a style to a trained net: minutes rather than hours.

    MODEL is a cin or a ghiasi net. Its trunk and its styles stay as they are; only the new style's row is learnt.
    With a ghiasi net the row starts as what the net predicts from the picture.
    Prints the path of the style card, a small file that `stylezoo stylize --card` adds to the net.
    """
    from msgspec import structs

    from stylezoo.train.recipe import load_recipe
    from stylezoo.zoo.families import FAMILIES
    from stylezoo.zoo.fields import ID, ID_FORM
    from stylezoo.zoo.store import find

    if not ID.fullmatch(name):
        raise OptionError(f"--name '{name}' must be {ID_FORM}")
    spec, path = find(base)  # a misspelt name stops here
    family = FAMILIES[spec.family].extension
    if family is None:
        able = " and ".join(name for name, record in FAMILIES.items() if record.extension)
        raise OptionError(
            f"{base} is of family {spec.family}, and only {able} nets learn further styles: name such a one"
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
    if os.environ.get("RANK", "0") != "0":  # torchrun starts this command several times: one of them speaks
        return
    card = folder / f"{plan.styles[0].id}.card.safetensors"
    click.echo(card)
    say(f"try it: stylezoo stylize photo.jpg -m {base} --card {card} -o styled.jpg")
