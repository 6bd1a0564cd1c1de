"""Measured quality as Markdown, for model cards and the table of models."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from statistics import fmean

from stylezoo.zoo.markdown import code, fenced, one_line, plain, table
from stylezoo.zoo.results import UNSEEN, Figure, MetricInfo, Results, RunInfo
from stylezoo.zoo.spec import ModelSpec

ARROWS = {"lower": "↓", "higher": "↑", "one": "→ 1"}
ORDER = ("C", "S", "P", "T", "K", "R", "L", "F", "G", "W")
"""Metrics that come first, in this order."""

SPLITS = {
    "validation": "of the validation split",
    "test": "of the test split",
    "held out": "held out from training",
    "samples": "of sample photos",
}
_RANKS = ("samples", "test", "held out", "validation")


@dataclass
class Measured:
    """The figures of one run of a model, by style and metric."""

    run: RunInfo
    styles: dict[str, dict[str, Figure]] = field(default_factory=dict)

    @property
    def keys(self) -> list[str]:
        """The metrics of the run, in the order of tables."""
        return ordered({key for figures in self.styles.values() for key in figures})


def measured_runs(spec: ModelSpec, results: Mapping[str, Results]) -> list[Measured]:
    """Return the figures of a model, run by run."""
    found: list[Measured] = []
    for key in ordered(results):
        for figure, run in results[key].of(spec):
            group = next((group for group in found if group.run == run), None)
            if group is None:
                found.append(group := Measured(run))
            group.styles.setdefault(figure.style, {})[key] = figure
    return found


def ordered(keys: Iterable[str]) -> list[str]:
    """Return metrics in the order of tables."""
    return sorted(keys, key=lambda key: (ORDER.index(key) if key in ORDER else len(ORDER), key))


def quality_section(spec: ModelSpec, results: Mapping[str, Results]) -> str:
    """Return the figures of a model, one table per run, or a sentence if there are none."""
    runs = measured_runs(spec, results)
    if not runs:
        return "Not measured."
    parts = []
    for group in runs:
        keys = group.keys
        styles = [style for style in (*spec.style_ids, UNSEEN) if style in group.styles]
        rows = [[_label(style, spec), *_cells(group.styles[style], keys, results)] for style in styles]
        if len(styles) > 1:
            rows.append([f"mean of {len(styles)}", *_means([group.styles[style] for style in styles], keys, results)])
        titles = [f"{key} {ARROWS[results[key].metric.better]}" for key in keys]
        parts += [_origin(group), table(("style", *titles), rows)]
    named = {style for group in runs for style in group.styles}
    missing = [style for style in spec.style_ids if style not in named]
    if missing and UNSEEN not in named:
        parts.append(f"Not measured: {', '.join(map(code, missing))}.")
    shown = ordered({key for group in runs for key in group.keys})
    return "\n\n".join([*parts, notes([results[key].metric for key in shown])])


def notes(metrics: Sequence[MetricInfo]) -> str:
    """Return one sentence about each metric."""
    return " ".join(metric.note for metric in metrics)


def index_columns(specs: Sequence[ModelSpec], results: Mapping[str, Results]) -> tuple[list[str], list[list[str]], str]:
    """Return the quality columns of a table of models: titles, cells by model, and explanations.

    A metric appears if a model has a figure for it. If there are several runs, the validation split is used.
    """
    titles, columns, metrics = [], [], []
    for key in ordered(results):
        column = [overall(spec, results[key]) for spec in specs]
        if any(column):
            metrics.append(results[key].metric)
            titles.append(f"{key}, {results[key].metric.title}")
            columns.append([cell or "–" for cell in column])
    cells = [list(row) for row in zip(*columns, strict=True)] if columns else [[] for _ in specs]
    return titles, cells, notes(metrics)


def overall(spec: ModelSpec, results: Results) -> str:
    """Return the figure of a whole model: on unseen paintings, or the mean over its styles; "" if any is missing."""
    figures = overall_figures(spec, results)
    if not figures:
        return ""
    if len(figures) == 1:
        return text(figures[0], results.metric)
    sign = "≥ " if any(figure.at_least for figure in figures) else ""
    mean = fmean(figure.mean for figure in figures)
    return f"{sign}{mean:.{results.metric.decimals}f} (mean of {len(figures)})"


def overall_figures(spec: ModelSpec, results: Results) -> list[Figure]:
    """Return the figures of a whole model: one on unseen paintings, or those of all its styles by one protocol."""
    groups: list[tuple[RunInfo, list[Figure]]] = []
    for figure, run in results.of(spec):
        group = next((figures for there, figures in groups if protocol(there) == protocol(run)), None)
        if group is None:
            groups.append((run, group := []))
        group.append(figure)
    wanted = [{UNSEEN}] if spec.kind == "arbitrary" else []
    wanted += [set(spec.style_ids)] if spec.styles else []
    for styles in wanted:
        whole = [group for group in groups if {figure.style for figure in group[1]} == styles]
        if whole:
            break
    else:
        return []
    return max(whole, key=lambda group: (_rank(group[0]), group[0].facts.get("steady", 0), -group[0].size))[1]


def protocol(run: RunInfo) -> tuple[object, ...]:
    """Return the protocol of a run: figures of several styles are averaged only within one protocol."""
    return run.split, run.size, run.pairs_id, tuple(sorted(run.facts.items()))


def text(figure: Figure, metric: MetricInfo) -> str:
    """Return a figure for display: "0.766 [0.701, 0.832]", "0.766 ± 0.290" or "≥ 430.2"."""
    form = f".{metric.decimals}f"
    if figure.at_least:
        return f"≥ {figure.mean:{form}}"
    if figure.low is None or figure.high is None:
        return f"{figure.mean:{form}} ± {figure.spread:{form}}"
    return f"{figure.mean:{form}} [{figure.low:{form}}, {figure.high:{form}}]"


def _cells(figures: Mapping[str, Figure], keys: Sequence[str], results: Mapping[str, Results]) -> list[str]:
    return [text(figures[key], results[key].metric) if key in figures else "–" for key in keys]


def _means(styles: Sequence[Mapping[str, Figure]], keys: Sequence[str], results: Mapping[str, Results]) -> list[str]:
    cells = []
    for key in keys:
        found = [figures[key] for figures in styles if key in figures]
        sign = "≥ " if any(figure.at_least for figure in found) else ""
        mean = f"{sign}{fmean(figure.mean for figure in found):.{results[key].metric.decimals}f}"
        cells.append(mean if len(found) == len(styles) else "–")
    return cells


def _origin(group: Measured) -> str:
    """Return the pairs, date and command of a run."""
    run = group.run
    counts = {figure.count for figures in group.styles.values() for figure in figures.values()}
    many = "up to " * (len(counts) > 1) + str(max(counts))
    facts = "".join(f", {key} {value:g}" for key, value in run.facts.items())
    form = "Mean [95 % interval]" if _has_interval(group) else "Mean ± standard deviation"
    where = SPLITS.get(run.split, plain(run.split))
    seen = f"{many} pictures or clips {where} at {run.size} px{facts}"
    when = f"measured on {plain(run.date)} on {plain(run.machine)}, by"
    return f"{form} over {seen}; {when}\n\n{fenced(one_line(run.command))}"


def _has_interval(group: Measured) -> bool:
    return all(figure.low is not None for figures in group.styles.values() for figure in figures.values())


def _rank(run: RunInfo) -> int:
    return _RANKS.index(run.split) if run.split in _RANKS else -1


def _label(style: str, spec: ModelSpec) -> str:
    if style == UNSEEN and style not in spec.style_ids:
        return "paintings that it has not seen"
    return code(style)
