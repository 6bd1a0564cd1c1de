"""Write stylized frames to a video container: encode them part by part, and join the parts with the clip's sound."""

from __future__ import annotations

import heapq
import io
import os
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack, suppress
from fractions import Fraction
from functools import cache
from pathlib import Path
from typing import Any

import av
import msgspec
import numpy as np
from av.codec.context import Flags
from av.container import OutputContainer
from av.packet import Packet, PacketSideData, packet_sidedata_type_from_literal
from av.video.codeccontext import VideoCodecContext
from av.video.frame import VideoFrame
from av.video.reformatter import VideoReformatter
from av.video.stream import VideoStream

from stylezoo.errors import OptionError, VideoError, did_you_mean
from stylezoo.types import Keep
from stylezoo.video.clip import BT601, BT709, FULL, LIMITED, Clip, Colour, Frame, usual_matrix
from stylezoo.video.container import KEEP_BYTES, close, container_format
from stylezoo.video.footage import EXACT, RGB, Footage, open_container, reason
from stylezoo.video.parts import PartFile
from stylezoo.video.sound import COPY, NONE, Track, add_tracks
from stylezoo.video.sound import ENCODERS as ENCODERS_OF_SOUND

# Common name of a codec -> its encoder, its quality option with range and default, and further options
ENCODERS: dict[str, tuple[str, str, tuple[int, int], int, dict[str, str]]] = {
    "h264": ("libx264", "crf", (0, 51), 18, {}),
    "hevc": ("libx265", "crf", (0, 51), 20, {"x265-params": "log-level=error"}),
    "av1": ("libsvtav1", "crf", (0, 63), 28, {"preset": "8"}),
    "vp9": ("libvpx-vp9", "crf", (0, 63), 28, {"b": "0", "row-mt": "1", "cpu-used": "4", "deadline": "good"}),
    "mpeg4": ("mpeg4", "q", (1, 31), 3, {}),
}
OTHERS = ("prores", "ffv1", "mjpeg")  # names passed to FFmpeg unchanged; --quality does not apply
SAME = {"h265": "hevc", "x264": "h264", "x265": "hevc", "avc": "h264", "libx264": "h264", "libx265": "hevc"}
TAGGED = {"h264", "hevc", "av1", "vp9", "prores", "ffv1", "mpeg2video"}  # codecs that store their colour space
STEADY = {"avi", "ogv", "mxf", "mpeg", "dv"}  # containers with a constant frame rate
STEADY_CODECS = {
    "mpeg4",
    "mpeg1video",
    "mpeg2video",
    "msmpeg4v3",
    "h263",
    "wmv2",
}  # codecs with a constant frame rate or coarse timing
SWSCALE = {BT709: 1, 4: 4, 5: 5, BT601: 5, 7: 7, 9: 9, 10: 9}  # matrix of H.273 -> swscale's number
ALPHA_FORMATS = ("yuva420p", "yuva444p10le")
ALPHA_APART = {"vp8", "vp9"}  # codecs whose alpha is a second stream, which only Matroska and WebM store
ALPHA_DATA: Any = "matroska_block_additional"
GLOBAL_HEADER = 0x40  # FFmpeg's AVFMT_GLOBALHEADER: codec headers are stored once, at the start
IN_MATROSKA = {"matroska", "webm"}
IN_MP4 = {"mp4", "mov", "ipod", "3gp"}
FLEETING = {"encoder", "major_brand", "minor_version", "compatible_brands", "rotate"}
SAFE = {"title", "artist", "author", "composer", "album_artist", "album", "show", "episode_id", "genre", "language"}
SAFE |= {"copyright", "license", "comment", "description", "synopsis", "date", "creation_time", "year"}

Coded = tuple[int, int, bool, bytes, bytes]
"""A packet: presentation time, duration, whether it is a keyframe, its data, and its alpha if that is stored apart."""


class Film:
    """Writes stylized frames to a container; see `stylezoo.video.parts.Sink`.

    Args:
        target: the file; its suffix sets the container.
        clip: the source; its timing, colours, metadata and sound are kept.
        size: (height, width) of the frames.
        span: the source time that becomes 0, and the time at which to stop (exclusive) or None.
        sound: keep the sound.
        codec: a common name such as h264, or an FFmpeg encoder. None: h264, or the container's default.
        quality: mostly the constant rate factor (CRF), lower is better. None: the codec's default.
        metadata: the metadata to keep, see `StylizeOptions`.

    Attributes:
        steady: whether the container or codec has a constant frame rate. See `Sink` for the others.

    Raises:
        OptionError, VideoError: this combination cannot be written. Nothing has been written then.
    """

    def __init__(
        self,
        target: Path,
        clip: Clip,
        size: tuple[int, int],
        span: tuple[int, int | None],
        *,
        sound: bool,
        codec: str | None,
        quality: int | None,
        metadata: Keep = "safe",
    ) -> None:
        self._keep = metadata
        self.target, self.clip, (self.origin, self.last) = target, clip, span
        self._format = container_format(target)
        wanted = [codec] if codec else ["h264", "vp9", self._format.default]
        for number, name in enumerate(wanted):
            self._choose(name, quality, size)
            try:
                self._try(NONE)
                break
            except (av.FFmpegError, ValueError, LookupError) as cause:
                if number + 1 < len(wanted):
                    continue
                raise OptionError(
                    f"cannot write {target.name} with codec '{name}' at {self.width}x{self.height} px "
                    f"({reason(cause)}): choose another --codec, or a container such as .mp4 or .mkv"
                ) from cause
        self.size = self.height, self.width
        self.on_white = clip.alpha and not self.alpha
        self.sound = self._choose_sound(sound)
        self.choices = {
            "container": self._format.name,
            "codec": self.encoder,
            "format": self.pixel_format,
            "options": self.options,
            "scale": self.scale,
            "sound": self.sound,
        }

    def _choose(self, codec: str, quality: int | None, size: tuple[int, int]) -> None:
        name = SAME.get(codec.lower(), codec.lower())
        self.encoder, key, (low, high), default, more = ENCODERS.get(name, (name, "", (0, 0), 0, {}))
        try:
            encoder = av.Codec(self.encoder, "w")
        except ValueError as cause:
            known = [*ENCODERS, *OTHERS]
            raise OptionError(
                f"codec '{codec}' is unknown{did_you_mean(codec, known) or '.'} Use one of {', '.join(known)}, or the "
                "name of an FFmpeg encoder on this machine"
            ) from cause
        if encoder.type != "video":
            raise OptionError(f"codec '{codec}' is for {encoder.type}: use one of {', '.join(ENCODERS)}")
        if quality is not None and not (key and low <= quality <= high):
            limits = f"must be from {low} to {high}" if key else "is no option"
            raise OptionError(f"quality={quality} {limits} for codec '{codec}'")
        self.codec = encoder.canonical_name
        if self.encoder == "libsvtav1":
            os.environ.setdefault("SVT_LOG", "1")  # errors only: otherwise a dozen lines per part
        self.options = dict(more)
        if key == "crf":
            self.options["crf"] = str(default if quality is None else quality)
        self.scale = (default if quality is None else quality) if key == "q" else None
        known_formats = [f.name for f in encoder.video_formats or ()]
        self.pixel_format = "yuv420p" if "yuv420p" in known_formats or not known_formats else known_formats[0]
        self._choose_alpha(known_formats)
        self.height, self.width = size
        form = av.VideoFormat(self.pixel_format)
        if form.chroma_width(2) == 1:  # subsampled chroma needs even sides in H.264 and others
            self.width = max(2, self.width // 2 * 2)
        if form.chroma_height(2) == 1:
            self.height = max(2, self.height // 2 * 2)
        self.colour = self.clip.colour
        if form.is_rgb:
            self.colour = Colour(RGB, FULL, self.colour.primaries, self.colour.transfer)
        elif self.codec not in TAGGED:
            self.colour = Colour(usual_matrix(self.width, self.height), FULL if self.codec == "mjpeg" else LIMITED)
        self.steady = self._format.name in STEADY or self.codec in STEADY_CODECS
        self.rate = self.clip.rate.limit_denominator(1001)
        self.time_base = 1 / self.rate if self.steady else self.clip.time_base

    def _choose_alpha(self, known_formats: Sequence[str]) -> None:
        """Choose a pixel format with alpha, if the clip has alpha, and the encoder and the container store it."""
        stored = self.codec not in ALPHA_APART or self._format.name in IN_MATROSKA
        found = [name for name in ALPHA_FORMATS if name in known_formats] if self.clip.alpha and stored else []
        self.alpha = bool(found)
        if found:
            self.pixel_format = found[0]
            self.options |= {"auto-alt-ref": "0"} if self.codec in ALPHA_APART else {}  # libvpx requires it

    def _choose_sound(self, sound: bool) -> str:
        """Return how to write the sound: copy it, re-encode it, or drop it."""
        if not sound or not isinstance(self.clip, Footage) or not self.clip.tracks:
            return NONE
        for way in (COPY, *ENCODERS_OF_SOUND):
            with suppress(av.FFmpegError, ValueError, LookupError):
                self._try(way)
                return way
        return NONE

    def _try(self, sound: str) -> None:
        """Write the container's header to memory, as a test."""
        room = io.BytesIO()
        room.name = self.target.name
        with ExitStack() as stack:
            out = av.open(room, "w", **KEEP_BYTES)
            stack.callback(close, out)
            self._begin(out, sound, stack)

    def _begin(self, out: OutputContainer, sound: str, stack: ExitStack) -> tuple[VideoStream, list[Track]]:
        """Add the streams and write the header."""
        stream = out.add_stream(self.encoder, rate=self.rate)
        assert isinstance(stream, VideoStream)
        self._configure(stream.codec_context)
        stream.time_base = self.time_base
        tracks: list[Track] = []
        if sound != NONE:
            source = stack.enter_context(open_container(self.clip.path))
            tracks = add_tracks(out, source, self.clip.path, sound)
        out.metadata.update({k: v for k, v in self.clip.metadata.items() if self._keeps(k.lower())})
        out.start_encoding()
        return stream, tracks

    def _keeps(self, key: str) -> bool:
        return self._keep != "none" and (key in SAFE if self._keep == "safe" else key not in FLEETING)

    def _configure(self, context: VideoCodecContext) -> None:
        context.width, context.height = self.width, self.height
        context.pix_fmt = self.pixel_format
        context.framerate = self.rate
        context.time_base = self.time_base
        context.options = self.options | (_repeatable() if self.encoder == "libx264" else {})
        if self.scale is not None:
            context.qscale = True
            context.global_quality = self.scale * 118  # FF_QP2LAMBDA
        context.colorspace, context.color_range = self.colour.matrix, self.colour.range
        context.color_primaries, context.color_trc = self.colour.primaries, self.colour.transfer
        if self.clip.aspect:
            context.sample_aspect_ratio = self.clip.aspect
        if self.codec == "hevc" and self._format.name in IN_MP4:
            context.codec_tag = "hvc1"  # required by Apple's players
        if self._format.name == "avi":
            context.max_b_frames = 0  # the container stores no presentation order

    def encode(self, frames: Iterable[Frame], path: Path) -> dict[str, Any]:
        """Encode a part independently; `join` copies its packets."""
        context = av.CodecContext.create(self.encoder, "w")
        assert isinstance(context, VideoCodecContext)
        self._configure(context)
        if self._format.flags & GLOBAL_HEADER:
            context.flags |= Flags.global_header
        converter = VideoReformatter()
        durations: dict[int, int] = {}
        packets: list[Coded] = []

        def take(picture: VideoFrame | None) -> None:
            for packet in context.encode(picture):
                time = packet.pts or 0
                alpha = bytes(packet.get_sidedata(ALPHA_DATA))
                packets.append((time, durations.pop(time, 0), packet.is_keyframe, bytes(packet), alpha))

        for frame in frames:
            picture = self._picture(frame, converter)
            time = self._time(frame)
            picture.pts, picture.time_base = time, self.time_base
            durations[time] = max(1, round(frame.duration * self.clip.time_base / self.time_base))
            take(picture)
        take(None)
        path.write_bytes(msgspec.msgpack.encode(packets))
        order = {time: place for place, time in enumerate(sorted(time for time, *_ in packets))}
        return {"delay": max(number - order[time] for number, (time, *_) in enumerate(packets))}

    def _time(self, frame: Frame) -> int:
        """Return a frame's presentation time, in `time_base`."""
        return frame.number if self.steady else round((frame.time - self.origin) * self.clip.time_base / self.time_base)

    def _picture(self, frame: Frame, converter: VideoReformatter) -> VideoFrame:
        pixels = frame.pixels
        if pixels.shape[2] == 4 and not self.alpha:  # over white
            alpha = pixels[..., 3:].astype(np.uint16)
            pixels = ((pixels[..., :3] * alpha + 255 * (255 - alpha) + 127) // 255).astype(np.uint8)
        pixels = np.ascontiguousarray(pixels[: self.height, : self.width])
        picture = converter.reformat(
            VideoFrame.from_ndarray(pixels, "rgba" if self.alpha else "rgb24"),
            format=self.pixel_format,
            dst_colorspace=SWSCALE.get(self.colour.matrix, 1),
            dst_color_range=self.colour.range,
            interpolation=EXACT,
        )
        picture.colorspace, picture.color_range = self.colour.matrix, self.colour.range
        picture.color_primaries, picture.color_trc = self.colour.primaries, self.colour.transfer
        return picture

    def join(self, parts: Sequence[PartFile], target: Path) -> None:
        """Write the container: the packets of all parts and of the sound, ordered by time."""
        options = {"movflags": "+faststart"} if self._format.name in IN_MP4 else {}
        try:
            with ExitStack() as stack:
                out = stack.enter_context(av.open(str(target.absolute()), "w", container_options=options, **KEEP_BYTES))
                stream, tracks = self._begin(out, self.sound, stack)
                streams = [self._packets(parts, stream)]
                origin = self.origin * self.clip.time_base
                begin = (
                    origin if self.origin > self.clip.start else None
                )  # audio codecs have priming samples before the start
                end = None if self.last is None else self.last * self.clip.time_base
                streams += [track.packets(origin, begin, end) for track in tracks]
                for _, packet in heapq.merge(*streams, key=lambda item: item[0]):
                    out.mux(packet)
        except av.FFmpegError as cause:
            raise VideoError(
                f"cannot write {self.target} ({reason(cause)}): run the command again to join the finished parts"
            ) from cause

    def _packets(self, parts: Sequence[PartFile], stream: VideoStream) -> Iterator[tuple[Fraction, Packet[Any]]]:
        """Yield the packets, with the decoding times that a single encoder would have set."""
        delay = max(said["delay"] for _, said in parts)
        step = max(1, round(1 / (self.rate * self.time_base)))
        shown: deque[int] = deque()  # presentation times in order; each frame is decoded `delay` frames earlier
        for path, _ in parts:
            packets = msgspec.msgpack.decode(path.read_bytes(), type=list[Coded])
            times = sorted(time for time, *_ in packets)
            shown.extend(times if path != parts[0][0] else [times[0] - step * i for i in range(delay, 0, -1)] + times)
            for time, duration, key, data, alpha in packets:
                packet: Packet[Any] = Packet(data)
                packet.stream, packet.time_base = stream, self.time_base
                packet.pts, packet.dts, packet.duration = time, shown.popleft(), duration
                packet.is_keyframe = key
                if alpha:
                    packet.set_sidedata(_side_data(alpha), move=True)
                yield packet.dts * self.time_base, packet


@cache
def _repeatable() -> dict[str, str]:
    """Return options that make x264 write the same bytes each time: with its code for AVX-512 it does not."""
    found = np.show_config(mode="dicts")["SIMD Extensions"]
    extensions = [*found.get("baseline", ()), *found.get("found", ())]
    wide = any(name == "X86_V4" or name.startswith("AVX512") for name in extensions)
    return {"x264-params": "asm=avx2,fma3,bmi2"} if wide else {}


def _side_data(alpha: bytes) -> PacketSideData:
    made: Any = PacketSideData(packet_sidedata_type_from_literal(ALPHA_DATA), len(alpha))  # type: ignore[call-arg]
    memoryview(made)[:] = alpha
    return made
