"""What is stylized of a clip so far, next to it: a killed run loses a part at most, and the next one goes on."""

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
PART = 48  # frames: two seconds of film, so that little is lost, and the keyframe of each weighs little

State: TypeAlias = dict[str, NDArray[Any]]
"""What painting goes on from: the statistics of the norms, and with flow the last frame."""

Told: TypeAlias = tuple[Path, dict[str, Any]]
"""A part's file, and what its sink said of it."""


class Sink(Protocol):
    """What writes parts and the whole.

    Attributes:
        choices: what of it decides on the result, as JSON holds it.
        codec: of the pictures.
        sound: "copy", the encoder's name, or "none".
        size: (height, width) of the frames in px.
        on_white: whether transparency gets lost.
    """

    choices: dict[str, Any]
    codec: str
    sound: str
    size: tuple[int, int]
    on_white: bool

    def encode(self, frames: Iterable[Frame], path: Path) -> dict[str, Any]:
        """Write a part; return what `join` has to know of it, as JSON holds it."""

    def join(self, parts: Sequence[Told], target: Path) -> None:
        """Write the whole from (path, what `encode` returned) of each part."""


class Part(NamedTuple):
    """A part that is whole.

    Attributes:
        file: its name.
        time, end: when its first frame is shown, and when its last is over, in the clip's unit.
        frames: how many there are.
        said: by the sink.
    """

    file: str
    time: int
    end: int
    frames: int
    said: dict[str, Any]


class Parts:
    """The folder OUT.parts, with a manifest of what decides on the result and of the parts that are whole.

    Args:
        target: OUT.
        key: what decides on the result; parts of another key are thrown away.
        size: how many frames a part has.

    Attributes:
        target, size: see above.
        release: lets another job write the target.
        changed: in what the parts that were thrown away differed; empty where there were none.

    Raises:
        OptionError: another job writes the same target, or something else is in the way.
    """

    def __init__(self, target: Path, key: Mapping[str, Any], size: int = PART) -> None:
        self.target, self.size = target, size
        self.folder = target.with_name(target.name + ".parts")
        self.release = lock(target.with_name(f"{target.name}.lock"), f"'{target}'")
        self._manifest = self.folder / MANIFEST
        self._key = json.loads(json.dumps(key))  # as it is when read again
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
        """How many frames are done."""
        return sum(part.frames for part in self.done)

    @property
    def whole(self) -> bool:
        """Whether all frames are done, as a last part that is shorter than the others tells."""
        return bool(self.done) and self.done[-1].frames < self.size

    def add(self, sink: Sink, frames: Iterable[Frame], state: Callable[[int], State]) -> None:
        """Make the next part of stylized frames, at most `size`; `state` tells what the one behind it goes on from."""
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
        """Return the state behind the last part."""
        return load_file(self._state(self.done[-1].file))

    def _state(self, name: str) -> Path:
        return self.folder / f"{name}.state"

    def join(self, sink: Sink, target: Path) -> None:
        """Write the clip, and remove the parts."""
        with replacing(target) as temporary:
            sink.join([(self.folder / part.file, part.said) for part in self.done], temporary)
        self.remove()

    def remove(self) -> None:
        """Remove the folder."""
        shutil.rmtree(self.folder)
