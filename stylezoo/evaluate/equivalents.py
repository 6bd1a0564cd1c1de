"""Iteration equivalents: the steps of Gatys' optimisation that reach the loss of a net, as in the papers."""

from __future__ import annotations

import math
import statistics
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from stylezoo.errors import OptionError, StyleError
from stylezoo.images.io import read
from stylezoo.images.resize import resize
from stylezoo.images.sizes import fit_long_side
from stylezoo.losses import PerceptualLoss
from stylezoo.models.descent import descend
from stylezoo.stylizer.stylizer import Stylizer
from stylezoo.zoo.results import MetricInfo

LIMIT = 500

METRIC = MetricInfo(
    key="G",
    title="iteration-equivalents",
    better="higher",
    note="G is how many L-BFGS iterations of Gatys' optimisation, from the photo, come as far as the net in the net's "
    "own training objective; photos that are not reached within the limit count as the limit.",
    decimals=1,
)


@dataclass(frozen=True)
class Equivalents:
    """Iteration equivalents of a style: mean and standard deviation over photos, and the number of photos.

    `reached`: the number of photos for which the optimisation reached the net's loss within the limit. For the others
    the limit is counted, so that the mean is a lower bound.
    """

    iterations: float
    spread: float
    reached: int
    photos: int


def measure_equivalents(
    stylizer: Stylizer,
    photos: Sequence[Path],
    loss: PerceptualLoss,
    styles: Sequence[str],
    *,
    size: int = 512,
    limit: int = LIMIT,
    progress: Callable[[Iterable[Path]], Iterable[Path]] = lambda photos: photos,
) -> Iterator[tuple[str, Equivalents]]:
    """Measure, for each of `styles` in turn, how many L-BFGS iterations from the photo reach the net's own objective.

    Johnson et al. 2016 (arXiv:1603.08155, figure 5) compare so; the papers' nets stand at 50 to 100. Each style is
    yielded as soon as it is measured, so that breaking off loses little.

    Args:
        loss: the objective that the net was trained on, without the emphasis that trainings may put on single styles;
            its kept styles are `styles`, in this order.
        size: long side of the photos in px.
        limit: maximum number of iterations.
        progress: wraps the photos, for example a progress bar; called for each style again.

    Raises:
        StyleError: the net does not know one of `styles`.
        OptionError: the loss of a result is not finite.
    """
    if unknown := [style for style in styles if style not in stylizer.styles]:
        raise StyleError(f"{stylizer.spec.name} has no style '{unknown[0]}', which its recipe has")
    for index, style in enumerate(styles):
        counts = []
        for path in progress(photos):
            photo = read(path).pixels
            photo = resize(photo, fit_long_side(photo.shape[-2], photo.shape[-1], size)).to(stylizer.device)
            counts.append(iterations_to(stylizer.stylize(photo, style), photo, loss, index, limit=limit))
        if counts:
            yield style, summarize_counts(counts, limit)


def iterations_to(
    stylized: Tensor, photo: Tensor, loss: PerceptualLoss, style: int, *, limit: int = LIMIT
) -> int | None:
    """Return the iterations from `photo` until the loss is at most that of `stylized`, both (1, 3, H, W) in [0, 1].

    An iteration is one pass of the picture through the loss and back, and one step. `style` is which of the loss's kept
    styles. None: `limit` iterations do not reach it.

    Raises:
        OptionError: the loss of `stylized` is not finite.
    """
    targets = loss.content_targets(photo)
    chosen = torch.tensor([style], device=photo.device)

    def objective(x: Tensor) -> dict[str, Tensor]:
        terms = loss.terms(x, targets, chosen)
        return {"total": loss.total(terms)}

    with torch.no_grad():
        goal = objective(stylized)["total"].item()
    if not math.isfinite(goal):  # nothing would reach it, as if the net were perfect
        raise OptionError(f"the loss of the net's result is {goal}: check the net with stylezoo verify")
    return next((s.number for s in descend(objective, photo, steps=limit) if s.terms["total"] <= goal), None)


def summarize_counts(counts: Sequence[int | None], limit: int) -> Equivalents:
    """Return the mean and deviation of iterations; None, not reached within the limit, counts as the limit."""
    numbers = [limit if count is None else count for count in counts]
    return Equivalents(
        iterations=round(statistics.fmean(numbers), 1),
        spread=round(statistics.stdev(numbers), 1) if len(numbers) > 1 else 0.0,
        reached=len(counts) - list(counts).count(None),
        photos=len(counts),
    )
