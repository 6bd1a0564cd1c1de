from __future__ import annotations

import json

import yaml


def test_record_is_readable_and_whole(run, zoo):
    result = run("info", "johnson/mosaic")
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
    assert record == yaml.safe_load(run("info", "johnson/mosaic").stdout)


def test_misspelt_name_suggests(refused, zoo):
    assert "Did you mean johnson/mosaic?" in refused("info", "johnson/mosaik")


def test_name_is_required(refused):
    assert "'NAME'" in refused("info")
