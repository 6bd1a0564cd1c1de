"""Painting without torch, whose import takes longer than a picture: what a command line needs to be quick.

The plain case alone: a net on a trunk, styles that it knows by name, files of pictures for a net of any style, or a mix
of these, at full strength, on the processor. The pictures are those of `Stylizer.stylize` to within 1/255; all else is
left to it, pictures too that need tiles.
"""

from __future__ import annotations

import os
import platform
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image
from safetensors.numpy import load_file

from stylezoo.graphs import (
    MINIMUM,
    MULTIPLE,
    EncoderGraph,
    Floats,
    TrunkGraph,
    encoder_file,
    graph_file,
    has_onnxruntime,
)
from stylezoo.image.files import read_file
from stylezoo.image.pillow import Array, decode
from stylezoo.image.sizes import SMALLEST_STYLE, STYLE_SIZE, fit_long_side, padded_side
from stylezoo.zoo.spec import ModelSpec
from stylezoo.zoo.store import locate
from stylezoo.zoo.styles import find_style, read_mix

if TYPE_CHECKING:
    from stylezoo.stylizer import Stylizer

ROWS = {"johnson": "style", "cin": "styles", "ghiasi": "styles"}
"""By family, which of the weights holds the affine vectors of the styles, one a row."""

MAX_PIXELS = 200_000_000
LARGE = 2**23  # px of a picture that might not fit the memory as a whole


@dataclass(frozen=True)
class QuickStyle:
    """A style by name, index, file or mix, the size its pictures are read at, and its affine vector, (1, A)."""

    style: Any
    size: int
    row: Floats


class QuickStylizer:
    """A net's trunk and the rows of its styles; see `Stylizer` for what is said of neither here."""

    def __init__(self, spec: ModelSpec, weights: Path, graph: Path) -> None:
        self.spec, self._weights = spec, weights
        self._whole: Stylizer | None = None
        self.styles = spec.style_ids
        self._tensors = load_file(weights)
        self._rows = self._tensors[ROWS[spec.family]].astype(np.float32)
        self._graph = TrunkGraph(graph, self._tensors, threads=_threads())

    def encode_style(self, style: Any = None, *, style_size: int = STYLE_SIZE, **_: Any) -> QuickStyle:
        """Return a style by name, index or file, or a mapping of such to weights, ready to paint."""
        if isinstance(style, dict):
            members = read_mix(self.spec, style)
            parts = [np.float32(share) * self.encode_style(one, style_size=style_size).row for one, share in members]
            return QuickStyle(style, style_size, np.concatenate(parts).sum(axis=0, keepdims=True))
        index = find_style(self.spec, style)  # None: a file, for `open_quick` lets nothing else through
        row = self._encode(Path(style), style_size) if index is None else self._rows[index, None]
        return QuickStyle(style, style_size, row)

    def stylize(
        self, image: Path | Image.Image, style: QuickStyle, *, size: int | None = None, progress: bool = False, **_: Any
    ) -> Image.Image:
        """Paint a picture's file or a PIL image; `size` is the long side in px, and a bar is shown of tiles."""
        if isinstance(image, Image.Image):
            pixels = decode(image, f"PIL image of mode {image.mode}")
        else:
            pixels, _name = read_file(image, MAX_PIXELS)
        height, width = pixels.shape[:2]
        enlarged = 1.0 if size is None else size / max(height, width)
        if height * width * max(1.0, enlarged) ** 2 > LARGE:
            how: dict[str, Any] = {"style_size": style.size, "size": size, "progress": progress}
            picture: Image.Image = self._load_whole().stylize(image, style.style, **how)
            return picture
        planes = _planes(pixels)
        if size is not None:
            planes = _resize(planes, size)
        colour, alpha = _split(planes)
        painted = self._paint(colour, style.row)
        if alpha is not None:
            painted = np.concatenate([painted, alpha])
        return Image.fromarray(np.ascontiguousarray(_to_bytes(painted).transpose(1, 2, 0)))

    @cached_property
    def _encoder(self) -> EncoderGraph:
        graph = encoder_file(self.spec.arch)
        assert graph is not None  # `open_quick` saw to it
        return EncoderGraph(graph, self._tensors, threads=_threads())

    def _encode(self, file: Path, size: int) -> Floats:
        """Return the affine vector of a picture, read as `Stylizer.encode_style` does: on white, `size` px long."""
        pixels, _name = read_file(file, MAX_PIXELS)
        if pixels.shape[0] * pixels.shape[1] > LARGE:  # which shrinks it strip by strip
            row: Floats = self._load_whole().encode_style(pixels, style_size=size).values.numpy()
            return row
        colour, alpha = _split(_planes(pixels))
        picture = _resize(colour if alpha is None else colour * alpha + (1 - alpha), size)
        return self._encoder.encode(_pad(picture, 1, SMALLEST_STYLE)[None])

    def _load_whole(self) -> Stylizer:
        if self._whole is None:
            from stylezoo.stylizer import load

            self._whole = load(self._weights, device="cpu")
        return self._whole

    def _paint(self, colour: Floats, row: Floats) -> Floats:
        height, width = colour.shape[1:]
        return self._graph.paint(_pad(colour, MULTIPLE, MINIMUM)[None], row)[0, :, :height, :width]


def open_quick(spec: ModelSpec, path: Path | None, device: str, styles: Iterable[Any]) -> QuickStylizer | None:
    """Return the model that `zoo.store.find` found, ready to paint in `styles`; None where that takes torch.

    Raises:
        WeightsError, HubError: the weights are not to be had, see `zoo.store.locate`.
    """
    names = [name for style in styles for name in (style if isinstance(style, dict) else (style,))]
    if spec.family not in ROWS or not all(name in spec.style_ids or _takes_file(spec, name) for name in names):
        return None
    if not has_onnxruntime() or (graph := graph_file(spec.arch)) is None:
        return None
    if device != "cpu" and (device != "auto" or _may_have_gpu()):
        return None
    return QuickStylizer(spec, path or locate(spec), graph)


def _takes_file(spec: ModelSpec, name: Any) -> bool:
    """Return whether `name` is of a file, in whose style the model paints without torch."""
    return isinstance(name, str) and encoder_file(spec.arch) is not None and os.path.isfile(name)  # noqa: PTH113 - as in styles.py


def _may_have_gpu() -> bool:
    """Return whether there might be a GPU that torch could use, without asking torch."""
    apple = platform.system() == "Darwin" and platform.machine() == "arm64"
    return apple or any(os.path.exists(f"/dev/{name}") for name in ("nvidiactl", "kfd", "dxg"))  # noqa: PTH110


def _threads() -> int | None:
    """Return the number of threads that torch would take: OMP_NUM_THREADS, else None."""
    count = os.environ.get("OMP_NUM_THREADS", "")
    return int(count) if count.isdecimal() and int(count) else None


def _planes(array: Array) -> Floats:
    """HW or HWC, uint8 or float in [0, 1] -> float32 CHW in [0, 1]."""
    planes = np.array(array[None] if array.ndim == 2 else array.transpose(2, 0, 1), dtype=np.float32, order="C")
    return planes / np.float32(255) if array.dtype == np.uint8 else planes


def _split(planes: Floats) -> tuple[Floats, Floats | None]:
    """Return the colours of a picture, (3, H, W), and its alpha, (1, H, W), if it has one."""
    colour = planes[:3] if len(planes) >= 3 else planes[:1].repeat(3, axis=0)
    return colour, planes[-1:] if len(planes) in {2, 4} else None


def _pad(planes: Floats, multiple: int, minimum: int) -> Floats:
    """Pad CHW as `image.resize.pad_to_multiple` does."""
    height, width = planes.shape[1:]
    down, right = (padded_side(side, multiple, minimum) - side for side in (height, width))
    return np.pad(planes, ((0, 0), (0, down), (0, right)), mode="reflect") if down or right else planes


def _resize(planes: Floats, size: int) -> Floats:
    """Scale CHW to a long side of `size`, as `image.resize` does: bicubic, antialiased, in floats."""
    height, width = fit_long_side(planes.shape[1], planes.shape[2], size)
    scaled = [np.asarray(Image.fromarray(p).resize((width, height), Image.Resampling.BICUBIC)) for p in planes]
    return np.stack(scaled).clip(0, 1)


def _to_bytes(planes: Floats) -> Array:
    return (planes * np.float32(255) + np.float32(0.5)).clip(0, 255).astype(np.uint8)
