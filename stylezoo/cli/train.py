"""`stylezoo train`."""

from __future__ import annotations

import gc
import math
import os
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import click

from stylezoo.cli.console import Failure, say
from stylezoo.errors import OptionError

if TYPE_CHECKING:
    from stylezoo.recipe import Recipe

OWN = "johnson"  # the recipe for a picture of one's own


@click.command("train")
@click.argument("recipes", nargs=-1, metavar="[RECIPE[:MINUTES]]...")
@click.option("--recipe", metavar="FILE", help="A recipe file, or the name of one that comes along.")
@click.option(
    "--style", type=click.Path(path_type=Path), help="The picture whose style is learned; --recipe may be left out."
)
@click.option("--styles", type=click.Path(path_type=Path), help="A folder of pictures whose styles are learned.")
@click.option("--content", type=click.Path(path_type=Path), help="A folder of photos to train on.")
@click.option("--name", help="What the model is called.  [default: as in the recipe]")
@click.option(
    "--out",
    type=click.Path(path_type=Path, file_okay=False),
    help="The run's folder; of RECIPEs, the folder of their runs' folders.  [default: runs/NAME]",
)
@click.option("--minutes", type=float, help="End after so many minutes, loading included, with a finished net.")
@click.option("--set", "overrides", multiple=True, metavar="KEY=VALUE", help="Change a value, as in run.steps=500.")
@click.option("--resume", is_flag=True, help="Go on where the run in --out stopped.")
@click.option("--dry-run", is_flag=True, help="Print the effective recipe and stop.")
@click.option("--device", default="auto", help="Where to compute: auto, cpu, cuda, cuda:1 or mps.")
def command(
    recipes: tuple[str, ...],
    recipe: str | None,
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
    """Train a model from a recipe, or several in sequence.

    RECIPE is a file, or the name of one that comes along; each may end within minutes of its own: a.yaml:4 b.yaml:5.
    One that fails does not stop the next; the exit code is then 1.

    With --style alone a net of that one style is trained. It starts from the net of the zoo that comes nearest;
    --set model.start=null starts from random weights.

    Prints the folder of each run, which `stylezoo stylize --model` takes as a model.
    """
    started = time.monotonic()
    own_style = style is not None and not recipe and not recipes
    if not own_style and bool(recipes) == bool(recipe):
        raise click.UsageError(
            "name one recipe with --recipe FILE, or several as RECIPE:MINUTES, or a picture with --style IMAGE"
        )
    if name and len(recipes) > 1:
        raise OptionError(f"--name '{name}' names one model, and {len(recipes)} recipes are given: leave it out")
    from stylezoo.train.recipe import load_recipe, style_id

    if own_style:
        assert style is not None
        recipe, name = OWN, name or f"{OWN}/{style_id(style.stem)}"
    plans = []
    for source, own in map(with_minutes, recipes) if recipes else [(recipe, None)]:
        given = own if own is not None else minutes
        changes = [*overrides] if given is None else [*overrides, f"run.minutes={minutes_of(given)}"]
        plans.append(
            load_recipe(str(source), overrides=changes, style=style, styles=styles, content=content, name=name)
        )
    if dry_run:
        click.echo("---\n".join(plan.to_yaml() for plan in plans).rstrip())
        return
    if not recipes:
        start(plans[0], out or Path("runs") / plans[0].name, device, resume, started)
        return
    names = [plan.name for plan in plans]
    if twice := next((n for n in names if names.count(n) > 1), None):
        raise OptionError(f"two of the recipes make '{twice}', in the same folder: train one of them with --name")
    in_sequence(plans, out or Path("runs"), device, resume, started)


def with_minutes(text: str) -> tuple[str, float | None]:
    """Return the recipe and the minutes of RECIPE:MINUTES; None where there are none."""
    recipe, colon, tail = text.rpartition(":")
    try:
        return (recipe, float(tail)) if colon else (text, None)
    except ValueError:  # as in C:\recipes\a.yaml
        return text, None


def minutes_of(minutes: float) -> float:
    """Return `minutes` if a run can take them; else raise OptionError."""
    if not 0 < minutes < math.inf:
        raise OptionError(f"minutes must be a number above 0, not {minutes:g}")
    return minutes


def in_sequence(plans: list[Recipe], folder: Path, device: str, resume: bool, started: float) -> None:
    """Train one after the other, each in `folder`/NAME; to resume, those that have begun go on."""
    from stylezoo.cli.main import explain

    failed = []
    for plan in plans:
        out = folder / plan.name
        try:
            start(plan, out, device, resume and (out / "recipe.yaml").exists(), started)
        except Exception as error:  # of whatever kind: the next recipe is not to suffer
            say(f"{plan.name} failed: {explain(error).message}")
            failed.append(plan.name)
        gc.collect()
        if (torch := sys.modules.get("torch")) and torch.cuda.is_available():
            torch.cuda.empty_cache()
        started = time.monotonic()
    if failed:
        raise Failure(f"{len(failed)} of {len(plans)} runs failed: {', '.join(failed)}", code=1)


def start(plan: Recipe, out: Path, device: str, resume: bool, started: float) -> None:
    """Train, print the folder and say what to do with it."""
    from stylezoo.train.trainer import train

    folder = train(plan, out, device=device, resume=resume, progress=True, started=started)
    if os.environ.get("RANK", "0") != "0":  # torchrun starts this command several times: one of them speaks
        return
    click.echo(folder)
    which = "" if len(plan.styles) == 1 else f"-s {plan.styles[0].id if plan.styles else 'painting.jpg'} "
    say(f"try it: stylezoo stylize photo.jpg -m {folder} {which}-o styled.jpg")
