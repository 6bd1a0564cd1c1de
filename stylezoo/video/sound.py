"""Copy or re-encode the sound of a clip into another container."""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import suppress
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
from av.audio.stream import AudioStream
from av.container import InputContainer, OutputContainer
from av.packet import Packet

from stylezoo.video.footage import open_container

# Encoders for sound that cannot be copied; the first that the container supports is used
ENCODERS = ("aac", "libopus", "libmp3lame", "mp2", "flac", "pcm_s16le")
BIT_RATE = 96_000  # per channel
COPY, NONE = "copy", "none"
KEPT = {"language", "title", "handler_name"}


class Track:
    """A sound track, read from a file and written to a container."""

    def __init__(self, path: Path, number: int, target: AudioStream, copy: bool) -> None:
        self._path, self._number, self._target, self._copy = path, number, target, copy

    def packets(
        self, origin: Fraction, begin: Fraction | None, end: Fraction | None
    ) -> Iterator[tuple[Fraction, Packet[Any]]]:
        """Yield (time in s, packet) for packets from `begin` to `end` (exclusive), in s, with times from `origin`."""
        with open_container(self._path) as container:  # one per track, since their packets may be far apart
            source = container.streams[self._number]
            assert isinstance(source, AudioStream)
            latest = -math.inf
            with suppress(av.FFmpegError):  # damaged sound ends early
                for packet in container.demux(source):
                    time = None if packet.pts is None else packet.pts * packet.time_base
                    if packet.size == 0 or time is None or (begin is not None and time < begin):
                        continue
                    if end is not None and time >= end:
                        break
                    for made in self._copied(packet, origin) if self._copy else self._encoded(packet, origin):
                        when = (made.pts or 0) if made.dts is None else made.dts
                        if when > latest:  # damaged files repeat times, which containers reject
                            latest = when
                            yield when * made.time_base, made
            if not self._copy:
                for made in self._target.encode(None):
                    yield (made.pts or 0) * made.time_base, made

    def _copied(self, packet: Packet[Any], origin: Fraction) -> Iterator[Packet[Any]]:
        shift = round(origin / packet.time_base)
        packet.pts = (packet.pts or 0) - shift
        packet.dts = packet.pts if packet.dts is None else packet.dts - shift
        packet.stream = self._target
        yield packet

    def _encoded(self, packet: Packet[AudioStream], origin: Fraction) -> Iterator[Packet[Any]]:
        with suppress(av.FFmpegError):  # skip damaged packets
            for frame in packet.decode():
                if frame.pts is not None and frame.time_base:
                    frame.pts -= round(origin / frame.time_base)
                yield from self._target.encode(frame)


def add_tracks(out: OutputContainer, source: InputContainer, path: Path, way: str) -> list[Track]:
    """Add a stream for each sound track; `way` is `COPY` or an encoder's name.

    Raises ValueError if the container does not support the codec.
    """
    tracks = []
    for stream in source.streams.audio:
        target = out.add_stream_from_template(stream) if way == COPY else _encoder(out, stream, way)
        target.metadata.update({key: value for key, value in stream.metadata.items() if key in KEPT})
        tracks.append(Track(path, stream.index, target, way == COPY))
    return tracks


def _encoder(out: OutputContainer, source: AudioStream, name: str) -> AudioStream:
    rate, channels = source.codec_context.sample_rate, min(2, source.codec_context.channels)
    rates = av.Codec(name, "w").audio_rates
    target = out.add_stream(name, rate=rate if not rates or rate in rates else 48_000)
    assert isinstance(target, AudioStream)
    target.codec_context.layout = "mono" if channels == 1 else "stereo"
    target.codec_context.bit_rate = BIT_RATE * channels
    return target
