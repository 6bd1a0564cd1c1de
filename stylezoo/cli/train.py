"""`stylezoo train`."""

from __future__ import annotations

import os
import time
from pathlib import Path

import click

from stylezoo.cli.talk import say


@click.command("train")
@click.option("--recipe", required=True, metavar="FILE", help="A recipe file, or the name of one that comes along.")
@click.option("--style", type=click.Path(path_type=Path), help="The picture whose style is learned.")
@click.option("--styles", type=click.Path(path_type=Path), help="A folder of pictures whose styles are learned.")
@click.option("--content", type=click.Path(path_type=Path), help="A folder of photos to train on.")
@click.option("--name", help="What the model is called.  [default: as in the recipe]")
@click.option("--out", type=click.Path(path_type=Path, file_okay=False), help="The run's folder.  [default: runs/NAME]")
@click.option("--minutes", type=click.FloatRange(min=0, min_open=True), help="End after so many minutes.")
@click.option("--set", "overrides", multiple=True, metavar="KEY=VALUE", help="Change a value, as in run.steps=500.")
@click.option("--resume", is_flag=True, help="Go on where the run in --out stopped.")
@click.option("--dry-run", is_flag=True, help="Print the effective recipe and stop.")
@click.option("--device", default="auto", help="Where to compute: auto, cpu, cuda, cuda:1 or mps.")
def command(
    recipe: str,
    style: Path | None,
    styles: Path | None,
    content: Path | None,
    name: str | None,
    out: Path | None,
    minutes: float | None,
    overrides: tuple[str, ...],
    resume: bool,
    dry_run: bool,
    device: str,
) -> None:
    """Train a model from a recipe.

    Prints the folder of the run, which `stylezoo stylize --model` takes as a model.
    """
    started = time.monotonic()
    if minutes is not None:
        overrides = (*overrides, f"run.minutes={minutes}")
    from stylezoo.train.recipe import load_recipe

    plan = load_recipe(recipe, overrides=list(overrides), style=style, styles=styles, content=content, name=name)
    if dry_run:
        click.echo(plan.to_yaml().rstrip())
        return

    from stylezoo.train.trainer import train

    folder = train(plan, out or Path("runs") / plan.name, device=device, resume=resume, progress=True, started=started)
    if os.environ.get("RANK", "0") != "0":  # torchrun starts this command several times: one of them speaks
        return
    click.echo(folder)
    which = "" if len(plan.styles) == 1 else f"-s {plan.styles[0].id if plan.styles else 'painting.jpg'} "
    say(f"try it: stylezoo stylize photo.jpg -m {folder} {which}-o styled.jpg")
