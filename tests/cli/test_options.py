from __future__ import annotations

import pytest

from stylezoo.cli.options import parse_style
from stylezoo.errors import OptionError


@pytest.mark.parametrize(
    ("text", "style"),
    [
        (None, None),
        ("wave", "wave"),
        ("wave:0.6,night:0.4", {"wave": 0.6, "night": 0.4}),
        (" wave : 1.5 , night : -0.5 ", {"wave": 1.5, "night": -0.5}),
        ("wave:1", {"wave": 1.0}),
    ],
)
def test_style_is_a_name_or_a_mix(text, style):
    assert parse_style(text) == style


@pytest.mark.parametrize("text", ["wave:", ":0.5", "wave:much", "wave,night", "wave:0.5,", "wave:nan", "wave:inf", ","])
def test_unreadable_mix_is_refused_with_the_way_to_write_it(text):
    with pytest.raises(OptionError, match="NAME:WEIGHT,NAME:WEIGHT"):
        parse_style(text)


def test_style_named_twice_is_refused():
    with pytest.raises(OptionError, match="names 'wave' twice"):
        parse_style("wave:0.5,wave:0.5")
