"""Runs by the clock."""

from __future__ import annotations

import json
import time
from pathlib import Path

import pytest
import torch

import stylezoo
from stylezoo.errors import TrainingError
from stylezoo.models import create_model
from stylezoo.recipe import Recipe
from stylezoo.train import schedule
from stylezoo.train.recipe import load_recipe
from stylezoo.train.samples import Samples
from stylezoo.train.schedule import ByClock, learning_rate
from stylezoo.train.trainer import train


def plan(path: Path, *overrides: str) -> Recipe:
    return load_recipe(path, overrides=overrides)


def lines(run: Path) -> list[dict[str, float]]:
    return [json.loads(line) for line in (run / "log.jsonl").read_text().splitlines()]


class Hands:
    """A clock that is set by hand, in place of `time`."""

    def __init__(self, now: float) -> None:
        self.now = now

    def monotonic(self) -> float:
        return self.now


@pytest.fixture
def hands(monkeypatch: pytest.MonkeyPatch) -> Hands:
    hands = Hands(1000.0)
    monkeypatch.setattr(schedule, "time", hands)
    return hands


def steps_of(clock: ByClock, hands: Hands, seconds: float, first: int = 0) -> list[float]:
    """Return the shares of the steps, which take so many seconds each, until the clock stops the run."""
    shares: list[float] = []
    while True:
        share = clock.share(first + len(shares))
        if clock.over(first + len(shares)):
            return shares
        shares.append(share)
        hands.now += seconds


@pytest.mark.parametrize("seconds", [0.25, 3.0, 11.0])
def test_the_last_step_ends_in_time_with_the_rate_at_its_final_share(recipe_file: Path, hands, seconds) -> None:
    recipe = plan(recipe_file, "run.minutes=2", "optim.warmup=2", "optim.final=0.02", "optim.lr=0.1")
    clock = ByClock(recipe, started=hands.now)
    hands.now += 20  # loading
    clock.begin(reserve=4.0)
    shares = steps_of(clock, hands, seconds)
    assert 120 - 4 * 1.25 - 0.5 - 2 * seconds < hands.now - 1000 <= 120 - 4
    assert shares == sorted(shares) and shares[0] < 0.05 and 1 - 2.1 * seconds / 95 <= shares[-1] <= 1
    rates = [learning_rate(recipe, step, share) for step, share in enumerate(shares)]
    assert max(rates) > 0.09
    assert rates[-1] < 0.1 * (0.025 if seconds < 1 else 0.2)


def test_what_is_left_of_the_time_is_what_a_resumed_run_takes(recipe_file: Path, hands) -> None:
    clock = ByClock(plan(recipe_file, "run.minutes=2"), started=hands.now, spent=60.0)
    hands.now += 10
    assert clock.seconds == 70
    clock.begin(reserve=0.0)
    shares = steps_of(clock, hands, 1.0, first=50)
    assert 58 <= hands.now - 1000 <= 60
    assert 0.5 <= shares[0] < 0.55 and shares[-1] > 0.97


def test_a_run_has_a_step_however_short_the_time(recipe_file: Path, hands) -> None:
    clock = ByClock(plan(recipe_file, "run.minutes=0.1"), started=hands.now)
    hands.now += 30
    clock.begin(reserve=1.0)
    assert steps_of(clock, hands, 1.0) == [1.0]
    spent = ByClock(plan(recipe_file, "run.minutes=0.1"), started=hands.now, spent=7.0)
    spent.begin(reserve=1.0)
    assert steps_of(spent, hands, 1.0, first=9) == []


def test_a_run_of_seconds_ends_in_time_with_a_finished_net(recipe_file: Path, tmp_path: Path) -> None:
    create_model("johnson", width=8, blocks=1)
    torch.optim.Adam([torch.zeros(1, requires_grad=True)])  # what takes its time when first asked for
    started = time.monotonic()
    run = train(plan(recipe_file, "run.minutes=0.2", "run.sample_every=5"), tmp_path / "run", progress=False)
    assert time.monotonic() - started < 12 + 5
    log = lines(run)
    assert log[-1]["step"] > 3
    assert log[-1]["lr"] < 0.1 * max(line["lr"] for line in log)
    assert log[-1]["minutes"] <= 0.2
    assert stylezoo.load(run, device="cpu").spec.name == "johnson/tiny"
    assert f"step_{log[-1]['step']:06d}.png" in {p.name for p in (run / "samples").iterdir()}


def test_samples_that_take_long_are_rare(recipe_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("stylezoo.train.loop.EVERY", 0.0)
    write = Samples.write

    def slow(self: Samples, *arguments: object) -> None:
        time.sleep(0.2)
        write(self, *arguments)

    monkeypatch.setattr(Samples, "write", slow)
    run = train(plan(recipe_file, "run.minutes=0.25", "run.sample_every=5"), tmp_path / "run", progress=False)
    assert len(list((run / "samples").iterdir())) == 2  # the first and the last


def test_a_killed_run_takes_the_time_that_is_left(recipe_file: Path, tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr("stylezoo.train.loop.EVERY", 0.0)  # a checkpoint after each step
    recipe = plan(recipe_file, "run.minutes=0.25")
    zero_grad, started = torch.optim.Adam.zero_grad, time.monotonic()

    def killed(self, *arguments) -> None:
        zero_grad(self, *arguments)
        if time.monotonic() - started > 8:
            raise MemoryError

    monkeypatch.setattr(torch.optim.Adam, "zero_grad", killed)
    with pytest.raises(MemoryError):
        train(recipe, tmp_path / "run", progress=False)
    monkeypatch.undo()
    before = lines(tmp_path / "run")[-1]
    again = time.monotonic()
    train(recipe, tmp_path / "run", resume=True, progress=False)
    assert time.monotonic() - again < 15 - 60 * before["minutes"] + 2
    after = lines(tmp_path / "run")
    assert after[-1]["step"] > before["step"] and after[-1]["lr"] < before["lr"]
    with pytest.raises(TrainingError, match=r"run.minutes differ"):
        train(plan(recipe_file, "run.minutes=0.3"), tmp_path / "run", resume=True, progress=False)


def test_a_share_of_the_time_copies_a_teacher(trio_file: Path, tmp_path: Path) -> None:
    teacher = train(plan(trio_file, "run.steps=1"), tmp_path / "teacher", progress=False)
    changes = (f"model.teacher={teacher}", "run.steps=10", "run.distill=5", "run.minutes=0.2", "run.sample_every=0")
    log = lines(train(plan(trio_file, *changes), tmp_path / "run", progress=False))
    copied = ["copy" in line for line in log]
    assert copied == sorted(copied, reverse=True) and copied[0] and not copied[-1]
