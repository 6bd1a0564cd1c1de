"""Check an installation: versions, extras, devices, and the results of every runtime."""

from __future__ import annotations

import platform
import sys
import time
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec

import numpy as np
from numpy.typing import NDArray

from stylezoo import __version__
from stylezoo.errors import EXTRAS, StyleZooError
from stylezoo.runtime.device import has_torch, stated_threads, usable_cores
from stylezoo.stylizer.engine import Backend
from stylezoo.stylizer.loading import load

BASE = ("numpy", "pillow", "onnxruntime", "safetensors", "huggingface-hub", "click", "pyyaml", "msgspec", "tqdm")
MODEL = "johnson/mosaic"
ALLOWED = {"cpu": 1, "cuda": 3, "mps": 3}
"""Allowed difference from the reference in levels of 255; GPUs may multiply at lower precision."""


@dataclass(frozen=True)
class Check:
    """One runtime on one device, on a test image.

    Attributes:
        runtime, device: what was tested.
        difference: largest difference from the reference, in levels of 255.
        milliseconds: time of the second pass.
        error: why it failed; "" on success.
    """

    runtime: str
    device: str
    difference: int = 0
    milliseconds: float = 0.0
    error: str = ""

    @property
    def ok(self) -> bool:
        return not self.error and self.difference <= ALLOWED.get(self.device.partition(":")[0], 3)


@dataclass(frozen=True)
class Report:
    """The result of `examine`.

    Attributes:
        versions: of stylezoo, Python and the packages of the base install, or "missing".
        machine: system, processor, usable cores, and OMP_NUM_THREADS.
        extras: extra -> its missing modules; empty if it is fully installed.
        checks: one per runtime and device; the first is the reference.
    """

    versions: dict[str, str]
    machine: dict[str, str | int | None]
    extras: dict[str, list[str]]
    checks: tuple[Check, ...]

    @property
    def ok(self) -> bool:
        return "missing" not in self.versions.values() and all(check.ok for check in self.checks)


def examine() -> Report:
    """Collect versions, extras and devices, and compare every runtime with onnxruntime on the CPU."""
    versions = {"stylezoo": __version__, "python": sys.version.split()[0]} | {name: _version(name) for name in BASE}
    if has_torch():
        versions["torch"] = _version("torch")
    machine: dict[str, str | int | None] = {
        "system": platform.platform(),
        "processor": platform.machine(),
        "cores": usable_cores(),
        "threads": stated_threads(),
    }
    extras = {extra: [name for name in names if find_spec(name) is None] for extra, names in EXTRAS.items()}
    return Report(versions, machine, extras, _checks())


def drawn_image(height: int = 240, width: int = 320) -> NDArray[np.uint8]:
    """Return a synthetic test image, HxWx3, with waves, an edge and a gradient."""
    y, x = np.mgrid[0 : 1 : height * 1j, 0 : 1 : width * 1j]
    waves = [np.sin(9 * (k + 1) * y + 2 * k) * np.cos(7 * (3 - k) * x) for k in range(3)]
    image = 0.5 + 0.3 * np.stack(waves, axis=-1) + 0.2 * (x > 0.5)[..., None] - 0.1 * y[..., None]
    levels: NDArray[np.uint8] = (image.clip(0, 1) * 255 + 0.5).astype(np.uint8)
    return levels


def _checks() -> tuple[Check, ...]:
    image = drawn_image()
    runtimes: list[tuple[Backend, str]] = [("onnx", "cpu"), *(("torch", device) for device in _torch_devices())]
    reference: NDArray[np.uint8] | None = None
    checks = []
    for runtime, device in runtimes:
        try:
            stylizer = load(MODEL, backend=runtime, device=device)
            stylizer.stylize(image)
            started = time.perf_counter()
            result = stylizer.stylize(image)
            seconds = time.perf_counter() - started
        except (StyleZooError, RuntimeError, ImportError) as cause:
            checks.append(Check(runtime, device, error=" ".join(str(cause).split())))
            continue
        reference = result if reference is None else reference
        difference = int(np.abs(result.astype(int) - reference).max())
        checks.append(Check(runtime, device, difference, round(1000 * seconds, 1)))
    return tuple(checks)


def _torch_devices() -> list[str]:
    if not has_torch():
        return []
    from stylezoo.torch_runtime.device import best_device

    best = str(best_device())
    return ["cpu"] if best == "cpu" else ["cpu", best]


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "missing"
