from __future__ import annotations

import io
import itertools

import numpy as np
import pytest
import scipy.fft
import torch
from PIL import Image, ImageEnhance, ImageOps
from skimage import data
from torch import Tensor
from torch.nn import functional

from stylezoo.images.io import read
from stylezoo.images.phash import SAME, crop_hashes, distance, perceptual_hash

NAMES = ("astronaut", "coffee", "chelsea", "rocket")


def photo(name: str) -> Image.Image:
    return Image.fromarray(getattr(data, name)())


def pixels(image: Image.Image) -> Tensor:
    return read(image).pixels


def recompressed(image: Image.Image, long_side: int = 480, quality: int = 60) -> Image.Image:
    scale = long_side / max(image.size)
    buffer = io.BytesIO()
    image.resize((round(image.width * scale), round(image.height * scale))).save(buffer, "JPEG", quality=quality)
    return Image.open(buffer)


def trimmed(image: Image.Image, left: float, top: float, right: float, bottom: float) -> Image.Image:
    width, height = image.size
    return image.crop((left * width, top * height, (1 - right) * width, (1 - bottom) * height))


def framed(image: Image.Image, share: float, colour: str) -> Image.Image:
    return ImageOps.expand(image, (round(share * image.width), round(share * image.height)), fill=colour)


def test_the_bits_are_the_low_frequencies_of_the_middle_above_their_median() -> None:
    grey = np.random.default_rng(0).random((160, 160))
    low = scipy.fft.dctn(grey[8:152, 8:152], type=2)[:8, :8].ravel()
    wanted = sum(1 << i for i, bit in enumerate(low > np.median(low)) if bit)
    assert perceptual_hash(torch.from_numpy(grey).expand(1, 3, -1, -1)) == f"{wanted:016x}"


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize(
    "change",
    [
        lambda image: image,
        recompressed,
        lambda image: recompressed(trimmed(image, 0.05, 0.05, 0.05, 0.05)),
        lambda image: recompressed(trimmed(image, 0.05, 0, 0, 0.03)),
        lambda image: recompressed(trimmed(image, 0, 0.04, 0.02, 0)),
        lambda image: recompressed(framed(image, 0.05, "white")),
        lambda image: recompressed(framed(image, 0.02, "black")),
        lambda image: ImageEnhance.Contrast(ImageEnhance.Brightness(image).enhance(0.8)).enhance(1.2),
    ],
    ids=["same", "small", "trimmed", "trimmed left", "trimmed top", "white frame", "black frame", "contrast"],
)
def test_another_copy_of_a_picture_is_the_same(name: str, change) -> None:
    image = photo(name)
    assert distance(pixels(change(image)), perceptual_hash(pixels(image))) <= SAME


@pytest.mark.parametrize(("one", "other"), list(itertools.permutations(NAMES, 2)))
def test_another_picture_is_not(one: str, other: str) -> None:
    assert distance(pixels(photo(one)), perceptual_hash(pixels(photo(other)))) > SAME


@pytest.mark.parametrize("change", [ImageOps.mirror, ImageOps.flip, lambda image: trimmed(image, 0, 0, 0.5, 0)])
def test_neither_is_a_mirrored_or_a_halved_one(change) -> None:
    assert distance(pixels(change(photo("coffee"))), perceptual_hash(pixels(photo("coffee")))) > SAME


def test_crops_are_hashed_as_the_pictures_that_they_are() -> None:
    noise = torch.Generator().manual_seed(5)
    picture = functional.interpolate(torch.rand(1, 3, 9, 9, generator=noise), (320, 320), mode="bicubic").clamp(0, 1)
    corners = {0: picture[..., :160, :160], 8: picture[..., 160:, 160:], 4: picture[..., 80:240, 80:240]}
    hashes = crop_hashes(picture, 0.5)
    assert len(hashes) == 9 and crop_hashes(picture, 1, steps=1) == [perceptual_hash(picture)]
    for place, crop in corners.items():
        assert (int(hashes[place], 16) ^ int(perceptual_hash(crop), 16)).bit_count() <= 4
    assert (int(hashes[0], 16) ^ int(hashes[8], 16)).bit_count() > 8
