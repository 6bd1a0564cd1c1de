from __future__ import annotations

import math
from dataclasses import replace

import pytest

from stylezoo.errors import OptionError
from stylezoo.evaluate.check import find_departures
from stylezoo.evaluate.quality import Quality
from stylezoo.zoo.metrics import MetricsSpec

RECORD = MetricsSpec(
    content=0.8,
    content_spread=0.2,
    style=0.1,
    style_spread=0.03,
    photos=36,
    size=384,
    date="2026-01-01",
    machine="a laptop",
    command="stylezoo eval johnson/dots",
)
SAME = Quality(content=0.8, content_spread=0.2, style=0.1, style_spread=0.03, photos=36)


def figures(found: Quality) -> list[str]:
    return [departure.figure for departure in find_departures(found, RECORD)]


def test_the_same_photos_must_give_the_same_figures_but_for_rounding() -> None:
    assert figures(SAME) == []
    assert figures(replace(SAME, content=0.807, style=0.0991)) == []
    assert figures(replace(SAME, content=0.809)) == ["C"]
    assert figures(replace(SAME, content=0.791, style=0.1012)) == ["C", "S"]
    (departure,) = find_departures(replace(SAME, style=math.nan), RECORD)
    assert str(departure) == "S nan is outside 0.1000 ± 0.0011"


def test_other_photos_may_differ_by_three_standard_errors_of_the_difference() -> None:
    """0.008 + 3 * 0.2 * sqrt(1/4 + 1/36) = 0.324"""
    assert figures(replace(SAME, photos=4, content=0.8 + 0.322)) == []
    assert figures(replace(SAME, photos=4, content=0.8 + 0.326)) == ["C"]
    assert figures(replace(SAME, photos=144, content=0.8 + 0.12)) == ["C"]  # 0.008 + 0.112


def test_a_record_of_one_photo_has_no_spread() -> None:
    from msgspec import structs

    alone = structs.replace(RECORD, photos=1, content_spread=0.0, style_spread=0.0)
    assert find_departures(replace(SAME, photos=1), alone) == []
    with pytest.raises(OptionError, match="one photo"):
        find_departures(SAME, alone)
