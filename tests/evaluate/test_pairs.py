from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from stylezoo.errors import DataError, OptionError
from stylezoo.evaluate.compare import contrasts, figures, measure
from stylezoo.evaluate.methods import PHOTO, STYLE, Method, anchors, expand, load_method
from stylezoo.evaluate.metrics import Metric, Picture, Scene
from stylezoo.evaluate.pairs import (
    SAMPLES,
    Pair,
    PairSet,
    StyleImage,
    find_photos,
    painting_pairs,
    spread_over,
    style_pairs,
)
from stylezoo.stylizer.loading import load


class Difference(Metric):
    """Mean absolute difference from the photo."""

    key, title, better, note = "D", "difference", "lower", "D is the difference."

    def measure(self, result: Picture, scene: Scene) -> float | None:
        return float((result.pixels - scene.content.pixels).abs().mean())


class Known(Metric):
    """1 where the right style image is at hand, None where no style image is."""

    key, title, better, note = "N", "known", "higher", "N is known."

    def measure(self, result: Picture, scene: Scene) -> float | None:
        return None if scene.style is None else float(scene.gallery[scene.style_id or ""] is scene.style)


@pytest.fixture
def pictures(tmp_path: Path) -> list[Path]:
    paths = []
    for seed in range(3):
        pixels = np.random.default_rng(seed).integers(40 * seed, 120 + 60 * seed, (6, 8, 3), np.uint8)
        path = tmp_path / f"{seed}.png"
        Image.fromarray(pixels).resize((80, 64), Image.Resampling.BICUBIC).save(path)
        paths.append(path)
    return paths


def call(name: str, pair: Pair) -> Image.Image:
    return load_method(name, "cpu").stylize(Image.open(pair.photo), pair.style.picture(), pair, 0)


def test_matched_histograms_are_those_of_the_style(pictures: list[Path]) -> None:
    matched = call("histogram", Pair(pictures[0], StyleImage("2", pictures[2], 64)))
    style = Image.open(pictures[2])
    assert matched.size == (80, 64)
    for channel in range(3):
        found, wanted = (np.sort(np.asarray(x)[..., channel].ravel()).astype(int) for x in (matched, style))
        assert np.abs(found - wanted).mean() < 2


def test_every_photo_meets_every_style_or_the_chosen_ones(pictures: list[Path]) -> None:
    styles = [StyleImage("dots", pictures[2], 64), StyleImage("lines", pictures[1], 48, (0.0, 0.0, 0.5, 1.0))]
    found = style_pairs("cin/tiny", styles, "own", pictures[:2])
    assert [(p.photo, p.style.id) for p in found.pairs] == [(x, s) for x in pictures[:2] for s in ("dots", "lines")]
    few = style_pairs("cin/tiny", styles, "own", pictures[:2], ["lines"])
    assert [p.style.id for p in few.pairs] == ["lines"] * 2 and set(few.gallery) == {"dots", "lines"}
    assert styles[1].picture().size == (40, 64) and styles[1].target().shape[-2:] == (48, 30)
    assert found.digest(64) != few.digest(64) != few.digest(80)


def test_a_net_is_given_its_styles_by_name_and_any_other_by_the_image(
    multi_file: Path, any_file: Path, pictures: list[Path]
) -> None:
    pair = Pair(pictures[0], StyleImage("lines", pictures[1], 64))
    photo, style = Image.open(pictures[0]), pair.style.picture()
    assert call(str(multi_file), pair) == load(multi_file, device="cpu").stylize(photo, "lines")
    assert call(str(any_file), pair) == load(any_file, device="cpu").stylize(photo, style, style_size=64)


def test_methods_are_measured_on_the_same_pairs_next_to_the_anchors(pictures: list[Path]) -> None:
    style = StyleImage("1", pictures[1], 80)
    pairs = PairSet("unseen", "own", (Pair(pictures[0], style), Pair(pictures[2], style)), {"1": style})
    shown = []
    half = Method("half", lambda photo, style, pair, number: Image.blend(photo, style, 0.5))
    unknown = Method("unknown", lambda photo, style, pair, number: photo, knows_style=False)
    metrics: list[Metric] = [Difference(), Known()]
    scores = measure(
        [*anchors(), half, unknown], pairs, metrics, size=80, show=lambda pair, name, image: shown.append((pair, name))
    )
    assert scores[PHOTO].values == {"D": [0, 0], "N": [1, 1]}
    assert scores["unknown"].values["N"] == [None, None]
    full, part = (np.array(scores[name].values["D"]) for name in (STYLE, "half"))
    assert np.allclose(part, full / 2, atol=2 / 255)
    assert shown == [(pair, name) for pair in pairs.pairs for name in scores]
    assert [figure.metric.key for figure in figures(scores["unknown"], metrics)] == ["D"]
    (apart, _) = contrasts(scores["half"], scores[STYLE], metrics)
    assert apart.difference.mean == pytest.approx(part.mean() - full.mean())
    assert apart.ratio is not None and apart.ratio.mean == pytest.approx(0.5, abs=0.02)


def test_the_style_anchor_keeps_its_scale_and_is_mirrored_out(pictures: list[Path]) -> None:
    pair = Pair(pictures[0], StyleImage("1", pictures[1], 40))
    shown = anchors()[1].stylize(Image.new("RGB", (60, 20)), pair.style.picture(), pair, 0)
    assert shown.size == (60, 20)
    target = np.asarray(torch.round(pair.style.target()[0] * 255).byte().permute(1, 2, 0))
    assert np.array_equal(np.asarray(shown)[:, 10:50], target[6:26])  # the middle, as it is
    assert np.array_equal(np.asarray(shown)[:, 9], target[6:26, 0])


def test_pictures_of_ones_own_are_paired_in_turn(pictures: list[Path], tmp_path: Path) -> None:
    for name in ("photos", "styles"):
        (tmp_path / name).mkdir()
    for path, name in zip(pictures, ("photos/a.png", "styles/b.png", "styles/c.png"), strict=True):
        path.rename(tmp_path / name)
    found = painting_pairs("validation", None, 64, photos=tmp_path / "photos", paintings=tmp_path / "styles")
    assert [(p.photo.stem, p.style.id) for p in found.pairs] == [("a", "b"), ("a", "c")] and found.split == "own"
    with pytest.raises(DataError, match="--styles"):
        painting_pairs("validation", None, 64, photos=tmp_path / "photos")
    with pytest.raises(DataError, match="STYLEZOO_DATA"):
        painting_pairs("test", tmp_path, 64)


def test_without_a_data_folder_photos_are_scikit_images_and_there_are_none_to_test_on(tmp_path: Path) -> None:
    name, photos = find_photos("validation", None, tmp_path)
    assert name == SAMPLES and "astronaut.png" in [path.name for path in photos]
    with pytest.raises(DataError, match="test split"):
        find_photos("test", None, tmp_path)


def test_wildcards_are_models_that_need_no_optimisation() -> None:
    names = expand(["magenta", "cin/*", "cin/16", "*"])
    assert names[:2] == ["magenta", "cin/16"] and names.count("cin/16") == 1
    assert "ghiasi/lite" in names and "gatys/vgg19" not in names
    with pytest.raises(OptionError, match="zin"):
        expand(["zin/*"])


def test_a_few_are_spread_over_all() -> None:
    assert spread_over(range(10), 4) == [0, 2, 5, 7] and spread_over(range(3), 9) == [0, 1, 2]
    assert spread_over(range(3), None) == [0, 1, 2]
