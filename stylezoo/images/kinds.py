"""Identify files that Pillow cannot read by their first bytes, and suggest a remedy."""

from __future__ import annotations

from importlib import import_module
from typing import Literal

HEAD = 512
"""Number of bytes to inspect."""
Plugin = Literal["heif", "jxl"]

_HEIF = {b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1", b"heif"}
_CONVERT, _RAW = "convert it to PNG or JPEG", "develop it to JPEG or TIFF"
_STARTS: tuple[tuple[bytes, str, str], ...] = (
    (b"%!PS", "is EPS or PostScript, a drawing", "export it as PNG"),
    (b"\xc5\xd0\xd3\xc6", "is EPS, a drawing", "export it as PNG"),
    (b"%PDF", "is a PDF", "export the page as PNG"),
    (b"gimp xcf", "is an XCF file of GIMP", "export it as PNG"),
    (b"v/1\x01", "is OpenEXR, light without bounds", "tone-map it to PNG or JPEG"),
    (b"#?RADIANCE", "is Radiance HDR, light without bounds", "tone-map it to PNG or JPEG"),
    (b"FUJIFILMCCD-RAW", "is a camera's raw file", _RAW),
    (b"FOVb", "is a camera's raw file", _RAW),
    (b"PK\x03\x04", "is a zip archive", "unpack it"),
    (b"\x1f\x8b", "is a gzip archive", "unpack it"),
    (b"version https://git-lfs", "is a Git LFS pointer, not the picture", "run git lfs pull"),
    (b"\x1aE\xdf\xa3", "is a video", "use stylezoo video, or save a frame as PNG"),
)


def plugin_for(head: bytes) -> Plugin | None:
    """Return the Pillow plugin for a file that starts with `head`."""
    if head[4:8] == b"ftyp" and head[8:12] in _HEIF:
        return "heif"
    return "jxl" if head.startswith((b"\xff\x0a", b"\0\0\0\x0cJXL \r\n")) else None


def load_plugin(plugin: Plugin) -> bool:
    """Register a plugin for HEIC or JPEG XL; return False if it is not installed."""
    try:
        if plugin == "heif":
            import_module("pillow_heif").register_heif_opener()
        else:
            import_module("pillow_jxl")
    except ImportError:
        return False
    return True


def explain(head: bytes) -> str:
    """Return the problem with a file that starts with `head` and the remedy, to follow the file's name in a message."""
    if plugin := plugin_for(head):
        kind, module = {"heif": ("HEIC", "pillow-heif"), "jxl": ("JPEG XL", "pillow-jxl-plugin")}[plugin]
        return f"is {kind}, which needs {module}: pip install 'stylezoo[formats]', or {_CONVERT}"
    for start, kind, remedy in _STARTS:
        if head.startswith(start):
            return f"{kind}: {remedy}"
    if head[4:8] == b"ftyp":
        raw = head[8:12] == b"crx "
        return f"is a camera's raw file: {_RAW}" if raw else "is a video: use stylezoo video, or save a frame as PNG"
    if head[:4] in (b"II*\0", b"MM\0*", b"IIRO", b"IIU\0"):
        return f"is a TIFF of a kind that Pillow cannot read, or a camera's raw file: {_RAW}"
    text = head.lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    if text.startswith((b"<svg", b"<?xml")) and (text.startswith(b"<svg") or b"<svg" in text):
        return "is SVG, a drawing: export it as PNG"
    if text.startswith((b"<!doctype html", b"<html")):
        return "is a web page, not a picture: download the picture itself"
    return f"is not a picture that Pillow can read, or its start is damaged: {_CONVERT}"
