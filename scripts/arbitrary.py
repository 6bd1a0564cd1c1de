"""Compare nets on pairs of photos and paintings, beside Magenta's net, the photo as it is, and its matched histogram.

    python scripts/arbitrary.py ghiasi/lite adain/vgg19 --grid grid.jpg
    python scripts/arbitrary.py cin/16 ghiasi/lite --styles-of cin/16
    python scripts/arbitrary.py ghiasi/lite adain/vgg19 gatys/vgg19 --pairs 4

The first compares nets of any style on paintings that none of the zoo's has seen: STYLEZOO_DATA names a folder with
photos in content/ and paintings in styles/, and of both, those held out from training count. The second takes the
styles that a net knows by name, on held-out photos: nets of any style are given the picture, the others the name.
The third has Gatys' optimisation beside them, which takes minutes a pair on a processor: so on few pairs, and all
nets on the same ones, since figures over other pairs do not compare.

Photos have a long side of 384 px, the size at which Magenta's net works, and 8 bits a value, for all alike. The style
error compares with the painting at a long side of --style-size, or at the size at which it was learnt, at which the
zoo's nets see it too; Magenta's sees the middle square at 256x256 px, whatever is asked. Seconds are those of a pair,
from two pictures to one, encoding of the style included.
"""

from __future__ import annotations

import dataclasses
import datetime
import json
import os
import shlex
import statistics
import sys
from pathlib import Path
from typing import Any

import click
import torch
from PIL import Image, ImageOps
from tqdm import tqdm

from stylezoo.data.folder import data_folder, default_folder
from stylezoo.errors import DataError, OptionError, StyleZooError
from stylezoo.evaluate.check import find_departures
from stylezoo.evaluate.figures import quality_figure
from stylezoo.evaluate.pairs import (
    HISTOGRAM,
    MAGENTA,
    PHOTO,
    Painter,
    Pair,
    Score,
    held_out_photos,
    magenta_painter,
    match_histogram,
    measure_pairs,
    named_pairs,
    pairs_digest,
    quality_of,
    unseen_pairs,
    zoo_painter,
)
from stylezoo.evaluate.quality import machine_name
from stylezoo.evaluate.stlpips import STLPIPS
from stylezoo.image.io import write
from stylezoo.models.gatys_options import Options
from stylezoo.sheet import labelled_page
from stylezoo.train.recipe import load_recipe
from stylezoo.zoo.catalog import list_models, model_info, zoo_file
from stylezoo.zoo.metrics import UNSEEN, MetricsSpec
from stylezoo.zoo.spec import ModelSpec, read_zoo, replace_metrics, write_zoo

SIZE = 384  # px, long side
CELL = 256  # px, long side of a picture of the grid
PAIRS = 24


@click.command()
@click.argument("names", nargs=-1, metavar="NAME...")
@click.option("--styles-of", metavar="NAME", help="Compare on the styles that this model knows by name.")
@click.option("--magenta/--no-magenta", "with_magenta", default=True, help="Measure Magenta's net beside.")
@click.option("--pairs", "count", default=PAIRS, show_default=True, type=click.IntRange(1), help="How many pairs.")
@click.option("--style-size", default=SIZE, show_default=True, help="Long side of unseen paintings in px.")
@click.option("--steps", type=click.IntRange(1), help="Steps of gatys/vgg19 a picture.  [default: 300]")
@click.option("--device", default="cpu", show_default=True, help="Where the zoo's models compute: cpu, cuda or mps.")
@click.option("--layers", "by_layer", is_flag=True, help="Print the style error layer by layer.")
@click.option("--stlpips", is_flag=True, help="Measure the distance from the photo by ST-LPIPS too.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object a line.")
@click.option("--write", "record", is_flag=True, help="Write the figures into the zoo.yaml of this checkout.")
@click.option("--check", is_flag=True, help="Write nothing, and exit with 2 where a figure is not the recorded one.")
@click.option("--grid", type=click.Path(path_type=Path), help="Write a picture of all pairs and results.")
def main(
    names: tuple[str, ...],
    styles_of: str | None,
    with_magenta: bool,
    count: int,
    style_size: int,
    steps: int | None,
    device: str,
    by_layer: bool,
    stlpips: bool,
    as_json: bool,
    record: bool,
    check: bool,
    grid: Path | None,
) -> None:
    try:
        if (record or check) and (styles_of or (record and check)):
            raise OptionError("--write and --check are for unseen paintings, and one at a time")
        models = {name: model_info(name) for name in names if record}
        painters: dict[str, Painter] = {PHOTO: lambda photo, style, pair: photo, HISTOGRAM: match_histogram}
        if with_magenta:
            painters[MAGENTA] = magenta_painter()
        painters |= {name: zoo_painter(name, device, steps) for name in names}
        records = {name: recorded_figures(name, stlpips) for name in names if check}
        pairs = choose(styles_of, count, style_size)
        cells: list[tuple[Image.Image, tuple[str, str]]] = []

        def show(pair: Pair, name: str, result: Image.Image, score: Score) -> None:
            if name == PHOTO:
                cells.append((result, (pair.photo.stem, "Photo")))
                cells.append((pair.picture(), (pair.title, "Painting")))
            else:
                cells.append((result, (name, f"C {score.content:.2f}  S {score.style:.2f}")))

        scores = measure_pairs(
            painters,
            tqdm(pairs, unit="pair", disable=not sys.stderr.isatty()),
            size=SIZE,
            distance=STLPIPS() if stlpips else None,
            show=show if grid else lambda *_: None,
        )
        context: dict[str, Any] = {"styles": styles_of or UNSEEN, "size": SIZE, "pairs_id": pairs_digest(pairs, SIZE)}
        prefix = "STYLEZOO_DATA=data " if os.environ.get("STYLEZOO_DATA") else ""
        command = f"{prefix}python scripts/arbitrary.py {shlex.join(sys.argv[1:])}"
        context |= {"date": datetime.date.today().isoformat(), "machine": machine_name(torch.device(device).type)}
        context["command"] = command
        for name, found in scores.items():
            counted = {"steps": steps or Options().steps} if is_optimiser(name) else {}
            report(name, found, scores.get(MAGENTA), by_layer, context | counted if as_json else None)
        departed = [
            f"{name}  {UNSEEN}  {departure}"
            for name, figures in records.items()
            for departure in find_departures(quality_of(scores[name]), figures)
        ]
        for name, spec in models.items():
            given = {"--pairs": (count, PAIRS), "--style-size": (style_size, SIZE), "--steps": (steps, None)}
            words = [f" {option} {value}" for option, (value, usual) in given.items() if value != usual]
            words += [" --stlpips"] if stlpips else []
            again = f"STYLEZOO_DATA=data python scripts/arbitrary.py {spec.name}{''.join(words)}"
            keep(spec, scores[name], context | {"command": again})
        if grid:
            small = [ImageOps.contain(cell, (CELL, CELL)) for cell, _ in cells]
            write(labelled_page(small, [t for _, t in cells], columns=1 + len(painters)), grid, overwrite=True)
    except StyleZooError as cause:
        raise click.ClickException(str(cause)) from cause
    if departed:
        click.echo("\n".join(departed), err=True)
        sys.exit(2)


def choose(styles_of: str | None, count: int, style_size: int) -> list[Pair]:
    """Return the pairs: unseen ones, or of the styles of a model in turn."""
    if styles_of is None:
        return unseen_pairs(data_folder() or default_folder(), count, style_size)
    recipe = model_info(styles_of).recipe
    styles = load_recipe(recipe).styles if recipe else ()
    if not styles:
        raise DataError(f"{styles_of} knows no style by name of which a recipe names the picture")
    return named_pairs([(s.id, s.image, s.size, s.crop) for s in styles], held_out_photos(data_folder()), count)


def recorded_figures(name: str, stlpips: bool) -> MetricsSpec:
    """Return a net's figures of the registry.

    Raises:
        OptionError: there are none, or `stlpips` and none of that.
    """
    recorded = (model_info(name).metrics or {}).get(UNSEEN)
    if recorded is None:
        raise OptionError(f"--check: no figures of {name} are recorded: --write keeps them")
    if stlpips and recorded.stlpips is None:
        raise OptionError(f"--check: no ST-LPIPS of {name} is recorded: --stlpips --write keeps it")
    return recorded


def is_optimiser(name: str) -> bool:
    """Return whether a name is that of a model of the zoo that optimises each picture."""
    return name in list_models() and model_info(name).weightless


def keep(spec: ModelSpec, found: list[Score], context: dict[str, Any]) -> None:
    """Write a net's figures into the registry, as those of the style "unseen".

    Raises:
        OptionError: the registry has got other weights of it meanwhile.
    """
    zoo = read_zoo(zoo_file())
    if zoo.models[spec.name].weights != spec.weights:
        raise OptionError(f"--write: {zoo_file()} has got other weights of {spec.name} since they were measured")
    facts = {field: context[field] for field in ("date", "machine", "command")}
    metrics = quality_figure(UNSEEN, quality_of(found), size=SIZE, context=facts).metrics
    write_zoo(replace_metrics(zoo, spec.name, {UNSEEN: metrics}), zoo_file())


def report(
    name: str, found: list[Score], peer: list[Score] | None, by_layer: bool, context: dict[str, Any] | None
) -> None:
    """Print a net's figures, and how they compare with those of `peer`, Magenta's net, pair by pair.

    With a `context`, as JSON that holds it too.
    """
    quality = quality_of(found)
    line: dict[str, Any] = {"net": name} | dataclasses.asdict(quality)
    line["seconds"] = round(statistics.median(score.seconds for score in found), 4)
    text = f"{name:16} C {quality.content:.3f} ± {quality.content_spread:.3f}"
    text += f"  S {quality.style:.3f} ± {quality.style_spread:.3f}"
    text += "" if quality.stlpips is None else f"  ST-LPIPS {quality.stlpips:.3f} ± {quality.stlpips_spread:.3f}"
    text += f"  {line['seconds']:6.3f} s"
    if peer and name != MAGENTA:
        for term in ("content", "style"):
            values = [(getattr(own, term), getattr(other, term)) for own, other in zip(found, peer, strict=True)]
            own, other = (sum(column) for column in zip(*values, strict=True))
            line[f"{term}_ratio"], line[f"{term}_lower"] = round(own / other, 4), sum(a < b for a, b in values)
        text += f"  C {line['content_ratio']:.2f} and S {line['style_ratio']:.2f} of Magenta's"
        text += f", lower in {line['content_lower']} and {line['style_lower']} of {len(found)} pairs"
    if by_layer:
        line["layers"] = {k: round(statistics.fmean(score.layers[k] for score in found), 4) for k in found[0].layers}
        text += "".join(f"\n    {layer} {value:.3f}" for layer, value in line["layers"].items())
    click.echo(json.dumps(line | context) if context else text)


if __name__ == "__main__":
    main()
