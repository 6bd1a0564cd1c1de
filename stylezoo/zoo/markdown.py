"""Markdown from untrusted text: nothing in it becomes markup, HTML or a second line."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from html import escape
from urllib.parse import quote

from stylezoo.errors import STEERING

_MARKUP = re.compile(r"[\\`*\[\]|~${}]|(?<![^\W_])_|_(?![^\W_])")  # an underscore within a word is none
_START = re.compile(r"^[#+=-]|^\d+[.)](?= |$)")  # of a heading, a list or a rule


def one_line(text: str) -> str:
    """Return text with single spaces and without invisible characters."""
    return " ".join(STEERING.sub("", " ".join(text.split())).split())


def plain(text: str) -> str:
    """Return text that a paragraph, a heading, a table or a link's label shows literally.

    Markup is written as character references, which mean the same in all of these places.
    """
    marked = _MARKUP.sub(_reference, escape(one_line(text), quote=False))
    return _START.sub(_reference, marked)


def code(text: str) -> str:
    """Return text as inline code, also in tables; empty for an empty text."""
    line = one_line(text)
    if "`" in line or "|" in line:
        return f"<code>{plain(line)}</code>"
    return f"`{line}`" if line else ""


def link(label: str, url: str) -> str:
    """Return a link; only its label if `url` is not a web address."""
    if not re.fullmatch(r"https?://[!-~]+", url):
        return plain(label)
    return f"[{plain(label)}]({quote(url, safe=_URL)})"


def image(alt: str, path: str) -> str:
    """Return a picture by its relative path."""
    return f"![{plain(alt)}]({quote(path)})"


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return a table; its cells are one-line Markdown from the functions above."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(" ".join(["|", *(f"{cell} |" if cell else "|" for cell in line)]) for line in lines)


def fenced(body: str, language: str = "") -> str:
    """Return lines as a block of code; its fence is longer than any that they hold."""
    lines = re.sub(r"\r\n?", "\n", body).strip("\n")
    fence = "`" * max(3, 1 + max(map(len, re.findall("`+", lines)), default=0))
    return f"{fence}{language}\n{lines}\n{fence}"


def folded(summary: str, body: str) -> str:
    """Return Markdown that is hidden until clicked."""
    return f"<details>\n<summary>{plain(summary)}</summary>\n\n{body}\n\n</details>"


def _reference(found: re.Match[str]) -> str:
    """Return a match with its last character as a character reference."""
    return f"{found[0][:-1]}&#{ord(found[0][-1])};"


_URL = "/:?#@!$&'*+,;=%~"  # of what may stand in an address, that which ends none in Markdown
