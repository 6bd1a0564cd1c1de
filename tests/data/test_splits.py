from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from stylezoo.data import splits
from stylezoo.data.splits import load_split, split
from stylezoo.errors import DataError, OptionError
from stylezoo.images.io import read
from stylezoo.images.phash import perceptual_hash
from stylezoo.train.recipe import load_recipes


def test_the_list_is_consistent() -> None:
    validation, test = load_split("validation"), load_split("test")
    assert (len(validation.photos), len(validation.pairs)) == (32, 32)
    assert (len(test.photos), len(test.paintings), len(test.pairs)) == (52, 10, 24)
    names = [p.name for part in (validation, test) for p in (*part.photos, *part.paintings)]
    assert len(set(names)) == len(names)
    assert all(len(p.phash) == 16 and int(p.phash, 16) for p in (*test.photos, *test.paintings))
    assert all(sum(painting == p for _, painting in test.pairs) in (2, 3) for p in test.paintings)
    with pytest.raises(OptionError, match="tset"):
        load_split("tset")


def test_no_recipe_learns_from_a_listed_painting() -> None:
    listed = {p.name for name in splits.SPLITS for p in load_split(name).paintings}
    used = {Path(style.image).name for recipe in load_recipes([]) for style in recipe.styles}
    assert used and not used & listed


def test_folders_without_listed_pictures_hold_out_every_nth() -> None:
    paths = [Path(f"{i:02}.jpg") for i in range(9)]
    training, held_out = split(paths, 4)
    assert [p.name for p in held_out] == ["00.jpg", "04.jpg", "08.jpg"] and len(training) == 6
    assert split(paths, 0) == (paths, [])
    assert split(paths[:1], 50) == (paths[:1], [])


def listed(monkeypatch: pytest.MonkeyPatch, **of: Path) -> None:
    """Make a list of pictures, each for one split."""
    lines = tuple(
        (name, "photo", splits.Listed(path.name, perceptual_hash(read(path).pixels)), ()) for name, path in of.items()
    )
    monkeypatch.setattr(splits, "_lines", lambda: lines)


def test_listed_pictures_follow_the_list_wherever_they_lie(monkeypatch, photos: Path, tmp_path: Path) -> None:
    paths = sorted(photos.iterdir())
    listed(monkeypatch, validation=paths[1], test=paths[2], excluded=paths[3])
    for folder in (photos, tmp_path / "elsewhere"):
        if folder != photos:
            shutil.copytree(photos, folder)
        training, held_out = split(sorted(folder.iterdir()), 2)
        assert [p.name for p in held_out] == [paths[1].name]
        assert [p.name for p in training] == [p.name for i, p in enumerate(paths) if i not in (1, 2, 3)]


def test_another_picture_of_a_listed_name_does_not_follow(monkeypatch, photos: Path) -> None:
    paths = sorted(photos.iterdir())
    listed(monkeypatch, test=paths[2])
    (picture,) = (line[2] for line in splits._lines())
    shutil.copy(paths[0], paths[2])
    splits.same_picture.cache_clear()
    assert split(paths, 0) == (paths, [])
    with pytest.raises(DataError, match=paths[2].name):
        picture.find([photos])
    with pytest.raises(DataError, match="in none of"):
        picture.find([photos / "nowhere"])
