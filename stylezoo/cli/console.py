"""Output of the commands: data on stdout, messages on stderr, one line per message."""

from __future__ import annotations

import json
import os
import shutil
import sys
import warnings
from collections.abc import Container, Iterable, Sequence
from contextlib import suppress
from io import TextIOWrapper
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO, TypeVar

import click

if TYPE_CHECKING:
    from stylezoo.zoo.spec import ModelSpec


T = TypeVar("T")


class Failure(click.ClickException):
    """Ends a command with a one-line message and an exit code."""

    def __init__(self, message: str, code: int = 2) -> None:
        super().__init__(message)
        self.code = code


_closed: set[str] = set()
_unwritten: list[OSError] = []


def open_streams() -> None:
    """Open the null device for standard streams that are closed, or None as under pythonw and PyInstaller.

    Otherwise the next file opened would get their file descriptors, and libraries would write messages into it.
    Characters that the encoding lacks are written as escapes.
    """
    for number, name in enumerate(("stdin", "stdout", "stderr")):
        stream = getattr(sys, name)
        if isinstance(stream, TextIOWrapper) and number:
            stream.reconfigure(errors="backslashreplace")
        if stream is not None:
            continue
        _closed.add(name)
        null = Path(os.devnull).open("w" if number else "r", encoding="utf-8")  # noqa: SIM115 - for good
        setattr(sys, name, null)
        with suppress(OSError):
            _fill_descriptor(number, null.fileno())


def _fill_descriptor(number: int, source: int) -> None:
    """Make `number` a copy of `source` if it is closed."""
    try:
        os.fstat(number)
    except OSError:
        os.dup2(source, number)


def is_closed(name: str) -> bool:
    """Whether "stdin", "stdout" or "stderr" was closed when the command started."""
    return name in _closed


def tame_warnings() -> None:
    """Show warnings even under PYTHONWARNINGS=error, which would raise them as errors."""
    warnings.filters[:] = [entry for entry in warnings.filters if entry[0] != "error"]  # type: ignore[index]
    warnings.simplefilter("default", UserWarning, append=True)


def one_line(message: object) -> str:
    """Return a message without line breaks."""
    return " ".join(str(message).split())


def say(message: str) -> None:
    """Write one line to stderr, above a progress bar if there is one."""
    line = f"stylezoo: {message}"
    with suppress(OSError):  # a closed stderr must not stop the command
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
    """A replacement for `warnings.showwarning` that prints one line without the source."""
    say(f"warning: {one_line(message)}")


def example(model: str, spec: ModelSpec) -> str:
    """Return a command line that stylizes a photo; `model` is the value of --model."""
    style = {
        "single": "",
        "multi": f"-s {spec.style_ids[0]} " if spec.style_ids else "",
        "arbitrary": "-s style.jpg ",
    }
    return f"stylezoo stylize photo.jpg -m {model} {style[spec.kind]}-o stylized.jpg"


def show_progress(items: Iterable[T], unit: str = "photo", total: int | None = None) -> Iterable[T]:
    """Return the items, with a progress bar if stderr is a terminal; `total` if the items do not know their number."""
    if sys.stderr is None or not sys.stderr.isatty():
        return items
    from tqdm import tqdm

    return tqdm(items, unit=unit, total=total, leave=False)


def say_wrote(what: object, seconds: float) -> None:
    """Say on a terminal what was written, and in how many seconds; scripts get no line."""
    if sys.stderr is not None and sys.stderr.isatty():
        say(f"wrote {what} in {seconds:.1f} s")


def put_table(titles: Sequence[str], rows: Iterable[Sequence[str]], right: Container[str] = ()) -> None:
    """Write an aligned table to stdout; on a terminal, its widest columns are cut until it fits, but not the first.

    `right`: titles of columns aligned right.
    """
    table = [titles, *rows]
    widths = [max(map(len, column)) for column in zip(*table, strict=True)]
    room = shutil.get_terminal_size().columns if sys.stdout.isatty() else sum(widths) + 2 * len(widths)
    widths = fitted(widths, room)
    for line in table:
        columns = zip(titles, (shortened(*cell) for cell in zip(line, widths, strict=True)), widths, strict=True)
        aligned = (text.rjust(width) if title in right else text.ljust(width) for title, text, width in columns)
        click.echo(shortened("  ".join(aligned).rstrip(), room))


def fitted(widths: Sequence[int], room: int) -> list[int]:
    """Return the widths of columns with the widest cut, but never the first, so that they fit into `room` if they can.

    No column is cut to fewer than 8 characters.
    """
    first, *others = widths
    widest = max(others, default=0)
    while widest > 8 and first + sum(2 + min(width, widest) for width in others) > room:
        widest -= 1
    return [first, *(min(width, widest) for width in others)]


def shortened(text: str, width: int) -> str:
    """Return a text cut to `width` characters."""
    return text if len(text) <= width else text[: width - 1] + "…"


def put_json(value: Any, *, indent: int | None = None) -> None:
    """Write a value to stdout as JSON; in ASCII if the encoding of stdout cannot represent it.

    A full stdout does not stop the work: `check_written` reports it at the end.
    """
    text = json.dumps(value, ensure_ascii=False, indent=indent)
    try:
        text.encode(sys.stdout.encoding or "utf-8")
    except UnicodeError:
        text = json.dumps(value, indent=indent)
    try:
        click.echo(text)
    except BrokenPipeError:  # the reader has gone, as `head` does
        raise
    except OSError as error:
        _unwritten.append(error)


def check_written() -> None:
    """Raise Failure if stdout has not taken all of the JSON."""
    if _unwritten:
        reason = _unwritten[0].strerror
        _unwritten.clear()
        raise Failure(f"cannot write to stdout: {reason}")
