"""Options of `stylize` that only some families have, and saving intermediate results."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from stylezoo._files import real_path
from stylezoo.errors import OptionError
from stylezoo.stylizer.batch.job import Job
from stylezoo.zoo.families import takers

if TYPE_CHECKING:
    from torch import Tensor

    from stylezoo.zoo.spec import ModelSpec

Command = TypeVar("Command", bound=Callable[..., Any])

OPTIONS = (
    click.option("--steps", type=int, metavar="N", help="gatys: optimisation steps.  [default: 300]"),
    click.option("--optimizer", metavar="NAME", help="gatys: lbfgs or adam.  [default: lbfgs]"),
    click.option("--lr", type=float, help="gatys: learning rate.  [default: 1 for lbfgs, 0.05 for adam]"),
    click.option("--start", metavar="FROM", help="gatys: photo, noise, or a picture to start from.  [default: photo]"),
    click.option(
        "--stages", type=int, metavar="N", help="gatys: stages from coarse to fine.  [default: by size, 1 to 3]"
    ),
    click.option(
        "--content-layers", metavar="LAYERS", help="gatys: content layers, such as relu4_2 or relu3_1:0.5,relu4_2:1."
    ),
    click.option("--style-layers", metavar="LAYERS", help="gatys: style layers, such as relu1_1,relu2_1,relu3_1."),
    click.option("--content-weight", type=float, help="gatys: content weight.  [default: 1]"),
    click.option("--style-weight", type=float, help="gatys: style weight.  [default: 10]"),
    click.option("--tv-weight", type=float, help="gatys: total variation weight.  [default: 0]"),
    click.option("--pooling", metavar="HOW", help="gatys: pooling, max or avg.  [default: max]"),
    click.option("--seed", type=int, help="gatys: seed of the noise.  [default: 0]"),
    click.option(
        "--save-every",
        type=click.IntRange(min=1),
        metavar="N",
        help="gatys: also write every N-th step, as OUT_<step>.",
    ),
    click.option("--patch", type=int, metavar="N", help="styleswap: side of patches, in steps of 4 px.  [default: 3]"),
    click.option("--stride", type=int, metavar="N", help="styleswap: steps between patches.  [default: 1]"),
)


def descent_options(command: Command) -> Command:
    """Add the options; those not given are None."""
    for option in reversed(OPTIONS):
        command = option(command)
    return command


def read_descent(given: dict[str, Any], spec: ModelSpec) -> dict[str, Any]:
    """Return the given options, as `Stylizer.stylize` takes them.

    Raises:
        OptionError: an option is of another family, or a list of layers cannot be parsed.
    """
    stated = {name: value for name, value in given.items() if value is not None}
    for name in stated:
        families = takers("callback" if name == "save_every" else name)
        if spec.family not in families.split(" and "):
            option = f"--{name.replace('_', '-')}"
            raise OptionError(f"{option} is for {families} models, and {spec.name} is none: leave it out")
    for name in ("content_layers", "style_layers"):
        if name in stated:
            stated[name] = parse_layers(stated[name], f"--{name.replace('_', '-')}")
    return stated


def parse_layers(text: str, option: str) -> dict[str, float]:
    """Parse 'relu1_1,relu4_1:0.5' into layer -> weight; raise OptionError if that fails."""
    layers: dict[str, float] = {}
    for part in text.split(","):
        name, _, weight = (piece.strip() for piece in part.partition(":"))
        try:
            value = float(weight or 1)
        except ValueError:
            value = math.nan
        if not name or not math.isfinite(value):
            raise OptionError(f"cannot read '{part}' in {option} '{text}': write LAYER,LAYER or LAYER:WEIGHT")
        if name in layers:
            raise OptionError(f"{option} '{text}' names '{name}' twice: add up its weights")
        layers[name] = value
    return layers


def check_steps(jobs: Iterable[Job], read: Iterable[Path], force: bool) -> None:
    """Raise OptionError if the files of `saver` have no folder, or would overwrite a file (with `force`: an input)."""
    inputs = {real_path(path) for path in read}
    for job in jobs:
        if job.target is None:
            raise OptionError("--save-every writes files next to OUT: name a file with --output instead of -")
        pattern = re.compile(rf"{re.escape(job.target.stem)}_\d{{5,}}{re.escape(job.target.suffix)}")
        folder = job.target.parent
        for path in sorted(folder.iterdir()) if folder.is_dir() else ():
            if pattern.fullmatch(path.name) and (real_path(path) in inputs or not force):
                raise OptionError(f"--save-every may overwrite '{path}': choose another --output, or use --force")


def saver(job: Job, every: int, quality: int) -> Callable[[int, Tensor, dict[str, float]], None]:
    """Return a callback that writes the picture next to the job's target at every `every`-th step."""
    from stylezoo.images.io import write

    def save(step: int, image: Tensor, terms: dict[str, float]) -> None:
        if step and step % every == 0 and job.target:
            path = job.target.with_name(f"{job.target.stem}_{step:05d}{job.target.suffix}")
            write(image[0].cpu(), path, overwrite=True, quality=quality, format=job.format)

    return save
