"""Convert code values to sRGB: other gammas, primaries and HDR, for stills and clips. Imports no torch.

Primaries and transfer curves are numbered as in ITU-T H.273, which PNG's cICP, AVIF and video use.
"""

from __future__ import annotations

import struct
from functools import cache
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray
from PIL import Image

Chromaticities: TypeAlias = tuple[float, float, float, float, float, float, float, float]
"""x and y of white, red, green and blue."""

D65 = (0.3127, 0.3290)
BT709: Chromaticities = (*D65, 0.64, 0.33, 0.30, 0.60, 0.15, 0.06)
BT2020: Chromaticities = (*D65, 0.708, 0.292, 0.170, 0.797, 0.131, 0.046)
DISPLAY_P3: Chromaticities = (*D65, 0.680, 0.320, 0.265, 0.690, 0.150, 0.060)
PRIMARIES: dict[int, Chromaticities] = {9: BT2020, 12: DISPLAY_P3}
LINEAR, SRGB, PQ, HLG = 8, 13, 16, 18
HDR = {PQ: "PQ", HLG: "HLG"}

WHITE = 203.0  # cd/m2 of SDR white in an HDR signal: ITU-R BT.2408
PEAK = 1000.0  # cd/m2 mapped to 255: the usual grading peak of HDR10 and HLG's nominal display
KNEE = 0.3  # share of SDR white below which light is unchanged


def is_foreign(primaries: int, transfer: int) -> bool:
    """Whether code values with these primaries and transfer curve would look wrong as sRGB."""
    return primaries in PRIMARIES or transfer in {LINEAR, *HDR}


def to_srgb(codes: NDArray[np.uint16], primaries: int | Chromaticities, transfer: int | float) -> NDArray[np.uint8]:
    """Return 16-bit RGB as 8-bit sRGB.

    HDR light is tone-mapped by its strongest channel, which preserves hues: up to 0.3 of SDR white (203 cd/m2, BT.2408)
    it is unchanged, above it rolls off along the Moebius curve, so that 1000 cd/m2 are white.

    Args:
        codes: (H, W, 3), full range.
        primaries: a number of H.273, of which 9 (BT.2020) and 12 (Display P3) are converted, or chromaticities.
        transfer: an int, 8 (linear), 16 (PQ, SMPTE ST 2084) or 18 (HLG, ARIB STD-B67), otherwise sRGB; or a float, the
            decoding exponent.
    """
    light = _decoding(transfer)[codes]
    if transfer in HDR and isinstance(transfer, int):
        if transfer == HLG:
            scene = light @ np.asarray((0.2627, 0.6780, 0.0593), np.float32)  # luminance of BT.2020
            light *= scene[..., None] ** np.float32(0.2)  # the system gamma of a display of 1000 cd/m2
            light *= np.float32(PEAK / WHITE)
        top = light.max(axis=-1, keepdims=True)
        light *= _rolled_off(top) / np.maximum(top, np.float32(1e-9))
    known = PRIMARIES.get(primaries) if isinstance(primaries, int) else primaries
    if known is not None:
        light = light @ _to_bt709(known).T
    return _encoding()[(light.clip(0, 1) * np.float32(65535) + np.float32(0.5)).astype(np.uint16)]


def stated_colours(image: Image.Image) -> tuple[int | Chromaticities, int | float] | None:
    """Return the primaries and transfer curve stated by a file without a profile, if they differ from sRGB.

    Reads PNG's cICP, sRGB, gAMA and cHRM, in that order, and the nclx box of AVIF and HEIC. Call it before the image is
    loaded, which closes its file; cICP is then kept in `image.info["cicp"]`.
    """
    info = image.info
    if "cicp" not in info and (found := _cicp(image)):
        info["cicp"] = found
    if "cicp" in info:
        primaries, transfer = info["cicp"]
        return (primaries, transfer) if is_foreign(primaries, transfer) else None
    if "srgb" in info or not info.get("gamma"):
        return None
    return _gamma_colours(float(info["gamma"]), info.get("chromaticity") or BT709)


def _gamma_colours(gamma: float, chromaticities: Any) -> tuple[int | Chromaticities, int | float] | None:
    exponent = 1 / gamma
    usual = abs(exponent - 2.2) < 0.01
    same = all(abs(a - b) < 0.002 for a, b in zip(chromaticities, BT709, strict=True)) or not _sound(chromaticities)
    if usual and same:
        return None
    return (1 if same else chromaticities), (SRGB if usual else exponent)


def _sound(chromaticities: Chromaticities) -> bool:
    """Whether chromaticities are plausible: a triangle with an area and its white point inside."""
    if not all(0 < value < 1 for value in chromaticities):
        return False
    try:
        return bool((np.linalg.inv(_columns(chromaticities)) @ _xyz(*chromaticities[:2]) > 0).all())
    except np.linalg.LinAlgError:
        return False


def _cicp(image: Image.Image) -> tuple[int, int] | None:
    """Return the primaries and transfer curve stated in a file's bytes, if it is still open."""
    file = getattr(image, "fp", None)
    if file is None or image.format not in {"PNG", "AVIF", "HEIF"}:
        return None
    try:
        place = file.tell()
        file.seek(0)
        head = file.read(2**16)
        file.seek(place)
    except (OSError, ValueError):
        return None
    if image.format != "PNG":
        start = head.find(b"colrnclx") + 8
        return struct.unpack(">2H", head[start : start + 4]) if 8 <= start <= len(head) - 4 else None
    start = 8
    while start + 12 <= len(head):
        length, kind = struct.unpack(">I4s", head[start : start + 8])
        if kind == b"cICP" and length == 4:
            return head[start + 8], head[start + 9]
        if kind == b"IDAT":
            return None
        start += 12 + length
    return None


@cache
def _decoding(transfer: int | float) -> NDArray[np.float32]:
    """Return the light of each 16-bit code: 1 is SDR white; scene light for HLG."""
    code = np.linspace(0, 1, 65536)
    if isinstance(transfer, float):
        light = code**transfer
    elif transfer == LINEAR:
        light = code
    elif transfer == PQ:
        root = code ** (1 / 78.84375)
        light = (np.maximum(root - 0.8359375, 0) / (18.8515625 - 18.6875 * root)) ** (1 / 0.1593017578125)
        light *= 10000 / WHITE
    elif transfer == HLG:
        a, b, c = 0.17883277, 0.28466892, 0.55991073
        light = np.where(code <= 0.5, code**2 / 3, (np.exp((code - c) / a) + b) / 12)
    else:
        light = np.where(code <= 0.04045, code / 12.92, ((code + 0.055) / 1.055) ** 2.4)
    return light.astype(np.float32)


@cache
def _encoding() -> NDArray[np.uint8]:
    """Return the 8-bit sRGB of each step of light."""
    light = np.linspace(0, 1, 65536)
    code = np.where(light <= 0.0031308, light * 12.92, 1.055 * light ** (1 / 2.4) - 0.055)
    return (code * 255 + 0.5).astype(np.uint8)


def _rolled_off(light: NDArray[np.float32]) -> NDArray[np.float32]:
    """Map light up to PEAK to light up to 1, along the Moebius curve that is smooth at the knee."""
    peak, j = PEAK / WHITE, KNEE
    a = -j * j * (peak - 1) / (j * j - 2 * j + peak)
    b = (j * j - 2 * j * peak + peak) / (peak - 1)
    curve = (b * b + 2 * b * j + j * j) / (b - a) * (light + np.float32(a)) / (light + np.float32(b))
    return np.where(light <= j, light, np.minimum(curve, 1)).astype(np.float32)


@cache
def _to_bt709(chromaticities: Chromaticities) -> NDArray[np.float32]:
    """Return the matrix from light in these primaries to light in BT.709's; white stays white."""
    matrix: NDArray[np.float32] = (np.linalg.inv(_to_xyz(BT709)) @ _to_xyz(chromaticities)).astype(np.float32)
    return matrix / matrix.sum(axis=1, keepdims=True)


def _to_xyz(chromaticities: Chromaticities) -> NDArray[np.float64]:
    columns = _columns(chromaticities)
    return columns * (np.linalg.inv(columns) @ _xyz(*chromaticities[:2]))


def _columns(chromaticities: Chromaticities) -> NDArray[np.float64]:
    return np.stack([_xyz(*chromaticities[i : i + 2]) for i in (2, 4, 6)], axis=1)


def _xyz(x: float, y: float) -> NDArray[np.float64]:
    return np.asarray([x / y, 1, (1 - x - y) / y])
