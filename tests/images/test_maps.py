"""Maps: which colours name regions, what becomes of the others, and what two maps must share."""

from __future__ import annotations

import io
import warnings

import numpy as np
import pytest
from PIL import Image, ImageDraw
from skimage import data

from stylezoo.errors import OptionError
from stylezoo.images.maps import choose, match, name_of, parse_color, read_map

RED, GREEN, BLUE = 0xFF0000, 0x00FF00, 0x0000FF


def disc(size: int = 100, scale: int = 1, background: str = "blue") -> Image.Image:
    """A red disc on blue; drawn `scale` times as large and then shrunk, it is antialiased."""
    image = Image.new("RGB", (size * scale, size * scale), background)
    ImageDraw.Draw(image).ellipse(
        [scale * size // 5, scale * size // 5, scale * size * 4 // 5, scale * size * 4 // 5], "red"
    )
    return image.resize((size, size), Image.Resampling.BOX)


def as_jpeg(image: Image.Image, quality: int = 85) -> bytes:
    file = io.BytesIO()
    image.save(file, "JPEG", quality=quality)
    return file.getvalue()


def test_every_colour_of_a_flat_map_is_a_region() -> None:
    image = disc()
    for one in (image, image.quantize(4), np.asarray(image), np.asarray(image) / np.float32(255)):
        found = read_map(one, "content_map")
        assert set(found.counts) == {RED, BLUE} and list(found.counts) == [BLUE, RED], "the largest first"
        red, blue = found.masks([RED, BLUE])
        np.testing.assert_array_equal(red[0, 0], np.asarray(image)[..., 0] == 255)
        np.testing.assert_array_equal(red + blue, 1)
        assert found.settled(found.main) is found


def test_labels_of_a_dataset_are_greys_next_to_each_other() -> None:
    labels = np.repeat(np.arange(4, dtype=np.uint8), 10)[None].repeat(8, 0)
    assert set(read_map(labels, "style_map").counts) == {0, 0x010101, 0x020202, 0x030303}


def test_what_is_transparent_is_white() -> None:
    image = disc().convert("RGBA")
    image.putalpha(Image.fromarray(((np.asarray(disc())[..., 0] == 255) * 255).astype(np.uint8)))
    assert set(read_map(image, "style_map").counts) == {RED, 0xFFFFFF}


def test_strays_of_antialiasing_count_as_the_nearest_colour_with_a_warning() -> None:
    found = read_map(disc(scale=4), "content_map")
    assert len(found.counts) > 10
    with pytest.warns(UserWarning, match=r"content_map .* PNG .* antialiasing"):
        settled = found.settled(found.main)
    assert set(settled.counts) == {RED, BLUE} and sum(settled.counts.values()) == found.pixels.size
    (inside,) = settled.masks([RED])
    assert (inside[0, 0] != (np.asarray(disc())[..., 0] == 255)).mean() < 0.02


def test_a_jpeg_file_is_refused_by_its_colours() -> None:
    found = read_map(as_jpeg(disc(200)), "content_map")
    with pytest.raises(OptionError, match=r"content_map .*#0000fe, #0001fc.*JPEG.*PNG"):
        found.settled(found.main)
    flat = np.asarray(disc()) // 255 * np.uint8(254)  # its flat colours alone, each changed a little
    with pytest.raises(OptionError, match=r"content_map .*#0000fe.*style_map .*JPEG changes colours.*PNG"):
        match(read_map(flat, "content_map"), read_map(disc(), "style_map"))


def test_a_colour_that_is_small_in_one_map_and_large_in_the_other_is_a_region() -> None:
    tiny = disc()
    tiny.paste((0, 255, 0), (0, 0, 5, 5))
    large = disc()
    large.paste((0, 255, 0), (0, 0, 30, 30))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        content, style = match(read_map(tiny, "content_map"), read_map(large, "style_map"))
    assert set(content.counts) == set(style.counts) == {RED, GREEN, BLUE} and content.counts[GREEN] == 25


def test_a_colour_of_one_map_alone_is_named_with_the_map() -> None:
    content, style = read_map(disc(), "content_map"), read_map(disc(background="lime"), "style_map")
    with pytest.raises(OptionError, match=r"content_map .*#0000ff.*style_map .*#00ff00, #ff0000"):
        match(content, style)
    three = np.asarray(disc()).copy()
    three[:20] = (0, 255, 0)
    with pytest.raises(OptionError, match=r"^style_map .*#00ff00.*content_map .*#0000ff, #ff0000"):
        match(content, read_map(three, "style_map"))


def test_a_photo_is_no_map_and_the_remedy_is_named() -> None:
    photo = read_map(data.astronaut(), "style_map")
    with pytest.raises(OptionError, match=r"style_map .*colours.*antialiased.*JPEG.*PNG"):
        match(read_map(disc(), "content_map"), photo)
    stripes = np.repeat(np.arange(40, dtype=np.uint8), 5)[None].repeat(8, 0)
    with pytest.raises(OptionError, match=r"40 of which.*32"):
        read_map(stripes, "content_map").settled(read_map(stripes, "").main)
    with pytest.raises(OptionError, match=r"content_map must be one picture"):
        import torch

        read_map(torch.zeros(2, 3, 8, 8), "content_map")


def test_colours_are_chosen_by_name() -> None:
    red, blue = choose(read_map(disc(), "content_map"), ["red", "#0000FF"])
    np.testing.assert_array_equal(red + blue, 1)
    speck = disc()
    speck.putpixel((0, 0), (0, 255, 0))
    (lime,) = choose(read_map(speck, "content_map"), ["lime"])
    assert lime.sum() == 1, "a colour that is named counts, however small"
    with pytest.raises(OptionError, match=r"content_map .*#008000.*#0000ff, #ff0000"):
        choose(read_map(disc(), "content_map"), ["red", "green"])
    with pytest.raises(OptionError, match=r"'mask.png'.*#ff0000"):
        choose(read_map(disc(), "content_map"), ["mask.png"])
    assert name_of(parse_color("#0f0")) == "#00ff00"
