"""Write a net in one of its styles as files for phones and small boards: ncnn, LiteRT (.tflite), Core ML.

The weights are stored in 16 or 8 bits; the statistics of the instance norms are always float32.
"""

from __future__ import annotations

import contextlib
import copy
import importlib
import logging
import os
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import torch
from torch import Tensor, nn

from stylezoo._files import replacing
from stylezoo.errors import ExportError, OptionError
from stylezoo.export.check import SIZES, Check, check_close, compare
from stylezoo.export.program import FixedStyle, check_exports
from stylezoo.models.base import StyleNet
from stylezoo.nn.onnx import quietly
from stylezoo.stylizer.stylizer import Stylizer
from stylezoo.types import ImageLike, StyleLike

Target = Literal["ncnn", "tflite", "coreml"]
SUFFIXES = {"ncnn": (".param", ".bin"), "tflite": (".tflite",), "coreml": (".mlpackage",)}
PRECISIONS = {"ncnn": ("fp16", "fp32"), "tflite": ("fp16", "int8", "fp32"), "coreml": ("fp16", "int8", "fp32")}
LARGEST = 4096  # px
BOUND = 1.0  # steps of 1/255 in the mean, for weights of 16 or 8 bits


@dataclass(frozen=True)
class PhoneFiles:
    """What was written.

    Attributes:
        files: their paths; a Core ML package is a folder.
        checks: one for each of three pictures, see `Check`; none for Core ML where the system is not macOS.
    """

    files: tuple[Path, ...]
    checks: tuple[Check, ...]

    @property
    def bytes(self) -> int:
        """The size of all files."""
        return sum(part.stat().st_size for file in self.files for part in (file, *file.rglob("*")) if part.is_file())


class Plain(nn.Module):
    """A net in one style as a module whose own members have no names that a GraphModule has."""

    def __init__(self, net: StyleNet | FixedStyle) -> None:
        super().__init__()
        self.net = net

    def forward(self, image: Tensor) -> Tensor:
        y: Tensor = self.net(image)
        return y


def export_for(
    stylizer: Stylizer,
    path: Path,
    target: Target,
    *,
    style: StyleLike = None,
    size: tuple[int, int] | None = None,
    precision: Literal["fp16", "int8", "fp32"] = "fp16",
    photos: Sequence[ImageLike] = (),
) -> PhoneFiles:
    """Write a model in one style for a target, run the file there, and compare the results with the model's.

    Input "image" and output "stylized" are float32 RGB in [0, 1]: (3, H, W) for ncnn, (1, H, W, 3) for tflite,
    (1, 3, H, W) for coreml.

    Args:
        path: NAME.param for ncnn, which comes with NAME.bin; NAME.tflite; NAME.mlpackage.
        style: as `Stylizer.encode_style` takes it; None only for models of one style.
        size: height and width in px of tflite and coreml, which have one. Files of ncnn take all. Sides must be
            multiples of the net's `multiple`: programs pad, or scale, before they call the net.
        precision: of the stored weights; "int8" has a scale for each output channel, and is not for ncnn.
        photos: what the comparison is made on; waves if there are none.

    Raises:
        OptionError: the target cannot hold this model or choice, or a package is missing.
        ExportError: the converter fails, or the file does not give what the net gives, to within 1/255 everywhere in
            float32, and in the mean in fp16 and int8. It is not kept.
    """
    check_choices(stylizer, path, target, style, size, precision)
    tools: Any = importlib.import_module(f"stylezoo.export.{target}")
    tools.check_tools()
    net: StyleNet | FixedStyle = copy.deepcopy(stylizer.net).to(memory_format=torch.contiguous_format)
    if style is not None:
        net = FixedStyle(net, torch.from_numpy(stylizer.encode_style(style).values.copy()))  # type: ignore[arg-type]
    whole = [(height - height % net.multiple, width - width % net.multiple) for height, width in SIZES]
    sizes = [size] * len(SIZES) if size else whole
    module = Plain(net).eval().requires_grad_(False)
    with tempfile.TemporaryDirectory() as folder:
        with torch.no_grad(), silently():
            try:
                made = tools.convert(module, torch.zeros(1, 3, *sizes[0]), precision, Path(folder))
            except (RuntimeError, ValueError, NotImplementedError, AttributeError, TypeError, KeyError) as cause:
                raise ExportError(f"{stylizer.spec.name} cannot be converted for {target}: {cause}") from cause
        checks = []
        if getattr(tools, "RUNS_HERE", True):
            run = tools.open_runner(made, torch.get_num_threads())
            for number, each in enumerate(sizes):
                checks.append(compare(net, run, None, "float", each, photos[number : number + 1] or photos[:1]))
            check_close(stylizer.spec.name, checks, precision, "float", BOUND)
        files = tuple(path.with_suffix(suffix) for suffix in SUFFIXES[target])
        for source, file in zip(made, files, strict=True):
            keep(source, file)
    return PhoneFiles(files, tuple(checks))


def check_choices(
    stylizer: Stylizer, path: Path, target: str, style: StyleLike, size: tuple[int, int] | None, precision: str
) -> None:
    """Raise OptionError for what a target cannot hold."""
    name = stylizer.spec.name
    check_exports(stylizer)
    if target not in SUFFIXES:
        raise OptionError(f"target must be one of {', '.join(SUFFIXES)}, not {target!r}")
    if path.suffix != (suffix := SUFFIXES[target][0]):
        raise OptionError(f"'{path}' must end in {suffix} for {target}")
    if precision not in PRECISIONS[target]:
        reason = ": the tool that quantizes for ncnn is in no Python package" if target == "ncnn" else ""
        raise OptionError(f"precision of {target} must be {' or '.join(PRECISIONS[target])}, not {precision!r}{reason}")
    if style is None and stylizer.kind != "single":
        raise OptionError(f"a file for {target} has one style, and {name} has many: choose it with --style")
    if target == "ncnn" and size:
        raise OptionError("files for ncnn take pictures of any size: leave --size out")
    if target != "ncnn" and not size:
        raise OptionError(f"files for {target} have one size, not a dynamic one: choose it with --size, as in 512x512")
    if size and not all(16 <= side <= LARGEST for side in size):
        raise OptionError(f"sides must be from 16 to {LARGEST} px, not {size[1]}x{size[0]}")
    if size and any(side % stylizer.net.multiple for side in size):
        near = "x".join(str(side - side % stylizer.net.multiple) for side in reversed(size))
        raise OptionError(f"sides must be multiples of {stylizer.net.multiple} px for {name}: --size {near}")
    if (stylizer.device, stylizer.dtype) != ("cpu", "float32"):
        raise OptionError(f"load the model on the CPU in float32 to export it, not on {stylizer.device}")


def keep(source: Path, target: Path) -> None:
    """Move a file, or the folder of a Core ML package, to where it belongs, in place of what is there."""
    if not source.is_dir():
        with replacing(target) as draft:
            draft.write_bytes(source.read_bytes())
        return
    with tempfile.TemporaryDirectory(prefix=f".{target.stem[:40]}-", dir=target.parent) as aside:
        shutil.copytree(source, Path(aside) / "new")
        if target.exists():
            target.rename(Path(aside) / "old")
        (Path(aside) / "new").rename(target)


@contextlib.contextmanager
def silently() -> Iterator[None]:
    """Keep what converters say of their own work to themselves, on stderr and by logging too."""
    logger = logging.getLogger("coremltools")
    level = logger.level
    with Path(os.devnull).open("w") as nowhere, contextlib.redirect_stderr(nowhere), quietly():
        logger.setLevel(logging.ERROR)
        try:
            yield
        finally:
            logger.setLevel(level)
