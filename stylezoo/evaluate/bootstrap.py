"""Bootstrap percentile intervals for means over pairs.

Efron 1979; Efron and Tibshirani 1993, "An Introduction to the Bootstrap", chapter 13. Pairs are drawn with replacement,
the same draws for every method, so that the difference of two methods is one of the same photos and styles.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np

RESAMPLES = 2000
SEED = 0
COVERAGE = 0.95

Values = Sequence[float | None]
"""A metric's values by pair; None where it is undefined."""

T = TypeVar("T")
Pool = Callable[[Sequence[float]], float]


@dataclass(frozen=True)
class Interval:
    """A pooled value over `count` pairs, and its 95 % interval."""

    mean: float
    low: float
    high: float
    count: int


def interval(values: Values, pool: Pool) -> Interval | None:
    """Return the pooled value of all defined values, with its interval; None if there are none."""
    known = [value for value in values if value is not None]
    if not known:
        return None
    return Interval(pool(known), *_bounds([pool(drawn) for drawn in _resampled(known)]), len(known))


def difference(values: Values, reference: Values, pool: Pool) -> Interval | None:
    """Return how much higher the pooled value of `values` is than that of `reference`, over the pairs that both have.

    An interval without 0 is a difference that another sample of pairs would show too. None where no pair has both.
    """
    return _contrast(values, reference, lambda own, other: pool(own) - pool(other))


def ratio(values: Values, reference: Values, pool: Pool) -> Interval | None:
    """Return how many times the pooled value of `values` is that of `reference`; None where that is 0 in some draw."""
    try:
        return _contrast(values, reference, lambda own, other: pool(own) / pool(other))
    except ZeroDivisionError:
        return None


def _contrast(
    values: Values, reference: Values, apart: Callable[[Sequence[float], Sequence[float]], float]
) -> Interval | None:
    both = [(a, b) for a, b in zip(values, reference, strict=True) if a is not None and b is not None]
    if not both:
        return None
    drawn = [apart([a for a, _ in pairs], [b for _, b in pairs]) for pairs in (both, *_resampled(both))]
    return Interval(drawn[0], *_bounds(drawn[1:]), len(both))


def _resampled(items: Sequence[T]) -> list[list[T]]:
    draws = np.random.default_rng(SEED).integers(0, len(items), (RESAMPLES, len(items)))
    return [[items[i] for i in draw] for draw in draws.tolist()]


def _bounds(values: Sequence[float]) -> tuple[float, float]:
    low, high = np.quantile(values, [(1 - COVERAGE) / 2, (1 + COVERAGE) / 2])
    return float(low), float(high)
