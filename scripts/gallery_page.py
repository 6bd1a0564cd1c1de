"""Write the gallery: docs/gallery.md, and below docs/gallery/ sample photos in every style of every bundled net.

    python scripts/gallery_page.py               # pictures of nets whose weights are others than those of the page
    python scripts/gallery_page.py --all         # all pictures
    python scripts/gallery_page.py --check       # fail if the page is not of the zoo's weights; draws nothing

The page is made of zoo.yaml and results/, and what is changed in it by hand is lost.
"""

from __future__ import annotations

import math
import re
import shutil
import statistics
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import click
import skimage.data
from gallery import style_picture
from PIL import Image

import stylezoo
from stylezoo._files import replacing
from stylezoo.images.io import write
from stylezoo.stylizer.stylizer import Stylizer
from stylezoo.types import StyleLike
from stylezoo.zoo.card_figures import overall_figures
from stylezoo.zoo.layout import read_zoo
from stylezoo.zoo.markdown import code, image, plain
from stylezoo.zoo.results import Results, read_results
from stylezoo.zoo.spec import ModelSpec, StyleSpec, Zoo

ROOT = Path(__file__).resolve().parents[1]
DOCS = ROOT / "docs"
PHOTOS = ("astronaut", "coffee", "chelsea")
PICTURES = {"mosaic": "a mosaic", "watercolor": "a watercolour", "comic": "a printed comic"}
"""Style pictures of recipes/styles/, for nets that take any."""

PAINTED, HEIGHT, GAP, QUALITY = 512, 168, 6, 72  # px, px, px; of WebP: some 20 KB a strip

INTRODUCTION = f"""# Gallery

Three photos of scikit-image ({", ".join(PHOTOS)}) in every style of every bundled net, stylized at a long side of
{PAINTED} px. `python scripts/gallery_page.py` draws this page from the zoo. On your own photo:

```
stylezoo sheet photo.jpg -m cin/16 -o sheet.jpg
```

Nets and their styles are ordered by texture error ([T](measuring.md), less is better), the best first; nets for any
style are last. [The nets' cards](zoo/README.md) say why each painting may be used, and have all other figures.
"""


def make_page(zoo: Zoo) -> str:
    """Return the page's text."""
    parts = [INTRODUCTION.rstrip()]
    for spec in sorted(drawn_models(zoo), key=lambda spec: (spec.kind == "arbitrary", texture_error(spec))):
        parts += [f"## {plain(spec.name)}", f"{plain(spec.summary)}: [card](zoo/{stem(spec.name)}.md).", mark(spec)]
        for name, title, command in strips(spec):
            parts += [
                f"{title}: {command}",
                image(f"{' '.join(PHOTOS)}: {title}", f"gallery/{stem(spec.name)}/{name}.webp"),
            ]
    return "\n\n".join(parts) + "\n"


def drawn_models(zoo: Zoo) -> list[ModelSpec]:
    """Return the nets of the gallery: those that travel in the package."""
    return [spec for spec in zoo.models.values() if spec.weights and spec.weights.bundled]


def strips(spec: ModelSpec) -> Iterator[tuple[str, str, str]]:
    """Yield a net's rows of pictures: the name of the file, whose style it is, and how to ask for it."""
    for name, what in PICTURES.items() if spec.kind == "arbitrary" else ():
        yield f"any_{name}", f"In the style of {what}", code(f"-m {spec.name} -s {name}.jpg")
    for style in sorted(spec.styles, key=lambda style: texture_error(spec, style.id)):
        option = "" if spec.kind == "single" else f" -s {style.id}"
        yield style.id, whose(style), code(f"-m {spec.name}{option}")


def whose(style: StyleSpec) -> str:
    """Return a style's title, artist and year."""
    return plain(", ".join(filter(None, [style.title, style.artist, style.year])))


def texture_error(spec: ModelSpec, style: str | None = None) -> float:
    """Return the recorded T of a style, or the mean of a net's figures; infinite if there is none."""
    found = [f.mean for f in overall_figures(spec, measured()["T"]) if style in (None, f.style)]
    return statistics.fmean(found) if found else math.inf


@cache
def measured() -> dict[str, Results]:
    return read_results(ROOT / "results")


def mark(spec: ModelSpec) -> str:
    """Return the line of the page's source that says of which weights a net's pictures are."""
    assert spec.weights is not None
    return f"<!-- drawn with {spec.name} {spec.weights.sha256[:16]} -->"


def stem(name: str) -> str:
    return name.replace("/", "_")


def find_stale(zoo: Zoo, docs: Path) -> list[str]:
    """Return the nets of which the page in a folder has no pictures, or such of other weights."""
    page = docs / "gallery.md"
    drawn = re.findall("<!-- drawn with .*? -->", page.read_text(encoding="utf-8")) if page.is_file() else []
    return [
        spec.name
        for spec in drawn_models(zoo)
        if mark(spec) not in drawn
        or not all((docs / "gallery" / stem(spec.name) / f"{name}.webp").is_file() for name, *_ in strips(spec))
    ]


def draw(net: Stylizer, folder: Path) -> None:
    """Write all pictures of a net into a folder of their own."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    photos = [Image.fromarray(getattr(skimage.data, name)()) for name in PHOTOS]
    for name, *_ in strips(net.spec):
        picture = style_picture(name.removeprefix("any_")) if name.startswith("any_") else None
        style: StyleLike = picture or name
        stylized = [net.stylize(photo, net.encode_style(style), size=PAINTED) for photo in photos]
        write(strip([picture, *stylized] if picture else stylized), folder / f"{name}.webp", quality=QUALITY)


def strip(pictures: list[Image.Image]) -> Image.Image:
    """Return pictures in a row, of one height."""
    scaled = [picture.resize((round(picture.width * HEIGHT / picture.height), HEIGHT)) for picture in pictures]
    row = Image.new("RGB", (sum(picture.width + GAP for picture in scaled) - GAP, HEIGHT), "white")
    left = 0
    for picture in scaled:
        row.paste(picture, (left, 0))
        left += picture.width + GAP
    return row


@click.command()
@click.option("--all", "everything", is_flag=True, help="Draw all pictures again.")
@click.option("--check", is_flag=True, help="Write nothing; fail if the page is out of date.")
@click.option("--docs", default=DOCS, type=click.Path(path_type=Path), help="The folder of the documentation.")
def main(everything: bool, check: bool, docs: Path) -> None:
    """Write the gallery."""
    zoo = read_zoo(ROOT / "zoo.yaml")
    page, text = docs / "gallery.md", make_page(zoo)
    stale = find_stale(zoo, docs)
    if check:
        if stale or page.read_text(encoding="utf-8") != text:
            what = f"the pictures of {', '.join(stale)} are" if stale else "the page is"
            raise click.ClickException(f"{what} not of zoo.yaml and results/: run python scripts/gallery_page.py")
        return
    for name in [spec.name for spec in drawn_models(zoo)] if everything else stale:
        draw(stylezoo.load(name), docs / "gallery" / stem(name))
        click.echo(docs / "gallery" / stem(name))
    kept = {stem(spec.name) for spec in drawn_models(zoo)}
    for folder in (docs / "gallery").iterdir():
        if folder.name not in kept:
            shutil.rmtree(folder)
    with replacing(page) as temporary:
        temporary.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
