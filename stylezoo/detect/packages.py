"""Networks inside installed packages: only their ONNX file is used, the package is never imported."""

from __future__ import annotations

from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from stylezoo.errors import WeightsError
from stylezoo.runtime.graph import without_fields
from stylezoo.runtime.onnx import open_session

SHAPES = ((7, 11, 2, 1, 2), (7, 12, 2, 1, 2))
"""Where an ONNX file states the shapes of its inputs and outputs."""


def packaged(module: str, file: str) -> Path | None:
    """Return the path of a file in the package that has this module, or None if it is not installed."""
    spec = find_spec(module)
    path = Path(spec.origin).with_name(file) if spec and spec.origin else None
    return path if path and path.is_file() else None


@lru_cache(maxsize=4)
def open_network(path: Path) -> Any:
    """Return an onnxruntime session of the network, for inputs of any size whatever the file states.

    Raises:
        WeightsError: onnxruntime cannot open the file.
    """
    model = path.read_bytes()
    for shape in SHAPES:
        model = without_fields(model, shape)
    try:
        return open_session(model)
    except WeightsError as cause:
        raise WeightsError(f"onnxruntime cannot run {path}: install its package again") from cause
