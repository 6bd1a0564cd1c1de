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


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["-o", "net.onnx", "--size", "64x64"], "--size goes with --for"),
        (["-o", "net.tflite", "--for", "tflite"], "one size, not a dynamic one"),
        (["-o", "net.tflite", "--for", "tflite", "--size", "64"], "such as 512x512, not '64'"),
        (["-o", "net.param", "--for", "ncnn", "--pixels", "uint8"], "--pixels does not go with --for ncnn"),
        (["-o", "net.param", "--for", "ncnn", "-f", "onnx"], "--format does not go with --for ncnn"),
        (["-o", "net.param", "--for", "ncnn", "--precision", "int8"], "precision of ncnn must be fp16 or fp32"),
    ],
)
def test_what_does_not_go_with_a_target_is_refused(
    refused, net_file: Path, tmp_path: Path, monkeypatch, arguments, message
):
    monkeypatch.chdir(tmp_path)
    assert message in refused("export", net_file, *arguments)
    assert not list(tmp_path.iterdir())


@pytest.mark.slow
def test_files_for_ncnn_are_two_and_neither_is_overwritten(run, net_file: Path, tmp_path: Path) -> None:
    pytest.importorskip("ncnn")
    pytest.importorskip("pnnx")
    result = run("export", net_file, "--for", "ncnn", "-o", tmp_path / "net.param", "--json")
    assert result.exit_code == 0, result.stderr
    facts = json.loads(result.stdout)
    assert [Path(file).name for file in facts["files"]] == ["net.param", "net.bin"] and facts["precision"] == "fp16"
    assert len(facts["checks"]) == 3 and all(check["mean"] < 1 for check in facts["checks"])
    (tmp_path / "net.param").unlink()
    again = run("export", net_file, "--for", "ncnn", "-o", tmp_path / "net.param")
    assert again.exit_code == 2 and "net.bin' exists: pass --force" in again.stderr
