from __future__ import annotations

from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from stylezoo.data.pack import QUALITIES, evenly, new_folder, pack_pictures
from stylezoo.errors import DataError


@pytest.fixture(scope="module")
def photos(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Twenty pictures of source a, 120 x 90 px, and ten of b, 60 x 90 px. Not to be changed."""
    from skimage import data

    folder, coffee = tmp_path_factory.mktemp("photos"), data.coffee()
    for index in range(30):
        name, width = (f"a_{index:02}", 120) if index < 20 else (f"b_{index:02}", 60)
        Image.fromarray(coffee[5 * index : 5 * index + 90, 10 * index : 10 * index + width]).save(
            folder / f"{name}.png"
        )
    return sorted(folder.iterdir())


def test_every_beginning_of_the_order_has_the_same_share_of_each_source(photos: list[Path]) -> None:
    order = evenly({"content": photos, "styles": photos[:10]})
    assert len(order) == 40 and len(set(order)) == 40
    half = Counter((kind, path.stem[0]) for kind, path in order[:20])
    assert half == {("content", "a"): 10, ("content", "b"): 5, ("styles", "a"): 5}
    assert [path for kind, path in order if kind == "styles"] != photos[:10]  # not the first of their names first


def test_pictures_that_fit_are_all_packed_at_the_best_quality(photos: list[Path], tmp_path: Path) -> None:
    found = pack_pictures(tmp_path, {"content": photos}, 80, 10**7)
    assert (found.packed, found.left_out, found.quality) == ({"content": 30}, {"content": 0}, (QUALITIES[1],) * 2)
    packed = sorted((tmp_path / "content").iterdir())
    assert [path.name for path in packed] == [f"{path.stem}.avif" for path in photos]
    with Image.open(packed[0]) as image, Image.open(photos[0]) as original:
        assert image.size == (80, 60)
        error = np.asarray(image.convert("RGB"), float) - np.asarray(original.resize((80, 60)), float)
    assert np.abs(error).mean() < 12
    with Image.open(packed[-1]) as image:
        assert image.size == (53, 80)


@pytest.mark.slow
def test_too_many_pictures_are_thinned_alike_within_the_room(photos: list[Path], tmp_path: Path) -> None:
    whole = pack_pictures(tmp_path / "whole", {"content": photos, "styles": photos[:10]}, 80, 10**7)
    size = sum(path.stat().st_size for path in (tmp_path / "whole").rglob("*.avif"))
    found = pack_pictures(tmp_path / "half", {"content": photos, "styles": photos[:10]}, 80, size // 4)
    used = sum(path.stat().st_size for path in (tmp_path / "half").rglob("*.avif"))
    assert size // 6 < used <= size // 4
    assert found.quality[0] == QUALITIES[0] and whole.left_out == {"content": 0, "styles": 0}
    for kind, count in (("content", 30), ("styles", 10)):
        assert found.packed[kind] + found.left_out[kind] == count
        assert len(list((tmp_path / "half" / kind).iterdir())) == found.packed[kind] > 0


def test_a_picture_that_cannot_be_read_is_reported(photos: list[Path], tmp_path: Path) -> None:
    (tmp_path / "bad.jpg").write_bytes(b"no picture")
    found = pack_pictures(tmp_path / "out", {"content": [*photos[:2], tmp_path / "bad.jpg"]}, 64, 10**6)
    assert found.packed == {"content": 2}
    assert "bad.jpg" in found.broken[0]


def test_pictures_of_one_name_do_not_replace_each_other(photos: list[Path], tmp_path: Path) -> None:
    (tmp_path / "more").mkdir()
    twin = tmp_path / "more" / photos[0].name
    twin.write_bytes(photos[1].read_bytes())
    pack_pictures(tmp_path / "out", {"content": [photos[0], twin]}, 64, 10**6)
    assert len(list((tmp_path / "out" / "content").iterdir())) == 2


def test_a_folder_is_there_whole_or_not_at_all(tmp_path: Path) -> None:
    with new_folder(tmp_path / "pack") as folder:
        (folder / "a").write_text("a")
        assert not (tmp_path / "pack").exists()
    assert (tmp_path / "pack" / "a").read_text() == "a"
    (tmp_path / "empty").mkdir()
    with new_folder(tmp_path / "empty") as folder:
        (folder / "b").write_text("b")
    with pytest.raises(RuntimeError), new_folder(tmp_path / "failed") as folder:
        raise RuntimeError
    for full in ("pack", "pack/a"):
        with pytest.raises(DataError, match="not an empty folder"), new_folder(tmp_path / full):
            pass
    assert sorted(path.name for path in tmp_path.iterdir()) == ["empty", "pack"]
