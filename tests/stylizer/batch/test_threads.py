from __future__ import annotations

import pytest
import torch

from stylezoo.stylizer.batch import threads
from stylezoo.stylizer.batch.threads import ROOM, limit_threads, share


@pytest.fixture
def machine(monkeypatch):
    """Be a machine of 8 cores, with room for so many workers."""

    def be(room=100, fixed=None):
        monkeypatch.setattr(threads, "usable_cores", lambda: 8)
        monkeypatch.setattr(threads, "memory", lambda: room * ROOM)
        monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
        if fixed:
            monkeypatch.setenv("OMP_NUM_THREADS", str(fixed))

    return be


@pytest.mark.parametrize(
    ("workers", "jobs", "room", "fixed", "shares"),
    [
        (None, 100, 100, None, (8, 1)),
        (None, 100, 3, None, (3, 2)),
        (None, 100, 0, None, (1, 8)),
        (None, 2, 100, None, (2, 4)),
        (3, 100, 1, None, (3, 2)),
        (16, 100, 100, None, (16, 1)),
        (None, 100, 100, 2, (4, 2)),
        (None, 100, 100, 16, (1, 16)),
        (None, 100, 100, "many", (8, 1)),
        (3, 100, 100, 1, (3, 1)),
        (None, 0, 100, None, (1, 8)),
    ],
)
def test_threads_are_shared_out(machine, workers, jobs, room, fixed, shares):
    machine(room, fixed)
    assert share(workers, jobs) == shares


def test_a_limit_holds_for_torch_and_for_what_is_loaded_later(monkeypatch):
    monkeypatch.setenv("OMP_NUM_THREADS", "7")
    before = torch.get_num_threads()
    try:
        limit_threads(3)
        assert torch.get_num_threads() == 3
        assert share(None, 100)[1] == 3
    finally:
        torch.set_num_threads(before)


def test_this_machine_tells_of_itself():
    assert threads.usable_cores() >= 1
    assert threads.memory() > 1 << 20
