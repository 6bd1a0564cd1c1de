"""Textures from noise."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image
from tiling import periodic, seams

from stylezoo import texture
from stylezoo.errors import ImageError, OptionError
from stylezoo.images.io import read
from stylezoo.losses.terms import gram_loss
from stylezoo.models import create_model
from stylezoo.models.gatys import Gatys
from stylezoo.nn.stats import gram_matrix
from stylezoo.runtime import device

Pixels = NDArray[np.float64]


def stripes() -> Image.Image:
    """Blue with orange and yellow lines, from top to bottom."""
    pixels = np.full((64, 64, 3), (20, 60, 200), dtype=np.uint8)
    pixels[:, ::8], pixels[:, 1::8] = (230, 120, 20), (240, 200, 40)
    return Image.fromarray(pixels)


@pytest.fixture(scope="module")
def made() -> Image.Image:
    return texture.synthesize(stripes(), (96, 64), tileable=True, steps=40)


def across_and_down(image: Image.Image) -> Pixels:
    """Return the mean difference of neighbours, across and down."""
    x = np.asarray(image, dtype=np.float64)
    return np.array([np.abs(np.diff(x, axis=1)).mean(), np.abs(np.diff(x, axis=0)).mean()])


def test_it_has_the_size_and_tiles(made: Image.Image) -> None:
    assert made.size == (96, 64)
    assert max(seams(made)) <= 2


def test_its_lines_go_down_as_those_of_the_picture(made: Image.Image) -> None:
    across, down = across_and_down(made)
    assert down < 0.5 * across
    assert 0.5 < across / across_and_down(stripes())[0] < 1.5


def test_a_smooth_picture_gives_a_texture_without_grain() -> None:
    picture = Image.fromarray((periodic(64, 64) * 255).astype(np.uint8))
    found = across_and_down(texture.synthesize(picture, (64, 64), tileable=True, steps=25))
    assert (found < 2 * across_and_down(picture)).all()


@pytest.mark.slow
def test_its_statistics_are_those_of_the_picture(made: Image.Image) -> None:
    net = create_model("gatys")
    assert isinstance(net, Gatys)
    backbone = net.tuned(pooling="avg").backbone
    wanted = backbone(read(stripes()).pixels)
    noise = Image.fromarray(np.random.default_rng(0).integers(0, 256, (64, 96, 3), dtype=np.uint8))
    plain = Image.new("RGB", (96, 64), tuple(np.asarray(stripes()).mean(axis=(0, 1)).astype(int).tolist()))
    errors = []
    for picture in (made, noise, plain):
        features = backbone(read(picture).pixels)
        layers = ("relu1_1", "relu2_1", "relu3_1")
        errors.append([gram_loss(features[k], gram_matrix(wanted[k])).item() for k in layers])
    ours, of_noise, of_plain = np.array(errors)
    assert ours[0] < 0.1 * of_noise[0] and ours[0] < of_plain[0]  # the colours
    assert ours.sum() < 0.3 * of_noise.sum() and ours.sum() < 0.5 * of_plain.sum()


@pytest.mark.slow
def test_the_seed_decides(made: Image.Image) -> None:
    again, other = (
        np.asarray(texture.synthesize(stripes(), (96, 64), tileable=True, steps=40, seed=seed)) for seed in (0, 1)
    )
    assert np.array_equal(np.asarray(made), again)
    assert np.abs(other.astype(int) - again).mean() > 5


@pytest.mark.slow
def test_large_ones_go_from_coarse_to_fine(monkeypatch: pytest.MonkeyPatch) -> None:
    from stylezoo.models import gatys

    sizes, real = [], gatys.descend

    def descend(objective: Any, start: Any, **options: Any) -> Any:
        sizes.append((*start.shape[-2:], options["steps"]))
        return real(objective, start, **options)

    monkeypatch.setattr(gatys, "descend", descend)
    monkeypatch.setattr(texture, "COARSEST", 40)
    result = texture.synthesize(stripes(), (80, 64), tileable=True, steps=5)
    assert sizes == [(32, 40, 5), (64, 80, 2)]
    assert result.size == (80, 64)


def test_a_net_makes_one_of_noise_in_a_pass(multi_file: Path, net_file: Path) -> None:
    made = texture.synthesize("waves", (80, 64), model=str(multi_file), tileable=True, seed=2)
    assert made.size == (80, 64) and max(seams(made)) <= 2
    again, other, dots, mixed = (
        texture.synthesize(style, (80, 64), model=str(multi_file), tileable=True, seed=seed)
        for style, seed in (("waves", 2), ("waves", 3), ("dots", 2), ({"waves": 0.5, "dots": 0.5}, 2))
    )
    assert np.array_equal(again, made)
    for one in (other, dots, mixed):
        assert np.abs(np.asarray(one, dtype=int) - np.asarray(made)).mean() > 2
    assert texture.synthesize(None, (64, 64), model=str(net_file)).size == (64, 64)  # the only style of the net


def test_a_net_of_any_style_takes_a_picture(any_file: Path) -> None:
    small, large = (
        np.asarray(texture.synthesize(stripes(), (96, 64), model=str(any_file), style_size=size), dtype=int)
        for size in (64, 128)
    )
    assert np.abs(small - large).mean() > 1


@pytest.mark.parametrize(
    ("options", "words"),
    [({"steps": 5}, r"steps.*cin/tiny"), ({"style_size": 128}, "style_size"), ({"seed": -1}, "-1")],
)
def test_what_a_net_does_not_take_is_named(multi_file: Path, options: dict[str, int], words: str) -> None:
    with pytest.raises(OptionError, match=words):
        texture.synthesize("waves", (64, 64), model=str(multi_file), **options)


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
