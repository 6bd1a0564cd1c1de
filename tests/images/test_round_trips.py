"""Any picture in, the same picture out: every type, dtype, layout, mode and lossless format, at 1 to 40 px a side."""

from __future__ import annotations

import io
import warnings
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from stylezoo.images.io import read

SIDES = st.integers(1, 40)
SEEDS = st.integers(0, 2**32 - 1)
FLOATS = {"float16": 0.0, "float32": 0.0, "float64": 2e-7}  # float64 is computed in float32
DTYPES = ["uint8", "uint16", *FLOATS]
ORDERS = ["C", "F", "flipped", "strided", "read-only"]


def values(seed: int, shape: tuple[int, ...], dtype: str) -> np.ndarray:
    """Random values, or those of one of the ends alone."""
    rng = np.random.default_rng(seed)
    top = 1.0 if dtype in FLOATS else float(np.iinfo(dtype).max)
    kind = seed % 4
    made = {0: np.zeros, 1: np.ones}.get(kind, rng.random)(shape) * top
    if kind == 2:
        made = np.round(made / top) * top
    return (made if dtype in FLOATS else np.round(made)).astype(dtype)


def laid_out(array: np.ndarray, order: str) -> np.ndarray:
    """The same values in another place of memory."""
    if order == "F":
        return np.asfortranarray(array)
    if order == "flipped":
        return array[::-1, ::-1].copy()[::-1, ::-1]
    if order == "strided":
        wide = np.zeros((array.shape[0] * 2, *array.shape[1:]), array.dtype)
        wide[::2] = array
        return wide[::2]
    array = array.copy()
    array.flags.writeable = order != "read-only"
    return array


def colours_of(array: np.ndarray) -> np.ndarray:
    """Grey thrice, then alpha if there is some."""
    array = array[..., None] if array.ndim == 2 else array
    return np.concatenate([array[..., :1]] * 3 + [array[..., 1:]], axis=2) if array.shape[2] < 3 else array


@given(height=SIDES, width=SIDES, channels=st.integers(0, 4), seed=SEEDS, data=st.data())
def test_an_array_comes_back(height: int, width: int, channels: int, seed: int, data: st.DataObject) -> None:
    dtype, order = data.draw(st.sampled_from(DTYPES)), data.draw(st.sampled_from(ORDERS))
    whole = values(seed, (height, width, channels) if channels else (height, width), dtype)
    given_ = laid_out(whole, order)
    picture = read(given_)
    assert np.array_equal(given_, whole)
    for pixels in (picture.levels, picture.pixels):
        back = picture.restore(pixels)
        assert (back.dtype, back.shape) == (given_.dtype, colours_of(whole).shape)
        assert np.abs(back.astype(float) - colours_of(whole).astype(float)).max() <= FLOATS.get(dtype, 0.0)
    size = data.draw(SIDES), data.draw(SIDES)
    assert picture.restore(np.full((1, 3, *size), 0.5, np.float32)).shape == (*size, back.shape[2])


@given(height=SIDES, width=SIDES, channels=st.sampled_from([1, 3, 4]), seed=SEEDS, data=st.data())
def test_a_tensor_comes_back(height: int, width: int, channels: int, seed: int, data: st.DataObject) -> None:
    count = data.draw(st.integers(0, 3))
    dtype = data.draw(st.sampled_from([torch.uint8, torch.float16, torch.bfloat16, torch.float32, torch.float64]))
    shape = (count, channels, height, width) if count else (channels, height, width)
    whole = torch.from_numpy(values(seed, shape, "uint8" if dtype == torch.uint8 else "float64")).to(dtype)
    given_ = whole.clone()
    if count and data.draw(st.booleans()):
        given_ = given_.contiguous(memory_format=torch.channels_last)
    picture = read(given_.requires_grad_() if dtype.is_floating_point and data.draw(st.booleans()) else given_)
    for pixels in (picture.levels, picture.pixels):
        back = picture.restore(pixels)
        expected = whole.expand(*shape[:-3], 3, height, width) if channels == 1 else whole
        assert (back.dtype, back.shape, back.requires_grad) == (dtype, expected.shape, False)
        torch.testing.assert_close(back, expected, rtol=0, atol=2e-7 if dtype == torch.float64 else 0)


MODES = ["1", "L", "LA", "La", "P", "PA", "RGB", "RGBX", "RGBA", "RGBa", "CMYK", "YCbCr", "HSV", "I;16", "I", "F"]


def pil_image(mode: str, height: int, width: int, seed: int) -> Image.Image:
    if mode in {"I;16", "I", "F"}:
        deep = values(seed, (height, width), "float32" if mode == "F" else "uint16")
        return Image.fromarray(deep.astype({"I;16": "uint16", "I": "int32", "F": "float32"}[mode]))
    image = Image.fromarray(values(seed, (height, width, 4), "uint8"))
    if mode in {"P", "PA", "La"}:
        image = image.convert("LA") if mode == "La" else image.convert("RGB").convert("P")
    return image.convert(mode)


def seen(image: Image.Image) -> np.ndarray:
    """Its colours and its alpha, by Pillow."""
    straight = image.convert({"La": "LA", "RGBa": "RGBA"}.get(image.mode, image.mode))
    return np.asarray(straight.convert("RGBA" if straight.has_transparency_data else "RGB")).astype(float)


@given(mode=st.sampled_from(MODES), height=SIDES, width=SIDES, seed=SEEDS, turned=st.integers(1, 8))
def test_a_pil_image_comes_back_upright(mode: str, height: int, width: int, seed: int, turned: int) -> None:
    image = pil_image(mode, height, width, seed)
    if mode in {"I;16", "I", "F"}:
        deep = np.asarray(image).astype(float)
        white = 1 if mode == "F" else 65535 if mode == "I;16" or deep.max() > 255 else 255
        expected = np.repeat(np.floor(deep / white * 255 + 0.5)[..., None], 3, axis=2)
    else:
        expected = seen(image)
    if turned > 1:
        image.getexif()[0x0112] = turned
    # EXIF: 2 to 4 are flips, 5 to 8 are flips after the axes are swapped
    expected = expected.swapaxes(0, 1) if turned >= 5 else expected
    expected = expected[:: -1 if turned in {3, 4, 7, 8} else 1, :: -1 if turned in {2, 3, 6, 7} else 1]
    picture = read(image)
    back = picture.restore(picture.levels)
    assert back.mode == ("RGBA" if expected.shape[2] == 4 else "RGB")
    assert np.abs(np.asarray(back).astype(float) - expected).max() <= (1 if mode in {"I;16", "I", "F"} else 0)


LOSSLESS: dict[str, tuple[list[str], dict[str, Any]]] = {
    "PNG": (["1", "L", "LA", "P", "RGB", "RGBA", "I;16"], {}),
    "TIFF": (["1", "L", "LA", "P", "RGB", "RGBA", "CMYK", "I;16"], {"compression": "tiff_lzw"}),
    "BMP": (["1", "L", "P", "RGB"], {}),
    "TGA": (["L", "LA", "RGB", "RGBA"], {}),
    "PPM": (["1", "L", "RGB", "I;16"], {}),
    "JPEG2000": (["L", "RGB", "RGBA"], {"irreversible": False}),
    "GIF": (["1", "L", "P"], {}),
    "WEBP": (["RGB", "RGBA"], {"lossless": True, "exact": True}),
}


@given(kind=st.sampled_from(sorted(LOSSLESS)), height=SIDES, width=SIDES, seed=SEEDS, data=st.data())
def test_a_file_comes_back_in_its_format(kind: str, height: int, width: int, seed: int, data: st.DataObject) -> None:
    modes, options = LOSSLESS[kind]
    mode = data.draw(st.sampled_from(modes))
    image = pil_image(mode, height, width, seed)
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        picture = read(buffer.getvalue())
        back = picture.restore(picture.levels)
    deep = mode == "I;16"
    expected = np.asarray(image)[..., None].repeat(3, axis=2) / 65535 * 255 if deep else seen(image)
    if kind == "WEBP" and (expected[..., 3:] == 255).all():
        expected = expected[..., :3]  # WebP stores no alpha that is 255 everywhere
    planes = [picture.levels] if picture.veil is None else [picture.levels, picture.veil]
    decoded = np.concatenate(planes, axis=1)[0].transpose(1, 2, 0) * (255.0 if deep else 1.0)
    assert decoded.shape == expected.shape and np.abs(decoded - expected).max() <= (1e-4 if deep else 0)
    with Image.open(io.BytesIO(back)) as made:
        assert made.format == kind and made.size == (width, height)
        if kind in {"PNG", "TIFF", "BMP", "TGA", "PPM"}:
            assert np.abs(np.asarray(made) - expected).max() <= (0.501 if deep else 0)


@pytest.mark.parametrize("kind", sorted(LOSSLESS))
def test_every_format_above_is_one_of_pillow(kind: str) -> None:
    Image.init()
    assert kind in Image.SAVE
