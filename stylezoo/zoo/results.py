"""Measured figures: results/METRIC.json next to zoo.yaml, which `stylezoo eval --write` writes and cards show.

    {"metric": {"key": "P", "title": "palette distance", "better": "lower", "decimals": 2, "note": "P is ..."},
     "runs": {"1": {"date": "2026-01-31", "machine": "...", "command": "stylezoo eval ...", "split": "validation"}},
     "models": {"cin/16": {"weights": "0123abcd", "figures": [{"style": "starry_night", "run": "1", "mean": 6.8}]}}}

Each run is stated once. Figures apply only to the weights that were measured, identified by the
first digits of their sha256. Neither `stylezoo.load` nor `stylezoo list` reads these files.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Literal

import msgspec

from stylezoo._files import replacing
from stylezoo._records import Record
from stylezoo.errors import RegistryError
from stylezoo.zoo import catalog
from stylezoo.zoo.spec import ModelSpec

FOLDER = "results"
DIGITS = 8
"""Of the sha256 of weights, which tell one model's apart."""

UNSEEN = "unseen"
"""The style id of figures on paintings that a model of any style has not seen."""


class MetricInfo(Record, frozen=True, kw_only=True):
    """The description of a metric for tables: see `stylezoo.evaluate.metrics.Metric`."""

    key: str
    title: str
    better: Literal["lower", "higher", "one"]
    note: str
    decimals: int = 3


class RunInfo(Record, frozen=True, kw_only=True):
    """One run of `stylezoo eval`.

    `split` is "validation", "test", "own" (the user's pictures), "samples" (scikit-image's), or "held out" (every 50th
    photo, before there were splits). `size` is the photos' long side in px; `pairs_id` tells sets of pairs apart,
    and `facts` are what else a metric's protocol fixes, such as the limit of iterations.
    """

    date: str
    machine: str
    command: str
    split: str
    size: int
    pairs_id: str = ""
    facts: dict[str, float] = msgspec.field(default_factory=dict)


class Figure(Record, frozen=True, kw_only=True):
    """A metric of one style, or of `UNSEEN` paintings.

    `mean` is over `count` pairs, with the standard deviation `spread` over them, and `low` to `high` is its 95 %
    interval where that was computed.
    """

    style: str
    run: str
    mean: float
    spread: float
    count: int
    low: float | None = None
    high: float | None = None
    at_least: bool = False
    facts: dict[str, float] = msgspec.field(default_factory=dict)


class ModelFigures(Record, frozen=True, kw_only=True):
    """The figures of one model; `weights` are the first digits of its file's sha256, "" for a model without a file."""

    weights: str
    figures: tuple[Figure, ...] = ()


class Results(Record, frozen=True, kw_only=True):
    """One file."""

    metric: MetricInfo
    runs: dict[str, RunInfo] = msgspec.field(default_factory=dict)
    models: dict[str, ModelFigures] = msgspec.field(default_factory=dict)

    def of(self, spec: ModelSpec) -> list[tuple[Figure, RunInfo]]:
        """Return the figures of a model's weights with their runs; empty for other weights of the same name."""
        found = self.models.get(spec.name)
        if found is None or found.weights != weights_id(spec):
            return []
        return [(figure, self.runs[figure.run]) for figure in found.figures]

    def add(self, spec: ModelSpec, run: RunInfo, figures: Mapping[str, Figure]) -> Results:
        """Return the file with new figures by style, which replace those of the same split, size and facts of the run.

        `Figure.run` is set here. Figures of other weights of the model are removed, and so are runs without figures.
        """
        id = next((id for id, there in self.runs.items() if there == run), None)
        if id is None:
            id = str(max(map(int, self.runs), default=0) + 1)
        runs = self.runs | {id: run}
        kept = [f for f, r in self.of(spec) if f.style not in figures or slot(r) != slot(run)]
        new = [msgspec.structs.replace(figure, run=id) for figure in figures.values()]
        models = self.models | {spec.name: ModelFigures(weights=weights_id(spec), figures=(*kept, *new))}
        used = {figure.run for model in models.values() for figure in model.figures}
        return Results(
            metric=self.metric,
            runs={id: run for id, run in runs.items() if id in used},
            models={name: models[name] for name in sorted(models)},
        )


def slot(run: RunInfo) -> tuple[object, ...]:
    """Return the key of a run: a new run replaces an older one with the same key."""
    return run.split, run.size, tuple(sorted(run.facts.items()))


def weights_id(spec: ModelSpec) -> str:
    """Return the identifier of a model's weights in the files."""
    return spec.weights.sha256[:DIGITS] if spec.weights else ""


def own_folder() -> Path:
    """Return the folder of results next to the registry of this checkout or package."""
    return catalog.zoo_file().with_name(FOLDER)


def own_results() -> dict[str, Results]:
    """Return the results of this checkout or package; they apply to exactly these weights."""
    return read_results(own_folder())


def read_results(folder: Path) -> dict[str, Results]:
    """Return the files of a folder by metric; empty if there is no such folder.

    Raises:
        RegistryError: a file is broken.
    """
    return {path.stem: read_file(path) for path in sorted(folder.glob("*.json"))}


def read_file(path: Path) -> Results:
    """Return one file; raise RegistryError if it is missing or broken."""
    try:
        results = msgspec.json.decode(path.read_bytes(), type=Results)
    except (OSError, msgspec.DecodeError) as cause:
        raise RegistryError(f"{path}: {cause}: measure again with stylezoo eval --write") from cause
    for name, figure in _all_figures(results):
        if figure.run not in results.runs:
            raise RegistryError(f"{path}: models.{name}: no run is named '{figure.run}'")
        if not all(math.isfinite(x) for x in (figure.mean, figure.spread)):
            raise RegistryError(f"{path}: models.{name}: a figure of '{figure.style}' is not finite")
    return results


def write_file(results: Results, path: Path) -> None:
    """Write one file atomically, one figure per line."""
    head = {"metric": results.metric, "runs": results.runs}
    lines = [
        f"  {msgspec.json.encode(key).decode()}: {msgspec.json.encode(value).decode()}" for key, value in head.items()
    ]
    models = []
    for name, model in results.models.items():
        rows = ",\n".join(f"      {msgspec.json.encode(figure).decode()}" for figure in model.figures)
        models.append(f'    "{name}": {{"weights": "{model.weights}", "figures": [\n{rows}\n    ]}}')
    lines.append('  "models": {\n' + ",\n".join(models) + "\n  }")
    path.parent.mkdir(exist_ok=True)
    with replacing(path) as temporary:
        temporary.write_text("{\n" + ",\n".join(lines) + "\n}\n", encoding="utf-8")


def _all_figures(results: Results) -> Iterator[tuple[str, Figure]]:
    return ((name, figure) for name, model in results.models.items() for figure in model.figures)
