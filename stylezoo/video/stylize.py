"""Stylize a clip."""

from __future__ import annotations

import hashlib
import time
import warnings
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from itertools import chain, islice
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from stylezoo import __version__
from stylezoo._files import sha256_of, shows
from stylezoo.errors import OptionError, VideoError
from stylezoo.images.sizes import fit_long_side
from stylezoo.runtime.base import StyleCode
from stylezoo.runtime.options import StylizeOptions, take_options
from stylezoo.runtime.steady import STEADY, Steadiness
from stylezoo.stylizer.loading import load
from stylezoo.stylizer.stylizer import Stylizer
from stylezoo.types import PathLike, StyleLike
from stylezoo.video.animation import FORMATS, Flipbook
from stylezoo.video.clip import Clip, Frame, check_av, open_clip
from stylezoo.video.flow import FlowBlend
from stylezoo.video.frames import ClipStylizer
from stylezoo.video.keyframes import Course, Keyframe, read_keyframes
from stylezoo.video.masks import Masks
from stylezoo.video.parts import PART, Parts, Sink
from stylezoo.video.prefetch import prefetch


@dataclass(frozen=True)
class Facts:
    """Facts about a stylized clip.

    Attributes:
        output, model: the file and the model.
        width, height: size of the frames in px.
        frames: number of frames.
        duration: length in s.
        codec: the video codec, by FFmpeg's or Pillow's name.
        sound: "copy", the name of the encoder that re-encoded it, or "none".
        resumed: number of frames kept from an earlier run.
        seconds: time taken.
    """

    output: str
    model: str
    width: int
    height: int
    frames: int
    duration: float
    codec: str
    sound: str
    resumed: int
    seconds: float


def stylize_video(
    source: PathLike,
    target: PathLike,
    model: PathLike | Stylizer = "cin/16",
    style: StyleLike = None,
    *,
    keyframes: str | Sequence[tuple[Any, StyleLike]] | None = None,
    mask: PathLike | None = None,
    start: float = 0.0,
    duration: float | None = None,
    sound: bool = True,
    codec: str | None = None,
    quality: int | None = None,
    steady: float = STEADY,
    flow: bool = False,
    overwrite: bool = False,
    progress: bool = False,
    **options: Any,
) -> Facts:
    """Stylize a clip and keep its timing, sound and metadata; few frames are in memory at a time.

    Finished frames are kept next to the target, in `target`.parts, until all are done. To resume after an interruption,
    make the same call again; the result is that of an uninterrupted run.

    Args:
        source: any container that FFmpeg reads, or an animated GIF, WebP or PNG.
        target: its suffix sets the container: .mp4, .mov, .mkv, .webm and others, .gif, .webp, .apng or .png.
        model: a name for `load`, or a `Stylizer`.
        style: see `Stylizer.encode_style`; it is encoded once.
        keyframes: styles at times instead of one style, see `read_keyframes`; codes are interpolated linearly.
        mask: where to stylize: a picture of the clip's size for all frames, or a clip or folder of pictures with one
            per stylized frame.
        start, duration: the range to stylize, in seconds.
        sound: keep the sound; it is re-encoded if the target's container does not support its codec.
        codec: h264 (the default if the container supports it), hevc, av1, vp9, prores, ffv1, mjpeg, mpeg4, or an FFmpeg
            encoder.
        quality: for h264 and hevc (0 to 51, default 18 and 20), av1 and vp9 (0 to 63, 28) the constant rate factor, for
            mpeg4 the quantiser (1 to 31, 3): lower is better. For WebP 1 to 100 (80): higher is better.
        steady: see `Stylizer.stylize_frames`.
        flow: blend each frame with the previous one, warped by optical flow; needs OpenCV, and takes about as long as a
            fast net.
        overwrite: replace an existing target.
        progress: show a progress bar on stderr, with frames per second and the time left.
        options: options of `Stylizer.stylize_frames`: size, strength, stroke, preserve_color, style_size and others.

    Raises:
        VideoError: the clip is damaged, empty, truncated or has no pictures, or the target cannot be written.
        ImageError, StyleError, OptionError: another argument is invalid.
    """
    began = time.monotonic()
    source, target = Path(source), Path(target)
    _check_target(source, target, overwrite)
    marks = _read_marks(keyframes, style)
    memory, blend = Steadiness(steady), FlowBlend() if flow else None
    clip = open_clip(source)
    span = clip.span(start, duration)
    clip.check_whole(span[1])
    total = clip.count(*span)
    masks = None if mask is None else Masks(mask, total)
    chosen, tuning = _read_options(options)
    sink = _open_sink(target, clip, chosen, span, sound, codec, quality)

    stylizer = model if isinstance(model, Stylizer) else load(model)
    encode = _encoder(stylizer, {"style_size": chosen.style_size} | tuning)
    course = Course(marks, encode, clip.rate) if marks else Course.of(encode(style))
    key = {
        "stylezoo": __version__,
        "source": sha256_of(source),
        "weights": stylizer.weights_sha256,
        "style": _hash(code.values for code in course.codes),
        "keyframes": [[str(mark.at), mark.seconds] for mark in marks or ()],
        "mask": masks and masks.identity,
        "start and duration": [start, duration],
        "options": chosen.as_dict() | {name: repr(value) for name, value in sorted(tuning.items())},
        "steady": steady,
        "flow": flow,
        "output": sink.choices,
    }
    # Models that optimise take minutes per frame
    parts = Parts(target, key, 1 if stylizer.spec.weightless else PART)
    if parts.changed:
        _warn(f"{target.name} is stylized from its start, as this is not as before: {', '.join(parts.changed)}")
    resumed = parts.frames
    stylizing = ClipStylizer(stylizer, clip, span, course, masks, memory, blend, options)
    _stylize_one(stylizing, parts, sink, clip, total, overwrite, progress)
    if clip.damaged:
        _warn(f"{clip.damaged} damaged packets of {clip.name} were left out")
    length = float((parts.done[-1].end - parts.done[0].time) * clip.time_base)
    made = str(target), stylizer.spec.name, sink.size[1], sink.size[0], parts.frames, round(length, 3)
    return Facts(*made, sink.codec, sink.sound, resumed, round(time.monotonic() - began, 3))


def _read_options(options: dict[str, Any]) -> tuple[StylizeOptions, dict[str, Any]]:
    chosen, tuning = take_options({"tile": None} | options)
    if chosen.content_map is not None or chosen.style_map is not None:
        raise OptionError(
            "content_map and style_map are for pictures: the regions would stay where they are while the clip moves; "
            "use mask (--mask) with a mask for each frame"
        )
    return chosen, tuning


def _encoder(stylizer: Stylizer, options: dict[str, Any]) -> Callable[[StyleLike], StyleCode]:
    return lambda style: stylizer.encode_style(style, **options)


def _read_marks(keyframes: str | Sequence[tuple[Any, StyleLike]] | None, style: StyleLike) -> list[Keyframe] | None:
    if keyframes is None:
        return None
    if style is not None:
        raise OptionError("style and keyframes exclude each other: leave style out")
    return read_keyframes(keyframes)


def _stylize_one(
    stylizing: ClipStylizer, parts: Parts, sink: Sink, clip: Clip, total: int | None, overwrite: bool, progress: bool
) -> None:
    """Stylize the missing parts, and join all parts."""
    try:
        _check_target(clip.path, parts.target, overwrite)  # again, since another process may have made it
        if not parts.whole:
            stylized = stylizing.frames(parts)
            with (
                closing(prefetch(stylized)) as frames,
                # rate and time left are those of this run
                tqdm(total=total, initial=parts.frames, unit="frame", disable=not shows(progress), leave=False) as bar,
            ):
                while not parts.whole and (head := next(frames, None)):
                    chunk = _reported(chain([head], islice(frames, parts.size - 1)), bar.update)
                    parts.add(sink, chunk, stylizing.state_behind)
        if not parts.frames:
            raise VideoError(f"{clip.name} has no frames in that range: choose another start and duration")
        parts.join(sink, overwrite=overwrite)
    except FileExistsError as cause:
        raise VideoError(
            f"'{parts.target}' was made by another program: remove it, or pass overwrite=True (--force), and run the "
            "same command to write the clip from its finished parts"
        ) from cause
    except OSError as cause:
        raise VideoError(
            f"cannot write {parts.target}: {cause.strerror or cause}; fix that, and run the same command to continue "
            f"from frame {parts.frames}"
        ) from cause
    finally:
        if not parts.frames and parts.folder.exists():
            parts.remove()
        parts.release()


def _reported(frames: Iterable[Frame], tell: Callable[[], Any]) -> Iterator[Frame]:
    for frame in frames:
        yield frame
        tell()


def _check_target(source: Path, target: Path, overwrite: bool) -> None:
    if target.is_dir():
        raise VideoError(f"'{target}' is a folder: name the file to write")
    if target.exists() and not target.is_file():
        raise VideoError(f"'{target}' is a device or pipe, to which no clip can be written: name a file")
    if target.exists() and source.exists() and target.samefile(source):
        raise VideoError(f"'{target}' is the input and is never overwritten: choose another name")
    if target.exists() and not overwrite:
        raise VideoError(f"'{target}' exists: pass --force (overwrite=True) to overwrite it, or choose another name")
    blocked = next((p for p in target.parents if p.exists()), None)
    if blocked and not blocked.is_dir():
        raise VideoError(f"cannot write '{target}': '{blocked}' is not a folder")


def _open_sink(
    target: Path,
    clip: Clip,
    chosen: StylizeOptions,
    span: tuple[int, int | None],
    sound: bool,
    codec: str | None,
    quality: int | None,
) -> Sink:
    """Return the sink for the target; warn about anything in the clip that it cannot store."""
    size = (clip.height, clip.width) if chosen.size is None else fit_long_side(clip.height, clip.width, chosen.size)
    sink: Sink
    if target.suffix.lower() in FORMATS:
        if codec:
            raise OptionError(f"codec '{codec}' (--codec) is for video containers, not {target.suffix}: leave it out")
        sink = Flipbook(target, clip, size, quality)
    else:
        check_av()
        from stylezoo.video.film import Film

        keep = chosen.metadata
        sink = Film(target, clip, size, span, sound=sound, codec=codec, quality=quality, metadata=keep)
        if sink.steady and clip.uneven:
            what = f"{target.suffix} with {sink.codec}"
            _warn(f"{what} shows all frames equally long, unlike {clip.name}; .mp4 keeps their times")
    kind = target.suffix
    if sink.size != size:
        (height, width), (high, wide) = sink.size, size
        _warn(f"{sink.codec} takes even sizes: the frames have {width}x{height} px, not {wide}x{high}")
    if sound and clip.tracks:
        names = ", ".join(clip.tracks)
        if sink.sound == "none":
            _warn(f"{kind} takes no such sound ({names}): it is left out")
        elif sink.sound != "copy":
            _warn(f"{kind} takes no such sound ({names}): it is encoded again by {sink.sound}, in stereo at most")
    if clip.subtitles:
        _warn(f"the {clip.subtitles} tracks of subtitles of {clip.name} are left out")
    if clip.hdr:
        _warn(f"{clip.name} is HDR ({clip.hdr}): it is tone-mapped to BT.709")
    if clip.interlaced:
        _warn(f"{clip.name} is interlaced: moving edges are stylized as combs; deinterlace it first")
    if clip.alpha and sink.on_white:
        _warn(f"{kind} with {sink.codec} has no transparency: {clip.name} is put on white; .webm and .webp keep it")
    return sink


def _hash(arrays: Iterable[NDArray[Any]]) -> str:
    digest = hashlib.sha256()
    for array in arrays:
        digest.update(np.ascontiguousarray(array).tobytes())
    return digest.hexdigest()


def _warn(message: str) -> None:
    warnings.warn(message, UserWarning, stacklevel=3)
