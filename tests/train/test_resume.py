"""Runs in processes of their own, stopped from outside at any moment."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

FILES = ("weights.safetensors", "checkpoint.safetensors")
STEPS = 60


def start(recipe: Path, out: Path, *options: str) -> subprocess.Popen[str]:
    run = ["--set", f"run.steps={STEPS}", "--set", "run.checkpoint_every=7", "--device", "cpu"]
    return subprocess.Popen(
        [sys.executable, "-m", "stylezoo", "train", "--recipe", str(recipe), "--out", str(out), *run, *options],
        env=os.environ | {"OMP_NUM_THREADS": "1"},  # another number of threads adds up in another order
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def finish(process: subprocess.Popen[str]) -> str:
    """Return what a run prints to stdout, after it ended well."""
    out, err = process.communicate(timeout=300)
    assert process.returncode == 0, err
    return out


def wait_for_step(process: subprocess.Popen[str], out: Path, step: int) -> None:
    log = out / "log.jsonl"
    for _ in range(60_000):
        if log.exists() and log.read_text().count("\n") >= step:
            return
        assert process.poll() is None, process.communicate()
        time.sleep(0.001)
    pytest.fail(f"no step {step}")


def steps(out: Path) -> list[int]:
    return [json.loads(line)["step"] for line in (out / "log.jsonl").read_text().splitlines()]


@pytest.fixture(scope="module")
def unbroken(run_inputs: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """The files of the run that nothing disturbed."""
    out = tmp_path_factory.mktemp("unbroken") / "run"
    assert finish(start(run_inputs / "tiny.yaml", out)).strip() == str(out)
    return {name: (out / name).read_bytes() for name in FILES}


def test_a_killed_and_resumed_run_ends_with_the_same_bits(unbroken, run_inputs: Path, tmp_path: Path) -> None:
    out = tmp_path / "run"
    for step, options in ((10, []), (31, ["--resume"])):
        process = start(run_inputs / "tiny.yaml", out, *options)
        wait_for_step(process, out, step)
        process.kill()
        process.communicate()
        assert process.returncode == -signal.SIGKILL
        assert len(steps(out)) < STEPS
    finish(start(run_inputs / "tiny.yaml", out, "--resume"))
    for name in FILES:
        assert (out / name).read_bytes() == unbroken[name], name
    assert steps(out) == list(range(1, STEPS + 1))


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_stopped_run_saves_says_how_to_go_on_and_exits_130(unbroken, run_inputs, tmp_path, number) -> None:
    out = tmp_path / "run"
    process = start(run_inputs / "tiny.yaml", out)
    wait_for_step(process, out, 9)
    process.send_signal(number)
    _, err = process.communicate(timeout=300)
    assert process.returncode == 130, err
    assert f"stopped after step {steps(out)[-1]}; go on with --resume" in err
    assert "Traceback" not in err
    finish(start(run_inputs / "tiny.yaml", out, "--resume"))
    for name in FILES:
        assert (out / name).read_bytes() == unbroken[name], name
    assert steps(out) == list(range(1, STEPS + 1))


def test_a_second_run_in_the_same_folder_is_refused(unbroken, run_inputs: Path, tmp_path: Path) -> None:
    out = tmp_path / "run"
    process = start(run_inputs / "tiny.yaml", out)
    wait_for_step(process, out, 8)
    process.send_signal(signal.SIGSTOP)  # so that it does not end meanwhile
    for options in ([], ["--resume"]):
        second = start(run_inputs / "tiny.yaml", out, *options)
        _, err = second.communicate(timeout=300)
        assert second.returncode == 2
        assert f"run folder '{out}'" in err and "--out" in err and "Traceback" not in err
    process.kill()
    process.communicate()
    finish(start(run_inputs / "tiny.yaml", out, "--resume"))  # the killed run left no lock that blocks
    for name in FILES:
        assert (out / name).read_bytes() == unbroken[name], name
    assert not list(out.glob(".*"))


def test_a_refused_run_leaves_no_folder(run_inputs: Path, tmp_path: Path) -> None:
    process = start(run_inputs / "tiny.yaml", tmp_path / "run", "--resume")
    _, err = process.communicate(timeout=300)
    assert process.returncode == 2 and "no run to resume" in err
    assert not (tmp_path / "run").exists()
