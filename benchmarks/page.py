"""The leaderboard: a page of tables from JSON measurements. It begins with where the zoo loses."""

from __future__ import annotations

import math
import statistics
from collections.abc import Iterable, Iterator, Mapping, Sequence

import msgspec

from benchmarks.comparisons import (
    INFOS,
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
from stylezoo.evaluate.methods import PHOTO, STYLE
from stylezoo.zoo.card_figures import ARROWS, index_columns, overall_figures
from stylezoo.zoo.catalog import list_models, model_info
from stylezoo.zoo.results import UNSEEN, Results


def recorded_lines(results: Mapping[str, Results]) -> Iterator[Line]:
    """Yield the recorded iterations and warp errors, as `stylezoo eval --json` prints them."""
    for key in ("G", "W"):
        for spec in map(model_info, list_models()):
            for figure, run in results[key].of(spec) if key in results else ():
                line = {"what": "figure", "metric": key, "method": spec.name} | msgspec.to_builtins(figure)
                yield line | {"from": msgspec.to_builtins(run)}


def make_page(lines: Sequence[Line], results: Mapping[str, Results], picture: str | None = None) -> Iterator[str]:
    """Yield the lines of the page.

    Args:
        lines: the measurements.
        results: those that are recorded; iterations and warp errors count for models of which `lines` has none.
        picture: path of a picture to show, relative to the page.
    """
    found = [line for line in lines if line.get("what") == "quality"]
    quality = list({(pairs_of(line), line["method"]): line for line in found}.values())
    speed = [line for line in lines if line.get("what") == "speed"]
    cold = [line for line in lines if line.get("what") == "cold start"]
    recorded = list(recorded_lines(results))
    moving, worth = (newest(lines, recorded, key) for key in ("W", "G"))
    yield "# Leaderboard"
    yield ""
    yield "`python -m benchmarks.leaderboard` writes this page from measurements. Names in `code` are models of this"
    yield "zoo; the others belong to other projects. Arrows show which direction is better, and"
    yield "[Measuring](measuring.md) explains each metric. Below each table is the command that measured it. Two"
    yield "anchors are included: the photo itself, which keeps all of the content, and the style image itself, which is"
    yield "all style."
    yield ""
    if picture:
        yield f"![Photos in the styles of pictures, by each method]({picture})"
        yield ""
    yield "## Where the zoo loses"
    yield ""
    if lost := [*quality_losses(quality), *steadiness_losses(moving), *speed_losses(speed), *cold_losses(cold)]:
        yield "Every figure in which another method beats a model of the zoo on the same pairs or in the same run: both"
        yield "figures, or the model's as a multiple of the other's."
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
    yield from own_section(results)
    if worth:
        yield from iterations_section(worth)
    for clips in dict.fromkeys(line["from"]["pairs_id"] for line in moving):
        yield from steadiness_section([line for line in moving if line["from"]["pairs_id"] == clips])
    for size in dict.fromkeys(line["size"] for line in speed):
        yield from speed_section(size, [line for line in speed if line["size"] == size])
    if cold:
        yield from cold_section(cold)


def newest(lines: Iterable[Line], recorded: Iterable[Line], key: str) -> list[Line]:
    """Return the figures of a metric: the last of each, and of models without any those that are recorded."""
    found = [line for line in lines if line.get("what") == "figure" and line["metric"] == key]
    measured = {line["method"] for line in found}
    found = [line for line in recorded if line["metric"] == key and line["method"] not in measured] + found
    places = ((line["method"], line["style"], line["from"]["size"], str(line["from"]["facts"])) for line in found)
    return list(dict(zip(places, found, strict=True)).values())


def quality_section(lines: Sequence[Line], other_pairs: bool) -> Iterator[str]:
    seen = "paintings that no model has seen"
    what = seen if lines[0]["styles"] == UNSEEN else f"the styles of {lines[0]['styles']}"
    yield f"## Quality: {what}, {count_pairs(lines[0])}"
    yield ""
    if other_pairs:
        yield "These pairs differ from those above, so do not compare the figures."
        yield ""
    keys = [key for key in INFOS if any(key in line["figures"] for line in lines)]
    yield f"| method | {' | '.join(f'{key} {ARROWS[INFOS[key].better]}' for key in keys)} | seconds |"
    yield f"| --- |{' --- |' * (len(keys) + 1)}"
    anchors = (PHOTO, STYLE)
    order = sorted(lines, key=lambda line: (line["method"] not in anchors, line["figures"].get("P", {}).get("mean", 0)))
    for line in order:
        cells = [interval_text(line["figures"].get(key), INFOS[key].decimals) for key in keys]
        seconds = "–" if line["method"] in anchors else f"{line['seconds']:.3f}"
        yield f"| {' | '.join([method_of(line), *cells, seconds])} |"
    yield ""
    yield f"Means over pairs of a photo, {lines[0]['size']} px long, and a style image, with 95 % bootstrap intervals."
    yield "Seconds are the median of a pair, from two images to one."
    if any("steps" in line for line in lines):
        yield "Gatys' optimisation is the reference for nets: it minimises C and S themselves."
    yield from source(lines)


def interval_text(figure: Line | None, decimals: int) -> str:
    if figure is None:
        return "–"
    mean, low, high = (f"{figure[key]:.{decimals}f}" for key in ("mean", "low", "high"))
    return f"{mean} [{low}, {high}]"


def own_section(results: Mapping[str, Results]) -> Iterator[str]:
    """Yield the table of what is recorded of models on their own styles."""
    kept = {key: file for key, file in results.items() if key not in ("G", "W")}
    specs = [spec for spec in map(model_info, list_models()) if spec.kind != "arbitrary"]
    specs = [spec for spec in specs if any(overall_figures(spec, file) for file in kept.values())]
    if not specs:
        return
    titles, rows, notes = index_columns(specs, kept)
    yield "## Quality: the models on their own styles"
    yield ""
    yield f"| model | {' | '.join(titles)} | styles |"
    yield f"| --- |{' --- |' * (len(titles) + 1)}"
    for spec, cells in zip(specs, rows, strict=True):
        yield f"| {' | '.join([name_of(spec.name), *cells, str(len(spec.style_ids))])} |"
    yield ""
    yield f"{notes} Some styles are easier to learn, so compare only models of the same styles. The card of each model"
    yield "names the photos, the date and the command."
    yield ""


def iterations_section(lines: Sequence[Line]) -> Iterator[str]:
    sizes = sorted({line["from"]["size"] for line in lines})
    yield "## Iteration-equivalents"
    yield ""
    yield f"| model | {' | '.join(f'{size} px' for size in sizes)} | styles | photos |"
    yield f"| --- |{' --- |' * (len(sizes) + 2)}"
    for model in dict.fromkeys(line["method"] for line in lines):
        found = [line for line in lines if line["method"] == model]
        count = len({line["style"] for line in found})
        cells = []
        for size in sizes:
            here = [line for line in found if line["from"]["size"] == size]
            few = f" (of {len(here)})" if 0 < len(here) < count else ""
            sign = "≥ " if any(line.get("at_least") for line in here) else ""
            cells.append(f"{sign}{mean_of(here, 'mean'):.1f}{few}" if here else "–")
        photos = " or ".join(dict.fromkeys(str(line["count"]) for line in found))
        yield f"| {' | '.join([name_of(model), *cells, str(count), photos])} |"
    yield ""
    yield "The number of L-BFGS iterations of Gatys' optimisation, started at the photo, that reach the net's value of"
    yield "its own training objective: means over styles and photos. Each recipe has its own objective, so comparisons"
    yield "between rows are rough. ≥: some photos did not get there within the limit, and count as the limit."
    yield from source([line["from"] for line in lines])


def steadiness_section(lines: Sequence[Line]) -> Iterator[str]:
    """Yield the table of warp errors on the same clips: a row for each model and each share of `steady`."""
    some = lines[0]
    kinds = [kind for kind in some["facts"] if kind not in ("long", "photo")]
    clips = f"{some['count']} clips of {some['from']['facts']['frames']:g} frames at {some['from']['size']} px"
    yield f"## Steadiness: {clips}"
    yield ""
    yield f"| model | warp error | root | first frame | {' | '.join(kinds)} | styles |"
    yield f"| --- |{' --- |' * (len(kinds) + 4)}"
    for name, rows in sorted(steadiness_rows(lines).items(), key=lambda row: mean_of(row[1], "mean")):
        mean = mean_of(rows, "mean")
        spread = f" ± {statistics.stdev(line['mean'] for line in rows):.5f}" if len(rows) > 1 else ""
        facts = [line["facts"] for line in rows]
        each = (f"{mean_of(facts, kind):.4f}" for kind in kinds)
        cells = [name, f"{mean:.5f}{spread}", f"{math.sqrt(mean):.4f}", f"{mean_of(facts, 'long'):.5f}", *each]
        yield f"| {' | '.join([*cells, str(len(rows))])} |"
    yield ""
    yield "How much stylized clips flicker: the mean squared difference between a stylized frame, warped by the known"
    yield "motion, and the next stylized frame, for values from 0 to 1; *root* is its square root. Means over clips and"
    yield "styles, ± the standard deviation over styles. *First frame* compares each frame with the first one. Styles"
    yield "with more contrast flicker more, so comparisons between different styles are rough. The photos themselves"
    yield f"have {some['facts']['photo']:.5f}, from noise, flicker and interpolation."
    yield from source([line["from"] for line in lines])


def speed_section(size: int, lines: Sequence[Line]) -> Iterator[str]:
    yield f"## Speed and memory: {size}x{size} px"
    yield ""
    yield "| | stylize x | net x | memory x | stylize ms | net ms | memory MB | parameters | GFLOP | of peak |"
    yield "| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |"
    for line in sorted(lines, key=lambda line: line["stylize_ms"]["median"]):
        ratios = ("–" if (r := line["ratios"][key]) is None else f"{r:.2f}" for key in ("stylize", "net", "memory"))
        flops, share, parameters = line.get("flops"), line.get("peak_share"), line.get("parameters")
        cells = [
            name_of(line["candidate"]),
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
    yield "## Cold start"
    yield ""
    yield "| | from | x | ms | memory x | memory MB |"
    yield "| --- | --- | --- | --- | --- | --- |"
    for line in sorted(lines, key=lambda line: (line["way"], line["process_ms"]["median"])):
        faster, smaller = (f"{r:.2f}" if (r := line["ratios"][key]) else "–" for key in ("process", "memory"))
        memory = f"{line['memory_mb']:.0f}" if line["memory_mb"] else "–"
        shown = (name_of(line["candidate"]), line["way"], faster, milliseconds(line["process_ms"]), smaller, memory)
        yield f"| {' | '.join(shown)} |"
    yield ""
    size, baseline = lines[0]["size"], lines[0]["baseline"]
    yield f"The whole process for a photo of {size}x{size} px: from the command line to a file, or from the start of"
    yield f"Python to a picture in memory. x: times as fast, or as small, as {baseline}."
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


def mean_of(lines: Sequence[Line], term: str) -> float:
    return statistics.fmean(line[term] for line in lines)


def milliseconds(times: Line | None) -> str:
    return "–" if not times else f"{times['median']:.0f} ± {(times['high'] - times['low']) / 2:.0f}"
