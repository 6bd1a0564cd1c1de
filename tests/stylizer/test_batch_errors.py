"""What `stylize_batch` makes of pictures that cannot be read."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from stylezoo.errors import ImageError, OptionError
from stylezoo.stylizer.loading import load

PHOTO = np.random.default_rng(0).integers(0, 256, (32, 40, 3), dtype=np.uint8)


def images(tmp_path: Path) -> list:
    (tmp_path / "torn.jpg").write_bytes(b"\xff\xd8\xff\xe0")
    return [PHOTO, PHOTO, tmp_path / "torn.jpg", np.zeros((3, 4)), tmp_path / "gone.jpg", PHOTO]


def test_raise_names_the_picture_and_keeps_what_came_before(net_file: Path, tmp_path: Path) -> None:
    results = load(net_file, device="cpu").stylize_batch(images(tmp_path), batch_size=1)
    assert next(results).shape == next(results).shape == PHOTO.shape
    with pytest.raises(ImageError, match=r"picture 2 .*torn\.jpg"):
        next(results)


@pytest.mark.parametrize("batch_size", [1, 2, 8])
def test_skip_goes_on_and_says_which_with_a_none_for_each(net_file: Path, tmp_path: Path, batch_size: int) -> None:
    stylizer = load(net_file, device="cpu")
    with pytest.warns(UserWarning) as said:
        results = list(stylizer.stylize_batch(images(tmp_path), batch_size=batch_size, errors="skip"))
    wanted = stylizer.stylize(PHOTO).astype(int)
    assert [result is None for result in results] == [False, False, True, False, True, False]
    for index in (0, 1, 5):
        assert np.abs(results[index] - wanted).max() <= 1
    assert [number for number in (2, 4) if any(f"picture {number} " in str(w.message) for w in said)] == [2, 4]


def test_other_words_are_refused_at_once(net_file: Path) -> None:
    with pytest.raises(OptionError, match="ignore"):
        load(net_file, device="cpu").stylize_batch([], errors="ignore")  # type: ignore[arg-type]
