"""`stylezoo eval --equivalents`: how many steps of Gatys' optimisation match a net."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from stylezoo.cli.console import show_progress
from stylezoo.cli.eval_figures import Reporter, choose_styles, provenance
from stylezoo.errors import DataError

if TYPE_CHECKING:
    from stylezoo.recipe import Recipe
    from stylezoo.stylizer.stylizer import Stylizer
    from stylezoo.zoo.results import Figure, RunInfo

SIZES = (256, 512)  # px
PHOTOS = 8
LIMIT = 500  # iterations


@dataclass(frozen=True)
class Photos:
    """The photos to measure on, their split, and the folder given by the user."""

    split: str
    paths: list[Path]
    folder: Path | None


def measure_equivalents_of(
    names: Sequence[str],
    *,
    sizes: Sequence[int],
    chosen: Sequence[str],
    photos: Path | None,
    count: int | None,
    limit: int | None,
    as_json: bool,
    write: bool,
    check: bool,
    device: str,
) -> None:
    """Measure models, print the figures, and record them or compare them with the recorded ones.

    Raises:
        DataError: the style images of a model are unknown.
        Failure: with `check`, a figure differs from the recorded one.
    """
    from stylezoo.cli.eval_pairs import photos_of
    from stylezoo.evaluate.check import Tolerance
    from stylezoo.evaluate.equivalents import METRIC
    from stylezoo.evaluate.pairs import spread_over
    from stylezoo.stylizer.loading import load

    split, paths = photos_of("validation", photos)
    reporter = Reporter(METRIC, as_json, write, check, Tolerance(share=0.05, constant=1.0))
    reporter.check_split(split)
    plans = []
    for name in names:
        stylizer = load(name, device=device)
        recipe = narrowed(name, stylizer, chosen)
        styles = [style.id for style in recipe.styles]
        jobs = {(size, limit or LIMIT, count or PHOTOS): styles for size in sizes or SIZES}
        if check:
            jobs = {}
            for figure, run in reporter.recorded(stylizer.spec, styles, sizes):
                job = run.size, int(run.facts["limit"]), count or figure.count
                jobs.setdefault(job, []).append(figure.style)
        reporter.check_weights(name, stylizer.spec)
        plans.append((name, stylizer, jobs))
    for name, stylizer, jobs in plans:
        for (size, most, many), ids in jobs.items():
            sample = Photos(split, spread_over(paths, many), photos)
            found = measure(name, stylizer, narrowed(name, stylizer, ids), size, most, sample)
            reporter.take(name, stylizer.spec, found)
    reporter.finish()


def narrowed(name: str, stylizer: Stylizer, chosen: Sequence[str]) -> Recipe:
    """Return the recipe of a model, reduced to the chosen styles."""
    from msgspec.structs import replace

    from stylezoo.cli.eval_pairs import recipe_of

    if stylizer.spec.weightless:
        raise DataError(f"{name} optimises each picture itself: --equivalents measures only one-pass nets")
    recipe: Recipe = recipe_of(name)
    ids = choose_styles(name, [style.id for style in recipe.styles], chosen)
    return replace(recipe, styles=tuple(style for style in recipe.styles if style.id in ids))


def measure(
    name: str, stylizer: Stylizer, recipe: Recipe, size: int, limit: int, photos: Photos
) -> Iterator[tuple[Figure, RunInfo]]:
    """Yield the figure of each style as it is measured."""
    import torch

    from stylezoo.evaluate.equivalents import measure_equivalents
    from stylezoo.evaluate.pairs import digest
    from stylezoo.train.inputs import build_loss
    from stylezoo.zoo.results import Figure, RunInfo

    loss = build_loss(recipe, device=torch.device(stylizer.device))
    ids = [style.id for style in recipe.styles]
    words = ["stylezoo", "eval", name, "--equivalents", *(word for id in ids for word in ("--style", id))]
    words = words if len(ids) < len(stylizer.styles) else words[:4]
    words += ["--size", str(size), "--count", str(len(photos.paths)), "--limit", str(limit)]
    run = RunInfo(
        **provenance(words, photos.folder, stylizer.device.type),
        split=photos.split,
        size=size,
        pairs_id=digest(size, [path.name for path in photos.paths]),
        facts={"limit": limit},
    )
    for style, found in measure_equivalents(
        stylizer, photos.paths, loss, ids, size=size, limit=limit, progress=show_progress
    ):
        figure = Figure(
            style=style,
            run="",
            mean=found.iterations,
            spread=found.spread,
            count=found.photos,
            at_least=found.reached < found.photos,
            facts={"reached": found.reached},
        )
        yield figure, run
