"""Ray Data: the pictures of a folder that several machines share, stylized on all of them."""

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
"""The most blocks that jobs are divided into; of fewer, each is one. A lost worker's block is done again."""


def check_installed() -> None:
    """Raise OptionError where Ray Data is not installed."""
    if not (importlib.util.find_spec("ray") and importlib.util.find_spec("pyarrow")):
        raise OptionError("the engine ray needs Ray Data, which is not installed: run pip install 'stylezoo[ray]'")


def stylize_by_ray(jobs: Sequence[Job], work: Work, workers: int | None) -> Generator[tuple[int, Outcome]]:
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
        worker = ray._private.worker
        if hasattr(worker, "_worker_logs_enabled"):  # it would tell of lost workers on stdout, which is for data
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
    """Yield the number of every job and its outcome, or the error that ends it all."""
    import ray

    count, resources = _shares(work, workers, len(jobs))
    rows = [{"index": index, "job": pickle.dumps(job)} for index, job in enumerate(jobs)]
    dataset = ray.data.from_items(rows, override_num_blocks=min(len(rows), BLOCKS))
    dataset.context.enable_progress_bars = False
    dataset.context.print_on_execution_start = False
    for handler in logging.getLogger("ray.data").handlers:
        if isinstance(handler, logging.StreamHandler):  # the one to the terminal; the others write Ray's log files
            handler.setLevel(logging.CRITICAL)
    tally = ray.remote(num_cpus=0)(Tally).remote()
    outcomes = dataset.map_batches(
        BatchWorker,
        fn_constructor_args=(pickle.dumps(work.to_send()), resources["num_cpus"], str(Path.cwd()), tally),
        batch_size=1,
        compute=ray.data.ActorPoolStrategy(size=count, max_tasks_in_flight_per_actor=1),  # a death is one picture's
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


class Tally:
    """Counts how often each job was begun, as Ray would begin one that ends its workers for ever."""

    def __init__(self) -> None:
        self._begun = Counter[int]()

    def begin(self, index: int) -> int:
        self._begun[index] += 1
        return self._begun[index]


class BatchWorker:
    """What Ray Data keeps in its workers: batches of numbered jobs in, numbered outcomes out."""

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
        except Exception as error:  # for the caller, rather than for Ray
            return portable(error)

    def _load(self) -> Worker:
        with suppress(OSError):  # another machine may not have it; absolute paths do without
            os.chdir(self._folder)
        limit_threads(self._threads)
        worker: Worker = pickle.loads(self._sent).worker()
        return worker
