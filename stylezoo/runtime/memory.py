"""Free memory, the memory that a picture needs, and memory to return. Imports no torch."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from stylezoo.runtime.base import Sizes

MOST = 3 * 2**30
"""Most bytes for a whole picture with tile="auto", however much memory is free."""
UNKNOWN = 4 * 2**30


def whole_bytes(sizes: Sizes, per_pixel: float) -> float:
    """Return about how many bytes a picture needs without tiles; `per_pixel` are those of the net."""
    photo, result, small = (height * width for height, width in (sizes.photo, sizes.result, sizes.small))
    # Float pixels of 12 bytes: the photo, the result and intermediate images.
    return 24 * photo + 60 * result + per_pixel * small


def free_memory() -> int:
    """Return how many bytes of RAM are available; a guess if unknown."""
    return min(_free_of_system(), *_free_of_groups(), 2**62)


def release_memory() -> None:
    """Return memory that this process has freed to the system.

    The C library of Linux (glibc) keeps freed blocks that lie between blocks in use, which may be most of a process.
    Elsewhere this does nothing.
    """
    import ctypes

    with suppress(AttributeError, OSError, TypeError):  # another C library; Windows
        ctypes.CDLL(None).malloc_trim(0)


def _free_of_system() -> int:
    with suppress(OSError, ValueError, IndexError):
        for line in Path("/proc/meminfo").read_text().splitlines():
            if line.startswith("MemAvailable:"):
                return int(line.split()[1]) * 1024
    if os.name == "nt":
        with suppress(Exception):
            return _free_of_windows()
    with suppress(OSError, ValueError, AttributeError):
        return (
            os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") // 2
        )  # macOS does not report free memory this way
    return UNKNOWN


def _free_of_windows() -> int:
    import ctypes

    class Status(ctypes.Structure):
        _fields_ = (
            ("length", ctypes.c_ulong),
            ("load", ctypes.c_ulong),
            *((name, ctypes.c_ulonglong) for name in ("total", "free", "t", "f", "tv", "fv", "ev")),
        )

    status = Status(length=ctypes.sizeof(Status))
    ctypes.windll.kernel32.GlobalMemoryStatusEx(ctypes.byref(status))  # type: ignore[attr-defined]  # not on Linux
    return int(status.free) or UNKNOWN


def _free_of_groups(root: Path = Path("/sys/fs/cgroup"), groups: Path = Path("/proc/self/cgroup")) -> Iterator[int]:
    """Yield the bytes left by the control groups of this process, which limit containers unlike /proc/meminfo."""
    with suppress(OSError):
        for line in groups.read_text().splitlines():
            _, controllers, path = line.split(":", 2)
            if controllers == "":
                top, limit, used = root, "memory.max", "memory.current"
            elif "memory" in controllers.split(","):
                top, limit, used = root / "memory", "memory.limit_in_bytes", "memory.usage_in_bytes"
            else:
                continue
            here = top / path.lstrip("/")
            for group in (here, *here.parents):  # in a container its group may be mounted at the top
                with suppress(OSError, ValueError):  # the top has no limit, and "max" means none
                    free = int((group / limit).read_text()) - int((group / used).read_text())
                    with suppress(OSError, StopIteration):  # cached files are freed on demand
                        lines = (group / "memory.stat").read_text().splitlines()
                        free += int(next(line for line in lines if line.startswith("inactive_file ")).split()[1])
                    yield max(0, free)
                if group == top:
                    break
