"""Temporal stability: the warp error of stylized clips with known motion.

As Lai et al. (2018, arXiv:1808.00449) define it, with known instead of estimated motion: the stylized frame t is
warped to frame t + 1; the error is the mean squared difference to the stylized frame t + 1, over the channels and the
pixels visible in both frames, in levels from 0 to 1. The error of a clip is the mean over consecutive frames. The
long-range error compares each frame with the first.
"""

from __future__ import annotations

import statistics
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from stylezoo.evaluate.clips import Clip
from stylezoo.evaluate.motion import sample
from stylezoo.stylizer.stylizer import Stylizer
from stylezoo.zoo.results import Figure, MetricInfo

DIGITS = 6

METRIC = MetricInfo(
    key="W",
    title="warp error",
    better="lower",
    note="W is the warp error, how much stylized clips of known motion flicker: the mean squared difference, in levels "
    "from 0 to 1, of a stylized frame and the one before it, moved.",
    decimals=5,
)

FrameStylizer = Callable[[Sequence[Image.Image]], Iterable[Image.Image]]
"""Maps the frames of a clip to stylized frames of the same size."""

Warp = Callable[[int, int], tuple[Tensor, Tensor]]


@dataclass(frozen=True)
class WarpError:
    """Mean squared differences, in levels from 0 to 1: of consecutive frames, and of each frame and the first."""

    short: float
    long: float


@dataclass(frozen=True)
class ClipError:
    """The error of a stylized clip, and of the clip itself, which comes from noise, exposure and interpolation."""

    kind: str
    stylized: WarpError
    photo: WarpError


def measure_steadiness(
    stylizers: Mapping[str, FrameStylizer],
    clips: Iterable[Clip],
    *,
    progress: Callable[[Iterable[Clip]], Iterable[Clip]] = lambda clips: clips,
) -> dict[str, list[ClipError]]:
    """Return each stylizer's errors, clip by clip; `progress` wraps the clips, for example a progress bar."""
    errors: dict[str, list[ClipError]] = {name: [] for name in stylizers}
    for clip in progress(clips):
        known = cache(clip.scene.known)
        photo = warp_error(clip.frames, known)
        for name, stylize in stylizers.items():
            errors[name].append(ClipError(clip.kind, warp_error(stylize(clip.frames), known), photo))
    return errors


def warp_figure(style: str, errors: Sequence[ClipError]) -> Figure:
    """Return the mean over clips, of neighbouring frames.

    Its facts are the means of each frame and the first ("long"), of the clips themselves ("photo"), and by kind.
    """
    short = [error.stylized.short for error in errors]
    facts = {
        "long": statistics.fmean(error.stylized.long for error in errors),
        "photo": statistics.fmean(error.photo.short for error in errors),
    } | {kind: statistics.fmean(found) for kind, found in by_kind(errors).items()}
    return Figure(
        style=style,
        run="",
        mean=round(statistics.fmean(short), DIGITS),
        spread=round(statistics.stdev(short), DIGITS) if len(short) > 1 else 0.0,
        count=len(short),
        facts={key: round(value, DIGITS) for key, value in facts.items()},
    )


def by_kind(errors: Iterable[ClipError]) -> dict[str, list[float]]:
    """Return the errors of neighbours by the kind of motion, clip by clip."""
    kinds: dict[str, list[float]] = {}
    for error in errors:
        kinds.setdefault(error.kind, []).append(error.stylized.short)
    return kinds


def warp_error(frames: Iterable[Image.Image], known: Warp) -> WarpError:
    """Return the error of a clip's frames, stylized or not; `known` is its scene's."""
    first: Tensor | None = None
    before: Tensor | None = None
    short, long = [], []
    for t, frame in enumerate(frames):
        now = levels(frame)
        if first is None or before is None:
            first = before = now
            continue
        short.append(difference(now, before, *known(t - 1, t)))
        long.append(difference(now, first, *known(0, t)) if t > 1 else short[0])
        before = now
    return WarpError(statistics.fmean(short), statistics.fmean(long))


def difference(later: Tensor, earlier: Tensor, where: Tensor, visible: Tensor) -> float:
    """Return the mean squared difference of two frames, (3, H, W), where `visible`."""
    return float((later - sample(earlier, where))[:, visible].square().mean())


def levels(frame: Image.Image) -> Tensor:
    """Return a frame as (3, H, W) in [0, 1]."""
    return torch.from_numpy(np.asarray(frame.convert("RGB"), dtype=np.float64) / 255).permute(2, 0, 1)


def zoo_stylizer(stylizer: Stylizer, style: str, steady: float) -> FrameStylizer:
    """Return a model in one of its styles as a stylizer; for `steady` see `Stylizer.stylize_frames`."""
    return lambda frames: stylizer.stylize_frames(frames, style, steady=steady)
