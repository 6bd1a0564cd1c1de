"""`stylezoo texture`."""

from __future__ import annotations

import re
import sys
import time
from pathlib import Path
from typing import Any

import click

from stylezoo.cli.console import put_json, say_wrote
from stylezoo.cli.options import FILE, files_of, parse_style, shared_options
from stylezoo.errors import OptionError


@click.command("texture")
@click.argument("source", metavar="[IN]", required=False, type=FILE)
@click.option("-o", "--output", required=True, type=click.Path(path_type=Path), metavar="OUT", help="File to write.")
@shared_options("model", default="gatys/vgg19")
@click.option(
    "-s", "--style", metavar="STYLE", help="A style of the model, or a mix such as a:0.6,b:0.4, in place of IN."
)
@click.option("--size", default="1024x1024", metavar="WxH", help="Width and height in px; one number for a square.")
@click.option("--tileable", is_flag=True, help="Make a texture that tiles without a seam.")
@click.option("--seed", default=0, type=click.IntRange(0), help="Seed of the noise: another one, another texture.")
@click.option(
    "--steps",
    type=click.IntRange(1),
    help="Optimisation steps of gatys/vgg19 at the coarsest stage.  [default: 100]",
)
@click.option(
    "--style-size",
    type=int,
    metavar="PX",
    help="Long side of IN; larger gives coarser patterns.  [default: half of --size, at most that of IN]",
)
@shared_options("quality", help="JPEG and WebP quality.")
@shared_options("device")
@click.option("--force", is_flag=True, help="Overwrite OUT, but never IN.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object about the texture.")
def command(
    source: Path | None,
    output: Path,
    model: str,
    style: str | None,
    size: str,
    tileable: bool,
    seed: int,
    steps: int | None,
    style_size: int | None,
    quality: int,
    device: str,
    force: bool,
    as_json: bool,
) -> None:
    """Make a texture of any size that looks like a picture or like a style of a model.

    It has the colours, strokes and patterns, but no composition. gatys/vgg19 optimises noise, coarse to fine, until it
    looks like IN, which takes minutes. Nets make a texture of noise in one pass.

    \b
    stylezoo texture painting.jpg -o texture.png --size 2048x1024
    stylezoo texture -m cin/16 -s starry_night -o tile.png --size 1024 --tileable
    """
    began = time.perf_counter()
    wanted = parse_size(size)
    if source and style:
        raise OptionError(f"IN ('{source}') and --style ({style}) exclude each other: leave one out")
    chosen = str(source) if source else parse_style(style)
    if output.exists() and any(output.samefile(file) for file in files_of(chosen)):
        raise OptionError(f"'{output}' is an input and is never overwritten: choose another --output")
    if output.exists() and not force:
        raise OptionError(f"'{output}' exists: pass --force to overwrite it, or choose another --output")

    from stylezoo.images.io import write
    from stylezoo.images.pillow import format_of
    from stylezoo.texture import synthesize

    format_of(output)  # before minutes are spent
    progress = sys.stderr.isatty()
    made = synthesize(
        chosen,
        wanted,
        model=model,
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
        facts: dict[str, Any] = {"input": source and str(source), "model": model, "style": style, "output": str(output)}
        facts |= {"width": made.width, "height": made.height}
        facts |= {"tileable": tileable, "seed": seed, "steps": steps, "style_size": style_size}
        put_json(facts | {"seconds": round(seconds, 3)})
    say_wrote(output, seconds)


def parse_size(text: str) -> tuple[int, int]:
    """Return (width, height) of '2048x1024' or '1024'."""
    found = re.fullmatch(r"([1-9]\d{0,5})(?:[xX×]([1-9]\d{0,5}))?", text.strip())
    if not found:
        raise OptionError(f"--size must be WIDTHxHEIGHT in px such as 2048x1024, not '{text}'")
    return int(found[1]), int(found[2] or found[1])
