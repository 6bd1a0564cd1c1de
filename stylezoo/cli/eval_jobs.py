"""What `stylezoo eval` measures: of which models, in which styles, on which photos, and where the figures are kept."""

from __future__ import annotations

import os
import shlex
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import click

from stylezoo.cli.talk import Failure, put_json, say
from stylezoo.errors import DataError, OptionError, StyleError, did_you_mean
from stylezoo.zoo.metrics import UNSEEN

if TYPE_CHECKING:
    from torch import Tensor

    from stylezoo.evaluate.figures import Figure
    from stylezoo.stylizer import Stylizer
    from stylezoo.train.recipe import Recipe
    from stylezoo.zoo.metrics import MetricsSpec
    from stylezoo.zoo.spec import ModelSpec, Zoo

LIMIT = 500  # iterations
T = TypeVar("T")


@dataclass(frozen=True)
class Measured:
    """A model, by the name that was given, and the styles in which it is measured."""

    name: str
    stylizer: Stylizer
    styles: tuple[str, ...]

    @property
    def spec(self) -> ModelSpec:
        return self.stylizer.spec

    @property
    def recorded(self) -> dict[str, MetricsSpec]:
        return self.spec.metrics or {}


@dataclass(frozen=True)
class Subject(Measured):
    """A model and its recipe, with those styles alone."""

    recipe: Recipe


@dataclass(frozen=True)
class Job:
    """What is measured at once: styles, at one size, over so many photos (None: all), with so many iterations."""

    styles: tuple[str, ...]
    size: int
    count: int | None = None
    limit: int = LIMIT


def find_photos(folder: Path | None) -> list[Path]:
    """Return the photos to measure on: of a folder, else those held out in the data folder, else scikit-image's."""
    from stylezoo.data.folder import data_folder
    from stylezoo.data.images import HOLD_OUT, list_photos, sample_photos, split

    if folder is not None:
        return list_photos(folder)
    if (data := data_folder()) and (data / "content").is_dir():
        found = list_photos(data / "content")
        return split(found, HOLD_OUT)[1] or found
    photos = sample_photos()
    say(
        f"measuring on {len(photos)} sample photos of scikit-image: "
        "stylezoo data get photos, STYLEZOO_DATA or --photos make for a better figure"
    )
    return photos


def spread_over(photos: Sequence[Path], count: int | None) -> list[Path]:
    """Return `count` of the photos, spread evenly over their order; None, or more than there are: all."""
    count = min(count or len(photos), len(photos))
    return [photos[i * len(photos) // count] for i in range(count)]


def make_subject(name: str, stylizer: Stylizer, chosen: Sequence[str]) -> Subject:
    """Return a model with the recipe that names its style pictures, and of the styles the chosen ones, or all."""
    from msgspec.structs import replace

    from stylezoo.train.recipe import from_yaml, load_recipe
    from stylezoo.zoo.store import WEIGHTS

    run = Path(name)
    recipe: Recipe
    if run.is_dir() and (run / WEIGHTS).is_file():
        recipe = from_yaml(run / "recipe.yaml")
    elif stylizer.spec.recipe:
        recipe = load_recipe(stylizer.spec.recipe)
    elif stylizer.spec.weightless:
        raise DataError(
            f"{name} knows no style, so there is no picture to measure it against: scripts/arbitrary.py of the "
            "repository measures it on pictures of any kind"
        )
    else:
        raise DataError(f"{name} names no recipe, so its style picture is unknown: measure its run folder instead")
    if not recipe.styles:
        raise DataError(
            f"{name} knows no style by name, so there is no picture to measure it against: "
            "scripts/arbitrary.py of the repository measures it on pictures that it has not seen"
        )
    ids = choose_styles(name, [style.id for style in recipe.styles], chosen)
    styles = tuple(style for style in recipe.styles if style.id in ids)
    return Subject(name, stylizer, ids, replace(recipe, styles=styles))


def choose_styles(name: str, known: Sequence[str], chosen: Sequence[str]) -> tuple[str, ...]:
    """Return those of the known styles that were chosen, or all; raise StyleError for one that `name` has not."""
    if unknown := next((style for style in chosen if style not in known), None):
        raise StyleError(f"{name} knows no style '{unknown}'.{did_you_mean(unknown, known)}")
    return tuple(style for style in known if not chosen or style in chosen)


def check_registered(subject: Measured, zoo: Zoo, *, beside: str = "") -> None:
    """Raise OptionError unless a registry holds the very weights that are measured, and a place for their figures.

    `beside` names figures that stand beside C and S.
    """
    from stylezoo.zoo.catalog import zoo_file

    spec, registered = subject.spec, zoo.models.get(subject.spec.name)
    if registered is None:
        raise OptionError(f"--write: {zoo_file()} has no model {spec.name}")
    if (spec.weights and spec.weights.sha256) != (registered.weights and registered.weights.sha256):
        raise OptionError(
            f"--write: {zoo_file()} records other weights of {spec.name} than those of {subject.name}: take them into "
            "the zoo first, by scripts/bundle.py"
        )
    metrics = registered.metrics or {}
    if beside and (bare := next((style for style in subject.styles if style not in metrics), None)):
        raise OptionError(
            f"--write: {beside} beside C and S, and none are recorded of {spec.name}, style '{bare}': run "
            f"stylezoo eval {spec.name} --write first"
        )


def plan_check(
    subject: Subject, sizes: Sequence[int], count: int | None, chosen: bool, equivalents: bool, stlpips: bool
) -> list[Job]:
    """Return what has to be measured for what is recorded: on as many photos, unless `count` says otherwise.

    Raises:
        OptionError: nothing is recorded, or nothing at these sizes, or not all that was `chosen`.
        DataError: there is a record of a style that the recipe does not name.
    """
    name, what = subject.name, "iterations" if equivalents else "figures"
    strange = [style for style in subject.recorded if style not in subject.styles]
    if strange == [UNSEEN] == list(subject.recorded):
        raise DataError(f"--check: the figures of {name} are of unseen pictures: scripts/arbitrary.py checks them")
    if not chosen and (lost := next((style for style in strange if style != UNSEEN), None)):
        raise DataError(f"--check: {name} has figures of '{lost}', and its recipe has no picture of it")
    groups: dict[tuple[int, int, int], list[str]] = {}
    there: list[int] = []
    for style in subject.styles:
        record = subject.recorded.get(style)
        figures = [(m.size, m.photos, LIMIT) for m in [record] if m]
        if record and equivalents:
            figures = [(figure.size, figure.photos, figure.limit) for figure in record.equivalents]
        if chosen and not figures:
            raise OptionError(f"--check: no {what} of {name}, style '{style}', are recorded: --write keeps them")
        if record and stlpips and (record.stlpips is None or record.stlpips.size != record.size):
            raise OptionError(
                f"--check: no ST-LPIPS of {name}, style '{style}', is recorded at {record.size} px, the size of C and "
                "S: --stlpips --write keeps it"
            )
        there += [size for size, *_ in figures]
        for group in figures:
            if not sizes or group[0] in sizes:
                groups.setdefault(group, []).append(style)
    if not there:
        raise OptionError(f"--check: no {what} of {name} are recorded: --write keeps them")
    if other := next((size for size in sizes if size not in there), None):
        raise OptionError(f"--check: the {what} of {name} are recorded at {min(there)} px: leave --size {other} out")
    return [Job(tuple(styles), size, count or photos, limit) for (size, photos, limit), styles in groups.items()]


def command_line(
    subject: Subject,
    jobs: Sequence[Job],
    photos: Path | None,
    chosen: Sequence[str],
    count: int | None,
    equivalents: bool,
    stlpips: bool,
) -> str:
    """Return the command that measures the same again."""
    words = ["stylezoo", "eval", subject.spec.name, *(["--equivalents"] if equivalents else [])]
    words += [word for style in chosen for word in ("--style", style)]
    words += [word for size in dict.fromkeys(job.size for job in jobs) for word in ("--size", str(size))]
    words += ["--count", str(jobs[0].count)] if equivalents or count else []
    words += ["--limit", str(jobs[0].limit)] if equivalents else []
    words += ["--stlpips"] if stlpips else []
    words += ["--photos", str(photos)] if photos else []
    return again(words, photos)


def again(words: Sequence[str], photos: Path | None) -> str:
    """Return a command as a shell takes it, with the data folder that it finds photos in."""
    return ("STYLEZOO_DATA=data " if photos is None and os.environ.get("STYLEZOO_DATA") else "") + shlex.join(words)


def measure_quality(
    subject: Subject,
    job: Job,
    photos: list[Path],
    context: dict[str, str],
    distance: Callable[[Tensor, Tensor], float] | None,
) -> Iterator[Figure]:
    """Yield C and S of each style, and ST-LPIPS by `distance`."""
    from stylezoo.data.styles import find_picture, read_style
    from stylezoo.evaluate.figures import quality_figure
    from stylezoo.evaluate.quality import evaluate

    styles = [style for style in subject.recipe.styles if style.id in job.styles]
    pictures = {style.id: read_style(find_picture(style.image), style.size, style.crop) for style in styles}
    found = evaluate(
        subject.stylizer, photos, style_pictures=pictures, size=job.size, distance=distance, progress=show_progress
    )
    for style, figures in found.items():
        yield quality_figure(style, figures, size=job.size, context=context)


def measure_iterations(subject: Subject, job: Job, photos: list[Path], context: dict[str, str]) -> Iterator[Figure]:
    """Yield how many steps of Gatys' optimisation each style is worth, as soon as it is measured."""
    from msgspec.structs import replace

    from stylezoo.evaluate.equivalents import measure_equivalents
    from stylezoo.evaluate.figures import iterations_figure
    from stylezoo.train.inputs import build_loss

    styles = tuple(style for style in subject.recipe.styles if style.id in job.styles)
    loss = build_loss(replace(subject.recipe, styles=styles), device=subject.stylizer.net.device)
    ids = [style.id for style in styles]
    for style, found in measure_equivalents(
        subject.stylizer, photos, loss, ids, size=job.size, limit=job.limit, progress=show_progress
    ):
        yield iterations_figure(style, found, size=job.size, limit=job.limit, context=context)


def show_progress(items: Iterable[T], unit: str = "photo") -> Iterable[T]:
    """Return the photos, or what else is measured on, with a bar on a terminal's stderr."""
    from tqdm import tqdm

    return tqdm(items, unit=unit, disable=not sys.stderr.isatty(), leave=False)


def tell(name: str, figure: Figure, departures: Sequence[object] | None, *, as_json: bool) -> None:
    """Print a figure, and what is not as it is recorded; None: it was not compared."""
    if as_json:
        line = {"model": name, "style_id": figure.style} | figure.facts
        put_json(line if departures is None else line | {"ok": not departures})
    else:
        click.echo(f"{name}  {figure.style}  {figure.text}")
    for departure in departures or ():
        say(f"{name}  {figure.style}  {departure}")


def tell_mean(name: str, figures: Sequence[Figure]) -> None:
    """Print the mean over styles, where there are several."""
    from stylezoo.evaluate.figures import mean_of_styles

    if len(figures) > 1:
        click.echo(f"{name}  mean of {len(figures)} styles  {mean_of_styles(figures)} (± over styles)")


def fail_if_departed(departed: int) -> None:
    """Raise Failure if so many figures, above 0, are not as recorded."""
    if departed:
        raise Failure(f"{departed} {'figure is' if departed == 1 else 'figures are'} not as recorded")


def keep(subject: Measured, figure: Figure, registry: Path, *, beside: str = "") -> None:
    """Write a figure into a registry, unless that has got other weights while they were measured."""
    from stylezoo.zoo.spec import read_zoo, replace_metrics, write_zoo

    zoo, name = read_zoo(registry), subject.spec.name
    check_registered(subject, zoo, beside=beside)
    former = (zoo.models[name].metrics or {}).get(figure.style)
    write_zoo(replace_metrics(zoo, name, {figure.style: figure.laid_over(former)}), registry)
