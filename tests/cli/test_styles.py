from __future__ import annotations

import json
import sys

import pytest


def test_table_has_every_style_once_with_its_models(run, zoo):
    assert run("styles").stdout.splitlines() == [
        "STYLE   TITLE     ARTIST   YEAR    MODELS",
        "wave    Wave      Hokusai  c.1831  cin/four",
        "night   Night                      cin/four",
        "mosaic  Mosaïque                   johnson/mosaic",
    ]


@pytest.mark.parametrize("pattern", ["hokusai", "wav", "Wave", "*AVE"])
def test_pattern_is_held_against_name_title_and_artist(run, zoo, pattern):
    (record,) = map(json.loads, run("styles", pattern, "--json").stdout.splitlines())
    assert record == {"style": "wave", "title": "Wave", "artist": "Hokusai", "year": "c.1831", "models": ["cin/four"]}


def test_nothing_found_is_said(run, zoo):
    result = run("styles", "nigt")
    assert (result.exit_code, result.stdout) == (1, "")
    assert "'nigt'" in result.stderr and "Did you mean night?" in result.stderr


@pytest.mark.slow
def test_pictures_are_drawn_with_their_captions(run, monkeypatch):
    monkeypatch.setenv("COLUMNS", "60")
    pytest.importorskip("textual_image")
    text = run("styles", "hokusai", "--pictures").stdout
    assert text.count("▀") > 200 or text.count("▄") > 200
    assert "great_wave" in text and "Katsushika Hokusai" in text


def test_pictures_without_their_package_say_how_to_install_it(refused, zoo, monkeypatch):
    monkeypatch.setitem(sys.modules, "textual_image", None)
    monkeypatch.setitem(sys.modules, "textual_image.renderable", None)
    assert "[terminal]" in refused("styles", "--pictures")
