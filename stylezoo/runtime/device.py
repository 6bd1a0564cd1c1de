"""Which device computes, and with how many threads. Torch is asked only where it might know more than the CPU."""

from __future__ import annotations

import importlib.util
import os
import platform
from functools import lru_cache
from typing import TYPE_CHECKING

from stylezoo.errors import OptionError

if TYPE_CHECKING:
    import torch

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


def pick_device(device: str | torch.device) -> Device:
    """Return the device that `device` names, "auto" being the best there is.

    Raises:
        OptionError: unknown, not on this machine, or one that needs torch, which is not installed.
    """
    name = str(device).lower()
    if name == "cpu" or (name == "auto" and not (has_torch() and may_have_gpu())):
        return Device("cpu")
    if name != "auto":
        require_torch(f"device '{device}'")
    import torch

    if name == "auto":
        if torch.cuda.is_available():
            return Device("cuda")
        return Device("mps" if torch.backends.mps.is_available() else "cpu")
    try:
        picked = torch.device(name)
        torch.empty(0, device=picked)
    except (RuntimeError, AssertionError, NotImplementedError) as cause:
        raise OptionError(f"device '{device}' is not available on this machine: use auto or cpu") from cause
    return Device(picked)


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
