"""Nets on onnxruntime and the CPU, with numpy and without torch: what all families share."""

from __future__ import annotations

import copy
import threading
from collections.abc import Callable, Mapping
from typing import Any, ClassVar, Self

import numpy as np

from stylezoo.errors import WeightsError
from stylezoo.images.planes import pool
from stylezoo.runtime.base import Floats, NeedsTilesError, Runtime, Sizes
from stylezoo.runtime.device import INSTALL, has_torch, stated_threads
from stylezoo.runtime.layout import layout_of
from stylezoo.runtime.memory import MOST, free_memory, whole_bytes
from stylezoo.runtime.weights import Weights


class Session:
    """A graph with its weights, opened on the first call; thread-safe."""

    def __init__(self, write: Callable[[], bytes]) -> None:
        self._write = write
        self._session: Any = None
        self._lock = threading.Lock()

    def __call__(self, **inputs: Floats) -> list[Floats]:
        """Return the outputs."""
        results: list[Floats] = self.open().run(None, {k: np.ascontiguousarray(v) for k, v in inputs.items()})
        return results

    def open(self) -> Any:
        """Return the onnxruntime session."""
        with self._lock:
            if self._session is None:
                self._session = open_session(self._write())
            return self._session


def open_session(model: bytes) -> Any:
    """Return an onnxruntime session on the CPU; raise WeightsError if it cannot run the graph."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    options.intra_op_num_threads = stated_threads() or 0
    # Threads that spin while waiting for the next picture would slow down everything else.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    try:
        return onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
    except Exception as cause:  # onnxruntime has many error classes
        raise WeightsError(f"onnxruntime cannot run this model: {cause}; use backend='torch'") from cause


class OnnxRuntime(Runtime):
    """A net on onnxruntime.

    Args:
        weights: its weights.
        wrap: pad every convolution circularly instead of by reflection or zeros.
    """

    name: ClassVar[str] = "onnx"
    floats_per_pixel: float

    def __init__(self, weights: Weights, wrap: bool = False) -> None:
        self.weights, self.wrap = weights, wrap
        self._circular: OnnxRuntime | None = self if wrap else None

    @property
    def period(self) -> int:  # type: ignore[override]  # an attribute of the others
        return self.multiple

    def circular(self) -> OnnxRuntime:
        self._circular = self._circular or type(self)(self.weights, wrap=True)
        return self._circular

    def named_code(self, style: int) -> Floats:
        return self.weights.named_code(style)

    def tuned(self, **options: Any) -> Self:
        """Return this runtime with other `options` of its family."""
        other = copy.copy(self)
        other.tuning = options
        return other

    def fit(self, tile: Any, sizes: Sizes, code: Floats, count: int = 1) -> None:
        if tile is None:
            return
        if tile != "auto":
            raise NeedsTilesError(f"tile={tile} needs PyTorch, which is not installed: {INSTALL}; or leave tile out")
        needed = count * whole_bytes(sizes, round(16 * self.floats_per_pixel))
        free = free_memory()
        # Without torch there are no tiles to fall back on, so allow all memory but a reserve.
        limit = min(free // 2, MOST) if has_torch() else free * 4 // 5
        if needed > limit:
            height, width = sizes.result
            asked, there = (f"{size / 2**30:.1f} GB" for size in (needed, limit))
            raise NeedsTilesError(
                f"a result of {width}x{height} px takes about {asked} of memory, but {there} may be used: "
                f"install PyTorch for tiles ({INSTALL}), or reduce size"
            )

    def _each(self, x: Floats, code: Floats, run: Callable[[Floats, Floats], Floats]) -> Floats:
        """Call `run` for each picture with its own code, and concatenate the results."""
        return np.concatenate([run(x[i, None], code[i, None]) for i in range(len(x))])


def region_moments(features: Floats, regions: Floats) -> tuple[Floats, Floats]:
    """Return the means and variances of regions, (K, C) each, as `stylezoo.nn.stats.region_moments` does."""
    flat = features[0].reshape(features.shape[1], -1)
    shares = pool(regions, (features.shape[-2], features.shape[-1]))[0].reshape(regions.shape[1], -1)
    weights = shares / shares.sum(axis=1, keepdims=True).clip(np.float32(1e-12))
    mean: Floats = weights @ flat.T
    return mean, np.stack([np.square(flat - m[:, None]) @ w for m, w in zip(mean, weights, strict=True)])


def can_compute(family: str, arch: Mapping[str, Any]) -> bool:
    """Whether onnxruntime can run nets of this family and arch."""
    return layout_of(family).computes(arch)


def open_runtime(weights: Weights) -> OnnxRuntime:
    """Return the runtime of a net for which `can_compute` is true."""
    return layout_of(weights.family).open(weights)
