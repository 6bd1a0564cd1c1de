"""Nothing is sent and nothing is left behind: what a process of ours asks of the system, not of Python alone."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import stylezoo

SECONDS_MORE = """
import sys, time, numpy, stylezoo
stylezoo.load("cin/16").stylize(numpy.zeros((64, 64, 3), "uint8"), "udnie")
time.sleep(3)  # telemetry that is sent in batches
"""


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("strace") is None, reason="strace is not installed")
@pytest.mark.parametrize("how", ["python", "command"])
def test_no_connection_is_tried_and_no_file_is_left_in_a_fresh_home(tmp_path: Path, how: str) -> None:
    home, log, photo = tmp_path / "home", tmp_path / "calls", tmp_path / "photo.png"
    home.mkdir()
    Image.fromarray(np.zeros((64, 64, 3), np.uint8)).save(photo)
    names = ("XDG_CACHE_HOME", "XDG_CONFIG_HOME", "XDG_DATA_HOME", "HF_HOME", "ORT_DISABLE_TELEMETRY")
    env = {key: value for key, value in os.environ.items() if key not in names}
    env |= {"HOME": str(home), "PYTHONPATH": str(Path(stylezoo.__file__).parents[1]), "PYTHONDONTWRITEBYTECODE": "1"}
    command = ["-c", SECONDS_MORE]
    if how == "command":
        command = [
            "-m",
            "stylezoo",
            "stylize",
            str(photo),
            "-m",
            "cin/16",
            "-s",
            "udnie",
            "-o",
            str(tmp_path / "o.png"),
        ]
    trace = ["strace", "-f", "-qq", "-e", "trace=connect,sendto,sendmsg", "-o", str(log)]
    done = subprocess.run([*trace, sys.executable, *command], env=env, capture_output=True, text=True, timeout=300)
    if "ptrace" in done.stderr.lower() and done.returncode:
        pytest.skip("this machine does not let processes be traced")
    assert done.returncode == 0, done.stderr
    tried = [line for line in log.read_text().splitlines() if re.search(r"AF_INET6?\b|sin6?_port", line)]
    assert tried == []
    assert list(home.rglob("*")) == []
