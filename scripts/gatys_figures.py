"""Draw the pictures of docs/gatys.md: docs/images/gatys_NAME.jpg, all of them or those that are named.

    python scripts/gatys_figures.py layers --out .

Each takes some minutes. Below a picture stand its content and its style term: those of the loss that it descended.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import click
import skimage.data
from PIL import Image

import stylezoo
from stylezoo.images.io import write
from stylezoo.sheet import Title, labelled_page

ROOT = Path(__file__).resolve().parents[1]
PHOTO = Image.fromarray(skimage.data.astronaut())
STYLE = Image.open(ROOT / "recipes" / "styles" / "mosaic.jpg").convert("RGB")
CONTENT = ("relu1_2", "relu2_2", "relu3_2", "relu4_2", "relu5_2")
STYLES = ("relu1_1", "relu2_1", "relu3_1", "relu4_1", "relu5_1")

SMALL = 144  # px

Cell = tuple[Image.Image, Title]


def stylize(title: str, size: int, steps: int, style_size: int, note: str = "", **tuning: Any) -> Cell:
    """Return the stylized photo with its title and, where there is no note, its terms."""
    best = {"total": float("inf")}

    def keep(step: int, image: Any, terms: dict[str, float]) -> None:
        if terms["total"] < best["total"] or step == 0:
            best.update(terms)

    net = stylezoo.load("gatys/vgg19")
    stylized = net.stylize(
        PHOTO,
        STYLE,
        size=size,
        steps=steps,
        style_size=style_size,
        callback=keep,
        progress=sys.stderr.isatty(),
        **tuning,
    )
    return stylized, (title, note or f"C {best['content']:.2f}  S {best['style']:.3f}")


def painting() -> Image.Image:
    """The photo, the style, and what becomes of both."""
    size = 256
    cells = [
        (PHOTO.resize((size, size)), ("Photo", "")),
        (STYLE.resize((size, size)), ("Style", "recipes/styles/mosaic.jpg")),
        stylize("60 steps", size, 60, 320),
    ]
    return page(cells, size)


def layers() -> Image.Image:
    """From noise: the photo from one layer's features, and the style from the Gram matrices up to one layer."""
    size, draw = 112, partial(stylize, size=112, steps=60, style_size=256, start="noise")
    above = [draw(layer, note="photo", content_layers=layer, style_weight=0) for layer in CONTENT]
    below = [
        draw(f"... {layer}" if i else layer, note="style", style_layers=STYLES[: i + 1], content_weight=0)
        for i, layer in enumerate(STYLES)
    ]
    return page(above + below, size, columns=5)


def starts() -> Image.Image:
    """The same steps from other starts and with the other optimiser."""
    draw = partial(stylize, size=SMALL, steps=50, style_size=224)
    cells = [
        draw("photo, lbfgs"),
        draw("photo, adam", optimizer="adam"),
        draw("noise, lbfgs", start="noise"),
        draw("noise, adam", start="noise", optimizer="adam"),
        draw("noise, lbfgs, 2 stages", start="noise", stages=2),
    ]
    return page(cells, SMALL)


def choices() -> Image.Image:
    """Other weights, another content layer and other pooling."""
    draw = partial(stylize, size=SMALL, steps=50, style_size=224)
    cells = [
        draw("style weight 1", style_weight=1),
        draw("style weight 100", style_weight=100),
        draw("content at relu2_2", content_layers="relu2_2"),
        draw("average pooling", pooling="avg"),
        draw("style at 128 px", style_size=128),
    ]
    return page(cells, SMALL)


def page(cells: list[Cell], size: int, columns: int | None = None) -> Image.Image:
    pictures = [picture.resize((size, size)) for picture, _ in cells]
    return labelled_page(pictures, [title for _, title in cells], columns or len(cells))


PICTURES: dict[str, Callable[[], Image.Image]] = {f.__name__: f for f in (painting, layers, starts, choices)}


@click.command()
@click.argument("names", nargs=-1, type=click.Choice(list(PICTURES)))
@click.option(
    "--out", default=ROOT / "docs" / "images", type=click.Path(path_type=Path), help="The folder to write to."
)
def main(names: tuple[str, ...], out: Path) -> None:
    for name in names or PICTURES:
        path = out / f"gatys_{name}.jpg"
        write(PICTURES[name](), path, overwrite=True, quality=87)
        print(path, flush=True)


if __name__ == "__main__":
    main()
