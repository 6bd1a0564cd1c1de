"""`stylezoo stylize`."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterable
from contextlib import closing
from functools import cache, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from stylezoo.cli.descent import check_steps, descent_options, read_descent, saver
from stylezoo.cli.folders import advising, folder_options, open_manifest, weights_hash
from stylezoo.cli.jobs import FORMATS, plan
from stylezoo.cli.options import Style, files_of, label_styles, model_names, parse_region, parse_tile, spread_folders
from stylezoo.cli.talk import Failure, one_line, put_json, say
from stylezoo.engines import Engine, Job, Work, paint
from stylezoo.errors import ImageError, OptionError
from stylezoo.files import sha256_of

if TYPE_CHECKING:
    from stylezoo.stylizer import Backend
    from stylezoo.zoo.spec import ModelSpec

FILE = click.Path(exists=True, dir_okay=False, path_type=Path)
STYLE_SIZE = click.option(
    "--style-size",
    default=384,
    type=click.IntRange(16, 4096),
    metavar="PX",
    help="Long side at which a style picture is read: larger for coarser strokes.",
)


@click.command("stylize")
@click.argument("inputs", nargs=-1, required=True, metavar="IN...")
@click.option(
    "-m", "--model", default="johnson/mosaic", shell_complete=model_names, help="A model's name, run or weights file."
)
@click.option("-o", "--output", required=True, metavar="OUT", help="A file, a folder for several pictures, or -.")
@click.option(
    "-s",
    "--style",
    "styles",
    multiple=True,
    metavar="STYLE",
    help="A style's name; for a model of any picture a picture, or a folder of them; or a mix such as a:0.6,b.jpg:0.4. "
    "Given several times or as a folder, every IN is painted in each.",
)
@STYLE_SIZE
@click.option("--save-card", type=click.Path(path_type=Path), metavar="FILE", help="Keep the style, for --card FILE.")
@click.option("--card", "cards", multiple=True, type=FILE, help="Add the style of this card; alone, it is painted.")
@click.option("--strength", default=1.0, help="How much of the style: 0 the photo, 1 the style, up to 3.")
@click.option("--size", type=click.IntRange(min=1), metavar="PX", help="Long side of the result.  [default: as IN]")
@click.option("--stroke", type=float, help="Size of the strokes at any size: 1 as at 512 px, 2 twice as coarse.")
@click.option("--mask", type=FILE, help="Where to paint, in the size of IN: white the style, black the photo.")
@click.option(
    "--region",
    "regions",
    multiple=True,
    metavar="MASK:STYLE",
    help="Paint the white of a mask in a style of its own; the rest is --style, or else the photo.",
)
@click.option("--preserve-color", type=click.Choice(["luma", "stats"]), help="Keep the colours of the photo.")
@click.option(
    "--tile",
    default="auto",
    metavar="auto|none|PX",
    help="Paint in tiles of PX px, for pictures of any size; auto does so where memory is short.",
)
@descent_options
@folder_options
@click.option("--quality", default=92, type=click.IntRange(1, 100), help="Quality of JPEG and WebP files.")
@click.option("--format", type=click.Choice(list(FORMATS)), help="Write this format.  [default: as OUT or IN]")
@click.option("--device", default="auto", help="Where to compute: auto, cpu, cuda, cuda:1 or mps.")
@click.option(
    "--backend",
    default="auto",
    type=click.Choice(["auto", "torch", "onnx"]),
    help="What computes: auto takes onnxruntime, where it is installed and quicker.",
)
@click.option("--force", is_flag=True, help="Overwrite files that exist, though never an input.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object a picture.")
def command(
    inputs: tuple[str, ...],
    model: str,
    output: str,
    styles: tuple[str, ...],
    style_size: int,
    save_card: Path | None,
    cards: tuple[Path, ...],
    strength: float,
    size: int | None,
    stroke: float | None,
    mask: Path | None,
    regions: tuple[str, ...],
    preserve_color: str | None,
    tile: str,
    quality: int,
    format: str | None,
    device: str,
    backend: Backend,
    force: bool,
    as_json: bool,
    save_every: int | None,
    engine: Engine,
    workers: int | None,
    resume: bool,
    **descent: Any,
) -> None:
    """Paint pictures in a style.

    IN is a picture, a folder of pictures, or - for stdin. Several pictures go into the folder OUT under their own
    names, and those of several styles as <picture>_<style>. A picture that cannot be read is reported, and the others
    go on.
    """
    from stylezoo.zoo.store import find

    check_stdout(output, as_json)
    if mask and regions:
        raise OptionError("--mask and --region exclude each other: write --region MASK:STYLE for each mask")
    parts = [parse_region(region) for region in regions]
    tiles = parse_tile(tile)
    spec, weights = find(model)
    tuning = read_descent({**descent, "save_every": save_every}, spec)
    tuning.pop("save_every", None)
    spread = spread_folders(styles, spec.style_ids)
    wanted = label_styles(spread)
    several = spread != list(styles) or len(spread) > 1
    if save_card and len(wanted) != 1:
        raise OptionError(f"--save-card keeps one style, and --style names {len(wanted) or 'none'}")
    jobs = plan(inputs, output, labels=list(wanted) if several else (), format=format, force=force or resume)
    common = [
        *cards,
        *filter(None, [mask]),
        *(file for place, style in parts for file in (place, *files_of(style))),
        *files_of(tuning.get("start")),
    ]
    read = [*common, *(file for style in wanted.values() for file in files_of(style))]
    check_kept(jobs, read)
    kept = [*read, *(job.source for job in jobs if job.source)]
    if save_card:
        check_card(save_card, kept, force)
    if save_every:
        check_steps(jobs, kept, force)

    asked = {
        "cards": [str(card) for card in cards],
        "mask": mask and str(mask),
        "regions": [{"mask": str(place), "style": style} for place, style in parts],
        "stroke": stroke,
    } | ({"tuning": tuning} if tuning else {})

    given = wanted or ({"": spec.style_ids[0]} if spec.kind == "single" and not cards else {"": None})

    @cache
    def facts(label: str) -> dict[str, Any]:
        """Tell all that decides on the pictures of a label."""
        style = given[label] if several else next(iter(given.values()))
        way = {"style": style, "strength": strength, "size": size, "preserve_color": preserve_color}
        way |= {"style_size": style_size, "quality": quality}
        hashes = {
            "weights": weights_hash(spec, weights),
            "files": {str(f): sha256_of(f) for f in [*common, *files_of(style)]},
        }
        return {"model": spec.name} | asked | way | hashes

    total = len(jobs)
    jobs, manifest = open_manifest(jobs, lambda job: facts(job.label), resume=resume, force=force)
    if not jobs:
        return

    from tqdm import tqdm

    special = cards or save_card or mask or parts or stroke or preserve_color or tuning or save_every
    special = special or strength != 1 or tiles != "auto"
    stylizer = None if special else _load_quick(spec, weights, device, backend, wanted.values())
    quick = stylizer is not None
    if stylizer is None:
        from stylezoo.stylizer import load

        stylizer = load(model, device=device, backend=backend)
    for card in cards:
        stylizer.add_card(card)
    if not wanted and not parts and (len(cards) == 1 or len(stylizer.styles) == 1):
        wanted = {"": stylizer.styles[-1]}

    def settle(style: Style) -> Any:
        """Encode a style once for all photos, or where they change it make sure that it can be."""
        code = stylizer.encode_style(style, style_size=style_size, **tuning)
        return style if preserve_color == "stats" else code

    chosen = {label: settle(style) for label, style in wanted.items()}
    if not chosen:
        chosen = {"": None if parts else settle(None)}
    if save_card:
        stylizer.card(*wanted.values(), id=card_id(save_card), style_size=style_size).save(save_card)
    options: dict[str, Any] = {
        "strength": strength,
        "size": size,
        "stroke": stroke,
        "preserve_color": preserve_color or False,
        "mask": [(settle(style), place) for place, style in parts] or mask,
        "tile": tiles,
        "progress": sys.stderr.isatty(),
        "style_size": style_size,
    } | tuning
    work = Work(
        model,
        chosen if several else {"": next(iter(chosen.values()))},
        options,
        {"device": device, "backend": backend},
        cards,
        quality,
        quick=quick,
        overwrite=force or resume,
        callback=partial(saver, every=save_every, quality=quality) if save_every else None,
    )
    failed = 0
    with (
        closing(paint(jobs, work, engine=engine, workers=workers, manifest=manifest, stylizer=stylizer)) as outcomes,
        advising(manifest),
    ):
        # disable=None hides the bar where stderr is not a terminal
        bar = tqdm(outcomes, total=len(jobs), unit="picture", leave=False, disable=True if len(jobs) == 1 else None)
        for outcome in bar:
            job = outcome.job
            if outcome.error:
                if total == 1:
                    raise ImageError(outcome.error)
                failed += 1
                say(one_line(outcome.error))
            elif as_json:
                put_json(
                    {"input": job.input, "output": job.output, "model": stylizer.spec.name}
                    | {"style": wanted.get(job.label or next(iter(chosen)))}
                    | asked
                    | {"width": outcome.width, "height": outcome.height, "seconds": round(outcome.seconds, 3)}
                )
    if failed:
        raise Failure(f"{failed} of {len(jobs)} pictures failed")


def _load_quick(spec: ModelSpec, weights: Path | None, device: str, backend: Backend, styles: Iterable[Style]) -> Any:
    """Return what paints plain pictures without torch, which takes longer to start than to paint; None: torch must."""
    if backend == "torch":
        return None
    from stylezoo.quick import open_quick

    return open_quick(spec, weights, device, styles)


def check_stdout(output: str, as_json: bool) -> None:
    """Raise OptionError where a picture on stdout would be in the way."""
    if as_json and output == "-":
        raise OptionError("--json and --output - both want stdout: write the picture to a file")
    if output == "-" and sys.stdout.isatty():
        raise OptionError("--output - would write a picture onto the terminal: redirect it, as in > styled.png")


def check_kept(jobs: Iterable[Job], files: Iterable[Path]) -> None:
    """Raise OptionError where a job would overwrite one of the files that are read."""
    read = {file.resolve() for file in files}
    for job in jobs:
        if job.target and job.target.resolve() in read:
            raise OptionError(f"'{job.output}' is an input and is never overwritten: choose another --output")


def check_card(card: Path, files: Iterable[Path], force: bool) -> None:
    """Raise OptionError where a style card may not be written, or its name makes no name of a style."""
    if card.resolve() in {file.resolve() for file in files}:
        raise OptionError(f"'{card}' is an input and is never overwritten: choose another --save-card")
    if card.is_dir() or (card.exists() and not force):
        raise OptionError(f"'{card}' exists: pass --force to overwrite a file, or choose another --save-card")
    if not card_id(card):
        raise OptionError(f"--save-card '{card}' names no style: write a name such as my_style.card.safetensors")


def card_id(card: Path) -> str:
    """Return the name of a style that a file's name makes: 'my_style' of 'My style.card.safetensors'."""
    return re.sub(r"[^a-z0-9-]+", "_", card.name.partition(".")[0].lower()).strip("_")
