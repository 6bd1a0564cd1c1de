"""Recorded figures of `stylezoo eval`: writing them, and comparing with them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from stylezoo.cli.console import Failure, say
from stylezoo.errors import OptionError

if TYPE_CHECKING:
    from stylezoo.cli.eval_pairs import Asked, Table
    from stylezoo.evaluate.check import Tolerance
    from stylezoo.evaluate.compare import Scores
    from stylezoo.evaluate.metrics import Metric
    from stylezoo.zoo.results import Figure, MetricInfo, RunInfo
    from stylezoo.zoo.spec import ModelSpec


def check_weights(name: str, spec: ModelSpec) -> None:
    """Raise OptionError unless the registry has the same weights as the model measured as `name`."""
    from stylezoo.zoo import catalog
    from stylezoo.zoo.layout import read_zoo
    from stylezoo.zoo.results import weights_id

    file = catalog.zoo_file()
    registered = read_zoo(file).models.get(spec.name)
    if registered is None:
        raise OptionError(f"--write: {file} has no model {spec.name}: add it first with scripts/bundle.py")
    if weights_id(spec) != weights_id(registered):
        raise OptionError(
            f"--write: {file} has other weights of {spec.name} than {name}: add them to the zoo first with "
            "scripts/bundle.py"
        )


def check_public(split: str) -> None:
    """Raise OptionError for figures on the user's own pictures."""
    from stylezoo.evaluate.pairs import OWN

    if split == OWN:
        raise OptionError("--write records figures on public pictures only: leave --photos and --styles out")


def kept_models(table: Table) -> dict[str, ModelSpec]:
    """Return name -> spec of the models whose figures are recorded.

    On the split's style images these are all models; on named styles only models that have them.
    """
    from stylezoo.zoo.results import UNSEEN

    models = {method.name: method.stylizer.spec for method in table.methods if method.stylizer}
    if table.pairs.styles == UNSEEN:
        return models
    return {name: spec for name, spec in models.items() if spec.kind != "arbitrary"}


def style_figures(table: Table, scores: Scores, metrics: Sequence[Metric]) -> dict[str, list[Figure]]:
    """Return metric key -> a method's figures: one for the split's style images, or one per named style."""
    from stylezoo.cli.eval_pairs import by_style
    from stylezoo.evaluate.compare import figures
    from stylezoo.zoo.results import UNSEEN, Figure

    parts = {UNSEEN: scores} if table.pairs.styles == UNSEEN else by_style(table.pairs, scores)
    found: dict[str, list[Figure]] = {metric.key: [] for metric in metrics}
    for style, part in parts.items():
        for f in figures(part, metrics):
            mean, low, high, spread = (round(x, 4) for x in (f.value.mean, f.value.low, f.value.high, f.spread))
            figure = Figure(style=style, run="", mean=mean, spread=spread, count=f.value.count, low=low, high=high)
            found[f.metric.key].append(figure)
    return found


def run_of(context: Mapping[str, Any]) -> RunInfo:
    """Return the run described by a table's context."""
    from stylezoo.zoo.results import RunInfo

    return RunInfo(**{key: context[key] for key in ("date", "machine", "command", "split", "size", "pairs_id")})


def keep(info: MetricInfo, spec: ModelSpec, figures: Sequence[Figure], run: RunInfo) -> None:
    """Record figures of a model in the results of this checkout."""
    from stylezoo.zoo.results import Results, own_folder, read_file, write_file

    path = own_folder() / f"{info.key}.json"
    before = read_file(path) if path.is_file() else Results(metric=info)
    current = Results(metric=info, runs=before.runs, models=before.models)
    write_file(current.add(spec, run, {figure.style: figure for figure in figures}), path)


def departures(
    info: MetricInfo, spec: ModelSpec, figures: Sequence[Figure], run: RunInfo, tolerance: Tolerance | None = None
) -> int:
    """Return how many figures differ from the recorded ones, and say which; skip figures without a record."""
    from stylezoo.evaluate.check import Tolerance, find_departure

    kept = [(figure, there) for figure, there in recorded(info, spec) if slot_fits(there, run)]
    kept.sort(key=lambda pair: pair[1].split == run.split)  # the same split comes last, and wins
    known = {figure.style: (figure, there) for figure, there in kept}
    count = 0
    for figure in figures:
        if figure.style not in known:
            continue
        found = find_departure(
            info.key, (figure, run), known[figure.style], tolerance or Tolerance(), info.decimals + 1
        )
        if found:
            say(f"{spec.name}  {figure.style}  {found}")
            count += 1
    return count


def slot_fits(there: RunInfo, run: RunInfo) -> bool:
    """Whether a recorded run used the same protocol: size and facts. The pairs may differ."""
    return (there.size, there.facts) == (run.size, run.facts)


def recorded(info: MetricInfo, spec: ModelSpec) -> list[tuple[Figure, RunInfo]]:
    """Return the recorded figures of a model by a metric."""
    from stylezoo.zoo.results import own_folder, read_file

    path = own_folder() / f"{info.key}.json"
    return read_file(path).of(spec) if path.is_file() else []


def recorded_for_check(
    info: MetricInfo, spec: ModelSpec, styles: Sequence[str], sizes: Sequence[int] = ()
) -> list[tuple[Figure, RunInfo]]:
    """Return the recorded figures that --check measures again; raise OptionError if there are none."""
    found = [
        (figure, run)
        for figure, run in recorded(info, spec)
        if figure.style in styles and (not sizes or run.size in sizes)
    ]
    if not found:
        raise OptionError(f"--check: no {info.title} of {spec.name} is recorded: record it with --write")
    return found


def recorded_pairs(specs: Sequence[ModelSpec], metrics: Sequence[Metric], asked: Asked) -> Asked:
    """Return options that measure as many pairs as were recorded, unless `count` was given.

    Raises:
        OptionError: a model has no recorded figure of any of the metrics.
    """
    counts = []
    for spec in specs:
        found = [f for metric in metrics for f, run in recorded(metric.info(), spec) if run.size == asked.size]
        found = [f for f in found if not asked.chosen or f.style in asked.chosen]
        if not found:
            raise OptionError(f"--check: no figures of {spec.name} at {asked.size} px: record them with --write")
        counts += [figure.count for figure in found]
    return asked if asked.count else replace(asked, count=max(counts))


def fail_if_departed(departed: int) -> None:
    """Raise Failure if any figures (`departed` > 0) differ from the recorded ones."""
    if departed:
        raise Failure(f"{departed} {'figure differs' if departed == 1 else 'figures differ'} from the recorded ones")
