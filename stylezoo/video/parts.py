"""Finished parts of a clip, kept next to it: a killed run loses at most one part, and the next run resumes."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple, Protocol, TypeAlias

from numpy.typing import NDArray
from safetensors.numpy import load_file, save_file

from stylezoo._files import lock, replacing
from stylezoo.errors import OptionError
from stylezoo.video.clip import Frame

MANIFEST = "manifest.json"
PART = 48  # frames: two seconds, so that little is lost and keyframes take little space

State: TypeAlias = dict[str, NDArray[Any]]
"""The state to continue from: the norm statistics, and with flow the last frame."""

PartFile: TypeAlias = tuple[Path, dict[str, Any]]
"""A part's file, and the facts that its sink returned."""


class Sink(Protocol):
    """Writes parts and the final file.

    Attributes:
        choices: options that affect the result, as JSON types.
        codec: the video codec.
        sound: "copy", the encoder's name, or "none".
        size: (height, width) of the frames in px.
        on_white: whether transparency is lost.
    """

    choices: dict[str, Any]
    codec: str
    sound: str
    size: tuple[int, int]
    on_white: bool

    def encode(self, frames: Iterable[Frame], path: Path) -> dict[str, Any]:
        """Write a part; return the facts that `join` needs, as JSON types."""

    def join(self, parts: Sequence[PartFile], target: Path) -> None:
        """Write the final file from (path, facts) of each part."""


class Part(NamedTuple):
    """A finished part.

    Attributes:
        file: its name.
        time, end: start of its first frame and end of its last, in the clip's time unit.
        frames: number of frames.
        said: the facts returned by the sink.
    """

    file: str
    time: int
    end: int
    frames: int
    said: dict[str, Any]


class Parts:
    """The folder OUT.parts, with a manifest of the options and the finished parts.

    Args:
        target: OUT.
        key: everything that the result depends on; parts with another key are discarded.
        size: frames per part.

    Attributes:
        target, size: see above.
        release: lets another process write the target.
        changed: the keys in which discarded parts differed; empty if there were none.

    Raises:
        OptionError: another process writes the same target, or the folder is not one of parts.
    """

    def __init__(self, target: Path, key: Mapping[str, Any], size: int = PART) -> None:
        self.target, self.size = target, size
        self.folder = target.with_name(target.name + ".parts")
        self.release = lock(target.with_name(f"{target.name}.lock"), f"'{target}'")
        self._manifest = self.folder / MANIFEST
        self._key = json.loads(json.dumps(key))  # as read back from JSON
        self.changed: list[str] = []
        self.done: list[Part] = []
        try:
            if self.folder.exists():
                self._read()
            if not self.folder.exists():
                self._write()
        except BaseException:
            self.release()
            raise

    def _read(self) -> None:
        try:
            found = json.loads(self._manifest.read_bytes())
            before, parts = found["key"], [Part(**part) for part in found["parts"]]
        except (OSError, ValueError, KeyError, TypeError) as cause:
            raise OptionError(
                f"'{self.folder}' is in the way and has no manifest of parts: move or remove it"
            ) from cause
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
        """The number of finished frames."""
        return sum(part.frames for part in self.done)

    @property
    def whole(self) -> bool:
        """Whether all frames are done, which a shorter last part indicates."""
        return bool(self.done) and self.done[-1].frames < self.size

    def add(self, sink: Sink, frames: Iterable[Frame], state: Callable[[int], State]) -> None:
        """Write the next part of at most `size` stylized frames; `state` returns the state after it."""
        spans: list[tuple[int, int]] = []

        def noted() -> Iterator[Frame]:
            for frame in frames:
                spans.append((frame.time, frame.time + frame.duration))
                yield frame

        name = f"{len(self.done):06d}"
        with replacing(self.folder / name) as temporary:
            said = sink.encode(noted(), temporary)
        with replacing(self._state(name)) as temporary:
            save_file(state(self.frames + len(spans)), temporary)
        self.done.append(Part(name, spans[0][0], spans[-1][1], len(spans), said))
        self._write()
        for part in self.done[-2:-1]:
            self._state(part.file).unlink(missing_ok=True)

    def state(self) -> State:
        """Return the state after the last part."""
        return load_file(self._state(self.done[-1].file))

    def _state(self, name: str) -> Path:
        return self.folder / f"{name}.state"

    def join(self, sink: Sink, *, overwrite: bool) -> None:
        """Write the clip, and remove the parts; raise FileExistsError if there is a clip and `overwrite` is false."""
        with replacing(self.target, overwrite=overwrite) as temporary:
            sink.join([(self.folder / part.file, part.said) for part in self.done], temporary)
        self.remove()

    def remove(self) -> None:
        """Remove the folder."""
        shutil.rmtree(self.folder)
