"""`stylezoo stylize`."""

from __future__ import annotations

import io
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from stylezoo.cli.jobs import FORMATS, Job, plan
from stylezoo.cli.options import model_names, parse_style
from stylezoo.cli.talk import Failure, one_line, put_json, say
from stylezoo.errors import ImageError, OptionError

if TYPE_CHECKING:
    from PIL.Image import Image


@click.command("stylize")
@click.argument("inputs", nargs=-1, required=True, metavar="IN...")
@click.option(
    "-m", "--model", default="johnson/mosaic", shell_complete=model_names, help="A model's name, run or weights file."
)
@click.option("-o", "--output", required=True, metavar="OUT", help="A file, a folder for several pictures, or -.")
@click.option("-s", "--style", metavar="STYLE", help="One of the model's styles, or a mix such as a:0.6,b:0.4.")
@click.option("--strength", default=1.0, help="How much of the style: 0 the photo, 1 the style, up to 3.")
@click.option("--size", type=click.IntRange(min=1), metavar="PX", help="Long side of the result.  [default: as IN]")
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
    strength: float,
    size: int | None,
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
    if as_json and output == "-":
        raise OptionError("--json and --output - both want stdout: write the picture to a file")
    if output == "-" and sys.stdout.isatty():
        raise OptionError("--output - would write a picture onto the terminal: redirect it, as in > styled.png")
    jobs = plan(inputs, output, format=format, force=force)
    chosen = parse_style(style)

    from tqdm import tqdm

    from stylezoo.stylizer import load

    stylizer = load(model, device=device)
    options: dict[str, Any] = {"strength": strength, "size": size, "preserve_color": preserve_color or False}
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
                    "style": stylizer.styles[0] if chosen is None and len(stylizer.styles) == 1 else chosen,
                    "width": picture.width,
                    "height": picture.height,
                    "seconds": round(time.perf_counter() - started, 3),
                }
            )
    if failed:
        raise Failure(f"{failed} of {len(jobs)} pictures failed")


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
