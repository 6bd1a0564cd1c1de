"""`stylezoo styles`."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import click

from stylezoo.cli.console import Failure, one_line, put_json, put_table, show_progress
from stylezoo.errors import did_you_mean

if TYPE_CHECKING:
    from PIL import Image

    from stylezoo.zoo.spec import StyleSpec

TITLES = ("STYLE", "TITLE", "ARTIST", "YEAR", "MODELS")
CELLS, GAP = 26, 2  # characters: the width of a picture, and the space after it
DRAWN = 320  # px, long side at which the sample photo is stylized


@dataclass(frozen=True)
class Shown:
    """A style, and the names of the models that have it."""

    style: StyleSpec
    models: list[str]


@click.command("styles")
@click.argument("pattern", default="*")
@click.option("--pictures", is_flag=True, help="Show a sample photo in each style, in the terminal.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object per line.")
def command(pattern: str, pictures: bool, as_json: bool) -> None:
    """Show the styles whose name, title or artist matches PATTERN, and the models that have them.

    --pictures uses the graphics of the terminal (kitty's or sixel), and coloured half blocks elsewhere. Arbitrary-style
    models also take any picture as the style.
    """
    styles = find_styles(pattern)
    if as_json:
        for shown in styles:
            put_json(facts(shown))
    elif pictures:
        put_pictures(styles)
    else:
        put_table(TITLES, ([*map(str, list(facts(s).values())[:4]), ", ".join(s.models)] for s in styles))


def find_styles(pattern: str) -> list[Shown]:
    """Return the styles that match a pattern, in the order of the models.

    Raises:
        Failure: no style matches.
    """
    from fnmatch import fnmatchcase

    from stylezoo.zoo.catalog import list_models, model_info, models_with

    every = {style.id: style for name in list_models() for style in model_info(name).styles}
    wanted = pattern.lower() if any(c in pattern for c in "*?[") else f"*{pattern.lower()}*"
    fit = [s for s in every.values() if any(fnmatchcase(t.lower(), wanted) for t in (s.id, s.title, s.artist) if t)]
    if not fit:
        raise Failure(f"no style matches '{pattern}'.{did_you_mean(pattern, every)}", code=1)
    return [Shown(style, models_with(style.id)) for style in fit]


def facts(shown: Shown) -> dict[str, object]:
    """Return the facts that the table and JSON show."""
    style = shown.style
    texts = {"style": style.id, "title": style.title, "artist": style.artist, "year": style.year}
    return {key: one_line(text or "") for key, text in texts.items()} | {"models": shown.models}


def put_pictures(styles: list[Shown]) -> None:
    """Print a grid of pictures: a sample photo in each style, with the style's id, title and artist below."""
    from rich.console import Console, Group
    from rich.table import Table
    from rich.text import Text
    from textual_image.renderable import HalfcellImage, UnicodeImage
    from textual_image.renderable import Image as Picture

    console = Console()
    kind = HalfcellImage if Picture is UnicodeImage else Picture  # which is for output that is no terminal
    columns = max(1, (console.width + GAP) // (CELLS + GAP))
    grid = Table.grid(padding=(0, GAP, 1, 0))
    row: list[Group] = []
    for shown, picture in show_progress(draw(styles), "style", len(styles)):
        by = ", ".join(filter(None, [shown.style.artist, shown.style.year]))
        caption = Text(f"{shown.style.id}\n{shown.style.title or ''}\n{by}", overflow="ellipsis", no_wrap=True)
        caption.stylize("bold", 0, len(shown.style.id))
        row.append(Group(kind(picture, width=CELLS), caption))
        if len(row) == columns:
            grid.add_row(*row)
            row = []
    if row:
        grid.add_row(*row)
    console.print(grid)


def draw(styles: list[Shown]) -> Iterator[tuple[Shown, Image.Image]]:
    """Yield each style with the sample photo in it, by the smallest model that has it."""
    from PIL import Image

    from stylezoo.stylizer.loading import load
    from stylezoo.stylizer.stylizer import Stylizer
    from stylezoo.zoo.catalog import model_info
    from stylezoo.zoo.store import BUNDLED

    photo = BUNDLED / "astronaut.jpg"
    loaded: dict[str, Stylizer] = {}
    for shown in styles:
        sizes = {name: spec.weights.bytes for name in shown.models if (spec := model_info(name)).weights}
        name = min(sizes, key=sizes.__getitem__)
        if name not in loaded:
            loaded[name] = load(name)
        stylized = loaded[name].stylize(photo, shown.style.id, size=DRAWN)
        assert isinstance(stylized, Image.Image)
        yield shown, stylized
