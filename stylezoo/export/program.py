"""Trace nets into programs, and write these as ONNX."""

from __future__ import annotations

import tempfile
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional as F

from stylezoo.errors import OptionError
from stylezoo.models.base import StyleNet
from stylezoo.nn.onnx import quietly, to_onnx
from stylezoo.stylizer.stylizer import Stylizer
from stylezoo.zoo.spec import header_record

Precision = Literal["fp32", "fp16", "int8"]
Pixels = Literal["float", "uint8"]
Array = NDArray[Any]


def check_exports(stylizer: Stylizer) -> None:
    """Raise OptionError for a model that no other program can run."""
    if stylizer.spec.weightless:
        raise OptionError(f"{stylizer.spec.name} optimises each picture and has no net to export")
    if not stylizer.net.exports:
        raise OptionError(
            f"{stylizer.spec.name} does more between its encoder and decoder than a graph holds: export another model, "
            "such as adain/vgg19"
        )


class FixedStyle(nn.Module):
    """A net in one of its styles."""

    code: Tensor

    def __init__(self, net: StyleNet, code: Tensor) -> None:
        super().__init__()
        self.net, self.multiple = net, net.multiple
        self.register_buffer("code", code)

    @property
    def dtype(self) -> torch.dtype:
        return self.net.dtype

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.net(x, self.code)
        return y


class Transform(nn.Module):
    """The net from pictures to pictures of any size, with padding to its multiples."""

    def __init__(self, net: StyleNet | FixedStyle, pixels: Pixels) -> None:
        super().__init__()
        self.net, self.pixels = net, pixels

    def forward(self, image: Tensor, style: Tensor | None = None) -> Tensor:
        x = image.permute(0, 3, 1, 2) / 255 if self.pixels == "uint8" else image
        height, width = x.shape[2:]
        x = F.pad(x, (0, -width % self.net.multiple, 0, -height % self.net.multiple), mode="reflect")
        dtype = self.net.dtype
        y = self.net(x.to(dtype)) if style is None else self.net(x.to(dtype), style.to(dtype))
        # Picked, not sliced: of a slice torch would note whether it is the whole, and hold later sizes to that.
        y = y.index_select(2, torch.arange(height)).index_select(3, torch.arange(width)).float()
        return (y * 255 + 0.5).to(torch.uint8).permute(0, 2, 3, 1) if self.pixels == "uint8" else y


class Encoder(nn.Module):
    """The encoder of an arbitrary-style net."""

    def __init__(self, net: StyleNet) -> None:
        super().__init__()
        self.net = net

    def forward(self, picture: Tensor) -> Tensor:
        return self.net.encode_unpadded(picture.to(self.net.dtype)).float()


@dataclass(frozen=True)
class Program:
    """A traced module with the names of its inputs and its output."""

    exported: torch.export.ExportedProgram
    inputs: list[str]
    output: str


def trace(module: nn.Module, inputs: dict[str, Tensor], output: str) -> Program:
    dynamic = torch.export.Dim.DYNAMIC
    sizes = {
        "image": {axis: dynamic for axis, side in enumerate(inputs.get("image", torch.empty(0)).shape) if side != 3},
        "picture": {2: dynamic, 3: dynamic},
        "style": None,
    }
    shapes = tuple(sizes[name] for name in inputs)
    return Program(torch.export.export(module, tuple(inputs.values()), dynamic_shapes=shapes), list(inputs), output)


def write_onnx(
    program: Program, path: Path, stylizer: Stylizer, precision: Precision, batches: Iterable[dict[str, Array]]
) -> None:
    import onnx

    model = to_onnx(program.exported, input_names=program.inputs, output_names=[program.output])
    onnx.helper.set_model_props(model, {"stylezoo": header_record(stylizer.spec)})
    path.write_bytes(model.SerializeToString())
    if precision == "int8":
        _quantize(path, batches)


def _quantize(path: Path, batches: Iterable[dict[str, Array]]) -> None:
    """Replace a model by one whose convolutions compute in integers of 8 bits."""
    from onnxruntime.quantization import CalibrationDataReader, QuantFormat, QuantType, quantize_static
    from onnxruntime.quantization.shape_inference import quant_pre_process

    class Reader(CalibrationDataReader):  # type: ignore[misc]  # onnxruntime has no types
        def __init__(self) -> None:
            self.left = iter(batches)

        def get_next(self) -> dict[str, Array] | None:
            return next(self.left, None)

    with tempfile.TemporaryDirectory() as folder, quietly():
        prepared = Path(folder) / "prepared.onnx"
        quant_pre_process(str(path), str(prepared), skip_symbolic_shape=True)
        quantize_static(
            str(prepared),
            str(path),
            Reader(),
            quant_format=QuantFormat.QDQ,
            op_types_to_quantize=["Conv"],
            per_channel=True,
            activation_type=QuantType.QUInt8,
            weight_type=QuantType.QInt8,
        )
