"""`stylezoo doctor`, and what an absent extra says."""

from __future__ import annotations

import json

import pytest

from stylezoo.cli.main import explain
from stylezoo.errors import EXTRAS
from stylezoo.stylizer import doctor


def test_it_shows_versions_extras_and_compares_runtimes(run):
    shown = run("doctor")
    assert shown.exit_code == 0, shown.stderr
    assert all(name in shown.stdout for name in (*doctor.BASE, *EXTRAS))
    report = json.loads(run("doctor", "--json").stdout)
    assert report["ok"] and {check["runtime"] for check in report["checks"]} == {"onnx", "torch"}
    assert all(check["difference"] <= doctor.ALLOWED["cpu"] for check in report["checks"] if check["device"] == "cpu")


def test_what_differs_or_is_missing_is_an_exit_code(run, monkeypatch):
    wrong = doctor.Check("torch", "cpu", difference=9)
    monkeypatch.setattr(doctor, "_checks", lambda: (doctor.Check("onnx", "cpu"), wrong))
    shown = run("doctor")
    assert shown.exit_code == 1
    assert "FAILED: differs by 9/255" in shown.stdout


@pytest.mark.parametrize(("module", "extra"), [("torch", "train"), ("timm.models", "train"), ("av", "video")])
def test_an_absent_module_is_told_with_its_install_command(module, extra):
    failure = explain(ModuleNotFoundError("no", name=module))
    assert failure.code == 2 and f"pip install 'stylezoo[{extra}]'" in failure.message
    assert "internal error" in explain(ModuleNotFoundError("no", name="stylezoo.nothing")).message
