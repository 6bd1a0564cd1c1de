"""Stylize on several machines with Ray Data; they must share the folder."""

from __future__ import annotations

import importlib.util
import logging
import os
import pickle
from collections import Counter
from collections.abc import Generator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from stylezoo.errors import EngineError, OptionError
from stylezoo.runtime.device import stated_threads
from stylezoo.stylizer.batch.job import Job
from stylezoo.stylizer.batch.pool import TRIES, lost, portable
from stylezoo.stylizer.batch.threads import ROOM, limit_threads
from stylezoo.stylizer.batch.work import Outcome, Work

if TYPE_CHECKING:
    from stylezoo.stylizer.batch.work import Worker

BLOCKS = 10_000
"""The maximum number of blocks; fewer jobs are one block each. The block of a lost worker is done again."""


def check_installed() -> None:
    """Raise OptionError if Ray Data is not installed."""
    if not (importlib.util.find_spec("ray") and importlib.util.find_spec("pyarrow")):
        raise OptionError("the engine ray needs Ray Data, which is not installed: run pip install 'stylezoo[ray]'")


def stylize_by_ray(jobs: Sequence[Job], work: Work, workers: int | None) -> Generator[tuple[int, Outcome]]:
    """Yield the index and outcome of every job as it finishes on a Ray cluster.

    Raises:
        EngineError: Ray cannot start or keep workers. Errors of a worker are raised too.
    """
    # turn off Ray's usage statistics and its output
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    os.environ.setdefault("RAY_BACKEND_LOG_LEVEL", "fatal")
    import ray
    from ray.exceptions import RayError

    own = not ray.is_initialized()
    if own:
        try:
            ray.init(log_to_driver=False, logging_level=logging.ERROR, include_dashboard=False)
        except Exception as cause:  # Ray raises bare exceptions too
            reason = str(cause).partition("\n")[0]
            raise EngineError(f"Ray cannot start ({reason}): check RAY_ADDRESS, or use the engine pool") from cause
        worker = ray._private.worker
        if hasattr(worker, "_worker_logs_enabled"):  # Ray would report lost workers on stdout, which is for data
            worker._worker_logs_enabled = False
    try:
        for index, outcome in _stream(jobs, work, workers):
            if isinstance(outcome, Exception):
                raise outcome
            yield index, outcome
    except RayError as cause:
        raise EngineError(f"Ray failed: {str(cause).splitlines()[0]}: use fewer --workers") from cause
    finally:
        if own:
            ray.shutdown()


def _stream(jobs: Sequence[Job], work: Work, workers: int | None) -> Generator[tuple[int, Any]]:
    """Yield the index of every job and its outcome, or the error that ends the run."""
    import ray

    count, resources = _shares(work, workers, len(jobs))
    rows = [{"index": index, "job": pickle.dumps(job)} for index, job in enumerate(jobs)]
    dataset = ray.data.from_items(rows, override_num_blocks=min(len(rows), BLOCKS))
    dataset.context.enable_progress_bars = False
    dataset.context.print_on_execution_start = False
    for handler in logging.getLogger("ray.data").handlers:
        if isinstance(handler, logging.StreamHandler):  # the terminal; other handlers write Ray's log files
            handler.setLevel(logging.CRITICAL)
    tally = ray.remote(num_cpus=0)(Tally).remote()
    outcomes = dataset.map_batches(
        BatchWorker,
        fn_constructor_args=(pickle.dumps(work.to_send()), resources["num_cpus"], str(Path.cwd()), tally),
        batch_size=1,
        compute=ray.data.ActorPoolStrategy(size=count, max_tasks_in_flight_per_actor=1),  # a death costs one picture
        **resources,
    )
    for batch in outcomes.iter_batches(batch_size=None, prefetch_batches=0):
        for index, outcome in zip(batch["index"], batch["outcome"], strict=True):
            yield int(index), pickle.loads(outcome)


def _shares(work: Work, workers: int | None, jobs: int) -> tuple[int, dict[str, Any]]:
    """Return the number of workers, and the resources of each."""
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


class Tally:
    """Counts how often each job was started; Ray would retry a job that kills its workers forever."""

    def __init__(self) -> None:
        self._begun = Counter[int]()

    def begin(self, index: int) -> int:
        self._begun[index] += 1
        return self._begun[index]


class BatchWorker:
    """The actor that Ray Data runs: takes batches of indexed jobs, returns indexed outcomes."""

    def __init__(self, sent: bytes, threads: int, folder: str, tally: Any) -> None:
        self._sent, self._threads, self._folder, self._tally = sent, threads, folder, tally
        self._worker: Worker | None = None

    def __call__(self, batch: dict[str, Any]) -> dict[str, list[Any]]:
        jobs = [(int(index), pickle.loads(job)) for index, job in zip(batch["index"], batch["job"], strict=True)]
        outcomes = [pickle.dumps(self._stylize_one(index, job)) for index, job in jobs]
        return {"index": [index for index, _ in jobs], "outcome": outcomes}

    def _stylize_one(self, index: int, job: Job) -> Outcome | Exception:
        import ray

        try:
            self._worker = self._worker or self._load()
            if ray.get(self._tally.begin.remote(index)) > TRIES:
                return lost(job, "perhaps for lack of memory")
            return self._worker.quietly(job)
        except Exception as error:  # for the caller, not for Ray
            return portable(error)

    def _load(self) -> Worker:
        with suppress(OSError):  # another machine may not have it; absolute paths still work
            os.chdir(self._folder)
        limit_threads(self._threads)
        worker: Worker = pickle.loads(self._sent).worker()
        return worker
