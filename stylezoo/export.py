"""Nets as files that other programs run: ONNX, and what torch.export writes.

The files hold everything: padding to the net's multiples, the net, and cutting off; any number of pictures of any size
pass. A style is an input where the net has several: see `Exported`.
"""

from __future__ import annotations

import contextlib
import copy
import statistics
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional as F

from stylezoo._files import replacing
from stylezoo.errors import ExportError, OptionError
from stylezoo.images.io import read
from stylezoo.images.resize import resize
from stylezoo.images.sizes import fit_short_side
from stylezoo.models.base import StyleNet
from stylezoo.nn.onnx import check_packages, quietly, to_onnx
from stylezoo.stylizer.stylizer import Stylizer
from stylezoo.types import ImageLike, StyleLike
from stylezoo.zoo.spec import header_record

Format = Literal["onnx", "torch"]
Precision = Literal["fp32", "fp16", "int8"]
Pixels = Literal["float", "uint8"]

MEAN_BOUNDS = {"fp16": 1.0, "int8": 12.0}
"""By how much a picture of each precision may differ from the net's in the mean, in steps of 1/255."""
SUFFIXES = {"onnx": ".onnx", "torch": ".pt2"}
SIZES = ((256, 256), (301, 200), (384, 515))
"""Height and width, in px, of the pictures on which an exported file is compared with the net."""
ROUNDS = 5  # timed passes of each
CALIBRATION = 16  # photos that say which range the values of a net of 8 bits have

Array = NDArray[Any]


@dataclass(frozen=True)
class Exported:
    """What was written.

    Attributes:
        transform: the file that stylizes. Its inputs are "image" and, for nets of several styles, "style", (1, D):
            for cin the shares of the styles and last of the photo, for ghiasi and adain what the encoder gives. Its
            output is "stylized", in the size and the kind of "image".
        encoder: of nets that take any picture, the file that makes the "style" of a "picture", (1, 3, H, W) float in
            [0, 1] with sides of at least 64 px.
        checks: one for each size, see `Check`.
    """

    transform: Path
    encoder: Path | None
    checks: tuple[Check, ...]


@dataclass(frozen=True)
class Check:
    """How a file compares with the net in float32 by torch, on a picture of height x width px.

    Attributes:
        largest, mean: the difference of the pictures, in steps of 1/255.
        net_ms, file_ms: medians of `ROUNDS` passes, in turn.
    """

    height: int
    width: int
    largest: float
    mean: float
    net_ms: float
    file_ms: float


def export(
    stylizer: Stylizer,
    path: Path,
    *,
    format: Format = "onnx",
    precision: Precision = "fp32",
    pixels: Pixels = "float",
    photos: Sequence[ImageLike] = (),
) -> Exported:
    """Write a model for other programs, and compare what they will get with what the model gives.

    Args:
        path: of the file that stylizes; an encoder goes next to it, as <name>-encoder.
        format: "onnx", for onnxruntime and others; "torch", a program that `torch.export.load` reads.
        precision: of ONNX: "fp16" keeps weights and values in half precision; "int8" computes the convolutions in
            integers of 8 bits, whose ranges are measured on `photos`, and all else in float32.
        pixels: what pictures are: "float", (N, 3, H, W) in [0, 1], or "uint8", (N, H, W, 3), as files and cameras have
            them. Both RGB, with sides of at least 16 px.
        photos: some that the model might be given; the comparison is on the first.

    Raises:
        OptionError: the model or a choice cannot be exported, or a package is missing.
        ExportError: the file does not give what the net gives: in float32 to within 1/255 everywhere, in fp16 and int8
            to within 1/255 and 12/255 in the mean. It is not kept.
    """
    _check_choices(stylizer, path, format, precision, photos)
    # In torch's own layout: the other one would tie the program to the sizes that it was traced with.
    net = copy.deepcopy(stylizer.net).to(memory_format=torch.contiguous_format)
    transform, encoder = path, None
    style = _some_style(stylizer, photos)
    with torch.no_grad(), quietly():
        canvas = torch.rand(2, 3, 97, 130)
        image = canvas if pixels == "float" else (canvas * 255).byte().permute(0, 2, 3, 1)
        inputs = {"image": image} | ({} if style is None else {"style": style})
        traced = copy.deepcopy(net).half() if precision == "fp16" else net
        programs = {transform: _program(_Transform(traced, pixels).eval(), inputs, "stylized")}
        if stylizer.kind == "arbitrary":
            encoder = path.with_name(f"{path.stem}-encoder{path.suffix}")
            programs[encoder] = _program(_Encoder(traced).eval(), {"picture": torch.rand(1, 3, 97, 130)}, "style")
    with contextlib.ExitStack() as stack:
        drafts = {target: stack.enter_context(replacing(target)) for target in programs}
        for target, program in programs.items():
            if format == "torch":
                with quietly():
                    torch.export.save(program.exported, drafts[target])
            else:
                batches = _pictures(photos) if target == encoder else _calibration(stylizer, photos, style, pixels)
                _write_onnx(program, drafts[target], stylizer, precision, batches)
        run = _runner(drafts[transform], format)
        checks = tuple(_compare(net, run, style, pixels, size, photos) for size in SIZES)
        _check_close(stylizer.spec.name, checks, precision, pixels)
    return Exported(transform, encoder, checks)


def _check_close(name: str, checks: Sequence[Check], precision: str, pixels: str) -> None:
    """Raise ExportError where a file differs from the net by more than its precision allows."""
    if precision == "fp32":
        worst, most = max(check.largest for check in checks), 0.99 + (pixels == "uint8") / 99  # either way of rounding
        what, remedy = "", "report it, with the versions of torch and onnxruntime"
    else:
        worst, most = max(check.mean for check in checks), MEAN_BOUNDS[precision]
        what = f" in the mean, of which {precision} may have {most:g}/255"
        remedy = "give --photos more like those to come, or another --precision"
    if not worst <= most:  # NaN is not
        raise ExportError(
            f"{name}: the exported file differs from the net by {worst:.2f}/255{what} and was not kept: {remedy}"
        )


def _check_choices(stylizer: Stylizer, path: Path, format: str, precision: str, photos: Sequence[ImageLike]) -> None:
    if stylizer.spec.weightless:
        raise OptionError(f"{stylizer.spec.name} optimises each picture and has no net to export")
    for name, value, choices in (("format", format, SUFFIXES), ("precision", precision, ("fp32", "fp16", "int8"))):
        if value not in choices:
            raise OptionError(f"{name} must be one of {', '.join(choices)}, not {value!r}")
    if path.suffix != SUFFIXES[format]:
        raise OptionError(f"'{path}' must end in {SUFFIXES[format]} for format {format}")
    if format == "torch" and precision != "fp32":
        raise OptionError(
            f"precision {precision} is for ONNX only: leave it out, and cast the torch program after loading"
        )
    if precision == "int8" and not photos:
        raise OptionError("int8 needs photos for calibration: give a folder of them with --photos")
    if format == "onnx":
        check_packages("onnx", "onnxscript", "onnxruntime")
    if (stylizer.device, stylizer.dtype) != ("cpu", "float32"):
        raise OptionError(f"load the model on the CPU in float32 to export it, not on {stylizer.device}")


class _Transform(nn.Module):
    def __init__(self, net: StyleNet, pixels: Pixels) -> None:
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


class _Encoder(nn.Module):
    def __init__(self, net: StyleNet) -> None:
        super().__init__()
        self.net = net

    def forward(self, picture: Tensor) -> Tensor:
        return self.net.encode_unpadded(picture.to(self.net.dtype)).float()


@dataclass(frozen=True)
class _Program:
    exported: torch.export.ExportedProgram
    inputs: list[str]
    output: str


def _program(module: nn.Module, inputs: dict[str, Tensor], output: str) -> _Program:
    dynamic = torch.export.Dim.DYNAMIC
    sizes = {
        "image": {axis: dynamic for axis, side in enumerate(inputs.get("image", torch.empty(0)).shape) if side != 3},
        "picture": {2: dynamic, 3: dynamic},
        "style": None,
    }
    shapes = tuple(sizes[name] for name in inputs)
    return _Program(torch.export.export(module, tuple(inputs.values()), dynamic_shapes=shapes), list(inputs), output)


def _write_onnx(
    program: _Program, path: Path, stylizer: Stylizer, precision: Precision, batches: Iterable[dict[str, Array]]
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


def _runner(path: Path, format: Format) -> Callable[[dict[str, Array]], Array]:
    if format == "torch":
        module = torch.export.load(path).module()
        return lambda feeds: module(*(torch.from_numpy(value) for value in feeds.values())).numpy()
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.log_severity_level, options.intra_op_num_threads = 3, torch.get_num_threads()
    session = onnxruntime.InferenceSession(path.read_bytes(), options, providers=["CPUExecutionProvider"])
    return lambda feeds: session.run(None, feeds)[0]


@torch.no_grad()
def _compare(
    net: StyleNet,
    run: Callable[[dict[str, Array]], Array],
    style: Tensor | None,
    pixels: Pixels,
    size: tuple[int, int],
    photos: Sequence[ImageLike],
) -> Check:
    x = _picture(size, photos)
    transform = _Transform(net, "float").eval()
    feeds = _feeds(x, style, pixels)
    expected = transform(x, style).numpy()
    found = run(feeds)
    if pixels == "uint8":
        expected, found = np.floor(expected * 255 + 0.5), found.transpose(0, 3, 1, 2).astype(np.float32)
    else:
        expected, found = expected * 255, found * 255
    difference = np.abs(found - expected)
    seconds: tuple[list[float], list[float]] = ([], [])
    for _ in range(ROUNDS):
        for place, call in enumerate((lambda: transform(x, style), lambda: run(feeds))):
            started = time.perf_counter()
            call()
            seconds[place].append(1000 * (time.perf_counter() - started))
    net_ms, file_ms = (round(statistics.median(times), 2) for times in seconds)
    return Check(*size, round(float(difference.max()), 4), round(float(difference.mean()), 5), net_ms, file_ms)


def _feeds(x: Tensor, style: Tensor | None, pixels: Pixels) -> dict[str, Array]:
    image = x.numpy() if pixels == "float" else (x * 255 + 0.5).byte().permute(0, 2, 3, 1).contiguous().numpy()
    return {"image": image} | ({} if style is None else {"style": style.numpy()})


def _picture(size: tuple[int, int], photos: Sequence[ImageLike]) -> Tensor:
    """Return the first photo, or waves, in whole steps of 1/255: (1, 3, H, W)."""
    if photos:
        return (resize(read(photos[0]).pixels[:1], size) * 255).round() / 255
    y, x = (torch.linspace(0, 1, side) for side in size)
    waves = [torch.outer(torch.sin(9 * k * y), torch.cos(23 * x + k)) for k in (1, 2, 3)]
    return ((torch.stack(waves)[None] / 2 + 0.5) * 255).round() / 255


def _pictures(photos: Sequence[ImageLike]) -> Iterator[dict[str, Array]]:
    for photo in photos[:CALIBRATION]:
        pixels = read(photo).pixels[:1]
        yield {"picture": resize(pixels, fit_short_side(pixels.shape[-2], pixels.shape[-1], 256)).numpy()}


def _calibration(
    stylizer: Stylizer, photos: Sequence[ImageLike], style: Tensor | None, pixels: Pixels
) -> Iterator[dict[str, Array]]:
    """Yield the photos, with the styles that the model knows in turn."""
    for number, feed in enumerate(_pictures(photos)):
        if style is not None and stylizer.styles:
            style = _code(stylizer, number % len(stylizer.styles))
        yield _feeds(torch.from_numpy(feed["picture"]), style, pixels)


def _some_style(stylizer: Stylizer, photos: Sequence[ImageLike]) -> Tensor | None:
    """Return the code of a style of the model, or, where it knows none, of a picture; None where it has only one."""
    if stylizer.kind == "single":
        return None
    if stylizer.styles:
        return _code(stylizer, 0)
    return _code(stylizer, _picture((256, 256), photos))


def _code(stylizer: Stylizer, style: StyleLike) -> Tensor:
    return torch.from_numpy(stylizer.encode_style(style).values.copy())
