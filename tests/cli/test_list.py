from __future__ import annotations

import io
import json

import pytest

from stylezoo.cli import console


def test_table_is_aligned_and_states_what_is_known(run, zoo):
    result = run("list")
    assert result.exit_code == 0
    assert result.stderr == ""
    assert result.stdout.splitlines() == [
        "NAME            STYLES    SIZE  LICENSE     SUMMARY",
        "cin/four             2  1.2 MB  CC-BY-4.0   Two of four",
        "johnson/mosaic       1  0.9 MB  Apache-2.0",
    ]


def test_lines_are_cut_to_the_width_of_a_terminal(run, zoo, monkeypatch):
    monkeypatch.setattr(console.sys, "stdout", Terminal())
    monkeypatch.setenv("COLUMNS", "40")
    console.put_table(("NAME", "SUMMARY"), [("a/b", "x" * 60), ("c/d", "short")])
    _, second, third = console.sys.stdout.getvalue().splitlines()
    assert (len(second), second[-1], third) == (40, "…", "c/d   short")


def test_the_widest_columns_are_cut_first_and_the_names_never(run, zoo, monkeypatch):
    monkeypatch.setattr(console.sys, "stdout", Terminal())
    monkeypatch.setenv("COLUMNS", "40")
    console.put_table(("NAME", "TITLE", "YEAR", "MODELS"), [("n" * 12, "t" * 30, "1889", "m" * 30)])
    first, second = console.sys.stdout.getvalue().splitlines()
    assert first.split() == ["NAME", "TITLE", "YEAR", "MODELS"]
    assert second.split() == ["n" * 12, "t" * 8 + "…", "1889", "m" * 8 + "…"]


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize("arguments", [["johnson/*"], ["tiles"], ["--family", "johnson"], ["--kind", "single"]])
def test_pattern_alias_family_and_kind_narrow_the_list(run, zoo, arguments):
    lines = run("list", *arguments).stdout.splitlines()[1:]
    assert [line.split()[0] for line in lines] == ["johnson/mosaic"]


def test_json_is_one_object_a_model(run, zoo):
    first, second = map(json.loads, run("list", "--json").stdout.splitlines())
    assert first["name"] == "cin/four"
    assert first["styles"] == ["wave", "night"]
    assert first["summary"] == "Two of four"
    assert second["bytes"] == 912345
    assert (first["provenance"], second["provenance"]) == ("handmade", "recipe")


def test_models_that_need_torch_say_so(run):
    line = run("list", "gatys/*").stdout.splitlines()[1]
    assert "needs [train]: " in line
    fact, other = (json.loads(run("list", name, "--json").stdout) for name in ("gatys/vgg19", "cin/16"))
    assert (fact["needs"], other["needs"]) == (["train"], [])


def test_no_match_prints_nothing_to_stdout_and_suggests(run, zoo):
    result = run("list", "johnson/mosaik")
    assert result.exit_code == 1
    assert result.stdout == ""
    assert result.stderr == "stylezoo: no model matches 'johnson/mosaik'. Did you mean johnson/mosaic?\n"


def test_unknown_family_suggests(refused, zoo):
    assert "Did you mean johnson?" in refused("list", "--family", "jonson")
