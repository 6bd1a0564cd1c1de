from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[2] / "scripts" / "demo_users.py"


@pytest.mark.slow
def test_twenty_visitors_at_once_lose_no_request(page_url):
    command = [sys.executable, str(SCRIPT), "--url", page_url, "--visitors", "20", "--seconds", "4"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    answered, lost = map(int, re.search(r"(\d+) requests answered, (\d+) lost", done.stdout).groups())
    assert lost == 0
    assert answered >= 20
