from __future__ import annotations

import mmap
import time

import pytest
from click.testing import CliRunner


@pytest.mark.parametrize(
    ("before", "after", "lost", "code"), [(100, 105, 0, 0), (100, 106, 0, 1), (100, 100, 1, 1), (100, 90, 0, 0)]
)
def test_growth_and_losses_fail(load_script, before: float, after: float, lost: int, code: int) -> None:
    with pytest.raises(SystemExit) as ended:
        load_script("soak").report("frames", before, after, lost, time.monotonic())
    assert ended.value.code == code


def test_memory_is_that_of_the_process(load_script) -> None:
    soak = load_script("soak")
    before = soak.rss()
    with mmap.mmap(-1, 50_000_000) as held:  # not of the heap, which may have as much to spare
        held.write(b"x" * len(held))
        assert 40 < soak.rss() - before < 110


@pytest.mark.slow
@pytest.mark.parametrize("what", ["frames", "pictures"])
def test_a_short_run_loses_nothing(load_script, monkeypatch: pytest.MonkeyPatch, what: str) -> None:
    soak = load_script("soak")
    monkeypatch.setattr(soak, "GROWTH", 1.0)  # too short for the real bound
    done = CliRunner().invoke(soak.main, [what, "--count", "80", "--warm-up", "40"])
    assert done.exit_code == 0 and "80" in done.output and " 0 lost" in done.output, done.output
