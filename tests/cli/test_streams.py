"""Pipes of any encoding, and streams that are closed or are not there."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

import stylezoo

ROOT = Path(stylezoo.__file__).parents[1]
PIXELS = np.random.default_rng(0).integers(0, 256, (32, 40, 3), dtype=np.uint8)
NAME = "Łódź 日本.png"


@pytest.fixture
def photo(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.chdir(tmp_path)
    Image.fromarray(PIXELS).save(NAME)
    return NAME


def shell(script: str, *arguments: Any, **env: str) -> subprocess.CompletedProcess[bytes]:
    """Run a line of sh in which $S is the command."""
    command = f'S() {{ "{sys.executable}" -m stylezoo "$@"; }}; {script}'
    every = os.environ | {"PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"} | env
    return subprocess.run(
        ["sh", "-c", command, "sh", *map(str, arguments)], capture_output=True, env=every, timeout=120
    )


@pytest.mark.slow
@pytest.mark.parametrize("encoding", ["cp1252", "ascii", "utf-8"])
def test_json_is_json_in_every_encoding(photo: str, net_file: Path, encoding: str) -> None:
    done = shell('S stylize "$1" -m "$2" -o out.png --json', photo, net_file, PYTHONIOENCODING=encoding)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout.decode(encoding))["input"] == NAME


@pytest.mark.slow
def test_other_commands_print_into_a_narrow_pipe_too(photo: str) -> None:
    done = shell("S info cin/16", PYTHONIOENCODING="ascii")
    assert done.returncode == 0 and done.stdout and b"Error" not in done.stderr


@pytest.mark.slow
@pytest.mark.parametrize("closing", ["2>&-", ">&-", "<&-", "<&- >&- 2>&-", "2>/dev/full"])
def test_closed_streams_cost_no_picture(photo: str, net_file: Path, closing: str) -> None:
    done = shell(f'S stylize "$1" "$1" -m "$2" -o out --json {closing}', "gone.png", net_file)
    assert done.returncode == 2
    done = shell(f'cp "$1" b.png; S stylize "$1" b.png -m "$2" -o out {closing}', photo, net_file)
    assert done.returncode == 0, done.stderr
    for name in (NAME, "b.png"):
        with Image.open(Path("out") / name) as made:
            assert made.size == (40, 32)


@pytest.mark.slow
def test_a_full_stdout_costs_no_picture_but_is_an_error(photo: str, net_file: Path) -> None:
    done = shell('cp "$1" b.png; S stylize "$1" b.png -m "$2" -o out --json >/dev/full', photo, net_file)
    assert done.returncode == 2 and b"stdout" in done.stderr and done.stderr.count(b"\n") == 1
    assert sorted(path.name for path in Path("out").glob("*.png")) == sorted([NAME, "b.png"])


@pytest.mark.slow
def test_a_reader_that_goes_ends_the_command_without_a_message(photo: str, net_file: Path) -> None:
    # The reader opens the pipe and goes at once, long before the command has anything to write.
    script = 'mkfifo pipe; : <pipe & S list --json >pipe; echo "code $?"'
    done = shell(script)
    assert b"code 1" in done.stdout and not done.stderr


def test_a_picture_onto_a_closed_stdout_is_an_error(photo: str, net_file: Path) -> None:
    done = shell('S stylize "$1" -m "$2" -o - >&-', photo, net_file)
    assert done.returncode == 2 and b"stdout" in done.stderr and done.stderr.count(b"\n") == 1


@pytest.mark.slow
def test_a_picture_from_a_closed_stdin_is_an_error(photo: str, net_file: Path) -> None:
    done = shell('S stylize - -m "$1" -o out.png <&-', net_file)
    assert done.returncode == 2 and b"stdin" in done.stderr and done.stderr.count(b"\n") == 1


@pytest.mark.slow
@pytest.mark.parametrize("engine", ["serial", "pool"])
def test_warnings_as_errors_are_no_internal_error(photo: str, net_file: Path, engine: str) -> None:
    frames = [Image.fromarray(PIXELS), Image.fromarray(PIXELS[::-1].copy())]
    frames[0].save("two.gif", save_all=True, append_images=frames[1:])
    script = 'S stylize "$1" two.gif -m "$2" -o out --engine "$3"'
    done = shell(script, photo, net_file, engine, PYTHONWARNINGS="error")
    assert done.returncode == 0, done.stderr
    assert b"warning: two.gif has 2 frames" in done.stderr


NO_STREAMS = """
import sys
sys.stdout = sys.stderr = sys.stdin = None
import numpy, stylezoo
made = stylezoo.load(sys.argv[1], device="cpu").stylize(numpy.zeros((32, 32, 3), "uint8"), progress=True, tile=32)
open("made", "w").write(str(made.shape))
"""


@pytest.mark.slow
def test_python_without_streams_as_pythonw_and_pyinstaller_have_it(photo: str, net_file: Path) -> None:
    env = os.environ | {"PYTHONPATH": str(ROOT)}
    done = subprocess.run([sys.executable, "-c", NO_STREAMS, net_file], capture_output=True, env=env, timeout=120)
    assert done.returncode == 0, done.stderr
    assert Path("made").read_text() == "(32, 32, 3)"
