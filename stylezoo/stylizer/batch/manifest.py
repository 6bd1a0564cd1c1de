"""The manifest of an output folder: one line of JSON per picture, so that a run can be resumed."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from stylezoo._files import exists
from stylezoo.errors import OptionError
from stylezoo.stylizer.batch.job import Job
from stylezoo.types import PathLike

if TYPE_CHECKING:
    from stylezoo.stylizer.batch.work import Outcome

MANIFEST = ".stylezoo.jsonl"
"""File name of the manifest in the output folder."""

_MEASURED = {"width", "height", "seconds"}  # results in a record, which do not affect the picture
_CHANGES = {
    "input": "from '{before}'",
    "bytes": "before '{input}' changed",
    "mtime_ns": "before '{input}' changed",
    "weights": "with other weights",
    "files": "with another picture as style or mask, or another card",
}


class Manifest:
    """The record of the pictures in an output folder.

    At the start of a run, one line lists all files that it will write. When a file is complete, a line records its
    input and options. So leftovers of a killed run can be told from other files, and a picture listed as done is
    complete. An incomplete last line is ignored.

    Args:
        folder: the output folder.
        facts: returns what a job's result depends on besides its input, as JSON types; None counts as absent.

    Attributes:
        planned, stylized: how many pictures `begin` and `add` were given.
    """

    planned = 0
    stylized = 0

    def __init__(self, folder: PathLike, facts: Callable[[Job], Mapping[str, Any]]) -> None:
        self.path = Path(folder) / MANIFEST
        self._facts = facts
        self._done: dict[str, dict[str, Any]] = {}
        self._begun: set[str] = set()
        self._wanted: dict[str, dict[str, Any]] = {}
        text = self.path.read_bytes() if self.path.exists() else b""
        self._torn = bool(text) and not text.endswith(b"\n")
        for line in text.splitlines():
            self._read(line)

    def _read(self, line: bytes) -> None:
        try:
            record = json.loads(line)
        except ValueError:  # an incomplete line
            return
        if not isinstance(record, dict):
            return
        for name in record.get("planned", ()):
            self._done.pop(name, None)
            self._begun.add(name)
        if "output" in record:
            self._done[record["output"]] = record
            self._begun.discard(record["output"])

    def missing(self, jobs: Iterable[Job], *, force: bool = False) -> list[Job]:
        """Return the jobs that are not done yet.

        A job is done if its output exists and was made from the same input (relative path, size and modification time)
        with the same options. With `force`, other existing outputs are overwritten.

        Raises:
            OptionError: an output exists that is not in the manifest, or was made with other options.
        """
        return [job for job in jobs if not self._is_done(job, force)]

    def _is_done(self, job: Job, force: bool) -> bool:
        if job.source is None or job.target is None:
            raise OptionError("--resume does not work with stdin or stdout: name files and a folder instead of -")
        name = job.name
        if not exists(job.target) or name in self._begun:
            return False
        done = self._done.get(name)
        if done is None:
            reason = f"exists, and {self.path} does not list it"
        elif difference := _difference(done, self._state(job), job):
            reason = f"was stylized {difference}"
        else:
            return True
        if not force:
            raise OptionError(f"'{job.output}' {reason}: pass --force to stylize it again, or choose another --output")
        return False

    def begin(self, jobs: Iterable[Job]) -> None:
        """Record the jobs that are about to start; raise OSError if the folder cannot be written."""
        self._wanted = {job.name: self._state(job) for job in jobs if job.target}
        self.path.parent.mkdir(parents=True, exist_ok=True)
        self.planned, self.stylized = len(self._wanted), 0
        self._append({"planned": list(self._wanted)}, before="\n" if self._torn else "")

    def add(self, outcome: Outcome) -> None:
        """Record a finished picture, one of those passed to `begin`."""
        size = {"width": outcome.width, "height": outcome.height, "seconds": round(outcome.seconds, 3)}
        self._append(self._wanted[outcome.job.name] | size)
        self.stylized += 1

    def _append(self, record: dict[str, Any], before: str = "") -> None:
        try:
            with self.path.open("a", encoding="utf-8") as file:
                file.write(f"{before}{json.dumps(record)}\n")
        except OSError as cause:
            cause.filename = str(self.path)  # which errors of writing lack
            raise

    def _state(self, job: Job) -> dict[str, Any]:
        """Return everything that a job's result depends on, after a JSON round trip."""
        state: dict[str, Any] = {"output": job.name, "input": "-"}
        if job.source:
            state["input"] = self._from_here(job.source)
            with suppress(OSError):  # gone, or a link that leads nowhere: only its own job fails
                about = job.source.stat()
                state |= {"bytes": about.st_size, "mtime_ns": about.st_mtime_ns}
        facts = {key: value for key, value in self._facts(job).items() if value is not None}
        return state | {"format": job.format} | json.loads(json.dumps(facts))

    def _from_here(self, path: Path) -> str:
        try:
            return Path(os.path.relpath(path, self.path.parent)).as_posix()
        except ValueError:  # on another drive
            return path.absolute().as_posix()


def _difference(done: Mapping[str, Any], wanted: Mapping[str, Any], job: Job) -> str:
    """Return how the options of a finished picture differ from the wanted ones; '' if they do not."""
    names = [*wanted, *(name for name in done if name not in wanted and name not in _MEASURED)]
    name = next((name for name in names if done.get(name) != wanted.get(name)), "")
    if not name:
        return ""
    if name in _CHANGES:
        return _CHANGES[name].format(input=job.input, before=done.get(name))
    before, now = (json.dumps(record[name]) if name in record else "none" for record in (done, wanted))
    return f"with {name} {before}, not {now}"
