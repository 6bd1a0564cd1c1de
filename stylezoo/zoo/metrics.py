"""The measured figures of the registry: how good a model is in one of its styles, and how to measure it again."""

from __future__ import annotations

import math
from collections.abc import Iterable

import msgspec

from stylezoo.schema import Record
from stylezoo.zoo.fields import FieldError, check_filled, check_hex, check_id

UNSEEN = "unseen"
"""The id under which nets that take any picture are measured, on pictures that they have not seen."""


class FigureSpec(Record, frozen=True, kw_only=True):
    """A figure that is measured for one style: its mean and standard deviation over `photos` photos.

    `size` is the photos' long side in pixels; `date`, `machine` and `command` say how to measure it again.
    """

    mean: float
    spread: float
    photos: int
    size: int
    date: str
    machine: str
    command: str

    def __post_init__(self) -> None:
        _check_measured(self, ("mean", "spread"))


class EquivalentsSpec(FigureSpec, frozen=True, kw_only=True):
    """Iteration-equivalents: how many L-BFGS iterations from the photo reach the net's own training objective.

    For `reached` of the photos the optimisation came as far within `limit` iterations. Each other counts as `limit`,
    so that the mean is then a lower bound.
    """

    reached: int
    limit: int

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.limit <= 0:
            raise FieldError("limit", f"must be above 0, not {self.limit}")
        if not 0 <= self.reached <= self.photos:
            raise FieldError("reached", f"must be from 0 to the number of photos, {self.photos}, not {self.reached}")
        if self.mean > self.limit:
            raise FieldError("mean", f"must be at most the limit, {self.limit}, not {self.mean}")

    @property
    def text(self) -> str:
        """The figure as people read it: "61.5 ± 8.0", "≥ 430.2 (6 of 8 photos reached)" or "> 500"."""
        if not self.reached:
            return f"> {self.limit}"
        if self.reached < self.photos:
            return f"≥ {self.mean:.1f} ({self.reached} of {self.photos} photos reached)"
        return f"{self.mean:.1f} ± {self.spread:.1f}"


class WarpSpec(Record, frozen=True, kw_only=True):
    """Warp error: how much the painting of a clip flickers, as a mean squared difference in levels from 0 to 1.

    `mean` and `spread` (the standard deviation) are over clips of known motion, `kinds` the means by kind of motion;
    `long` is the error of each frame and the first, and `photo` that of the clips unpainted. They have `frames` frames
    of `size` px in width each, and `clips_id` is the same for the same clips alone; `steady` is the share of the norms'
    statistics that comes from the frames before. For the rest see `FigureSpec`.
    """

    mean: float
    spread: float
    long: float
    photo: float
    kinds: dict[str, float]
    clips: int
    frames: int
    size: int
    clips_id: str
    steady: float
    date: str
    machine: str
    command: str

    def __post_init__(self) -> None:
        _check_measured(self, ("mean", "spread", "long", "photo"), ("clips", "size"))
        check_hex("clips_id", self.clips_id, 8)
        if self.frames < 2:
            raise FieldError("frames", f"must be at least 2, not {self.frames}")
        if not 0 <= self.steady < 1:
            raise FieldError("steady", f"must be from 0 up to, but not, 1, not {self.steady}")
        for kind, error in self.kinds.items():
            check_id("kinds", kind)
            if not (math.isfinite(error) and error >= 0):
                raise FieldError("kinds", f"'{kind}' must be a finite number of at least 0, not {error}")


class MetricsSpec(Record, frozen=True, kw_only=True):
    """Measured quality for one style: mean and spread of the content and the style error over `photos` photos.

    `size` is the photos' long side in pixels; `date`, `machine` and `command` say how to measure it again. What other
    commands measure of the style stands beside, each with its own: the distance from the photo by ST-LPIPS;
    iteration-equivalents, one record for each size of the photos; the warp error, one for each share of `steady`.
    """

    content: float
    content_spread: float
    style: float
    style_spread: float
    photos: int
    size: int
    date: str
    machine: str
    command: str
    stlpips: FigureSpec | None = None
    equivalents: tuple[EquivalentsSpec, ...] = ()
    warp: tuple[WarpSpec, ...] = ()

    def __post_init__(self) -> None:
        _check_measured(self, ("content", "content_spread", "style", "style_spread"))
        sizes = [figure.size for figure in self.equivalents]
        if twice := next((size for size in sizes if sizes.count(size) > 1), None):
            raise FieldError("equivalents", f"two records are at {twice} px")
        shares = [figure.steady for figure in self.warp]
        if len(set(shares)) < len(shares):
            raise FieldError("warp", f"two records are of the same share, steady being {shares}")


def merge_metrics(former: MetricsSpec | None, found: MetricsSpec) -> MetricsSpec:
    """Return the figures of `found`, and of `former`, which are of the same weights, what it has not measured."""
    if former is None:
        return found
    equivalents = {figure.size: figure for figure in (*former.equivalents, *found.equivalents)}
    warp = {figure.steady: figure for figure in (*former.warp, *found.warp)}
    return msgspec.structs.replace(
        found,
        stlpips=found.stlpips or former.stlpips,
        equivalents=tuple(equivalents[size] for size in sorted(equivalents)),
        warp=tuple(warp[share] for share in sorted(warp)),
    )


def mean_text(figures: list[EquivalentsSpec]) -> str:
    """Return the mean of several styles' iteration-equivalents as people read it; see `EquivalentsSpec.text`."""
    mean = sum(figure.mean for figure in figures) / len(figures)
    if not any(figure.reached for figure in figures):
        return f"> {min(figure.limit for figure in figures)}"
    return f"{'≥ ' if any(figure.reached < figure.photos for figure in figures) else ''}{mean:.1f}"


def _check_measured(
    record: FigureSpec | WarpSpec | MetricsSpec, figures: Iterable[str], counts: Iterable[str] = ("photos", "size")
) -> None:
    for field in figures:
        value = getattr(record, field)
        if not (math.isfinite(value) and value >= 0):
            raise FieldError(field, f"must be a finite number of at least 0, not {value}")
    for field in counts:
        if getattr(record, field) <= 0:
            raise FieldError(field, f"must be above 0, not {getattr(record, field)}")
    check_filled(record, "date", "machine", "command")
