from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from mirror import OTHER, PHOTO, STYLE, apart, maps, stylizer, tensor, two_styles
from skimage import data

import stylezoo
from stylezoo.errors import OptionError, StyleError
from stylezoo.models.styleswap import StyleSwap
from stylezoo.runtime import styleswap
from stylezoo.runtime.swap import LAYER, read_code

onnx = stylizer("styleswap/vgg19", "onnx")
zoo = stylizer("styleswap/vgg19", "torch")


@pytest.fixture(scope="module")
def net(zoo: stylezoo.Stylizer) -> StyleSwap:
    """Not to be changed."""
    assert isinstance(zoo.net, StyleSwap)
    return zoo.net


@pytest.mark.slow
@pytest.mark.parametrize(
    "options", [{}, {"strength": 0.4}, {"stride": 2}, {"patch": 5}, {"patch": 5, "stride": 3}, {"patch": 1}]
)
def test_both_runtimes_and_tiles_give_the_same(
    onnx: stylezoo.Stylizer, zoo: stylezoo.Stylizer, options: dict[str, Any]
) -> None:
    whole = zoo.stylize(PHOTO, STYLE, tile=None, **options)
    assert apart(onnx.stylize(PHOTO, STYLE, **options), whole) < 0.01
    assert apart(zoo.stylize(PHOTO, STYLE, tile=72, **options), whole) < 0.01
    assert apart(onnx.stylize(PHOTO, STYLE, tile=72, **options), whole) < 0.01  # by torch, with the same options


@pytest.mark.slow
def test_regions_have_the_patches_of_their_style(onnx: stylezoo.Stylizer, zoo: stylezoo.Stylizer) -> None:
    left = np.zeros((120, 152), bool)
    left[:, :76] = True
    one, two = (onnx.stylize(PHOTO, style) for style in (STYLE, OTHER))
    for each in (onnx, zoo):
        both = each.stylize(PHOTO, STYLE, mask=[(OTHER, left)])
        assert apart(both[:, :50], two[:, :50]) < 0.01 and apart(both[:, 102:], one[:, 102:]) < 0.01
    kept = onnx.stylize(PHOTO, STYLE, mask=left)  # the photo elsewhere
    assert np.array_equal(kept[:, 80:], PHOTO[:, 80:])
    frames = list(zoo.stylize_frames([PHOTO, PHOTO], STYLE))
    assert apart(frames[1], one) < 0.01


@pytest.mark.slow
def test_with_maps_a_region_has_the_patches_of_its_region_alone(
    onnx: stylezoo.Stylizer, zoo: stylezoo.Stylizer
) -> None:
    made = onnx.stylize(PHOTO, two_styles(), palette=0, **maps())
    for tile in (None, 72):
        assert apart(zoo.stylize(PHOTO, two_styles(), palette=0, tile=tile, **maps()), made) < 0.01
    other = two_styles()
    other[:, :76] = 255 - other[:, :76]  # 20 px from the edge, as far as features see
    changed = onnx.stylize(PHOTO, other, palette=0, **maps())
    assert apart(changed[:, 90:], made[:, 90:]) < 0.01 and apart(changed[:, :50], made[:, :50]) > 0.5
    assert apart(onnx.stylize(PHOTO, other), onnx.stylize(PHOTO, two_styles())) > 0.1


@pytest.mark.parametrize("backend", ["onnx", "zoo"])
def test_a_region_without_a_patch_is_named_by_the_map(backend: str, request: pytest.FixtureRequest) -> None:
    guides = maps()
    for least in (9, 1):
        guides["style_map"] = np.where(np.arange(224)[:, None] < least, (255, 0, 0), (0, 0, 255)).astype(np.uint8)
        guides["style_map"] = np.broadcast_to(guides["style_map"], (96, 224, 3))
        with pytest.raises(StyleError, match=r"style map"):
            request.getfixturevalue(backend).stylize(PHOTO, two_styles(), style_size=None, **guides)


def test_a_photo_as_its_own_style_is_what_the_decoder_gives_back(net: StyleSwap) -> None:
    x = tensor(PHOTO[:64, :96])
    with torch.inference_mode():
        expected = net.decode(net.features(x, LAYER), LAYER)
        inner = (..., slice(24, 40), slice(24, 72))  # at the edges patches reach into the mirror image
        torch.testing.assert_close(net(x, net.encode(x))[inner], expected[inner], atol=1e-4, rtol=0)


def test_a_code_holds_the_features_of_the_style_at_its_scales(net: StyleSwap, onnx: stylezoo.Stylizer) -> None:
    style = np.asarray(data.coffee())[:300, :180]
    ours = read_code(onnx.encode_style(style, style_size=None).values[0])
    theirs = [part.numpy() for part in read_code(net.encode(tensor(style))[0])]
    assert [part.shape for part in ours] == [(256, 75, 45), (256, 37, 22)]
    for a, b in zip(ours, theirs, strict=True):  # the upper one in two strips
        np.testing.assert_allclose(a, b, atol=1e-4)


def test_strips_of_a_style_image_join_without_a_seam(monkeypatch: pytest.MonkeyPatch) -> None:
    x = np.random.default_rng(0).random((1, 3, 130, 72), dtype=np.float32)
    whole = styleswap._features(x)
    monkeypatch.setattr(styleswap, "STRIP", 32)
    np.testing.assert_allclose(styleswap._features(x), whole, atol=1e-5)


@pytest.mark.parametrize("shade", [0, 128, 255])
def test_flat_photos_and_styles_are_stylized(onnx: stylezoo.Stylizer, shade: int) -> None:
    flat = np.full((64, 64, 3), shade, np.uint8)
    assert np.abs(onnx.stylize(PHOTO, flat).astype(int) - shade).mean() < 40
    assert onnx.stylize(flat, STYLE).std() < STYLE.std()


@pytest.mark.parametrize(("height", "width"), [(1, 1), (7, 50), (61, 33)])
@pytest.mark.parametrize("options", [{}, {"patch": 9, "stride": 9}])
def test_any_size_is_stylized(onnx: stylezoo.Stylizer, height: int, width: int, options: dict[str, int]) -> None:
    assert onnx.stylize(PHOTO[:height, :width], STYLE, **options).shape == (height, width, 3)


def test_styles_do_not_mix_and_the_message_says_what_does(onnx: stylezoo.Stylizer) -> None:
    with pytest.raises(StyleError, match="regions"):
        onnx.stylize(PHOTO, [STYLE, OTHER])
    with pytest.raises(StyleError, match="regions"):
        onnx.encode_style(STYLE) * 0.5


@pytest.mark.parametrize("backend", ["onnx", "zoo"])
def test_a_code_of_another_net_is_refused(backend: str, request: pytest.FixtureRequest) -> None:
    code = stylezoo.load("adain/vgg19").encode_style(STYLE)
    with pytest.raises(StyleError, match="another net"):
        request.getfixturevalue(backend).stylize(PHOTO, code)


@pytest.mark.parametrize(("options", "words"), [({"patch": 0}, "patch .*not 0"), ({"steps": 3}, "steps .*gatys")])
def test_options_out_of_range_or_of_another_family_are_named(
    onnx: stylezoo.Stylizer, options: dict[str, int], words: str
) -> None:
    with pytest.raises(OptionError, match=words):
        onnx.stylize(PHOTO, STYLE, **options)
    with pytest.raises(OptionError, match=r"stride .*styleswap"):
        stylezoo.load("adain/vgg19").stylize(PHOTO, STYLE, stride=2)


def test_it_cannot_be_exported(zoo: stylezoo.Stylizer, tmp_path: Path) -> None:
    from stylezoo.export import export

    with pytest.raises(OptionError, match="styleswap/vgg19"):
        export(zoo, tmp_path / "swap.onnx")
