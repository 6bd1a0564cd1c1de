"""What a command says: stdout is data, stderr is talk, and each thing said is one line."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, TextIO, TypeVar

import click

if TYPE_CHECKING:
    from stylezoo.zoo.spec import ModelSpec


T = TypeVar("T")


class Failure(click.ClickException):
    """The end of a command: the one line that says why, and the exit code."""

    def __init__(self, message: str, code: int = 2) -> None:
        super().__init__(message)
        self.code = code


def one_line(message: object) -> str:
    """Return a message without line breaks."""
    return " ".join(str(message).split())


def say(message: str) -> None:
    """Write one line to stderr, above a progress bar if there is one."""
    line = f"stylezoo: {message}"
    if tqdm := sys.modules.get("tqdm"):
        tqdm.tqdm.write(line, file=sys.stderr)
        sys.stderr.flush()
    else:
        click.echo(line, err=True)


def show_warning(
    message: Warning | str,
    category: type[Warning],
    filename: str,
    lineno: int,
    file: TextIO | None = None,
    line: Any = None,
) -> None:
    """Stand in for `warnings.showwarning`: one line, without the source."""
    say(f"warning: {one_line(message)}")


def example(model: str, spec: ModelSpec) -> str:
    """Return a command line that paints a photo with a model, `model` being what --model takes."""
    style = {
        "single": "",
        "multi": f"-s {spec.style_ids[0]} " if spec.style_ids else "",
        "arbitrary": "-s painting.jpg ",
    }
    return f"stylezoo stylize photo.jpg -m {model} {style[spec.kind]}-o styled.jpg"


def show_progress(items: Iterable[T], unit: str = "photo") -> Iterable[T]:
    """Return the items, with a bar on a terminal's stderr."""
    from tqdm import tqdm

    return tqdm(items, unit=unit, disable=not sys.stderr.isatty(), leave=False)


def put_json(value: Any, *, indent: int | None = None) -> None:
    """Write a value to stdout as JSON."""
    click.echo(json.dumps(value, ensure_ascii=False, indent=indent))
