from __future__ import annotations

import asyncio
import sys
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path

SCRIPT = Path(__file__).parents[2] / "scripts" / "demo_users.py"


def test_twenty_visitors_at_once_lose_no_request(page_url):
    spec = spec_from_file_location("demo_users", SCRIPT)
    module = module_from_spec(spec)
    sys.modules["demo_users"] = module  # dataclasses look their module up by name
    spec.loader.exec_module(module)
    tally = asyncio.run(module.crowd(page_url, visitors=20, seconds=4))
    assert tally.lost == []
    assert len(tally.seconds) >= 40  # an upload and a painting each
