"""Masks of a clip: one picture for all frames, or one per frame."""

from __future__ import annotations

from collections.abc import Callable
from itertools import islice
from pathlib import Path
from typing import Any

from PIL import Image, UnidentifiedImageError

from stylezoo._files import sha256_of
from stylezoo.errors import OptionError
from stylezoo.images.folder import list_pictures
from stylezoo.images.io import read
from stylezoo.images.pillow import shown
from stylezoo.types import PathLike
from stylezoo.video.clip import open_clip


class Masks:
    """Where to stylize: white gives the style, black the photo.

    Args:
        path: a picture for all frames; or a clip or folder of pictures, sorted by name, with one per stylized frame.
        count: number of frames to stylize, as far as known.

    Attributes:
        identity: identifies the masks, so that a resumed run can check that they are the same.

    Raises:
        OptionError: the number of masks differs from the number of frames.
        ImageError, VideoError: they cannot be read.
    """

    def __init__(self, path: PathLike, count: int) -> None:
        self.path = Path(path)
        self._pictures: list[Path] = []
        self._still = _is_still(self.path)
        if self.path.is_dir():
            self._pictures = list_pictures(self.path)
            self._check(len(self._pictures), count)
            self.identity: Any = {p.name: sha256_of(p) for p in self._pictures}
            return
        if self._still:
            read(self.path)  # check it before anything is stylized
        else:
            self._check(len(open_clip(self.path).times), count)
        self.identity = sha256_of(self.path)

    def _check(self, found: int, count: int) -> None:
        if found != count:
            raise OptionError(
                f"{shown(self.path)} has {found} masks for {count} frames: give one per frame, or one picture for all"
            )

    def start(self, first: int) -> Callable[[int], Any]:
        """Return a function from frame numbers, which increase from `first`, to masks."""
        if self._pictures:
            return self._picture
        if self._still:
            return lambda number: self.path
        frames = (frame.pixels for frame in islice(open_clip(self.path).frames(), first, None))
        upcoming = enumerate(frames, first)
        held: list[Any] = [-1, None]

        def get(number: int) -> Any:
            while held[0] < number:
                held[:] = next(upcoming, (number, None))
            if held[1] is None:
                raise self._ended(number)
            return held[1]

        return get

    def _picture(self, number: int) -> Path:
        if number >= len(self._pictures):
            raise self._ended(number)
        return self._pictures[number]

    def _ended(self, number: int) -> OptionError:
        return OptionError(
            f"{shown(self.path)} has no mask for frame {number}: give one for each frame that is stylized"
        )


def _is_still(path: Path) -> bool:
    if path.is_dir():
        return False
    try:
        with Image.open(path) as image:
            return getattr(image, "n_frames", 1) == 1
    except FileNotFoundError:
        return True  # reading it then raises the error
    except (UnidentifiedImageError, OSError, ValueError, SyntaxError, EOFError):
        return False
