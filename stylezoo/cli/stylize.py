"""`stylezoo stylize`."""

from __future__ import annotations

import io
import sys
import time
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from stylezoo.cli.jobs import FORMATS, Job, plan
from stylezoo.cli.options import model_names, parse_region, parse_style
from stylezoo.cli.talk import Failure, one_line, put_json, say
from stylezoo.errors import ImageError, OptionError

if TYPE_CHECKING:
    from PIL.Image import Image

FILE = click.Path(exists=True, dir_okay=False, path_type=Path)


@click.command("stylize")
@click.argument("inputs", nargs=-1, required=True, metavar="IN...")
@click.option(
    "-m", "--model", default="johnson/mosaic", shell_complete=model_names, help="A model's name, run or weights file."
)
@click.option("-o", "--output", required=True, metavar="OUT", help="A file, a folder for several pictures, or -.")
@click.option("-s", "--style", metavar="STYLE", help="One of the model's styles, or a mix such as a:0.6,b:0.4.")
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
@click.option("--quality", default=92, type=click.IntRange(1, 100), help="Quality of JPEG and WebP files.")
@click.option("--format", type=click.Choice(list(FORMATS)), help="Write this format.  [default: as OUT or IN]")
@click.option("--device", default="auto", help="Where to compute: auto, cpu, cuda, cuda:1 or mps.")
@click.option("--force", is_flag=True, help="Overwrite files that exist, though never an input.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object a picture.")
def command(
    inputs: tuple[str, ...],
    model: str,
    output: str,
    style: str | None,
    cards: tuple[Path, ...],
    strength: float,
    size: int | None,
    stroke: float | None,
    mask: Path | None,
    regions: tuple[str, ...],
    preserve_color: str | None,
    quality: int,
    format: str | None,
    device: str,
    force: bool,
    as_json: bool,
) -> None:
    """Paint pictures in a style.

    IN is a picture, a folder of pictures, or - for stdin. Several pictures go into the folder OUT under their own
    names. A picture that cannot be read is reported, and the others go on.
    """
    check_stdout(output, as_json)
    if mask and regions:
        raise OptionError("--mask and --region exclude each other: write --region MASK:STYLE for each mask")
    parts = [parse_region(region) for region in regions]
    jobs = plan(inputs, output, format=format, force=force)
    check_kept(jobs, [*cards, *filter(None, [mask]), *(place for place, _ in parts)])
    chosen = parse_style(style)

    from tqdm import tqdm

    from stylezoo.stylizer import load

    stylizer = load(model, device=device)
    for card in cards:
        stylizer.add_card(card)
    if chosen is None and not parts and (len(cards) == 1 or len(stylizer.styles) == 1):
        chosen = stylizer.styles[-1]
    options: dict[str, Any] = {
        "strength": strength,
        "size": size,
        "stroke": stroke,
        "preserve_color": preserve_color or False,
        "mask": [(wanted, place) for place, wanted in parts] or mask,
    }
    failed = 0
    # disable=None hides the bar where stderr is not a terminal
    for job in tqdm(jobs, unit="picture", leave=False, disable=True if len(jobs) == 1 else None):
        started = time.perf_counter()
        try:
            picture = stylizer.stylize(open_input(job), chosen, **options)
            put(picture, job, quality=quality, force=force)
        except ImageError as error:
            if len(jobs) == 1:
                raise
            failed += 1
            say(one_line(error))
            continue
        if as_json:
            put_json(
                {
                    "input": job.input,
                    "output": job.output,
                    "model": stylizer.spec.name,
                    "style": chosen,
                    "cards": [str(card) for card in cards],
                    "mask": mask and str(mask),
                    "regions": [{"mask": str(place), "style": wanted} for place, wanted in parts],
                    "stroke": stroke,
                    "width": picture.width,
                    "height": picture.height,
                    "seconds": round(time.perf_counter() - started, 3),
                }
            )
    if failed:
        raise Failure(f"{failed} of {len(jobs)} pictures failed")


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


def open_input(job: Job) -> Path | Image:
    """Return a job's picture as something whose stylised form is a PIL image. Raises ImageError if stdin holds none."""
    if job.source:
        return job.source

    import PIL.Image

    try:
        return PIL.Image.open(io.BytesIO(sys.stdin.buffer.read()))
    except (OSError, PIL.Image.DecompressionBombError) as cause:
        raise ImageError(
            "stdin is not a picture that Pillow can read: pipe a whole PNG or JPEG file into it"
        ) from cause


def put(picture: Image, job: Job, *, quality: int, force: bool) -> None:
    """Write a picture where its job wants it. Raises ImageError if that is not possible."""
    from stylezoo.image.io import encode, write

    if job.target:
        write(picture, job.target, overwrite=force, quality=quality, format=job.format)
    else:
        sys.stdout.buffer.write(encode(picture, job.format, quality))
