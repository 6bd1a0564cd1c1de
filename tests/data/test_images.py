from __future__ import annotations

from pathlib import Path

import pytest
from PIL import Image

from stylezoo.data.images import list_photos, sample_photos
from stylezoo.errors import DataError


def test_list_photos(tmp_path: Path) -> None:
    for name in ("b.JPG", "a/c.png", "a/notes.txt", ".hidden.png"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    assert list_photos(tmp_path) == [tmp_path / "a/c.png", tmp_path / "b.JPG"]
    with pytest.raises(DataError, match=r"no folder of photos at .*nowhere.*--content"):
        list_photos(tmp_path / "nowhere")
    (tmp_path / "empty").mkdir()
    with pytest.raises(DataError, match=r"no pictures in .*empty \(.*\.jpg"):
        list_photos(tmp_path / "empty")


def test_sample_photos_are_pictures() -> None:
    paths = sample_photos()
    assert len(paths) >= 3
    for path in paths:
        assert min(Image.open(path).size) >= 300
