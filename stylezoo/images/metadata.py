"""Metadata: what a stylized image keeps of it, and how each format stores it.

Metadata is passed on in `Image.info`, as read by Pillow: "exif", "xmp", "icc_profile", "comment" (bytes), "dpi" (a
pair) and, for PNG text, "text" (a dict).
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from functools import cache
from typing import Any

from PIL import ExifTags, Image, ImageCms, PngImagePlugin

from stylezoo.types import Keep

_Base, _Exif = ExifTags.Base, int(ExifTags.IFD.Exif)
_SAFE = {int(tag) for tag in (_Base.ImageDescription, _Base.Artist, _Base.Copyright, _Base.DateTime)}
_SAFE_EXIF = {36867, 36868, 36880, 36881, 36882, 37520, 37521, 37522}  # capture times and time zones
# TIFF structure and old pixels: sizes, strips, resolution, orientation, thumbnails, profile, XMP, Photoshop
_OUTDATED = {*range(254, 260), 262, 266, 273, 274, *range(277, 285), 292, 293, 296, 297, 301, *range(317, 326), 330}
_OUTDATED |= {338, 339, 340, 341, 347, *range(512, 533), 700, 34377, 34675}
_OUTDATED_EXIF = {40962, 40963, 40965}  # the old width and height; a pointer

_TEXTS = {"Title": 270, "Description": 270, "Author": 315, "Copyright": 33432}
"""PNG keyword -> the equivalent EXIF tag."""
_XMP = {
    "{http://purl.org/dc/elements/1.1/}title": 270,
    "{http://purl.org/dc/elements/1.1/}description": 270,
    "{http://purl.org/dc/elements/1.1/}creator": 315,
    "{http://purl.org/dc/elements/1.1/}rights": 33432,
    "{http://ns.adobe.com/xap/1.0/}CreateDate": 36867,
    "{http://ns.adobe.com/exif/1.0/}DateTimeOriginal": 36867,
}
_XMP_OF_PNG = "XML:com.adobe.xmp"
_LONGEST = {"exif": 65527, "xmp": 65502, "comment": 65533}  # bytes in a segment of JPEG


def read_metadata(image: Image.Image, keep: Keep, name: str) -> dict[str, Any]:
    """Return the metadata of a loaded image that a stylized image keeps, as in `Image.info`.

    Args:
        keep: "none": nothing. "safe": artist, copyright, description and dates (from EXIF, else from XMP and PNG text)
            and the resolution, but neither location, camera nor software. "keep": all EXIF, XMP, comments and PNG text.
            Thumbnails and outdated facts (orientation, size, the old colour profile) are always dropped. If the picture
            stated its colour space, the result is tagged as sRGB.
        name: for warnings.
    """
    if keep == "none":
        return {}
    info = image.info
    found: dict[str, Any] = {}
    texts = {str(key): str(text) for key, text in (getattr(image, "text", None) or info.get("text") or {}).items()}
    xmp = _bytes(info.get("xmp")) or texts.get(_XMP_OF_PNG, "").encode("utf-8", "ignore")
    texts.pop(_XMP_OF_PNG, None)
    if data := _exif(image, keep, _from_xmp(xmp) | _from_texts(texts), name):
        found["exif"] = data
    if keep == "safe":
        texts = {key: text for key, text in texts.items() if key in {*_TEXTS, "Creation Time"}}
    else:
        found |= {"xmp": xmp, "comment": _bytes(info.get("comment"))}
    found |= {"text": texts, "dpi": _dpi(info.get("dpi"))}
    if any(key in info for key in ("icc_profile", "srgb", "gamma", "cicp")):
        found["icc_profile"] = srgb_profile()
    return {key: value for key, value in found.items() if value}


def save_options(info: Mapping[str, Any], kind: str) -> dict[str, Any]:
    """Return the arguments of `Image.save` that write this metadata in Pillow's format `kind`, as far as supported.

    Fields that are too long for JPEG are dropped, with a warning.
    """
    names = {
        "JPEG": ("exif", "xmp", "icc_profile", "dpi", "comment"),
        "PNG": ("exif", "icc_profile", "dpi"),
        "WEBP": ("exif", "xmp", "icc_profile"),
        "AVIF": ("exif", "xmp", "icc_profile"),
        "TIFF": ("exif", "icc_profile", "dpi"),
        "BMP": ("dpi",),
    }.get(kind, ())
    options = {name: info[name] for name in names if info.get(name)}
    if kind == "JPEG":
        for name in [name for name, most in _LONGEST.items() if len(options.get(name, b"")) > most]:
            warnings.warn(
                f"JPEG cannot store {name.upper()} of {len(options.pop(name)):,} bytes: it is dropped", stacklevel=2
            )
    if kind == "PNG":
        options["pnginfo"] = chunks = PngImagePlugin.PngInfo()
        for key, text in info.get("text", {}).items():
            chunks.add_text(key, text) if _latin(text) else chunks.add_itxt(key, text)
        if info.get("xmp"):
            chunks.add_itxt(_XMP_OF_PNG, info["xmp"].decode("utf-8", "replace"))
    if kind == "TIFF" and ("exif" in options or info.get("xmp")):
        exif = Image.Exif()
        exif.load(info.get("exif", b""))
        if info.get("xmp"):
            exif[700] = info["xmp"]
        options["exif"] = _keep_texts(exif)
    return options


@cache
def srgb_profile() -> bytes:
    """Return an sRGB profile; its bytes are always the same."""
    data = bytearray(ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes())
    data[24:36] = (2024).to_bytes(2, "big") + bytes([0, 1, 0, 1]) + bytes(6)  # a fixed creation date
    return bytes(data)


def _exif(image: Image.Image, keep: Keep, elsewhere: Mapping[int, str], name: str) -> bytes:
    """Return the EXIF to write; `elsewhere` maps tags to values found in XMP or PNG text."""
    made = Image.Exif()
    try:
        exif = image.getexif()
        inner = dict(exif.get_ifd(_Exif))
        for tag, value in exif.items():
            if tag in _SAFE or (keep == "keep" and tag not in {*_OUTDATED, _Exif, int(ExifTags.IFD.GPSInfo)}):
                made[tag] = value
        kept = {t: v for t, v in inner.items() if t in _SAFE_EXIF or (keep == "keep" and t not in _OUTDATED_EXIF)}
        if keep == "keep" and (place := dict(exif.get_ifd(ExifTags.IFD.GPSInfo))):
            made[int(ExifTags.IFD.GPSInfo)] = place
        for tag, value in elsewhere.items():
            as_read = value.encode("utf-8", "ignore").decode("latin-1")
            (kept if tag in _SAFE_EXIF else made).setdefault(tag, as_read)
        if kept:
            made[_Exif] = kept
        return _keep_texts(made).tobytes() if len(made) else b""
    except Exception as cause:  # Pillow parses EXIF lazily and raises nearly any error
        warnings.warn(f"{name}: its EXIF data is damaged and was dropped ({cause})", UserWarning, stacklevel=2)
        return b""


class _Text(str):
    """A text of EXIF that Pillow writes with its bytes as they were, and not "?" for all that is not ASCII.

    Pillow reads texts as Latin-1. Most programs write UTF-8, which such a text holds byte by byte.
    """

    __slots__ = ()

    def encode(self, encoding: str = "latin-1", errors: str = "strict") -> bytes:
        return super().encode("latin-1", errors)


def _keep_texts(exif: Image.Exif) -> Image.Exif:
    """Make every text a `_Text`, in place."""
    inner = [value for value in exif.values() if isinstance(value, dict)]
    for place in (exif, *inner):
        for tag, value in place.items():
            if isinstance(value, str):
                place[tag] = _Text(value)
    return exif


def _from_xmp(data: bytes) -> dict[int, str]:
    """Return EXIF tag -> value from XMP; empty if it cannot be parsed or declares entities."""
    if not data or b"<!" in data:
        return {}
    from xml.etree import ElementTree

    try:
        root = ElementTree.fromstring(data.strip(b"\0 \r\n"))
    except (ElementTree.ParseError, ValueError, LookupError):
        return {}
    found: dict[int, str] = {}
    for element in root.iter():
        stated = {**element.attrib, element.tag: " ".join("".join(element.itertext()).split())}
        for key, text in stated.items():
            if (tag := _XMP.get(key)) and text:
                found.setdefault(tag, text if tag != 36867 else text[:19].replace("-", ":").replace("T", " "))
    return found


def _from_texts(texts: Mapping[str, str]) -> dict[int, str]:
    return {tag: texts[key] for key, tag in _TEXTS.items() if texts.get(key)}


def _dpi(value: Any) -> tuple[float, float] | None:
    try:
        across, down = (float(number) for number in value)
    except (TypeError, ValueError, ZeroDivisionError):
        return None
    return (across, down) if 0 < across < 65535 and 0 < down < 65535 else None


def _bytes(value: Any) -> bytes:
    if isinstance(value, str):
        return value.encode("utf-8", "ignore")
    return value if isinstance(value, bytes) else b""


def _latin(text: str) -> bool:
    try:
        text.encode("latin-1", "strict")
    except UnicodeError:
        return False
    return True
