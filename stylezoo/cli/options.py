"""What several commands do with their arguments."""

from __future__ import annotations

import math
import re

import click

from stylezoo.errors import OptionError


def model_names(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[str]:
    """Return the models that a shell may complete a name to."""
    from stylezoo.zoo.catalog import list_models

    return [name for name in list_models() if name.startswith(incomplete)]


def parse_style(text: str | None) -> str | dict[str, float] | None:
    """Return the style that 'starry_night' or 'starry_night:0.6,great_wave:0.4' states."""
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
            raise OptionError(f"cannot read '{part}' in --style '{text}': write NAME or NAME:WEIGHT,NAME:WEIGHT")
        if name in mix:
            raise OptionError(f"--style '{text}' names '{name}' twice: add its weights up")
        mix[name] = value
    return mix
