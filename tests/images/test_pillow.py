"""What files of every mode and format become."""

from __future__ import annotations

import io
import struct
import warnings
import zlib
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image, ImageCms, ImageFile
from skimage import data

from stylezoo.errors import ImageError
from stylezoo.images.io import read

PHOTO = Image.fromarray(data.astronaut()[40:104, 200:280])


@pytest.fixture(autouse=True)
def _no_stray_warnings():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        yield


def saved(image: Image.Image, path: Path, **options) -> Path:
    image.save(path, **options)
    return path


def rgb(picture) -> np.ndarray:
    """Pixels as HxWx3 in 0..255."""
    return picture.pixels[0].permute(1, 2, 0).numpy() * 255


def rectangle(mode: str = "RGB") -> Image.Image:
    """Black, with white in the top left quarter: shows every turn and flip."""
    array = np.zeros((10, 16, 3), np.uint8)
    array[:5, :8] = 255
    return Image.fromarray(array).convert(mode)


@pytest.mark.parametrize(
    ("suffix", "off"),
    [("png", 0), ("bmp", 0), ("tif", 0), ("tga", 0), ("ppm", 0), ("jpg", 40), ("webp", 60), ("gif", 80)],
)
def test_formats(tmp_path: Path, suffix: str, off: int) -> None:
    picture = read(saved(PHOTO, tmp_path / f"photo.{suffix}"))
    assert picture.pixels.shape == (1, 3, 64, 80) and picture.pixels.dtype == torch.float32
    assert picture.pixels.min() >= 0 and picture.pixels.max() <= 1
    assert picture.alpha is None
    assert f"photo.{suffix}" in picture.name
    assert np.abs(rgb(picture) - np.asarray(PHOTO)).max() <= off + 0.01


@pytest.mark.parametrize("mode", ["1", "L", "P", "CMYK", "YCbCr", "LAB", "HSV", "RGBX"])
def test_modes_without_alpha(mode: str) -> None:
    picture = read(rectangle(mode))
    assert picture.alpha is None
    assert np.abs(rgb(picture) - np.asarray(rectangle())).max() <= 3


@pytest.mark.parametrize("mode", ["RGBA", "LA", "PA", "RGBa", "La"])
def test_modes_with_alpha(mode: str) -> None:
    alpha = Image.linear_gradient("L").resize((16, 10))
    image = rectangle("LA" if mode in {"LA", "La"} else "RGBA")
    image.putalpha(alpha)
    picture = read(image.convert(mode))
    assert picture.alpha is not None and picture.alpha.shape == (1, 1, 10, 16)
    assert np.abs(picture.alpha[0, 0].numpy() * 255 - np.asarray(alpha)).max() < 0.01
    opaque = np.asarray(alpha) > 200
    assert np.abs(rgb(picture) - np.asarray(rectangle()))[opaque].max() <= 3
    assert picture.restore(picture.pixels).mode == "RGBA"


def test_palette_with_transparency(tmp_path: Path) -> None:
    one = rectangle().quantize(4)
    corner = one.getpixel((0, 0))
    for key in (corner, bytes(0 if i == corner else 200 for i in range(4))):
        picture = read(saved(one, tmp_path / "p.png", transparency=key))
        assert picture.alpha is not None
        assert picture.alpha[0, 0, 0, 0] == 0
        assert picture.alpha[0, 0, 9, 15] == (1 if key == corner else pytest.approx(200 / 255))


def test_colour_key_of_rgb_and_grey(tmp_path: Path) -> None:
    for mode, key in (("RGB", (255, 255, 255)), ("L", 255), ("I;16", 65535)):
        image = rectangle("L" if mode == "I;16" else mode)
        if mode == "I;16":
            image = Image.fromarray(np.asarray(image).astype(np.uint16) * 257)
        picture = read(saved(image, tmp_path / "k.png", transparency=key))
        assert picture.alpha is not None
        assert picture.alpha[0, 0, 0, 0] == 0 and picture.alpha[0, 0, 9, 15] == 1
        assert picture.pixels[0, :, 9, 15].max() == 0


@pytest.mark.parametrize("suffix", ["png", "tif", "pgm"])
def test_grey_of_16_bits_is_scaled_not_clipped(tmp_path: Path, suffix: str) -> None:
    values = np.linspace(0, 65535, 12 * 11).reshape(12, 11).astype(np.uint16)
    picture = read(saved(Image.fromarray(values), tmp_path / f"deep.{suffix}"))
    for channel in picture.pixels[0]:
        np.testing.assert_allclose(channel.numpy(), values / 65535, atol=1e-6)


@pytest.mark.parametrize(("top", "dtype"), [(255, np.int32), (65535, np.int32), (1, np.float32), (255, np.float32)])
def test_grey_of_32_bits(top: int, dtype: type) -> None:
    values = np.linspace(0, top, 30).reshape(5, 6).astype(dtype)
    picture = read(Image.fromarray(values))
    np.testing.assert_allclose(picture.pixels[0, 1].numpy(), values / top, atol=1e-6)


@pytest.mark.parametrize("values", [[[0, 10**6]], [[-5, 9]], [[0.0, 1e9]], [[-0.5, 0.5]], [[float("nan"), 1.0]]])
def test_grey_of_unknown_white_is_refused(values: list) -> None:
    array = np.array(values)
    image = Image.fromarray(array.astype(np.int32 if array.dtype.kind == "i" else np.float32))
    with pytest.raises(ImageError, match=r"scale it|NaN"):
        read(image)


UPRIGHT = {  # orientation tag -> how the EXIF standard wants the stored rows and columns shown
    1: lambda a: a,
    2: np.fliplr,
    3: lambda a: np.rot90(a, 2),
    4: np.flipud,
    5: lambda a: a.transpose(1, 0, 2),
    6: lambda a: np.rot90(a, -1),
    7: lambda a: np.rot90(a, 2).transpose(1, 0, 2),
    8: np.rot90,
}


@pytest.mark.parametrize("orientation", UPRIGHT)
@pytest.mark.parametrize("suffix", ["png", "webp", "tif"])
def test_exif_orientation_is_applied(tmp_path: Path, orientation: int, suffix: str) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    path = saved(rectangle(), tmp_path / f"turned.{suffix}", exif=exif, lossless=True)
    picture = read(path)
    upright = UPRIGHT[orientation](np.asarray(rectangle()))
    assert np.array_equal(rgb(picture).round(), upright)
    assert np.array_equal(np.asarray(picture.restore(picture.pixels)), upright)
    with Image.open(path) as image:
        assert np.array_equal(rgb(read(image)).round(), upright)


def test_damaged_exif_is_ignored_with_a_warning(tmp_path: Path) -> None:
    path = saved(rectangle(), tmp_path / "odd.png", exif=b"Exif\0\0garbage that is no TIFF header")
    with pytest.warns(UserWarning, match=r"odd\.png.*EXIF"):
        assert read(path).pixels.shape == (1, 3, 10, 16)


def test_adobe_cmyk_jpeg(tmp_path: Path) -> None:
    picture = read(saved(rectangle("CMYK"), tmp_path / "cmyk.jpg", quality=95))
    assert np.abs(rgb(picture) - np.asarray(rectangle())).mean() < 8


def swapped_profile() -> bytes:
    """sRGB's profile with the red and blue colorants exchanged, so that applying it shows."""
    blob = bytearray(ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes())
    for at in range(132, 132 + 12 * struct.unpack(">I", blob[128:132])[0], 12):
        if blob[at : at + 4] in (b"rXYZ", b"bXYZ"):
            blob[at : at + 4] = b"bXYZ" if blob[at : at + 4] == b"rXYZ" else b"rXYZ"
    return bytes(blob)


@pytest.mark.parametrize("mode", ["RGB", "RGBA", "P"])
def test_icc_profile_is_applied(tmp_path: Path, mode: str) -> None:
    image = Image.new("RGB", (4, 3), (200, 30, 60)).convert(mode)
    picture = read(saved(image, tmp_path / "wide.png", icc_profile=swapped_profile()))
    expected = {"P": image.convert("RGB").getpixel((0, 0))}.get(mode, (200, 30, 60))
    assert np.abs(rgb(picture)[0, 0] - np.array(expected)[::-1]).max() <= 3
    assert (picture.alpha is not None) == (mode == "RGBA")


def test_an_srgb_profile_changes_nothing_even_on_grey(tmp_path: Path) -> None:
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    for mode in ("RGB", "L", "1", "CMYK"):
        picture = read(saved(rectangle(mode), tmp_path / "s.tif", icc_profile=profile))
        assert np.abs(rgb(picture) - np.asarray(rectangle())).max() <= 1


def test_a_broken_profile_is_ignored_with_a_warning(tmp_path: Path) -> None:
    path = saved(PHOTO, tmp_path / "broken.png", icc_profile=b"this is no profile")
    with pytest.warns(UserWarning, match=r"broken\.png.*ICC"):
        picture = read(path)
    assert np.abs(rgb(picture) - np.asarray(PHOTO)).max() < 0.01


@pytest.mark.parametrize("suffix", ["gif", "webp", "png"])
def test_of_an_animation_the_first_frame_is_taken_and_said_so(tmp_path: Path, suffix: str) -> None:
    frames = [Image.new("RGB", (8, 6), colour) for colour in ("red", "lime", "blue")]
    path = saved(frames[0], tmp_path / f"moving.{suffix}", save_all=True, append_images=frames[1:], duration=50)
    with pytest.warns(UserWarning, match=rf"moving\.{suffix}.*3 frames"):
        picture = read(path)
    assert np.abs(rgb(picture)[0, 0] - (255, 0, 0)).max() < 10


@pytest.mark.parametrize("size", [(1, 1), (1, 37), (41, 1), (13, 7)])
@pytest.mark.parametrize("suffix", ["png", "jpg", "webp"])
def test_odd_sizes(tmp_path: Path, size: tuple[int, int], suffix: str) -> None:
    picture = read(saved(Image.new("RGB", size, "teal"), tmp_path / f"thin.{suffix}"))
    assert picture.pixels.shape == (1, 3, size[1], size[0])
    assert picture.restore(picture.pixels).size == size


def refused(image, *words: str, **options) -> None:
    """Reading fails with one line that holds all of `words`."""
    with pytest.raises(ImageError) as info:
        read(image, **options)
    message = str(info.value)
    assert "\n" not in message
    for word in words:
        assert word in message, message


def test_paths_that_hold_no_picture(tmp_path: Path) -> None:
    refused(tmp_path / "gone.png", "gone.png", "does not exist")
    refused(str(tmp_path), str(tmp_path), "is a folder")
    refused("", "folder")
    (tmp_path / "empty.jpg").touch()
    refused(tmp_path / "empty.jpg", "empty.jpg", "is empty")
    (tmp_path / "notes.png").write_text("not a picture at all")
    refused(tmp_path / "notes.png", "notes.png", "not a picture")
    refused(tmp_path / "notes.png" / "x.png", "cannot open")
    refused("nul\0.png", r"nul\x00.png")
    refused("x" * 5000, "cannot open")
    refused("https://example.org/cat.jpg", "https://example.org/cat.jpg", "download it first")


def test_no_permission(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = saved(PHOTO, tmp_path / "mine.png")

    def denied(*_: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "open", denied)  # root may read everything, so chmod would not do
    refused(path, "mine.png", "permission")


@pytest.mark.parametrize("suffix", ["png", "jpg", "tif", "bmp", "gif", "webp"])
def test_truncated_files(tmp_path: Path, suffix: str) -> None:
    path = saved(PHOTO, tmp_path / f"cut.{suffix}")
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    refused(path, f"cut.{suffix}", "damaged")
    with path.open("rb") as file:
        refused(file.read(), "damaged")
    assert ImageFile.LOAD_TRUNCATED_IMAGES is False


def bomb(width: int, height: int) -> bytes:
    """A PNG whose header promises more pixels than its data hold."""

    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(b"")) + chunk(b"IEND", b"")


def test_too_many_pixels_are_refused_by_the_header(tmp_path: Path) -> None:
    path = tmp_path / "huge.png"
    for side in (15_000, 60_000):  # Pillow would warn at the first, and refuse the second itself
        path.write_bytes(bomb(side, side))
        refused(path, "huge.png", "limit of 200,000,000")
    refused(saved(PHOTO, tmp_path / "small.png"), "80 x 64", "limit of 5,000", max_pixels=5000)
    assert read(tmp_path / "small.png", max_pixels=80 * 64).pixels.shape == (1, 3, 64, 80)


def test_pillows_own_limit_gives_way_to_max_pixels_and_comes_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 100)
    assert read(saved(PHOTO, tmp_path / "p.png")).pixels.shape == (1, 3, 64, 80)
    assert Image.MAX_IMAGE_PIXELS == 100


def test_pil_images_that_cannot_be_used(tmp_path: Path) -> None:
    refused(Image.new("RGB", (0, 4)), "no pixels")
    path = saved(PHOTO, tmp_path / "cut.png")
    path.write_bytes(path.read_bytes()[:2000])
    with Image.open(path) as image:
        refused(image, "cut.png", "damaged")


def test_reading_leaves_a_pil_image_as_it_was() -> None:
    image = PHOTO.copy()
    read(image).pixels.zero_()
    assert np.array_equal(np.asarray(image), np.asarray(PHOTO))


def test_bytes_of_damaged_kinds() -> None:
    refused(b"", "0 bytes", "is empty")
    refused(b"\x89PNG\r\n\x1a\n", "8 bytes")
    refused(io.BytesIO(b""), "BytesIO", "pass")
