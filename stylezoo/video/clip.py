"""The interface of clips: upright frames with times, and everything else to preserve."""

from __future__ import annotations

import abc
from array import array
from bisect import bisect_left
from collections.abc import Generator, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from stylezoo.errors import OptionError, VideoError
from stylezoo.images.pillow import shown
from stylezoo.types import PathLike

Pixels = NDArray[np.uint8]
"""Height x width x 3 (RGB) or 4 (RGBA), 0 to 255."""

BT709, UNSPECIFIED, BT601 = 1, 2, 6  # numbers of H.273 and FFmpeg
LIMITED, FULL = 1, 2


@dataclass(frozen=True, eq=False)
class Frame:
    """A frame of a clip.

    Attributes:
        pixels: upright, (H, W, 3 or 4), uint8.
        time: presentation time, in units of the clip's `time_base`.
        duration: in the same units.
        number: index of a stylized frame.
    """

    pixels: Pixels
    time: int
    duration: int
    number: int = 0


@dataclass(frozen=True)
class Colour:
    """The encoding of colours in YUV, in numbers of H.273: matrix, range, primaries and transfer curve."""

    matrix: int = BT709
    range: int = LIMITED
    primaries: int = UNSPECIFIED
    transfer: int = UNSPECIFIED


def usual_matrix(width: int, height: int) -> int:
    """Return the matrix that players assume for a clip of this size that states none."""
    return BT709 if width >= 1280 or height > 576 else BT601


class Clip(abc.ABC):
    """A clip to read.

    Attributes:
        path: its file.
        width, height: in px, upright.
        time_base: the time unit in seconds.
        rate: average frames per second.
        start: the time that counts as 0.
        times: presentation times of all frames in order, as far as known without decoding.
        end: the time at which the last frame ends.
        alpha: whether frames have an alpha channel.
        colour, aspect: those of the source; aspect is that of a pixel, width to height.
        plays: number of plays of an animation, 0 for infinite.
        metadata: metadata of the file: title, comment and the like.
        tracks: codecs of the sound tracks; `subtitles`: the number of subtitle tracks.
        interlaced: whether the clip is interlaced.
        hdr: "PQ" or "HLG" if it is tone-mapped to BT.709, else "".
        damaged: number of packets that could not be decoded, after all frames were read.
    """

    path: Path
    width: int
    height: int
    time_base: Fraction
    rate: Fraction
    start: int
    times: array[int]
    end: int
    alpha: bool = False
    colour: Colour
    aspect: Fraction | None = None
    plays: int = 0
    metadata: dict[str, str]
    tracks: Sequence[str] = ()
    subtitles: int = 0
    interlaced: bool = False
    hdr: str = ""
    damaged: int = 0

    @abc.abstractmethod
    def frames(self, start: int | None = None) -> Generator[Frame, None, None]:
        """Yield the frames in order, starting with the first whose time is at least `start`."""

    def check_whole(self, until: int | None) -> None:
        """Raise VideoError if the file is truncated before a time; None is its end."""
        return None

    @property
    def name(self) -> str:
        """Its name in messages."""
        return shown(self.path)

    @property
    def seconds(self) -> float:
        """Its length in seconds."""
        return float((self.end - self.start) * self.time_base)

    @property
    def uneven(self) -> bool:
        """Whether its frames are not shown for about equally long."""
        steps = np.diff(np.asarray(self.times))
        return len(steps) > 1 and bool(np.ptp(steps) > max(2, 0.2 * steps.mean()))  # times are rounded to their unit

    def span(self, start: float, duration: float | None) -> tuple[int, int | None]:
        """Return the first time (inclusive) and last time (exclusive) for a start and a duration in seconds.

        Raises OptionError if the clip has nothing in that range.
        """
        if not start >= 0 or (duration is not None and not duration > 0):
            raise OptionError(f"start={start} must be at least 0 and duration={duration} above 0, in seconds")
        if start >= self.seconds:
            raise OptionError(f"start={start:g} is after the end of {self.name}, which is {self.seconds:.3g} s long")
        first = self.start + round(Fraction(start) / self.time_base)
        return first, None if duration is None else first + max(1, round(Fraction(duration) / self.time_base))

    def count(self, first: int, last: int | None) -> int:
        """Return the number of frames from `first` to `last` (exclusive), as far as known."""
        end = len(self.times) if last is None else bisect_left(self.times, last)
        return max(0, end - bisect_left(self.times, first))


def open_clip(path: PathLike) -> Clip:
    """Open a clip: animated GIF, WebP and PNG with Pillow, everything else with FFmpeg.

    Raises:
        VideoError: it cannot be read, has no frames, or is truncated.
        OptionError: PyAV, which includes FFmpeg, is not installed.
    """
    from stylezoo.video.animation import Animation, is_animation

    path = Path(path)
    name = shown(path)
    if path.is_dir():
        raise VideoError(f"{name} is a folder: name one clip in it")
    if name == "-" or (path.exists() and not path.is_file()):  # it is read more than once
        what = "stdin" if name == "-" else f"{name}, which is a device or pipe"
        raise VideoError(f"no clip can be read from {what}: save it to a file")
    if not path.exists():
        raise VideoError(f"{name} does not exist: check the path, relative to {shown(Path.cwd())}")
    if not path.stat().st_size:
        raise VideoError(f"{name} is empty: download or save it again")
    if is_animation(path):
        return Animation(path)
    check_av()
    from stylezoo.video.footage import Footage

    return Footage(path)


def check_av() -> None:
    """Raise OptionError if PyAV is not installed."""
    try:
        import av  # noqa: F401
    except ImportError as cause:
        raise OptionError(
            "video containers need PyAV, which includes FFmpeg: pip install 'stylezoo[video]' "
            "(animated GIF, WebP and PNG do not)"
        ) from cause


def with_durations(frames: Generator[Frame, None, None]) -> Generator[Frame, None, None]:
    """Yield the frames with increasing times, and with durations derived from the next frame's time."""
    last: Frame | None = None
    with closing(frames):
        for frame in frames:
            if last is not None:
                time = max(frame.time, last.time + 1)  # damaged files repeat times, which encoders reject
                yield replace(last, duration=time - last.time)
                frame = replace(frame, time=time)
            last = frame
    if last is not None:
        yield replace(last, duration=max(1, last.duration))
