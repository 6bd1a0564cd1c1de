"""The number of worker processes, and of threads for each."""

from __future__ import annotations

import os
import sys

from stylezoo.runtime.device import stated_threads, usable_cores

ROOM = 4 << 30
"""Bytes of RAM per worker, for the default number of workers."""


def share(workers: int | None, jobs: int) -> tuple[int, int]:
    """Return the number of workers for `jobs` jobs on this machine, and the number of threads of each.

    The cores are divided among the workers, at least one each; OMP_NUM_THREADS overrides that. `workers` None: as many
    as the cores and the RAM allow.
    """
    threads = stated_threads()
    if workers is None:
        workers = min(usable_cores() // (threads or 1), memory() // ROOM)
    workers = max(1, min(workers, jobs))
    return workers, threads or max(1, usable_cores() // workers)


def limit_threads(threads: int) -> None:
    """Limit the threads of torch and onnxruntime in this process, whether they are loaded yet or not."""
    os.environ["OMP_NUM_THREADS"] = str(threads)
    if torch := sys.modules.get("torch"):
        torch.set_num_threads(threads)


def memory() -> int:
    """Return the bytes of RAM of this machine; enough for two workers if unknown."""
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, OSError, ValueError):  # Windows has no sysconf
        return 2 * ROOM
