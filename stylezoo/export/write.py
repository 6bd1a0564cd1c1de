"""Write nets as files that other programs run.

The files hold everything: padding to the net's multiples, the net, and cropping; batches and pictures of any size pass.
A style is an input if the net has several and none is chosen: see `Exported`.
"""

from __future__ import annotations

import contextlib
import copy
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from stylezoo._files import replacing
from stylezoo.errors import OptionError
from stylezoo.export.check import SIZES, Check, Format, check_close, compare, feeds_of, open_runner, picture
from stylezoo.export.program import (
    Array,
    Encoder,
    FixedStyle,
    Pixels,
    Precision,
    Transform,
    check_exports,
    trace,
    write_onnx,
)
from stylezoo.images.io import read
from stylezoo.images.resize import resize
from stylezoo.images.sizes import fit_short_side
from stylezoo.models.base import StyleNet
from stylezoo.nn.onnx import check_packages, quietly
from stylezoo.stylizer.stylizer import Stylizer
from stylezoo.types import ImageLike, StyleLike

SUFFIXES = {"onnx": ".onnx", "torch": ".pt2"}
CALIBRATION = 16  # photos that say which range the values of a net of 8 bits have


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


def export(
    stylizer: Stylizer,
    path: Path,
    *,
    format: Format = "onnx",
    precision: Precision = "fp32",
    pixels: Pixels = "float",
    style: StyleLike = None,
    photos: Sequence[ImageLike] = (),
) -> Exported:
    """Write a model for other programs, and compare their results with the model's.

    Args:
        path: of the file that stylizes; an encoder goes next to it, as <name>-encoder.
        format: "onnx", for onnxruntime and others; "torch", a program that `torch.export.load` reads.
        precision: of ONNX: "fp16" keeps weights and values in half precision; "int8" computes the convolutions in
            integers of 8 bits, whose ranges are measured on `photos`, and all else in float32.
        pixels: what pictures are: "float", (N, 3, H, W) in [0, 1], or "uint8", (N, H, W, 3), as files and cameras have
            them. Both RGB, with sides of at least 16 px.
        style: the one style of the file, as `Stylizer.encode_style` takes it: a name, a mix, a picture. The
            file then has no other input than the picture. None: the style is an input, unless the model has just one.
        photos: some that the model might be given; the comparison is on the first.

    Raises:
        OptionError: the model or a choice cannot be exported, or a package is missing.
        ExportError: the file does not give what the net gives: in float32 to within 1/255 everywhere, in fp16 and int8
            to within 1/255 and 12/255 in the mean. It is not kept.
    """
    _check_choices(stylizer, path, format, precision, photos)
    # In torch's own layout: the other one would tie the program to the sizes that it was traced with.
    whole = copy.deepcopy(stylizer.net).to(memory_format=torch.contiguous_format)
    net = whole if style is None else FixedStyle(whole, _code(stylizer, style))
    code = _some_style(stylizer, photos) if style is None else None
    transform, encoder = path, None
    with torch.no_grad(), quietly():
        canvas = torch.rand(2, 3, 97, 130)
        image = canvas if pixels == "float" else (canvas * 255).byte().permute(0, 2, 3, 1)
        inputs = {"image": image} | ({} if code is None else {"style": code})
        traced = copy.deepcopy(net).half() if precision == "fp16" else net
        programs = {transform: trace(Transform(traced, pixels).eval(), inputs, "stylized")}
        if stylizer.kind == "arbitrary" and isinstance(traced, StyleNet):
            encoder = path.with_name(f"{path.stem}-encoder{path.suffix}")
            programs[encoder] = trace(Encoder(traced).eval(), {"picture": torch.rand(1, 3, 97, 130)}, "style")
    with contextlib.ExitStack() as stack:
        drafts = {target: stack.enter_context(replacing(target)) for target in programs}
        for target, program in programs.items():
            if format == "torch":
                with quietly():
                    torch.export.save(program.exported, drafts[target])
            else:
                batches = _pictures(photos) if target == encoder else _calibration(stylizer, photos, code, pixels)
                write_onnx(program, drafts[target], stylizer, precision, batches)
        run = open_runner(drafts[transform], format)
        checks = tuple(compare(net, run, code, pixels, size, photos) for size in SIZES)
        check_close(stylizer.spec.name, checks, precision, pixels)
    return Exported(transform, encoder, checks)


def _check_choices(stylizer: Stylizer, path: Path, format: str, precision: str, photos: Sequence[ImageLike]) -> None:
    check_exports(stylizer)
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
        yield feeds_of(torch.from_numpy(feed["picture"]), style, pixels)


def _some_style(stylizer: Stylizer, photos: Sequence[ImageLike]) -> Tensor | None:
    """Return the code of a style of the model, or, where it knows none, of a picture; None where it has only one."""
    if stylizer.kind == "single":
        return None
    if stylizer.styles:
        return _code(stylizer, 0)
    return _code(stylizer, picture((256, 256), photos))


def _code(stylizer: Stylizer, style: StyleLike) -> Tensor:
    return torch.from_numpy(stylizer.encode_style(style).values.copy())
