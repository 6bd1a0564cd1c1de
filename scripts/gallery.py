"""Draw the pictures of the documentation: docs/images/NAME.jpg, all of them or those that are named.

python scripts/gallery.py
python scripts/gallery.py blend regions --model runs/cin/16 --out .
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import click
import skimage.data
from PIL import Image, ImageDraw, ImageFilter

import stylezoo
from stylezoo.images.io import write
from stylezoo.sheet import Title, blend_sheet, contact_sheet, grid_sheet, labelled_page, strength_sheet
from stylezoo.stylizer.stylizer import Stylizer

ROOT = Path(__file__).resolve().parents[1]
IMAGES, STYLES = ROOT / "docs" / "images", ROOT / "recipes" / "styles"
ASTRONAUT, CAT, COFFEE = (Image.fromarray(getattr(skimage.data, n)()) for n in ("astronaut", "chelsea", "coffee"))
SIDE, GAP = 512, 8


def style_picture(name: str) -> Image.Image:
    """Return one of the style pictures that programs of this project draw."""
    return Image.open(STYLES / f"{name}.jpg").convert("RGB")


def gallery(_: Stylizer) -> Image.Image:
    """The astronaut, and what each small single-style net makes of her."""
    names = [name for name in stylezoo.list_models(kind="single") if not name.endswith(("-large", "-video"))]
    pictures = [ASTRONAUT] + [stylezoo.stylize(ASTRONAUT, name) for name in names]
    columns = 3
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
    return blend_sheet(net, CAT, ["starry_night", "red_eiffel_tower", "great_wave", "composition_vii"], size=160)


def strength(net: Stylizer) -> Image.Image:
    """One style from the photo on to beyond itself."""
    return strength_sheet(net, COFFEE, ["composition_vii"], size=212)


def regions(net: Stylizer) -> Image.Image:
    """A soft mask that leaves a face as it is, and a ramp between two styles."""
    around_face = Image.new("L", ASTRONAUT.size, "white")
    ImageDraw.Draw(around_face).ellipse((168, 22, 288, 172), fill="black")
    around_face = around_face.filter(ImageFilter.GaussianBlur(8))
    ramp = Image.linear_gradient("L").rotate(90).resize(ASTRONAUT.size)
    kept = net.stylize(ASTRONAUT, "composition_vii", mask=around_face)
    across = net.stylize(ASTRONAUT, "great_wave", mask={"red_eiffel_tower": ramp})
    cells = [
        (around_face.convert("RGB"), ("Mask", "")),
        (kept, ("Photo where it is black", "composition_vii")),
        (ramp.convert("RGB"), ("Mask", "")),
        (across, ("From one style to another", "great_wave, red_eiffel_tower")),
    ]
    return _row(cells)


def drawn(_: Stylizer) -> Image.Image:
    """The style pictures that programs of this project draw, and a photo in each."""
    names = ("mosaic", "stained_glass", "woodcut", "comic", "watercolor", "impasto")
    cells: list[tuple[Image.Image, Title]] = []
    for row in (names[:3], names[3:]):
        cells += [(style_picture(name), (f"scripts/draw_{name}.py", "")) for name in row]
        cells += [(stylezoo.stylize(CAT, f"johnson/{name}"), (f"johnson/{name}", "")) for name in row]
    pictures = [picture.resize((330, round(330 * picture.height / picture.width))) for picture, _ in cells]
    return labelled_page(pictures, [title for _, title in cells], 3)


def add_style(net: Stylizer) -> Image.Image:
    """A style that the net has not learnt with the others, from its card; alone and mixed with one of them."""
    learnt = stylezoo.load(net.spec.name).add_card(ROOT / "docs" / "cards" / "mosaic.card.safetensors")
    picture = style_picture("mosaic").resize(ASTRONAUT.size)
    mixed = learnt.stylize(ASTRONAUT, {"mosaic": 0.5, "composition_vii": 0.5})
    cells = [
        (picture, ("The picture", "recipes/styles/mosaic.jpg")),
        (ASTRONAUT, ("Photo", "")),
        (learnt.stylize(ASTRONAUT, "mosaic"), ("From the card", "mosaic")),
        (mixed, ("Mixed half and half", "mosaic, composition_vii")),
    ]
    return _row(cells)


def any_style(_: Stylizer) -> Image.Image:
    """Photos in the styles of pictures that the net has not seen: those that programs of this project draw."""
    styles = [str(STYLES / f"{name}.jpg") for name in ("stained_glass", "watercolor", "woodcut", "comic", "impasto")]
    return grid_sheet(stylezoo.load("any"), [ASTRONAUT, COFFEE, CAT], styles, size=200)


def wct(_: Stylizer) -> Image.Image:
    """One photo in three styles by the methods that change VGG19's features."""
    methods: list[tuple[str, dict[str, Any]]] = [("adain/vgg19", {}), ("wct/vgg19", {}), ("styleswap/vgg19", {})]
    methods.append(("styleswap/vgg19", {"patch": 7, "stride": 4}))
    cells = []
    for name in ("mosaic", "watercolor", "comic"):
        style = style_picture(name)
        cells.append((style.resize((256, 256)), ("The style image", name)))
        for model, options in methods:
            stylized = stylezoo.load(model).stylize(ASTRONAUT, style, size=256, style_size=384, **options)
            cells.append((stylized, (model, ", ".join(f"{key} {value}" for key, value in options.items()) or name)))
    return labelled_page([picture for picture, _ in cells], [title for _, title in cells], len(methods) + 1)


def color(net: Stylizer) -> Image.Image:
    """One style in its own colours and in the photo's."""
    style = "large_blue_horses"
    cells = [(ASTRONAUT, ("Photo", "")), (net.stylize(ASTRONAUT, style), ("Plain", style))]
    for how in ("luma", "stats"):
        cells.append((net.stylize(ASTRONAUT, style, preserve_color=how), (how, style)))
    return _row(cells)


def stroke(net: Stylizer) -> Image.Image:
    """One style in strokes of several sizes."""
    style = "red_eiffel_tower"
    strokes = (0.5, 1.0, 1.5, 2.0)
    return _row([(net.stylize(ASTRONAUT, style, stroke=size), (f"stroke {size:g}", style)) for size in strokes])


def sizes(_: Stylizer) -> Image.Image:
    """One photo at three sizes: the whole, and a part pixel by pixel."""
    net, side = stylezoo.load("johnson/mosaic"), 256
    whole, part = [], []
    for size in (512, 1024, 4000):
        stylized = net.stylize(ASTRONAUT.resize((size, size), Image.Resampling.BICUBIC))
        left, top = round(0.44 * size) - side // 2, round(0.2 * size) - side // 2 + 60
        whole.append((stylized.resize((side, side), Image.Resampling.LANCZOS), (f"{size} px", "the whole")))
        part.append((stylized.crop((left, top, left + side, top + side)), (f"{size} px", "a part at 100 %")))
    return labelled_page([picture for picture, _ in whole + part], [title for _, title in whole + part], 3)


def smooth(_: Stylizer) -> Image.Image:
    """Two details at twice their size, each without and with `smooth`, by nets that are not antialiased."""
    cells = []
    for photo, name, box in (
        (CAT, "johnson/starry_night-large", (90, 60, 310, 220)),
        (ASTRONAUT, "johnson/great_wave-large", (130, 0, 350, 160)),
    ):
        for smooth, note in ((False, "as it is"), (True, "smooth")):
            detail = stylezoo.stylize(photo, name, smooth=smooth).crop(box)
            cells.append((detail.resize((440, 320), Image.Resampling.BICUBIC), (name, note)))
    return labelled_page([picture for picture, _ in cells], [title for _, title in cells], 2)


def _row(cells: list[tuple[Image.Image, Title]]) -> Image.Image:
    return labelled_page(
        [picture.resize((330, 330)) for picture, _ in cells], [title for _, title in cells], len(cells)
    )


PICTURES: dict[str, Callable[[Stylizer], Image.Image]] = {
    draw.__name__: draw
    for draw in (
        gallery,
        drawn,
        cin16,
        blend,
        strength,
        regions,
        add_style,
        any_style,
        wct,
        color,
        stroke,
        sizes,
        smooth,
    )
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
