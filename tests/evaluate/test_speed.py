"""Candidates in processes of their own. Nothing here looks at how long anything took."""

from __future__ import annotations

import gc
import os
import sys
from functools import partial
from pathlib import Path

import onnxruntime
import pytest

from stylezoo.evaluate.candidates import Candidate, Runner, Setting, build_zoo
from stylezoo.evaluate.cold import PRINT_MEMORY, PYTHON, SHELL, Command, make_pictures, time_commands, zoo_commands
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
def test_commands_are_run_and_a_failing_one_is_left_out(tmp_path: Path) -> None:
    out, lines = tmp_path / "out.png", []
    code = "import os, pathlib, sys; pathlib.Path(sys.argv[1]).write_text(os.environ['OMP_NUM_THREADS'])"
    good = Command("good", SHELL, (sys.executable, "-S", "-c", code, str(out)), out)
    bad = Command("bad", SHELL, (sys.executable, "-S", "-c", "raise SystemExit('no such net')"), tmp_path / "bad.png")
    program = Command("good", PYTHON, (sys.executable, "-S", "-c", "x = bytes(90_000_000)" + PRINT_MEMORY))
    starts = time_commands([good, bad, program], rounds=2, threads=1, report=lines.append)
    assert [start.command for start in starts] == [good, program]
    assert all(len(start.times.rounds) == 2 for start in starts)
    assert out.read_text() == "1"
    assert len([line for line in lines if "bad" in line and line.endswith("no such net")]) == 1
    records = compare_cold(starts, "good")
    assert [record["ratios"]["process"] for record in records] == [1, 1]
    assert records[0]["memory_mb"] is None
    if sys.platform == "linux":
        assert records[1]["memory_mb"] > 5 and records[1]["ratios"]["memory"] == 1
    assert cold_table(records).count("good") == 2


@pytest.mark.slow
def test_both_ways_to_start_a_model_of_the_zoo_run(tmp_path: Path) -> None:
    make_pictures(tmp_path, 64)
    commands = [c for name in ("johnson/mosaic", "cin/16", "ghiasi/lite") for c in zoo_commands(name, tmp_path, "cpu")]
    starts = time_commands(commands, rounds=1, threads=1)
    assert [start.command for start in starts] == commands


def threads_and_modules(name: str, threads: int) -> tuple[int, bool]:
    """Load a model as a candidate; return the threads of its sessions, and whether torch was imported."""
    runner = build_zoo(name, Setting(64, threads))
    runner.parts["net"]()
    sessions = [o for o in gc.get_objects() if isinstance(o, onnxruntime.InferenceSession)]
    (limit,) = {session.get_session_options().intra_op_num_threads for session in sessions}
    return limit, "torch" in sys.modules


@pytest.mark.slow
def test_a_candidate_has_the_threads_of_the_setting_and_no_torch_that_it_does_not_need() -> None:
    with Worker() as worker:
        assert worker.call(threads_and_modules, "cin/16", 1) == (1, False)
