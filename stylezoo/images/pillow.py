"""Decode files, bytes and PIL images to upright sRGB, and encode them, with Pillow. Imports no torch."""

from __future__ import annotations

import io
import os
import threading
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any, TypeAlias

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageCms, ImageOps, UnidentifiedImageError

from stylezoo.errors import ImageError
from stylezoo.images.kinds import HEAD, explain, load_plugin, plugin_for
from stylezoo.images.light import HDR, stated_colours, to_srgb
from stylezoo.images.metadata import read_metadata, save_options, srgb_profile
from stylezoo.types import Keep, PathLike

Array: TypeAlias = NDArray[Any]
Colours: TypeAlias = tuple[Any, Any] | None
"""The result of `stated_colours`."""

_SUFFIXES = {
    ".png": "PNG",
    ".jpg": "JPEG",
    ".jpeg": "JPEG",
    ".jfif": "JPEG",
    ".jpe": "JPEG",
    ".jif": "JPEG",
    ".webp": "WEBP",
    ".tif": "TIFF",
    ".tiff": "TIFF",
    ".avif": "AVIF",
    ".jp2": "JPEG2000",
    ".bmp": "BMP",
    ".gif": "GIF",
    ".tga": "TGA",
    ".ppm": "PPM",
}
WITH_ALPHA = {"PNG", "WEBP", "TIFF", "AVIF", "JPEG2000", "TGA"}  # not GIF, whose alpha is one bit
MOST = 2**31 - 1
LONGEST_SIDE = {"JPEG": 65500, "WEBP": 16383, "GIF": 65535, "AVIF": 65536, "TGA": 65535}
"""The longest side in px that a format or its encoder supports."""
_STILL = {"MPO", "PSD"}  # their other frames are previews or layers, so no warning is needed
SLACK = 1e-3  # tolerance outside [0, 1]: one step of float16 at 1


def decode_stream(
    stream: IO[bytes], name: str, max_pixels: int, keep: Keep = "none"
) -> tuple[Array, str, dict[str, Any]]:
    """Return the pixels of an encoded picture (as `decode`), the name of its format and its metadata."""
    if stream.seekable():
        if not stream.read(1):
            raise ImageError(f"{name} is empty: download or save it again")
        stream.seek(0)
    image = open_picture(stream, name, max_pixels)
    with image:
        width, height = image.size
        if width * height > max_pixels:
            raise ImageError(
                f"{name} has {width} x {height} = {width * height:,} pixels, more than the limit of {max_pixels:,}: "
                "scale it down first"
            )
        kind = image.format or ""
        array = decode(image, name)
        info = read_metadata(image, keep, name)
        try:
            frames = 1 if kind in _STILL else getattr(image, "n_frames", 1)
        except Exception as cause:  # GIF scans the whole file to count frames
            raise _damaged(name, cause) from cause
        if frames > 1:
            more = ": stylezoo video stylizes all" if kind in ("GIF", "PNG", "WEBP") else ""
            warnings.warn(f"{name} has {frames} frames; only the first is used{more}", UserWarning, stacklevel=2)
    return array, kind, info


def open_picture(stream: IO[bytes], name: str, max_pixels: int) -> Image.Image:
    """Open a picture, with a plugin if needed; raise ImageError with the kind of file if it is not a picture."""
    start = stream.tell() if stream.seekable() else 0
    try:
        with _limit_raised_to(max_pixels):
            try:
                return Image.open(stream)
            except UnidentifiedImageError:
                stream.seek(start)
                plugin = plugin_for(stream.read(HEAD))
                stream.seek(start)
                if plugin is None or not load_plugin(plugin):
                    raise
                return Image.open(stream)
    except UnidentifiedImageError as cause:
        stream.seek(start)
        raise ImageError(f"{name} {explain(stream.read(HEAD))}") from cause
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as cause:
        raise ImageError(f"{name} has more pixels than the limit of {max_pixels:,}: scale it down first") from cause
    except Exception as cause:  # Pillow's plugins raise nearly any error
        raise _damaged(name, cause) from cause


def _damaged(name: str, cause: Exception) -> ImageError:
    reason = " ".join(str(cause).split()) or type(cause).__name__
    return ImageError(f"cannot decode {name}: {reason}; it is cut short or damaged: fetch or save it again")


_limit_lock = threading.Lock()


@contextmanager
def _limit_raised_to(pixels: int) -> Iterator[None]:
    """Raise Pillow's pixel limit, a global, while opening a picture."""
    with _limit_lock:
        before = Image.MAX_IMAGE_PIXELS
        if before is not None:
            Image.MAX_IMAGE_PIXELS = max(before, pixels)
        try:
            with warnings.catch_warnings():  # `max_pixels` is checked separately
                warnings.simplefilter("ignore", Image.DecompressionBombWarning)
                yield
        finally:
            Image.MAX_IMAGE_PIXELS = before


def decode(image: Image.Image, name: str) -> Array:
    """Return an upright sRGB picture as HWC, C 1 to 4: uint8, or float32 in [0, 1] for deep grey."""
    if 0 in image.size:
        raise ImageError(f"{name} has no pixels ({image.width} x {image.height})")
    kind = image.format  # lost by rotating
    colours = None if image.info.get("icc_profile") else stated_colours(image)
    if kind == "EPS":  # Pillow would run Ghostscript
        raise ImageError(f"{name} {explain(b'%!PS')}")
    try:
        image.load()
    except Exception as cause:  # the decoder raises nearly any error
        raise _damaged(name, cause) from cause
    try:
        image = ImageOps.exif_transpose(image)
    except Exception as cause:  # Pillow parses EXIF lazily, so damage shows only here; the picture itself is fine
        warnings.warn(f"{name}: its EXIF data is damaged and ignored ({cause})", UserWarning, stacklevel=2)
    if image.mode.startswith("I") or image.mode == "F":
        return _deep_grey(image, name, kind, colours)
    try:
        if not image.has_transparency_data:
            return np.asarray(_srgb(image, name, colours))
        image = image.convert("LA" if image.mode in {"1", "L", "LA", "La"} else "RGBA")
        alpha = np.asarray(image.getchannel("A"))
        colour = _srgb(image.convert(image.mode[:-1]), name, colours)
    except ValueError as cause:
        raise ImageError(f"{name}: Pillow cannot convert mode {image.mode} to RGB; convert it first") from cause
    return np.dstack([np.asarray(colour), alpha])


def _deep_grey(image: Image.Image, name: str, kind: str | None, colours: Colours) -> Array:
    """Scale grey of 16 or 32 bits to [0, 1]; Pillow's conversion would clip it at 255."""
    values = np.asarray(image, dtype=np.float32)
    if not np.isfinite(values).all():
        raise ImageError(f"{name} has NaN or infinity: replace them first")
    white = 65535.0 if image.mode.startswith("I;16") or kind in {"PNG", "PPM"} else _white_of(values, image.mode, name)
    grey = (values / white).clip(0, 1)
    if colours or image.info.get("icc_profile"):  # what becomes of grey in 8 bits is a curve for deeper grey
        ramp = Image.fromarray(np.arange(256, dtype=np.uint8)[None])
        ramp.info.update(image.info)
        curve = np.asarray(_srgb(ramp, name, colours), dtype=np.float32)[0]
        channels = [np.interp(grey * 255, np.arange(256), curve[:, i] / 255) for i in range(3)]
        grey = (channels[1] if np.ptp(curve, axis=1).max() <= 2 else np.dstack(channels)).astype(np.float32)
    key = image.info.get("transparency")
    planes = grey if grey.ndim == 3 else grey[..., None]
    return planes if key is None else np.dstack([planes, values != key]).astype(np.float32)


def _white_of(values: NDArray[np.float32], mode: str, name: str) -> float:
    """Return the white level of grey of mode I or F, which do not state it.

    Integers: 255 or 65535, by the largest value. Floats: 1, or 255 or 65535 if more than half of that is reached; other
    floats may be unbounded light without a known white level.

    Raises ImageError if the white level is unknown.
    """
    steps = (1.0, 255.0, 65535.0) if mode == "F" else (255.0, 65535.0)
    top, low = float(values.max()), float(values.min())
    white = next((step for step in steps if top <= step * (1 + SLACK)), 0.0)
    if white and low >= -white * SLACK and (mode != "F" or white == 1 or top > white / 2):
        return white
    remedy = "scale it to 0..1" if mode == "F" else "scale it to 0..65535"
    raise ImageError(
        f"{name} is grey of mode {mode} with values {low:g} to {top:g} and unknown white level: {remedy} first"
    )


def _srgb(image: Image.Image, name: str, colours: Colours = None) -> Image.Image:
    """Return `image` (without alpha) as sRGB in mode RGB, by its ICC profile if it has one, else by `colours`."""
    profile_bytes = image.info.get("icc_profile")
    if not profile_bytes or image.mode == "LAB" or profile_bytes == srgb_profile():
        rgb = image if image.mode == "RGB" else image.convert("RGB")  # avoids a copy
        if colours is None:
            return rgb
        if colours[1] in HDR and isinstance(colours[1], int):
            warnings.warn(f"{name} is HDR ({HDR[colours[1]]}): it is tone-mapped to sRGB", UserWarning, stacklevel=2)
        return Image.fromarray(to_srgb(np.asarray(rgb).astype(np.uint16) * 257, *colours))
    try:
        profile = ImageCms.ImageCmsProfile(io.BytesIO(profile_bytes))
        space = profile.profile.xcolor_space.strip()
        # Editors leave RGB profiles on pictures that they made grey or CMYK; lcms wants what the profile says.
        source = image.convert({"RGB": "RGB", "GRAY": "L"}.get(space, image.mode))
        srgb = ImageCms.createProfile("sRGB")
        # lcms would tabulate the grey curves and round dark values badly
        flags = ImageCms.Flags.NOOPTIMIZE if space == "GRAY" else ImageCms.Flags.NONE
        converted = ImageCms.profileToProfile(source, profile, srgb, outputMode="RGB", flags=flags)
        assert converted is not None  # None only with inPlace
        return converted
    except (ImageCms.PyCMSError, ImportError, OSError, TypeError, ValueError) as cause:
        warnings.warn(f"{name}: its ICC profile is broken and ignored ({cause})", UserWarning, stacklevel=2)
        return image.convert("RGB")


def encode_array(array: Array, kind: str, quality: int, name: str, info: Mapping[str, Any] | None = None) -> bytes:
    """Return uint8 HWC, C 3 or 4, as a file's bytes in Pillow's format `kind`, which must support alpha if C is 4.

    `info` is the metadata to write, as `read_metadata` returns it.
    """
    options = save_options(info or {}, kind)
    if kind in {"JPEG", "WEBP", "AVIF"}:
        options["quality"] = quality
    if kind == "JPEG" and quality >= 90:
        options["subsampling"] = 0  # stylized edges between saturated colours fringe at half the chroma resolution
    buffer = io.BytesIO()
    try:
        Image.fromarray(array).save(buffer, kind, **options)
    except (OSError, ValueError, OverflowError) as cause:  # mostly the size limits of WebP and JPEG
        size = f"{array.shape[1]} x {array.shape[0]}"
        raise ImageError(f"cannot encode {name} ({size} px) as {kind}: {cause}; try PNG") from cause
    return buffer.getvalue()


def encode_picture(picture: Image.Image, kind: str, quality: int, name: str = "the picture") -> bytes:
    """Return an RGB or RGBA picture as a file's bytes in Pillow's format `kind`, on white if that has no alpha."""
    array = np.asarray(picture)
    if array.shape[2] == 4 and kind not in WITH_ALPHA:
        x = array.astype(np.float32) / 255
        x = x[..., :3] * x[..., 3:] + (1 - x[..., 3:])  # as browsers do
        array = (x * 255 + 0.5).astype(np.uint8)
    return encode_array(array, kind, quality, name, read_metadata(picture, "keep", name))


def _writable() -> dict[str, str]:
    """Suffix -> Pillow's format, for the formats that this build of Pillow can write."""
    return {suffix: kind for suffix, kind in _SUFFIXES.items() if _can_write(kind)}


def _can_write(kind: str) -> bool:
    Image.preinit()  # the common formats; all of Pillow's take 20 ms more
    if kind not in Image.SAVE:
        Image.init()
    return kind in Image.SAVE


def format_like(kind: str, x: Array) -> str:
    """The format for restoring bytes of format `kind` from N3HW or N4HW `x`: PNG if `kind` does not support it."""
    kind = "JPEG" if kind == "MPO" else kind
    able = kind in _SUFFIXES.values() and _can_write(kind) and (x.shape[1] == 3 or kind in WITH_ALPHA)
    return kind if able and max(x.shape[-2:]) <= LONGEST_SIDE.get(kind, MOST) else "PNG"


def longest_side(photo: Path | Image.Image) -> int:
    """Return the long side in px from a file's header, without decoding; 0 if unknown."""
    if isinstance(photo, Image.Image):
        return max(photo.size)
    try:
        with photo.open("rb") as file, open_picture(file, "", MOST) as image:
            return max(image.size)
    except (OSError, ImageError):
        return 0


def format_of(path: Path) -> str:
    """Return Pillow's name of the format of the suffix of `path`; raise ImageError if it is unknown."""
    kind = _SUFFIXES.get(path.suffix.lower())
    if kind and _can_write(kind):
        return kind
    what = f"its suffix '{path.suffix}' is unknown" if path.suffix else "it has no suffix to tell the format"
    raise ImageError(f"cannot write {shown(path)}: {what}; use one of {', '.join(_writable())}")


def format_named(name: str, task: str) -> str:
    """Return Pillow's name of the format 'jpg', '.png', 'TIFF' ..., or raise ImageError, starting with `task`."""
    kind = _SUFFIXES.get("." + name.lower().lstrip("."), name.upper())
    if kind in _SUFFIXES.values() and _can_write(kind):
        return kind
    known = ", ".join(suffix.lstrip(".") for suffix in _writable())
    raise ImageError(f"{task}: format '{name}' is unknown; use one of {known}")


def shown(path: PathLike) -> str:
    """Return the path as one short line, for messages."""
    text = os.fsdecode(path) or "''"
    text = text if text.isprintable() else ascii(text)[1:-1]
    return text if len(text) <= 300 else f"{text[:120]}...{text[-120:]}"
