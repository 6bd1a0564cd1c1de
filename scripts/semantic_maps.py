"""Draw the picture of docs/semantic-maps.md: scikit-image's cup of coffee in the two halves of a style image.

python scripts/semantic_maps.py               # minutes, most of them for gatys/vgg19
python scripts/semantic_maps.py --out FOLDER  # write the four inputs too, for commands of your own
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from stylezoo.images.io import write
from stylezoo.images.page import labelled_page
from stylezoo.stylizer.loading import load

ROOT = Path(__file__).resolve().parents[1]
CUP, TABLE = (255, 0, 0), (0, 0, 255)
SIZE, SHOWN = 384, (300, 200)  # px of the style image, and of each picture on the page
MODELS: dict[str, dict[str, Any]] = {name: {} for name in ("any", "adain/vgg19", "wct/vgg19", "styleswap/vgg19")}
MODELS["gatys/vgg19"] = {"size": 200, "style_size": 128, "steps": 40}  # larger ones take long
BRICKS = np.array([[226, 88, 34], [240, 150, 40], [250, 214, 120], [196, 44, 40], [252, 236, 200]])


def content() -> tuple[Image.Image, Image.Image]:
    """Return the photo, and its map, drawn by hand."""
    from skimage import data

    photo = Image.fromarray(data.coffee())
    guide = Image.new("RGB", photo.size, TABLE)
    draw = ImageDraw.Draw(guide)
    draw.ellipse((78, 60, 482, 390), fill=CUP)  # the saucer
    draw.ellipse((176, 16, 408, 200), fill=CUP)  # the cup
    draw.polygon([(380, 90), (410, 70), (424, 90), (400, 150)], fill=CUP)  # the spoon
    return photo, guide


def style() -> tuple[Image.Image, Image.Image]:
    """Return waves next to bricks, and their map."""
    y, x = np.mgrid[:SIZE, :SIZE].astype(float)
    left = (x + 0.25 * (y - SIZE / 2) < SIZE / 2)[..., None]
    picture = np.where(left, waves(y, x), bricks(y, x)).clip(0, 255)
    return Image.fromarray(picture.astype(np.uint8)), Image.fromarray(np.where(left, TABLE, CUP).astype(np.uint8))


def waves(y: NDArray[np.float64], x: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return blue waves with light crests, (H, W, 3) in levels."""
    rise = (np.sin(y / 9 + 1.6 * np.sin(x / 23 + y / 70) + 1.1 * np.sin(x / 51 - y / 37)) + 1) / 2
    glow = (np.sin(x / 31 + y / 17) + 1) / 2
    return np.stack([20 + 60 * rise * glow + 150 * (rise > 0.93), 60 + 110 * rise, 120 + 120 * rise], axis=-1)


def bricks(y: NDArray[np.float64], x: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return bricks in warm colours with dark joints, (H, W, 3) in levels."""
    side, joint = 24, 3
    row = (y // side).astype(int)
    across = x + row % 2 * side / 2
    picked = np.random.default_rng(0).integers(0, len(BRICKS), (SIZE // side + 2, SIZE // side + 2))
    wall = BRICKS[picked[row, (across // side).astype(int)]].astype(float)
    wall[(y % side < joint) | (across % side < joint)] = (90, 40, 30)
    return wall


@click.command()
@click.option("--out", type=click.Path(file_okay=False, path_type=Path), help="Write the inputs to this folder.")
def main(out: Path | None) -> None:
    """Draw."""
    photo, content_map = content()
    image, style_map = style()
    inputs = {"photo": photo, "a": content_map, "painting": image, "b": style_map}
    for name, picture in inputs.items() if out else ():
        write(picture, Path(out or ".") / f"{name}.png", overwrite=True)
    maps: dict[str, Any] = {"content_map": content_map, "style_map": style_map}
    cells = [(photo, ("Photo", "")), (content_map, ("Its map", "a.png"))]
    cells += [(image, ("Style image", "")), (style_map, ("Its map", "b.png"))]
    for model, options in MODELS.items():
        net = load(model)
        cells.append((net.stylize(photo, image, **maps, **options), ("With the maps", net.spec.name)))
        if model == "any":
            cells.insert(4, (net.stylize(photo, image), ("Without", net.spec.name)))
    shown = [picture.resize(SHOWN if picture.width > picture.height else (SHOWN[1],) * 2) for picture, _ in cells]
    target = ROOT / "docs" / "images" / "semantic_maps.jpg"
    write(labelled_page(shown, [title for _, title in cells], columns=5), target, overwrite=True, quality=85)
    click.echo(f"{target.relative_to(ROOT)} {target.stat().st_size / 1000:.0f} kB")


if __name__ == "__main__":
    main()
