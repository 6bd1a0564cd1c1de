"""Run jobs on any engine, and yield their outcomes in order."""

from __future__ import annotations

import warnings
from collections.abc import Generator, Sequence
from contextlib import ExitStack, closing
from typing import TYPE_CHECKING, Literal

from stylezoo._files import LOCK, lock
from stylezoo.errors import OptionError
from stylezoo.stylizer.batch.job import Job
from stylezoo.stylizer.batch.manifest import Manifest
from stylezoo.stylizer.batch.threads import share
from stylezoo.stylizer.batch.work import Outcome, Work
from stylezoo.zoo.store import find

if TYPE_CHECKING:
    from stylezoo.stylizer.stylizer import Stylizer

Engine = Literal["auto", "serial", "pool", "ray"]
ENGINES: tuple[Engine, ...] = ("auto", "serial", "pool", "ray")

MANY = 32
"""From this many pictures on, "auto" starts several processes."""


def stylize(
    jobs: Sequence[Job],
    work: Work,
    *,
    engine: Engine = "auto",
    workers: int | None = None,
    manifest: Manifest | None = None,
    stylizer: Stylizer | None = None,
) -> Generator[Outcome]:
    """Do all jobs and yield their outcomes in order. All engines write the same pictures.

    Args:
        engine: "serial": one after another in this process. "pool": in processes on this machine, each with the model
            and a share of the threads. "ray": with Ray Data, on the cluster of RAY_ADDRESS or else on this machine.
            "auto": "pool" for 32 or more pictures on a multi-core CPU, else "serial".
        workers: number of processes; None: one per core as far as the RAM allows, two on a GPU, with Ray one per core
            or GPU of the cluster. They share the cores; if OMP_NUM_THREADS is set, each has that many threads.
        manifest: records what is started and done.
        stylizer: the model of `work`, if already loaded; used by "serial".

    If a process dies, for example when memory runs out, its picture is tried once more; at most this picture fails.
    With "pool" and "ray", scripts need `if __name__ == "__main__":`, since the processes import the main module.

    Raises:
        OptionError: the engine does not support the jobs or the number of workers, Ray is not installed, or another
            process writes into the folder.
        EngineError: the processes cannot be kept alive.
        StyleZooError: `Stylizer.stylize` failed for a reason other than the picture.
    """
    if engine not in ENGINES:
        raise OptionError(f"engine must be one of {', '.join(ENGINES)}, not '{engine}'")
    if workers is not None and workers < 1:
        raise OptionError(f"workers must be at least 1, not {workers}")
    alone = any(job.source is None or job.target is None for job in jobs)
    if engine == "auto":
        engine = "pool" if not alone and _many(jobs, work, workers) else "serial"
    if alone and engine != "serial":
        raise OptionError(f"engine {engine} does not work with stdin or stdout: use the engine serial")
    if engine == "serial" and workers is not None and workers > 1:
        raise OptionError(f"engine serial uses one process, not {workers}: use the engine pool")
    if engine == "ray":
        from stylezoo.stylizer.batch.ray import check_installed

        check_installed()
    return _ordered(jobs, work, engine, workers, manifest, stylizer)


def _many(jobs: Sequence[Job], work: Work, workers: int | None) -> bool:
    """Whether starting a pool pays off."""
    if workers is not None:
        return workers > 1
    if len(jobs) < MANY or share(None, len(jobs))[0] == 1:
        return False
    return not _on_gpu(work) and not find(work.model)[0].weightless


def _on_gpu(work: Work) -> bool:
    from stylezoo.stylizer.engine import pick_device

    return pick_device(work.loading.get("device", "auto")).type != "cpu"


def _ordered(
    jobs: Sequence[Job],
    work: Work,
    engine: Engine,
    workers: int | None,
    manifest: Manifest | None,
    stylizer: Stylizer | None,
) -> Generator[Outcome]:
    waiting: dict[int, Outcome] = {}
    following = 0
    with ExitStack() as stack:
        if manifest and jobs:
            if len(jobs) > 1:  # a single picture needs no manifest
                stack.callback(lock(manifest.path.with_name(LOCK), f"folder '{manifest.path.parent}'"))
            manifest.begin(jobs)
        outcomes = stack.enter_context(closing(_start(jobs, work, engine, workers, stylizer)))
        for index, outcome in outcomes:
            if manifest and not outcome.error:
                manifest.add(outcome)  # at once, in case the process is killed
            for message in outcome.warnings:
                warnings.warn(message, UserWarning, stacklevel=3)
            waiting[index] = outcome
            while following in waiting:
                yield waiting.pop(following)
                following += 1


def _start(
    jobs: Sequence[Job], work: Work, engine: Engine, workers: int | None, stylizer: Stylizer | None
) -> Generator[tuple[int, Outcome]]:
    """Return the outcomes with the indices of their jobs, in the order in which they finish."""
    if engine == "serial":
        worker = work.worker(stylizer)
        return ((index, worker(job)) for index, job in enumerate(jobs))
    if engine == "ray":
        from stylezoo.stylizer.batch.ray import stylize_by_ray

        return stylize_by_ray(jobs, work, workers)
    from stylezoo.stylizer.batch.pool import stylize_by_pool

    if workers is None and _on_gpu(work):
        workers = 2  # one reads and writes pictures while the other stylizes
    count, threads = share(workers, len(jobs))
    return stylize_by_pool(jobs, work, count, threads)
