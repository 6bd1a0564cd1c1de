"""Any picture to a float tensor in [0, 1], and back to what it came as.

Pillow does the decoding. 16-bit grey stays 16-bit on the way in; 16-bit RGB files come as 8 bits, which is all that
Pillow has. Arrays and tensors keep their own depth both ways.
"""

from __future__ import annotations

import io
import os
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from stylezoo.errors import ImageError, OptionError
from stylezoo.files import replacing
from stylezoo.image.pillow import (
    SLACK,
    Array,
    decode,
    decode_stream,
    encode_pixels,
    format_like,
    format_named,
    format_of,
    shown,
    to_array,
    to_pil,
)
from stylezoo.image.resize import resize
from stylezoo.image.tiles import as_float, as_levels
from stylezoo.types import ImageLike, PathLike

NAN_REMEDY = "try float32 (dtype) or a lower strength"


@dataclass(frozen=True, eq=False)
class Picture:
    """A picture as tensors, and the way back.

    Attributes:
        levels: N3HW RGB as deep as it came: uint8, or float32 in [0, 1].
        veil: its alpha, N1HW as deep as that, or None.
        name: what messages call it.
    """

    levels: Tensor
    veil: Tensor | None
    name: str
    _finish: Callable[[Tensor], Any] = field(repr=False)

    @cached_property
    def pixels(self) -> Tensor:
        """RGB as float32 N3HW in [0, 1]."""
        return as_float(self.levels)

    @cached_property
    def alpha(self) -> Tensor | None:
        """Alpha as float32 N1HW in [0, 1], or None."""
        return None if self.veil is None else as_float(self.veil)

    def restore(self, pixels: Tensor) -> Any:
        """Return `pixels` (N3HW of any size, uint8 or float in [0, 1]) as the type that the picture came as.

        The picture's alpha is resized and joined to them. Values outside [0, 1] are clipped; other shapes and NaN
        are an ImageError.
        """
        count = self.levels.shape[0]
        if pixels.ndim != 4 or pixels.shape[:2] != (count, 3) or 0 in pixels.shape:
            raise ImageError(f"{self.name}: cannot restore pixels of shape {_sizes(pixels)}: expected {count}x3xHxW")
        if pixels.dtype != self.levels.dtype or pixels.dtype != torch.uint8:  # else no float copy is made of it
            pixels = as_float(pixels.detach()).float()
            if not torch.isfinite(pixels).all():
                raise ImageError(f"{self.name}: the result holds NaN or infinity: {NAN_REMEDY}")
            pixels = pixels.clamp(0, 1)
        if self.veil is not None:
            pixels = torch.cat([pixels, self._veil_like(pixels)], dim=1)
        return self._finish(pixels)

    def _veil_like(self, pixels: Tensor) -> Tensor:
        assert self.veil is not None
        if pixels.dtype == self.veil.dtype == torch.uint8 and pixels.shape[-2:] == self.veil.shape[-2:]:
            return self.veil.to(pixels.device)
        alpha = resize(as_float(self.veil).to(pixels.device), (pixels.shape[-2], pixels.shape[-1]))
        return as_levels(alpha) if pixels.dtype == torch.uint8 else alpha


def read(image: ImageLike, *, max_pixels: int = 200_000_000) -> Picture:
    """Return any image as a `Picture`, whose `restore` gives back the type that came in.

    | image                                                             | `restore` gives                            |
    | ----------------------------------------------------------------- | ------------------------------------------ |
    | path, PIL image                                                   | PIL image, RGB or RGBA                     |
    | bytes of a file                                                   | bytes in that format, PNG where that fails |
    | array HW, HWC (C 1 to 4; uint8, uint16, or float in [0, 1])       | array HWC (C 3 or 4) of that dtype         |
    | tensor CHW, NCHW (C 1, 3, 4; uint8, or float in [0, 1])           | tensor of that rank, dtype and device      |

    Pillow pictures are turned upright by their EXIF orientation and converted to sRGB by their ICC profile. Of an
    animation the first frame is taken, with a warning. `max_pixels` bounds width x height of files and bytes, checked
    in the header before anything is decoded. Tensors are detached from their graph.

    Raises ImageError for whatever is no such picture, with its name, the reason and the remedy.
    """
    if isinstance(image, Image.Image):
        name = shown(getattr(image, "filename", "") or f"PIL image of mode {image.mode}")
        return _picture(_from_array(decode(image, name)), name, to_pil)
    if isinstance(image, Tensor):
        return _read_tensor(image)
    if isinstance(image, np.ndarray):
        return _read_array(image)
    if isinstance(image, (bytes, bytearray, memoryview)):
        name = f"picture of {len(image)} bytes"
        array, kind = decode_stream(io.BytesIO(image), name, max_pixels)
        return _picture(_from_array(array), name, lambda x: encode_pixels(x, format_like(kind, x), 92, name))
    if isinstance(image, (str, os.PathLike)):
        return _read_file(image, max_pixels)
    raise ImageError(
        f"cannot read a picture from {type(image).__name__}: pass a path, a file's bytes, a PIL image, an array or a "
        "tensor"
    )


def write(
    image: ImageLike, path: PathLike, *, overwrite: bool = False, quality: int = 92, format: str | None = None
) -> None:
    """Write a PIL image, array or tensor to `path`, whole or not at all.

    The suffix names the format unless `format` does. `quality` (1 to 100) is for JPEG, WebP and AVIF. Formats without
    alpha get the picture on white. Raises ImageError where `path` exists and `overwrite` is false, cannot be
    written or names no format, and OptionError for a quality out of range.
    """
    path, name = Path(path), shown(path)
    kind = format_named(format, f"cannot write {name}") if format else format_of(path)
    if path.is_dir():
        raise ImageError(f"cannot write {name}: it is a folder; name a file in it")
    if not overwrite and os.path.lexists(path):
        raise ImageError(f"{name} exists; pass overwrite=True (--force)")
    data = encode(image, kind, quality)
    try:
        with replacing(path) as temporary:
            temporary.write_bytes(data)
    except (OSError, ValueError) as cause:  # ValueError: a NUL in the path
        reason = getattr(cause, "strerror", None) or cause
        raise ImageError(f"cannot write {name}: {reason}; choose another place") from cause


def encode(image: ImageLike, format: str, quality: int = 92) -> bytes:
    """Return a PIL image, array or tensor as the bytes of a file in `format` ('png', 'jpeg', '.webp' ...).

    Colours are rounded to 8 bits. Formats without alpha get the picture on white. Raises ImageError for an unknown
    format and for a picture that the format cannot hold, OptionError for a `quality` outside 1 to 100.
    """
    if not 1 <= quality <= 100:
        raise OptionError(f"quality={quality} must be between 1 and 100")
    kind = format_named(format, "cannot encode a picture")
    picture = read(image)
    x = picture.levels if picture.veil is None else torch.cat([picture.levels, picture.veil], dim=1)
    return encode_pixels(x, kind, quality, picture.name)


def _read_file(path: PathLike, max_pixels: int) -> Picture:
    text = os.fsdecode(path)
    name = shown(text)
    if re.match(r"[A-Za-z][A-Za-z0-9+.-]+://", text):
        raise ImageError(f"{name} is a URL: download it first and pass the file's path")
    try:
        if Path(text).is_dir():
            raise ImageError(f"{name} is a folder: name one picture in it")
        with Path(text).open("rb") as file:
            array, _ = decode_stream(file, name, max_pixels)
    except FileNotFoundError as cause:
        raise ImageError(f"{name} does not exist: check the path, relative to {shown(Path.cwd())}") from cause
    except PermissionError as cause:
        raise ImageError(f"no permission to read {name}: change its access rights, or copy it") from cause
    except (OSError, ValueError) as cause:  # ValueError: a NUL in the path
        raise ImageError(f"cannot open {name}: {getattr(cause, 'strerror', None) or cause}; check the path") from cause
    return _picture(_from_array(array), name, to_pil)


def _picture(x: Tensor, name: str, finish: Callable[[Tensor], Any]) -> Picture:
    """Part NCHW `x` with C = 1 to 4 into colour and alpha."""
    alpha = x[:, -1:].contiguous() if x.shape[1] in {2, 4} else None
    colour = x[:, :3] if x.shape[1] >= 3 else x[:, :1].expand(-1, 3, -1, -1)
    return Picture(colour.contiguous(), alpha, name, finish)


def _read_array(array: Array) -> Picture:
    name = f"array of shape {'x'.join(map(str, array.shape))} and dtype {array.dtype}"
    if array.ndim not in {2, 3} or (array.ndim == 3 and not 1 <= array.shape[2] <= 4):
        hint = "expected HxW or HxWxC with 1 to 4 channels"
        if array.ndim == 3 and array.shape[0] in {1, 3, 4}:
            hint += "; this looks like CxHxW: pass array.transpose(1, 2, 0)"
        elif array.ndim == 4:
            hint += "; pass the pictures one at a time"
        raise ImageError(f"{name} is no picture: {hint}")
    if 0 in array.shape:
        raise ImageError(f"{name} has no pixels")
    if array.dtype.type not in {np.uint8, np.uint16, np.float16, np.float32, np.float64}:
        raise ImageError(f"{name}: expected uint8 or uint16, or a float dtype with values in [0, 1]; convert it first")
    dtype = array.dtype
    if dtype.kind == "f":
        _check_range(float(array.min()), float(array.max()), name)
    return _picture(_from_array(array), name, lambda x: to_array(x, dtype))


def _from_array(array: Array) -> Tensor:
    """HW or HWC (uint8, uint16, or float in about [0, 1]) -> uint8 or float32 in [0, 1], 1CHW."""
    planes = array[None] if array.ndim == 2 else array.transpose(2, 0, 1)
    dtype = np.uint8 if array.dtype == np.uint8 else np.float32
    x = torch.from_numpy(np.array(planes, dtype=dtype, order="C"))[None]  # a copy: the caller's array is theirs
    if array.dtype.kind == "f":
        return x.clamp_(0, 1)
    return x if array.dtype == np.uint8 else x.div_(float(np.iinfo(array.dtype).max))


def _read_tensor(tensor: Tensor) -> Picture:
    name = f"tensor of shape {_sizes(tensor)} and dtype {str(tensor.dtype).removeprefix('torch.')}"
    if tensor.ndim not in {3, 4} or tensor.shape[-3] not in {1, 3, 4}:
        hint = "expected CxHxW or NxCxHxW with 1, 3 or 4 channels"
        if tensor.ndim in {3, 4} and tensor.shape[-1] in {1, 3, 4}:
            axes = "2, 0, 1" if tensor.ndim == 3 else "0, 3, 1, 2"
            hint += f"; this looks like channels last: pass tensor.permute({axes})"
        raise ImageError(f"{name} is no picture: {hint}")
    if tensor.numel() == 0:
        raise ImageError(f"{name} has no pixels")
    if tensor.dtype != torch.uint8 and not tensor.is_floating_point():
        raise ImageError(f"{name}: expected uint8, or a float dtype with values in [0, 1]; convert it first")
    rank, dtype, device = tensor.ndim, tensor.dtype, tensor.device
    if dtype == torch.uint8:
        x = tensor.detach().clone()
    else:
        x = tensor.detach().float()
        low, high = torch.aminmax(x)
        _check_range(float(low), float(high), name)
        x = x.clamp(0, 1)

    def finish(result: Tensor) -> Tensor:
        result = as_levels(result) if dtype == torch.uint8 and result.is_floating_point() else result
        return (result if rank == 4 else result[0]).to(device, dtype)

    return _picture(x if rank == 4 else x[None], name, finish)


def _check_range(low: float, high: float, name: str) -> None:
    if not (np.isfinite(low) and np.isfinite(high)):
        raise ImageError(f"{name} holds NaN or infinity: replace them first")
    if low >= -SLACK and high <= 1 + SLACK:
        return
    if low >= -SLACK and 2 < high <= 65535:
        remedy = f"divide by {255 if high <= 255 else 65535}"
    elif -1 - SLACK <= low < -0.5 and high <= 1 + SLACK:
        remedy = "it looks like [-1, 1]: pass x / 2 + 0.5"
    else:
        remedy = "clip or scale it first"
    raise ImageError(f"{name} has values {low:g} to {high:g}, outside [0, 1]: {remedy}")


def _sizes(tensor: Tensor) -> str:
    return "x".join(map(str, tensor.shape))
