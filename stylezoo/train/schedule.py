"""The progress of a run, by steps or by time, and the learning-rate schedule."""

from __future__ import annotations

import math
import time
from collections import deque
from itertools import pairwise
from typing import Protocol

from stylezoo.recipe import Recipe

WARMUP = 0.1  # maximum share of a run for the warm-up
SLACK = 0.5  # s reserved at the end of a run limited by time


def learning_rate(recipe: Recipe, step: int, share: float) -> float:
    """Return the learning rate of a step, counted from 0, when `share` of the run, in [0, 1], is done.

    A linear warm-up over `optim.warmup` steps, at most a tenth of the run; then half a cosine, or a constant that
    decays at the end as 1 - sqrt (Hägele et al. 2024, arXiv:2405.18392).
    """
    optim = recipe.optim
    rise = min(1.0, max((step + 1) / (optim.warmup + 1), share / WARMUP))
    if optim.schedule == "constant":
        left = min(1.0, max(0.0, 1 - share) / optim.anneal)
        fall = 1 - math.sqrt(1 - left)
    else:
        begun = min(WARMUP, optim.warmup / recipe.run.steps)
        fall = 0.5 * (1 + math.cos(math.pi * max(0.0, share - begun) / (1 - begun)))
    return optim.lr * rise * (optim.final + (1 - optim.final) * fall)


class Schedule(Protocol):
    """The progress of a run."""

    def share(self, step: int) -> float:
        """Return the share of the run, in [0, 1], that is done when `step`, counted from 0, begins."""

    def over(self, step: int) -> bool:
        """Whether the run ends before `step`."""


class BySteps:
    """A run of `run.steps` steps."""

    def __init__(self, recipe: Recipe) -> None:
        self.steps = recipe.run.steps

    def share(self, step: int) -> float:
        return min(1.0, step / self.steps)

    def over(self, step: int) -> bool:
        return step >= self.steps


class ByClock:
    """A run of `run.minutes`, including loading and writing.

    Args:
        started: the start of this part of the run, by `time.monotonic`.
        spent: seconds taken by earlier parts of a resumed run.
    """

    def __init__(self, recipe: Recipe, started: float, spent: float = 0.0) -> None:
        total = 60 * recipe.run.minutes
        self.started, self.spent = started, spent
        self._end = started + max(0.0, total - spent)
        self._done = min(1.0, spent / total)
        self._begun: float | None = None
        self._reserve = SLACK
        self._beats: deque[float] = deque(maxlen=6)  # start times of the last steps

    def begin(self, reserve: float) -> None:
        """Start the first step; `reserve` is the time in seconds to write the files at the end."""
        self._begun, self._reserve = time.monotonic(), SLACK + 1.25 * reserve

    @property
    def seconds(self) -> float:
        """The time taken so far by all parts of the run."""
        return self.spent + time.monotonic() - self.started

    def share(self, step: int) -> float:
        """Return the share of the time that will be used when the step that begins now is done."""
        assert self._begun is not None
        now = time.monotonic()
        self._beats.append(now)
        length = self._end - self._reserve - self._begun
        if length <= 0:
            return 1.0
        return min(1.0, self._done + (1 - self._done) * (now + self._longest() - self._begun) / length)

    def over(self, step: int) -> bool:
        """Whether another step would end too late; a run has at least one step."""
        return step > 0 and time.monotonic() + self._longest() > self._end - self._reserve

    def _longest(self) -> float:
        """Return the time of the slowest of the last few steps, including writing."""
        beats = list(self._beats)
        return max((b - a for a, b in pairwise(beats)), default=0.0)
