"""Core ML packages (.mlpackage), for iPhones and Macs: written by coremltools on any system, run on macOS alone."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from torch import nn

from stylezoo.export.program import Array
from stylezoo.nn.onnx import check_packages

RUNS_HERE = sys.platform == "darwin"


def check_tools() -> None:
    """Raise OptionError where coremltools is missing."""
    check_packages("coremltools", extra="coreml")


def convert(module: nn.Module, example: Any, precision: str, folder: Path) -> list[Path]:
    """Write a module of fixed size as an ML program for iOS 16 and macOS 13; return the path of the package."""
    import coremltools
    import torch

    # Norms keep float32 also where all else is computed in half precision.
    half = coremltools.transform.FP16ComputePrecision(
        op_selector=lambda operation: operation.op_type != "instance_norm"
    )
    frozen = torch.jit.freeze(torch.jit.trace(module, example, check_trace=False))  # folds what is constant
    model = coremltools.convert(
        frozen,
        inputs=[coremltools.TensorType(name="image", shape=tuple(example.shape))],
        outputs=[coremltools.TensorType(name="stylized")],
        convert_to="mlprogram",
        minimum_deployment_target=coremltools.target.iOS16,
        compute_precision=half if precision == "fp16" else coremltools.precision.FLOAT32,
        skip_model_load=True,
    )
    if precision == "int8":
        optimize = coremltools.optimize.coreml
        how = optimize.OpLinearQuantizerConfig(mode="linear_symmetric", weight_threshold=0)
        model = optimize.linear_quantize_weights(model, optimize.OptimizationConfig(op_type_configs={"conv": how}))
    package = folder / "net.mlpackage"
    model.save(str(package))
    return [package]


def open_runner(files: list[Path], threads: int) -> Callable[[dict[str, Array]], Array]:
    """Return a function that runs the package on {"image": (1, 3, H, W)}; on macOS."""
    import coremltools

    model = coremltools.models.MLModel(str(files[0]))

    def run(feeds: dict[str, Array]) -> Array:
        stylized: Array = model.predict(feeds)["stylized"]
        return stylized

    return run
