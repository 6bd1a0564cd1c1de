"""How many processes, and how many threads for each."""

from __future__ import annotations

import os

ROOM = 2 << 30
"""Bytes of RAM that each worker is given where nobody says how many there are to be."""


def share(workers: int | None, jobs: int) -> tuple[int, int]:
    """Return how many workers there are for so many jobs on this machine, and the threads of each.

    The threads that torch would use in this process are shared out, one at least; where OMP_NUM_THREADS is set, each
    worker has so many. `workers` None: as many as the cores and RAM have room for.
    """
    import torch

    threads = torch.get_num_threads()
    fixed = bool(os.environ.get("OMP_NUM_THREADS"))
    if workers is None:
        most = max(1, cores() // threads) if fixed else threads
        workers = max(1, min(most, memory() // ROOM))
    workers = max(1, min(workers, jobs))
    return workers, threads if fixed else max(1, threads // workers)


def cores() -> int:
    """Return how many cores this process may use."""
    if hasattr(os, "sched_getaffinity"):  # not on macOS and Windows
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def memory() -> int:
    """Return the bytes of RAM of this machine; where it does not tell, as if there were room for four workers."""
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, OSError, ValueError):  # Windows has no sysconf
        return 4 * ROOM
