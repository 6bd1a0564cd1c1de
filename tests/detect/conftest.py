from __future__ import annotations

from pathlib import Path

import detectors
import pytest

from stylezoo.detect import faces, subject


@pytest.fixture
def fakes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The packages of `detectors`, in place of those installed."""
    return detectors.install(tmp_path / "packages", monkeypatch)


@pytest.fixture
def only_cascade(monkeypatch: pytest.MonkeyPatch) -> None:
    """No package with a network is installed."""
    for module in (faces, subject):
        monkeypatch.setattr(module, "packaged", lambda name, file: None)


@pytest.fixture
def nothing(only_cascade: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nor is scikit-image."""
    monkeypatch.setattr(faces, "find_spec", lambda name: None)
