"""Draw the pictures of docs/textures.md, and measure seams.

    python scripts/textures.py --tileable   # docs/images/tileable.jpg: some seconds
    python scripts/textures.py --texture    # docs/images/texture.jpg: ten minutes on two free cores
    python scripts/textures.py --nets       # docs/images/texture_nets.jpg: some seconds
    python scripts/textures.py --measure    # print the table of seams

The picture that tiles is drawn here: pebbles, each of which is drawn again beyond the opposite edge.
"""

from __future__ import annotations

import itertools
import math
import time
from pathlib import Path

import click
import numpy as np
from PIL import Image, ImageDraw

from stylezoo.images.io import write
from stylezoo.images.page import labelled_page
from stylezoo.stylizer.loading import load
from stylezoo.texture import STEPS, synthesize
from stylezoo.zoo.markdown import table

ROOT = Path(__file__).resolve().parents[1]
TILE, SIDE = 300, 400  # px of the tile, and of each picture on a page
NETS = {"johnson/mosaic": None, "cin/16": "starry_night", "cin/16-large": "the_scream", "ghiasi/lite": "udnie"}
NETS |= {"adain/vgg19": "recipes/styles/mosaic.jpg"}


def pebbles(side: int = TILE, count: int = 170) -> Image.Image:
    """Return a picture of pebbles that tiles."""
    random = np.random.default_rng(5)
    large = 3 * side
    image = Image.new("RGB", (large, large), (64, 56, 50))
    draw = ImageDraw.Draw(image)
    for _ in range(count):
        x, y = random.uniform(0, large, 2)
        radius, turn, flat = large * random.uniform(0.04, 0.09), random.uniform(0, math.pi), random.uniform(0.6, 0.9)
        colour = np.array([190, 170, 150]) * random.uniform(0.4, 1.25) + random.uniform(-18, 18, 3)
        angles = np.linspace(0, 2 * math.pi, 40)
        for shrink, light in ((1.0, 0.55), (0.9, 0.85), (0.7, 1.0), (0.4, 1.12)):
            across, down = radius * shrink * np.cos(angles), radius * shrink * flat * np.sin(angles)
            shade = tuple(int(v) for v in (colour * light).clip(0, 255))
            for right, below in itertools.product((-large, 0, large), repeat=2):
                px = x + right + across * math.cos(turn) - down * math.sin(turn) - radius * (1 - shrink) * 0.3
                py = y + below + across * math.sin(turn) + down * math.cos(turn) - radius * (1 - shrink) * 0.3
                draw.polygon(list(zip(px.tolist(), py.tolist(), strict=True)), fill=shade)
    return image.reduce(3)


def repeated(image: Image.Image, across: int = 2, down: int = 2, side: int = SIDE) -> Image.Image:
    """Return a picture next to itself, cropped to a square of `side` px whose middle is where four meet."""
    tiled = Image.fromarray(np.tile(np.asarray(image), (down, across, 1)))
    half = min(side, *tiled.size) // 2
    x, y = tiled.width // 2, tiled.height // 2
    return tiled.crop((x - half, y - half, x + half, y + half)).resize((side, side), Image.Resampling.LANCZOS)


def seam(image: Image.Image) -> float:
    """Return the larger of two ratios, across and down: the mean difference of opposite edges to that of neighbours."""
    x = np.asarray(image, dtype=np.float64)
    across = np.abs(x[:, 0] - x[:, -1]).mean() / np.abs(np.diff(x, axis=1)).mean()
    down = np.abs(x[0] - x[-1]).mean() / np.abs(np.diff(x, axis=0)).mean()
    return float(max(across, down))


def draw_tileable(target: Path) -> None:
    photo = pebbles()
    net = load("cin/16-large")
    ways = {"Four tiles": photo, "Stylized": net.stylize(photo, "starry_night")}
    ways["With --tileable"] = net.stylize(photo, "starry_night", tileable=True)
    page = labelled_page([repeated(x) for x in ways.values()], [(name, "") for name in ways], columns=3)
    write(page, target, overwrite=True, quality=85)
    click.echo(f"{target} {target.stat().st_size / 1000:.0f} kB")


def draw_texture(target: Path, steps: int) -> None:
    style = ROOT / "recipes/styles/mosaic.jpg"
    began = time.perf_counter()
    texture = synthesize(style, (512, 256), tileable=True, steps=steps, progress=True)
    click.echo(f"512x256 px, {steps} steps: {time.perf_counter() - began:.0f} s, seam {seam(texture):.2f}")
    with Image.open(style) as source:
        shown = [source.convert("RGB").resize((SIDE, SIDE), Image.Resampling.LANCZOS)]
    tiled = Image.fromarray(np.tile(np.asarray(texture), (2, 1, 1)))
    shown += [tiled.resize((SIDE, SIDE), Image.Resampling.LANCZOS), repeated(texture)]
    names = ["The picture", "A texture of 512x256 px, twice", "Where four meet"]
    write(labelled_page(shown, [(name, "") for name in names], columns=3), target, overwrite=True, quality=80)
    click.echo(f"{target} {target.stat().st_size / 1000:.0f} kB")


def draw_nets(target: Path) -> None:
    made = {}
    for name, style in NETS.items():
        known = str(ROOT / style) if style and "/" in style else style
        made[name] = synthesize(known, (SIDE // 2, SIDE // 2), model=name, tileable=True)
        click.echo(f"{name}: seam {seam(made[name]):.2f}")
    page = labelled_page([repeated(x) for x in made.values()], [(name, "") for name in made], columns=len(made))
    write(page, target, overwrite=True, quality=80)
    click.echo(f"{target} {target.stat().st_size / 1000:.0f} kB")


def measure() -> str:
    """Return a table of seams, without and with `tileable`."""
    photo, rows = pebbles(), []
    for name, style in NETS.items():
        net = load(name)
        known = str(ROOT / style) if style and "/" in style else style
        plain, tiled = (seam(net.stylize(photo, known, tileable=tileable)) for tileable in (False, True))
        rows.append([f"`{name}`", f"{plain:.2f}", f"{tiled:.2f}"])
    return table(["model", "without", "`--tileable`"], [["the tile itself", f"{seam(photo):.2f}", ""], *rows])


@click.command()
@click.option("--tileable", is_flag=True, help="Draw docs/images/tileable.jpg.")
@click.option("--texture", is_flag=True, help="Draw docs/images/texture.jpg.")
@click.option("--nets", is_flag=True, help="Draw docs/images/texture_nets.jpg.")
@click.option("--measure", "measured", is_flag=True, help="Print the table of seams.")
@click.option("--steps", default=STEPS, help="Steps of the texture, at its coarsest stage.")
@click.option("--folder", default=ROOT / "docs/images", type=click.Path(path_type=Path), help="Where pictures go.")
def main(tileable: bool, texture: bool, nets: bool, measured: bool, steps: int, folder: Path) -> None:
    """Draw the pictures of docs/textures.md, and measure seams."""
    if tileable:
        draw_tileable(folder / "tileable.jpg")
    if nets:
        draw_nets(folder / "texture_nets.jpg")
    if measured:
        click.echo(measure())
    if texture:
        draw_texture(folder / "texture.jpg", steps)


if __name__ == "__main__":
    main()
