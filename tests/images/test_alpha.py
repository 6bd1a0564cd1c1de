"""Colours that alpha hides."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from stylezoo.images.io import read
from stylezoo.stylizer.loading import load
from stylezoo.stylizer.stylizer import Stylizer

RNG = np.random.default_rng(3)
PHOTO = RNG.integers(0, 256, (64, 64, 3), dtype=np.uint8)


@pytest.fixture(scope="module")
def net() -> Stylizer:
    return load("johnson/mosaic", device="cpu")


def with_hidden(colour: int | None, top: int = 255, dtype: type = np.uint8) -> np.ndarray:
    """The photo, whose left half is transparent, with a colour there or with noise."""
    alpha = np.full((64, 64, 1), top, np.float64)
    alpha[:, :32] = 0
    pixels = PHOTO.astype(np.float64) * top / 255
    pixels[:, :32] = RNG.uniform(0, top, (64, 32, 3)) if colour is None else colour * top / 255
    return np.concatenate([pixels, alpha], axis=2).astype(dtype)


@pytest.mark.parametrize(("top", "dtype"), [(255, np.uint8), (65535, np.uint16), (1, np.float32)])
def test_what_alpha_hides_does_not_change_what_is_seen(net: Stylizer, top: int, dtype: type) -> None:
    white, black, noise = (net.stylize(with_hidden(colour, top, dtype)) for colour in (255, 0, None))
    for other in (black, noise):
        assert np.array_equal(white[:, 32:], other[:, 32:])


def test_pictures_frames_and_batches_alike(net: Stylizer) -> None:
    white, noise = (Image.fromarray(with_hidden(colour)) for colour in (255, None))
    for results in (net.stylize_batch([white, noise]), net.stylize_frames([white, noise], steady=0.0)):
        first, second = (np.asarray(result)[:, 32:] for result in results)
        assert np.array_equal(first, second)


def test_strength_0_gives_back_the_photo_with_what_is_hidden(net: Stylizer) -> None:
    pixels = with_hidden(None)
    pixels[:, 40:48, 3] = 77
    found = net.stylize(pixels, strength=0)
    assert np.array_equal(found, pixels)


def test_a_colour_that_png_names_transparent_is_hidden_too() -> None:
    image = Image.fromarray(PHOTO)
    image.info["transparency"] = tuple(int(v) for v in PHOTO[0, 0])
    picture = read(image)
    assert (picture.seen[0, :, 0, 0] == 255).all() and np.array_equal(picture.levels[0, :, 0, 0], PHOTO[0, 0])
