from __future__ import annotations

import math
from dataclasses import replace

import pytest

from stylezoo.errors import OptionError
from stylezoo.evaluate.check import find_departures, find_equivalents_departures, find_warp_departures
from stylezoo.evaluate.quality import Quality
from stylezoo.zoo.metrics import EquivalentsSpec, FigureSpec, MetricsSpec, WarpSpec

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


MEASURED = {"photos": 36, "size": 384, "date": "2026-01-01", "machine": "a laptop", "command": "stylezoo eval"}


def test_a_distance_is_held_to_its_own_record() -> None:
    from msgspec import structs

    far = structs.replace(RECORD, stlpips=FigureSpec(mean=0.5, spread=0.1, **MEASURED))
    assert find_departures(replace(SAME, stlpips=0.504), far) == []
    assert [d.figure for d in find_departures(replace(SAME, stlpips=0.506), far)] == ["ST-LPIPS"]
    assert find_departures(SAME, far) == []  # not measured
    with pytest.raises(OptionError, match="no ST-LPIPS is recorded"):
        find_departures(replace(SAME, stlpips=0.5), RECORD)


def test_iterations_may_differ_by_a_step_and_what_rounding_makes_of_many() -> None:
    """3 + 1 of 60; of other photos 4 + 3 * 12 * sqrt(1/4 + 1/36) = 22.97."""
    record = EquivalentsSpec(mean=60.0, spread=12.0, reached=36, limit=500, **MEASURED)

    def found(mean: float, photos: int = 36) -> list[str]:
        facts = MEASURED | {"photos": photos}
        own = EquivalentsSpec(mean=mean, spread=9.0, reached=photos, limit=500, **facts)
        return [str(departure) for departure in find_equivalents_departures(own, record)]

    assert found(63.9) == found(56.1) == []
    assert found(64.5) == ["iterations at 384 px 64.5 is outside 60.0 ± 4.0"]
    assert found(82.9, 4) == [] and len(found(83.1, 4)) == 1


def test_warp_errors_are_held_to_the_same_clips_or_to_their_spread() -> None:
    """On other clips 0.000041 + 3 * 0.002 * sqrt(2/8) = 0.003041"""
    from msgspec import structs

    measured = {name: value for name, value in MEASURED.items() if name != "photos"}
    facts = {"long": 0.004, "photo": 0.0001, "kinds": {"pan": 0.004}, "clips": 8, "frames": 12, "steady": 0.9}
    record = WarpSpec(mean=0.0039, spread=0.002, clips_id="0123abcd", **facts, **measured)

    def departs(mean: float, record: WarpSpec = record, **fields: str) -> bool:
        return bool(find_warp_departures(structs.replace(record, mean=mean, **fields), record))

    assert not departs(0.003939) and departs(0.003945)
    assert not departs(0.0039 + 0.00303, clips_id="aaaaaaaa") and departs(0.0039 + 0.00305, clips_id="aaaaaaaa")
    (departure,) = find_warp_departures(structs.replace(record, mean=0.005), record)
    assert str(departure) == "warp error 0.005000 is outside 0.003900 ± 0.000041"
    with pytest.raises(OptionError, match="another cannot be held to it"):
        departs(0.0039, structs.replace(record, clips=1), clips_id="aaaaaaaa")
