"""Uploaded pictures: open them safely, and make previews."""

from __future__ import annotations

import base64
import binascii
import io
import threading
from collections import OrderedDict
from pathlib import Path

import numpy as np
from PIL import Image, UnidentifiedImageError

from stylezoo.demo.settings import Settings
from stylezoo.errors import ImageError
from stylezoo.images.pillow import decode, encode_picture

Image.init()
FORMATS = tuple(kind for kind in ("JPEG", "PNG", "WEBP", "GIF", "BMP", "TIFF", "AVIF") if kind in Image.OPEN)
"""Accepted formats: none that runs another program or reads another file."""

PREVIEW = 1024
"""Long side in px of previews."""

KEPT = 32  # previews, of some 3 MB each
NAME = "the picture"
NO_PICTURE = "This file cannot be read as a picture: save it as JPEG, PNG or WebP."
TOO_MANY = "This picture has far too many pixels: shrink it first."


def open_picture(source: Path | bytes, settings: Settings) -> Image.Image:
    """Open an uploaded file, decoding only its header.

    Raises:
        ImageError: it is too large, in bytes or in pixels, or not a picture in one of FORMATS.
    """
    data = source if isinstance(source, bytes) else _read(source, settings)
    try:
        image = Image.open(io.BytesIO(data), formats=FORMATS)
    except UnidentifiedImageError as cause:
        raise ImageError(NO_PICTURE) from cause
    except Image.DecompressionBombError as cause:
        raise ImageError(TOO_MANY) from cause
    except Exception as cause:  # Pillow's plugins raise nearly any error
        raise ImageError("This picture is truncated or damaged: save it again as JPEG or PNG.") from cause
    if image.width * image.height > settings.max_pixels:
        what = f"{image.width:,} x {image.height:,} pixels"
        raise ImageError(f"This picture has {what}, but at most {settings.max_pixels:,} are allowed: shrink it first.")
    image.filename = NAME  # its name in messages
    return image


def _read(path: Path, settings: Settings) -> bytes:
    try:
        size = path.stat().st_size
        if size > settings.max_bytes:
            raise ImageError(f"This file is too large: {size / 1e6:.0f} MB, limit {settings.max_bytes / 1e6:.0f} MB.")
        return path.read_bytes()
    except OSError as cause:
        raise ImageError("The picture is no longer available: choose it again.") from cause


def shrink(image: Image.Image, size: int) -> Image.Image:
    """Return an upright RGB or RGBA picture in sRGB with a long side of at most `size` px."""
    image.draft("RGB", (2 * size, 2 * size))  # JPEG decodes faster at a reduced size
    array = decode(image, NAME)
    if array.dtype != np.uint8:
        array = (array * 255 + 0.5).astype(np.uint8)
    picture = Image.fromarray(array[..., 0] if array.ndim == 3 and array.shape[2] == 1 else array)
    picture = picture.convert("RGBA" if picture.mode in {"LA", "RGBA"} else "RGB")
    picture.thumbnail((size, size), Image.Resampling.LANCZOS)
    return picture


class Previews:
    """A cache of the latest uploads at preview size, so that moving a slider does not decode the photo again."""

    def __init__(self, settings: Settings) -> None:
        self._settings, self._kept, self._lock = (
            settings,
            OrderedDict[tuple[Path, int], Image.Image](),
            threading.Lock(),
        )

    def get(self, path: Path, size: int = PREVIEW) -> Image.Image:
        """Return an upload, shrunk by `shrink`; raise ImageError if it cannot be read."""
        with self._lock:
            if found := self._kept.get((path, size)):
                self._kept.move_to_end((path, size))
                return found
        picture = shrink(open_picture(path, self._settings), size)
        with self._lock:
            self._kept[path, size] = picture
            while len(self._kept) > KEPT:
                self._kept.popitem(last=False)
        return picture


def data_url(picture: Image.Image, quality: int = 88) -> str:
    """Return a picture as a JPEG data URL, over white."""
    data = encode_picture(
        picture.convert("RGBA") if picture.mode == "RGBA" else picture.convert("RGB"), "JPEG", quality
    )
    return f"data:image/jpeg;base64,{base64.b64encode(data).decode()}"


def from_data_url(text: object, settings: Settings) -> Image.Image:
    """Return the picture of a data URL, see `open_picture`; raise ImageError if it is invalid."""
    if not isinstance(text, str) or not text.startswith("data:image/") or ";base64," not in text[:64]:
        raise ImageError("The page did not send a picture: reload it.")
    try:
        data = base64.b64decode(text.partition(",")[2], validate=True)
    except (binascii.Error, ValueError) as cause:
        raise ImageError("The page sent a damaged picture: reload it.") from cause
    return open_picture(data, settings)
