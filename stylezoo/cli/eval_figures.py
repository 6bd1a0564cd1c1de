"""Figures of single metrics by style: printing, recording and checking them."""

from __future__ import annotations

import datetime
import shlex
import statistics
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from stylezoo.cli import eval_records
from stylezoo.cli.console import put_json
from stylezoo.errors import StyleError, did_you_mean

if TYPE_CHECKING:
    from stylezoo.evaluate.check import Tolerance
    from stylezoo.zoo.results import Figure, MetricInfo, RunInfo
    from stylezoo.zoo.spec import ModelSpec


@dataclass
class Reporter:
    """Prints the figures of a metric, and records or checks them.

    Args:
        as_json: print one JSON object per figure, else a line of text.
        write: record the figures in the results of this checkout.
        check: compare the figures with the recorded ones, within `tolerance`.
    """

    metric: MetricInfo
    as_json: bool
    write: bool
    check: bool
    tolerance: Tolerance
    departed: int = field(default=0, init=False)

    def check_split(self, split: str) -> None:
        """Raise OptionError if figures on these photos cannot be recorded."""
        if self.write:
            eval_records.check_public(split)

    def check_weights(self, name: str, spec: ModelSpec) -> None:
        """Raise OptionError if figures of these weights cannot be recorded."""
        if self.write:
            eval_records.check_weights(name, spec)

    def recorded(
        self, spec: ModelSpec, styles: Sequence[str], sizes: Sequence[int] = ()
    ) -> list[tuple[Figure, RunInfo]]:
        """Return the recorded figures to measure again; raise OptionError if there are none."""
        return eval_records.recorded_for_check(self.metric, spec, styles, sizes)

    def take(self, name: str, spec: ModelSpec | None, found: Iterable[tuple[Figure, RunInfo]]) -> None:
        """Report figures as they arrive, then their mean; `spec` is None for methods that are not in the zoo."""
        figures = []
        for figure, run in found:
            figures.append(figure)
            self._put(name, figure, run)
            if spec and self.write:
                eval_records.keep(self.metric, spec, [figure], run)
            if spec and self.check:
                self.departed += eval_records.departures(self.metric, spec, [figure], run, self.tolerance)
        if len(figures) > 1 and not self.as_json:
            means = [figure.mean for figure in figures]
            decimals = self.metric.decimals
            mean, spread = statistics.fmean(means), statistics.stdev(means)
            text = f"{self.metric.title} {mean:.{decimals}f} ± {spread:.{decimals}f} (± over styles)"
            click.echo(f"{name}  mean of {len(figures)} styles  {text}")

    def finish(self) -> None:
        """Raise Failure if a figure differed from the recorded one."""
        eval_records.fail_if_departed(self.departed)

    def _put(self, name: str, figure: Figure, run: RunInfo) -> None:
        if self.as_json:
            put_json(figure_line(self.metric.key, name, figure, run))
            return
        decimals = self.metric.decimals
        text = f"{self.metric.title} {figure.mean:.{decimals}f} ± {figure.spread:.{decimals}f}"
        facts = "  ".join(f"{key} {value:.6g}" for key, value in (figure.facts | run.facts).items())
        click.echo(f"{name}  {figure.style}  {text}  ({figure.count} at {run.size} px)  {facts}")


def figure_line(key: str, name: str, figure: Figure, run: RunInfo) -> dict[str, Any]:
    """Return a figure and its run, ready for JSON."""
    import msgspec

    facts = msgspec.to_builtins(figure)
    del facts["run"]
    return {"what": "figure", "metric": key, "method": name} | facts | {"from": msgspec.to_builtins(run)}


def choose_styles(name: str, known: Sequence[str], chosen: Sequence[str]) -> tuple[str, ...]:
    """Return the chosen styles, or all known ones; raise StyleError if `name` lacks a chosen style."""
    if unknown := next((style for style in chosen if style not in known), None):
        raise StyleError(f"{name} has no style '{unknown}'.{did_you_mean(unknown, known)}")
    return tuple(style for style in known if not chosen or style in chosen)


def provenance(words: Sequence[object], photos: Path | None, device: str) -> dict[str, str]:
    """Return the date, machine and command of a measurement."""
    from stylezoo.evaluate.machine import machine_name

    return {
        "date": datetime.date.today().isoformat(),
        "machine": machine_name(device),
        "command": again(words, photos),
    }


def again(words: Sequence[object], photos: Path | None) -> str:
    """Return a command line for a shell; it sets STYLEZOO_DATA if the photos come from there."""
    from stylezoo.data.folder import data_folder

    return ("STYLEZOO_DATA=data " if photos is None and data_folder() else "") + shlex.join(map(str, words))
