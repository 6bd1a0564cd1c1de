"""Textures from noise."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image
from tiling import seams

from stylezoo import texture
from stylezoo.errors import ImageError, OptionError
from stylezoo.images.io import read
from stylezoo.losses.terms import gram_loss
from stylezoo.models import create_model
from stylezoo.nn.stats import gram_matrix
from stylezoo.runtime import device


def stripes() -> Image.Image:
    pixels = np.full((64, 64, 3), (20, 60, 200), dtype=np.uint8)
    pixels[:, ::8], pixels[:, 1::8] = (230, 120, 20), (240, 200, 40)
    return Image.fromarray(pixels)


@pytest.fixture(scope="module")
def made() -> Image.Image:
    return texture.synthesize(stripes(), (96, 64), tileable=True, steps=30)


def test_it_has_the_size_and_tiles(made: Image.Image) -> None:
    assert made.size == (96, 64)
    assert max(seams(made)) <= 2


@pytest.mark.slow
def test_its_statistics_are_those_of_the_picture(made: Image.Image) -> None:
    backbone = create_model("gatys").backbone
    noise = Image.fromarray(np.random.default_rng(0).integers(0, 256, (64, 96, 3), dtype=np.uint8))
    errors = []
    for picture in (made, noise):
        features = backbone(read(picture).pixels)
        wanted = backbone(read(stripes()).pixels)
        layers = ("relu1_1", "relu2_1", "relu3_1")
        errors.append(sum(gram_loss(features[k], gram_matrix(wanted[k])).item() for k in layers))
    assert errors[0] < 0.4 * errors[1]


@pytest.mark.slow
def test_the_seed_decides(made: Image.Image) -> None:
    again, other = (
        np.asarray(texture.synthesize(stripes(), (96, 64), tileable=True, steps=30, seed=seed)) for seed in (0, 1)
    )
    assert np.array_equal(np.asarray(made), again)
    assert np.abs(other.astype(int) - again).mean() > 5


@pytest.mark.slow
def test_large_ones_go_from_coarse_to_fine(monkeypatch: pytest.MonkeyPatch) -> None:
    from stylezoo.models import gatys

    monkeypatch.setattr(gatys, "COARSE", 40)
    result = texture.synthesize(stripes(), (80, 64), tileable=True, steps=4)
    assert result.size == (80, 64) and max(seams(result)) <= 2


@pytest.mark.parametrize("size", [(31, 64), (64, 8193), (0, 0)])
def test_sizes_out_of_range_are_named(size: tuple[int, int]) -> None:
    with pytest.raises(OptionError, match=f"{size[0]}x{size[1]}"):
        texture.synthesize(stripes(), size)


def test_what_is_no_picture_is_named(tmp_path) -> None:
    (tmp_path / "words.png").write_text("words")
    with pytest.raises(ImageError, match=r"words\.png"):
        texture.synthesize(tmp_path / "words.png", (64, 64))


def test_without_torch_it_says_the_command(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(device, "has_torch", lambda: False)
    with pytest.raises(OptionError, match=r"stylezoo\[train\]"):
        texture.synthesize(stripes(), (64, 64))
