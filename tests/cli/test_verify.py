from __future__ import annotations

import json

import pytest

from stylezoo.evaluate import verify
from stylezoo.evaluate.verify import Finding


@pytest.fixture
def findings(monkeypatch):
    """Make the checks of every model find that its hash fits and, for cin/four, that its fingerprint does not."""

    def check(spec, path, recorded):
        return [Finding(spec.name, True, "sha256 fits"), Finding(spec.name, spec.name != "cin/four", "fingerprint")]

    monkeypatch.setattr(verify, "verify_model", check)


def test_every_model_by_default_one_line_a_finding(run, zoo, findings):
    result = run("verify")
    assert result.exit_code == 2
    assert result.stdout.splitlines() == [
        "ok    cin/four  sha256 fits",
        "FAIL  cin/four  fingerprint",
        "ok    johnson/mosaic  sha256 fits",
        "ok    johnson/mosaic  fingerprint",
    ]
    assert result.stderr == "stylezoo: 1 check failed\n"


def test_named_models_alone_and_all_well(run, zoo, findings):
    result = run("verify", "tiles", "--json")
    assert result.exit_code == 0
    assert [json.loads(line) for line in result.stdout.splitlines()] == [
        {"model": "johnson/mosaic", "ok": True, "what": "sha256 fits"},
        {"model": "johnson/mosaic", "ok": True, "what": "fingerprint"},
    ]


def test_misspelt_name_stops_before_the_first_check(refused, zoo, findings):
    assert "Did you mean cin/four?" in refused("verify", "johnson/mosaic", "cin/fuor")


def test_weights_that_are_not_there_are_a_failed_check(run, zoo):
    result = run("verify", "johnson/mosaic")
    assert result.exit_code == 2
    assert "FAIL  johnson/mosaic" in result.stdout
