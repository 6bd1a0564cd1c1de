"""The leaderboard: measurements, as JSON has them, as a page of tables that begins with where the zoo loses."""

from __future__ import annotations

import math
import statistics
from collections.abc import Iterable, Iterator, Sequence

import msgspec

from stylezoo.evaluate.figures import IterationsFigure, WarpFigure
from stylezoo.evaluate.pairs import PHOTO
from stylezoo.evaluate.standings import (
    TERMS,
    Line,
    cold_losses,
    count_pairs,
    method_of,
    name_of,
    pairs_of,
    quality_losses,
    speed_losses,
    steadiness_losses,
    steadiness_rows,
)
from stylezoo.zoo.catalog import list_models, model_info
from stylezoo.zoo.metrics import UNSEEN, EquivalentsSpec, mean_text


def recorded_lines() -> Iterator[Line]:
    """Yield what the registry records of models in the styles that they know, as `stylezoo eval --json` prints it."""
    for spec in map(model_info, list_models()):
        for style, metrics in (spec.metrics or {}).items():
            if style not in spec.style_ids:
                continue
            head = {"model": spec.name, "style_id": style}
            bare = msgspec.structs.replace(metrics, stlpips=None, equivalents=(), warp=())
            far = {"stlpips": metrics.stlpips.mean} if metrics.stlpips else {}
            yield head | msgspec.to_builtins(bare) | far
            for figure in metrics.equivalents:
                yield head | IterationsFigure(style, figure).facts
            for steady in metrics.warp:
                yield head | WarpFigure(style, (), steady).facts


def make_page(lines: Sequence[Line], recorded: Sequence[Line] = (), picture: str | None = None) -> Iterator[str]:
    """Yield the lines of the page.

    Args:
        lines: the measurements.
        recorded: those of the registry, which count for models of which `lines` has none of the kind.
        picture: path of a picture to show, relative to the page.
    """
    quality = list({(pairs_of(line), line["net"]): line for line in lines if "net" in line}.values())
    speed = [line for line in lines if line.get("what") == "paint"]
    cold = [line for line in lines if line.get("what") == "cold start"]
    own = newest([line for line in lines if "style_id" in line], recorded, "content")
    moving = newest([line for line in lines if "style_id" in line], recorded, "warp")
    worth = newest([line for line in lines if "style_id" in line], recorded, "iterations")
    yield "# Leaderboard"
    yield ""
    yield "Written by `python scripts/leaderboard.py` from measurements. Names `like/this` are models of this zoo, all"
    yield "others somebody else's. C is how far a picture is from the photo's content, S how far from the style. Of"
    yield "both, of ST-LPIPS (how far from the photo to people's eyes), time, memory and parameters less is better; of"
    yield "ratios (x) and iterations more. [Performance](performance.md) says what each figure is and how to measure"
    yield "it; the command that did stands below each table."
    yield ""
    if picture:
        yield f"![Photos in the styles of pictures, by each method]({picture})"
        yield ""
    yield "## Where the zoo loses"
    yield ""
    if lost := [*quality_losses(quality), *steadiness_losses(moving), *speed_losses(speed), *cold_losses(cold)]:
        yield "Each figure in which another method beats a model of the zoo, on the same pictures or in the same run. A"
        yield "figure says how many times the other's the model's is."
        yield ""
        yield "| model | loses to | on | in |"
        yield "| --- | --- | --- | --- |"
        yield from lost
    else:
        yield "Nowhere in what was measured."
    yield ""
    seen: set[str] = set()
    for pairs in dict.fromkeys(map(pairs_of, quality)):
        rows = [line for line in quality if pairs_of(line) == pairs]
        yield from quality_section(rows, other_pairs=rows[0]["styles"] in seen)
        seen.add(rows[0]["styles"])
    if own:
        yield from own_section(own)
    if worth:
        yield from iterations_section(worth)
    for clips in dict.fromkeys(line["clips_id"] for line in moving):
        yield from steadiness_section([line for line in moving if line["clips_id"] == clips])
    for size in dict.fromkeys(line["size"] for line in speed):
        yield from speed_section(size, [line for line in speed if line["size"] == size])
    if cold:
        yield from cold_section(cold)


def newest(lines: Iterable[Line], recorded: Iterable[Line], term: str) -> list[Line]:
    """Return the lines that have a figure: the last of each, and of models without any those that are recorded."""
    found = [line for line in lines if term in line]
    measured = {line["model"] for line in found}
    found = [line for line in recorded if term in line and line["model"] not in measured] + found
    keys = {"iterations": ("size",), "warp": ("clips_id", "steady")}.get(term, ())
    return list({(line["model"], line["style_id"], *(line[key] for key in keys)): line for line in found}.values())


def quality_section(lines: Sequence[Line], other_pairs: bool) -> Iterator[str]:
    styles = lines[0]["styles"]
    what = "pictures that none has seen as the style" if styles == UNSEEN else f"the styles of {styles}"
    yield f"## Quality: {what}, {count_pairs(lines[0])}"
    yield ""
    if other_pairs:
        yield "These are other pairs than those above: no figure here compares with one there."
        yield ""
    painted = [line for line in lines if line["net"] != PHOTO]
    timed = [line for line in painted if "seconds" in line]
    yield "| method | C | S | ST-LPIPS | seconds |"
    yield "| --- | --- | --- | --- | --- |"
    for line in sorted(lines, key=lambda line: line["style"]):
        far = "–" if line.get("stlpips") is None else f"{line['stlpips']:.3f} ± {line['stlpips_spread']:.3f}"
        errors = (f"{line[term]:.3f} ± {line[f'{term}_spread']:.3f}" for term in ("content", "style"))
        seconds = f"{line['seconds']:.3f}" if line in timed else "–"
        yield f"| {' | '.join([method_of(line), *errors, far, seconds])} |"
    yield ""
    yield f"Means and standard deviations over pairs of a photo, {lines[0]['size']} px long, and a style. Seconds are"
    busy = "" if len(timed) == len(painted) else "; – where the machine had other work too"
    yield f"the median of a pair, from two pictures to one{busy}."
    if any("steps" in line for line in lines):
        yield "Gatys' optimisation is what nets are measured against: it descends C and S themselves."
    yield from source(lines)


def own_section(lines: Sequence[Line]) -> Iterator[str]:
    yield "## Quality: the models on their own styles"
    yield ""
    yield "| model | C | S | ST-LPIPS | styles | photos |"
    yield "| --- | --- | --- | --- | --- | --- |"
    for model in dict.fromkeys(line["model"] for line in lines):
        styles = [line for line in lines if line["model"] == model]
        known = {term: [line[term] for line in styles if line.get(term) is not None] for term in TERMS}
        means = (f"{statistics.fmean(v):.3f}" if len(v) == len(styles) else "–" for v in known.values())
        photos = " or ".join(dict.fromkeys(f"{line['photos']} at {line['size']} px" for line in styles))
        yield f"| {' | '.join([name_of(model), *means, str(len(styles)), photos])} |"
    yield ""
    yield "Means over the styles. Some are learnt more easily than others, so rows of other styles do not compare."
    yield from source(lines)


def iterations_section(lines: Sequence[Line]) -> Iterator[str]:
    sizes = sorted({line["size"] for line in lines})
    yield "## Iteration-equivalents"
    yield ""
    yield f"| model | {' | '.join(f'{size} px' for size in sizes)} | styles | photos |"
    yield f"| --- |{' --- |' * (len(sizes) + 2)}"
    for model in dict.fromkeys(line["model"] for line in lines):
        found = [line for line in lines if line["model"] == model]
        count = len({line["style_id"] for line in found})
        cells = []
        for size in sizes:
            here = [equivalents_of(line) for line in found if line["size"] == size]
            few = f" (of {len(here)})" if 0 < len(here) < count else ""
            cells.append(f"{mean_text(here)}{few}" if here else "–")
        photos = " or ".join(dict.fromkeys(str(line["photos"]) for line in found))
        yield f"| {' | '.join([name_of(model), *cells, str(count), photos])} |"
    yield ""
    yield "How many L-BFGS iterations of Gatys' optimisation, from the photo, come as far as the net in the net's own"
    yield "training objective: means over styles and photos. Each recipe has its own, so rows compare roughly."
    yield "≥: within the limit some photos were not reached, and count as the limit; >: none was."
    yield from source(lines)


def steadiness_section(lines: Sequence[Line]) -> Iterator[str]:
    """Yield the table of warp errors on the same clips: a row for each model and each share of `steady`."""
    some = lines[0]
    kinds = list(some["kinds"])
    yield f"## Steadiness: {some['clips']} clips of {some['frames']} frames at {some['size']} px"
    yield ""
    yield f"| model | warp error | root | first frame | {' | '.join(kinds)} | styles |"
    yield f"| --- |{' --- |' * (len(kinds) + 4)}"
    for name, rows in sorted(steadiness_rows(lines).items(), key=lambda row: mean_of(row[1], "warp")):
        mean = mean_of(rows, "warp")
        spread = f" ± {statistics.stdev(line['warp'] for line in rows):.5f}" if len(rows) > 1 else ""
        each = (f"{statistics.fmean(line['kinds'][kind] for line in rows):.4f}" for kind in kinds)
        cells = [name, f"{mean:.5f}{spread}", f"{math.sqrt(mean):.4f}", f"{mean_of(rows, 'long'):.5f}", *each]
        yield f"| {' | '.join([*cells, str(len(rows))])} |"
    yield ""
    yield "How much paintings flicker: the painting of a frame, moved as the clip is known to move, less the painting"
    yield "of the next frame, squared, in levels from 0 to 1; root is in levels. Means over clips and styles, ± over"
    yield "styles; first frame is the same of each frame and the first. Styles of more contrast flicker more, and rows"
    yield f"of other styles compare roughly. The photos themselves have {some['photo']:.5f}, from noise, flicker and"
    yield "interpolation."
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
    """Yield where figures come from: each command once, those of one day and machine together."""
    commands: dict[str, list[str]] = {}
    for line in lines:
        used = "; ".join(f"{name} {version}" for name, version in line.get("versions", {}).items())
        place = f"{line['date']}, {line['machine']}{f'; {used}' if used else ''}:"
        commands.setdefault(place, []).append(line["command"])
    for place, given in commands.items():
        yield ""
        yield place
        yield ""
        yield from (f"    {command}" for command in dict.fromkeys(given))
    yield ""


def equivalents_of(line: Line) -> EquivalentsSpec:
    fields = {field: line[field] for field in EquivalentsSpec.__struct_fields__ if field in line}
    return EquivalentsSpec(mean=line["iterations"], **fields)


def mean_of(lines: Sequence[Line], term: str) -> float:
    return statistics.fmean(line[term] for line in lines)


def milliseconds(times: Line | None) -> str:
    return "–" if not times else f"{times['median']:.0f} ± {(times['high'] - times['low']) / 2:.0f}"
