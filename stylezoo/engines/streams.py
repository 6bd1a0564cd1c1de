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
    from stylezoo.image.files import write_file
    from stylezoo.image.pillow import encode_picture, format_named

    if job.target:
        write_file(job.target, lambda kind: encode_picture(picture, kind, quality), overwrite=force, format=job.format)
    else:
        sys.stdout.buffer.write(encode_picture(picture, format_named(job.format, "cannot write to stdout"), quality))
