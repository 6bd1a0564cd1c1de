"""The documentation as a site is fit for everybody."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from chromium import violations
from snippets import ROOT

PAGES = [
    "index",
    "quickstart",
    "gallery",
    "styles",
    "demo",
    "leaderboard",
    "reference/cli",
    "reference/python",
    "zoo/cin_16",
]
WIDTHS = {"phone": 390, "desk": 1280}


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The site, built as `make docs` does."""
    pytest.importorskip("zensical", reason="zensical is not installed: pip install '.[docs]'")
    folder = tmp_path_factory.mktemp("docs")
    shutil.copy(ROOT / "mkdocs.yml", folder)
    for name in ("docs", "stylezoo"):
        shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("*.safetensors", "__pycache__"))
    subprocess.run([sys.executable, "-m", "zensical", "build"], cwd=folder, check=True, capture_output=True)
    return folder / "site"


@pytest.mark.slow
@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", WIDTHS.values(), ids=WIDTHS)
def test_axe_finds_nothing_serious(browser, site, scheme, width):
    context = browser.new_context(color_scheme=scheme, viewport={"width": width, "height": 900})
    found = {}
    for name in PAGES:
        page = context.new_page()
        page.goto((site / f"{name}.html").as_uri())
        if lines := violations(page):
            found[name] = lines
        page.close()
    context.close()
    assert not found
