from __future__ import annotations

import json
from pathlib import Path

import pytest


@pytest.mark.slow
def test_a_model_is_written_and_compared(run, net_file: Path, tmp_path: Path) -> None:
    pytest.importorskip("onnxscript")
    result = run("export", net_file, "-o", tmp_path / "net.onnx", "--json")
    assert result.exit_code == 0, result.stderr
    facts = json.loads(result.stdout)
    assert facts["model"] == "johnson/tiny" and facts["encoder"] is None
    assert facts["bytes"] == (tmp_path / "net.onnx").stat().st_size
    assert [(check["height"], check["largest"] < 0.1) for check in facts["checks"]] == [
        (256, True),
        (301, True),
        (384, True),
    ]
    again = run("export", net_file, "-o", tmp_path / "net.onnx")
    assert again.exit_code == 2 and "exists: pass --force" in again.stderr


@pytest.mark.slow
def test_results_are_told_on_stderr(run, net_file: Path, tmp_path: Path) -> None:
    result = run("export", net_file, "-o", tmp_path / "net.pt2", "-f", "torch")
    assert result.exit_code == 0 and result.stdout == ""
    assert "net.pt2: 0." in result.stderr and "256x256 px: differs from the model by 0.0" in result.stderr


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["-o", "net.pb"], "'net.pb' must end in .onnx"),
        (["-o", "net.onnx", "--photos", "."], "no pictures in folder '.'"),
        (["-o", "net.pt2", "-f", "torch", "--precision", "int8"], "precision int8 is for ONNX"),
    ],
)
def test_bad_choices_are_refused(refused, net_file: Path, tmp_path: Path, monkeypatch, arguments, message) -> None:
    monkeypatch.chdir(tmp_path)
    assert message in refused("export", net_file, *arguments)
    assert not list(tmp_path.iterdir())
