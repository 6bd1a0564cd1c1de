"""`stylezoo texture`."""

from __future__ import annotations

import re
import sys
import time
from pathlib import Path

import click

from stylezoo.cli.console import put_json, say_wrote
from stylezoo.cli.stylize import FILE
from stylezoo.errors import OptionError
from stylezoo.runtime.device import require_torch


@click.command("texture")
@click.argument("source", metavar="IN", type=FILE)
@click.option("-o", "--output", required=True, type=click.Path(path_type=Path), metavar="OUT", help="File to write.")
@click.option("--size", default="1024x1024", metavar="WxH", help="Width and height in px; one number for a square.")
@click.option("--tileable", is_flag=True, help="Make a texture that tiles without a seam.")
@click.option("--seed", default=0, type=click.IntRange(0), help="Seed of the noise: another one, another texture.")
@click.option("--steps", default=100, type=click.IntRange(1), help="Optimisation steps at the coarsest stage.")
@click.option(
    "--style-size",
    type=int,
    metavar="PX",
    help="Long side of IN; larger gives coarser patterns.  [default: half of --size, at most that of IN]",
)
@click.option("--quality", default=92, type=click.IntRange(1, 100), help="JPEG and WebP quality.")
@click.option("--device", default="auto", help="Device: auto, cpu, cuda, cuda:1 or mps.")
@click.option("--force", is_flag=True, help="Overwrite OUT, but never IN.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object about the texture.")
def command(
    source: Path,
    output: Path,
    size: str,
    tileable: bool,
    seed: int,
    steps: int,
    style_size: int | None,
    quality: int,
    device: str,
    force: bool,
    as_json: bool,
) -> None:
    """Make a texture that looks like a picture, of any size.

    It has the colours, strokes and patterns of IN, but not its composition. It is optimised from noise, coarse to
    fine, without training, which takes minutes.

    \b
    stylezoo texture painting.jpg -o texture.png --size 2048x1024
    stylezoo texture stones.jpg -o tile.png --size 1024 --tileable
    """
    began = time.perf_counter()
    wanted = parse_size(size)
    if output.exists() and output.samefile(source):
        raise OptionError(f"'{output}' is an input and is never overwritten: choose another --output")
    if output.exists() and not force:
        raise OptionError(f"'{output}' exists: pass --force to overwrite it, or choose another --output")
    require_torch("stylezoo texture, which optimises each picture,")

    from stylezoo.images.io import write
    from stylezoo.images.pillow import format_of
    from stylezoo.texture import synthesize

    format_of(output)  # before minutes are spent
    progress = sys.stderr.isatty()
    made = synthesize(
        source,
        wanted,
        tileable=tileable,
        seed=seed,
        steps=steps,
        style_size=style_size,
        device=device,
        progress=progress,
    )
    write(made, output, overwrite=force, quality=quality)
    seconds = time.perf_counter() - began
    if as_json:
        facts = {"input": str(source), "output": str(output), "width": made.width, "height": made.height}
        facts |= {"tileable": tileable, "seed": seed, "steps": steps, "style_size": style_size}
        put_json(facts | {"seconds": round(seconds, 3)})
    say_wrote(output, seconds)


def parse_size(text: str) -> tuple[int, int]:
    """Return (width, height) of '2048x1024' or '1024'."""
    found = re.fullmatch(r"([1-9]\d{0,5})(?:[xX×]([1-9]\d{0,5}))?", text.strip())
    if not found:
        raise OptionError(f"--size must be WIDTHxHEIGHT in px such as 2048x1024, not '{text}'")
    return int(found[1]), int(found[2] or found[1])
