"""Read clips in video containers with FFmpeg."""

from __future__ import annotations

from array import array
from collections.abc import Generator, Iterator
from contextlib import closing, suppress
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING

import av
import numpy as np
from av.container import InputContainer
from av.sidedata.sidedata import Type as SideData
from av.stream import Disposition
from av.video.codeccontext import VideoCodecContext
from av.video.frame import VideoFrame
from av.video.reformatter import Interpolation, VideoReformatter
from av.video.stream import VideoStream

from stylezoo.errors import VideoError
from stylezoo.images.light import HDR, to_srgb
from stylezoo.video.clip import (
    BT601,
    BT709,
    LIMITED,
    UNSPECIFIED,
    Clip,
    Colour,
    Frame,
    Pixels,
    usual_matrix,
    with_durations,
)
from stylezoo.video.container import KEEP_BYTES

if TYPE_CHECKING:
    from av.packet import Packet

EXACT = Interpolation.BICUBIC | Interpolation.ACCURATE_RND | Interpolation.FULL_CHR_H_INT
QUICK = Interpolation.BICUBIC | Interpolation.FULL_CHR_H_INT  # exact to a level of 255, in a twentieth of the time
NO_FOOTAGE = {"tty", "image2", "image2pipe"}  # text rendered as in a terminal, and still pictures
RGB, BT470BG = 0, 5  # matrices of H.273
STATED = {"mov", "matroska", "avi", "asf", "flv"}  # containers that store the length; for others FFmpeg estimates it
MISSING = 0.5  # s by which a file may be shorter than it states
LOCAL = {"protocol_whitelist": "file,crypto,data"}  # a playlist must not access the network


def open_container(path: Path) -> InputContainer:
    """Open a file for reading; raise VideoError if that fails."""
    try:
        # An absolute path: "a:b.mp4" would be taken for a protocol
        return av.open(str(path.absolute()), options=LOCAL, **KEEP_BYTES)
    except av.FFmpegError as cause:
        if isinstance(cause, PermissionError):
            raise VideoError(f"no permission to read {path}: change its permissions, or copy it") from cause
        raise VideoError(
            f"FFmpeg cannot read {path} ({reason(cause)}): it is truncated, damaged or not a clip; "
            "download or save it again"
        ) from cause


def reason(cause: Exception) -> str:
    """Return FFmpeg's description of an error in a few words."""
    return " ".join(str(getattr(cause, "strerror", None) or cause).split())


class Footage(Clip):
    """A clip in a container; see `Clip`.

    Opening it scans the file once without decoding, to find its true length, and decodes one frame.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.damaged = 0
        self._coded: tuple[int, int] | None = None  # primaries and transfer curve to convert to BT.709
        with open_container(path) as container:
            stream = self._picture(container)
            context = stream.codec_context
            self.tracks = [track.codec_context.name for track in container.streams.audio]
            self.subtitles = len(container.streams.subtitles)
            self.metadata = dict(container.metadata)
            assert stream.time_base is not None
            self.time_base = stream.time_base
            self.rate = Fraction(stream.average_rate or stream.guessed_rate or context.framerate or 25)
            self.step = max(1, round(1 / (self.rate * self.time_base)))
            self.start = round(Fraction(container.start_time or 0, av.time_base) / self.time_base)
            self._aspect = stream.sample_aspect_ratio or Fraction(1)
            said = (container.duration or 0) / av.time_base
            self._scan(container, stream, said)
        with closing(self._decoded(None)) as decoded:
            first = next(decoded, None)
        if first is None:
            raise VideoError(f"{self.name} is damaged, none of its frames can be decoded: download or save it again")
        self._describe(first[1])
        try:
            self._pixels(first[1], VideoReformatter())
        except (av.FFmpegError, ValueError) as cause:
            raise VideoError(
                f"{self.name} has colours that FFmpeg cannot convert to RGB ({reason(cause)}; matrix "
                f"{int(first[1].colorspace)} of H.273): convert it to BT.709 first"
            ) from cause

    def _picture(self, container: InputContainer) -> VideoStream:
        if container.format.name in NO_FOOTAGE or container.format.name.endswith("_pipe"):
            raise VideoError(f"{self.name} is a picture, not a clip: use stylezoo stylize")
        for stream in container.streams.video:
            if not stream.disposition & Disposition.attached_pic:
                return stream
        what = "has sound but no moving picture" if container.streams.audio else "has no moving picture"
        raise VideoError(f"{self.name} {what}: name a clip with frames")

    def _scan(self, container: InputContainer, stream: VideoStream, said: float) -> None:
        """Collect the times of all frames; raise VideoError if there are none, or fewer than the file states."""
        times: list[int] = []
        reached, clock = 0.0, None
        with suppress(av.FFmpegError):  # the rest is missing, which shows in the length
            for packet in container.demux():
                if packet.size == 0 or packet.is_discard:
                    continue
                when = packet.pts if packet.pts is not None else packet.dts
                if packet.stream_index == stream.index:
                    clock = when if when is not None else self.start if clock is None else clock + self.step
                    times.append(clock)
                    when = clock
                if when is not None:
                    reached = max(reached, float((when + (packet.duration or 0)) * packet.time_base))
        if not times:
            raise VideoError(f"{self.name} has no frames: download or save it again")
        self.times = array("q", sorted(times))
        self.end = self.times[-1] + self.step
        there = reached - float(self.start * self.time_base)
        stated = container.format.name.partition(",")[0] in STATED
        self.missing = said - there if stated and said - there > max(MISSING, 0.02 * said) else 0.0

    def check_whole(self, until: int | None) -> None:
        """Raise VideoError if the file is truncated before a time; None is its end."""
        if not self.missing or (until is not None and until <= self.end):
            return
        there = self.seconds
        rest = (
            f", or pass duration={int(there * 10) / 10:g} (--duration) to stylize what there is" if there > 0.1 else ""
        )
        raise VideoError(
            f"{self.name} is truncated to {there:.3g} s of {there + self.missing:.3g} s: download it again{rest}"
        )

    def _describe(self, frame: VideoFrame) -> None:
        self._size = frame.width, frame.height
        self.alpha = any(part.is_alpha for part in frame.format.components)
        self.interlaced = frame.interlaced_frame
        found = frame.side_data.get(SideData.DISPLAYMATRIX)  # type: ignore[call-overload]  # the stub knows one key
        self._matrix = None if found is None else np.frombuffer(bytes(found), np.int32)
        height, width, _ = self._upright(np.zeros((frame.height, frame.width, 3), np.uint8)).shape
        self.width, self.height = width, height
        aspect = self._aspect
        turned = (height, width) != (frame.height, frame.width)
        self.aspect = None if aspect == 1 else 1 / aspect if turned else aspect
        guess = self._guess = usual_matrix(*self._size)
        if frame.format.is_rgb or frame.colorspace == RGB:
            self.colour = Colour(guess)
            return
        self.colour = Colour(
            guess if frame.colorspace == UNSPECIFIED else BT601 if frame.colorspace == BT470BG else frame.colorspace,
            frame.color_range or LIMITED,
            frame.color_primaries,
            frame.color_trc,
        )
        self.hdr = HDR.get(self.colour.transfer, "")
        if self.hdr:  # wide primaries without HDR pass through with their tag
            self._coded = self.colour.primaries, self.colour.transfer
            self.colour = Colour(BT709, self.colour.range, BT709, BT709)

    def frames(self, start: int | None = None) -> Generator[Frame, None, None]:
        return with_durations(self._from(start))

    def _from(self, start: int | None) -> Generator[Frame, None, None]:
        decoded = self._decoded(start)
        first = next(decoded, None)
        if start is not None and (first is None or first[0] > start):  # not every file supports seeking
            decoded.close()
            decoded = self._decoded(None)
            first = next(decoded, None)
        converter = VideoReformatter()
        with closing(decoded):
            while first is not None:
                time, frame = first
                if start is None or time >= start:
                    yield Frame(self._pixels(frame, converter), time, frame.duration or self.step)
                first = next(decoded, None)

    def _decoded(self, seek: int | None) -> Generator[tuple[int, VideoFrame], None, None]:
        """Yield times and frames, from a keyframe before `seek`; skip damaged packets."""
        with open_container(self.path) as container:
            stream = self._picture(container)
            stream.thread_type = "AUTO"
            if seek is not None:
                try:
                    container.seek(seek, stream=stream)
                except av.FFmpegError:
                    return
            clock = self.start - self.step
            damaged = 0
            decoder = _decoder(stream)
            for packet in _packets(container, stream):
                try:
                    decoded = decoder.decode(packet if packet.size else None)
                except av.FFmpegError:
                    damaged += 1
                    continue
                for frame in decoded:
                    known = frame.pts if frame.pts is not None else frame.dts
                    if known is None and seek is not None:
                        return
                    clock = clock + self.step if known is None else known
                    yield clock, frame
            self.damaged = damaged

    def _pixels(self, frame: VideoFrame, converter: VideoReformatter) -> Pixels:
        if frame.colorspace == UNSPECIFIED and not frame.format.is_rgb:
            frame.colorspace = self._guess
        width, height = self._size  # a stream may change its size midway, which encoders do not support
        kinds = ("rgb24", "rgba") if self._coded is None else ("rgb48le", "rgba64le")
        pixels = converter.reformat(frame, width, height, kinds[self.alpha], interpolation=QUICK).to_ndarray()
        if self._coded is not None:
            deep = pixels.astype(np.uint16, copy=False)
            colours = to_srgb(deep[..., :3], *self._coded)
            pixels = np.dstack([colours, (deep[..., 3:] >> 8).astype(np.uint8)]) if self.alpha else colours
        return self._upright(pixels.astype(np.uint8, copy=False))

    def _upright(self, pixels: Pixels) -> Pixels:
        """Rotate and flip a picture by the clip's display matrix, to the nearest quarter turn."""
        if self._matrix is None:
            return pixels
        right, down = self._matrix[0:2], self._matrix[3:5]  # directions of the picture's x and y on the screen
        x, y = right[0], down[1]
        if abs(right[1]) + abs(down[0]) > abs(right[0]) + abs(down[1]):
            pixels, x, y = pixels.swapaxes(0, 1), down[0], right[1]
        return np.ascontiguousarray(pixels[:: -1 if y < 0 else 1, :: -1 if x < 0 else 1])


def _decoder(stream: VideoStream) -> VideoCodecContext:
    """Return the decoder of a stream: FFmpeg's own, or libvpx for VP8 and VP9 with alpha."""
    name = {"vp8": "libvpx", "vp9": "libvpx-vp9"}.get(stream.codec_context.name)
    if name is None or stream.metadata.get("alpha_mode") != "1":
        return stream.codec_context
    context = VideoCodecContext.create(name, "r")
    assert isinstance(context, VideoCodecContext)
    context.extradata = stream.codec_context.extradata
    return context


def _packets(container: InputContainer, stream: VideoStream) -> Iterator[Packet[VideoStream]]:
    with suppress(av.FFmpegError):  # missing parts were found when the clip was opened
        yield from container.demux(stream)
