"""What was measured of one style: as a line for people, one for programs, and in the records of the registry."""

from __future__ import annotations

import math
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import msgspec

from stylezoo.evaluate.check import Departure, find_departures, find_equivalents_departures, find_warp_departures
from stylezoo.evaluate.clips import Clip, clips_digest
from stylezoo.evaluate.equivalents import Equivalents
from stylezoo.evaluate.quality import Quality
from stylezoo.evaluate.temporal import ClipError, steadiness
from stylezoo.zoo.metrics import EquivalentsSpec, FigureSpec, MetricsSpec, WarpSpec, mean_text


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


@dataclass(frozen=True)
class WarpFigure:
    """The warp error in one style."""

    style: str
    errors: tuple[ClipError, ...]
    found: WarpSpec

    @property
    def text(self) -> str:
        f = self.found
        error = f"warp error {f.mean:.5f} ± {f.spread:.5f} (root {math.sqrt(f.mean):.4f})"
        clips = f"{f.clips} clips of {f.frames} frames at {f.size} px, steady {f.steady:g}"
        return f"{error}  to the first frame {f.long:.5f}  of the photos {f.photo:.5f}  ({clips})"

    @property
    def facts(self) -> dict[str, Any]:
        facts = msgspec.to_builtins(self.found)
        return {"warp": facts.pop("mean")} | facts

    def laid_over(self, former: MetricsSpec | None) -> MetricsSpec:
        assert former is not None  # without C and S there is no record to stand in
        return msgspec.structs.replace(former, warp=(self.found,))

    def departures(self, recorded: MetricsSpec) -> list[Departure]:
        same = [figure for figure in recorded.warp if figure.steady == self.found.steady]
        return [departure for figure in same for departure in find_warp_departures(self.found, figure)]


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


def warp_figure(
    style: str, errors: Sequence[ClipError], clips: Sequence[Clip], *, steady: float, context: Mapping[str, str]
) -> WarpFigure:
    """Return the warp error of a style on clips of one size; for `context` see `quality_figure`."""
    some = clips[0]
    facts: dict[str, Any] = {"frames": some.length, "size": some.scene.width, "steady": steady, **context}
    return WarpFigure(style, tuple(errors), WarpSpec(**steadiness(errors), clips_id=clips_digest(clips), **facts))


def kind_texts(figures: Sequence[WarpFigure]) -> list[str]:
    """Return the warp error by kind of motion in words, ± the standard deviation over styles and clips."""
    painted: dict[str, list[float]] = {}
    photos: dict[str, list[float]] = {}
    for error in (error for figure in figures for error in figure.errors):
        painted.setdefault(error.kind, []).append(error.painted.short)
        photos.setdefault(error.kind, []).append(error.photo.short)
    texts = []
    for kind, errors in painted.items():
        mean = statistics.fmean(errors)
        spread = f" ± {statistics.stdev(errors):.5f}" if len(errors) > 1 else ""
        photo = statistics.fmean(photos[kind])
        texts.append(f"{kind}  warp error {mean:.5f}{spread} (root {math.sqrt(mean):.4f})  of the photos {photo:.5f}")
    return texts


def mean_of_styles(figures: Sequence[Figure]) -> str:
    """Return the mean over several styles in words, ± the standard deviation of their figures."""
    warps = [figure.found.mean for figure in figures if isinstance(figure, WarpFigure)]
    if warps:
        mean = statistics.fmean(warps)
        return f"warp error {mean:.5f} ± {statistics.stdev(warps):.5f} (root {math.sqrt(mean):.4f})"
    iterations = [figure.found for figure in figures if isinstance(figure, IterationsFigure)]
    qualities = [figure.quality for figure in figures if isinstance(figure, QualityFigure)]
    if iterations:
        short = any(figure.reached < figure.photos for figure in iterations)
        spread = "" if short else f" ± {statistics.stdev(figure.mean for figure in iterations):.1f}"
        return f"iterations {mean_text(iterations)}{spread}"
    far = [quality.stlpips for quality in qualities if quality.stlpips is not None]
    columns = {"C": [q.content for q in qualities], "S": [q.style for q in qualities], "ST-LPIPS": far}
    return "  ".join(f"{k} {statistics.fmean(v):.3f} ± {statistics.stdev(v):.3f}" for k, v in columns.items() if v)
