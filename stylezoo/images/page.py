"""Lay out pages of labelled pictures, in rows or in a dense square, with the font bundled with Pillow."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Sequence
from math import ceil, log

from PIL import Image, ImageDraw, ImageFont

PAPER, INK, PALE, LINE = (253, 253, 252), (34, 34, 34), (120, 120, 118), (226, 226, 223)

Title = tuple[str, str]
"""The two lines of a label: a title, and a name in grey."""


def labelled_page(
    pictures: Sequence[Image.Image | None], titles: Sequence[Title], columns: int | None = None
) -> Image.Image:
    """Lay pictures out in rows, each with its title below.

    Args:
        pictures: RGB, each centred in its cell. Cells are as wide as the widest picture, and as high as the highest in
            their row. None leaves a cell empty.
        titles: for each picture a title, which is shortened to fit, and a name, which is not; either may be "".
        columns: pictures per row; None: chosen for a page somewhat wider than high.
    """
    sizes = [picture.size for picture in pictures if picture]
    width, height = (max(sides) for sides in zip(*sizes, strict=True))
    type_ = _Type(max(width, height))
    gap = max(10, max(width, height) // 14)
    cell = max(width, type_.note_width(titles))
    below = type_.height(titles)
    columns = min(columns or _columns(len(pictures), (cell + gap) / (height + below + gap)), len(pictures))
    rows = [pictures[start : start + columns] for start in range(0, len(pictures), columns)]
    heights = [max((picture.height for picture in row if picture), default=0) for row in rows]
    down = sum(heights) + len(rows) * (below + gap) + 2 * gap
    page = Image.new("RGB", (columns * (cell + gap) + 2 * gap, down), PAPER)
    draw = ImageDraw.Draw(page)
    y = gap * 3 // 2
    for index, (picture, title) in enumerate(zip(pictures, titles, strict=True)):
        row, column = divmod(index, columns)
        if index and not column:
            y += heights[row - 1] + below + gap
        x = gap * 3 // 2 + column * (cell + gap)
        if picture:
            left, top = x + (width - picture.width) // 2, y + (heights[row] - picture.height) // 2
            frame = (left - 1, top - 1, left + picture.width, top + picture.height)
            draw.rectangle(frame, outline=LINE)  # shows the edge of a white picture
            page.paste(picture, (left, top))
        type_.write(draw, title, x, y + heights[row], cell)
    return page


def square_page(pictures: Sequence[Image.Image], corners: Sequence[Title], steps: int) -> Image.Image:
    """Lay pictures out in a dense square, with the titles of its corners above and below."""
    width, height = pictures[0].size
    type_ = _Type(max(width, height))
    gap = max(3, max(width, height) // 48)
    margin = max(15, max(width, height) // 9)
    strip = type_.height(corners)
    across = max(steps * (width + gap) - gap, 2 * type_.note_width(corners) + margin)
    down = steps * (height + gap) - gap
    page = Image.new("RGB", (across + 2 * margin, down + 2 * (strip + margin)), PAPER)
    draw = ImageDraw.Draw(page)
    left, top = (page.width - steps * (width + gap) + gap) // 2, margin + strip
    for index, picture in enumerate(pictures):
        row, column = divmod(index, steps)
        page.paste(picture, (left + column * (width + gap), top + row * (height + gap)))
    half = (across - margin) // 2
    for index, title in enumerate(corners):
        x, anchor = (page.width - margin, "r") if index % 2 else (margin, "l")
        type_.write(draw, title, x, top + down if index > 1 else margin - type_.line // 4, half, anchor)
    return page


def printable(text: str) -> str:
    """Return text in the characters of Pillow's font; "" if it is in another script."""
    plain = unicodedata.normalize("NFKD", text.translate(_PLAIN))
    plain = "".join(letter for letter in plain if not unicodedata.combining(letter))
    return plain if plain.isascii() else ""


class _Type:
    """Two font sizes in proportion to pictures of `side` px, and how to draw titles in them."""

    def __init__(self, side: int) -> None:
        self.large, self.small = _font(max(12, side / 16)), _font(max(11, side / 19))
        self.line = round(self.large.size * 1.3)

    def note_width(self, titles: Iterable[Title]) -> int:
        """Return the width of the widest name, which is never shortened."""
        return ceil(max(self.small.getlength(note) for _, note in titles))

    def height(self, titles: Iterable[Title]) -> int:
        """Return the height of the titles above or below a picture."""
        lines = max(sum(map(bool, title)) for title in titles)
        return round(self.large.size * 0.5) + lines * self.line

    def write(self, draw: ImageDraw.ImageDraw, title: Title, x: int, y: int, width: int, anchor: str = "l") -> None:
        """Draw a title below `y`, aligned at `x` on its left ("l") or right ("r") side."""
        baseline = y + round(self.large.size * 1.35)
        for text, font, colour in ((title[0], self.large, INK), (title[1], self.small, PALE)):
            if text:
                draw.text((x, baseline), _shortened(text, font, width), colour, font, anchor=f"{anchor}s")
                baseline += self.line


def _columns(count: int, aspect: float) -> int:
    """Return the cells per row, each `aspect` times as wide as high, for a page of about 4:3 with few empty cells."""

    def misfit(columns: int) -> float:
        rows = -(-count // columns)
        return abs(log(aspect * columns / rows / (4 / 3))) + (rows * columns - count) / count

    return min(range(1, count + 1), key=misfit)


def _font(size: float) -> ImageFont.FreeTypeFont:
    """Return the font bundled with Pillow."""
    font = ImageFont.load_default(size)
    assert isinstance(font, ImageFont.FreeTypeFont)  # true if a size is given
    return font


def _shortened(text: str, font: ImageFont.FreeTypeFont, width: int) -> str:
    """Return text of at most `width` px, shortened with an ellipsis."""
    if font.getlength(text) <= width:
        return text
    while text and font.getlength(f"{text}…") > width:
        text = text[:-1]
    return f"{text.rstrip()}…"


_PLAIN = str.maketrans({"–": "-", "—": "-", "‘": "'", "’": "'", "“": '"', "”": '"', "ø": "o", "Ø": "O", "ł": "l"})
_PLAIN |= str.maketrans({"Ł": "L", "ß": "ss", "æ": "ae", "Æ": "Ae", "œ": "oe", "Œ": "Oe", "×": "x"})
