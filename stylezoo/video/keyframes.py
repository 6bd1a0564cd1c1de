"""Styles that change over time: keyframes, and interpolation between them."""

from __future__ import annotations

import math
import re
from bisect import bisect_right
from collections.abc import Callable, Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any, NamedTuple, Self

from stylezoo.errors import OptionError
from stylezoo.runtime.base import StyleCode
from stylezoo.types import StyleLike

WAY = "write TIME:STYLE,TIME:STYLE with a frame's number or seconds, such as 0:starry_night,5s:great_wave"
_TIME = r"\d+(?:\.\d+)?s?"


class Keyframe(NamedTuple):
    """A style at a frame number or, with `seconds`, at a time from the start."""

    at: Fraction
    seconds: bool
    style: StyleLike


def read_keyframes(given: str | Sequence[tuple[Any, StyleLike]]) -> list[Keyframe]:
    """Return the keyframes of a text such as '0:starry_night,5s:great_wave,120:the_kiss+udnie' or (time, style) pairs.

    In pairs, a time is an int (a frame number), a float (seconds) or a text. Styles joined by + are mixed equally.

    Raises OptionError if they cannot be parsed, or are not in order.
    """
    if isinstance(given, str):
        parts = re.split(rf",(?=\s*{_TIME}\s*:)", given)  # a comma elsewhere is part of a name
        pairs: list[tuple[Any, Any]] = []
        for part in parts:
            time, colon, style = part.partition(":")
            if not colon or not style.strip():
                raise OptionError(f"cannot read '{part}' in keyframes '{given}': {WAY}")
            pairs.append((time, _style(style.strip())))
    else:
        pairs = list(given)
    frames = [Keyframe(*_moment(time), style) for time, style in pairs]
    if not frames:
        raise OptionError(f"no keyframes: {WAY}")
    return frames


def _style(text: str) -> StyleLike:
    return text if "+" not in text or Path(text).is_file() else [name.strip() for name in text.split("+")]


def _moment(time: Any) -> tuple[Fraction, bool]:
    if isinstance(time, str) and re.fullmatch(_TIME, time.strip()):
        text = time.strip()
        if text.endswith("s"):
            return Fraction(text[:-1]), True
        if "." not in text:
            return Fraction(text), False
    elif isinstance(time, int) and time >= 0:
        return Fraction(time), False
    elif isinstance(time, float) and time >= 0 and math.isfinite(time):
        return Fraction(time), True
    raise OptionError(f"'{time}' is not a valid time of a keyframe: {WAY}")


class Course:
    """The style code of every frame, interpolated linearly between keyframes and constant outside of them.

    If all keyframes are frame numbers, interpolation is by frame number; otherwise by time, and frame numbers are
    converted at the clip's rate.

    Args:
        frames: the keyframes.
        encode: returns the code of a style.
        rate: frames per second.
    """

    def __init__(self, frames: Sequence[Keyframe], encode: Callable[[StyleLike], StyleCode], rate: Fraction) -> None:
        self.timed = any(frame.seconds for frame in frames)
        self._at = [frame.at if frame.seconds or not self.timed else frame.at / rate for frame in frames]
        for before, after, frame in zip(self._at, self._at[1:], frames[1:], strict=False):
            if after <= before:
                raise OptionError(
                    f"the keyframe at {float(frame.at):g}{'s' if frame.seconds else ''} is not after the one before: "
                    "order them by time"
                )
        self.codes = [encode(frame.style) for frame in frames]

    @classmethod
    def of(cls, code: StyleCode) -> Self:
        """Return the course of a constant style."""
        return cls([Keyframe(Fraction(0), False, None)], lambda _: code, Fraction(1))

    @property
    def steady(self) -> bool:
        """Whether all frames have the same code."""
        return len(self.codes) == 1

    def __call__(self, number: int, time: Fraction) -> StyleCode:
        """Return the code of a frame, given its number and its time in seconds from the start."""
        now = time if self.timed else Fraction(number)
        index = bisect_right(self._at, now)
        if index in (0, len(self._at)):
            return self.codes[max(0, index - 1)]
        begin, end = self._at[index - 1], self._at[index]
        return self.codes[index - 1].lerp(self.codes[index], float((now - begin) / (end - begin)))
