"""Convert any picture to planes, and back to its original type. Torch is imported only for tensors.

Pillow does the decoding. 16-bit grey is read at 16 bits, 16-bit RGB at 8 bits, since Pillow supports no more. Arrays
and tensors keep their depth both ways.
"""

from __future__ import annotations

import io
import os
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from importlib import import_module
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image

from stylezoo.errors import ImageError
from stylezoo.images.files import check_quality, read_file, write_file
from stylezoo.images.metadata import read_metadata
from stylezoo.images.pillow import (
    SLACK,
    WITH_ALPHA,
    decode,
    decode_stream,
    encode_array,
    format_like,
    format_named,
    shown,
)
from stylezoo.images.planes import Array, as_float, as_levels, on_white, resize
from stylezoo.images.sizes import fit_long_side
from stylezoo.types import ImageLike, Keep, PathLike

if TYPE_CHECKING:
    from torch import Tensor
    from typing_extensions import TypeIs

NAN_REMEDY = "try float32 (dtype) or a lower strength"


@dataclass(frozen=True, eq=False)
class Picture:
    """A picture as planes, with a way back to its original type.

    Attributes:
        levels: N3HW RGB at the original depth: uint8, or float32 in [0, 1].
        veil: its alpha, N1HW of the same depth, or None.
        name: its name in messages.
        info: the metadata to keep, as in Pillow's `Image.info`.
    """

    levels: Array
    veil: Array | None
    name: str
    _finish: Callable[[Array], Any] = field(repr=False)
    info: Mapping[str, Any] = field(default_factory=dict)

    @cached_property
    def seen(self) -> Array:
        """The levels for a net: white where alpha is 0.

        Otherwise hidden colours, which editors leave there, would affect the visible parts.
        """
        if self.veil is None or (self.veil > 0).all():
            return self.levels
        return np.where(self.veil > 0, self.levels, self.levels.dtype.type(255 if self.levels.dtype == np.uint8 else 1))

    @cached_property
    def pixels(self) -> Tensor:
        """RGB as a float32 tensor, N3HW in [0, 1]."""
        return _torch().from_numpy(as_float(self.levels))

    @cached_property
    def alpha(self) -> Tensor | None:
        """Alpha as a float32 tensor, N1HW in [0, 1], or None."""
        return None if self.veil is None else _torch().from_numpy(as_float(self.veil))

    def on_white(self, long_side: int | None = None) -> Array:
        """Return the colours over white, N3HW float32, scaled to a long side of `long_side` px if given."""
        if long_side is None:
            return as_float(on_white(self.levels, self.veil))
        size = fit_long_side(self.levels.shape[-2], self.levels.shape[-1], long_side)
        return resize(self.levels, size, self.veil)

    def restore(self, pixels: Any) -> Any:
        """Return `pixels`, an array or tensor, as the original type of the picture.

        `pixels` is N3HW of any size, uint8 or float in [0, 1]; values outside are clipped. The picture's alpha is
        resized and added. If the size is unchanged, hidden colours are kept.

        Raises:
            ImageError: the shape is wrong, or a value is NaN or infinite.
        """
        pixels = _as_array(pixels)
        count = self.levels.shape[0]
        if pixels.ndim != 4 or pixels.shape[:2] != (count, 3) or 0 in pixels.shape:
            raise ImageError(f"{self.name}: cannot restore pixels of shape {_sizes(pixels)}: expected {count}x3xHxW")
        if pixels.dtype != self.levels.dtype or pixels.dtype != np.uint8:  # otherwise avoid a float copy
            pixels = as_float(pixels).astype(np.float32, copy=False)
            if not np.isfinite(pixels.sum()):  # one pass over the data: the sum of values near [0, 1] cannot overflow
                raise ImageError(f"{self.name}: the result has NaN or infinity: {NAN_REMEDY}")
            pixels = pixels.clip(0, 1)
        if self.veil is not None:
            if pixels.shape[-2:] == self.veil.shape[-2:] and (self.veil == 0).any():
                before = self.levels if pixels.dtype == self.levels.dtype else as_float(self.levels)
                pixels = np.where(self.veil > 0, pixels, before)
            pixels = np.concatenate([pixels, self._veil_like(pixels)], axis=1)
        return self._finish(pixels)

    def _veil_like(self, pixels: Array) -> Array:
        assert self.veil is not None
        if pixels.dtype == self.veil.dtype == np.uint8 and pixels.shape[-2:] == self.veil.shape[-2:]:
            return self.veil
        alpha = resize(self.veil, (pixels.shape[-2], pixels.shape[-1]))
        return as_levels(alpha) if pixels.dtype == np.uint8 else alpha


def read(image: ImageLike, *, max_pixels: int = 200_000_000, metadata: Keep = "safe") -> Picture:
    """Return any image as a `Picture`, whose `restore` returns the original type.

    | image                                                             | `restore` gives                            |
    | ----------------------------------------------------------------- | ------------------------------------------ |
    | path, PIL image                                                   | PIL image, RGB or RGBA                     |
    | bytes of a file                                                   | bytes in that format, PNG where that fails |
    | array HW, HWC (C 1 to 4; uint8, uint16, or float in [0, 1])       | array HWC (C 3 or 4) of that dtype         |
    | tensor CHW, NCHW (C 1, 3, 4; uint8, or float in [0, 1])           | tensor of that rank, dtype and device      |

    Files and PIL images are rotated by their EXIF orientation and converted to sRGB by their ICC profile, or by the
    gamma, primaries and HDR of PNG and AVIF. Of an animation, the first frame is used, with a warning.
    `max_pixels` limits width x height of files and bytes; it is checked before decoding. Tensors are detached from
    their graph.

    `metadata` selects the metadata that restored PIL images and bytes carry, see
    `stylezoo.images.metadata.read_metadata`.

    Raises:
        ImageError: the image cannot be read.
    """
    if isinstance(image, Image.Image):
        name = shown(getattr(image, "filename", "") or f"PIL image of mode {image.mode}")
        array, info = decode(image, name), read_metadata(image, metadata, name)
        return _picture(_from_array(array), name, lambda x: to_pil(x, info), info)
    if is_tensor(image):
        return _read_tensor(image)
    if isinstance(image, np.ndarray):
        return _read_array(image)
    if isinstance(image, (bytes, bytearray, memoryview)):
        name = f"picture of {len(image)} bytes"
        array, kind, info = decode_stream(io.BytesIO(image), name, max_pixels, metadata)
        return _picture(_from_array(array), name, lambda x: _encode(x, format_like(kind, x), 92, name, info), info)
    if isinstance(image, (str, os.PathLike)):
        array, name, info = read_file(image, max_pixels, metadata)
        return _picture(_from_array(array), name, lambda x: to_pil(x, info), info)
    raise ImageError(
        f"cannot read a picture from {type(image).__name__}: pass a path, a file's bytes, a PIL image, an array or a "
        "tensor"
    )


def write(
    image: ImageLike, path: PathLike, *, overwrite: bool = False, quality: int = 92, format: str | None = None
) -> None:
    """Write a PIL image, array or tensor to `path`, atomically.

    The format is that of `format` or the suffix. `quality` (1 to 100) is for JPEG, WebP and AVIF. Formats without alpha
    get the picture on white. The metadata of a PIL image is written too.

    Raises:
        ImageError: `path` exists and `overwrite` is false, cannot be written, or has no known format.
        OptionError: `quality` is out of range.
    """
    write_file(path, lambda kind: encode(image, kind, quality), overwrite=overwrite, format=format)


def encode(image: ImageLike, format: str, quality: int = 92) -> bytes:
    """Return a PIL image, array or tensor as the bytes of a file in `format` ('png', 'jpeg', '.webp' ...).

    Colours are rounded to 8 bits. Formats without alpha get the picture on white.

    Raises:
        ImageError: the format is unknown, or does not support the picture.
        OptionError: `quality` is outside 1 to 100.
    """
    check_quality(quality)
    kind = format_named(format, "cannot encode a picture")
    picture = read(image, metadata="keep")
    x = picture.levels if picture.veil is None else np.concatenate([picture.levels, picture.veil], axis=1)
    return _encode(x, kind, quality, picture.name, picture.info)


def to_pil(x: Any, info: Mapping[str, Any] | None = None) -> Image.Image:
    """13HW or 14HW, an array or a tensor, uint8 or float in [0, 1] -> PIL image, RGB or RGBA, with that metadata."""
    image = Image.fromarray(to_array(_as_array(x), np.dtype(np.uint8)))
    image.info.update(info or {})
    return image


def to_array(x: Array, dtype: np.dtype[Any]) -> Array:
    """1CHW, float in [0, 1] or already of `dtype` -> HWC of `dtype`; integers are scaled to full range, half up."""
    if dtype.kind == "u" and x.dtype.kind == "f":
        x = as_levels(x) if dtype == np.uint8 else (x * np.float32(np.iinfo(dtype).max) + np.float32(0.5)).astype(dtype)
    return np.ascontiguousarray(x[0].transpose(1, 2, 0)).astype(dtype, copy=False)


def _encode(x: Array, kind: str, quality: int, name: str, info: Mapping[str, Any]) -> bytes:
    """Return 13HW or 14HW `x`, uint8 or float in [0, 1], as a file's bytes."""
    if x.shape[0] != 1:
        raise ImageError(f"{name} has {x.shape[0]} pictures: write them one at a time")
    if x.shape[1] == 4 and kind not in WITH_ALPHA:
        x = on_white(x[:, :3], x[:, 3:])  # as browsers do
    return encode_array(to_array(x, np.dtype(np.uint8)), kind, quality, name, info)


def _picture(x: Array, name: str, finish: Callable[[Array], Any], info: Mapping[str, Any] | None = None) -> Picture:
    """Split NCHW `x` with C = 1 to 4 into colour and alpha."""
    alpha = np.ascontiguousarray(x[:, -1:]) if x.shape[1] in {2, 4} else None
    colour = x[:, :3] if x.shape[1] >= 3 else x[:, :1].repeat(3, axis=1)
    return Picture(np.ascontiguousarray(colour), alpha, name, finish, info or {})


def is_tensor(image: Any) -> TypeIs[Tensor]:
    """Return whether `image` is a torch tensor."""
    torch = sys.modules.get("torch")  # a tensor implies that torch is imported
    return torch is not None and isinstance(image, torch.Tensor)


def _torch() -> Any:
    """Import and return torch."""
    return import_module("torch")


def _as_array(pixels: Any) -> Array:
    if isinstance(pixels, np.ndarray):
        return pixels
    pixels = pixels.detach().cpu()
    array: Array = (pixels.float() if pixels.is_floating_point() else pixels).numpy()
    return array


def _read_array(array: Array) -> Picture:
    name = f"array of shape {'x'.join(map(str, array.shape))} and dtype {array.dtype}"
    if array.ndim not in {2, 3} or (array.ndim == 3 and not 1 <= array.shape[2] <= 4):
        hint = "expected HxW or HxWxC with 1 to 4 channels"
        if array.ndim == 3 and array.shape[0] in {1, 3, 4}:
            hint += "; this looks like CxHxW: pass array.transpose(1, 2, 0)"
        elif array.ndim == 4:
            hint += "; pass the pictures one at a time"
        raise ImageError(f"{name} is not a picture: {hint}")
    if 0 in array.shape:
        raise ImageError(f"{name} has no pixels")
    if array.dtype.type not in {np.uint8, np.uint16, np.float16, np.float32, np.float64}:
        raise ImageError(f"{name}: expected uint8 or uint16, or a float dtype with values in [0, 1]; convert it first")
    dtype = array.dtype
    if dtype.kind == "f":
        _check_range(float(array.min()), float(array.max()), name)
    return _picture(_from_array(array), name, lambda x: to_array(x, dtype))


def _from_array(array: Array) -> Array:
    """HW or HWC (uint8, uint16, or float in about [0, 1]) -> uint8 or float32 in [0, 1], 1CHW."""
    planes = array[None] if array.ndim == 2 else array.transpose(2, 0, 1)
    dtype = np.uint8 if array.dtype == np.uint8 else np.float32
    x = np.array(planes, dtype=dtype, order="C")[None]  # copy: do not modify the caller's array
    if array.dtype.kind == "f":
        return x.clip(0, 1, out=x)
    return x if array.dtype == np.uint8 else np.divide(x, np.float32(np.iinfo(array.dtype).max), out=x)


def _read_tensor(tensor: Tensor) -> Picture:
    torch = _torch()
    name = f"tensor of shape {_sizes(tensor)} and dtype {str(tensor.dtype).removeprefix('torch.')}"
    if tensor.ndim not in {3, 4} or tensor.shape[-3] not in {1, 3, 4}:
        hint = "expected CxHxW or NxCxHxW with 1, 3 or 4 channels"
        if tensor.ndim in {3, 4} and tensor.shape[-1] in {1, 3, 4}:
            axes = "2, 0, 1" if tensor.ndim == 3 else "0, 3, 1, 2"
            hint += f"; this looks like channels last: pass tensor.permute({axes})"
        raise ImageError(f"{name} is not a picture: {hint}")
    if tensor.numel() == 0:
        raise ImageError(f"{name} has no pixels")
    if tensor.dtype != torch.uint8 and not tensor.is_floating_point():
        raise ImageError(f"{name}: expected uint8, or a float dtype with values in [0, 1]; convert it first")
    rank, dtype, device = tensor.ndim, tensor.dtype, tensor.device
    x = np.array(_as_array(tensor))  # copy: do not modify the caller's tensor
    if dtype != torch.uint8:
        _check_range(float(x.min()), float(x.max()), name)
        x.clip(0, 1, out=x)

    def finish(result: Array) -> Tensor:
        result = as_levels(result) if dtype == torch.uint8 else result
        made = torch.from_numpy(np.ascontiguousarray(result)).to(device, dtype)
        return made if rank == 4 else made[0]

    return _picture(x if rank == 4 else x[None], name, finish)


def _check_range(low: float, high: float, name: str) -> None:
    if not (np.isfinite(low) and np.isfinite(high)):
        raise ImageError(f"{name} has NaN or infinity: replace them first")
    if low >= -SLACK and high <= 1 + SLACK:
        return
    if low >= -SLACK and 2 < high <= 65535:
        remedy = f"divide by {255 if high <= 255 else 65535}"
    elif -1 - SLACK <= low < -0.5 and high <= 1 + SLACK:
        remedy = "it looks like [-1, 1]: pass x / 2 + 0.5"
    else:
        remedy = "clip or scale it first"
    raise ImageError(f"{name} has values {low:g} to {high:g}, outside [0, 1]: {remedy}")


def _sizes(pixels: Any) -> str:
    return "x".join(map(str, pixels.shape))
