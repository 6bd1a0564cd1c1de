from __future__ import annotations

import os
import random
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest
import snippets


def test_damage_is_that_of_its_seed_and_leaves_little_whole(load_script: Callable[[str], ModuleType]) -> None:
    fuzz = load_script("fuzz")
    data = bytes(range(256)) * 8
    made = [fuzz.damage(data, random.Random(number), text=False) for number in range(50)]
    assert made == [fuzz.damage(data, random.Random(number), text=False) for number in range(50)]
    assert sum(damaged != data for damaged in made) > 45
    assert len(set(made)) > 40


def test_a_case_that_goes_wrong_is_named(load_script: Callable[[str], ModuleType], tmp_path: Path) -> None:
    fuzz = load_script("fuzz")
    kind = fuzz.Kind("in.png", b"", ("stylize",), "out.png")
    verdict = lambda code, said="", strays=(): fuzz._verdict(kind, tmp_path, code, said, list(strays))  # noqa: E731
    assert verdict(-9) == "ended by SIGKILL"
    assert verdict(-24) == verdict(-14) == f"longer than {fuzz.SECONDS} s"
    assert verdict(1, "stylezoo: x") == "exit code 1"
    assert verdict(2, "Traceback (most recent call last)") == "traceback"
    assert verdict(2) == "no message"
    assert verdict(2, "stylezoo: x", [".out-123.png"]) == "left .out-123.png"
    assert verdict(0) == "exit code 0 without output"
    (tmp_path / "out.png").write_bytes(b"\x89PNG")
    assert verdict(0) == "half an output"
    assert verdict(2, "stylezoo: x") == "output with exit code 2"


@pytest.mark.slow
def test_whole_files_pass_and_damaged_ones_are_counted(tmp_path: Path) -> None:
    command = [sys.executable, str(snippets.ROOT / "scripts" / "fuzz.py"), "--count", "2", "--kind", "PNG"]
    env = os.environ | {"PYTHONPATH": str(snippets.ROOT)}
    done = subprocess.run(command, cwd=tmp_path, env=env, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "PNG: 2 files" in done.stdout and "0 failed" in done.stdout
