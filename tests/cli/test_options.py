from __future__ import annotations

from importlib import import_module
from pathlib import Path

import pytest

from stylezoo.cli.options import label_styles, parse_names, parse_region, parse_style
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


def test_names_are_listed_with_commas():
    assert parse_names("wave, night,", "--styles") == ["wave", "night"]


@pytest.mark.parametrize("text", ["", ",", " , "])
def test_a_list_of_no_names_is_refused(text):
    with pytest.raises(OptionError, match=f"--styles {text!r} "):
        parse_names(text, "--styles")


@pytest.fixture
def here(tmp_path, monkeypatch):
    """A folder with three masks, two of them with colons in their names, as paths of Windows have."""
    monkeypatch.chdir(tmp_path)
    for name in ("mask.png", "C:mask.png", "a:b"):
        Path(name).touch()
    Path("folder").mkdir()


@pytest.mark.parametrize(
    ("text", "mask", "style"),
    [
        ("mask.png:wave", "mask.png", "wave"),
        ("mask.png: wave ", "mask.png", "wave"),
        ("mask.png:wave:0.6,night:0.4", "mask.png", {"wave": 0.6, "night": 0.4}),
        ("C:mask.png:wave", "C:mask.png", "wave"),
        ("a:b:wave:1", "a:b", {"wave": 1.0}),
    ],
)
def test_a_region_is_a_mask_and_a_style(here, text, mask, style):
    assert parse_region(text) == (Path(mask), style)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("mask.png", "names no style"),
        ("mask.png:", "names no style"),
        ("mask.png:wave,night", "cannot read 'wave' in --region 'wave,night'"),
        ("maks.png:wave", "no such file 'maks.png'"),
        (r"D:\maks.png:wave", r"no such file 'D:\maks.png'"),
        ("folder:wave", "no such file 'folder'"),
        ("wave", "no such file 'wave'"),
        ("", "no such file ''"),
    ],
)
def test_an_unreadable_region_is_refused(here, text, message):
    with pytest.raises(OptionError) as error:
        parse_region(text)
    assert message in str(error.value)


def test_a_text_that_is_a_file_is_that_file(here):
    assert parse_style("a:b") == "a:b"
    assert parse_style("C:mask.png:2,a:b:1") == {"C:mask.png": 2.0, "a:b": 1.0}
    Path("folder,1").mkdir()
    assert parse_names("folder,1", "--styles") == ["folder,1"]


def test_an_address_of_the_web_is_no_mix():
    assert parse_style("https://example.org/wave,1.jpg") == "https://example.org/wave,1.jpg"


def test_styles_are_labelled_by_name_or_file():
    labelled = label_styles(["wave", "art/Night sky.jpg", "wave:0.6,art/night.jpg:0.4"])
    assert list(labelled) == ["wave", "Night sky", "wave-0.6_night-0.4"]
    assert labelled["wave-0.6_night-0.4"] == {"wave": 0.6, "art/night.jpg": 0.4}
    with pytest.raises(OptionError, match=r"'art/wave.jpg'.*'wave'"):
        label_styles(["wave", "art/wave.jpg"])


@pytest.mark.parametrize("name", ["card", "device", "backend"])
def test_an_option_that_commands_share_is_the_same_in_each(name: str) -> None:
    commands = [import_module(f"stylezoo.cli.{command}").command for command in ("mesh", "video", "stylize", "sheet")]
    options = [o for command in commands for o in command.params if f"--{name}" in o.opts]
    assert len(options) >= 3
    facts = [(o.name, o.opts, o.default, o.multiple, o.help, repr(o.type)) for o in options]
    assert all(fact == facts[0] for fact in facts)
