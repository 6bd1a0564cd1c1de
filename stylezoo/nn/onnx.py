"""Writing ONNX by torch's exporter, without what it says of itself."""

from __future__ import annotations

import contextlib
import importlib.util
import logging
import os
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from stylezoo.errors import OptionError


def to_onnx(program: nn.Module | torch.export.ExportedProgram, inputs: tuple[Tensor, ...] = (), **options: Any) -> Any:
    """Return what torch.onnx.export makes of a module or program, without the places in our source that it came from.

    Those would be most of a small file.
    """
    with torch.no_grad(), quietly():
        made = torch.onnx.export(program, inputs, dynamo=True, verbose=False, **options)
    assert made is not None
    model = made.model_proto
    for node in model.graph.node:
        del node.metadata_props[:]
        node.ClearField("doc_string")
    del model.graph.value_info[:]
    return model


def check_packages(*names: str, extra: str = "onnx") -> None:
    """Raise OptionError for the first package, of those in an extra, that is not installed."""
    for name in names:
        if importlib.util.find_spec(name) is None:
            raise OptionError(f"{name} is not installed: pip install 'stylezoo[{extra}]'")


@contextlib.contextmanager
def quietly() -> Iterator[None]:
    """Keep what exporters say of their own work to themselves: stdout is for data."""
    logger = logging.getLogger("onnxscript")
    level = logger.level
    with Path(os.devnull).open("w") as nowhere, contextlib.redirect_stdout(nowhere), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        logger.setLevel(logging.ERROR)
        try:
            yield
        finally:
            logger.setLevel(level)
