"""Distributed training, and signals that stop a run between two steps."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import distributed

from stylezoo.stylizer.engine import pick_device


@contextmanager
def processes() -> Iterator[tuple[int, int]]:
    """Yield (rank, world size), and join the process group under torchrun; SIGTERM acts like Ctrl-C."""
    world = int(os.environ.get("WORLD_SIZE", "1"))
    if world > 1:
        distributed.init_process_group("cpu:gloo,cuda:nccl" if torch.cuda.is_available() else "gloo")
    former = None
    if threading.current_thread() is threading.main_thread():
        former = signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        yield (distributed.get_rank() if world > 1 else 0), world
    finally:
        if former is not None:
            signal.signal(signal.SIGTERM, former)
        if world > 1:
            distributed.destroy_process_group()


def pick_training_device(device: str, rank: int) -> torch.device:
    picked = torch.device(pick_device(("cuda" if torch.cuda.is_available() else "cpu") if device == "auto" else device))
    several = picked.type == "cuda" and picked.index is None
    return torch.device("cuda", rank % torch.cuda.device_count()) if several else picked


def agree(mine: list[float]) -> list[float]:
    """Return the elementwise maximum over all processes, so that all stop after the same step.

    The numbers are on the CPU, to avoid waiting for a GPU.
    """
    if not (distributed.is_available() and distributed.is_initialized()):
        return mine
    numbers = torch.tensor(mine, dtype=torch.float64)
    distributed.all_reduce(numbers, distributed.ReduceOp.MAX)
    return numbers.tolist()


def local_world() -> int:
    """Return the number of training processes on this machine."""
    return int(os.environ.get("LOCAL_WORLD_SIZE", "1"))


@contextmanager
def noted_signals() -> Iterator[list[int]]:
    """Yield a list to which the first SIGINT or SIGTERM is added, so that the step can finish; a second interrupts."""
    noted: list[int] = []
    former: dict[int, Any] = {}

    def restore() -> None:
        while former:
            signal.signal(*former.popitem())

    def note(number: int, _: Any) -> None:
        noted.append(number)
        restore()

    if threading.current_thread() is threading.main_thread():
        for number in (signal.SIGINT, signal.SIGTERM):
            former[number] = signal.signal(number, note)
    try:
        yield noted
    finally:
        restore()
