"""Writing files so that nothing is lost: a temporary name first, then a rename."""

from __future__ import annotations

import errno
import hashlib
import os
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from stylezoo.errors import OptionError
from stylezoo.types import PathLike

LOCK = ".stylezoo.lock"
"""File name of the lock in a folder that one process writes."""
LONGEST_STEM, LONGEST_SUFFIX = 40, 20  # characters of a temporary name: 255 bytes hold it in any script


@contextmanager
def replacing(target: PathLike, *, overwrite: bool = True) -> Iterator[Path]:
    """Yield a temporary path next to `target`; rename it to `target` on success, remove it on failure.

    Raises FileExistsError if `overwrite` is false and there is a `target` by then, which is left as it is.

    A reader therefore sees the old file or the new one, whole, whenever the process is killed.
    Missing parent folders are made. The temporary name keeps the suffix, which tells encoders the format.
    A link stays one: the file that it names is replaced. A device or pipe stays too: it is written into.
    """
    target = Path(target)
    target = real_path(target) if target.is_symlink() else target
    special = target.exists() and not target.is_file() and not target.is_dir()
    target.parent.mkdir(parents=True, exist_ok=True)
    suffix = target.suffix if len(target.suffix) <= LONGEST_SUFFIX else ""
    place = tempfile.gettempdir() if special else target.parent
    handle, name = tempfile.mkstemp(prefix=f".{target.stem[:LONGEST_STEM]}-", suffix=suffix, dir=place)
    os.close(handle)
    temporary = Path(name)
    try:
        yield temporary
        if special:
            with temporary.open("rb") as made, target.open("wb") as pipe:
                shutil.copyfileobj(made, pipe)
            return
        umask = os.umask(0)
        os.umask(umask)
        temporary.chmod(0o666 & ~umask)  # mkstemp makes files private; a result should be as readable as any other
        with temporary.open("rb") as file:
            os.fsync(file.fileno())
        if overwrite:
            temporary.replace(target)
        else:
            _rename_to_new(temporary, target)
    finally:
        temporary.unlink(missing_ok=True)


def _rename_to_new(temporary: Path, target: Path) -> None:
    """Give a file its final name in one step, unless there is a file of that name."""
    with suppress(OSError):  # a disk without hard links, or a file of that name
        os.link(temporary, target)
        return
    if os.path.lexists(target):
        raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), str(target))
    temporary.replace(target)


def lock(path: PathLike, what: str, option: str = "--output") -> Callable[[], None]:
    """Take a lock file; return what gives it back, as the end of the process does, however it ends.

    Raises OptionError where another process, or another job of this one, has it, or where it cannot be made; `what` is
    what it writes, and `option` is that by which another is chosen.
    """
    from filelock import FileLock, Timeout  # 10 ms that most commands need not spend

    path = Path(path)
    held = FileLock(path, thread_local=False)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        held.acquire(blocking=False)
    except Timeout as cause:
        raise OptionError(
            f"{what} is being written by another process: wait for it to finish, or choose another {option}"
        ) from cause
    except OSError as cause:  # Timeout is one
        reason = cause.strerror or cause
        raise OptionError(f"cannot write {what}: no lock at {path} ({reason}); choose another {option}") from cause

    def release() -> None:
        with suppress(OSError):  # Windows removes no open file; others see that what they locked is gone, and try again
            path.unlink(missing_ok=True)
        held.release()

    return release


def exists(path: Path) -> bool:
    """Whether there is such a file or folder; one with a name that is too long there is not."""
    with suppress(OSError):
        return path.exists()
    return False


def real_path(path: PathLike) -> Path:
    """Return the absolute path without links; unlike `Path.resolve` also of links that lead nowhere but in a circle."""
    return Path(os.path.realpath(path))


def shows(progress: bool) -> bool:
    """Whether a bar is to be shown that was asked for: not where there is no stderr, as under pythonw."""
    return progress and sys.stderr is not None


def sha256_of(path: PathLike) -> str:
    """Return the SHA-256 of a file's bytes in hexadecimal."""
    with Path(path).open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
