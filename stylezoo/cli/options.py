"""What several commands do with their arguments."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Collection, Sequence
from pathlib import Path
from typing import Any, TypeVar

import click

from stylezoo.cli.jobs import pictures_in
from stylezoo.errors import OptionError
from stylezoo.runtime.options import StylizeOptions, option_fields

Command = TypeVar("Command", bound=Callable[..., Any])

Style = str | dict[str, float] | None
"""What `parse_style` makes of a text."""


def parse_tile(text: str) -> int | str | None:
    """Return what --tile states: 'auto', None for 'none', or a number of px."""
    if text in ("auto", "none"):
        return None if text == "none" else text
    if not re.fullmatch("[1-9][0-9]{0,5}", text):
        raise OptionError(f"--tile must be auto, none, or the side of tiles in px, such as 512, not '{text}'")
    return int(text)


_TYPES = {"float": float, "float | None": float, "int | None": int, "Tile": parse_tile}


def stylize_options(*names: str, **defaults: Any) -> Callable[[Command], Command]:
    """Return a decorator that adds the options of `StylizeOptions`, or those of these names.

    `defaults` replaces defaults as they would be typed. `read_options` makes the class of what was given.
    """

    def add(command: Command) -> Command:
        for name, option in reversed(option_fields().items()):
            if names and name not in names:
                continue
            about = option.metadata
            kind = click.Choice(about["choices"]) if "choices" in about else _TYPES[str(option.type)]
            default = defaults.get(name, option.default or None)
            flag = f"--{name.replace('_', '-')}"
            command = click.option(flag, type=kind, default=default, metavar=about.get("metavar"), help=about["help"])(
                command
            )
        return command

    return add


def read_options(asked: dict[str, Any]) -> StylizeOptions:
    """Take what `stylize_options` added out of a command's arguments."""
    given = {name: asked.pop(name) for name in option_fields() if name in asked}
    if "preserve_color" in given:
        given["preserve_color"] = given["preserve_color"] or False
    return StylizeOptions(**given)


def model_names(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[str]:
    """Return the models that a shell may complete a name to."""
    from stylezoo.zoo.catalog import list_models

    return [name for name in list_models() if name.startswith(incomplete)]


def parse_names(text: str, option: str) -> list[str]:
    """Return the names that 'starry_night,great_wave' lists; raise OptionError where `option` lists none.

    A text with commas that is a path of a file or folder is that path.
    """
    if "," in text and Path(text).exists():
        return [text]
    names = [name for name in map(str.strip, text.split(",")) if name]
    if not names:
        raise OptionError(f"{option} names no style: write {option} NAME,NAME")
    return names


def parse_region(text: str) -> tuple[Path, Style]:
    """Return the mask's file and the style that 'mask.png:starry_night' states; the style may be a picture or a mix.

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


def parse_style(text: str | None, option: str = "--style") -> Style:
    """Return the style that 'starry_night' or 'starry_night:0.6,wave.jpg:0.4' states; `option` is for messages.

    A text that is the path of a file is that file, whatever is in its name, and an address of the web is no mix.
    """
    if text is None or not re.search("[:,]", text) or re.match(r"\w+://", text) or Path(text).is_file():
        return text
    mix: dict[str, float] = {}
    for part in text.split(","):
        name, _, weight = (piece.strip() for piece in part.rpartition(":"))
        try:
            value = float(weight)
        except ValueError:
            value = math.nan
        if not name or not math.isfinite(value):
            raise OptionError(
                f"cannot read '{part}' in {option} '{text}': write NAME or NAME:WEIGHT,NAME:WEIGHT, a name being a "
                "style's or the path of a picture that exists"
            )
        if name in mix:
            raise OptionError(f"{option} '{text}' names '{name}' twice: add its weights up")
        mix[name] = value
    return mix


def spread_folders(styles: Sequence[str], known: Collection[str]) -> list[str]:
    """Return the styles with the pictures in a folder in place of its name; a name that the model knows comes first."""
    spread = [pictures_in(s) if s and s not in known and Path(s).is_dir() else [s] for s in styles]  # "" is no folder
    return [str(style) for member in spread for style in member]


def label_styles(styles: Sequence[str]) -> dict[str, Style]:
    """Return what each text states, by what stands for it in file names: a name, or a picture's without its suffix.

    Raises OptionError where that is the same for two.
    """
    labelled: dict[str, Style] = {}
    for text in styles:
        style = parse_style(text)
        shares = style if isinstance(style, dict) else {text: None}
        stems = {Path(name).stem: weight for name, weight in shares.items()}
        label = "_".join(stem if weight is None else f"{stem}-{weight:g}" for stem, weight in stems.items())
        if label in labelled:
            raise OptionError(f"--style '{text}': there is another whose results would be called '{label}': rename one")
        labelled[label] = style
    return labelled


def files_of(style: Style) -> list[Path]:
    """Return the pictures that a style is made of."""
    return [path for path in map(Path, [style] if isinstance(style, str) else style or ()) if path.is_file()]
