"""Contact sheets: what photos become in many styles, between styles or at several strengths, on a labelled page."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from itertools import islice
from pathlib import Path
from typing import Any

from PIL import Image

from stylezoo.errors import OptionError, StyleError, did_you_mean
from stylezoo.images.io import read, to_pil
from stylezoo.images.page import Title, labelled_page, printable, square_page
from stylezoo.images.planes import resize
from stylezoo.images.sizes import fit_long_side
from stylezoo.stylizer.stylizer import Stylizer
from stylezoo.types import ImageLike, StyleLike
from stylezoo.zoo.styles import find_style

__all__ = ["Panel", "Title", "blend_sheet", "contact_sheet", "grid_sheet", "labelled_page", "strength_sheet"]

STRENGTHS = (0.25, 0.5, 0.75, 1.0, 1.5)
DRAWN = 512  # px; what is smaller on the page is stylized at this size and shrunk: strokes as in a picture of use
LARGEST = 2048  # px; a larger photo is shrunk to this once, and not again for every picture


@dataclass(frozen=True)
class Panel:
    """One picture of a sheet: how it is stylized, and what stands below it."""

    stylizer: Stylizer
    style: StyleLike
    title: str
    note: str = ""
    options: dict[str, Any] = field(default_factory=dict)


Progress = Callable[[Sequence[Panel]], Iterable[Panel]]


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
        styles: the ids to show, in this order, and where one model takes any picture, paths of pictures; None: all ids.
        size: long side of each picture in px, from 32 to 2048.
        columns: pictures in a row; None: as many as make a page somewhat wider than high.
        progress: wraps the pictures to stylize, for example in a progress bar.
        **options: of `Stylizer.stylize`: strength, stroke, palette, preserve_color, protect, only, style_size.

    Returns:
        An RGB picture. Below each picture stand the style's title and the names that `load` and `stylize` take.

    Raises:
        StyleError: none of the models has that style, or they know none by name.
        OptionError, ImageError: an option or the photo cannot be used, and why.
    """
    if columns is not None and columns < 1:
        raise OptionError(f"columns must be at least 1, not {columns}")
    panels = _choose(stylizer, styles)
    original, pictures = _stylize_one(panels, photo, size, progress, options)
    titles = [("Photo", ""), *((p.title, p.note) for p in panels)]
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
    chosen = _encoded(_choose(stylizer, styles), options)
    panels = [
        Panel(stylizer, p.style, f"{strength:g}", p.note or p.title, {"strength": strength})
        for p in chosen
        for strength in strengths
    ]
    original, pictures = _stylize_one(panels, photo, size, progress, options)
    cells = list(zip(pictures, [(p.title, p.note) for p in panels], strict=True))
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
        styles: two ids or paths of pictures, the ends of a line; or four, the corners of a square, between which the
            weights are bilinear: top left, top right, bottom left, bottom right.
        steps: pictures on the line or on each side of the square; None: 7 on a line, 5 on a side.
        photo, size, progress, **options: see `contact_sheet`.

    Raises:
        StyleError: the model has no such style, or only one in all.
        OptionError: another number of styles, one of them twice, fewer than two steps, or another option.
        ImageError: the photo cannot be used.
    """
    if stylizer.kind != "arbitrary" and len(stylizer.styles) < 2:
        raise StyleError(
            f"{stylizer.spec.name} has fewer than two styles to blend: use a multi-style model such as cin/16"
        )
    if len(styles) not in (2, 4):
        names = f": {', '.join(styles)}" if styles else ""
        raise OptionError(f"a blend takes 2 styles (a line) or 4 (a square), not {len(styles)}{names}")
    if len(set(styles)) < len(styles):
        raise OptionError(f"the styles of a blend must differ, not {', '.join(styles)}")
    line = len(styles) == 2
    steps = (7 if line else 5) if steps is None else steps
    if steps < 2:
        raise OptionError(f"steps must be at least 2, not {steps}")
    ends = _encoded(_choose(stylizer, styles), options)

    way = [step / (steps - 1) for step in range(steps)]
    rows = [(1.0,)] if line else [(1 - v, v) for v in way]
    weights = [[down * across for down in row for across in (1 - u, u)] for row in rows for u in way]
    mixes = [[(end.style, share) for end, share in zip(ends, shares, strict=True)] for shares in weights]
    _, pictures = _stylize_one([Panel(stylizer, mix, "") for mix in mixes], photo, size, progress, options)
    titles = [(p.title, p.note) for p in ends]
    if not line:
        return square_page(pictures, titles, steps)
    between = [("", f"{a:.2f} : {b:.2f}") for a, b in weights[1:-1]]
    return labelled_page(pictures, [titles[0], *between, titles[1]], columns=steps)


def grid_sheet(
    stylizer: Stylizer,
    photos: Sequence[ImageLike],
    styles: Sequence[str],
    *,
    size: int = 256,
    progress: Progress = iter,
    **options: Any,
) -> Image.Image:
    """Return a table with a row for each photo and a column for each style, headed by the style's picture.

    Args:
        photos: pictures; those that are paths are labelled with the file's name.
        styles: ids, which have no picture to show, and, where the model takes any, paths of pictures.
        size, progress, **options: see `contact_sheet`.

    Raises:
        StyleError, OptionError, ImageError: see `contact_sheet`.
    """
    if not photos or not styles:
        raise OptionError(f"a grid needs at least one photo and one style, not {len(photos)} and {len(styles)}")
    chosen = _choose(stylizer, styles)
    heads = [None if p.style in stylizer.styles else _shown(p.style, size) for p in chosen]
    panels = _encoded(chosen, options)
    cells: list[Image.Image | None] = [None, *heads]
    titles: list[Title] = [("", ""), *((p.title, p.note) for p in panels)]
    todo = iter(progress(panels * len(photos)))
    for photo in photos:
        original, stylized = _stylize_one(panels, photo, size, lambda row: islice(todo, len(row)), options)
        cells += [original, *stylized]
        titles += [(_file_name(photo), ""), *[("", "")] * len(stylized)]
    next(todo, None)  # the end, at which a progress bar goes
    return labelled_page(cells, titles, columns=len(styles) + 1)


def _choose(stylizers: Stylizer | Sequence[Stylizer], styles: Sequence[str] | None) -> list[Panel]:
    """Return a panel for each style that is to be shown, titled as its record says."""
    nets = [stylizers] if isinstance(stylizers, Stylizer) else list(stylizers)
    several = len(nets) > 1
    panels = []
    for net in nets:
        for style in net.spec.styles:
            name = style.id
            if several:
                name = net.spec.name if net.kind == "single" else f"{net.spec.name} -s {style.id}"
            title = printable(style.title)
            panels.append(Panel(net, style.id, "" if title == style.id else title, name))
    takers = [net for net in nets if net.kind == "arbitrary"]
    if not panels and (styles is None or not takers):
        raise StyleError(
            f"{', '.join(net.spec.name for net in nets) or 'no model'} has no named styles: name pictures as styles"
        )
    if styles is None:
        return panels
    known = list(dict.fromkeys(str(p.style) for p in panels))
    chosen = []
    for name in styles:
        for net in takers if name not in known else ():
            find_style(net.spec, name)  # raises where it is no picture
            chosen.append(Panel(net, name, _file_name(name), net.spec.name if several else ""))
        if name not in known and not takers:
            who = " or ".join(net.spec.name for net in nets)
            near = did_you_mean(name, known)
            if Path(name).is_file():
                near = " A picture as the style is for a net that takes any, such as 'any'."
            raise StyleError(f"no style '{name}' in {who}: there are {', '.join(known)}.{near}")
        chosen += [p for p in panels if p.style == name]
    return chosen


def _encoded(panels: Sequence[Panel], options: dict[str, Any]) -> list[Panel]:
    """Return the panels with each style's code, so that a picture is encoded once for all that it stylizes.

    But not with preserve_color "stats", by which pictures take on the colours of each photo first.
    """
    if options.get("preserve_color") == "stats":
        return list(panels)
    sized = {key: value for key, value in options.items() if key == "style_size"}
    return [replace(p, style=p.stylizer.encode_style(p.style, **sized)) for p in panels]


def _stylize_one(
    panels: Sequence[Panel], photo: ImageLike, size: int, progress: Progress, options: dict[str, Any]
) -> tuple[Image.Image, list[Image.Image]]:
    """Return the photo and the panels with a long side of `size` px."""
    if not 32 <= size <= LARGEST:
        raise OptionError(f"size must be the long side of each picture in px, from 32 to {LARGEST}, not {size}")
    picture = read(photo)
    height, width = picture.levels.shape[-2:]
    pixels = picture.on_white(LARGEST if max(height, width) > LARGEST else None)[0].transpose(1, 2, 0)
    shape = fit_long_side(height, width, size)
    stylized = [
        p.stylizer.stylize(pixels, p.style, size=max(size, DRAWN), **options | p.options) for p in progress(panels)
    ]
    return _shown(pixels, size), [to_pil(resize(p.transpose(2, 0, 1)[None], shape)) for p in stylized]


def _shown(picture: Any, size: int) -> Image.Image:
    return to_pil(read(picture).on_white(size))


def _file_name(picture: ImageLike) -> str:
    """Return what stands below a picture: its file's name, or nothing if it is from no file."""
    return printable(Path(picture).name) if isinstance(picture, (str, os.PathLike)) else ""
