"""`stylezoo eval`."""

from __future__ import annotations

import datetime
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from stylezoo.cli.options import model_names
from stylezoo.cli.talk import Failure, put_json, say
from stylezoo.errors import DataError, OptionError

if TYPE_CHECKING:
    from stylezoo.stylizer import Stylizer
    from stylezoo.train.recipe import Recipe

SIZE = 384  # px
PHOTOS = 8  # of which --equivalents are the mean


@click.command("eval")
@click.argument("names", nargs=-1, required=True, metavar="NAME...", shell_complete=model_names)
@click.option(
    "--photos",
    type=click.Path(path_type=Path),
    help="A folder of photos.  [default: those held out from training in the data folder, else scikit-image's]",
)
@click.option(
    "--size",
    type=click.IntRange(64, 4096),
    help="Long side of the photos in px.  [default: 384; --check as recorded; --equivalents 256 and 512]",
)
@click.option(
    "--equivalents",
    is_flag=True,
    help="Count the steps of Gatys' optimisation that come as far as the net, on 8 of the photos: slow.",
)
@click.option("--limit", default=500, type=click.IntRange(min=1), help="The steps after which --equivalents gives up.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object a line.")
@click.option("--write", is_flag=True, help="Write the figures into the zoo.yaml of this checkout.")
@click.option("--check", is_flag=True, help="Write nothing, and exit with 2 where a figure is not the recorded one.")
@click.option("--stlpips", is_flag=True, help="Measure the distance from the photo by ST-LPIPS too.")
@click.option("--device", default="auto", help="Where to compute: auto, cpu, cuda, cuda:1 or mps.")
def command(
    names: tuple[str, ...],
    photos: Path | None,
    size: int | None,
    equivalents: bool,
    limit: int,
    as_json: bool,
    write: bool,
    check: bool,
    stlpips: bool,
    device: str,
) -> None:
    """Measure how much of the photo and of the style is in a model's pictures.

    C is the content error at VGG19's relu4_2, S the mean style error of five Gram matrices; both are relative, and
    lower is better.
    The style picture is the one that the model's recipe names, at the size at which it was learnt.

    With --check, a figure may differ from the recorded one by 1 % on as many photos as were recorded, and on another
    number by three standard errors beside.
    """
    if equivalents and (write or check or stlpips):
        option = "--write" if write else "--check" if check else "--stlpips"
        raise OptionError(f"{option} is of C and S, and --equivalents measures neither: leave one out")
    if check and write:
        raise OptionError("--check writes nothing, and --write writes: leave one out")
    from tqdm import tqdm

    from stylezoo.data.folder import data_folder
    from stylezoo.data.images import HOLD_OUT, list_photos, sample_photos, split
    from stylezoo.data.styles import find_picture, read_style
    from stylezoo.evaluate.check import find_departures
    from stylezoo.evaluate.quality import evaluate, machine_name
    from stylezoo.evaluate.stlpips import STLPIPS
    from stylezoo.stylizer import load
    from stylezoo.train.recipe import from_yaml, load_recipe
    from stylezoo.zoo.catalog import zoo_file
    from stylezoo.zoo.spec import MetricsSpec, read_zoo, replace_metrics, write_zoo
    from stylezoo.zoo.store import WEIGHTS

    if photos is not None:
        chosen = list_photos(photos)
    elif (data := data_folder()) and (data / "content").is_dir():
        found_photos = list_photos(data / "content")
        chosen = split(found_photos, HOLD_OUT)[1] or found_photos
    else:
        chosen = sample_photos()
        say(
            f"measuring on {len(chosen)} sample photos of scikit-image: "
            "stylezoo data get photos, STYLEZOO_DATA or --photos make for a better figure"
        )
    stylizers = [load(name, device=device) for name in names]  # a misspelt name stops before the first measurement
    for stylizer in stylizers if write else ():
        if stylizer.spec.name not in read_zoo(zoo_file()).models:
            raise OptionError(f"--write: {zoo_file()} has no model {stylizer.spec.name}")
    for name, stylizer in zip(names, stylizers, strict=True) if check else ():
        recorded = stylizer.spec.metrics or {}
        if not recorded:
            raise OptionError(f"--check: no figures of {name} are recorded: --write keeps them")
        if size and (other := next((m.size for m in recorded.values() if m.size != size), None)):
            raise OptionError(f"--check: the figures of {name} are recorded at {other} px: leave --size {size} out")
    distance = STLPIPS(stylizers[0].device) if stlpips else None
    departed = 0

    for name, stylizer in zip(names, stylizers, strict=True):
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
        if equivalents:
            report_equivalents(stylizer, recipe, chosen, (256, 512) if size is None else (size,), limit, as_json)
            continue
        pictures = {s.id: read_style(find_picture(s.image), s.size, s.crop) for s in recipe.styles}
        recorded = stylizer.spec.metrics or {} if check else {}
        if lost := next((style for style in recorded if style not in pictures), None):
            raise DataError(f"--check: {name} has figures of '{lost}', and its recipe has no picture of it")
        pictures = {style: picture for style, picture in pictures.items() if not check or style in recorded}
        long_side = size or next((m.size for m in recorded.values()), SIZE)
        found = evaluate(
            stylizer,
            chosen,
            style_pictures=pictures,
            size=long_side,
            distance=distance,
            progress=lambda paths: tqdm(paths, unit="photo", disable=not sys.stderr.isatty()),
        )
        source = f" --photos {photos}" if photos else ""
        prefix = "STYLEZOO_DATA=data " if photos is None and os.environ.get("STYLEZOO_DATA") else ""
        metrics = {
            style: MetricsSpec(
                content=quality.content,
                content_spread=quality.content_spread,
                style=quality.style,
                style_spread=quality.style_spread,
                photos=quality.photos,
                size=long_side,
                date=datetime.date.today().isoformat(),
                machine=machine_name(stylizer.device.type),
                command=f"{prefix}stylezoo eval {stylizer.spec.name} --size {long_side}{source}",
            )
            for style, quality in found.items()
        }
        for style, m in metrics.items():
            quality = found[style]
            departures = find_departures(quality, recorded[style]) if check else []
            departed += len(departures)
            if as_json:
                line: dict[str, Any] = {"model": stylizer.spec.name, "style_id": style}
                line |= {field: getattr(m, field) for field in m.__struct_fields__}
                line |= {"stlpips": quality.stlpips, "stlpips_spread": quality.stlpips_spread} if stlpips else {}
                put_json(line | ({"ok": not departures} if check else {}))
            else:
                far = f"  ST-LPIPS {quality.stlpips:.3f} ± {quality.stlpips_spread:.3f}" if stlpips else ""
                click.echo(
                    f"{stylizer.spec.name}  {style}  C {m.content:.3f} ± {m.content_spread:.3f}  "
                    f"S {m.style:.3f} ± {m.style_spread:.3f}{far}  ({m.photos} photos at {m.size} px)"
                )
            for departure in departures:
                say(f"{stylizer.spec.name}  {style}  {departure}")
        if write:
            write_zoo(replace_metrics(read_zoo(zoo_file()), stylizer.spec.name, metrics), zoo_file())
    if departed:
        raise Failure(f"{departed} {'figure is' if departed == 1 else 'figures are'} not as recorded")


def report_equivalents(
    stylizer: Stylizer, recipe: Recipe, photos: Sequence[Path], sizes: Sequence[int], limit: int, as_json: bool
) -> None:
    """Print, style by style and size by size, how many steps of Gatys' optimisation the net is worth."""
    from msgspec import to_builtins
    from tqdm import tqdm

    from stylezoo.evaluate.equivalents import measure_equivalents
    from stylezoo.train.inputs import build_loss

    count = min(PHOTOS, len(photos))
    chosen = [photos[i * len(photos) // count] for i in range(count)]  # spread over their names
    loss = build_loss(recipe, device=stylizer.device)
    for size in sizes:
        found = measure_equivalents(
            stylizer,
            chosen,
            loss,
            [style.id for style in recipe.styles],
            size=size,
            limit=limit,
            progress=lambda paths: tqdm(paths, unit="photo", disable=not sys.stderr.isatty()),
        )
        for style, figure in found.items():
            if as_json:
                fact = {"model": stylizer.spec.name, "style_id": style, "size": size, "limit": limit}
                put_json(fact | to_builtins(figure))
                continue
            short = figure.photos - figure.reached
            bound = f", {short} of which do not come as far in {limit}" if short else ""
            click.echo(
                f"{stylizer.spec.name}  {style}  {'at least ' if short else ''}{figure.iterations:.1f} ± "
                f"{figure.spread:.1f} iterations  ({figure.photos} photos{bound}, at {size} px)"
            )
