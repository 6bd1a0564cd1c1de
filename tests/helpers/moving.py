"""Small clips for tests, made in code."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
from skimage import data


def pictures(count: int, width: int = 64, height: int = 48) -> list[np.ndarray]:
    """Return a window that wanders over a photo: `count` arrays (height, width, 3), uint8."""
    photo = data.chelsea()[::2, ::2]
    return [np.ascontiguousarray(photo[i % 40 : i % 40 + height, i % 60 : i % 60 + width]) for i in range(count)]


def make_clip(
    path: Path,
    frames: Sequence[np.ndarray],
    *,
    codec: str = "libx264",
    rate: Fraction | int = 25,
    times: Sequence[int] | None = None,
    time_base: Fraction | None = None,
    pixel_format: str = "yuv420p",
    sound: str | None = "aac",
    metadata: dict[str, str] | None = None,
    options: dict[str, str] | None = None,
    **context: Any,
) -> Path:
    """Write a clip; `times` are those of the frames in `time_base`, `context` attributes of the encoder."""
    base = time_base or 1 / Fraction(rate)
    times = times or range(len(frames))
    with av.open(str(path), "w") as out:
        stream = out.add_stream(codec, rate=rate, options={"crf": "12"} | (options or {}) if "26" in codec else options)
        stream.width, stream.height, stream.pix_fmt = frames[0].shape[1], frames[0].shape[0], pixel_format
        stream.codec_context.time_base = stream.time_base = base
        for name, value in context.items():
            setattr(stream.codec_context, name, value)
        track = out.add_stream(sound, rate=48000) if sound else None
        out.metadata.update(metadata or {})
        if track:
            seconds = float((times[-1] + (times[-1] - times[0]) // max(1, len(times) - 1)) * base)
            _add_sound(out, track, seconds)
        for pixels, time in zip(frames, times, strict=True):
            kind = "rgba" if pixels.shape[2] == 4 else "rgb24"
            frame = av.VideoFrame.from_ndarray(pixels, kind).reformat(
                format=pixel_format,
                dst_colorspace=context.get("colorspace"),
                dst_color_range=context.get("color_range"),
            )
            frame.pts, frame.time_base = time, base
            out.mux(stream.encode(frame))
        out.mux(stream.encode(None))
    return path


def _add_sound(out: Any, track: Any, seconds: float) -> None:
    clock = np.arange(int(48000 * seconds), dtype=np.float32) / 48000
    wave = np.stack([np.sin(2 * np.pi * (220 + 200 * clock) * clock), np.sin(2 * np.pi * 330 * clock)]) * 0.3
    for start in range(0, wave.shape[1], 1024):
        samples = np.ascontiguousarray(wave[:, start : start + 1024])
        frame = av.AudioFrame.from_ndarray(samples, format="fltp", layout="stereo")
        frame.sample_rate, frame.pts, frame.time_base = 48000, start, Fraction(1, 48000)
        out.mux(track.encode(frame))
    out.mux(track.encode(None))


def turn(path: Path, matrix: tuple[int, int, int, int]) -> Path:
    """Write a display matrix (a, b, c, d) into the track of pictures of an .mp4."""
    content = bytearray(path.read_bytes())
    place = content.find(b"tkhd") + 4 + 40
    a, b, c, d = (value << 16 for value in matrix)
    content[place : place + 36] = struct.pack(">9i", a, b, 0, c, d, 0, 0, 0, 1 << 30)
    path.write_bytes(content)
    return path


def read_clip(path: Path) -> tuple[list[Fraction], list[np.ndarray]]:
    """Return the times in seconds and the pictures of a clip, by PyAV alone."""
    times, found = [], []
    with av.open(str(path)) as container:
        for frame in container.decode(video=0):
            times.append(frame.pts * frame.time_base)
            found.append(frame.to_ndarray(format="rgb24"))
    return times, found


def sound_of(path: Path) -> list[tuple[Fraction, bytes]]:
    """Return times in seconds and bytes of all packets of sound."""
    with av.open(str(path)) as container:
        return [(p.pts * p.time_base, bytes(p)) for p in container.demux(audio=0) if p.size]


def length_of(path: Path) -> float:
    """Return the length that a clip states, in seconds."""
    with av.open(str(path)) as container:
        return container.duration / av.time_base
