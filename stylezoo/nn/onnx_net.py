"""Feed-forward nets in ONNX files as torch modules: any size, any number of pictures, on any device.

A file's sizes, as its converter fixed them, are not kept to. Of 8-bit nets the weights are those of the file;
activations are clipped to the range that their 8 bits have, and not rounded within it.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from stylezoo.errors import WeightsError

Attributes = dict[str, Any]


class OnnxNet(nn.Module):
    """The graph of an ONNX file, computed node by node in float32.

    Args:
        path: the file.

    Attributes:
        inputs: the names of what it takes, in order.

    Raises:
        WeightsError: the package onnx is missing, the file is damaged, or it has a node that is not known here.
    """

    def __init__(self, path: Path) -> None:
        super().__init__()
        try:
            import onnx
            from onnx.numpy_helper import to_array
        except ImportError as cause:
            raise WeightsError(f"{path} is an ONNX file: pip install 'stylezoo[onnx]' to read it") from cause
        try:
            graph = onnx.load(str(path), format="protobuf", load_external_data=False).graph
        except Exception as cause:  # of the protobuf library, of which there are several
            raise WeightsError(f"{path} is damaged or not an ONNX file: copy or download it again") from cause
        constants = {tensor.name: to_array(tensor) for tensor in graph.initializer}
        self.inputs = [value.name for value in graph.input if value.name not in constants]
        self._output = graph.output[0].name
        self._steps: list[tuple[Callable[..., Tensor], list[str | None], Attributes, str]] = []
        for node in graph.node:
            attributes = {a.name: onnx.helper.get_attribute_value(a) for a in node.attribute}
            if node.op_type == "Constant":
                constants[node.output[0]] = to_array(attributes["value"])
            elif node.op_type == "DequantizeLinear" and node.input[0] in constants:
                constants[node.output[0]] = _dequantized([constants[n] for n in node.input], **attributes)
            elif node.op_type == "Resize" and attributes.get("mode", b"nearest") != b"nearest":
                raise WeightsError(
                    f"{path}: resize mode {attributes['mode'].decode()} is not supported: name another net"
                )
            elif node.op_type in _OPS:
                names = [n or None for n in node.input]
                self._steps.append((_OPS[node.op_type], names, attributes, node.output[0]))
            else:
                raise WeightsError(f"{path}: the operator {node.op_type} is not supported: name another net")
        # Sizes and bounds are read by the processor: on a GPU each would have to be waited for.
        small = {n for node in graph.node if node.op_type in _SMALL for n in node.input[1:] if n in constants}
        self._small = {name: _tensor(constants[name]) for name in small}
        used = {name for _, names, _, _ in self._steps for name in names} - small
        self._places = {name: f"constant_{i}" for i, name in enumerate(constants) if name in used}
        for name, place in self._places.items():
            self.register_buffer(place, _tensor(constants[name]), persistent=False)
        self._last = {name: i for i, (_, names, _, _) in enumerate(self._steps) for name in names if name}

    @torch.no_grad()
    def forward(self, *values: Tensor) -> Tensor:
        """Return the first output for `inputs`, as the file has them: (N, ...) each, float32."""
        known: dict[str, Tensor] = dict(zip(self.inputs, values, strict=True))
        with torch.autocast(values[0].device.type, enabled=False):
            for number, (op, names, attributes, output) in enumerate(self._steps):
                given = [None if n is None else known[n] if n in known else self._constant(n) for n in names]
                known[output] = op(*given, **attributes)
                for name in names:
                    if name in known and self._last[name] == number and name != self._output:
                        del known[name]
        return known[self._output]

    def _constant(self, name: str) -> Tensor:
        return self._small[name] if name in self._small else self.get_buffer(self._places[name])


def _tensor(value: np.ndarray) -> Tensor:
    floating = value.dtype.kind == "f"
    return torch.from_numpy(np.array(value, dtype=np.float32 if floating else value.dtype))


def _dequantized(values: list[np.ndarray], axis: int = 1) -> np.ndarray:
    """Return the numbers that 8 bits, their scale and, if given, their zero stand for."""
    x, scale, *zero = values
    shape = [1] * x.ndim
    if scale.ndim:
        shape[axis] = -1
    start = zero[0].reshape(shape).astype(np.float32) if zero else 0.0
    return (x.astype(np.float32) - start) * scale.reshape(shape)


def _quantize(x: Tensor, scale: Tensor, zero: Tensor, **_: Any) -> Tensor:
    """Return `x` clipped to what 8 bits hold."""
    limits, step, start = torch.iinfo(zero.dtype), float(scale), int(zero)
    return x.clamp((limits.min - start) * step, (limits.max - start) * step)


def _clip(x: Tensor, low: Tensor | None = None, high: Tensor | None = None, **_: Any) -> Tensor:
    return x.clamp(None if low is None else float(low), None if high is None else float(high))


def _conv(x: Tensor, weight: Tensor, bias: Tensor | None = None, **attributes: Any) -> Tensor:
    top, left, bottom, right = attributes.get("pads", (0, 0, 0, 0))
    return functional.conv2d(
        functional.pad(x, (left, right, top, bottom)) if top + left + bottom + right else x,
        weight,
        bias,
        tuple(attributes.get("strides", (1, 1))),
        0,
        tuple(attributes.get("dilations", (1, 1))),
        attributes.get("group", 1),
    )


def _pad(x: Tensor, pads: Tensor, value: Tensor | None = None, *, mode: bytes = b"constant", **_: Any) -> Tensor:
    """Pad each axis; those of a picture may be any two that lie side by side."""
    sides = pads.view(2, x.ndim).tolist()
    axes = [i for i in range(x.ndim) if sides[0][i] or sides[1][i]]
    moved = x.movedim(axes, list(range(x.ndim - len(axes), x.ndim)))
    flat = [n for axis in reversed(axes) for n in (sides[0][axis], sides[1][axis])]
    padded = functional.pad(moved, flat, mode="reflect" if mode == b"reflect" else "constant")
    return padded.movedim(list(range(x.ndim - len(axes), x.ndim)), axes)


def _reshape(x: Tensor, shape: Tensor, **_: Any) -> Tensor:
    sizes = shape.tolist()
    return x.reshape(len(x) if sizes[0] == 1 else sizes[0], *sizes[1:])


def _resize(x: Tensor, roi: Tensor | None, scales: Tensor, **_: Any) -> Tensor:
    down, across = scales.tolist()[-2:]
    return x.repeat_interleave(int(down), -2).repeat_interleave(int(across), -1)


_SMALL = {"Clip", "Pad", "QuantizeLinear", "Reshape", "Resize"}  # whose constants are sizes and bounds
_OPS: dict[str, Callable[..., Tensor]] = {
    "Add": lambda a, b, **_: a + b,
    "Clip": _clip,
    "Conv": _conv,
    "DequantizeLinear": lambda x, *_, **__: x,
    "GlobalAveragePool": lambda x, **_: x.mean(dim=(2, 3), keepdim=True),
    "Mul": lambda a, b, **_: a * b,
    "Pad": _pad,
    "QuantizeLinear": _quantize,
    "Reciprocal": lambda x, **_: x.reciprocal(),
    "Relu": lambda x, **_: x.relu(),
    "Reshape": _reshape,
    "Resize": _resize,
    "Sigmoid": lambda x, **_: x.sigmoid(),
    "Sqrt": lambda x, **_: x.sqrt(),
    "Sub": lambda a, b, **_: a - b,
    "Transpose": lambda x, *, perm, **_: x.permute(perm),
}
