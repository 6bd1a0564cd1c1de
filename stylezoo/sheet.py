"""Contact sheets: what one photo becomes in many styles, between styles or at several strengths, on a labelled page."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from math import ceil, log
from typing import Any

from PIL import Image, ImageDraw, ImageFont

from stylezoo.errors import OptionError, StyleError, did_you_mean
from stylezoo.image.io import read
from stylezoo.image.pillow import to_pil
from stylezoo.image.resize import fit_long_side, resize
from stylezoo.stylizer import Stylizer
from stylezoo.types import ImageLike, StyleLike

STRENGTHS = (0.25, 0.5, 0.75, 1.0, 1.5)
PAINTED = 512  # px; what is smaller on the page is painted at this size and shrunk: strokes as in a picture of use
LARGEST = 2048  # px; a larger photo is shrunk to this once, and not again for every picture
PAPER, INK, PALE, LINE = (253, 253, 252), (34, 34, 34), (120, 120, 118), (226, 226, 223)


@dataclass(frozen=True)
class Painting:
    """One picture of a sheet: how it is painted, and what stands below it."""

    stylizer: Stylizer
    style: StyleLike
    title: str
    note: str = ""
    options: dict[str, Any] = field(default_factory=dict)


Progress = Callable[[Sequence[Painting]], Iterable[Painting]]
Title = tuple[str, str]
"""The two lines of a label: a title, and in grey the name to type."""


def contact_sheet(
    stylizer: Stylizer | Sequence[Stylizer],
    photo: ImageLike,
    styles: Sequence[str] | None = None,
    *,
    size: int = 256,
    columns: int | None = None,
    progress: Progress = iter,
    **options: Any,
) -> Image.Image:
    """Return a page of the photo and of what the styles of one or several models make of it.

    Args:
        photo: one picture, as `Stylizer.stylize` takes it; what is transparent becomes white.
        styles: the ids to show, in this order; None: all.
        size: long side of each picture in px, from 32 to 2048.
        columns: pictures in a row; None: as many as make a page somewhat wider than high.
        progress: wraps the pictures to paint, for example in a progress bar.
        **options: of `Stylizer.stylize`: strength, stroke, preserve_color.

    Returns:
        An RGB picture. Below each picture stand the style's title and the names that `load` and `stylize` take.

    Raises:
        StyleError: none of the models has that style, or they know none by name.
        OptionError, ImageError: an option or the photo cannot be used, and why.
    """
    if columns is not None and columns < 1:
        raise OptionError(f"columns must be at least 1, not {columns}")
    paintings = _choose(stylizer, styles)
    original, pictures = _paint(paintings, photo, size, progress, options)
    titles = [("Photo", ""), *((p.title, p.note) for p in paintings)]
    return labelled_page([original, *pictures], titles, columns)


def strength_sheet(
    stylizer: Stylizer,
    photo: ImageLike,
    styles: Sequence[str] | None = None,
    *,
    strengths: Sequence[float] = STRENGTHS,
    size: int = 256,
    progress: Progress = iter,
    **options: Any,
) -> Image.Image:
    """Return a row for each style, from the photo on through `strengths`; for the rest see `contact_sheet`."""
    chosen = _choose(stylizer, styles)
    paintings = [
        Painting(stylizer, p.style, f"{strength:g}", p.note, {"strength": strength})
        for p in chosen
        for strength in strengths
    ]
    original, pictures = _paint(paintings, photo, size, progress, options)
    cells = list(zip(pictures, [(p.title, p.note) for p in paintings], strict=True))
    for row in range(len(chosen)):
        cells.insert(row * (len(strengths) + 1), (original, ("0", "photo")))
    return labelled_page([c[0] for c in cells], [c[1] for c in cells], columns=len(strengths) + 1)


def blend_sheet(
    stylizer: Stylizer,
    photo: ImageLike,
    styles: Sequence[str],
    *,
    steps: int | None = None,
    size: int = 256,
    progress: Progress = iter,
    **options: Any,
) -> Image.Image:
    """Return the way from one style to another, or what lies between four.

    Args:
        styles: two ids, the ends of a line; or four, the corners of a square, between which the weights are bilinear:
            top left, top right, bottom left, bottom right.
        steps: pictures on the line or on each side of the square; None: 7 on a line, 5 on a side.
        photo, size, progress, **options: see `contact_sheet`.

    Raises:
        StyleError: the model has no such style, or only one in all.
        OptionError: another number of styles, one of them twice, fewer than two steps, or another option.
        ImageError: the photo cannot be used.
    """
    if len(stylizer.styles) < 2:
        raise StyleError(f"{stylizer.spec.name} has no two styles to blend: take a model of several, such as cin/16")
    if len(styles) not in (2, 4):
        names = f": {', '.join(styles)}" if styles else ""
        raise OptionError(f"a blend is of 2 styles (a line) or 4 (a square), not {len(styles)}{names}")
    if len(set(styles)) < len(styles):
        raise OptionError(f"a blend is of styles that differ, not {', '.join(styles)}")
    line = len(styles) == 2
    steps = (7 if line else 5) if steps is None else steps
    if steps < 2:
        raise OptionError(f"steps must be at least 2, not {steps}")
    ends = _choose(stylizer, styles)

    way = [step / (steps - 1) for step in range(steps)]
    rows = [(1.0,)] if line else [(1 - v, v) for v in way]
    weights = [[down * across for down in row for across in (1 - u, u)] for row in rows for u in way]
    mixes = [dict(zip(styles, shares, strict=True)) for shares in weights]
    _, pictures = _paint([Painting(stylizer, mix, "") for mix in mixes], photo, size, progress, options)
    titles = [(p.title, p.note) for p in ends]
    if not line:
        return _square(pictures, titles, steps)
    between = [("", f"{a:.2f} : {b:.2f}") for a, b in weights[1:-1]]
    return labelled_page(pictures, [titles[0], *between, titles[1]], columns=steps)


def labelled_page(pictures: Sequence[Image.Image], titles: Sequence[Title], columns: int | None = None) -> Image.Image:
    """Lay pictures out in rows, each with its title below.

    Args:
        pictures: RGB, all of one size.
        titles: for each picture a title, shortened where it is too long, and a name, which never is; either may be "".
        columns: see `contact_sheet`.
    """
    width, height = pictures[0].size
    type_ = _Type(max(width, height))
    gap = max(10, max(width, height) // 14)
    cell = max(width, type_.note_width(titles))
    below = type_.height(titles)
    columns = min(columns or _columns(len(pictures), (cell + gap) / (height + below + gap)), len(pictures))
    rows = -(-len(pictures) // columns)
    page = Image.new("RGB", (columns * (cell + gap) + 2 * gap, rows * (height + below + gap) + 2 * gap), PAPER)
    draw = ImageDraw.Draw(page)
    for index, (picture, title) in enumerate(zip(pictures, titles, strict=True)):
        row, column = divmod(index, columns)
        x, y = gap * 3 // 2 + column * (cell + gap), gap * 3 // 2 + row * (height + below + gap)
        draw.rectangle((x - 1, y - 1, x + width, y + height), outline=LINE)  # where a white picture ends
        page.paste(picture, (x, y))
        type_.write(draw, title, x, y + height, cell)
    return page


def _choose(stylizers: Stylizer | Sequence[Stylizer], styles: Sequence[str] | None) -> list[Painting]:
    """Return a painting for each style that is to be shown, titled as its record says."""
    nets = [stylizers] if isinstance(stylizers, Stylizer) else list(stylizers)
    several = len(nets) > 1
    paintings = []
    for net in nets:
        for style in net.spec.styles:
            name = style.id
            if several:
                name = net.spec.name if net.kind == "single" else f"{net.spec.name} -s {style.id}"
            title = _printable(style.title)
            paintings.append(Painting(net, style.id, "" if title == style.id else title, name))
    if not paintings:
        raise StyleError(f"{', '.join(net.spec.name for net in nets) or 'no model'} has no styles of its own to show")
    if styles is None:
        return paintings
    known = list(dict.fromkeys(str(p.style) for p in paintings))
    for name in styles:
        if name not in known:
            who = " or ".join(net.spec.name for net in nets)
            near = did_you_mean(name, known)
            raise StyleError(f"no style '{name}' in {who}: there are {', '.join(known)}.{near}")
    return [p for name in styles for p in paintings if p.style == name]


def _paint(
    paintings: Sequence[Painting], photo: ImageLike, size: int, progress: Progress, options: dict[str, Any]
) -> tuple[Image.Image, list[Image.Image]]:
    """Return the photo and the paintings with a long side of `size` px."""
    if not 32 <= size <= LARGEST:
        raise OptionError(f"size must be the long side of each picture in px, from 32 to {LARGEST}, not {size}")
    picture = read(photo)
    pixels = picture.pixels[:1]
    if picture.alpha is not None:
        pixels = pixels * picture.alpha[:1] + (1 - picture.alpha[:1])
    height, width = pixels.shape[-2:]
    if max(height, width) > LARGEST:
        pixels = resize(pixels, fit_long_side(height, width, LARGEST))
    shape = fit_long_side(height, width, size)
    painted = [
        resize(p.stylizer.stylize(pixels, p.style, size=max(size, PAINTED), **options | p.options), shape)
        for p in progress(paintings)
    ]
    return to_pil(resize(pixels, shape)), [to_pil(p) for p in painted]


class _Type:
    """Two sizes of type in proportion to pictures of `side` px, and how titles are set in them."""

    def __init__(self, side: int) -> None:
        self.large, self.small = _font(max(12, side / 16)), _font(max(11, side / 19))
        self.line = round(self.large.size * 1.3)

    def note_width(self, titles: Iterable[Title]) -> int:
        """Return the width of the widest name, which is never shortened."""
        return ceil(max(self.small.getlength(note) for _, note in titles))

    def height(self, titles: Iterable[Title]) -> int:
        """Return how much the titles take below the edge of a picture, or above it."""
        lines = max(sum(map(bool, title)) for title in titles)
        return round(self.large.size * 0.5) + lines * self.line

    def write(self, draw: ImageDraw.ImageDraw, title: Title, x: int, y: int, width: int, anchor: str = "l") -> None:
        """Set a title below the edge at `y`, from `x` on to the right ("l") or to the left ("r")."""
        baseline = y + round(self.large.size * 1.35)
        for text, font, colour in ((title[0], self.large, INK), (title[1], self.small, PALE)):
            if text:
                draw.text((x, baseline), _shortened(text, font, width), colour, font, anchor=f"{anchor}s")
                baseline += self.line


def _square(pictures: Sequence[Image.Image], corners: Sequence[Title], steps: int) -> Image.Image:
    """Lay pictures out in a dense square, the titles of its corners above and below."""
    width, height = pictures[0].size
    type_ = _Type(max(width, height))
    gap = max(3, max(width, height) // 48)
    margin = max(15, max(width, height) // 9)
    beside = type_.height(corners)
    across = max(steps * (width + gap) - gap, 2 * type_.note_width(corners) + margin)
    down = steps * (height + gap) - gap
    page = Image.new("RGB", (across + 2 * margin, down + 2 * (beside + margin)), PAPER)
    draw = ImageDraw.Draw(page)
    left, top = (page.width - steps * (width + gap) + gap) // 2, margin + beside
    for index, picture in enumerate(pictures):
        row, column = divmod(index, steps)
        page.paste(picture, (left + column * (width + gap), top + row * (height + gap)))
    half = (across - margin) // 2
    for index, title in enumerate(corners):
        x, anchor = (page.width - margin, "r") if index % 2 else (margin, "l")
        type_.write(draw, title, x, top + down if index > 1 else margin - type_.line // 4, half, anchor)
    return page


def _columns(count: int, aspect: float) -> int:
    """Return how many cells, each `aspect` times as wide as high, a row should have for a page of about 4 to 3.

    Places that would stay empty count against it.
    """

    def misfit(columns: int) -> float:
        rows = -(-count // columns)
        return abs(log(aspect * columns / rows / (4 / 3))) + (rows * columns - count) / count

    return min(range(1, count + 1), key=misfit)


def _font(size: float) -> ImageFont.FreeTypeFont:
    """Return the typeface that travels inside Pillow."""
    font = ImageFont.load_default(size)
    assert isinstance(font, ImageFont.FreeTypeFont)  # as it is whenever a size is given
    return font


def _shortened(text: str, font: ImageFont.FreeTypeFont, width: int) -> str:
    """Return text that is at most `width` px long, with an ellipsis where letters had to go."""
    if font.getlength(text) <= width:
        return text
    while text and font.getlength(f"{text}…") > width:
        text = text[:-1]
    return f"{text.rstrip()}…"


def _printable(text: str) -> str:
    """Return text in the letters that Pillow's own font has, or nothing where it is in another script."""
    plain = unicodedata.normalize("NFKD", text.translate(_PLAIN))
    plain = "".join(letter for letter in plain if not unicodedata.combining(letter))
    return plain if plain.isascii() else ""


_PLAIN = str.maketrans({"–": "-", "—": "-", "‘": "'", "’": "'", "“": '"', "”": '"', "ø": "o", "Ø": "O", "ł": "l"})
_PLAIN |= str.maketrans({"Ł": "L", "ß": "ss", "æ": "ae", "Æ": "Ae", "œ": "oe", "Œ": "Oe", "×": "x"})
