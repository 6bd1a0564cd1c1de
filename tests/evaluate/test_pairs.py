from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from stylezoo.errors import StyleError
from stylezoo.evaluate.pairs import Pair, held_out_photos, match_histogram, measure_pairs, named_pairs, zoo_painter
from stylezoo.stylizer import load


@pytest.fixture
def pictures(tmp_path: Path) -> list[Path]:
    paths = []
    for seed in range(3):
        pixels = np.random.default_rng(seed).integers(40 * seed, 120 + 60 * seed, (6, 8, 3), np.uint8)
        path = tmp_path / f"{seed}.png"
        Image.fromarray(pixels).resize((80, 64), Image.Resampling.BICUBIC).save(path)
        paths.append(path)
    return paths


def test_matched_histograms_are_those_of_the_style(pictures: list[Path]) -> None:
    photo, style = (Image.open(path) for path in (pictures[0], pictures[2]))
    matched = match_histogram(photo, style)
    assert matched.size == photo.size
    for channel in range(3):
        found, wanted = (np.sort(np.asarray(x)[..., channel].ravel()).astype(int) for x in (matched, style))
        assert np.abs(found - wanted).mean() < 2


def test_styles_take_turns_and_photos_are_spread(pictures: list[Path]) -> None:
    styles = [("dots", str(pictures[2]), 64, None), ("lines", str(pictures[1]), 48, (0.0, 0.0, 0.5, 1.0))]
    first, second, third = named_pairs(styles, pictures, 3)
    assert [p.photo for p in (first, second, third)] == pictures
    assert [p.id for p in (first, second, third)] == ["dots", "lines", "dots"]
    assert second.picture().size == (40, 64) and second.target().shape[-2:] == (48, 30)


def test_a_net_paints_its_styles_by_name_and_any_other_by_the_picture(
    multi_file: Path, any_file: Path, pictures: list[Path]
) -> None:
    photo, style = (Image.open(path) for path in pictures[:2])
    pair = Pair(pictures[0], pictures[1], 64, id="lines")
    by_name = zoo_painter(str(multi_file))(photo, style, pair)
    assert by_name == load(multi_file, device="cpu").stylize(photo, "lines")
    by_picture = zoo_painter(str(any_file))(photo, style, pair)
    assert by_picture == load(any_file, device="cpu").stylize(photo, style, style_size=64)
    with pytest.raises(StyleError, match="--styles-of"):
        zoo_painter(str(multi_file))(photo, style, Pair(pictures[0], pictures[1], 64))


def test_painters_are_scored_on_the_same_pairs(pictures: list[Path]) -> None:
    pairs = [Pair(pictures[0], pictures[1], 80), Pair(pictures[2], pictures[1], 80)]
    shown = []
    scores = measure_pairs(
        {"photo": lambda photo, style, pair: photo, "style": lambda photo, style, pair: style},
        pairs,
        size=80,
        distance=lambda x, y: (x - y).abs().max().item(),
        show=lambda pair, name, *_: shown.append((pair, name)),
    )
    assert [(s.content, s.distance) for s in scores["photo"]] == [(0, 0), (0, 0)]
    assert all(s.style < 1e-6 and s.content > 0.05 and s.distance > 0 for s in scores["style"])
    assert shown == [(pair, name) for pair in pairs for name in scores]


def test_without_a_data_folder_photos_are_scikit_images(tmp_path: Path) -> None:
    assert "astronaut.png" in [path.name for path in held_out_photos(tmp_path)]
