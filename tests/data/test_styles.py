from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from stylezoo.data.folder import default_folder
from stylezoo.data.styles import find_picture, read_style
from stylezoo.errors import DataError, OptionError


@pytest.fixture
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """STYLEZOO_DATA with presets/wave.png and styles/night.png, and an empty current folder."""
    folder = tmp_path / "data"
    for name in ("presets/wave.png", "styles/night.png"):
        (folder / name).parent.mkdir(parents=True)
        Image.new("RGB", (8, 8)).save(folder / name)
    monkeypatch.setenv("STYLEZOO_DATA", str(folder))
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    return folder


def test_a_picture_is_found_here_first_then_in_the_data_folder(data: Path) -> None:
    assert find_picture("wave.png") == data / "presets/wave.png"
    assert find_picture("night.png") == data / "styles/night.png"
    Image.new("RGB", (8, 8)).save("wave.png")
    assert find_picture("wave.png").resolve() == Path("wave.png").resolve()
    assert find_picture(str(data / "styles/night.png")) == data / "styles/night.png"


def test_a_missing_picture_says_which_where_and_how_to_get_it(data: Path) -> None:
    with pytest.raises(DataError) as caught:
        find_picture("starry.jpg")
    for part in ("'starry.jpg'", str(data / "presets"), str(data / "styles"), str(Path.cwd()), "source", "--style"):
        assert part in str(caught.value)


def test_without_a_data_folder_the_message_names_what_fetches_pictures(data: Path, monkeypatch) -> None:
    monkeypatch.delenv("STYLEZOO_DATA")
    with pytest.raises(DataError, match=r"stylezoo data get presets, set STYLEZOO_DATA"):
        find_picture("wave.png")


def test_the_default_data_folder_needs_no_setting(data: Path, tmp_path: Path, monkeypatch) -> None:
    monkeypatch.delenv("STYLEZOO_DATA")
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "share"))
    default_folder().parent.mkdir()
    data.rename(default_folder())
    assert find_picture("wave.png") == tmp_path / "share/stylezoo/presets/wave.png"


def test_an_absolute_path_is_looked_for_nowhere_else(data: Path, tmp_path: Path) -> None:
    with pytest.raises(DataError) as caught:
        find_picture(str(tmp_path / "gone.png"))
    assert str(tmp_path / "gone.png") in str(caught.value)
    assert str(data) + "/presets" not in str(caught.value)


def test_read_style_cuts_and_scales(tmp_path: Path) -> None:
    picture = Image.new("RGB", (80, 40), "black")
    picture.paste("white", (40, 0, 80, 40))
    picture.save(tmp_path / "halves.png")
    whole = read_style(tmp_path / "halves.png")
    assert whole.shape == (1, 3, 40, 80)
    assert read_style(tmp_path / "halves.png", size=20).shape == (1, 3, 10, 20)
    right = read_style(tmp_path / "halves.png", size=64, crop=(0.5, 0.25, 1.0, 0.75))
    assert right.shape == (1, 3, 32, 64)
    assert right.min() > 0.999


def test_a_crop_may_have_the_colours_of_the_whole_picture(tmp_path: Path) -> None:
    pixels = np.random.default_rng(0).integers(60, 120, (40, 80, 3), dtype=np.uint8)
    pixels[:, 40:, 0] += 100
    Image.fromarray(pixels).save(tmp_path / "halves.png")
    whole, left = read_style(tmp_path / "halves.png"), (0.0, 0.0, 0.5, 1.0)
    plain, coloured = (read_style(tmp_path / "halves.png", crop=left, whole_colors=each) for each in (False, True))
    assert plain.shape == coloured.shape == (1, 3, 40, 40)
    torch.testing.assert_close(coloured.mean((0, 2, 3)), whole.mean((0, 2, 3)), atol=5e-3, rtol=0)
    spreads = [torch.cov(each[0].flatten(1)) for each in (coloured, whole)]
    torch.testing.assert_close(*spreads, atol=5e-3, rtol=0)
    assert torch.corrcoef(torch.stack([plain[0, 1].flatten(), coloured[0, 1].flatten()]))[0, 1] > 0.9


@pytest.mark.parametrize("crop", [(0.5, 0, 0.5, 1), (0, 0, 1.2, 1), (-0.1, 0, 1, 1), (0, 0.9, 1, 0.1)])
def test_an_impossible_crop_is_refused(tmp_path: Path, crop) -> None:
    Image.new("RGB", (8, 8)).save(tmp_path / "a.png")
    with pytest.raises(OptionError, match="crop must be left, top, right, bottom"):
        read_style(tmp_path / "a.png", crop=crop)
