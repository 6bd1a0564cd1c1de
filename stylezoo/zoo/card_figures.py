"""How good models were measured to be, as Markdown for their cards and for a table of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from statistics import fmean

from stylezoo.zoo.markdown import code, fenced, one_line, plain, table
from stylezoo.zoo.metrics import UNSEEN, EquivalentsSpec, FigureSpec, MetricsSpec, WarpSpec, mean_text
from stylezoo.zoo.spec import ModelSpec

_ERRORS = (
    "C is the content error at VGG19's relu4_2, S the style error over five Gram matrices, both relative to their "
    "targets: lower is better, and one is bought with the other."
)
_DISTANCE = "ST-LPIPS is the distance from the photo by a metric of others: 0 is the photo itself."
_ITERATIONS = (
    "**Iteration-equivalents**: how many L-BFGS iterations of Gatys' optimisation, from the photo, come as far as the "
    "net in the net's own training objective. Higher is better."
)

_STEADINESS = (
    "**Warp error**: how much paintings of clips of known motion flicker. The painting of a frame is moved to where "
    "the next frame has what it shows; the error is the mean squared difference to the painting of that one, in levels "
    "from 0 to 1. Lower is better."
)


def quality_section(spec: ModelSpec) -> str:
    """Return the figures of a model, a table for what one command measured; in words where there are none."""
    if not spec.metrics:
        return "Not measured."
    metrics = {s: spec.metrics[s] for s in dict.fromkeys((*spec.style_ids, *spec.metrics)) if s in spec.metrics}
    beside = {s: m.stlpips for s, m in metrics.items() if m.stlpips and _origin(m.stlpips) == _origin(m)}
    apart = {s: m.stlpips for s, m in metrics.items() if m.stlpips and s not in beside}
    parts = []
    for styles in _measured_alike(metrics):
        far = {style: _spread(beside[style]) if style in beside else "–" for style in styles}
        rows = [[_label(style, spec), *_errors(metrics[style]), far[style]] for style in styles]
        if len(named := [style for style in styles if style in spec.style_ids]) > 1:
            all_there = all(style in beside for style in named)
            mean = f"{fmean(beside[style].mean for style in named):.3f}" if all_there else "–"
            rows.append([f"mean of {len(named)}", *_means([metrics[style] for style in named]), mean])
        shown = 4 if any(style in beside for style in styles) else 3
        head = ("style", "C", "S", "ST-LPIPS")
        parts += [_measurement(metrics[styles[0]]), table(head[:shown], [row[:shown] for row in rows])]
    for styles in _measured_alike(apart):
        rows = [[_label(style, spec), _spread(apart[style])] for style in styles]
        parts += [_measurement(apart[styles[0]]), table(("style", "ST-LPIPS"), rows)]
    if missing := [style for style in spec.style_ids if style not in metrics]:
        parts.append(f"Not measured: {', '.join(map(code, missing))}.")
    parts.append(f"{_ERRORS} {_DISTANCE}" if beside or apart else _ERRORS)
    return "\n\n".join([*parts, *_equivalents(spec, metrics), *_steadiness(spec, metrics)])


def _equivalents(spec: ModelSpec, metrics: Mapping[str, MetricsSpec]) -> list[str]:
    """Return paragraphs and tables of iteration-equivalents, the sizes that one command measured side by side."""
    groups: dict[tuple[str | int, ...], dict[str, dict[int, EquivalentsSpec]]] = {}
    for style, m in metrics.items():
        for figure in m.equivalents:
            origin = (figure.limit, figure.photos, figure.date, figure.machine, figure.command)
            groups.setdefault(origin, {}).setdefault(style, {})[figure.size] = figure
    parts = [_ITERATIONS] if groups else []
    for styles in groups.values():
        sizes = sorted({size for figures in styles.values() for size in figures})
        rows = []
        for style, figures in styles.items():
            rows.append([_label(style, spec), *(figures[k].text if k in figures else "–" for k in sizes)])
        if len(styles) > 1:
            columns = [[figures[k] for figures in styles.values() if k in figures] for k in sizes]
            means = [mean_text(column) if len(column) == len(styles) else "–" for column in columns]
            rows.append([f"mean of {len(styles)}", *means])
        some = next(iter(next(iter(styles.values())).values()))
        parts += [_measurement(some, sizes=False), table(("style", *(f"{size} px" for size in sizes)), rows)]
    return parts


def _steadiness(spec: ModelSpec, metrics: Mapping[str, MetricsSpec]) -> list[str]:
    """Return paragraphs and tables of warp errors, a table for what one command measured."""
    groups: dict[tuple[str, ...], dict[str, WarpSpec]] = {}
    for style, m in metrics.items():
        for figure in m.warp:
            origin = (figure.clips_id, str(figure.steady), figure.date, figure.machine, figure.command)
            groups.setdefault(origin, {})[style] = figure
    parts = [_STEADINESS] if groups else []
    for styles in groups.values():
        rows = [[_label(style, spec), f"{w.mean:.5f} ± {w.spread:.5f}", f"{w.long:.5f}"] for style, w in styles.items()]
        if len(styles) > 1:
            means = (fmean(errors) for errors in zip(*((w.mean, w.long) for w in styles.values()), strict=True))
            rows.append([f"mean of {len(styles)}", *(f"{mean:.5f}" for mean in means)])
        some = next(iter(styles.values()))
        clips = f"{some.clips} clips of {some.frames} frames, {some.size} px wide"
        seen = f"{clips}, which themselves have {some.photo:.5f}"
        how = f"steady {some.steady:g}" if some.steady else "each frame by itself"
        when = f"measured on {plain(some.date)} on {plain(some.machine)}, by"
        parts.append(
            f"Mean and spread (standard deviation) over {seen}; {how}; {when}\n\n{fenced(one_line(some.command))}"
        )
        parts.append(table(("style", "warp error", "to the first frame"), rows))
    return parts


def _origin(figure: MetricsSpec | FigureSpec) -> tuple[int, int, str, str, str]:
    return figure.photos, figure.size, figure.date, figure.machine, figure.command


def _measured_alike(figures: Mapping[str, MetricsSpec] | Mapping[str, FigureSpec]) -> list[list[str]]:
    """Return the styles, those together that one command measured on the same photos."""
    groups: dict[tuple[int, int, str, str, str], list[str]] = {}
    for style, figure in figures.items():
        groups.setdefault(_origin(figure), []).append(style)
    return list(groups.values())


def _measurement(figure: MetricsSpec | FigureSpec, *, sizes: bool = True) -> str:
    """Return how a figure was measured; `sizes` False leaves the photos' long side to the table."""
    seen = "1 photo" if figure.photos == 1 else f"{figure.photos} photos"
    side = f"with a long side of {figure.size} px" if sizes else "with a long side as above the columns"
    when = f"measured on {plain(figure.date)} on {plain(figure.machine)}, by"
    over = f"Mean and spread (standard deviation) over {seen} {side}, {when}"
    return f"{over}\n\n{fenced(one_line(figure.command))}"


def index_columns(specs: Sequence[ModelSpec]) -> tuple[list[str], list[list[str]], str]:
    """Return the columns of a table of models that tell how good they are: titles, cells by model, and what they mean.

    Columns beside C and S are there where a model has such a figure.
    """
    titles, cells, notes = ["C, content error", "S, style error"], [_overall(spec) for spec in specs], [_ERRORS]
    further = (
        ("ST-LPIPS", _overall_distance, _DISTANCE),
        ("iterations", _overall_iterations, _ITERATIONS),
        ("warp error", _overall_warp, _STEADINESS),
    )
    for title, overall, note in further:
        column = [overall(spec) for spec in specs]
        if any(column):
            titles.append(title)
            notes.append(note)
            cells = [[*row, cell] for row, cell in zip(cells, column, strict=True)]
    return titles, cells, " ".join(notes)


def _label(style: str, spec: ModelSpec) -> str:
    if style == UNSEEN and style not in spec.style_ids:
        return "pictures that it has not seen"
    return code(style)


def _errors(m: MetricsSpec) -> list[str]:
    return [f"{m.content:.3f} ± {m.content_spread:.3f}", f"{m.style:.3f} ± {m.style_spread:.3f}"]


def _spread(figure: FigureSpec) -> str:
    return f"{figure.mean:.3f} ± {figure.spread:.3f}"


def _means(metrics: Sequence[MetricsSpec]) -> list[str]:
    return [f"{fmean(errors):.3f}" for errors in ([m.content for m in metrics], [m.style for m in metrics])]


def _overall(spec: ModelSpec) -> list[str]:
    """Return C and S of a whole model: of its one style, of unseen pictures, or the mean over styles measured alike."""
    metrics = spec.overall_metrics
    if not metrics:
        return ["not measured"] * 2
    if len(metrics) == 1:
        return _errors(metrics[0])
    if len({(m.photos, m.size) for m in metrics}) > 1:
        return ["on its card"] * 2
    return [f"{mean} (mean of {len(metrics)})" for mean in _means(metrics)]


def _overall_distance(spec: ModelSpec) -> str:
    """Return the ST-LPIPS of a whole model, likewise; nothing where it was not measured of all of it."""
    metrics = spec.overall_metrics
    figures = [m.stlpips for m in metrics if m.stlpips]
    if not figures or len(figures) < len(metrics):
        return ""
    if len(figures) == 1:
        return _spread(figures[0])
    if len({(figure.photos, figure.size) for figure in figures}) > 1:
        return "on its card"
    return f"{fmean(figure.mean for figure in figures):.3f} (mean of {len(figures)})"


def _overall_iterations(spec: ModelSpec) -> str:
    """Return the iterations that a whole model is worth, size by size: means over the styles that were measured."""
    by_size: dict[int, list[EquivalentsSpec]] = {}
    for metrics in (spec.metrics or {}).values():
        for figure in metrics.equivalents:
            by_size.setdefault(figure.size, []).append(figure)
    means = []
    for size, figures in sorted(by_size.items()):
        over = f" (mean of {len(figures)})" if len(figures) > 1 else ""
        means.append(f"{mean_text(figures)} at {size} px{over}")
    return ", ".join(means)


def _overall_warp(spec: ModelSpec) -> str:
    """Return the warp error of a whole model, at its steadiest setting; nothing where not all its styles have one."""
    metrics = spec.overall_metrics
    figures = [max(m.warp, key=lambda figure: figure.steady) for m in metrics if m.warp]
    if not figures or len(figures) < len(metrics):
        return ""
    if len({figure.clips_id for figure in figures}) > 1:
        return "on its card"
    over = f" (mean of {len(figures)})" if len(figures) > 1 else ""
    return f"{fmean(figure.mean for figure in figures):.5f}{over}"
