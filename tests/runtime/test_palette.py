"""`palette`: the result's colours are brought to those of the style image, in both runtimes and in tiles."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from skimage import data

import stylezoo
from stylezoo.images.color import colour_statistics, match_stats, pack_colours, unpack_colours
from stylezoo.runtime.base import StyleCode
from stylezoo.runtime.options import PALETTE

PHOTO = data.astronaut()[:192, 100:356]
STYLE = data.coffee()[::2, ::2]
OTHER = data.chelsea()[::2, ::2]
MASK = np.zeros(PHOTO.shape[:2], np.uint8)
MASK[:, :120] = 255


def planes(pixels: np.ndarray) -> np.ndarray:
    return pixels.transpose(2, 0, 1)[None].astype(np.float32) / 255


def distance(pixels: np.ndarray, style: np.ndarray) -> float:
    """Return how far mean and standard deviation of the channels are apart, in levels."""
    one, two = (np.concatenate([x.mean((0, 1)), x.std((0, 1))]) for x in (pixels.astype(float), style))
    return float(np.abs(one - two).mean())


@pytest.mark.parametrize("name", ["ghiasi/lite", "adain/vgg19", "wct/vgg19", "styleswap/vgg19"])
def test_colours_come_closer_to_the_style_image(name: str) -> None:
    net = stylezoo.load(name, device="cpu")
    none, some, all_ = (net.stylize(PHOTO, STYLE, palette=share) for share in (0, PALETTE, 1))
    assert distance(all_, STYLE) < distance(some, STYLE) < distance(none, STYLE)
    assert distance(all_, STYLE) < 6  # levels beyond black and white are clipped
    assert np.array_equal(net.stylize(PHOTO, STYLE), some)


def test_the_whole_share_is_match_stats_of_the_result() -> None:
    net = stylezoo.load("ghiasi/lite", device="cpu")
    plain = net.stylize(PHOTO, STYLE, palette=0, style_size=None)
    expected = match_stats(planes(plain), planes(STYLE))[0].transpose(1, 2, 0) * 255
    assert np.abs(net.stylize(PHOTO, STYLE, palette=1, style_size=None) - expected).max() < 3


@pytest.mark.parametrize(
    "how",
    [
        {"strength": 0.5},
        {"strength": 1.5},
        {"mask": [(STYLE, MASK)]},
        {"mask": MASK, "strength": 0.7},
        {"smooth": True},
        {"preserve_color": "stats"},
    ],
    ids=str,
)
@pytest.mark.parametrize("name", ["ghiasi/lite", "adain/vgg19"])
def test_both_runtimes_and_tiles_give_the_same(name: str, how: dict[str, object]) -> None:
    style = OTHER if isinstance(how.get("mask"), list) else STYLE
    onnx, torch = (stylezoo.load(name, device="cpu", backend=backend) for backend in ("onnx", "torch"))
    expected = torch.stylize(PHOTO, style, **how).astype(int)
    assert np.abs(onnx.stylize(PHOTO, style, **how) - expected).max() <= 2
    if "smooth" not in how:
        assert np.abs(torch.stylize(PHOTO, style, tile=128, **how) - expected).max() <= 2


def test_regions_by_maps_take_the_colours_of_their_parts() -> None:
    colours = np.where(np.arange(STYLE.shape[1])[:, None] < 150, (255, 0, 0), (0, 0, 255)).astype(np.uint8)
    style_map = np.broadcast_to(colours, STYLE.shape)
    content_map = np.where(MASK[..., None] > 0, np.uint8((255, 0, 0)), np.uint8((0, 0, 255)))
    how = {"content_map": content_map, "style_map": style_map, "palette": 1.0}
    onnx, torch = (stylezoo.load("ghiasi/lite", device="cpu", backend=backend) for backend in ("onnx", "torch"))
    result = onnx.stylize(PHOTO, STYLE, **how)
    assert distance(result[:, :120], STYLE[:, :150]) < distance(
        onnx.stylize(PHOTO, STYLE, **how | {"palette": 0})[:, :120], STYLE[:, :150]
    )
    assert np.abs(result.astype(int) - torch.stylize(PHOTO, STYLE, tile=128, **how)).max() <= 2


def test_a_region_looks_as_in_the_whole_picture() -> None:
    net = stylezoo.load("ghiasi/lite", device="cpu")
    whole = net.stylize(PHOTO, STYLE).astype(int)
    part = net.stylize(PHOTO, STYLE, mask=MASK)  # the photo elsewhere
    assert np.abs(part[:, :80] - whole[:, :80]).mean() < 2


def test_a_mix_has_the_mixed_palette() -> None:
    net = stylezoo.load("ghiasi/lite", device="cpu")
    one, two = (net.encode_style(picture) for picture in (STYLE, OTHER))
    mixed = one.lerp(two, 0.25).palette
    assert mixed is not None and one.palette is not None and two.palette is not None
    for part, first, second in zip(mixed, one.palette, two.palette, strict=True):
        np.testing.assert_allclose(part, 0.75 * first + 0.25 * second)
    np.testing.assert_allclose(one.palette[0][0, :, 0], colour_statistics([planes(STYLE)])[0][0, :, 0], atol=0.01)
    half = (one * 0.5 + StyleCode(one.values * 0.5)).palette
    assert half is not None and half.weight == 0.5
    np.testing.assert_allclose(half.colours[0], one.palette.mean)


@pytest.mark.parametrize("name", ["cin/16", "cin/16-large", "ghiasi/lite"])
def test_named_styles_of_a_net_of_several_have_the_colours_of_their_paintings(name: str) -> None:
    net = stylezoo.load(name, device="cpu")
    for style, numbers in zip(net.styles[4:7], net.spec.palettes[4:7], strict=True):
        assert numbers is not None
        mean, spread = unpack_colours(numbers)
        found = [colour_statistics([planes(net.stylize(PHOTO, style, palette=share))]) for share in (0.0, 0.75)]
        own, mapped = (abs(m - mean).sum() + abs(s - spread).sum() for m, s in found)
        assert mapped < 0.5 * own
    assert np.array_equal(net.stylize(PHOTO, style), net.stylize(PHOTO, style, palette=0.75))


@pytest.mark.parametrize("name", ["johnson/mosaic", "johnson/starry_night"])
def test_nets_of_one_style_keep_their_own_colours(name: str) -> None:
    net = stylezoo.load(name, device="cpu")
    assert net.spec.palettes == (None,)
    assert np.array_equal(net.stylize(PHOTO, palette=1), net.stylize(PHOTO, palette=0))


def test_noise_of_a_flat_photo_does_not_become_colour() -> None:
    flat = np.full((96, 96, 3), 128, np.uint8)
    net = stylezoo.load("wct/vgg19", device="cpu")
    assert net.stylize(flat, STYLE, palette=1).std() < 5 * max(net.stylize(flat, STYLE, palette=0).std(), 1)


def test_frames_carry_the_colours_over() -> None:
    net = stylezoo.load("ghiasi/lite", device="cpu")
    frames = [PHOTO, (PHOTO * 0.97).astype(np.uint8)]
    free = list(net.stylize_frames(frames, STYLE, steady=0))
    steady = list(net.stylize_frames(frames, STYLE, steady=0.9))
    assert np.abs(free[0].astype(int) - steady[0]).max() <= 1
    one, two = (np.abs(x[1].mean((0, 1)) - x[0].mean((0, 1))).max() for x in (free, steady))
    assert not np.array_equal(free[1], steady[1]) and two < one + 8


def test_a_card_of_a_picture_keeps_its_palette(tmp_path: Path) -> None:
    net = stylezoo.load("ghiasi/lite", device="cpu")
    expected = net.stylize(PHOTO, STYLE)
    net.card(STYLE, id="coffee").save(tmp_path / "coffee.card.safetensors")
    added = stylezoo.load("ghiasi/lite", device="cpu").add_card(tmp_path / "coffee.card.safetensors")
    assert np.abs(added.stylize(PHOTO, "coffee").astype(int) - expected).max() <= 1
    added.save(tmp_path / "with.safetensors")
    again = stylezoo.load(tmp_path / "with.safetensors", device="cpu").stylize(PHOTO, "coffee")
    assert np.abs(again.astype(int) - expected).max() <= 1


def test_statistics_pack_into_nine_numbers() -> None:
    statistics = colour_statistics([planes(STYLE)])
    for found, wanted in zip(unpack_colours(pack_colours(statistics)), statistics, strict=True):
        np.testing.assert_allclose(found, wanted, atol=1e-7)
