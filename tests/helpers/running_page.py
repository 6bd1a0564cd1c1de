"""A page of `stylezoo demo` in a process of its own."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest


@contextmanager
def running(*command: str, **environment: str) -> Iterator[str]:
    """Start a page and yield its address; then interrupt it, as Ctrl+C does, and see that it ends well."""
    with tempfile.TemporaryDirectory() as folder, (Path(folder) / "log").open("w+") as log:
        env = os.environ | {"TMPDIR": folder, "PYTHONUNBUFFERED": "1"} | environment
        process = subprocess.Popen([sys.executable, *command], stdout=log, stderr=log, env=env, cwd=folder)
        said = Path(folder) / "log"
        try:
            while not (found := re.search(r"http://\S+?/", said.read_text())):
                with pytest.raises(subprocess.TimeoutExpired):
                    pytest.fail(f"it ended with {process.wait(0.2)}: {said.read_text()}")
            yield found[0].replace("0.0.0.0", "127.0.0.1")
            process.send_signal(signal.SIGINT)
            assert process.wait(300) == 0
            assert "Traceback" not in said.read_text()
            assert not list(Path(folder).glob("stylezoo-demo-*"))
        finally:
            process.kill()
            process.wait()
