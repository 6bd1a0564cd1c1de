"""Read and write the pictures of a job, which may be stdin and stdout."""

from __future__ import annotations

import io
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from stylezoo.errors import ImageError
from stylezoo.stylizer.batch.job import Job

if TYPE_CHECKING:
    from PIL.Image import Image


MOST_PIXELS = 200_000_000


def open_stdin() -> Image:
    """Return the picture on stdin; raise ImageError if there is none."""
    from stylezoo.images.pillow import open_picture

    data = sys.stdin.buffer.read() if sys.stdin else b""
    if not data:
        raise ImageError("stdin is empty or closed: pipe a whole picture into it, such as a PNG or JPEG file")
    return open_picture(io.BytesIO(data), "the picture on stdin", MOST_PIXELS)


def check_fits(job: Job, photo: Path | Image, size: int | None) -> None:
    """Raise ImageError if a result of `size` px (None: that of the photo) is too large for the job's format."""
    from stylezoo.images.pillow import LONGEST_SIDE, format_named, longest_side

    kind = format_named(job.format, f"cannot write {job.output}")
    most = LONGEST_SIDE.get(kind)
    if most and (side := size or longest_side(photo)) > most:
        raise ImageError(
            f"cannot write {job.output}: {kind} allows at most {most} px a side, not {side}: "
            "choose another --format, or a smaller --size"
        )


def put(picture: Image, job: Job, *, quality: int, force: bool) -> None:
    """Write a picture to its job's target; raise ImageError if that fails."""
    from stylezoo.images.files import write_file
    from stylezoo.images.pillow import encode_picture, format_named

    if job.target:
        write_file(job.target, lambda kind: encode_picture(picture, kind, quality), overwrite=force, format=job.format)
    else:
        sys.stdout.buffer.write(encode_picture(picture, format_named(job.format, "cannot write to stdout"), quality))
