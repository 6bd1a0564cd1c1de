"""A pool of worker processes that survives the death of any of them.

`concurrent.futures` gives its pool up when one of the processes dies, and does not tell over which task. Here every
worker has a line of its own and one job at a time, so that a death is one picture's.
"""

from __future__ import annotations

import pickle
import signal
import sys
import time
import traceback
import warnings
from collections import Counter, deque
from collections.abc import Generator, Iterator, Sequence
from contextlib import contextmanager, suppress
from multiprocessing import get_context
from multiprocessing.connection import Connection, wait

from stylezoo.errors import EngineError
from stylezoo.stylizer.batch.job import Job
from stylezoo.stylizer.batch.threads import limit_threads
from stylezoo.stylizer.batch.work import Outcome, Work

TRIES = 2
"""How often a picture is tried if its workers die."""

GRACE = 5.0
"""Seconds that workers have to clean up before they are killed."""

_READY = "ready to stylize"


def stylize_by_pool(jobs: Sequence[Job], work: Work, workers: int, threads: int) -> Generator[tuple[int, Outcome]]:
    """Yield the index and outcome of every job as it finishes, from `workers` processes with `threads` threads each.

    Raises:
        EngineError: all workers died while loading the model. Errors of a worker are raised too.
    """
    sent = pickle.dumps(work.to_send())
    waiting, begun = deque(range(len(jobs))), Counter[int]()
    crew: list[_Worker] = []
    try:
        while waiting or any(worker.task is not None for worker in crew):
            while waiting and (worker := _idle(crew) or _hire(crew, workers, sent, threads)):
                worker.give(task := waiting.popleft(), jobs[task])
            lines = wait([worker.line for worker in crew])
            for worker in [worker for worker in crew if worker.line in lines]:
                message = worker.receive()
                if isinstance(message, Exception):
                    raise message
                if isinstance(message, Outcome):
                    assert worker.task is not None
                    done, worker.task = worker.task, None
                    yield done, message
                elif message is None:  # it is dead
                    crew.remove(worker)
                    reason = worker.ending()
                    if worker.task is None:
                        continue
                    begun[worker.task] += worker.ready  # a death while loading is not the picture's fault
                    workers -= not worker.ready
                    if workers == 0:
                        raise EngineError(
                            f"the worker processes died while loading the model ({reason}): use fewer --workers, or "
                            "--engine serial"
                        )
                    if begun[worker.task] < TRIES:
                        waiting.appendleft(worker.task)
                    else:
                        yield worker.task, lost(jobs[worker.task], reason)
    finally:
        _dismiss(crew)


class _Worker:
    """A process with the model, and a connection to it; `task` is the index of its current job."""

    def __init__(self, sent: bytes, threads: int) -> None:
        context = get_context("spawn")  # torch's threads do not survive a fork
        self.line, theirs = context.Pipe()
        self.process = context.Process(target=serve, args=(theirs, sent, threads), daemon=True)
        with _interrupts_blocked():  # only the parent handles Ctrl-C, and stops the workers
            self.process.start()
        theirs.close()  # now only the worker holds that end, so its death closes the connection
        self.task: int | None = None
        self.ready = False

    def give(self, task: int, job: Job) -> None:
        self.task = task
        with suppress(OSError):  # it is dead; `receive` will notice
            self.line.send(job)

    def receive(self) -> Outcome | Exception | str | None:
        """Return a message: ready, an outcome, or an error that ends the run; None if the worker is dead."""
        try:
            message: Outcome | Exception | str = self.line.recv()
        except (EOFError, OSError):
            return None
        self.ready = True
        return message

    def ending(self) -> str:
        """Return why the process died, after its connection has closed."""
        self.process.join(GRACE)
        code = self.process.exitcode
        if code is None or code >= 0:
            return f"exit code {code}"
        name = signal.Signals(-code).name if -code in set(signal.Signals) else f"signal {-code}"
        return f"{name}, perhaps for lack of memory" if name == "SIGKILL" else name


def serve(line: Connection, sent: bytes, threads: int) -> None:
    """Run a worker: load the model, report ready, and do jobs until the connection closes."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # exit normally, so that temporary files are removed
    with suppress(EOFError, ConnectionError):  # the parent is gone
        try:
            limit_threads(threads)
            warnings.simplefilter("default")  # PYTHONWARNINGS=error would stop the worker at a library's warning
            worker = pickle.loads(sent).worker()
            line.send(_READY)
            while True:
                line.send(worker.quietly(line.recv()))
        except (EOFError, ConnectionError):
            raise
        except Exception as error:
            line.send(portable(error))


def lost(job: Job, reason: str) -> Outcome:
    """Return the outcome of a job whose workers died."""
    return Outcome(job, error=f"{job.input}: {TRIES} processes died over it ({reason}): try a smaller --size")


def portable(error: Exception) -> Exception:
    """Return an error that can be pickled, with its traceback as a note."""
    try:
        pickle.loads(pickle.dumps(error))
    except Exception:  # such as one whose arguments do not match its class
        error = RuntimeError(f"{type(error).__name__}: {error}").with_traceback(error.__traceback__)
    error.add_note("In a worker process:\n" + "".join(traceback.format_tb(error.__traceback__)))
    return error


def _idle(crew: Sequence[_Worker]) -> _Worker | None:
    return next((worker for worker in crew if worker.task is None), None)


def _hire(crew: list[_Worker], workers: int, sent: bytes, threads: int) -> _Worker | None:
    """Start and return another worker, unless there are enough."""
    if len(crew) == workers:
        return None
    crew.append(_Worker(sent, threads))
    return crew[-1]


def _dismiss(crew: Sequence[_Worker]) -> None:
    """Stop all workers: ask them first, then kill those that remain."""
    for worker in crew:
        if worker.ready and worker.task is not None:
            worker.process.terminate()
        else:
            worker.process.kill()
    end = time.monotonic() + GRACE
    for worker in crew:
        worker.process.join(max(0.0, end - time.monotonic()))
        if worker.process.is_alive():
            worker.process.kill()
            worker.process.join(GRACE)


@contextmanager
def _interrupts_blocked() -> Iterator[None]:
    """Block Ctrl-C in the processes started meanwhile, and delay it in this thread."""
    if not hasattr(signal, "pthread_sigmask"):  # on Windows
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
