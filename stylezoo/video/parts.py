"""What is painted of a clip so far, beside it: a killed run loses one part, and the next goes on behind the others.

A part is a number of frames, encoded. A sink makes it, and joins all parts in the end:

    choices: what of it decides on the result, as JSON holds it
    encode(frames, path) -> what `join` has to know of the part, as JSON holds it
    join([(path, what encode returned), ...], target)
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple, Protocol

from stylezoo.errors import OptionError
from stylezoo.files import replacing
from stylezoo.video.clip import Frame

MANIFEST = "manifest.json"


class Sink(Protocol):
    """See the module."""

    choices: dict[str, Any]
    codec: str
    sound: str

    def encode(self, frames: Iterable[Frame], path: Path) -> dict[str, Any]:
        """Write a part."""

    def join(self, parts: Sequence[tuple[Path, dict[str, Any]]], target: Path) -> None:
        """Write the clip."""


class Part(NamedTuple):
    """A part that is whole: its file's name, the number and the time of its first frame, and how many there are."""

    file: str
    first: int
    time: int
    frames: int
    said: dict[str, Any]


class Parts:
    """The folder OUT.parts, with a manifest of what decides on the result and of the parts that are whole.

    Args:
        target: OUT.
        key: what decides on the result; parts of another key are thrown away.

    Attributes:
        changed: in what the parts that were thrown away differed; empty where there were none.
    """

    def __init__(self, target: Path, key: Mapping[str, Any]) -> None:
        self.folder = target.with_name(target.name + ".parts")
        self._manifest = self.folder / MANIFEST
        self._key = json.loads(json.dumps(key))  # as it is when read again
        self.changed: list[str] = []
        self.done: list[Part] = []
        if self.folder.exists():
            self._read()
        if not self.folder.exists():
            self._write()

    def _read(self) -> None:
        try:
            found = json.loads(self._manifest.read_bytes())
            before, parts = found["key"], [Part(**part) for part in found["parts"]]
        except (OSError, ValueError, KeyError, TypeError) as cause:
            raise OptionError(f"'{self.folder}' is in the way and has no manifest of parts: move or remove it") from cause
        self.changed = sorted(k for k in before.keys() | self._key.keys() if before.get(k) != self._key.get(k))
        if self.changed:
            self.remove()
        else:
            self.done = parts

    def _write(self) -> None:
        with replacing(self._manifest) as temporary:
            temporary.write_text(json.dumps({"key": self._key, "parts": [part._asdict() for part in self.done]}))

    @property
    def frames(self) -> int:
        """How many frames are done."""
        return sum(part.frames for part in self.done)

    def add(self, sink: Sink, frames: Iterable[Frame], time: int) -> None:
        """Make the next part of painted frames, the first of which is shown at `time`."""
        first, count = self.frames, 0

        def counted() -> Iterator[Frame]:
            nonlocal count
            for frame in frames:
                count += 1
                yield frame

        name = f"{len(self.done):06d}"
        with replacing(self.folder / name) as temporary:
            said = sink.encode(counted(), temporary)
        self.done.append(Part(name, first, time, count, said))
        self._write()

    def before(self, frames: int) -> Part | None:
        """Return the last part that starts at least so many frames before what is next; None is the start."""
        return next((part for part in reversed(self.done) if part.first + frames <= self.frames), None)

    def join(self, sink: Sink, target: Path) -> None:
        """Write the clip, and remove the parts."""
        with replacing(target) as temporary:
            sink.join([(self.folder / part.file, part.said) for part in self.done], temporary)
        self.remove()

    def remove(self) -> None:
        """Remove the folder."""
        shutil.rmtree(self.folder)
