"""Candidates in processes of their own. Nothing here looks at how long anything took."""

from __future__ import annotations

import os
import sys
from functools import partial
from pathlib import Path

import pytest

from stylezoo.evaluate.candidates import Candidate, Runner, Setting
from stylezoo.evaluate.cold import Command, time_commands
from stylezoo.evaluate.speed import Measured, MeasurementError, Times, Worker, measure, memory_mb
from stylezoo.evaluate.table import cold_table, compare, compare_cold, speed_table

SETTING = Setting(size=64, threads=1)


def idle(name: str) -> Candidate:
    """A candidate that loads at once; its `facts` cannot be called."""
    return Candidate(name, partial(Runner, {"stylize": partial(sum, range(9)), "net": partial(sum, range(3))}))


@pytest.mark.slow
def test_entrants_take_turns_and_one_that_cannot_be_loaded_is_left_out() -> None:
    lines: list[str] = []
    broken = Candidate("broken", partial(int, "x"))
    found = measure([idle("a"), broken, idle("b")], SETTING, rounds=3, report=lines.append)
    assert [m.name for m in found] == ["a", "b"]
    assert all(len(times.rounds) == 3 for m in found for times in m.times.values())
    assert all(m.memory_mb and m.loaded_mb and 0 < m.loaded_mb <= m.memory_mb for m in found)
    assert any(line.startswith("broken skipped at 64 px: TypeError") for line in lines)
    assert sum(line.startswith("round ") for line in lines) == 3


@pytest.mark.slow
def test_a_process_has_its_own_memory_and_not_its_parents() -> None:
    ballast = bytearray(os.urandom(1)) * 400_000_000
    with Worker() as worker:
        assert worker.call(memory_mb) < 400 < memory_mb()
    assert ballast


def test_a_process_that_dies_is_told_of() -> None:
    with Worker() as worker, pytest.raises(MeasurementError, match="killed"):
        worker.call(os._exit, 1)


def test_what_is_printed_there_does_not_reach_stdout(capfd: pytest.CaptureFixture[str]) -> None:
    with Worker() as worker:
        worker.call(print, "talk")
    assert capfd.readouterr().out == ""


def test_times_are_medians_and_quartiles_and_speeds_are_of_the_same_rounds() -> None:
    own, other = Times.of([0.004, 0.001, 0.003, 0.002, 0.1]), Times.of([0.008, 0.002, 0.006, 0.004, 0.2])
    assert (own.median, own.low, own.high, own.rounds) == (3, 2, 4, (4, 1, 3, 2, 100))
    assert own.speed_of(other) == 2
    assert Times.of([0.5]).low == Times.of([0.5]).high == 500


def test_ratios_are_above_1_where_it_is_better_and_unknown_where_something_is() -> None:
    slow = Measured("slow", {"stylize": Times.of([0.2]), "net": Times.of([0.1])}, memory_mb=200, facts={"flops": 10**9})
    fast = Measured("fast", {"stylize": Times.of([0.1])}, memory_mb=400)
    peak = Measured("peak", {"net": Times.of([0.05])}, facts={"flops": 2 * 10**9})
    first, second = compare([slow, fast], "slow", peak)
    assert first["ratios"] == {"stylize": 1, "net": 1, "memory": 1}
    assert second["ratios"] == {"stylize": 2, "net": None, "memory": 0.5}
    assert first["peak_share"] == 0.25 and second["peak_share"] is None
    head, _, row = speed_table([first, second]).splitlines()
    assert head.split()[:3] == ["candidate", "stylize", "x"]
    assert row.split()[:4] == ["fast", "2.00", "–", "0.50"]


@pytest.mark.slow
def test_command_lines_are_run_to_a_file_and_a_failing_one_is_left_out(tmp_path: Path) -> None:
    out, lines = tmp_path / "out.png", []
    code = "import os, pathlib, sys; pathlib.Path(sys.argv[1]).write_text(os.environ['OMP_NUM_THREADS'])"
    good = Command("good", (sys.executable, "-S", "-c", code, str(out)), out)
    bad = Command("bad", (sys.executable, "-S", "-c", "raise SystemExit('no such net')"), tmp_path / "bad.png")
    times = time_commands([good, bad], rounds=2, threads=1, report=lines.append)
    assert list(times) == ["good"] and len(times["good"].rounds) == 2
    assert out.read_text() == "1"
    assert [line for line in lines if "bad" in line] == ["bad skipped in the cold starts: no such net"]
    (record,) = compare_cold(times, "good")
    assert record["ratios"]["process"] == 1
    assert "good" in cold_table([record])
