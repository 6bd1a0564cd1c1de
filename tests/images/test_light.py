"""Files whose numbers mean other colours than sRGB's: gamma, primaries, HDR, profiles of deep grey, floats above 1."""

from __future__ import annotations

import io
import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageCms

from stylezoo.errors import ImageError
from stylezoo.images.io import read
from stylezoo.images.light import DISPLAY_P3, to_srgb

RAMP = np.linspace(0, 255, 64).round().astype(np.uint8)
BT2020, PQ, HLG = 9, 16, 18


def linear(srgb: np.ndarray) -> np.ndarray:
    """IEC 61966-2-1, in float64."""
    srgb = np.asarray(srgb, np.float64)
    return np.where(srgb <= 0.04045, srgb / 12.92, ((srgb + 0.055) / 1.055) ** 2.4)


def coded(light: np.ndarray) -> np.ndarray:
    light = np.clip(light, 0, 1)
    return np.where(light <= 0.0031308, light * 12.92, 1.055 * light ** (1 / 2.4) - 0.055)


def pq(nits: np.ndarray) -> np.ndarray:
    """SMPTE ST 2084: light in cd/m2 to code values in [0, 1]."""
    y = (np.asarray(nits, np.float64) / 10000) ** 0.1593017578125
    return ((0.8359375 + 18.8515625 * y) / (1 + 18.6875 * y)) ** 78.84375


def png(pixels: np.ndarray, **chunks: bytes) -> bytes:
    """A PNG with further chunks before its pixels."""
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "PNG")
    data = buffer.getvalue()
    more = b""
    for name, body in chunks.items():
        kind = name.encode()
        more += struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))
    return data[:33] + more + data[33:]


def levels(data: bytes | Path) -> np.ndarray:
    return np.asarray(read(data).levels[0].transpose(1, 2, 0), np.float64) * (
        255 if read(data).levels.dtype != np.uint8 else 1
    )


@pytest.mark.parametrize("mode", ["L", "RGB"])
@pytest.mark.parametrize("gamma", [1.0, 1 / 1.8])
def test_gama_of_png_counts(mode: str, gamma: float) -> None:
    pixels = RAMP[None].repeat(4, 0) if mode == "L" else np.dstack([RAMP[None].repeat(4, 0)] * 3)
    found = levels(png(pixels, gAMA=struct.pack(">I", round(gamma * 1e5))))
    wanted = coded((RAMP / 255) ** (1 / gamma)) * 255
    assert np.abs(found[0, :, 0] - wanted).max() <= 0.6


def test_gama_of_srgb_and_gama_next_to_srgb_change_nothing() -> None:
    pixels = np.dstack([RAMP[None].repeat(4, 0)] * 3)
    assert np.array_equal(levels(png(pixels, gAMA=struct.pack(">I", 45455))), pixels)
    assert np.array_equal(levels(png(pixels, gAMA=struct.pack(">I", 100000), sRGB=b"\0")), pixels)


def test_chrm_of_png_counts() -> None:
    pixels = np.full((4, 4, 3), (200, 60, 60), np.uint8)
    p3 = struct.pack(">8I", 31270, 32900, 68000, 32000, 26500, 69000, 15000, 6000)
    found = levels(png(pixels, gAMA=struct.pack(">I", 45455), cHRM=p3))[0, 0]
    assert found[0] > 205 and found[1] < 52  # a red of display P3 is a stronger red of sRGB
    same = to_srgb(pixels.astype(np.uint16) * 257, DISPLAY_P3, 13)[0, 0]
    assert np.abs(found - same).max() <= 1


@pytest.mark.parametrize("nits", [0.0, 5.0, 20.0, 50.0])
def test_pq_below_the_shoulder_is_what_203_nits_of_white_make_it(nits: float) -> None:
    grey = np.full((2, 2, 3), round(float(pq(nits)) * 65535), np.uint16)
    assert np.abs(to_srgb(grey, BT2020, PQ)[0, 0] - coded(nits / 203) * 255).max() <= 1


def test_hdr_grows_with_light_stays_grey_and_ends_at_white() -> None:
    nits = np.geomspace(0.1, 1000, 60)
    codes = (pq(nits) * 65535).round().astype(np.uint16)
    found = to_srgb(np.dstack([codes[None]] * 3), BT2020, PQ)[0]
    assert (np.diff(found[:, 0].astype(int)) >= 0).all() and found[-1, 0] >= 254
    assert np.abs(found.astype(int) - found[:, :1]).max() <= 1
    assert 150 < found[np.abs(nits - 100).argmin(), 0] < 200  # a face stays a face


def test_hlg_of_reference_white_is_near_white() -> None:
    found = to_srgb(np.full((1, 1, 3), round(0.75 * 65535), np.uint16), BT2020, HLG)[0, 0]
    assert (found > 205).all() and np.ptp(found) <= 1


def test_cicp_of_png_is_converted_with_a_warning() -> None:
    code = round(float(pq(50)) * 255)
    pixels = np.full((4, 4, 3), code, np.uint8)
    data = png(pixels, cICP=bytes([BT2020, PQ, 0, 1]))
    with pytest.warns(UserWarning, match="HDR"):
        found = levels(data)
    assert np.abs(found - coded(50 / 203) * 255).max() <= 4  # 8 bits of PQ are coarse
    assert np.array_equal(levels(png(pixels, cICP=bytes([1, 13, 0, 1]))), pixels)


def test_the_profile_of_deep_grey_counts(tmp_path: Path) -> None:
    gamma = grey_profile(1.0)
    values = np.linspace(0, 65535, 64).round().astype(np.uint16)[None].repeat(4, 0)
    path = tmp_path / "grey.tif"
    Image.fromarray(values).save(path, icc_profile=gamma)
    found = np.asarray(read(path).levels[0, 0, 0], np.float64) * 255
    assert np.abs(found - coded(values[0] / 65535) * 255).max() <= 1.5
    assert len(np.unique(found)) == 64  # deeper than 8 bits still


def grey_profile(gamma: float) -> bytes:
    """The smallest profile of grey: its white point and its curve."""
    xyz = b"XYZ \0\0\0\0" + struct.pack(">3i", 63190, 65536, 54061)
    curve = b"curv\0\0\0\0" + struct.pack(">IH", 1, round(gamma * 256)) + b"\0\0"
    text = b"desc\0\0\0\0" + struct.pack(">I", 5) + b"grey\0" + bytes(78) + b"\0" * 1
    text += bytes(-len(text) % 4)
    bodies = {b"desc": text, b"wtpt": xyz, b"kTRC": curve}
    table, body, offset = struct.pack(">I", len(bodies)), b"", 128 + 4 + 12 * len(bodies)
    for name, data in bodies.items():
        table += name + struct.pack(">2I", offset + len(body), len(data))
        body += data
    head = struct.pack(">I4sI4s4s4s", offset + len(body), b"\0\0\0\0", 0x02400000, b"mntr", b"GRAY", b"XYZ ")
    head += bytes(12) + b"acsp" + bytes(28) + struct.pack(">3i", 63190, 65536, 54061)
    profile = head + bytes(128 - len(head)) + table + body
    ImageCms.ImageCmsProfile(io.BytesIO(profile))
    return profile


@pytest.mark.parametrize("top", [1.5, 4.0, 100.0, 1000.0])
def test_floats_whose_white_is_unknown_are_refused(tmp_path: Path, top: float) -> None:
    path = tmp_path / "float.tif"
    Image.fromarray(np.linspace(0, top, 64, dtype=np.float32).reshape(8, 8)).save(path)
    with pytest.raises(ImageError, match=f"{top:g}"):
        read(path)


@pytest.mark.parametrize(("top", "white"), [(0.6, 1), (1.0, 1), (200.0, 255), (255.0, 255), (60000.0, 65535)])
def test_floats_up_to_a_usual_white_are_divided_by_it(tmp_path: Path, top: float, white: float) -> None:
    path = tmp_path / "float.tif"
    values = np.linspace(0, top, 64, dtype=np.float32).reshape(8, 8)
    Image.fromarray(values).save(path)
    assert np.allclose(read(path).levels[0, 0], values / white, atol=1e-6)
