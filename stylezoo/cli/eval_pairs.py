"""The default mode of `stylezoo eval`: compare methods on the same pairs by every metric."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from stylezoo.cli.console import put_json, say, show_progress
from stylezoo.cli.eval_figures import provenance
from stylezoo.errors import DataError, OptionError, StyleError, did_you_mean

if TYPE_CHECKING:
    from stylezoo.evaluate.compare import Scores
    from stylezoo.evaluate.methods import Method
    from stylezoo.evaluate.metrics import Metric
    from stylezoo.evaluate.pairs import Pair, PairSet, StyleImage


Cell = tuple[Any, tuple[str, str]]
"""An image and its two lines of text."""


@dataclass(frozen=True)
class Asked:
    """The options of `stylezoo eval` that choose pairs and metrics."""

    split: str = "validation"
    styles_of: str | None = None
    photos: Path | None = None
    paintings: Path | None = None
    count: int | None = None
    size: int = 384
    style_size: int = 384
    chosen: tuple[str, ...] = ()
    metrics: tuple[str, ...] = ()
    steps: int | None = None
    device: str = "auto"


@dataclass(frozen=True)
class Table:
    """Methods and the pairs to measure them on."""

    methods: tuple[Method, ...]
    pairs: PairSet


def plan(names: Sequence[str], asked: Asked) -> list[Table]:
    """Return the tables to measure.

    With `styles_of` there is one table, on that model's styles. Otherwise models with the same named styles share a
    table, and methods that take any style image appear in every table. If no model has named styles, the pairs are
    photos and style images of the split.

    Raises:
        StyleZooError: a name, a style or a picture is missing; raised before anything is measured.
    """
    from stylezoo.evaluate.methods import expand, load_method

    methods = [load_method(name, asked.device, asked.steps) for name in expand(names)]
    free = [method for method in methods if not method.styles]
    named = [method for method in methods if method.styles]
    if asked.styles_of is not None:
        return [Table(tuple(methods), own_pairs(asked.styles_of, methods, asked))]
    if not named:
        return [Table(tuple(free), free_pairs(asked))]
    if asked.paintings is not None:
        raise OptionError(f"--styles is for models of any style, but {named[0].name} has named styles: leave it out")
    groups: dict[tuple[StyleImage, ...], list[Method]] = {}
    for method in named:
        groups.setdefault(tuple(style_images(method.name)), []).append(method)
    order = {method.name: i for i, method in enumerate(methods)}
    tables = []
    for members in groups.values():
        joined = tuple(sorted([*members, *free], key=lambda method: order[method.name]))
        tables.append(Table(joined, own_pairs(members[0].name, members, asked)))
    return tables


def free_pairs(asked: Asked) -> PairSet:
    """Return pairs of photos and style images, `count` of them or all."""
    from dataclasses import replace

    from stylezoo.data.folder import data_folder
    from stylezoo.evaluate.pairs import painting_pairs

    if asked.chosen:
        raise StyleError(f"--style {asked.chosen[0]}: no model here has named styles: leave it out, or add --styles-of")
    found = painting_pairs(asked.split, data_folder(), asked.style_size, photos=asked.photos, paintings=asked.paintings)
    pairs = found.pairs[: asked.count]
    return replace(found, pairs=pairs, gallery={pair.style.id: pair.style for pair in pairs})


def own_pairs(model: str, methods: Sequence[Method], asked: Asked) -> PairSet:
    """Return pairs of photos and a model's styles; raise StyleError if a method lacks one of the styles."""
    from stylezoo.evaluate.pairs import spread_over, style_pairs

    styles = style_images(model)
    known = [style.id for style in styles]
    for name, ids in [(model, known), *((m.name, m.styles) for m in methods if m.styles)]:
        for id in asked.chosen or known:
            if id not in ids:
                raise StyleError(f"{name} has no style '{id}'.{did_you_mean(id, ids)}")
    split_name, photos = photos_of(asked.split, asked.photos)
    return style_pairs(model, styles, split_name, spread_over(photos, asked.count), asked.chosen)


def photos_of(split: str, folder: Path | None) -> tuple[str, list[Path]]:
    """Return the split and its photos; say so if they are only a few samples."""
    from stylezoo.data.folder import data_folder
    from stylezoo.evaluate.pairs import SAMPLES, find_photos

    found, photos = find_photos(split, folder, data_folder())
    if found == SAMPLES:
        say(
            f"measuring on only {len(photos)} sample photos of scikit-image: "
            "for better figures run stylezoo data get photos, or use STYLEZOO_DATA or --photos"
        )
    return found, photos


def style_images(name: str) -> list[StyleImage]:
    """Return the style images of a model or run folder, from its recipe.

    Raises:
        DataError: there is no recipe, or an image is missing.
    """
    from stylezoo.data.styles import find_picture
    from stylezoo.evaluate.pairs import StyleImage

    recipe = recipe_of(name)
    return [StyleImage(s.id, find_picture(s.image), s.size, s.crop, s.whole_colors) for s in recipe.styles]


def recipe_of(name: str) -> Any:
    """Return the recipe of a model or run folder; raise DataError if there is none, or it has no named styles."""
    from stylezoo.train.recipe import from_yaml, load_recipe
    from stylezoo.zoo.store import WEIGHTS, find

    run = Path(name)
    if run.is_dir() and (run / WEIGHTS).is_file():
        recipe = from_yaml(run / "recipe.yaml")
    else:
        spec = find(name)[0]
        if not spec.recipe:
            raise DataError(f"{name} has no recipe, so its style images are unknown: measure its run folder instead")
        recipe = load_recipe(spec.recipe)
    if not recipe.styles:
        raise DataError(f"{name} has no named styles: leave --styles-of out to compare it on the split")
    return recipe


def measure_table(
    table: Table, metrics: Sequence[Metric], asked: Asked, show: Callable[[Pair, str, Any], None]
) -> dict[str, Scores]:
    """Return the scores of the anchors and the table's methods, in this order."""
    from stylezoo.evaluate.compare import measure
    from stylezoo.evaluate.methods import anchors

    methods = [*anchors(), *table.methods]
    return measure(
        methods, table.pairs, metrics, size=asked.size, progress=partial(show_progress, unit="pair"), show=show
    )


def context_of(table: Table, asked: Asked, command: Sequence[str]) -> dict[str, Any]:
    """Return the facts in every record of a table: where its figures come from."""
    stylizers = [method.stylizer for method in table.methods if method.stylizer]
    return {
        "styles": table.pairs.styles,
        "split": table.pairs.split,
        "pairs": len(table.pairs.pairs),
        "size": asked.size,
        "pairs_id": table.pairs.digest(asked.size),
        **provenance(command, asked.photos, stylizers[0].device.type if stylizers else "cpu"),
    }


def command_words(names: Sequence[str], asked: Asked) -> list[str]:
    """Return the command that repeats the measurement."""
    words = ["stylezoo", "eval", *names]
    given = {
        "--split": asked.split if asked.split != Asked.split else None,
        "--styles-of": asked.styles_of,
        "--photos": asked.photos,
        "--styles": asked.paintings,
        "--count": asked.count,
        "--size": asked.size if asked.size != Asked.size else None,
        "--style-size": asked.style_size if asked.style_size != Asked.style_size else None,
        "--steps": asked.steps,
    }
    words += [word for option, value in given.items() if value is not None for word in (option, str(value))]
    words += [word for id in asked.chosen for word in ("--style", id)]
    words += [word for key in asked.metrics for word in ("--metric", key)]
    return words


def report_json(table: Table, scores: dict[str, Scores], metrics: Sequence[Metric], context: dict[str, Any]) -> None:
    """Print one line per method: its figures, those of each style, and its contrasts with the first method."""
    from stylezoo.evaluate.compare import contrasts
    from stylezoo.zoo.results import UNSEEN

    reference = table.methods[0].name
    facts = {method.name: method.facts for method in table.methods}
    for name, own in scores.items():
        line: dict[str, Any] = {"what": "quality", "method": name} | context | facts.get(name, {})
        line["figures"] = figure_records(own, metrics)
        if table.pairs.styles != UNSEEN:
            line["by_style"] = {id: figure_records(part, metrics) for id, part in by_style(table.pairs, own).items()}
        if name != reference:
            line["against"] = reference
            line["contrasts"] = {
                c.metric.key: {"difference": rounded(c.difference), "ratio": c.ratio and rounded(c.ratio)}
                for c in contrasts(own, scores[reference], metrics)
            }
        line["seconds"] = round(statistics.median(own.seconds), 4)
        put_json(line)


def figure_records(scores: Scores, metrics: Sequence[Metric]) -> dict[str, dict[str, Any]]:
    """Return metric key -> the figure of a method, ready for JSON."""
    from stylezoo.evaluate.compare import figures

    return {f.metric.key: rounded(f.value) | {"spread": round(f.spread, 4)} for f in figures(scores, metrics)}


def rounded(value: Any) -> dict[str, Any]:
    return {key: round(x, 4) for key, x in asdict(value).items()}


def by_style(pairs: PairSet, scores: Scores) -> dict[str, Scores]:
    """Return style id -> a method's scores."""
    places: dict[str, list[int]] = {}
    for i, pair in enumerate(pairs.pairs):
        places.setdefault(pair.style.id, []).append(i)
    return {id: scores.of(found) for id, found in places.items()}


def report_text(table: Table, scores: dict[str, Scores], metrics: Sequence[Metric], asked: Asked) -> None:
    """Print the table of figures and the table of differences from the first method."""
    from stylezoo.evaluate.report import contrast_table, figure_table, heading

    click.echo(heading(table.pairs, asked.size))
    click.echo(figure_table(scores, metrics))
    reference = table.methods[0].name
    others = {method.name: scores[method.name] for method in table.methods[1:]}
    if others:
        click.echo(f"\nDifference from {reference}, pair by pair (*: the interval excludes 0):")
        click.echo(contrast_table(others, scores[reference], metrics))


def measure_pairs_of(
    names: Sequence[str], asked: Asked, *, as_json: bool, write: bool, check: bool, grid: Path | None
) -> None:
    """Measure methods, print the figures, and record them or compare them with the recorded ones.

    Raises:
        Failure: with `check`, a figure differs from the recorded one.
    """
    from stylezoo.cli.eval_records import (
        check_public,
        check_weights,
        departures,
        fail_if_departed,
        keep,
        kept_models,
        recorded_pairs,
        run_of,
        style_figures,
    )
    from stylezoo.evaluate.methods import OTHERS, expand
    from stylezoo.evaluate.metrics import create_metrics
    from stylezoo.stylizer.engine import pick_device
    from stylezoo.zoo.store import find

    metrics = create_metrics(asked.metrics, pick_device(asked.device), skipped=lambda line: say(f"skipped: {line}"))
    if check:
        asked = recorded_pairs([find(name)[0] for name in expand(names) if name not in OTHERS], metrics, asked)
    tables = plan(names, asked)
    for table in tables if write else ():
        check_public(table.pairs.split)
        for name, spec in kept_models(table).items():
            check_weights(name, spec)
    departed = 0
    for number, table in enumerate(tables):
        cells: list[Cell] = []
        scores = measure_table(table, metrics, asked, partial(add_cell, cells) if grid else lambda *_: None)
        context = context_of(table, asked, command_words(names, asked))
        if as_json:
            report_json(table, scores, metrics, context)
        else:
            click.echo("\n" if number else "", nl=False)
            report_text(table, scores, metrics, asked)
        for name, spec in kept_models(table).items() if write or check else ():
            found = style_figures(table, scores[name], metrics)
            for metric in metrics:
                if write and found[metric.key]:
                    keep(metric.info(), spec, found[metric.key], run_of(context))
                elif check:
                    departed += departures(metric.info(), spec, found[metric.key], run_of(context))
        if grid:
            write_grid(cells, len(scores), grid if len(tables) == 1 else grid.with_stem(f"{grid.stem}-{number + 1}"))
    fail_if_departed(departed)


def add_cell(cells: list[Cell], pair: Pair, name: str, image: Any) -> None:
    cells.append((image, (name, f"{pair.photo.stem}, {pair.style.id}")))


def write_grid(cells: Sequence[Cell], columns: int, path: Path) -> None:
    """Write one picture of all results, one row per pair."""
    from PIL import ImageOps

    from stylezoo.images.io import write
    from stylezoo.sheet import labelled_page

    small = [ImageOps.contain(image, (256, 256)) for image, _ in cells]
    write(labelled_page(small, [titles for _, titles in cells], columns=columns), path, overwrite=True)
