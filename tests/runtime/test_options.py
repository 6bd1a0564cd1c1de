"""The one class of options: what it takes, what it refuses, and that every command is made of it."""

from __future__ import annotations

import dataclasses
import json
import math
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from stylezoo.cli.sheet import command as sheet
from stylezoo.cli.stylize import command as stylize
from stylezoo.cli.video import command as video
from stylezoo.errors import OptionError
from stylezoo.runtime.options import StylizeOptions, option_fields, take_options

GOOD = {
    "strength": [0, 1, 3, 0.5, np.float32(0.5)],
    "size": [None, 1, 16384, np.int64(7)],
    "stroke": ["auto", 1 / 16, 16],
    "palette": [0, 1, 0.5, np.float32(0.5)],
    "preserve_color": [False, "luma", "stats"],
    "protect": [None, "face", "face:0", "face:0.6", "face:.5", "face:1", "face:1.0"],
    "only": [None, "subject", "background"],
    "smooth": [False, True],
    "tileable": [False, True],
    "content_map": [None, "map.png"],
    "style_map": [None, "map.png"],
    "tile": [None, "auto", 1, 512],
    "style_size": [None, 16, 4096],
    "metadata": ["keep", "safe", "none"],
}
BAD = {
    "strength": [-0.01, 3.01, math.nan, math.inf, 10**400, None, "1", True],
    "size": [0, -1, 16385, 1.5, True, "512"],
    "stroke": [0, 1 / 17, 16.1, math.nan, "1", None, "AUTO", True],
    "palette": [-0.01, 1.01, math.nan, None, "1", True],
    "preserve_color": [True, None, "hue", 0, ["luma"]],
    "protect": ["nose", "face:2", "face:1.01", "face:-1", "face:", "face:nan", "faces", "", "face:0.5\n", 0.5, True],
    "only": ["sky", "", True, False, ["subject"]],
    "smooth": [0, 1, None, "yes"],
    "tileable": [0, 1, None, "yes"],
    "content_map": ["", 1, True, ["map.png"]],
    "style_map": ["", 0.5, False, {"red": "map.png"}],
    "tile": [0, -512, "none", 1.5, True, False],
    "style_size": [0, 15, 4097, 100.5, "384"],
    "metadata": [None, False, True, "all", ["safe"]],
}


def test_the_lists_above_name_every_option():
    assert set(GOOD) == set(BAD) == set(option_fields())


@pytest.mark.parametrize(("name", "value"), [(name, value) for name, values in GOOD.items() for value in values])
def test_values_within_the_bounds_are_kept(name, value):
    kept = getattr(StylizeOptions(**{name: value}), name)
    assert kept == value and type(kept) in (float, int, bool, str, type(None))


@pytest.mark.parametrize(("name", "value"), [(name, value) for name, values in BAD.items() for value in values])
def test_values_outside_the_bounds_are_named(name, value):
    with pytest.raises(OptionError, match=name) as caught:
        StylizeOptions(**{name: value})
    assert repr(value) in str(caught.value)


def test_maps_may_be_any_pictures_and_are_not_copied():
    for picture in (np.zeros((4, 4, 3), np.uint8), Image.new("RGB", (4, 4)), torch.zeros(3, 4, 4), b"PNG"):
        options = StylizeOptions(content_map=picture)
        assert options.content_map is picture and options.as_dict()["content_map"] is picture
    assert StylizeOptions(style_map=Path("a/map.png")).style_map == str(Path("a/map.png"))


def test_options_are_frozen_and_divided_from_others():
    options, rest = take_options({"strength": 0.5, "steps": 3})
    assert options == StylizeOptions(strength=0.5) and rest == {"steps": 3}
    with pytest.raises(dataclasses.FrozenInstanceError):
        options.strength = 1.0  # type: ignore[misc]
    assert StylizeOptions(**options.as_dict()) == options


def test_commands_have_the_options_and_their_help():
    for command, names in (
        (stylize, set(option_fields())),
        (video, set(option_fields())),
        (sheet, {"strength", "stroke", "preserve_color", "protect", "only", "style_size"}),
    ):
        own = {param.name: param for param in command.params}
        assert names <= set(own)
        for name in names:
            assert own[name].help == option_fields()[name].metadata["help"]


NUMBERS = st.one_of(
    st.integers(-20, 20_000),
    st.floats(-1, 20),
    st.floats(),
    st.integers(),
    st.sampled_from([np.float32(0.5), np.int64(64), np.uint8(3), np.float64(1), np.bool_(True)]),
    st.fractions(-1, 5),
)
ANYTHING = st.one_of(
    NUMBERS, st.none(), st.booleans(), st.text(max_size=5), st.sampled_from(["luma", "stats", "auto", "keep", "safe"])
)


@given(given_=st.dictionaries(st.sampled_from(sorted(GOOD)), ANYTHING))
def test_any_values_are_kept_as_plain_ones_or_named(given_):
    try:
        options = StylizeOptions(**given_)
    except OptionError as error:
        name = str(error).split(" ")[0]
        assert name in given_ and repr(given_[name]) in str(error)
        return
    for name, value in given_.items():
        kept = getattr(options, name)
        assert type(kept) in (float, int, bool, str, type(None))
        assert kept == value or math.isclose(kept, value)
    assert StylizeOptions(**json.loads(json.dumps(options.as_dict()))) == options
    assert options.changed(**given_) == options
    assert take_options({**given_, "seed": 1}) == (options, {"seed": 1})


@given(value=st.floats(0, 3))
def test_every_strength_within_the_bounds_is_kept(value):
    assert StylizeOptions(strength=value).strength == value
