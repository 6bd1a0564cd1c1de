"""olah, a read-only mirror of the Hub from PyPI, in front of the Hub of the tests."""

from __future__ import annotations

import contextlib
import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from hub_server import HubServer

OLAH = shutil.which("olah-cli", path=os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")]))

needs_olah = pytest.mark.skipif(OLAH is None, reason="needs olah, a mirror of the Hub")


@contextlib.contextmanager
def mirror_of(server: HubServer, folder: Path) -> Iterator[str]:
    """Run olah in front of a Hub, keeping its files in `folder`; give its address."""
    assert OLAH is not None
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    hub, mirror = f"127.0.0.1:{server.server_port}", f"127.0.0.1:{port}"
    command = [OLAH, "--host", "127.0.0.1", "--port", str(port), "--log-path", str(folder / "logs")]
    command += ["--hf-scheme", "http", "--hf-netloc", hub, "--hf-lfs-netloc", hub, "--mirror-scheme", "http"]
    command += ["--mirror-netloc", mirror, "--mirror-lfs-netloc", mirror, "--repos-path", str(folder / "repos")]
    with subprocess.Popen(command, cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        try:
            deadline = time.monotonic() + 60
            while not _listens(port):
                assert process.poll() is None and time.monotonic() < deadline
                time.sleep(0.1)
            yield f"http://{mirror}"
        finally:
            process.kill()


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0
