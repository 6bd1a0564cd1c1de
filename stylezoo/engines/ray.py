"""Ray Data: the pictures of a folder that several machines share, painted on all of them."""

from __future__ import annotations

import importlib.util
import logging
import os
import pickle
import warnings
from collections.abc import Generator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from stylezoo.engines.job import Job
from stylezoo.engines.pool import TRIES, portable
from stylezoo.engines.threads import ROOM, limit_threads, stated_threads
from stylezoo.engines.work import Outcome, Work
from stylezoo.errors import EngineError, OptionError

if TYPE_CHECKING:
    from stylezoo.engines.work import Painter

BLOCKS = 10_000
"""The most blocks that Ray Data keeps account of; up to so many pictures each is a block, which is what may be lost."""


def check_installed() -> None:
    """Raise OptionError where Ray Data is not installed."""
    if not (importlib.util.find_spec("ray") and importlib.util.find_spec("pyarrow")):
        raise OptionError("the engine ray needs Ray Data, which is not installed: run pip install 'stylezoo[ray]'")


def paint_by_ray(jobs: Sequence[Job], work: Work, workers: int | None) -> Generator[tuple[int, Outcome]]:
    """Yield the number and outcome of every job as they come from the workers of a Ray cluster.

    Raises EngineError where Ray cannot start workers or keep them, and what a worker raises.
    """
    # Ray would tell its makers that it runs, and people how: neither was asked for
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    os.environ.setdefault("RAY_BACKEND_LOG_LEVEL", "fatal")
    import ray
    from ray.exceptions import RayError

    own = not ray.is_initialized()
    if own:
        ray.init(log_to_driver=False, logging_level=logging.ERROR, include_dashboard=False)
        if hasattr(
            ray._private.worker, "_worker_logs_enabled"
        ):  # of lost workers it would tell on stdout, which is data
            ray._private.worker._worker_logs_enabled = False
    left = set(range(len(jobs)))
    try:
        for index, outcome in _stream(jobs, work, workers):
            if isinstance(outcome, Exception):
                raise outcome
            left.discard(index)
            yield index, outcome
    except RayError as cause:
        raise EngineError(f"Ray gave up: {str(cause).splitlines()[0]}: try fewer --workers") from cause
    finally:
        if own:
            ray.shutdown()
    for index in sorted(left):
        lost = f"{jobs[index].input}: {TRIES} processes died over it, perhaps for lack of memory: try a smaller --size"
        yield index, Outcome(jobs[index], error=lost)


def _stream(jobs: Sequence[Job], work: Work, workers: int | None) -> Generator[tuple[int, Any]]:
    """Yield the number of every job and its outcome, or the error that ends it all; those lost do not come."""
    import ray

    count, resources = _shares(work, workers, len(jobs))
    rows = [{"index": index, "job": pickle.dumps(job)} for index, job in enumerate(jobs)]
    dataset = ray.data.from_items(rows, override_num_blocks=min(len(rows), BLOCKS))
    dataset.context.enable_progress_bars = False
    dataset.context.print_on_execution_start = False
    dataset.context.max_errored_blocks = -1  # those of lost workers: whatever workers raise comes as an outcome
    for handler in logging.getLogger("ray.data").handlers:
        if isinstance(handler, logging.StreamHandler):  # the one to the terminal; the others write Ray's log files
            handler.setLevel(logging.CRITICAL)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Ray 2.64 is to take the arguments that limit the tries
        outcomes = dataset.map_batches(
            BatchPainter,
            fn_constructor_args=(pickle.dumps(work.to_send()), resources["num_cpus"], str(Path.cwd())),
            batch_size=1,
            compute=ray.data.ActorPoolStrategy(size=count, max_tasks_in_flight_per_actor=1),  # a death is one picture's
            max_restarts=-1,
            max_task_retries=TRIES - 1,
            **resources,
        )
    for batch in outcomes.iter_batches(batch_size=None, prefetch_batches=0):
        for index, outcome in zip(batch["index"], batch["outcome"], strict=True):
            yield int(index), pickle.loads(outcome)


def _shares(work: Work, workers: int | None, jobs: int) -> tuple[int, dict[str, int]]:
    """Return how many workers there are, and what of the cluster's resources each is given."""
    import ray

    total = ray.cluster_resources()
    cpus, gpus = int(total.get("CPU", 1)), int(total.get("GPU", 0))
    on_gpu = gpus > 0 and not str(work.loading.get("device", "auto")).startswith("cpu")
    if workers is None:
        workers = gpus if on_gpu else min(cpus // (stated_threads() or 1), int(total.get("memory", ROOM)) // ROOM)
    workers = max(1, min(workers, jobs))
    smallest = min(int(node["Resources"].get("CPU", 1)) for node in ray.nodes() if node["Alive"])
    threads = stated_threads() or max(1, min(smallest, cpus // workers))
    return workers, {"num_cpus": threads} | ({"num_gpus": 1} if on_gpu else {})


class BatchPainter:
    """What Ray Data keeps in its workers: batches of numbered jobs in, numbered outcomes out."""

    def __init__(self, sent: bytes, threads: int, folder: str) -> None:
        self._sent, self._threads, self._folder = sent, threads, folder
        self._painter: Painter | None = None

    def __call__(self, batch: dict[str, Any]) -> dict[str, list[Any]]:
        outcomes = [pickle.dumps(self._paint(pickle.loads(job))) for job in batch["job"]]
        return {"index": list(batch["index"]), "outcome": outcomes}

    def _paint(self, job: Job) -> Outcome | Exception:
        try:
            self._painter = self._painter or self._load()
            return self._painter.quietly(job)
        except Exception as error:  # of the first picture that meets it, which ends the run; not to be tried again
            return portable(error)

    def _load(self) -> Painter:
        with suppress(OSError):  # another machine may not have it; absolute paths do without
            os.chdir(self._folder)
        limit_threads(self._threads)
        painter: Painter = pickle.loads(self._sent).painter()
        return painter
