"""Compare methods on the same pairs by every metric."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

import torch
from PIL import Image
from torch import Tensor

from stylezoo.data.styles import read_style
from stylezoo.evaluate.bootstrap import Interval, difference, interval, ratio
from stylezoo.evaluate.methods import Method
from stylezoo.evaluate.metrics import Metric, Picture, Scene
from stylezoo.evaluate.pairs import Pair, PairSet
from stylezoo.images.io import read, to_pil

Show = Callable[[Pair, str, Image.Image], None]


@dataclass
class Scores:
    """A method's values by metric key and pair, and the seconds per pair."""

    values: dict[str, list[float | None]]
    seconds: list[float] = field(default_factory=list)

    def of(self, places: Sequence[int]) -> Scores:
        """Return the scores of some of the pairs."""
        values = {key: [column[i] for i in places] for key, column in self.values.items()}
        return Scores(values, [self.seconds[i] for i in places])


@dataclass(frozen=True)
class Figure:
    """A metric over pairs: the pooled value and its 95 % interval; `spread` is the standard deviation over pairs."""

    metric: Metric
    value: Interval
    spread: float


@dataclass(frozen=True)
class Contrast:
    """A method against a reference: the difference and the ratio of their pooled values."""

    metric: Metric
    difference: Interval
    ratio: Interval | None


def measure(
    methods: Sequence[Method],
    chosen: PairSet,
    metrics: Sequence[Metric],
    *,
    size: int,
    progress: Callable[[Iterable[Pair]], Iterable[Pair]] = lambda pairs: pairs,
    show: Show = lambda *_: None,
) -> dict[str, Scores]:
    """Return each method's scores, pair by pair.

    Results are rounded to 8 bits for all methods. Seconds include encoding the style.

    Args:
        size: long side of the content images in px.
        progress: wraps the pairs, for example a progress bar.
        show: called with each result.
    """
    scores = {method.name: Scores({metric.key: [] for metric in metrics}) for method in methods}
    gallery = {id: Picture(_rounded(style.target())) for id, style in chosen.gallery.items()}
    content, photo, last = Picture(torch.empty(0)), Image.new("RGB", (1, 1)), None
    for number, pair in enumerate(progress(chosen.pairs)):
        if pair.photo != last:
            photo, last = to_pil(read_style(pair.photo, size)), pair.photo
            content = Picture(read(photo).pixels)
        style = pair.style.picture()
        known = Scene(content, gallery[pair.style.id], pair.style.id, gallery)
        for method in methods:
            start = time.perf_counter()
            image = method.stylize(photo, style, pair, number)
            scores[method.name].seconds.append(time.perf_counter() - start)
            result = Picture(read(image).pixels)
            scene = known if method.knows_style else Scene(content)
            for metric in metrics:
                scores[method.name].values[metric.key].append(metric.measure(result, scene))
            show(pair, method.name, image)
    return scores


def figures(scores: Scores, metrics: Sequence[Metric]) -> list[Figure]:
    """Return the figures of a method for the metrics that are defined for it."""
    found = []
    for metric in metrics:
        known = [value for value in scores.values[metric.key] if value is not None]
        if value := interval(known, metric.pool):
            found.append(Figure(metric, value, statistics.stdev(known) if len(known) > 1 else 0.0))
    return found


def contrasts(scores: Scores, reference: Scores, metrics: Sequence[Metric]) -> list[Contrast]:
    """Return how a method differs from a reference, pair by pair."""
    found = []
    for metric in metrics:
        own, other = scores.values[metric.key], reference.values[metric.key]
        if apart := difference(own, other, metric.pool):
            found.append(Contrast(metric, apart, ratio(own, other, metric.pool)))
    return found


def _rounded(pixels: Tensor) -> Tensor:
    return (pixels * 255).round() / 255
