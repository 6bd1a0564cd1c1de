from __future__ import annotations

import base64
import io

import numpy as np
import pytest
from PIL import Image

from stylezoo.demo.pictures import Previews, data_url, from_data_url, open_picture, shrink
from stylezoo.demo.settings import Settings
from stylezoo.errors import ImageError

SETTINGS = Settings(max_pixels=1_000_000, max_bytes=3_000_000)


def encoded(image: Image.Image, kind: str = "PNG", **options) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


@pytest.mark.parametrize(
    ("name", "said"),
    [("text", "cannot be read"), ("bomb", "far too many pixels"), ("large", "1,200 x 900 pixels"), ("heavy", "6 MB")],
)
def test_what_may_not_be_opened_is_refused_before_it_is_decoded(hostile, name, said):
    with pytest.raises(ImageError, match=said) as caught:
        open_picture(hostile[name], SETTINGS)
    assert str(hostile[name].parent) not in str(caught.value)


def test_a_file_that_is_gone_and_one_that_runs_programs_are_refused(tmp_path):
    with pytest.raises(ImageError, match="choose it again"):
        open_picture(tmp_path / "gone.png", SETTINGS)
    with pytest.raises(ImageError, match="cannot be read"):
        open_picture(b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n%%EndComments\n", SETTINGS)


def test_a_picture_that_is_cut_short_says_so(hostile):
    with pytest.raises(ImageError, match=r"the picture.*truncated"):
        shrink(open_picture(hostile["cut"], SETTINGS), 64)


def test_a_photo_is_shrunk_upright_and_not_enlarged():
    wide = Image.new("RGB", (400, 200), "red")
    exif = Image.Exif()
    exif[0x0112] = 6
    turned = open_picture(encoded(wide, "JPEG", exif=exif), SETTINGS)
    assert shrink(turned, 100).size == (50, 100)
    assert shrink(open_picture(encoded(wide), SETTINGS), 1000).size == (400, 200)


@pytest.mark.parametrize(
    ("mode", "kept"), [("L", "RGB"), ("P", "RGB"), ("LA", "RGBA"), ("RGBA", "RGBA"), ("I;16", "RGB")]
)
def test_any_mode_becomes_rgb_or_rgba(mode, kept):
    assert shrink(open_picture(encoded(Image.new(mode, (20, 10))), SETTINGS), 64).mode == kept


def test_previews_are_decoded_once(tmp_path):
    path = tmp_path / "photo.png"
    path.write_bytes(encoded(Image.new("RGB", (20, 10), "teal")))
    previews = Previews(SETTINGS)
    first = previews.get(path)
    path.unlink()
    assert previews.get(path) is first


def test_data_urls_go_both_ways_and_lose_transparency_to_white():
    clear = Image.new("RGBA", (16, 8), (255, 0, 0, 0))
    back = from_data_url(data_url(clear), SETTINGS)
    assert back.size == (16, 8)
    assert np.asarray(back.convert("RGB")).min() > 250


@pytest.mark.parametrize(
    "text",
    [
        None,
        7,
        {"path": "/etc/passwd"},
        "/etc/passwd",
        "http://host/x.png",
        "data:text/html;base64,AAAA",
        "data:image/png,x",
    ],
)
def test_only_data_urls_of_pictures_are_read(text):
    with pytest.raises(ImageError, match="did not send a picture"):
        from_data_url(text, SETTINGS)


def test_a_data_url_is_held_to_the_limits():
    large = base64.b64encode(encoded(Image.new("L", (2000, 1000)))).decode()
    with pytest.raises(ImageError, match="2,000 x 1,000"):
        from_data_url(f"data:image/png;base64,{large}", SETTINGS)
    with pytest.raises(ImageError, match="damaged"):
        from_data_url("data:image/png;base64,????", SETTINGS)
