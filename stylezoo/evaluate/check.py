"""Compare measured figures with the recorded ones."""

from __future__ import annotations

import math
from dataclasses import dataclass

from stylezoo.errors import OptionError
from stylezoo.zoo.results import Figure, RunInfo

SAME = 0.01
"""Relative tolerance on the same pairs, since processors and versions of torch round differently."""

SIGMAS = 3  # standard errors by which the mean over other pairs may differ: one figure in 370 does so by chance


@dataclass(frozen=True)
class Tolerance:
    """The tolerance on the same pairs: a share of the figure, plus a constant."""

    share: float = SAME
    constant: float = 1e-3


@dataclass(frozen=True)
class Departure:
    """A figure, such as "C", outside the tolerance of the recorded one; printed with `decimals` decimals."""

    figure: str
    value: float
    recorded: float
    allowed: float
    decimals: int = 4

    def __str__(self) -> str:
        value, recorded, allowed = (f"{x:.{self.decimals}f}" for x in (self.value, self.recorded, self.allowed))
        return f"{self.figure} {value} is outside {recorded} ± {allowed}"


def find_departure(
    name: str,
    found: tuple[Figure, RunInfo],
    recorded: tuple[Figure, RunInfo],
    tolerance: Tolerance = Tolerance(),
    decimals: int = 4,
) -> Departure | None:
    """Return the departure of a figure from the recorded one, or None if it is within the tolerance.

    On other pairs it is the mean of another sample, and may differ by three more standard errors of the difference,
    spread * sqrt(1 / pairs + 1 / recorded pairs).

    Raises:
        OptionError: the record is of a single pair, which has no spread, and other pairs were measured.
    """
    (own, run), (former, former_run) = found, recorded
    same = (own.count, run.pairs_id) == (former.count, former_run.pairs_id)
    if former.count == 1 and not same:
        raise OptionError(f"{name} was recorded on one pair and has no spread: measure the same pair to compare")
    allowed = tolerance.share * abs(former.mean) + tolerance.constant
    if not same:
        allowed += SIGMAS * former.spread * math.sqrt(1 / own.count + 1 / former.count)
    if abs(own.mean - former.mean) <= allowed:  # false for NaN
        return None
    return Departure(name, own.mean, former.mean, allowed, decimals)
