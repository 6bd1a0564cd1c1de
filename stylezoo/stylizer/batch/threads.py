"""How many processes, and how many threads for each."""

from __future__ import annotations

import os
import sys

from stylezoo.runtime.device import stated_threads, usable_cores

ROOM = 4 << 30
"""Bytes of RAM that there have to be for each worker, where nobody says how many there are."""


def share(workers: int | None, jobs: int) -> tuple[int, int]:
    """Return how many workers there are for so many jobs on this machine, and the threads of each.

    The cores are shared out, one at least; where OMP_NUM_THREADS is set, each worker has so many threads. `workers`
    None: as many as the cores and the RAM have room for.
    """
    threads = stated_threads()
    if workers is None:
        workers = min(usable_cores() // (threads or 1), memory() // ROOM)
    workers = max(1, min(workers, jobs))
    return workers, threads or max(1, usable_cores() // workers)


def limit_threads(threads: int) -> None:
    """Let torch or onnxruntime use so many threads in this process, which may have loaded neither of them yet."""
    os.environ["OMP_NUM_THREADS"] = str(threads)
    if torch := sys.modules.get("torch"):
        torch.set_num_threads(threads)


def memory() -> int:
    """Return the bytes of RAM of this machine; where it does not tell, as if there were room for two workers."""
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, OSError, ValueError):  # Windows has no sysconf
        return 2 * ROOM
