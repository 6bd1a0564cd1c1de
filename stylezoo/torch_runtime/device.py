"""Which devices torch has."""

from __future__ import annotations

import torch

from stylezoo.errors import OptionError
from stylezoo.runtime.device import Device


def best_device() -> Device:
    """Return the best device there is."""
    if torch.cuda.is_available():
        return Device("cuda")
    return Device("mps" if torch.backends.mps.is_available() else "cpu")


def named_device(name: str) -> Device:
    """Return the device of that name; raise OptionError where it is unknown or not on this machine."""
    try:
        picked = torch.device(name)
        torch.empty(0, device=picked)
    except (RuntimeError, AssertionError, NotImplementedError) as cause:
        raise OptionError(f"device '{name}' is not available on this machine: use auto or cpu") from cause
    return Device(picked)
