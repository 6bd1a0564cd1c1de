"""Options and argument parsing shared by several commands."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Collection, Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click
from click.core import ParameterSource

from stylezoo.cli.console import say
from stylezoo.cli.jobs import pictures_in
from stylezoo.errors import OptionError
from stylezoo.runtime.options import StylizeOptions, option_fields

if TYPE_CHECKING:
    from stylezoo.zoo.spec import ModelSpec

Command = TypeVar("Command", bound=Callable[..., Any])

Style = str | dict[str, float] | None
"""A style as `parse_style` returns it: a name or path, a mix of names and weights, or None."""


def parse_tile(text: str) -> int | str | None:
    """Return the value of --tile: 'auto', None for 'none', or a side in px."""
    if text in ("auto", "none"):
        return None if text == "none" else text
    if not re.fullmatch("[1-9][0-9]{0,5}", text):
        raise OptionError(f"must be auto, none or a tile size in px such as 512, not '{text}'")
    return int(text)


def parse_stroke(text: str) -> float | str:
    """Return the value of --stroke: 'auto' or a number."""
    if text == "auto":
        return text
    try:
        return float(text)
    except ValueError:
        raise OptionError(f"must be auto or a number from 1/16 to 16, not '{text}'") from None


FILE = click.Path(exists=True, dir_okay=False, path_type=Path)
_TYPES = {"float": float, "int | None": int, "str | None": str, "Stroke": parse_stroke, "Tile": parse_tile}
_TYPES |= {"ImageLike | None": click.Path(exists=True, dir_okay=False)}


def model_names(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[str]:
    """Return the model names that complete what was typed."""
    from stylezoo.zoo.catalog import list_models

    return [name for name in list_models() if name.startswith(incomplete)]


_SHARED: dict[str, tuple[tuple[str, ...], dict[str, Any]]] = {
    "model": (
        ("-m", "--model"),
        {"default": "cin/16", "shell_complete": model_names, "help": "Model name, run folder or weights file."},
    ),
    "style": (
        ("-s", "--style"),
        {"metavar": "STYLE", "help": "Style name, picture, or a mix such as a:0.6,b:0.4."},
    ),
    "card": (
        ("--card", "cards"),
        {"multiple": True, "type": FILE, "help": "Add the style of this card to the model."},
    ),
    "quality": (
        ("--quality",),
        {"default": 92, "type": click.IntRange(1, 100), "help": "Quality of JPEG, WebP and AVIF."},
    ),
    "device": (("--device",), {"default": "auto", "help": "Device: auto, cpu, cuda, cuda:1 or mps."}),
    "backend": (
        ("--backend",),
        {
            "default": "auto",
            "type": click.Choice(["auto", "torch", "onnx"]),
            "help": "Runtime; auto takes the faster one that is installed.",
        },
    ),
}


def shared_options(*names: str, **changes: Any) -> Callable[[Command], Command]:
    """Return a decorator that adds options which several commands have, in this order: names of `_SHARED`.

    `changes` are parameters of click for this command alone, such as another `default` or `help`; they need one name.
    """
    assert len(names) == 1 or not changes

    def add(command: Command) -> Command:
        for name in reversed(names):
            flags, about = _SHARED[name]
            command = click.option(*flags, **(about | changes))(command)
        return command

    return add


def stylize_options(*names: str, hidden: Collection[str] = (), **defaults: Any) -> Callable[[Command], Command]:
    """Return a decorator that adds the options of `StylizeOptions`, or only those in `names`.

    `hidden` are options that --help leaves out, as the command only says why it refuses them; `defaults` overrides
    defaults, written as on the command line. `read_options` builds the dataclass from the result.
    """

    def add(command: Command) -> Command:
        for name, option in reversed(option_fields().items()):
            if names and name not in names:
                continue
            about = option.metadata
            if option.type == "bool":
                command = click.option(f"--{name.replace('_', '-')}", is_flag=True, help=about["help"])(command)
                continue
            kind = click.Choice(about["choices"]) if "choices" in about else _TYPES[str(option.type)]
            default = defaults.get(name, option.default or None)
            flag = f"--{name.replace('_', '-')}"
            words = {"metavar": about.get("metavar"), "help": about["help"], "hidden": name in hidden}
            command = click.option(flag, type=kind, default=default, **words)(command)
        return command

    return add


def read_options(asked: dict[str, Any]) -> StylizeOptions:
    """Pop the arguments that `stylize_options` added and return them as `StylizeOptions`."""
    given = {name: asked.pop(name) for name in option_fields() if name in asked}
    if "preserve_color" in given:
        given["preserve_color"] = given["preserve_color"] or False
    return StylizeOptions(**given)


def parse_names(text: str, option: str) -> list[str]:
    """Return the names in a list such as 'starry_night,great_wave'; `option` is for messages.

    If the whole text is the path of a file or folder, it is one name, even if it has commas.

    Raises:
        OptionError: the list is empty.
    """
    if "," in text and Path(text).exists():
        return [text]
    names = [name for name in map(str.strip, text.split(",")) if name]
    if not names:
        raise OptionError(f"{option} '{text}' names no style: write {option} NAME,NAME")
    return names


def parse_region(text: str, by_color: bool = False) -> tuple[Path | str, Style]:
    """Return the mask file and the style of 'mask.png:starry_night'; the style may be a picture or a mix.

    Both parts may contain colons. The text is split at the first colon that follows the name of an existing file. With
    `by_color`, return the colour and the style of 'red:starry_night'.

    Raises:
        OptionError: there is no such file, or no style follows it.
    """
    if by_color:
        color, _, rest = text.partition(":")
        style = parse_style(rest.strip(), "--region")
        if not style:
            raise OptionError(
                f"--region '{text}' names no style: write --region COLOUR:STYLE, such as red:starry_night"
            )
        return color.strip(), style
    usage = "write --region MASK:STYLE, such as mask.png:starry_night"
    for colon in re.finditer(":|$", text):
        if (mask := Path(text[: colon.start()])).is_file():
            style = parse_style(text[colon.end() :].strip(), "--region")
            if not style:
                raise OptionError(f"--region '{text}' names no style: {usage}")
            return mask, style
    name = re.match(r"([A-Za-z]:(?=[\\/]))?[^:]*", text)
    raise OptionError(f"--region '{text}': no such file '{name and name[0]}': {usage}")


def parse_style(text: str | None, option: str = "--style") -> Style:
    """Return the style of 'starry_night', or the mix of 'starry_night:0.6,wave.jpg:0.4'; `option` is for messages.

    The path of an existing file and a URL are returned as they are, even if they contain ':' or ','.

    Raises:
        OptionError: a part of the mix has no weight, or a name occurs twice.
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
                f"cannot read '{part}' in {option} '{text}': write NAME, or NAME:WEIGHT,NAME:WEIGHT with a weight for "
                "each style of a mix, where NAME is a style or an existing picture"
            )
        if name in mix:
            raise OptionError(f"{option} '{text}' names '{name}' twice: add up its weights")
        mix[name] = value
    return mix


def spread_folders(styles: Sequence[str], known: Collection[str]) -> list[str]:
    """Return the styles, each folder replaced by the pictures in it; a style of the model wins over a folder."""
    spread = [pictures_in(s) if s and s not in known and Path(s).is_dir() else [s] for s in styles]  # "" is not "."
    return [str(style) for member in spread for style in member]


def label_styles(styles: Sequence[str]) -> dict[str, Style]:
    """Return label -> style. The label goes into file names: a style's name, or a picture's name without its suffix.

    Raises:
        OptionError: two styles have the same label.
    """
    labelled: dict[str, Style] = {}
    for text in styles:
        style = parse_style(text)
        shares = style if isinstance(style, dict) else {text: None}
        stems = {Path(name).stem: weight for name, weight in shares.items()}
        label = "_".join(stem if weight is None else f"{stem}-{weight:g}" for stem, weight in stems.items())
        if label in labelled:
            raise OptionError(f"--style '{text}': another style also writes to '{label}': rename one of the files")
        labelled[label] = style
    return labelled


def files_of(style: Style) -> list[Path]:
    """Return the style's picture files."""
    return [path for path in map(Path, [style] if isinstance(style, str) else style or ()) if path.is_file()]


def warn_without_picture(spec: ModelSpec, styles: Iterable[Style]) -> None:
    """Warn that --palette or --style-size was given but has no effect in any of the styles.

    `spec` is the record of the model with its cards. Where no style is named, its last one counts. A model without
    weights optimises the colours of each picture, so it has no use for --palette whatever the style.
    """
    styles = list(styles)
    names = {name for style in styles for name in ([style] if isinstance(style, str) else style or spec.style_ids[-1:])}
    pictures = any(files_of(style) for style in styles)
    kept = any(palette for id, palette in zip(spec.style_ids, spec.palettes, strict=True) if id in names)
    of_pictures = "it is for style images, such as -m any -s painting.jpg"
    learnt = f"{spec.name} has learnt the colours of its style" if spec.kind == "single" else of_pictures
    idle = {} if pictures else {"style_size": of_pictures} | ({} if kept else {"palette": learnt})
    if spec.weightless:
        idle["palette"] = f"{spec.name} optimises the colours of each picture"
    source = click.get_current_context().get_parameter_source
    for name, why in idle.items():
        if source(name) is ParameterSource.COMMANDLINE:
            say(f"warning: --{name.replace('_', '-')} has no effect: {why}")
