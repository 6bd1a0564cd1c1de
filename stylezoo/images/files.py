"""Read and write picture files, atomically and with clear errors. Imports no torch."""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

from stylezoo._files import exists, replacing
from stylezoo.errors import ImageError, OptionError
from stylezoo.images.pillow import Array, decode_stream, format_named, format_of, shown
from stylezoo.types import Keep, PathLike


def read_file(path: PathLike, max_pixels: int, keep: Keep = "none") -> tuple[Array, str, dict[str, Any]]:
    """Return the pixels of a picture file (as `pillow.decode`), its name for messages, and its metadata.

    Raises:
        ImageError: the file cannot be read as a picture.
    """
    text = os.fsdecode(path)
    name = shown(text)
    if re.match(r"[A-Za-z][A-Za-z0-9+.-]+://", text):
        raise ImageError(f"{name} is a URL: download it first and pass the file's path")
    try:
        if Path(text).is_dir():
            raise ImageError(f"{name} is a folder: name one picture in it")
        with Path(text).open("rb") as file:
            array, _, info = decode_stream(file, name, max_pixels, keep)
            return array, name, info
    except FileNotFoundError as cause:
        if Path(text).is_symlink():
            raise ImageError(f"{name} is a link to {shown(os.path.realpath(text))}, which does not exist") from cause
        raise ImageError(f"{name} does not exist: check the path, relative to {shown(Path.cwd())}") from cause
    except PermissionError as cause:
        raise ImageError(f"no permission to read {name}: change its permissions, or copy it") from cause
    except (OSError, ValueError) as cause:  # ValueError: a NUL in the path
        raise ImageError(f"cannot open {name}: {getattr(cause, 'strerror', None) or cause}; check the path") from cause


def write_file(
    path: PathLike, encode: Callable[[str], bytes], *, overwrite: bool = False, format: str | None = None
) -> None:
    """Write the result of `encode`, called with Pillow's name of the format of `format` or the suffix.

    Raises:
        ImageError: `path` exists and `overwrite` is false, cannot be written, or has no known format.
    """
    path, name = Path(path), shown(path)
    kind = format_named(format, f"cannot write {name}") if format else format_of(path)
    if exists(path) and path.is_dir():
        raise ImageError(f"cannot write {name}: it is a folder; name a file in it")
    taken = f"{name} exists; pass overwrite=True (--force)"
    if not overwrite and os.path.lexists(path):
        raise ImageError(taken)
    data = encode(kind)
    try:
        with replacing(path, overwrite=overwrite) as temporary:
            temporary.write_bytes(data)
    except (OSError, ValueError) as cause:  # ValueError: a NUL in the path
        if isinstance(cause, FileExistsError) and os.path.lexists(path):  # another program made it in the meantime
            raise ImageError(taken) from cause
        reason = getattr(cause, "strerror", None) or cause
        raise ImageError(f"cannot write {name}: {reason}; write it elsewhere") from cause


def check_quality(quality: int) -> None:
    """Raise OptionError for a quality outside 1 to 100."""
    if not 1 <= quality <= 100:
        raise OptionError(f"quality={quality} must be between 1 and 100")
