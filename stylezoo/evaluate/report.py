"""Scores as text tables."""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence

from stylezoo.evaluate.bootstrap import COVERAGE, Interval
from stylezoo.evaluate.compare import Scores, contrasts, figures
from stylezoo.evaluate.metrics import Metric
from stylezoo.evaluate.pairs import PairSet
from stylezoo.evaluate.table import align
from stylezoo.zoo.results import UNSEEN

ARROWS = {"lower": "↓", "higher": "↑", "one": "→1"}
ACROSS = 5
"""Metrics side by side, so that a table fits a terminal."""


def heading(pairs: PairSet, size: int) -> str:
    """Return a sentence that says what was compared on what."""
    of = "paintings" if pairs.styles == UNSEEN else f"the styles of {pairs.styles}"
    where = {"own": "own pictures", "samples": "sample photos"}.get(pairs.split, f"{pairs.split} split")
    count = f"{len(pairs.pairs)} pair{'s' if len(pairs.pairs) > 1 else ''}"
    return f"{count} of photos at {size} px and {of}, {where}; mean [{COVERAGE:.0%} interval]"


def figure_table(scores: Mapping[str, Scores], metrics: Sequence[Metric]) -> str:
    """Return the figures, a row for each method, a few metrics side by side; seconds are the median of a pair."""
    found = {name: {f.metric.key: f.value for f in figures(own, metrics)} for name, own in scores.items()}
    blocks = []
    for part in _parts(metrics):
        rows = [
            [name, *(_cell(own.get(metric.key), metric.decimals) for metric in part)] for name, own in found.items()
        ]
        last = part[-1] is metrics[-1]
        if last:
            rows = [[*row, f"{statistics.median(scores[row[0]].seconds):.2f}"] for row in rows]
        blocks.append(align(["", *map(_title, part), *(["seconds"] if last else [])], rows))
    return "\n\n".join(blocks)


def contrast_table(others: Mapping[str, Scores], reference: Scores, metrics: Sequence[Metric]) -> str:
    """Return how methods differ from a reference, a row for each; with * where the interval does not hold 0."""
    found = {
        name: {c.metric.key: c.difference for c in contrasts(own, reference, metrics)} for name, own in others.items()
    }
    blocks = []
    for part in _parts(metrics):
        rows = [
            [name, *(_cell(own.get(metric.key), metric.decimals, sign=True) for metric in part)]
            for name, own in found.items()
        ]
        blocks.append(align(["", *map(_title, part)], rows))
    return "\n\n".join(blocks)


def _parts(metrics: Sequence[Metric]) -> list[Sequence[Metric]]:
    return [metrics[i : i + ACROSS] for i in range(0, len(metrics), ACROSS)]


def _title(metric: Metric) -> str:
    return f"{metric.key} {ARROWS[metric.better]}"


def _cell(value: Interval | None, decimals: int, *, sign: bool = False) -> str:
    if value is None:
        return "–"
    form = f"{'+' if sign else ''}.{decimals}f"
    sure = "*" if sign and value.low * value.high > 0 else ""
    return f"{value.mean:{form}} [{value.low:{form}}, {value.high:{form}}]{sure}"
