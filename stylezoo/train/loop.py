"""The training loop, and the files that it writes."""

from __future__ import annotations

import sys
import time
import warnings
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from tqdm import tqdm

from stylezoo._files import shows
from stylezoo.data.crops import RandomCrops
from stylezoo.data.images import FLAT
from stylezoo.errors import TrainingError
from stylezoo.models.table import StyleTable
from stylezoo.recipe import Recipe
from stylezoo.train.inputs import with_palettes
from stylezoo.train.log import SHOWN, Window, append_line, truncate_log
from stylezoo.train.processes import agree, noted_signals
from stylezoo.train.rows import encode_rows, save_cards
from stylezoo.train.run_folder import BEFORE_END, CHECKPOINT, LOG, SAMPLES, WEIGHTS
from stylezoo.train.samples import Samples
from stylezoo.train.schedule import ByClock, Schedule, learning_rate
from stylezoo.train.step import Stepper

EVERY = 60.0  # s between checkpoints, and between samples, of a run limited by time
SAMPLING = 0.02  # of its time, at most: on a CPU, sixteen pictures take seconds


@dataclass
class Loop:
    """The loop from the first step, or the one after a checkpoint, to the last.

    Attributes:
        samples: writes the sample pages; None: none are written.
        progress: show a progress bar on stderr.
    """

    recipe: Recipe
    out: Path
    stepper: Stepper
    crops: RandomCrops
    schedule: Schedule
    samples: Samples | None
    progress: bool
    window: Window = field(default_factory=Window)

    def __post_init__(self) -> None:
        self.state, self.first = self.stepper.state, self.stepper.rank == 0
        self.clock = self.schedule if isinstance(self.schedule, ByClock) else None
        self._described = with_palettes(self.recipe)
        self._names = [] if self.stepper.pictures else [s.id for s in self.recipe.styles]
        self._since = self._written = self._drawn = time.monotonic()
        self._drawing = 0.0  # seconds
        done = self.state.step if (self.out / WEIGHTS).exists() else -1
        self._saved = self._sampled = done  # the step of the last write of each

    def run(self) -> Path:
        """Train to the end and return the run folder."""
        state, run = self.state, self.recipe.run
        if self.first:
            truncate_log(self.out / LOG, state.step)
        if self.clock:
            self.clock.begin(self._time_writing())
        crops = self.crops.steps(state.step, None if self.clock else run.steps)
        total, done = (round(60 * run.minutes), int(self.clock.seconds)) if self.clock else (run.steps, state.step)
        unit = "s" if self.clock else "step"
        bar = tqdm(total=total, initial=done, unit=unit, disable=not shows(self.progress), dynamic_ncols=True)
        self._since = time.monotonic()
        try:
            with bar, noted_signals() as signals:
                while True:
                    share = self.schedule.share(state.step)
                    over, stopped, share = agree([self.schedule.over(state.step), bool(signals), share])
                    if over:
                        break
                    if stopped:
                        self._stop(bar)
                    self._step(next(crops), share, bar)
                    bar.update((min(total, int(self.clock.seconds)) if self.clock else state.step) - bar.n)
                self._finish(bar)
        finally:
            crops.close()
        if self.first and self.crops.broken:
            names = "; ".join(list(self.crops.broken.values())[:3])
            warnings.warn(f"{len(self.crops.broken)} photos could not be read and were skipped: {names}", stacklevel=3)
        return self.out

    def _time_writing(self) -> float:
        """Return the time needed to write the files at the end of a run."""
        before = time.monotonic()
        self.save(WEIGHTS, CHECKPOINT)
        self.sample()
        return time.monotonic() - before

    def _step(self, batch: Tensor, share: float, bar: Any) -> None:
        run, state = self.recipe.run, self.state
        if self.window.terms and self.stepper.copies(share) != self.window.copies:
            self._log(bar)
        anneals = 1 - self.recipe.optim.anneal if self.recipe.optim.schedule == "constant" else 2.0
        if state.share < anneals <= share:
            self.save(BEFORE_END)
        rate = learning_rate(self.recipe, state.step, share)
        style, terms, norm, output = self.stepper.descend(batch, share, rate)
        state.share = share
        self.window.add(style, terms, norm, rate)
        if state.step % run.log_every == 0:
            self._log(bar)
            if _flat(output) and not _flat(batch):
                raise TrainingError(
                    f"{self.recipe.name}: the net gives the same colour everywhere at step {state.step}: "
                    f"lower optim.lr, or raise loss.content_weight"
                )
        now = time.monotonic()
        if now - self._written > EVERY if self.clock else state.step % run.checkpoint_every == 0:
            self.save(WEIGHTS, CHECKPOINT)
        rest = max(EVERY, self._drawing / SAMPLING)
        if now - self._drawn > rest if self.clock else run.sample_every and state.step % run.sample_every == 0:
            self.sample()

    def _log(self, bar: Any) -> None:
        """Log the means of the steps since the last line."""
        self.window.check(self.recipe.name, self.state.step)
        line = {"step": self.state.step} | self.window.means(self._names)
        now = time.monotonic()
        line |= {"lr": self.window.rates[-1], "seconds": round((now - self._since) / len(self.window.rates), 4)}
        if self.clock:
            line["minutes"] = round(self.clock.seconds / 60, 3)
        if self.first:
            append_line(self.out / LOG, line)
        bar.set_postfix({name: f"{line[name]:.3f}" for name in SHOWN if name in line})
        self.window, self._since = Window(), now

    def _stop(self, bar: Any) -> None:
        self.save(WEIGHTS, CHECKPOINT)
        bar.close()
        if self.first:
            print(f"stopped after step {self.state.step}; go on with --resume", file=sys.stderr)
        raise KeyboardInterrupt

    def _finish(self, bar: Any) -> None:
        if self.window.terms:
            self._log(bar)
        if self._saved != self.state.step:
            self.save(WEIGHTS, CHECKPOINT)
        if self._sampled != self.state.step:
            self.sample()

    def save(self, *names: str) -> None:
        """Write the averaged weights (and style cards for a base) or checkpoints, in the first process.

        Raises:
            TrainingError: a loss was not finite; nothing is written then.
        """
        self.window.check(self.recipe.name, self.state.step)
        if self.clock:
            self.state.seconds = self.clock.seconds
        for name in names if self.first else ():
            if name == WEIGHTS:
                self._save_weights()
            else:
                self.state.save(self.out / name)
        if WEIGHTS in names:
            self._saved, self._written = self.state.step, time.monotonic()

    def _save_weights(self) -> None:
        net = self.state.average
        if self.stepper.pictures and isinstance(net, StyleTable):
            encode_rows(self.recipe, net, net)
        net.save_weights(self.out / WEIGHTS, self._described.record(dict(net.arch)))
        if self.recipe.model.base and isinstance(net, StyleTable):
            save_cards(self._described, net, self.out)

    def sample(self) -> None:
        """Write a page of samples."""
        before = time.monotonic()
        if self.samples:
            self.samples.write(self.state.average, self.out / SAMPLES / f"step_{self.state.step:06d}.png")
        self._sampled, self._drawn = self.state.step, time.monotonic()
        self._drawing = self._drawn - before


def _flat(x: Tensor) -> bool:
    """Whether every channel of every picture is constant."""
    return bool(torch.std(x.detach().float(), dim=(2, 3)).max() < FLAT)
