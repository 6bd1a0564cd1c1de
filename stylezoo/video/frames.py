"""Stylize the frames of a clip one after another."""

from __future__ import annotations

from collections import deque
from collections.abc import Generator
from contextlib import closing
from dataclasses import dataclass, field
from fractions import Fraction
from itertools import islice
from typing import Any

from stylezoo.runtime.base import StyleCode
from stylezoo.runtime.steady import Steadiness
from stylezoo.stylizer.stylizer import Stylizer
from stylezoo.video.clip import Clip, Frame
from stylezoo.video.flow import FlowBlend
from stylezoo.video.keyframes import Course
from stylezoo.video.masks import Masks
from stylezoo.video.parts import Parts, State
from stylezoo.video.prefetch import prefetch


@dataclass
class ClipStylizer:
    """A clip being stylized.

    Attributes:
        span: the first time (inclusive) and last time (exclusive), see `Clip.span`.
        course: the style of each frame.
        memory, blend: state carried from frame to frame.
        options: options of `Stylizer.stylize_frames`.
    """

    stylizer: Stylizer
    clip: Clip
    span: tuple[int, int | None]
    course: Course
    masks: Masks | None
    memory: Steadiness
    blend: FlowBlend | None
    options: dict[str, Any]
    _states: dict[int, State] = field(default_factory=dict)
    _waiting: deque[Frame] = field(default_factory=deque)
    _times: dict[int, Fraction] = field(default_factory=dict)

    def frames(self, parts: Parts) -> Generator[Frame, None, None]:
        """Yield stylized frames, continuing after the finished parts."""
        first = parts.frames
        if parts.done:
            self._load(parts.state())
        with closing(prefetch(self._read(parts))) as photos:
            results = self.stylizer.stylize_frames(
                self._reported(photos, first),
                self.course.codes[0] if self.course.steady else self._style,
                steady=self.memory,
                mask=self.masks.start(first) if self.masks else None,
                first=first,
                **self.options,
            )
            for number, stylized in enumerate(results, first):
                photo = self._waiting.popleft()
                pixels = self.blend(photo.pixels, stylized) if self.blend else stylized
                if (number + 1) % parts.size == 0:  # store it now: the consumer may be a frame behind
                    self._states[number + 1] = self._state()
                yield Frame(pixels, photo.time, photo.duration, number)

    def state_behind(self, number: int) -> State:
        """Return the state after `number` frames (whole parts); empty if all are done."""
        return self._states.pop(number, {})

    def _read(self, parts: Parts) -> Generator[Frame, None, None]:
        first, last = self.span
        start, skipped = (first if first > self.clip.start else None), 0
        if parts.done:
            start, skipped = parts.done[-1].time, parts.done[-1].frames
        with closing(self.clip.frames(start)) as frames:
            for frame in islice(frames, skipped, None):
                if last is not None and frame.time >= last:
                    return
                yield frame

    def _reported(self, photos: Generator[Frame, None, None], first: int) -> Generator[Any, None, None]:
        """Yield the pixels, and keep the other data of each frame until it is stylized."""
        for number, frame in enumerate(photos, first):
            self._waiting.append(frame)
            self._times.pop(number - 1, None)
            self._times[number] = (frame.time - self.span[0]) * self.clip.time_base
            yield frame.pixels

    def _style(self, number: int) -> StyleCode:
        return self.course(number, self._times[number])

    def _state(self) -> State:
        flow = self.blend.state() if self.blend else {}
        return self.memory.state() | flow

    def _load(self, state: State) -> None:
        flow = {name: state.pop(name) for name in list(state) if name.startswith("flow.")}
        self.memory.load_state(state)
        if self.blend:
            self.blend.load_state(flow)
