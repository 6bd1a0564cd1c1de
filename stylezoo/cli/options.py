"""What several commands do with their arguments."""

from __future__ import annotations

import math
import re
from pathlib import Path

import click

from stylezoo.errors import OptionError


def model_names(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[str]:
    """Return the models that a shell may complete a name to."""
    from stylezoo.zoo.catalog import list_models

    return [name for name in list_models() if name.startswith(incomplete)]


def parse_names(text: str, option: str) -> list[str]:
    """Return the names that 'starry_night,great_wave' lists; raise OptionError where `option` lists none."""
    names = [name for name in map(str.strip, text.split(",")) if name]
    if not names:
        raise OptionError(f"{option} names no style: write {option} NAME,NAME")
    return names


def parse_region(text: str) -> tuple[Path, str | dict[str, float]]:
    """Return the mask's file and the style that 'mask.png:starry_night' states; the style may be a mix.

    The first colon behind the name of a file that exists divides them, as there may be others in either.
    Raises OptionError where there is no such file, or no style behind it.
    """
    way = "write --region MASK:STYLE, such as mask.png:starry_night"
    for colon in re.finditer(":|$", text):
        if (mask := Path(text[: colon.start()])).is_file():
            style = parse_style(text[colon.end() :].strip(), "--region")
            if not style:
                raise OptionError(f"--region '{text}' names no style for the mask: {way}")
            return mask, style
    name = re.match(r"([A-Za-z]:(?=[\\/]))?[^:]*", text)
    raise OptionError(f"--region '{text}': there is no file '{name and name[0]}': {way}")


def parse_style(text: str | None, option: str = "--style") -> str | dict[str, float] | None:
    """Return the style that 'starry_night' or 'starry_night:0.6,great_wave:0.4' states; `option` is for messages."""
    if text is None or not re.search("[:,]", text):
        return text
    mix: dict[str, float] = {}
    for part in text.split(","):
        name, _, weight = (piece.strip() for piece in part.rpartition(":"))
        try:
            value = float(weight)
        except ValueError:
            value = math.nan
        if not name or not math.isfinite(value):
            raise OptionError(f"cannot read '{part}' in {option} '{text}': write NAME or NAME:WEIGHT,NAME:WEIGHT")
        if name in mix:
            raise OptionError(f"{option} '{text}' names '{name}' twice: add its weights up")
        mix[name] = value
    return mix
