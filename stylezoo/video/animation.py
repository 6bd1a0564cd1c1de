"""Read and write animated GIF, WebP and PNG with Pillow."""

from __future__ import annotations

import warnings
from array import array
from collections.abc import Generator, Iterable, Iterator, Sequence
from contextlib import ExitStack
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, UnidentifiedImageError

from stylezoo.errors import OptionError, VideoError
from stylezoo.images.pillow import LONGEST_SIDE, MOST
from stylezoo.video.clip import Clip, Colour, Frame, usual_matrix, with_durations
from stylezoo.video.parts import PartFile

FORMATS = {".gif": "GIF", ".webp": "WEBP", ".apng": "PNG", ".png": "PNG"}
UNSTATED = 100  # ms that viewers show a frame without a duration
GIF_STEP = 10  # ms: GIF stores hundredths of a second


def is_animation(path: Path) -> bool:
    """Whether Pillow, not FFmpeg, reads a file, still or animated."""
    try:
        with Image.open(path, formats=tuple(set(FORMATS.values()))):
            return True
    except (UnidentifiedImageError, OSError, ValueError, SyntaxError):
        return False
    except Image.DecompressionBombError as cause:
        raise VideoError(f"{path} is too large: {cause}: shrink it") from cause


class Animation(Clip):
    """An animation read by Pillow; see `Clip`. Its time unit is the millisecond."""

    time_base = Fraction(1, 1000)

    def __init__(self, path: Path) -> None:
        self.path = path
        self.metadata = {}
        self.start = 0
        times, clock = [], 0
        with Image.open(path) as image:
            self._kind = image.format
            self.width, self.height = image.size
            self.plays = self._plays(image)
            for picture, duration in self._walk(image):
                times.append(clock)
                clock += duration
                self.alpha = self.alpha or picture.has_transparency_data
        if len(times) == 1:
            raise VideoError(f"{self.name} is a still picture: use stylezoo stylize")
        self.times, self.end = array("q", times), clock
        self.rate = Fraction(len(times) * 1000, clock)
        self.colour = Colour(usual_matrix(self.width, self.height))

    def frames(self, start: int | None = None) -> Generator[Frame, None, None]:
        return with_durations(self._from(start or 0))

    def _from(self, start: int) -> Generator[Frame, None, None]:
        clock = 0
        with Image.open(self.path) as image:
            for picture, duration in self._walk(image):
                if clock >= start:
                    pixels = np.asarray(picture.convert("RGBA" if self.alpha else "RGB"))
                    yield Frame(pixels, clock, duration)
                clock += duration

    def _walk(self, image: Any) -> Iterator[tuple[Image.Image, int]]:
        for number in range(getattr(image, "n_frames", 1)):
            try:
                image.seek(number)
                image.load()
            except (EOFError, OSError, ValueError, SyntaxError) as cause:
                raise VideoError(
                    f"{self.name} is truncated or damaged at frame {number} ({cause}): download or save it again"
                ) from cause
            yield image, round(image.info.get("duration") or 0) or UNSTATED

    def _plays(self, image: Image.Image) -> int:
        loop = image.info.get("loop")
        if image.format == "GIF":  # stores repetitions, and omits the field for none
            return 1 if loop is None else loop and loop + 1
        return loop or 0


class Flipbook:
    """Writes stylized frames to an animation; see `stylezoo.video.parts.Sink`.

    Args:
        target: the file; its suffix sets the format.
        clip: the source; its timing and number of plays are kept.
        size: (height, width) of the frames.
        quality: quality of WebP, 1 to 100.
    """

    def __init__(self, target: Path, clip: Clip, size: tuple[int, int], quality: int | None) -> None:
        self.kind = FORMATS[target.suffix.lower()]
        if quality is not None and self.kind != "WEBP":
            raise OptionError(f"quality (--quality) is for WebP and video containers, not {self.kind}: leave it out")
        if quality is not None and not 1 <= quality <= 100:
            raise OptionError(f"quality={quality} must be from 1 to 100 for WebP")
        if max(size) > (longest := LONGEST_SIDE.get(self.kind, MOST)):
            raise OptionError(f"{self.kind} allows at most {longest} px a side, not {max(size)}: choose a smaller size")
        self.clip = clip
        self.quality = 80 if quality is None else quality
        self.choices = {"format": self.kind, "quality": self.quality}
        self.size = size
        self.sound, self.on_white = "none", False
        self.codec = self.kind.lower()

    def encode(self, frames: Iterable[Frame], path: Path) -> dict[str, Any]:
        """Write frames losslessly; return their times and durations in ms."""
        spans = []

        def pictures() -> Iterator[Image.Image]:
            for frame in frames:
                begin = frame.time * self.clip.time_base * 1000
                spans.append((float(begin), float(begin + frame.duration * self.clip.time_base * 1000)))
                yield Image.fromarray(frame.pixels)

        each = pictures()
        next(each).save(path, "TIFF", save_all=True, append_images=each, compression="tiff_adobe_deflate")
        return {"spans": spans}

    def join(self, parts: Sequence[PartFile], target: Path) -> None:
        """Write the animation; few frames are in memory at a time."""
        step = GIF_STEP if self.kind == "GIF" else 1
        spans = [span for _, said in parts for span in said["spans"]]
        # Round times, not durations, to keep the total length
        durations = [max(1, round(end / step) - round(begin / step)) * step for begin, end in spans]
        plays = self.clip.plays
        options: dict[str, Any] = {"duration": durations}
        if self.kind == "GIF":
            options |= {"loop": plays and plays - 1} if plays != 1 else {}
            options |= {"disposal": 2} if self.clip.alpha else {}
        else:
            options["loop"] = plays
        if self.kind == "WEBP":
            options |= {"quality": self.quality, "method": 4}
            # Whole frames: with frames cropped to their opaque part, the file would not declare alpha.
            options |= {"kmin": 1, "kmax": 1} if self.clip.alpha else {}
        with ExitStack() as open_files, warnings.catch_warnings():
            first, *rest = [open_files.enter_context(Image.open(path)) for path, _ in parts]
            first.save(target, self.kind, save_all=True, append_images=rest, **options)
