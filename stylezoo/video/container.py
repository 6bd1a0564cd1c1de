"""Containers of video files, by the suffix of their name."""

from __future__ import annotations

import io
from contextlib import suppress
from pathlib import Path
from typing import Any

import av
import msgspec
from av.container import OutputContainer

from stylezoo.errors import VideoError

# PyAV keeps the bytes of texts that are not UTF-8; before version 19 only if asked to, and otherwise refuses the clip.
KEEP_BYTES: dict[str, Any] = {} if int(av.__version__.split(".")[0]) >= 19 else {"metadata_errors": "surrogateescape"}


class Container(msgspec.Struct, frozen=True):
    """A container: FFmpeg's name, its default codec, and FFmpeg's flags."""

    name: str
    default: str
    flags: int


def container_format(target: Path) -> Container:
    """Return the container for a suffix; raise VideoError if it is not a video format."""
    room = io.BytesIO()
    room.name = target.name
    remedy = "end the name in .mp4, .mov, .mkv or .webm, or in .gif, .webp or .apng"
    try:
        out = av.open(room, "w")
    except ValueError as cause:
        what = (
            f"no container has the suffix '{target.suffix}'"
            if target.suffix
            else "it has no suffix to tell a container"
        )
        raise VideoError(f"cannot write {target.name}: {what}; {remedy}") from cause
    form = out.format
    close(out)
    single = not form.no_file and form.name not in ("image2", "gif", "apng", "webp", "mp3", "segment", "yuv4mpegpipe")
    if not single or out.default_video_codec == "none":
        raise VideoError(f"cannot write {target.name}: '{target.suffix}' is not a video format; {remedy}")
    return Container(form.name, out.default_video_codec, int(form.flags))


def close(out: OutputContainer) -> None:
    """Close a container that may be incomplete."""
    with suppress(av.FFmpegError, ValueError):
        out.close()
