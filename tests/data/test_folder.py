from __future__ import annotations

import sys
from pathlib import Path

import pytest

from stylezoo.data.folder import data_folder, default_folder


def test_the_variable_names_the_folder_even_where_the_default_one_exists(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    monkeypatch.delenv("STYLEZOO_DATA", raising=False)
    assert data_folder() is None
    default_folder().mkdir()
    assert data_folder() == default_folder() == tmp_path / "stylezoo"
    monkeypatch.setenv("STYLEZOO_DATA", "~/pictures")
    assert data_folder() == Path.home() / "pictures"


@pytest.mark.parametrize(
    ("platform", "place"),
    [("linux", ".local/share"), ("darwin", "Library/Application Support"), ("win32", "AppData/Local")],
)
def test_the_default_folder_lies_where_the_platform_keeps_data(platform: str, place: str, monkeypatch) -> None:
    monkeypatch.setattr(sys, "platform", platform)
    monkeypatch.delenv("LOCALAPPDATA", raising=False)
    for value in ("", "relative/does/not/count"):
        monkeypatch.setenv("XDG_DATA_HOME", value)
        assert default_folder() == Path.home() / place / "stylezoo"
