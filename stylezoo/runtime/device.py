"""Devices and threads. Imports no torch."""

from __future__ import annotations

import importlib.util
import os
import platform
from functools import lru_cache

from stylezoo.errors import OptionError

INSTALL = "pip install 'stylezoo[train]'"
"""The command that installs torch."""


class Device(str):
    """A device as torch writes it, such as "cpu" or "cuda:1"; torch accepts it instead of a torch.device."""

    __slots__ = ()

    @property
    def type(self) -> str:
        """ "cpu", "cuda", "mps" or another device type of torch."""
        return self.partition(":")[0]


@lru_cache(maxsize=1)
def has_torch() -> bool:
    """Whether torch is installed; does not import it."""
    return importlib.util.find_spec("torch") is not None


def require_torch(what: str) -> None:
    """Raise OptionError with the install command if torch, which `what` needs, is not installed."""
    if not has_torch():
        raise OptionError(f"{what} needs PyTorch, which is not installed: {INSTALL}")


def may_have_gpu() -> bool:
    """Whether there might be a GPU that torch supports; does not import torch."""
    if platform.system() == "Windows":
        root = os.environ.get("SYSTEMROOT", r"C:\Windows")
        return os.path.exists(os.path.join(root, "System32", "nvcuda.dll"))  # noqa: PTH110, PTH118 - quick
    apple = platform.system() == "Darwin" and platform.machine() == "arm64"
    return apple or any(os.path.exists(f"/dev/{name}") for name in ("nvidiactl", "kfd", "dxg"))  # noqa: PTH110


def stated_threads() -> int | None:
    """Return OMP_NUM_THREADS if it is a number."""
    text = os.environ.get("OMP_NUM_THREADS", "")
    return int(text) if text.isdecimal() and int(text) else None


def usable_cores() -> int:
    """Return the number of cores this process may use."""
    if hasattr(os, "sched_getaffinity"):  # not on macOS and Windows
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
