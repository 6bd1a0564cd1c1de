"""Compare exported files with the nets that they were made from."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
import torch
from torch import Tensor

from stylezoo.errors import ExportError
from stylezoo.export.program import Array, FixedStyle, Pixels, Transform
from stylezoo.images.io import read
from stylezoo.images.resize import resize
from stylezoo.models.base import StyleNet
from stylezoo.types import ImageLike

Format = Literal["onnx", "torch"]

MEAN_BOUNDS = {"fp16": 1.0, "int8": 12.0}
"""By how much a picture of each precision may differ from the net's on average, in steps of 1/255."""
SIZES = ((256, 256), (301, 200), (384, 515))
"""Height and width, in px, of the pictures on which an exported file is compared with the net."""
ROUNDS = 5  # timed passes of each


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


def open_runner(path: Path, format: Format) -> Callable[[dict[str, Array]], Array]:
    """Return a function that runs an exported file on inputs by name."""
    if format == "torch":
        module = torch.export.load(path).module()
        return lambda feeds: module(*(torch.from_numpy(value) for value in feeds.values())).numpy()
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.log_severity_level, options.intra_op_num_threads = 3, torch.get_num_threads()
    session = onnxruntime.InferenceSession(path.read_bytes(), options, providers=["CPUExecutionProvider"])
    return lambda feeds: session.run(None, feeds)[0]


@torch.no_grad()
def compare(
    net: StyleNet | FixedStyle,
    run: Callable[[dict[str, Array]], Array],
    style: Tensor | None,
    pixels: Pixels,
    size: tuple[int, int],
    photos: Sequence[ImageLike],
) -> Check:
    """Compare an exported file with the net in float32, on a picture of that size."""
    x = picture(size, photos)
    transform = Transform(net, "float").eval()
    feeds = feeds_of(x, style, pixels)
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


def check_close(name: str, checks: Sequence[Check], precision: str, pixels: str, bound: float | None = None) -> None:
    """Raise ExportError where a file differs from the net by more than its precision allows, or `bound` in the mean."""
    if precision == "fp32":
        worst, most = max(check.largest for check in checks), 0.99 + (pixels == "uint8") / 99  # either way of rounding
        what, remedy = "", "report it, with the versions of torch and onnxruntime"
    else:
        worst, most = max(check.mean for check in checks), bound or MEAN_BOUNDS[precision]
        what = f" in the mean, of which {precision} may have {most:g}/255"
        remedy = "give --photos more like those to come, or another --precision"
    if not worst <= most:  # NaN is not
        raise ExportError(
            f"{name}: the exported file differs from the net by {worst:.2f}/255{what} and was not kept: {remedy}"
        )


def feeds_of(x: Tensor, style: Tensor | None, pixels: Pixels) -> dict[str, Array]:
    """Return the inputs of an exported file, by name."""
    image = x.numpy() if pixels == "float" else (x * 255 + 0.5).byte().permute(0, 2, 3, 1).contiguous().numpy()
    return {"image": image} | ({} if style is None else {"style": style.numpy()})


def picture(size: tuple[int, int], photos: Sequence[ImageLike]) -> Tensor:
    """Return the first photo, or waves, in whole steps of 1/255: (1, 3, H, W)."""
    if photos:
        return (resize(read(photos[0]).pixels[:1], size) * 255).round() / 255
    y, x = (torch.linspace(0, 1, side) for side in size)
    waves = [torch.outer(torch.sin(9 * k * y), torch.cos(23 * x + k)) for k in (1, 2, 3)]
    return ((torch.stack(waves)[None] / 2 + 0.5) * 255).round() / 255
