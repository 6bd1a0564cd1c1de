"""Are a net's pictures still as good as the registry says?"""

from __future__ import annotations

import math
from dataclasses import dataclass

from stylezoo.errors import OptionError
from stylezoo.evaluate.quality import Quality
from stylezoo.zoo.spec import MetricsSpec

SAME = 0.01
"""Share of a figure by which it may differ on the same photos: processors and releases of torch round otherwise."""

ROUNDING = 1e-4  # both figures have four digits
SIGMAS = 3  # standard errors by which the mean over other photos may differ: one figure in 370 does so by chance


@dataclass(frozen=True)
class Departure:
    """A figure, "C" or "S", that is further from the recorded one than is allowed."""

    figure: str
    value: float
    recorded: float
    allowed: float

    def __str__(self) -> str:
        return f"{self.figure} {self.value:.4f} is outside {self.recorded:.4f} ± {self.allowed:.4f}"


def find_departures(found: Quality, recorded: MetricsSpec) -> list[Departure]:
    """Return which of the measured figures are outside the recorded range.

    On as many photos as were recorded, which are taken for the same, a figure may differ by 1 %. On fewer or more it is
    the mean of another sample, and may differ by three standard errors of the difference beside that,
    spread * sqrt(1 / photos + 1 / recorded photos).

    Raises:
        OptionError: the record is of a single photo, which has no spread, and another number was measured.
    """
    if recorded.photos == 1 and found.photos != 1:
        raise OptionError(f"the record is of one photo and has no spread: {found.photos} photos cannot be held to it")
    figures = (
        ("C", found.content, recorded.content, recorded.content_spread),
        ("S", found.style, recorded.style, recorded.style_spread),
    )
    departures = []
    for figure, value, mean, spread in figures:
        allowed = SAME * mean + ROUNDING
        if found.photos != recorded.photos:
            allowed += SIGMAS * spread * math.sqrt(1 / found.photos + 1 / recorded.photos)
        if not abs(value - mean) <= allowed:  # NaN is outside
            departures.append(Departure(figure, value, mean, allowed))
    return departures
