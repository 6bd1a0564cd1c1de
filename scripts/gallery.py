"""Draw the pictures of the documentation: docs/images/NAME.jpg, all of them or those that are named.

python scripts/gallery.py
python scripts/gallery.py blend regions --model runs/cin/16 --out .
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import click
import skimage.data
from PIL import Image, ImageDraw, ImageFilter

import stylezoo
from stylezoo.image.io import write
from stylezoo.sheet import blend_sheet, contact_sheet, labelled_page, strength_sheet
from stylezoo.stylizer import Stylizer

IMAGES = Path(__file__).resolve().parents[1] / "docs" / "images"
ASTRONAUT, CAT, COFFEE = (Image.fromarray(getattr(skimage.data, n)()) for n in ("astronaut", "chelsea", "coffee"))
SIDE, GAP = 512, 8


def gallery(_: Stylizer) -> Image.Image:
    """The astronaut, and what each single-style net makes of her."""
    pictures = [ASTRONAUT] + [stylezoo.stylize(ASTRONAUT, name) for name in stylezoo.list_models(kind="single")]
    columns = 2
    rows = -(-len(pictures) // columns)
    sheet = Image.new("RGB", (columns * (SIDE + GAP) - GAP, rows * (SIDE + GAP) - GAP), "white")
    for i, picture in enumerate(pictures):
        sheet.paste(picture, (i % columns * (SIDE + GAP), i // columns * (SIDE + GAP)))
    return sheet


def cin16(net: Stylizer) -> Image.Image:
    """All styles of a net."""
    return contact_sheet(net, ASTRONAUT, size=212, columns=6)


def blend(net: Stylizer) -> Image.Image:
    """What lies between four styles."""
    return blend_sheet(net, CAT, ["starry_night", "red_eiffel_tower", "great_wave", "composition_vii"], size=240)


def strength(net: Stylizer) -> Image.Image:
    """One style from the photo on to beyond itself."""
    return strength_sheet(net, COFFEE, ["composition_vii"], size=212)


def regions(net: Stylizer) -> Image.Image:
    """A mask with a soft edge around a face, which stays, and two styles that meet in a ramp."""
    face = Image.new("L", ASTRONAUT.size)
    ImageDraw.Draw(face).ellipse((150, 10, 300, 215), fill=255)
    face = face.filter(ImageFilter.GaussianBlur(12))
    ramp = Image.linear_gradient("L").rotate(90).resize(ASTRONAUT.size)
    around = net.stylize(ASTRONAUT, "composition_vii", mask=face.point(lambda light: 255 - light))
    across = net.stylize(ASTRONAUT, "great_wave", mask=[("red_eiffel_tower", ramp)])
    pictures = [face.convert("RGB"), around, ramp.convert("RGB"), across]
    titles = [
        ("Mask, inverted", ""),
        ("Photo in the mask", "composition_vii around it"),
        ("Mask", ""),
        ("From left to right", "great_wave, red_eiffel_tower"),
    ]
    return labelled_page([picture.resize((330, 330)) for picture in pictures], titles, columns=4)


def color(net: Stylizer) -> Image.Image:
    """One style in its own colours and in the photo's."""
    style = "starry_night"
    plain = net.stylize(ASTRONAUT, style)
    kept = [net.stylize(ASTRONAUT, style, preserve_color=how) for how in ("luma", "stats")]
    titles = [("Photo", ""), ("Plain", style), ("luma", style), ("stats", style)]
    pictures = [picture.resize((330, 330)) for picture in (ASTRONAUT, plain, *kept)]
    return labelled_page(pictures, titles, columns=4)


def stroke(net: Stylizer) -> Image.Image:
    """One style in strokes of several sizes."""
    style, strokes = "starry_night", (0.5, 1.0, 2.0, 4.0)
    pictures = [net.stylize(ASTRONAUT, style, stroke=size).resize((330, 330)) for size in strokes]
    return labelled_page(pictures, [(f"stroke {size:g}", style) for size in strokes], columns=4)


PICTURES: dict[str, Callable[[Stylizer], Image.Image]] = {
    draw.__name__: draw for draw in (gallery, cin16, blend, strength, regions, color, stroke)
}


@click.command()
@click.argument("names", nargs=-1, type=click.Choice(list(PICTURES)))
@click.option("--model", default="cin/16", help="The net of several styles.")
@click.option("--out", default=IMAGES, type=click.Path(path_type=Path), help="The folder to write to.")
def main(names: tuple[str, ...], model: str, out: Path) -> None:
    net = stylezoo.load(model)
    for name in names or PICTURES:
        path = out / f"{name}.jpg"
        write(PICTURES[name](net), path, overwrite=True, quality=87)
        print(path)


if __name__ == "__main__":
    main()
