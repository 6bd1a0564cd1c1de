from __future__ import annotations

import math

import pytest
from PIL import Image

from stylezoo.demo.pictures import data_url
from stylezoo.demo.requests import read_mix, read_request
from stylezoo.demo.settings import Settings
from stylezoo.errors import ImageError, OptionError, StyleError, StyleZooError

SETTINGS = Settings()
MIX = {"mix": [["dots", 0.5], ["lines", 1]]}
MASK = data_url(Image.new("L", (8, 8), "white"))


def request(**values):
    given = {"quality": "quick", "palette": MIX} | values
    return read_request(**given, settings=SETTINGS)


def test_a_request_is_what_the_page_asks():
    read = request(strength=0.5, stroke=2, colours="luma")
    assert (read.quality, read.strength, read.stroke, read.colours) == ("quick", 0.5, 2.0, "luma")
    assert read.mix == (("dots", 0.5), ("lines", 1.0))
    assert read.styles == {"dots", "lines"}
    assert read.rest and not read.regions and not read.extras and read.part == "everything"
    read = request(extras=["face", "tile"], part="subject")
    assert (read.extras, read.part) == (("face", "tile"), "subject")


def test_brushes_leave_the_photo_elsewhere_unless_the_rest_is_wanted():
    brush = {"regions": [{"mix": [["dots", 1]], "mask": MASK}]}
    assert not request(brush=brush).rest
    assert request(brush=brush | {"rest": True}).rest
    assert request(brush=brush).styles == {"dots"}
    assert request(brush=brush).regions[0].mask.size == (8, 8)
    assert request(brush={"regions": []}).rest


def test_what_weighs_nothing_is_left_out():
    assert read_mix({"mix": [["dots", 0], ["lines", 0.3]]}) == (("lines", 0.3),)


@pytest.mark.parametrize(
    "palette",
    [
        None,
        "dots",
        {},
        {"mix": []},
        {"mix": "dots"},
        {"mix": [["dots", 0]]},
        {"mix": [["dots"]]},
        {"mix": [[1, 1]]},
        {"mix": [[f"s{i}", 1] for i in range(5)]},
    ],
)
def test_a_mix_that_is_none_is_refused(palette):
    with pytest.raises(StyleError):
        request(palette=palette)


@pytest.mark.parametrize(
    "values",
    [
        {"quality": 3},
        {"quality": "cin/16"},
        {"strength": math.nan},
        {"strength": "1"},
        {"strength": True},
        {"strength": 99},
        {"stroke": 0},
        {"stroke": [1]},
        {"stroke": None},
        {"stroke": "coarse"},
        {"colours": "purple"},
        {"colours": ["style"]},
        {"palette": {"mix": [["dots", -1]]}},
        {"palette": {"mix": [["dots", math.inf]]}},
        {"brush": {"regions": "all"}},
        {"extras": "face"},
        {"extras": ["nose"]},
        {"extras": [["face"]]},
        {"part": "nose"},
        {"part": ["subject"]},
        {"brush": {"regions": [{"mix": [["dots", 1]], "mask": MASK}] * 4}},
    ],
)
def test_values_out_of_range_are_refused(values):
    with pytest.raises(OptionError):
        request(**values)


@pytest.mark.parametrize("region", [3, {}, {"mix": [["dots", 1]]}, {"mix": [["dots", 1]], "mask": "/etc/passwd"}])
def test_a_region_without_style_or_mask_is_refused(region):
    with pytest.raises(StyleZooError) as caught:
        request(brush={"regions": [region]})
    assert isinstance(caught.value, (StyleError, ImageError))
