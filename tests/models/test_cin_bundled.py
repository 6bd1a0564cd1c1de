"""What users rely on in the bundled cin/16, on a real photo."""

from __future__ import annotations

from itertools import combinations, pairwise

import numpy as np
import pytest
from msgspec import structs
from PIL import Image
from skimage import data

import stylezoo
from stylezoo.errors import OptionError, StyleError, WeightsError
from stylezoo.stylizer.card import StyleCard
from stylezoo.stylizer.stylizer import Stylizer


@pytest.fixture(scope="module")
def cin() -> Stylizer:
    return stylezoo.load("cin/16", device="cpu")


@pytest.fixture(scope="module")
def photo() -> np.ndarray:
    return np.asarray(Image.fromarray(data.astronaut()).resize((192, 192)))


def apart(a: np.ndarray, b: np.ndarray) -> float:
    """Mean difference in 8-bit steps."""
    return float(np.abs(a.astype(float) - b).mean())


def renamed(card: StyleCard, name: str, **facts: str) -> StyleCard:
    return StyleCard(structs.replace(card.spec, style=structs.replace(card.spec.style, id=name), **facts), card.row)


def test_sixteen_styles_each_a_picture_of_its_own(cin: Stylizer, photo: np.ndarray) -> None:
    stylized = {style: cin.stylize(photo, style) for style in cin.styles}
    assert len(stylized) == 16
    for (a, x), (b, y) in combinations(stylized.items(), 2):
        assert apart(x, y) > 10, (a, b)


def test_neighbouring_mixes_differ_little(cin: Stylizer, photo: np.ndarray) -> None:
    for a, b in [("starry_night", "great_wave"), ("udnie", "senecio")]:
        line = [cin.stylize(photo, {a: 1 - k / 10, b: k / 10}) for k in range(11)]
        steps = [apart(x, y) for x, y in pairwise(line)]
        assert max(steps) < 0.35 * apart(line[0], line[-1])
        assert np.array_equal(line[0], cin.stylize(photo, a))


def test_strength_leads_from_the_photo_to_the_style_and_beyond(cin: Stylizer, photo: np.ndarray) -> None:
    line = [cin.stylize(photo, "the_scream", strength=k / 4) for k in range(7)]
    assert np.array_equal(line[0], photo)
    far = [apart(x, photo) for x in line]
    assert far == sorted(far)
    assert max(apart(x, y) for x, y in pairwise(line)) < 0.6 * far[4]


def test_a_region_leaves_the_rest_of_the_photo(cin: Stylizer, photo: np.ndarray) -> None:
    mask = np.zeros((192, 192), np.uint8)
    mask[:, 96:] = 255
    stylized = cin.stylize(photo, "starry_night", mask=mask)
    assert np.abs(stylized[:, :96].astype(int) - photo[:, :96]).max() <= 1
    assert apart(stylized[:, 104:], photo[:, 104:]) > 20
    two = cin.stylize(photo, mask={"great_wave": 255 - mask, "starry_night": mask})
    assert apart(two[:, :80], cin.stylize(photo, "great_wave")[:, :80]) < apart(two[:, :80], two[:, 112:])


def test_tiles_make_the_whole_picture(cin: Stylizer) -> None:
    coffee = np.asarray(Image.fromarray(data.coffee()).resize((301, 199)))
    whole = cin.stylize(coffee, "starry_night", tile=None)
    difference = np.abs(cin.stylize(coffee, "starry_night", tile=64).astype(int) - whole)
    assert difference.max() <= 1 and (difference > 0).mean() < 0.005


def test_a_card_leaves_what_was_there_to_the_bit(cin: Stylizer, photo: np.ndarray, tmp_path) -> None:
    card = cin.card("udnie")
    card.save(tmp_path / "udnie.card.safetensors")
    assert (tmp_path / "udnie.card.safetensors").stat().st_size < 16 * 1024
    other = stylezoo.load("cin/16", device="cpu")
    before = {style: other.stylize(photo, style) for style in ("starry_night", "city_rises")}
    with pytest.raises(StyleError, match="already"):
        other.add_card(tmp_path / "udnie.card.safetensors")
    mine = renamed(card, "mine")
    assert other.add_card(mine).styles == (*cin.styles, "mine")
    for name, picture in before.items():
        assert np.array_equal(other.stylize(photo, name), picture)
    assert np.array_equal(other.stylize(photo, "mine"), cin.stylize(photo, "udnie"))


def test_errors_say_what_to_do(cin: Stylizer, photo: np.ndarray) -> None:
    with pytest.raises(StyleError, match="starry_night"):
        cin.stylize(photo, "stary_night")
    with pytest.raises(StyleError, match="sum to more than 0"):
        cin.stylize(photo, {"udnie": 1, "senecio": -1})
    with pytest.raises(OptionError, match=r"192x192 px .*mask .*90x90 px"):
        cin.stylize(photo, "udnie", mask=np.zeros((90, 90), np.uint8))
    with pytest.raises(WeightsError, match="another trunk"):
        cin.add_card(renamed(cin.card("udnie"), "other", trunk="0" * 64))
