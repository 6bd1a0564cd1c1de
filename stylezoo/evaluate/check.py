"""Are a net's pictures still as good as the registry says?"""

from __future__ import annotations

import math
from dataclasses import dataclass

from stylezoo.errors import OptionError
from stylezoo.evaluate.quality import Quality
from stylezoo.zoo.metrics import EquivalentsSpec, FigureSpec, MetricsSpec, WarpSpec

SAME = 0.01
"""Share of a figure by which it may differ on the same photos: processors and releases of torch round otherwise."""

SAME_ITERATIONS = 0.05
"""That share of iterations: their rounding errors grow from step to step."""

ROUNDING = 1e-4  # the errors have four digits
ROUNDING_WARP = 2e-6  # this one six
SIGMAS = 3  # standard errors by which the mean over other photos may differ: one figure in 370 does so by chance


@dataclass(frozen=True)
class Departure:
    """A figure, such as "C", that is further from the recorded one than is allowed; shown with so many decimals."""

    figure: str
    value: float
    recorded: float
    allowed: float
    decimals: int = 4

    def __str__(self) -> str:
        value, recorded, allowed = (f"{x:.{self.decimals}f}" for x in (self.value, self.recorded, self.allowed))
        return f"{self.figure} {value} is outside {recorded} ± {allowed}"


@dataclass(frozen=True)
class _Mean:
    """A mean over photos; its spread counts where it is the recorded one."""

    value: float
    photos: int
    spread: float = 0.0
    sample: str = ""  # which photos, where that is known


def find_departures(found: Quality, recorded: MetricsSpec) -> list[Departure]:
    """Return which of the measured figures are outside the recorded range; ST-LPIPS only where it was measured.

    On as many photos as were recorded, which are taken for the same, a figure may differ by 1 %. On fewer or more it is
    the mean of another sample, and may differ by three standard errors of the difference beside that,
    spread * sqrt(1 / photos + 1 / recorded photos).

    Raises:
        OptionError: the record is of a single photo, which has no spread, and another number was measured; or ST-LPIPS
            was measured and is not recorded.
    """
    content = _Mean(recorded.content, recorded.photos, recorded.content_spread)
    style = _Mean(recorded.style, recorded.photos, recorded.style_spread)
    departures = [
        _depart("C", _Mean(found.content, found.photos), content),
        _depart("S", _Mean(found.style, found.photos), style),
    ]
    if found.stlpips is not None:
        if recorded.stlpips is None:
            raise OptionError("--check: no ST-LPIPS is recorded: leave --stlpips out, or keep it with --write")
        departures.append(_depart("ST-LPIPS", _Mean(found.stlpips, found.photos), _mean_of(recorded.stlpips)))
    return [departure for departure in departures if departure]


def find_equivalents_departures(found: EquivalentsSpec, recorded: EquivalentsSpec) -> list[Departure]:
    """Return whether iterations, counted up to the recorded limit, are outside the recorded range.

    The rule is that of `find_departures`, with 5 % and one iteration in place of 1 %.

    Raises:
        OptionError: see `find_departures`.
    """
    name = f"iterations at {recorded.size} px"
    departure = _depart(name, _mean_of(found), _mean_of(recorded), SAME_ITERATIONS, 1.0, decimals=1)
    return [departure] if departure else []


def find_warp_departures(found: WarpSpec, recorded: WarpSpec) -> list[Departure]:
    """Return whether the warp error is outside the recorded range: 1 % on the same clips; see `find_departures`.

    Raises:
        OptionError: see `find_departures`.
    """
    own, former = (_Mean(warp.mean, warp.clips, warp.spread, warp.clips_id) for warp in (found, recorded))
    departure = _depart("warp error", own, former, rounding=ROUNDING_WARP, decimals=6)
    return [departure] if departure else []


def _mean_of(figure: FigureSpec) -> _Mean:
    return _Mean(figure.mean, figure.photos, figure.spread)


def _depart(
    figure: str, found: _Mean, recorded: _Mean, share: float = SAME, rounding: float = ROUNDING, decimals: int = 4
) -> Departure | None:
    same = (found.photos, found.sample) == (recorded.photos, recorded.sample)
    if recorded.photos == 1 and not same:
        photos = "another" if found.photos == 1 else f"{found.photos} photos"
        raise OptionError(f"the record is of one photo and has no spread: {photos} cannot be held to it")
    allowed = share * recorded.value + rounding
    if not same:
        allowed += SIGMAS * recorded.spread * math.sqrt(1 / found.photos + 1 / recorded.photos)
    if abs(found.value - recorded.value) <= allowed:  # NaN is not
        return None
    return Departure(figure, found.value, recorded.value, allowed, decimals)
