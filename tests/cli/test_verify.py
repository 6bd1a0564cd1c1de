from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from msgspec import structs

from stylezoo._files import sha256_of
from stylezoo.evaluate import verify
from stylezoo.evaluate.verify import Finding
from stylezoo.zoo.catalog import default_zoo
from stylezoo.zoo.layout import read_zoo
from stylezoo.zoo.spec import FileSpec, WeightsSpec, Zoo
from stylezoo.zoo.store import BUNDLED, read_header
from stylezoo.zoo.writing import write_zoo


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


def test_files_besides_the_weights_are_compared_with_the_registry(run, tmp_path: Path) -> None:
    (tmp_path / "tables.bin").write_bytes(b"tables")
    stated = FileSpec(sha256=sha256_of(tmp_path / "tables.bin"), bytes=6, source="a test")
    write_zoo(Zoo(schema=1, aliases={}, models={}, files={"tables.bin": stated}), tmp_path / "zoo.yaml")
    assert not verify.verify_files(read_zoo(tmp_path / "zoo.yaml"), tmp_path / "elsewhere")[0].ok
    (finding,) = verify.verify_files(read_zoo(tmp_path / "zoo.yaml"), tmp_path)
    assert finding.ok and stated.sha256[:12] in finding.what
    (tmp_path / "tables.bin").write_bytes(b"tablet")
    (finding,) = verify.verify_files(read_zoo(tmp_path / "zoo.yaml"), tmp_path)
    assert not finding.ok and stated.sha256 in finding.what


def test_every_bundled_file_is_stated() -> None:
    zoo = default_zoo()
    stated = {*zoo.files, *(spec.weights.file for spec in zoo.models.values() if spec.weights)}
    there = {path.relative_to(BUNDLED).as_posix() for path in BUNDLED.rglob("*.safetensors")}
    assert there == stated
    assert all(finding.ok for finding in verify.verify_files(zoo, BUNDLED))


def test_misspelt_name_stops_before_the_first_check(refused, zoo, findings):
    assert "Did you mean cin/four?" in refused("verify", "johnson/mosaic", "cin/fuor")


def test_weights_that_are_not_there_are_a_failed_check(run, zoo):
    result = run("verify", "johnson/mosaic")
    assert result.exit_code == 2
    assert "FAIL  johnson/mosaic" in result.stdout


@pytest.fixture
def folder(net_file: Path, tmp_path: Path) -> Path:
    """A zoo of one net, without a fingerprint."""
    folder = tmp_path / "zoo"
    folder.mkdir()
    shutil.copy(net_file, folder / "tiny.safetensors")
    size, sha256 = net_file.stat().st_size, sha256_of(net_file)
    weights = WeightsSpec(file="tiny.safetensors", sha256=sha256, bytes=size, dtype="float32", bundled=True)
    spec = structs.replace(read_header(net_file), weights=weights, provenance="handmade", story="by a test")
    write_zoo(Zoo(schema=1, aliases={}, models={spec.name: spec}), folder / "zoo.yaml")
    return folder


def test_fingerprints_are_recorded_and_compared(run, folder: Path) -> None:
    missing = run("verify", "--zoo", folder)
    assert missing.exit_code == 2
    assert "FAIL  johnson/tiny  fingerprint: none is recorded for these weights" in missing.stdout
    written = run("verify", "--zoo", folder, "--write")
    assert written.exit_code == 0, written.output
    assert run("verify", "--zoo", folder).exit_code == 0
    recorded = json.loads((folder / "fingerprints.json").read_text())
    recorded["johnson/tiny"]["values"][0] += 0.1
    (folder / "fingerprints.json").write_text(json.dumps(recorded))
    assert "FAIL  johnson/tiny  fingerprint: differs by 1.0e-01" in run("verify", "--zoo", folder).stdout
    recorded["johnson/tiny"]["weights"] = "0" * 8
    (folder / "fingerprints.json").write_text(json.dumps(recorded))
    assert "none is recorded for these weights" in run("verify", "--zoo", folder).stdout


def test_fingerprints_of_no_registry_are_not_recorded(refused, net_file: Path) -> None:
    assert "johnson/tiny is in none" in refused("verify", net_file, "--write")
    assert "leave --repo out" in refused("verify", "--repo", "owner/zoo", "--write")


def test_a_broken_file_of_fingerprints_is_named(refused, folder: Path) -> None:
    (folder / "fingerprints.json").write_text('{"johnson/tiny": {"weights": "", "values": [], "tolerance": 0.1}}')
    said = refused("verify", "--zoo", folder)
    assert str(folder / "fingerprints.json") in said and "values: must be" in said
