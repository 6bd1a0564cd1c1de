"""LiteRT files (.tflite): converted by onnx2tf, with weights of 16 or 8 bits, and run by ai-edge-litert."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from torch import nn

from stylezoo.errors import ExportError, OptionError
from stylezoo.export.program import Array
from stylezoo.nn.onnx import check_packages, to_onnx

MAGIC = b"TFL3"


def check_tools() -> None:
    """Raise OptionError where a package or the converter is missing."""
    check_packages("onnx", "onnxscript", "onnxruntime")
    check_packages("ai_edge_litert", extra="tflite")
    if shutil.which("onnx2tf") is None:
        raise OptionError(
            "the command onnx2tf is not on PATH: it pins many packages and needs Python 3.12; give it an environment "
            "of its own, by pipx install onnx2tf or uv tool install onnx2tf"
        )


def convert(module: nn.Module, example: Any, precision: str, folder: Path) -> list[Path]:
    """Write a module of fixed size as a .tflite file into a folder; return its path."""
    import onnxruntime
    import torch

    written, folded = folder / "net.onnx", folder / "folded.onnx"
    model = to_onnx(torch.export.export(module, (example,)), input_names=["image"], output_names=["stylized"])
    written.write_bytes(model.SerializeToString())
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_BASIC  # folds what is constant
    options.optimized_model_filepath = str(folded)
    onnxruntime.InferenceSession(str(written), options, providers=["CPUExecutionProvider"])
    run_tool([str(shutil.which("onnx2tf")), "-i", str(folded), "-o", str(folder / "out"), "-n", "-v", "error"])
    result = folder / "out" / "folded_float32.tflite"  # its float16 file has statistics in half precision too
    if not result.is_file():
        raise ExportError(
            "onnx2tf wrote no float32 file: its version may be another than the 2.6 that is known to work"
        )
    if precision != "fp32":
        result.write_bytes(store_weights(result.read_bytes(), precision))
    return [result]


def run_tool(words: list[str]) -> None:
    """Run a converter; raise ExportError with its last line if it fails."""
    done = subprocess.run(words, capture_output=True, text=True)
    if done.returncode:
        lines = (done.stderr.strip() or done.stdout.strip() or "no message").splitlines()
        raise ExportError(f"{Path(words[0]).name} failed: {lines[-1].strip()}")


def store_weights(model: bytes, precision: str) -> bytes:
    """Return a model whose kernels are stored in "fp16", or in "int8" with a scale for each output channel.

    An operator turns each back into float32 when the file is loaded, so that all sums, and with them the statistics
    of the norms, stay in float32.
    """
    import flatbuffers
    from ai_edge_litert import schema_py_generated as schema

    root = schema.ModelT.InitFromObj(schema.Model.GetRootAs(bytearray(model)))
    graph, kind = root.subgraphs[0], schema.BuiltinOperator
    code = schema.OperatorCodeT()
    code.builtinCode = code.deprecatedBuiltinCode = kind.DEQUANTIZE
    code.version = 3 if precision == "fp16" else 5  # 5: with a scale for each channel
    root.operatorCodes.append(code)
    added: dict[int, Any] = {}
    for operator in graph.operators:
        place = operator.inputs[1] if root.operatorCodes[operator.opcodeIndex].builtinCode == kind.CONV_2D else -1
        if place < 0 or place in added:
            continue
        kernels = graph.tensors[place]
        values = np.frombuffer(bytes(root.buffers[kernels.buffer].data), np.float32).reshape(kernels.shape)
        stored, buffer = schema.TensorT(), schema.BufferT()
        stored.shape, stored.name = list(kernels.shape), f"kernels{place}"
        fill(schema, stored, buffer, values, precision)
        root.buffers.append(buffer)
        stored.buffer, kernels.buffer = len(root.buffers) - 1, 0  # 0: computed
        graph.tensors.append(stored)
        operator = schema.OperatorT()
        operator.opcodeIndex, operator.inputs = len(root.operatorCodes) - 1, [len(graph.tensors) - 1]
        operator.outputs = [place]
        operator.builtinOptionsType = schema.BuiltinOptions.DequantizeOptions
        operator.builtinOptions = schema.DequantizeOptionsT()
        added[place] = operator
    graph.operators = [*added.values(), *graph.operators]
    used = {tensor.buffer for tensor in graph.tensors} | {entry.buffer for entry in root.metadata or ()}
    for number, buffer in enumerate(root.buffers):
        if number not in used:
            buffer.data = None  # the kernels in float32
    builder = flatbuffers.Builder(len(model))
    builder.Finish(root.Pack(builder), MAGIC)
    return bytes(builder.Output())


def fill(schema: Any, tensor: Any, buffer: Any, values: Array, precision: str) -> None:
    """Put kernels, (outputs, height, width, inputs), into a tensor and its buffer."""
    if precision == "fp16":
        tensor.type, data = schema.TensorType.FLOAT16, values.astype(np.float16)
    else:
        largest = np.abs(values).max(axis=(1, 2, 3), keepdims=True)
        scale = np.where(largest > 0, largest, 1) / 127
        tensor.type, data = schema.TensorType.INT8, np.round(values / scale).astype(np.int8)
        tensor.quantization = schema.QuantizationParametersT()
        tensor.quantization.scale = scale.ravel().astype(np.float32)
        tensor.quantization.zeroPoint = np.zeros(len(values), np.int64)
        tensor.quantization.quantizedDimension = 0
    buffer.data = np.frombuffer(data.tobytes(), np.uint8)


def open_runner(files: list[Path], threads: int) -> Callable[[dict[str, Array]], Array]:
    """Return a function that runs the file on {"image": (1, 3, H, W)}."""
    from ai_edge_litert.interpreter import Interpreter

    runtime = Interpreter(model_content=files[0].read_bytes(), num_threads=threads)
    runtime.allocate_tensors()
    (given,), (made,) = runtime.get_input_details(), runtime.get_output_details()
    if list(given["shape"]) != list(made["shape"]):
        shapes = " to ".join("x".join(map(str, put["shape"])) for put in (given, made))
        raise ExportError(f"onnx2tf misread the layout of this net ({shapes}): compact models, such as cin/16, convert")
    image, stylized = given["index"], made["index"]

    def run(feeds: dict[str, Array]) -> Array:
        runtime.set_tensor(image, np.ascontiguousarray(feeds["image"].transpose(0, 2, 3, 1)))
        runtime.invoke()
        found: Array = runtime.get_tensor(stylized).transpose(0, 3, 1, 2)
        return found

    return run
