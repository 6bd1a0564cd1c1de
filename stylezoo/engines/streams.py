"""The ends of a job, which may be stdin and stdout."""

from __future__ import annotations

import io
import sys
from typing import TYPE_CHECKING

from stylezoo.engines.job import Job
from stylezoo.errors import ImageError

if TYPE_CHECKING:
    from PIL.Image import Image


def open_stdin() -> Image:
    """Return the picture on stdin. Raises ImageError if there is none."""
    import PIL.Image

    try:
        return PIL.Image.open(io.BytesIO(sys.stdin.buffer.read()))
    except (OSError, PIL.Image.DecompressionBombError) as cause:
        raise ImageError(
            "stdin is not a picture that Pillow can read: pipe a whole PNG or JPEG file into it"
        ) from cause


def put(picture: Image, job: Job, *, quality: int, force: bool) -> None:
    """Write a picture where its job wants it. Raises ImageError if that is not possible."""
    from stylezoo.image.io import encode, write

    if job.target:
        write(picture, job.target, overwrite=force, quality=quality, format=job.format)
    else:
        sys.stdout.buffer.write(encode(picture, job.format, quality))
