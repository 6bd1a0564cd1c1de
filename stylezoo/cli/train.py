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
from stylezoo.cli.options import shared_options
from stylezoo.errors import OptionError

if TYPE_CHECKING:
    from stylezoo.recipe import Recipe

OWN = "johnson"  # the recipe for --style without --recipe


@click.command("train")
@click.argument("recipes", nargs=-1, metavar="[RECIPE[:MINUTES]]...")
@click.option("--recipe", metavar="FILE", help="Recipe file, or name of a bundled recipe.")
@click.option("--style", type=click.Path(path_type=Path), help="Style image to learn; --recipe is then optional.")
@click.option("--styles", type=click.Path(path_type=Path), help="Folder of style images to learn.")
@click.option("--content", type=click.Path(path_type=Path), help="Folder of photos to train on.")
@click.option("--name", help="Model name, FAMILY/NAME.  [default: from the recipe]")
@click.option(
    "--out",
    type=click.Path(path_type=Path, file_okay=False),
    help="Run folder; with several RECIPEs, the parent of their run folders.  [default: runs/NAME]",
)
@click.option("--minutes", type=float, help="Train for this many minutes, including loading.")
@click.option(
    "--set", "overrides", multiple=True, metavar="KEY=VALUE", help="Override a recipe value, as in run.steps=500."
)
@click.option("--resume", is_flag=True, help="Resume the run in --out.")
@click.option("--dry-run", is_flag=True, help="Print the effective recipe, and stop.")
@shared_options("device")
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
    """Train one model, or several in sequence.

    RECIPE is a file or the name of a bundled recipe. Each may have its own time limit in minutes: a.yaml:4 b.yaml:5. If
    one fails, the next still runs, and the exit code is 1.

    --style without a recipe trains a model of that one style. It starts from the nearest model of the zoo;
    --set model.start=null starts from random weights.

    Prints the folder of each run, which `stylezoo stylize --model` accepts.
    """
    started = time.monotonic()
    own_style = style is not None and not recipe and not recipes
    if not own_style and bool(recipes) == bool(recipe):
        raise click.UsageError("give --style IMAGE, or one recipe with --recipe FILE, or several as RECIPE:MINUTES")
    if name and len(recipes) > 1:
        raise OptionError(f"--name '{name}' is for one recipe, but {len(recipes)} are given: leave it out")
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
        raise OptionError(f"two recipes are named '{twice}' and share a folder: train one of them alone with --name")
    in_sequence(plans, out or Path("runs"), device, resume, started)


def with_minutes(text: str) -> tuple[str, float | None]:
    """Split RECIPE:MINUTES; the minutes are None if not given."""
    recipe, colon, tail = text.rpartition(":")
    try:
        return (recipe, float(tail)) if colon else (text, None)
    except ValueError:  # as in C:\recipes\a.yaml
        return text, None


def minutes_of(minutes: float) -> float:
    """Return `minutes`; raise OptionError unless it is positive and finite."""
    if not 0 < minutes < math.inf:
        raise OptionError(f"minutes must be a number above 0, not {minutes:g}")
    return minutes


def in_sequence(plans: list[Recipe], folder: Path, device: str, resume: bool, started: float) -> None:
    """Train the recipes one after the other in `folder`/NAME; with `resume`, resume those that have started."""
    from stylezoo.cli.main import explain

    failed = []
    for plan in plans:
        out = folder / plan.name
        try:
            start(plan, out, device, resume and (out / "recipe.yaml").exists(), started)
        except Exception as error:  # of any kind: the next recipe must still run
            say(f"{plan.name} failed: {explain(error).message}")
            failed.append(plan.name)
        gc.collect()
        if (torch := sys.modules.get("torch")) and torch.cuda.is_available():
            torch.cuda.empty_cache()
        started = time.monotonic()
    if failed:
        raise Failure(f"{len(failed)} of {len(plans)} runs failed: {', '.join(failed)}", code=1)


def start(plan: Recipe, out: Path, device: str, resume: bool, started: float) -> None:
    """Train, print the run folder and an example of its use."""
    from stylezoo.train.trainer import train

    folder = train(plan, out, device=device, resume=resume, progress=True, started=started)
    if os.environ.get("RANK", "0") != "0":  # torchrun runs this command in several processes; one prints
        return
    click.echo(folder)
    which = "" if len(plan.styles) == 1 else f"-s {plan.styles[0].id if plan.styles else 'style.jpg'} "
    say(f"try it: stylezoo stylize photo.jpg -m {folder} {which}-o stylized.jpg")
