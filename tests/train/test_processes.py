"""Two processes that train one net together, as torchrun starts them."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from stylezoo.train.recipe import load_recipe
from stylezoo.train.trainer import train

pytestmark = pytest.mark.skipif(not torch.distributed.is_available(), reason="this torch has no distributed package")

# What each process runs: a training, and then it writes down the net that it holds.
DRIVER = """
import os, sys
from pathlib import Path
from safetensors.torch import save_file
from stylezoo.train import trainer
from stylezoo.train.recipe import load_recipe

recipe, out, *overrides = sys.argv[1:]
kept = []

class Kept(trainer.TrainingState):
    def __init__(self, *arguments, **options):
        super().__init__(*arguments, **options)
        kept.append(self)

trainer.TrainingState = Kept
trainer.train(load_recipe(recipe, overrides=overrides), Path(out), device="cpu", progress=False)
state = {k: v.contiguous() for k, v in kept[0].net.state_dict().items()}
save_file(state, f"{out}_rank{os.environ['RANK']}.safetensors")
"""


def together(recipe: Path, out: Path, *overrides: str) -> subprocess.Popen[str]:
    driver = out.parent / "driver.py"
    driver.write_text(DRIVER)
    runner = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]
    return subprocess.Popen(
        [*runner, str(driver), str(recipe), str(out), *overrides],
        env=os.environ | {"OMP_NUM_THREADS": "1", "PYTHONPATH": os.pathsep.join(sys.path), "TMPDIR": str(out.parent)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


@pytest.fixture(scope="module")
def pair(run_inputs: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a run of three steps by two processes with one crop each."""
    out = tmp_path_factory.mktemp("pair") / "run"
    process = together(run_inputs / "tiny.yaml", out, "run.steps=3", "run.batch=1")
    _, err = process.communicate(timeout=300)
    assert process.returncode == 0, err
    return out


def alone(run_inputs: Path, out: Path, *overrides: str) -> Path:
    return train(load_recipe(run_inputs / "tiny.yaml", overrides=overrides), out, device="cpu", progress=False)


def test_both_processes_hold_the_same_net(pair: Path) -> None:
    first, second = (load_file(f"{pair}_rank{rank}.safetensors") for rank in (0, 1))
    assert first.keys() == second.keys()
    for name, value in first.items():
        assert torch.equal(value, second[name]), name


def test_one_of_them_writes(pair: Path) -> None:
    assert [json.loads(line)["step"] for line in (pair / "log.jsonl").read_text().splitlines()] == [1, 2, 3]
    files = sorted(p.name for p in pair.iterdir())
    assert files == ["checkpoint.safetensors", "log.jsonl", "recipe.yaml", "weights.safetensors"]


def test_two_with_one_crop_are_one_with_two(pair: Path, run_inputs: Path, tmp_path: Path) -> None:
    """Crops, gradients and logged losses are those of one process with both crops, rounding aside."""
    single = alone(run_inputs, tmp_path / "single", "run.steps=3", "run.batch=2")
    ours, theirs = (load_file(run / "checkpoint.safetensors") for run in (pair, single))
    moments = [name for name in ours if name.endswith("exp_avg")]  # means of the gradients so far
    assert moments
    for name in moments:
        assert torch.allclose(ours[name], theirs[name], rtol=1e-3, atol=1e-3 * float(theirs[name].abs().max())), name
    for mine, other in zip(*((r / "log.jsonl").read_text().splitlines() for r in (pair, single)), strict=True):
        assert json.loads(mine)["total"] == pytest.approx(json.loads(other)["total"], rel=1e-4)


def test_two_learn_otherwise_than_one_with_one_crop(pair: Path, run_inputs: Path, tmp_path: Path) -> None:
    lone = alone(run_inputs, tmp_path / "lone", "run.steps=3", "run.batch=1")
    ours, theirs = (load_file(run / "checkpoint.safetensors")["optimizer.0.exp_avg"] for run in (pair, lone))
    assert float((ours - theirs).norm()) > 0.05 * float(theirs.norm())


def test_a_net_that_predicts_its_styles_is_the_same_in_both_before_and_after_the_switch(
    ghiasi_recipe: Path, tmp_path: Path
) -> None:
    """Its rows are predicted outside the part that exchanges gradients."""
    process = together(ghiasi_recipe, tmp_path / "run", "run.steps=4", "run.batch=1", "run.teacher=0.5")
    _, err = process.communicate(timeout=300)
    assert process.returncode == 0, err
    first, second = (load_file(tmp_path / f"run_rank{rank}.safetensors") for rank in (0, 1))
    for name, value in first.items():
        assert torch.equal(value, second[name]), name


def test_when_stopped_both_end_after_the_same_step(run_inputs: Path, tmp_path: Path) -> None:
    out = tmp_path / "run"
    process = together(run_inputs / "tiny.yaml", out, "run.steps=100000", "run.checkpoint_every=100000")
    for _ in range(6000):
        if (out / "log.jsonl").exists() and (out / "log.jsonl").read_text().count("\n") > 4:
            break
        assert process.poll() is None, process.communicate()
        time.sleep(0.01)
    process.send_signal(signal.SIGTERM)  # torchrun passes it on
    _, err = process.communicate(timeout=300)
    last = json.loads((out / "log.jsonl").read_text().splitlines()[-1])["step"]
    assert err.count(f"stopped after step {last}; go on with --resume") == 1, err
    assert (out / "checkpoint.safetensors").is_file()
