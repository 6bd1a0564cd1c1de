"""Which device computes, and with how many threads. No torch."""

from __future__ import annotations

import importlib.util
import os
import platform
from functools import lru_cache

from stylezoo.errors import OptionError

INSTALL = "pip install 'stylezoo[train]'"
"""The command that installs torch."""


class Device(str):
    """A device as torch writes it, such as "cpu" or "cuda:1"; tensors and nets take it in place of a torch.device."""

    __slots__ = ()

    @property
    def type(self) -> str:
        """ "cpu", "cuda", "mps" or another kind that torch knows."""
        return self.partition(":")[0]


@lru_cache(maxsize=1)
def has_torch() -> bool:
    """Return whether torch is installed; it is not imported."""
    return importlib.util.find_spec("torch") is not None


def require_torch(what: str) -> None:
    """Raise OptionError, with the install command, where torch is not installed. `what` needs it."""
    if not has_torch():
        raise OptionError(f"{what} needs PyTorch, which is not installed: {INSTALL}")


def may_have_gpu() -> bool:
    """Return whether there might be a GPU that torch could use, without importing torch."""
    if platform.system() == "Windows":
        root = os.environ.get("SYSTEMROOT", r"C:\Windows")
        return os.path.exists(os.path.join(root, "System32", "nvcuda.dll"))  # noqa: PTH110, PTH118 - quick
    apple = platform.system() == "Darwin" and platform.machine() == "arm64"
    return apple or any(os.path.exists(f"/dev/{name}") for name in ("nvidiactl", "kfd", "dxg"))  # noqa: PTH110


def stated_threads() -> int | None:
    """Return what OMP_NUM_THREADS says, if it says a number."""
    text = os.environ.get("OMP_NUM_THREADS", "")
    return int(text) if text.isdecimal() and int(text) else None


def usable_cores() -> int:
    """Return how many cores this process may use."""
    if hasattr(os, "sched_getaffinity"):  # not on macOS and Windows
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
