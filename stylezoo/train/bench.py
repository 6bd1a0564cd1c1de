"""Benchmark training: the loader, the steps, and their share of the machine's peak."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import torch
from msgspec import structs
from torch.utils.flop_counter import FlopCounterMode

from stylezoo.recipe import Recipe
from stylezoo.train.loop import Loop
from stylezoo.train.trainer import prepare

PHOTOS = 256  # enough to measure rates, few enough to decode in seconds
SIDE = {"cpu": 2048, "cuda": 8192}
"""Side of the square matrices whose product measures the peak of a device."""
WARM_UP = 3  # steps before the first timed one
FIRST, LAST = 0.0, 0.999  # shares of a run: at the first a teacher is copied, at the last the loss is minimised


@dataclass(frozen=True)
class TrainingSpeed:
    """The measured training speed.

    Attributes:
        decoding: crops per second of the loader alone while photos are decoded.
        loading: crops per second of the loader alone from memory.
        training: images per second of steps on the loss, including loading.
        copying: images per second of steps that copy a teacher; None if the recipe has none.
        flops: FLOP per image of a step on the loss, in convolutions and matrix products.
        peak: FLOP/s of a large matrix product in the precision of the training.
        precision: "bf16" or "fp32".
    """

    decoding: float
    loading: float
    training: float
    copying: float | None
    flops: float
    peak: float
    precision: str

    @property
    def share(self) -> float:
        """The share of the peak that steps on the loss reach."""
        return self.training * self.flops / self.peak

    def record(self) -> dict[str, Any]:
        """Return the figures, rounded."""
        figures = {name: _round(getattr(self, name)) for name in self.__dataclass_fields__}
        return figures | {"share": round(self.share, 4)}


def _round(value: Any) -> Any:
    return float(f"{value:.4g}") if isinstance(value, float) else value


def measure_training(recipe: Recipe, device: torch.device, rounds: int) -> TrainingSpeed:
    """Measure how fast a recipe trains on a device, as the median of `rounds` rounds; writes no files.

    Raises:
        DataError, BackboneError, OptionError: something named by the recipe does not exist.
    """
    run = structs.replace(recipe.run, sample_every=0, minutes=0.0)
    with TemporaryDirectory(prefix="stylezoo-bench-") as folder:
        plan = structs.replace(recipe, run=run)
        loop = prepare(plan, Path(folder) / "run", device, False, False, 0, 1, time.monotonic())
        loop.crops = replace(loop.crops, photos=loop.crops.photos[:PHOTOS])
        epoch = max(1, len(loop.crops.photos) // run.batch)
        decoding = _crops_a_second(loop, 0, epoch)
        repeats = max(epoch, 64 // run.batch)
        loading = _crops_a_second(loop, epoch, epoch + repeats)
        copying = _images_a_second(loop, FIRST, rounds) if loop.stepper.copies(FIRST) else None
        training = _images_a_second(loop, LAST, rounds)
        batch = loop.crops.at(0)
        with FlopCounterMode(display=False) as counter:
            loop.stepper.descend(batch, LAST, 0.0)
        dtype = torch.bfloat16 if loop.stepper.half else torch.float32
        return TrainingSpeed(
            decoding,
            loading,
            training,
            copying,
            counter.get_total_flops() / run.batch,
            _peak(device, dtype, rounds),
            "bf16" if loop.stepper.half else "fp32",
        )


def _crops_a_second(loop: Loop, start: int, stop: int) -> float:
    before = time.perf_counter()
    for _ in loop.crops.steps(start, stop):
        pass
    _wait(loop.crops.device)
    return (stop - start) * loop.crops.batch / (time.perf_counter() - before)


def _images_a_second(loop: Loop, share: float, rounds: int) -> float:
    steps = 10 if loop.crops.device.type == "cuda" else 1  # do not synchronize a GPU after every step
    batches = loop.crops.steps(0)

    def train() -> None:
        for _ in range(steps):
            loop.stepper.descend(next(batches), share, 1e-6)

    try:
        for _ in range(WARM_UP):
            train()
        return steps * loop.crops.batch / _median(train, loop.crops.device, rounds)
    finally:
        batches.close()


def _peak(device: torch.device, dtype: torch.dtype, rounds: int) -> float:
    side = SIDE.get(device.type, 2048)
    a, b = (torch.rand(side, side, device=device).to(dtype) for _ in "ab")
    a @ b
    return 2 * side**3 / _median(lambda: a @ b, device, rounds)


def _median(call: Callable[[], object], device: torch.device, rounds: int) -> float:
    """Return the median seconds of a call, including its work on the device."""
    times = []
    for _ in range(rounds):
        _wait(device)
        before = time.perf_counter()
        call()
        _wait(device)
        times.append(time.perf_counter() - before)
    return statistics.median(times)


def _wait(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize(device)
