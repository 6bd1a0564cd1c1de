from __future__ import annotations

import math

import pytest
from msgspec import structs

from stylezoo.errors import OptionError
from stylezoo.evaluate.check import Tolerance, find_departure
from stylezoo.zoo.results import Figure, RunInfo

RECORDED = Figure(style="dots", run="1", mean=0.8, spread=0.2, count=36)
RUN = RunInfo(date="2026-01-01", machine="a laptop", command="a command", split="validation", size=384, pairs_id="ab")


def departs(mean: float, *, count: int = 36, pairs_id: str = "ab") -> bool:
    found = structs.replace(RECORDED, mean=mean, count=count), structs.replace(RUN, pairs_id=pairs_id)
    return find_departure("C", found, (RECORDED, RUN)) is not None


def test_on_the_same_pairs_a_figure_may_differ_by_a_percent() -> None:
    assert not departs(0.8) and not departs(0.808) and not departs(0.792)
    assert departs(0.815) and departs(0.785) and departs(math.nan)


def test_on_other_pairs_it_may_differ_by_three_standard_errors_more() -> None:
    allowed = 0.008 + 0.001 + 3 * 0.2 * math.sqrt(1 / 9 + 1 / 36)
    assert not departs(0.8 + allowed - 1e-6, count=9) and departs(0.8 + allowed + 1e-6, count=9)
    assert not departs(0.85, pairs_id="cd")  # as many, but others


def test_a_single_pair_has_no_spread_that_others_could_be_compared_with() -> None:
    with pytest.raises(OptionError, match="one pair"):
        find_departure("C", (RECORDED, RUN), (structs.replace(RECORDED, count=1), RUN))


def test_a_departure_names_the_figure_and_its_range() -> None:
    found = find_departure("W", (structs.replace(RECORDED, mean=9.0), RUN), (RECORDED, RUN), Tolerance(0, 0.5), 1)
    assert str(found) == "W 9.0 is outside 0.8 ± 0.5"
    assert find_departure("W", (structs.replace(RECORDED, mean=1.2), RUN), (RECORDED, RUN), Tolerance(0, 0.5)) is None
