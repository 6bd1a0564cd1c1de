"""What comes back is what went in: types, dtypes, formats, alpha; and files written whole."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from skimage import data

from stylezoo.errors import ImageError, OptionError
from stylezoo.images.files import write_file
from stylezoo.images.io import encode, read, write

PHOTO = data.chelsea()[40:104, 120:200]
GREY = PHOTO[..., :1]
ALPHA = np.linspace(0, 255, 64 * 80).reshape(64, 80, 1).astype(np.uint8)


def opened(data: bytes) -> Image.Image:
    image = Image.open(io.BytesIO(data))
    image.load()
    return image


def test_a_path_and_a_pil_image_come_back_as_pil_images(tmp_path: Path) -> None:
    path = tmp_path / "photo.png"
    Image.fromarray(PHOTO).save(path)
    for image in (path, str(path), Image.open(path)):
        picture = read(image)
        back = picture.restore(picture.pixels)
        assert isinstance(back, Image.Image) and back.mode == "RGB"
        assert np.array_equal(np.asarray(back), PHOTO)


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "TIFF", "BMP", "GIF", "JPEG2000", "TGA", "PPM"])
def test_bytes_come_back_in_their_format(kind: str) -> None:
    buffer = io.BytesIO()
    Image.fromarray(PHOTO).save(buffer, kind)
    picture = read(buffer.getvalue())
    back = picture.restore(picture.pixels)
    assert isinstance(back, bytes)
    assert opened(back).format == kind
    assert opened(back).size == (80, 64)
    colour = np.asarray(opened(back).convert("RGB"), float)
    assert np.abs(colour - PHOTO).mean() < 8


@pytest.mark.parametrize(
    ("kind", "mode", "expected"),
    [
        ("PNG", "RGBA", "PNG"),
        ("WEBP", "RGBA", "WEBP"),
        ("TIFF", "LA", "TIFF"),
        ("GIF", "RGBA", "PNG"),
        ("ICO", "RGB", "PNG"),
    ],
)
def test_bytes_with_alpha_or_of_other_formats_lose_nothing(kind: str, mode: str, expected: str) -> None:
    image = Image.fromarray(PHOTO)
    if mode != "RGB":
        image.putalpha(Image.fromarray((ALPHA[..., 0] > 99).astype(np.uint8) * 255))
    buffer = io.BytesIO()
    image.convert(mode).save(buffer, kind)
    picture = read(buffer.getvalue())
    back = opened(picture.restore(picture.pixels))
    assert back.format == expected
    assert ("A" in back.mode) == (mode != "RGB")


@pytest.mark.parametrize("dtype", ["uint8", "uint16", ">u2", "float16", "float32", "float64"])
@pytest.mark.parametrize("channels", [0, 1, 2, 3, 4])
def test_arrays_come_back_with_their_dtype(dtype: str, channels: int) -> None:
    eight = {0: GREY[..., 0], 1: GREY, 2: np.dstack([GREY, ALPHA]), 3: PHOTO, 4: np.dstack([PHOTO, ALPHA])}[channels]
    kind = np.dtype(dtype)
    scale = 1 / 255 if kind.kind == "f" else 257 ** (kind.itemsize - 1)
    array = (eight.astype(np.float64) * scale).astype(kind)
    picture = read(array)
    assert (picture.alpha is not None) == (channels in {2, 4})
    back = picture.restore(picture.pixels)
    assert back.dtype == kind
    assert back.shape == (64, 80, 4 if channels in {2, 4} else 3)
    full = array[..., None] if channels == 0 else array
    colour = full[..., :3] if channels >= 3 else np.repeat(full[..., :1], 3, axis=2)
    np.testing.assert_allclose(back[..., :3].astype(float), colour.astype(float), atol=1e-7 if kind.kind == "f" else 0)
    if channels in {2, 4}:
        np.testing.assert_allclose(back[..., 3].astype(float), full[..., -1].astype(float), atol=1e-7)


def test_every_level_of_uint8_and_uint16_survives() -> None:
    for dtype, count in ((np.uint8, 256), (np.uint16, 65536)):
        levels = np.arange(count, dtype=dtype).reshape(16, -1)
        picture = read(levels)
        assert np.array_equal(picture.restore(picture.pixels)[..., 0], levels)


def test_flipped_and_read_only_arrays() -> None:
    bgr = PHOTO[::-1, :, ::-1]
    bgr.flags.writeable = False
    picture = read(bgr)
    assert np.array_equal(picture.restore(picture.pixels), bgr)


@pytest.mark.parametrize("dtype", [torch.uint8, torch.float16, torch.bfloat16, torch.float32, torch.float64])
@pytest.mark.parametrize("shape", [(1, 6, 5), (3, 6, 5), (4, 6, 5), (1, 1, 6, 5), (2, 3, 6, 5), (3, 4, 6, 5)])
def test_tensors_come_back_with_their_rank_and_dtype(dtype: torch.dtype, shape: tuple[int, ...]) -> None:
    random = torch.Generator().manual_seed(0)
    tensor = torch.randint(0, 256, shape, generator=random)
    tensor = tensor.to(dtype) if dtype == torch.uint8 else (tensor / 255).to(dtype)
    picture = read(tensor)
    assert picture.pixels.shape == (shape[0] if len(shape) == 4 else 1, 3, 6, 5)
    back = picture.restore(picture.pixels)
    assert back.dtype == dtype and back.device == tensor.device and back.ndim == tensor.ndim
    expected = tensor.expand(*shape[:-3], 3, 6, 5) if shape[-3] == 1 else tensor
    torch.testing.assert_close(back, expected, rtol=0, atol=1e-7)


def test_pixels_are_a_copy_and_gradients_stay_outside() -> None:
    tensor = torch.rand(1, 3, 4, 4, requires_grad=True)
    picture = read(tensor)
    assert not picture.pixels.requires_grad
    before = tensor.detach().clone()
    picture.pixels.zero_()
    assert torch.equal(tensor, before)


def test_rounding_is_to_the_nearest() -> None:
    picture = read(np.zeros((1, 4), np.uint8))
    back = picture.restore(torch.tensor([0.4 / 255, 0.6 / 255, 254.6 / 255, 1.0]).expand(1, 3, 1, 4))
    assert back[0, :, 0].tolist() == [0, 1, 255, 255]


def test_restore_resizes_alpha_and_clips_colour() -> None:
    image = np.dstack([PHOTO, np.full((64, 80), 51, np.uint8)])
    back = read(image).restore(torch.full((1, 3, 30, 20), 1.5))
    assert back.shape == (30, 20, 4)
    assert (back[..., :3] == 255).all() and (back[..., 3] == 51).all()


def test_restore_refuses_what_is_no_result() -> None:
    picture = read(PHOTO)
    for pixels in (torch.rand(3, 4, 4), torch.rand(1, 4, 4, 4), torch.rand(2, 3, 4, 4), torch.rand(1, 3, 0, 4)):
        with pytest.raises(ImageError, match="expected 1x3xHxW"):
            picture.restore(pixels)
    with pytest.raises(ImageError, match="NaN"):
        picture.restore(torch.full((1, 3, 4, 4), float("nan")))


@pytest.mark.parametrize(
    ("array", "words"),
    [
        (np.zeros((3, 8, 9), np.uint8), ["3x8x9", "transpose(1, 2, 0)"]),
        (np.zeros((8, 9, 5), np.uint8), ["8x9x5", "1 to 4 channels"]),
        (np.zeros((2, 8, 9, 3), np.uint8), ["2x8x9x3", "one at a time"]),
        (np.zeros(9, np.uint8), ["HxW"]),
        (np.zeros((0, 9, 3), np.uint8), ["0x9x3", "no pixels"]),
        (np.zeros((8, 9, 3), np.int64), ["int64", "uint8"]),
        (np.zeros((8, 9), bool), ["bool", "uint8"]),
        (np.zeros((8, 9), object), ["object", "uint8"]),
        (np.full((8, 9), 200.0), ["200", "divide by 255"]),
        (np.full((8, 9), 40_000.0), ["divide by 65535"]),
        (np.linspace(-1, 1, 72).reshape(8, 9), ["-1 to 1", "x / 2 + 0.5"]),
        (np.full((8, 9), 1.3), ["1.3", "clip"]),
        (np.full((8, 9), np.nan), ["NaN"]),
        (np.full((8, 9), np.inf), ["infinity"]),
        (torch.zeros(8, 9, 3), ["8x9x3", "permute(2, 0, 1)"]),
        (torch.zeros(1, 8, 9, 3), ["permute(0, 3, 1, 2)"]),
        (torch.zeros(8, 9), ["CxHxW"]),
        (torch.zeros(3, 0, 9), ["no pixels"]),
        (torch.zeros(3, 8, 9, dtype=torch.int64), ["int64", "uint8"]),
        (torch.full((3, 8, 9), 255.0), ["divide by 255"]),
        (torch.tensor([[[0.5, float("nan")]]]), ["NaN"]),
        (None, ["NoneType", "pass a path"]),
        (3.5, ["float"]),
        ([PHOTO], ["list"]),
    ],
)  # fmt: skip
def test_what_is_no_picture(array: object, words: list[str]) -> None:
    with pytest.raises(ImageError) as info:
        read(array)  # type: ignore[arg-type]  # bad input is the point
    for word in words:
        assert word in str(info.value)
    assert "\n" not in str(info.value)


def test_floats_a_hair_outside_the_range_are_clipped() -> None:
    picture = read(np.array([[-1e-6, 1 + 1e-6]], np.float32))
    assert picture.pixels.min() == 0 and picture.pixels.max() == 1


@pytest.mark.parametrize("suffix", [".png", ".jpg", ".JPEG", ".webp", ".tif", ".tiff", ".bmp", ".gif", ".ppm", ".jp2"])
def test_written_files_open_again(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / "new folder" / f"out{suffix}"
    write(Image.fromarray(PHOTO), path)
    with Image.open(path) as image:
        assert image.size == (80, 64)
        assert np.abs(np.asarray(image.convert("RGB"), float) - PHOTO).mean() < 8
    assert [p.name for p in path.parent.iterdir()] == [f"out{suffix}"]


def test_arrays_and_tensors_are_written_too(tmp_path: Path) -> None:
    tensor = torch.from_numpy(PHOTO).permute(2, 0, 1)
    for i, image in enumerate((PHOTO, PHOTO / 255, tensor, tensor[None] / 255)):
        write(image, tmp_path / f"{i}.png")
        assert np.array_equal(np.asarray(Image.open(tmp_path / f"{i}.png")), PHOTO)


def test_an_existing_file_is_kept_unless_reported(tmp_path: Path) -> None:
    path = tmp_path / "keep.png"
    path.write_text("precious")
    with pytest.raises(ImageError, match=r"keep\.png exists; pass overwrite=True \(--force\)"):
        write(PHOTO, path)
    with pytest.raises(ImageError, match="array of shape"):
        write(np.zeros((2, 2), bool), path, overwrite=True)
    assert path.read_text() == "precious"
    write(PHOTO, path, overwrite=True)
    assert Image.open(path).size == (80, 64)


def test_places_that_cannot_be_written(tmp_path: Path) -> None:
    with pytest.raises(ImageError, match=r"out\.xyz.*\.png, \.jpg"):
        write(PHOTO, tmp_path / "out.xyz")
    with pytest.raises(ImageError, match="no suffix"):
        write(PHOTO, tmp_path / "out")
    (tmp_path / "dir.png").mkdir()
    with pytest.raises(ImageError, match="folder"):
        write(PHOTO, tmp_path / "dir.png", overwrite=True)
    (tmp_path / "file").touch()
    with pytest.raises(ImageError, match=r"cannot write .*out\.png"):
        write(PHOTO, tmp_path / "file" / "out.png")
    with pytest.raises(ImageError, match="2 pictures"):
        write(torch.rand(2, 3, 4, 4), tmp_path / "two.png")
    with pytest.raises(ImageError, match=r"20000 x 1 px.*WEBP.*PNG"):
        write(np.zeros((1, 20_000), np.uint8), tmp_path / "wide.webp")
    assert not (tmp_path / "wide.webp").exists()


def test_format_overrules_the_suffix(tmp_path: Path) -> None:
    write(PHOTO, tmp_path / "out.part", format="jpg")
    assert Image.open(tmp_path / "out.part").format == "JPEG"
    with pytest.raises(ImageError, match=r"'heif' is unknown.*png, jpg"):
        write(PHOTO, tmp_path / "out2", format="heif")


@pytest.mark.parametrize(("name", "kind"), [("png", "PNG"), ("JPEG", "JPEG"), (".tif", "TIFF"), ("TIFF", "TIFF")])
def test_encode(name: str, kind: str) -> None:
    assert opened(encode(PHOTO, name)).format == kind


def test_quality_matters_and_is_checked() -> None:
    assert len(encode(PHOTO, "jpeg", 30)) < len(encode(PHOTO, "jpeg", 95))
    for quality in (0, 101):
        with pytest.raises(OptionError, match=str(quality)):
            encode(PHOTO, "jpeg", quality)


def test_alpha_is_kept_where_the_format_has_it_and_put_on_white_elsewhere() -> None:
    clear = np.zeros((8, 8, 4), np.uint8)
    clear[:4, :, 3] = 255
    assert np.array_equal(np.asarray(opened(encode(clear, "png"))), clear)
    for kind in ("jpeg", "bmp"):
        flat = np.asarray(opened(encode(clear, kind)))
        assert flat.shape == (8, 8, 3)
        assert flat[0].max() < 10 and flat[-1].min() > 245


def test_a_picture_made_in_the_meantime_is_not_overwritten(tmp_path: Path) -> None:
    target = tmp_path / "out.png"

    def encode_slowly(kind: str) -> bytes:
        target.write_text("another's")
        return b"a picture"

    with pytest.raises(ImageError, match=r"out\.png exists"):
        write_file(target, encode_slowly)
    assert target.read_text() == "another's"
