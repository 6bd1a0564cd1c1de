"""Measure the speed and memory of candidates, which run in their own processes and take turns.

Each candidate has a process to itself, so that its memory can be measured and its threads are its own. They are timed
in rounds, one call of each in turn, never two at once, so that other load on the machine affects all of them.
"""

from __future__ import annotations

import contextlib
import gc
import multiprocessing
import os
import platform
import statistics
import sys
import time
import warnings
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ParamSpec, TypeVar

from stylezoo.errors import StyleZooError
from stylezoo.evaluate.candidates import Candidate, Runner, Setting

P = ParamSpec("P")
T = TypeVar("T")

PAUSE = 0.02  # s between turns: threads go on spinning for some milliseconds after their work
WARM_UP = 2  # calls before the first that counts


class MeasurementError(Exception):
    """A candidate cannot be loaded, or its process died; the message says why."""


@dataclass(frozen=True)
class Times:
    """Milliseconds of a call over the rounds: median, lower and upper quartile, and each of them in order."""

    median: float
    low: float
    high: float
    rounds: tuple[float, ...]

    @classmethod
    def of(cls, seconds: Sequence[float]) -> Times:
        """Return the times of calls in seconds, at least one."""
        ms = [1000 * s for s in seconds]
        low, _, high = statistics.quantiles(ms, n=4, method="inclusive") if len(ms) > 1 else ms * 3
        median, low, high = (round(v, 3) for v in (statistics.median(ms), low, high))
        return cls(median, low, high, tuple(round(v, 3) for v in ms))

    def speed_of(self, other: Times) -> float:
        """Return how many times as fast as `other` this is: the median of the ratios of the rounds."""
        pairs = zip(self.rounds, other.rounds, strict=True)
        return round(statistics.median(theirs / own for own, theirs in pairs), 3)


@dataclass(frozen=True)
class Measured:
    """The measurements of a candidate at one size.

    Attributes:
        times: times of each part, "stylize" and "net".
        memory_mb: peak RAM of its process up to the second `stylize`, including loading.
        loaded_mb: RAM after loading.
        gpu_mb: torch's peak memory on the GPU.
        facts: see `Runner`.
    """

    name: str
    times: dict[str, Times]
    memory_mb: float | None = None
    loaded_mb: float | None = None
    gpu_mb: float | None = None
    facts: dict[str, Any] = field(default_factory=dict)


class Worker:
    """A process that holds one loaded candidate and answers requests."""

    def __init__(self) -> None:
        self._pool = ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn"))

    def __enter__(self) -> Worker:
        return self

    def __exit__(self, *_: object) -> None:
        self._pool.shutdown(cancel_futures=True)

    def call(self, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Call a function of a module in the process, and return its result.

        Raises:
            StyleZooError: the function raised it.
            MeasurementError: it raised anything else.
        """
        try:
            return self._pool.submit(_guarded, function, *args, **kwargs).result()  # type: ignore[arg-type]
        except BrokenProcessPool as cause:
            raise MeasurementError("its process was killed, probably out of memory") from cause


def measure(
    candidates: Sequence[Candidate], setting: Setting, *, rounds: int, report: Callable[[str], None] = lambda line: None
) -> list[Measured]:
    """Time candidates in turn, and return the measurements of those that could be measured.

    Args:
        rounds: number of timed calls of each part, after two warm-up calls.
        report: called with a line of progress, or on a candidate that failed.

    Raises:
        StyleZooError: a model of the zoo cannot be loaded or the device is not available.
    """
    with ExitStack() as stack:
        running: list[tuple[Candidate, Worker, Measured]] = []
        for candidate in candidates:
            report(f"{candidate.name}: loading, {setting.size} px")
            worker = stack.enter_context(Worker())
            try:
                running.append((candidate, worker, worker.call(_prepare, candidate, setting)))
            except MeasurementError as cause:
                report(f"{candidate.name} skipped at {setting.size} px: {cause}")
        seconds: dict[str, dict[str, list[float]]] = {e.name: {part: [] for part in m.times} for e, _, m in running}
        for number in range(rounds):
            report(f"round {number + 1} of {rounds}, {setting.size} px")
            first = number % max(1, len(running))  # rotate the order
            for turn in running[first:] + running[:first]:
                candidate, worker, found = turn
                try:
                    for part in found.times:
                        time.sleep(PAUSE)
                        seconds[candidate.name][part].append(worker.call(_time, part))
                except MeasurementError as cause:
                    report(f"{candidate.name} skipped at {setting.size} px: {cause}")
                    running.remove(turn)
        results = []
        for candidate, worker, found in running:
            try:
                facts = worker.call(_facts)
            except MeasurementError as cause:
                facts = {"note": str(cause)}
            times = {part: Times.of(values) for part, values in seconds[candidate.name].items()}
            results.append(
                Measured(candidate.name, times, found.memory_mb, found.loaded_mb, found.gpu_mb, found.facts | facts)
            )
        return results


def describe_machine() -> str:
    """Return the processor's name and how many of its cores this process may use."""
    model = ""
    with contextlib.suppress(OSError):
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
        model = next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), "")
    model = model or platform.processor() or "unknown processor"
    return f"{model} ({platform.machine()}), {usable_cores()} cores, {platform.system()}"


def usable_cores() -> int:
    """Return how many cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def memory_mb(kind: str = "VmHWM") -> float:
    """Return the most memory (VmHWM) or the memory (VmRSS) that this process holds in RAM, in units of 10^6 bytes.

    The kernel's own count of a process starts with that of its parent where it is read by `getrusage`, so it is read
    from /proc; where there is none, `getrusage` gives the most for either.
    """
    try:
        lines = Path("/proc/self/status").read_text(encoding="utf-8").splitlines()
        return round(next(int(line.split()[1]) for line in lines if line.startswith(f"{kind}:")) * 1024 / 1e6, 1)
    except (OSError, StopIteration):
        import resource  # not available on Windows

        unit = 1 if sys.platform == "darwin" else 1024
        return round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / 1e6, 1)


# What follows runs in the worker's process, which has one candidate.
_loaded: list[Runner] = []


def _guarded(function: Callable[..., T], *args: Any, **kwargs: Any) -> T:
    try:
        with contextlib.redirect_stdout(sys.stderr), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return function(*args, **kwargs)
    except StyleZooError:
        raise
    except Exception as cause:  # of any package's own class, which might not be pickled
        raise MeasurementError(f"{type(cause).__name__}: {' '.join(str(cause).split())[:300]}") from None


def _prepare(candidate: Candidate, setting: Setting) -> Measured:
    runner = candidate.build(setting)
    loaded = memory_mb("VmRSS")
    _loaded.append(runner)
    if "stylize" in runner.parts:
        for _ in range(WARM_UP):
            runner.parts["stylize"]()
    most, gpu = memory_mb(), None
    if setting.device == "cuda" and (torch := sys.modules.get("torch")):
        gpu = round(torch.cuda.max_memory_allocated() / 1e6, 1)
    if "net" in runner.parts:
        for _ in range(WARM_UP):
            runner.parts["net"]()
    return Measured(candidate.name, {part: Times(0, 0, 0, ()) for part in runner.parts}, most, loaded, gpu)


def _time(part: str) -> float:
    call = _loaded[0].parts[part]
    gc.collect()
    start = time.perf_counter()
    call()
    return time.perf_counter() - start


def _facts() -> dict[str, Any]:
    return _loaded[0].facts()
