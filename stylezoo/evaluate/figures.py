"""What was measured of one style: as a line for people, one for programs, and in the records of the registry."""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import msgspec

from stylezoo.evaluate.check import Departure, find_departures, find_equivalents_departures
from stylezoo.evaluate.equivalents import Equivalents
from stylezoo.evaluate.quality import Quality
from stylezoo.zoo.metrics import EquivalentsSpec, FigureSpec, MetricsSpec, mean_text


class Figure(Protocol):
    """A figure of one style."""

    @property
    def style(self) -> str:
        """The style's id."""
        ...

    @property
    def text(self) -> str:
        """The figure in words."""
        ...

    @property
    def facts(self) -> dict[str, Any]:
        """All of it, as JSON has it."""
        ...

    def laid_over(self, former: MetricsSpec | None) -> MetricsSpec:
        """Return the style's record with this figure in it."""
        ...

    def departures(self, recorded: MetricsSpec) -> list[Departure]:
        """Return what is outside the recorded range."""
        ...


@dataclass(frozen=True)
class QualityFigure:
    """C and S of one style, and ST-LPIPS where it was measured."""

    style: str
    quality: Quality
    metrics: MetricsSpec

    @property
    def text(self) -> str:
        q = self.quality
        far = "" if q.stlpips is None else f"  ST-LPIPS {q.stlpips:.3f} ± {q.stlpips_spread:.3f}"
        errors = f"C {q.content:.3f} ± {q.content_spread:.3f}  S {q.style:.3f} ± {q.style_spread:.3f}"
        return f"{errors}{far}  ({q.photos} photos at {self.metrics.size} px)"

    @property
    def facts(self) -> dict[str, Any]:
        facts: dict[str, Any] = msgspec.to_builtins(msgspec.structs.replace(self.metrics, stlpips=None))
        if self.quality.stlpips is None:
            return facts
        return facts | {"stlpips": self.quality.stlpips, "stlpips_spread": self.quality.stlpips_spread}

    def laid_over(self, former: MetricsSpec | None) -> MetricsSpec:
        return self.metrics

    def departures(self, recorded: MetricsSpec) -> list[Departure]:
        return find_departures(self.quality, recorded)


@dataclass(frozen=True)
class IterationsFigure:
    """Iteration-equivalents of one style at one size."""

    style: str
    found: EquivalentsSpec

    @property
    def text(self) -> str:
        return f"iterations {self.found.text}  ({self.found.photos} photos at {self.found.size} px)"

    @property
    def facts(self) -> dict[str, Any]:
        facts = msgspec.to_builtins(self.found)
        return {"iterations": facts.pop("mean")} | facts

    def laid_over(self, former: MetricsSpec | None) -> MetricsSpec:
        assert former is not None  # without C and S there is no record to stand in
        return msgspec.structs.replace(former, equivalents=(self.found,))

    def departures(self, recorded: MetricsSpec) -> list[Departure]:
        same = [figure for figure in recorded.equivalents if figure.size == self.found.size]
        return [departure for figure in same for departure in find_equivalents_departures(self.found, figure)]


def quality_figure(style: str, quality: Quality, *, size: int, context: Mapping[str, str]) -> QualityFigure:
    """Return the figures of a style; `context` are the date, the machine and the command that measured."""
    facts: dict[str, Any] = {"photos": quality.photos, "size": size, **context}
    far = None
    if quality.stlpips is not None and quality.stlpips_spread is not None:
        far = FigureSpec(mean=quality.stlpips, spread=quality.stlpips_spread, **facts)
    metrics = MetricsSpec(
        content=quality.content,
        content_spread=quality.content_spread,
        style=quality.style,
        style_spread=quality.style_spread,
        stlpips=far,
        **facts,
    )
    return QualityFigure(style, quality, metrics)


def iterations_figure(
    style: str, found: Equivalents, *, size: int, limit: int, context: Mapping[str, str]
) -> IterationsFigure:
    """Return the iterations of a style, counted up to `limit`; for `context` see `quality_figure`."""
    facts: dict[str, Any] = {"photos": found.photos, "size": size, "reached": found.reached, "limit": limit, **context}
    return IterationsFigure(style, EquivalentsSpec(mean=found.iterations, spread=found.spread, **facts))


def mean_of_styles(figures: Sequence[Figure]) -> str:
    """Return the mean over several styles in words, ± the standard deviation of their figures."""
    iterations = [figure.found for figure in figures if isinstance(figure, IterationsFigure)]
    qualities = [figure.quality for figure in figures if isinstance(figure, QualityFigure)]
    if iterations:
        short = any(figure.reached < figure.photos for figure in iterations)
        spread = "" if short else f" ± {statistics.stdev(figure.mean for figure in iterations):.1f}"
        return f"iterations {mean_text(iterations)}{spread}"
    far = [quality.stlpips for quality in qualities if quality.stlpips is not None]
    columns = {"C": [q.content for q in qualities], "S": [q.style for q in qualities], "ST-LPIPS": far}
    return "  ".join(f"{k} {statistics.fmean(v):.3f} ± {statistics.stdev(v):.3f}" for k, v in columns.items() if v)
