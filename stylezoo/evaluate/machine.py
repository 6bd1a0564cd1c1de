"""The machine that computed a figure."""

from __future__ import annotations

import os
import platform

import torch


def machine_name(device: str) -> str:
    """Return a short description of the machine, for a device type."""
    if device == "cuda":
        return torch.cuda.get_device_name()
    return f"{platform.machine()} CPU, {os.cpu_count()} cores" if device == "cpu" else device
