from __future__ import annotations

import json
from pathlib import Path

import yaml

CARD = Path(__file__).parents[2] / "docs" / "cards" / "mosaic.card.safetensors"


def test_one_screen_says_what_most_people_want_to_know(run, zoo):
    text = run("info", "cin/four").stdout
    assert text.count("\n") < 15 and max(map(len, text.splitlines())) <= 100
    for known in (
        "Two of four",
        "wave (Hokusai), night",
        "1.2 MB",
        "CC-BY-4.0",
        "handmade: two runs",
        "arXiv:1610.07629",
    ):
        assert known in text
    assert "stylezoo stylize photo.jpg -m cin/four -s wave" in text


def test_figures_of_a_model_are_shown_and_those_of_other_weights_are_not(run, zoo, monkeypatch):
    assert "quality" not in run("info", "johnson/mosaic").stdout
    monkeypatch.undo()
    assert "quality     C 1." in run("info", "johnson/mosaic").stdout


def test_whole_record_is_readable(run, zoo):
    result = run("info", "johnson/mosaic", "--all")
    assert result.exit_code == 0
    record = yaml.safe_load(result.stdout)
    assert (record["name"], record["kind"], record["license"]) == ("johnson/mosaic", "single", "Apache-2.0")
    assert record["weights"]["sha256"] == "0" * 64
    assert record["measured"] == {}  # the figures of the package are of other weights
    assert "title: Mosaïque" in result.stdout


def test_measured_figures_of_these_weights_are_shown_with_their_runs(run):
    record = json.loads(run("info", "johnson/mosaic", "--json").stdout)
    (figure, *_) = record["measured"]["C"]
    assert figure["style"] == "mosaic" and figure["mean"] > 0 and "stylezoo eval" in figure["run"]["command"]


def test_json_states_the_same(run, zoo):
    record = json.loads(run("info", "tiles", "--json").stdout)
    assert record == yaml.safe_load(run("info", "johnson/mosaic", "--all").stdout)


def test_a_style_card_is_shown(run):
    text = run("info", CARD).stdout
    assert "mosaic" in text and f"-m cin/16 --card {CARD}" in text
    record = json.loads(run("info", CARD, "--json").stdout)
    assert (record["base"], record["style"]["id"]) == ("cin/16", "mosaic")


def test_misspelt_name_suggests(refused, zoo):
    assert "Did you mean johnson/mosaic?" in refused("info", "johnson/mosaik")


def test_name_is_required(refused):
    assert "'NAME'" in refused("info")
