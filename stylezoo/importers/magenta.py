"""Magenta's net of many styles as an ONNX graph: Dumoulin et al. 2017 (arXiv:1610.07629).

Such graphs come from several converters, which name and arrange their nodes in their own ways. So only the order of
convolutions and tables of styles is read; that the net made of them stylizes what the graph does is then put to the
test.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from stylezoo.errors import WeightsError
from stylezoo.models import CIN
from stylezoo.runtime.architecture import DIVISORS

LAYOUT = "Magenta CIN (ONNX)"

SIDES = (24, 32)  # px of the picture that graph and net must stylize alike
TOLERANCE = 1e-3  # of values in [0, 1]; float32 in another order differs by about 1e-5

# No op that holds a graph of its own or reads a file.
_ARITHMETIC = {"Add", "Div", "Mul", "Pow", "Reciprocal", "Relu", "Sigmoid", "Sqrt", "Sub", "Sum"}
_LAYERS = {"Conv", "Gemm", "InstanceNormalization", "MatMul", "Pad", "ReduceMean", "ReduceSum", "Resize"}
_SHAPES = {"Cast", "Concat", "Constant", "ConstantOfShape", "Expand", "Flatten", "Gather", "Identity", "Reshape"}
_OPS = _ARITHMETIC | _LAYERS | _SHAPES | {"Shape", "Slice", "Squeeze", "Transpose", "Unsqueeze"}

Values = dict[str, np.ndarray]


@dataclass(frozen=True)
class Layer:
    """A convolution: its kernel, its stride, and whether the picture is enlarged twice before it."""

    kernel: Tensor
    stride: int
    enlarged: bool


def read_net(path: Path) -> CIN:
    """Return the net that an ONNX file holds.

    Raises:
        WeightsError: the package onnx is missing, or the file is damaged, another net, or keeps weights outside.
        OptionError: it is wider or deeper than any net here.
    """
    try:
        import onnx
        import onnx.checker
    except ImportError as cause:
        raise WeightsError(f"{path} is an ONNX file: pip install 'stylezoo[onnx]' to read it") from cause
    try:
        model = onnx.load(str(path), format="protobuf", load_external_data=False)
    except Exception as cause:  # of the protobuf library, of which there are several
        raise WeightsError(f"{path} is damaged or not an ONNX file: copy or download it again") from cause
    _check_plain(path, model)
    try:
        onnx.checker.check_model(model)
        values = _constants(model.graph)
    except (onnx.checker.ValidationError, ValueError, TypeError) as cause:
        reason = " ".join(str(cause).split())[:200].rstrip(".")
        raise WeightsError(f"{path} is not a valid ONNX file ({reason}): copy, download or export it again") from cause
    picture, style = _inputs(path, model.graph, values)
    layers, tables = _read_layers(path, model.graph, values, _sides(style)[-1])
    net = _build(path, layers, tables)
    _compare(path, model, net, picture.name, style)
    return net


def _other(path: Path, why: str) -> WeightsError:
    return WeightsError(
        f"{path} is not a multi-style net as in Dumoulin et al. 2017, the only kind that can be imported: {why}"
    )


def _check_plain(path: Path, model: Any) -> None:
    """Refuse a graph that does more than compute with the numbers in its own file."""
    from onnx.external_data_helper import uses_external_data

    graph, attributes = model.graph, [a for node in model.graph.node for a in node.attribute]
    odd = next((n.op_type for n in graph.node if n.domain not in ("", "ai.onnx") or n.op_type not in _OPS), None)
    if odd:
        raise _other(path, f"it has a node {odd}")
    nested = any(a.HasField("g") or a.HasField("sparse_tensor") or a.graphs or a.tensors for a in attributes)
    if model.functions or graph.sparse_initializer or nested:
        raise _other(path, "it has functions, graphs within graphs, or sparse weights")
    tensors = [*graph.initializer, *(a.t for a in attributes if a.HasField("t"))]
    if any(uses_external_data(tensor) for tensor in tensors):
        raise WeightsError(f"{path} keeps its weights in other files: save it as one file")


def _constants(graph: Any) -> Values:
    from onnx.numpy_helper import to_array

    named = {tensor.name: tensor for tensor in graph.initializer}
    constants = [node for node in graph.node if node.op_type == "Constant"]
    named |= {node.output[0]: a.t for node in constants for a in node.attribute if a.name == "value"}
    return {name: to_array(tensor) for name, tensor in named.items()}


def _sides(value: Any) -> list[int]:
    return [d.dim_value for d in value.type.tensor_type.shape.dim]


def _inputs(path: Path, graph: Any, values: Values) -> tuple[Any, Any]:
    """Return the inputs for the picture, (1, 3, H, W), and for the styles' weights, (S,) or (1, S)."""
    inputs = [value for value in graph.input if value.name not in values]
    pictures = [v for v in inputs if len(_sides(v)) == 4 and _sides(v)[1] == 3]
    styles = [v for v in inputs if len(_sides(v)) in (1, 2) and _sides(v)[-1] > 0]
    if not (len(inputs) == 2 and len(pictures) == len(styles) == len(graph.output) == 1):
        found = " and ".join(f"{v.name} {_sides(v)}" for v in inputs)
        raise _other(path, f"it takes {found or 'nothing'}, not a picture and style weights")
    return pictures[0], styles[0]


def _read_layers(path: Path, graph: Any, values: Values, styles: int) -> tuple[list[Layer], list[np.ndarray]]:
    """Return the convolutions, and the tables, (styles, C), in the order in which the graph uses them."""
    layers: list[Layer] = []
    tables: Values = {}
    enlarged = False
    for node in graph.node:
        if node.op_type == "Conv":
            kernel = values.get(node.input[1])
            if kernel is None or kernel.ndim != 4 or any(node.input[2:]):
                raise _other(path, "a convolution has a bias, or a kernel that is computed")
            stride = max((i for a in node.attribute if a.name == "strides" for i in a.ints), default=1)
            layers.append(Layer(torch.from_numpy(kernel.astype(np.float32)), stride, enlarged))
        if node.op_type in ("Conv", "Resize"):
            enlarged = node.op_type == "Resize"
        known = {name: values[name] for name in node.input if name in values and name not in tables}
        tables |= {name: value for name, value in known.items() if value.ndim == 2 and len(value) == styles}
    return layers, list(tables.values())


def _build(path: Path, layers: list[Layer], tables: list[np.ndarray]) -> CIN:
    halved, doubled = (sum(layer.stride == 2 for layer in layers), sum(layer.enlarged for layer in layers))
    blocks, odd = divmod(len(layers) - halved - doubled - 2, 2)  # 2: the first and the last convolution
    if (halved, doubled, odd) != (2, 2, 0) or blocks < 0:
        count = f"{halved} of {len(layers)} convolutions halve the picture and {doubled} double it"
        raise _other(path, f"{count}, where 2 and 2 are expected, and pairs between them")
    if [table.shape[1] for table in tables] != [len(layer.kernel) for layer in layers for _ in "gb"]:
        raise _other(path, "not every convolution is followed by a norm with gammas and betas for every style")
    stages = [len(layer.kernel) for layer in (*layers[:3], *layers[-3:-1])]
    plain = stages[2] % 4 == 0 and stages == [stages[2] // divisor for divisor in DIVISORS["magenta"]]
    width = stages[2] if plain else "-".join(map(str, stages))
    net = CIN(len(tables[0]), "magenta", width, blocks, photo=False)
    own = net.state_dict()
    names = [name for name in own if name != "styles"]
    weights = dict(zip(names, (layer.kernel for layer in layers), strict=True))
    weights["styles"] = torch.from_numpy(np.concatenate(tables, axis=1).astype(np.float32))
    net.check_fit(weights, {name: value.shape for name, value in own.items()}, str(path))
    net.load_state_dict(weights)
    return net.eval()


@torch.no_grad()
def _compare(path: Path, model: Any, net: CIN, picture: str, style: Any) -> None:
    """Raise WeightsError unless the net stylizes as the graph does: one picture, in one style and in a mix of all."""
    from onnx.reference import ReferenceEvaluator

    generator = torch.Generator().manual_seed(0)
    x = torch.rand(1, 3, *SIDES, generator=generator)
    mix = torch.rand(1, len(net.styles), generator=generator)
    for code in (net.named_code(0), mix / mix.sum()):
        given = code if len(_sides(style)) == 2 else code[0]
        try:
            (expected,) = ReferenceEvaluator(model).run(None, {picture: x.numpy(), style.name: given.numpy()})
            difference = np.abs(net(x, code).numpy() - expected).max()
        except Exception as cause:  # shapes within the graph need not fit each other
            raise _other(path, f"it cannot be computed ({' '.join(str(cause).split())[:200]})") from cause
        if not difference <= TOLERANCE:
            raise _other(path, f"the results of the converted net differ by {difference:.3g} of 1")
