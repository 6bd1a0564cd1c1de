from __future__ import annotations

import random
from pathlib import Path

import click
import pytest

from stylezoo._files import lock
from stylezoo.errors import OptionError


@pytest.fixture
def kill(load_script, monkeypatch: pytest.MonkeyPatch):
    """The script, whose one job writes a file in three steps, and is killed by each `run` but the last."""
    module = load_script("kill")

    class Steps(module.Job):
        content = ("abc", "abc", "abc")

        def __init__(self, inputs: Path) -> None:
            self.ran = 0

        def command(self, out: Path) -> list[str]:
            return []

        def state(self, out: Path) -> dict[str, str]:
            return {path.name: path.read_text() for path in out.glob("[a-z]")}

    def run(job: Steps, out: Path, delay: float | None) -> bool:
        out.mkdir(exist_ok=True)
        ended = delay is None
        for name in "abc" if ended else "a":
            (out / name).write_text(job.content[0] if out.name == "unbroken" else job.content[1 + ended])
        return ended

    monkeypatch.setitem(module.JOBS, "steps", Steps)
    monkeypatch.setattr(module, "run", run)
    module.Steps = Steps
    return module


def campaign(kill, folder: Path) -> None:
    kill.campaign("steps", 3, random.Random(0), folder)


def test_a_job_that_keeps_its_promises_passes(kill, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    campaign(kill, tmp_path)
    assert "steps: 3 kills, 1 times" in capsys.readouterr().out


@pytest.mark.parametrize("content", [("abc", "ab", "abc"), ("abc", "abc", "ab")])
def test_half_a_file_and_another_result_fail(kill, tmp_path: Path, content: tuple[str, ...]) -> None:
    kill.Steps.content = content
    with pytest.raises(click.ClickException, match="steps: after"):
        campaign(kill, tmp_path)


def test_a_lock_that_blocks_and_parts_that_are_left_fail(kill, tmp_path: Path) -> None:
    (tmp_path / "place0").mkdir()
    release = lock(tmp_path / "place0" / ".stylezoo.lock", "a folder")
    with pytest.raises(OptionError, match=r"\.stylezoo\.lock"):
        campaign(kill, tmp_path)
    release()
    (tmp_path / "two" / "place0" / "out.mp4.parts").mkdir(parents=True)
    with pytest.raises(click.ClickException, match=r"out\.mp4\.parts"):
        campaign(kill, tmp_path / "two")
