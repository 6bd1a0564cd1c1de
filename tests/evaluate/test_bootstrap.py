from __future__ import annotations

import statistics

import numpy as np
import pytest

from stylezoo.evaluate.bootstrap import difference, interval, ratio


def test_an_interval_is_as_wide_as_the_normal_one_for_many_values() -> None:
    values = np.random.default_rng(1).normal(5, 2, 400).tolist()
    found = interval(values, statistics.fmean)
    assert found is not None and found.count == 400 and found.mean == pytest.approx(statistics.fmean(values))
    half = 1.96 * statistics.stdev(values) / 20
    assert found.high - found.mean == pytest.approx(half, rel=0.1)
    assert found.mean - found.low == pytest.approx(half, rel=0.1)
    assert interval(values, statistics.fmean) == found  # the draws are seeded


def test_values_that_are_missing_do_not_count() -> None:
    assert interval([None, None], statistics.fmean) is None
    found = interval([None, 3.0, None], statistics.fmean)
    assert found is not None and (found.mean, found.low, found.high, found.count) == (3, 3, 3, 1)
    assert difference([1.0, None], [None, 1.0], statistics.fmean) is None


def test_pairs_that_vary_together_leave_a_narrow_difference() -> None:
    base = np.random.default_rng(2).normal(10, 5, 30)
    own, other = (base + 1).tolist(), base.tolist()
    found = difference(own, other, statistics.fmean)
    assert found is not None and found.mean == pytest.approx(1) and found.high - found.low < 1e-9
    times = ratio([2.0 * x for x in (3, 4, 9)], [3.0, 4.0, 9.0], statistics.fmean)
    assert times is not None and (times.mean, times.low, times.high) == pytest.approx((2, 2, 2))
    assert ratio([1.0], [0.0], statistics.fmean) is None
