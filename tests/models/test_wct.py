from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from mirror import OTHER, STYLE, Pixels, levels, maps, stylizer, tensor, two_styles
from mirror import PHOTO as PIXELS
from numpy.typing import NDArray
from torch import Tensor

import stylezoo
from stylezoo.errors import OptionError, RecipeError, StyleError
from stylezoo.losses.perceptual import PHOTO
from stylezoo.models import create_model
from stylezoo.models.mirror_net import MirrorNet
from stylezoo.models.wct import WCT
from stylezoo.runtime.base import Region, StyleCode
from stylezoo.runtime.render import render
from stylezoo.runtime.whiten import CODE_WIDTH, LAYERS
from stylezoo.torch_runtime.runtime import TorchRuntime
from stylezoo.train.recipe import load_recipe

Doubles = NDArray[np.float64]
onnx = stylizer("wct/vgg19", "onnx")
zoo = stylizer("wct/vgg19", "torch")


@pytest.fixture(scope="module")
def net(zoo: stylezoo.Stylizer) -> WCT:
    """Not to be changed."""
    assert isinstance(zoo.net, WCT)
    return zoo.net


# The two runtimes


@pytest.mark.slow
@pytest.mark.parametrize("options", [{}, {"strength": 0.4}, {"strength": 0}, {"strength": 1.5}])
def test_both_runtimes_give_the_same(
    onnx: stylezoo.Stylizer, zoo: stylezoo.Stylizer, options: dict[str, float]
) -> None:
    assert levels(onnx.stylize(PIXELS, STYLE, **options), zoo.stylize(PIXELS, STYLE, **options)) <= 1


def regions() -> list[tuple[Pixels, Pixels]]:
    """Two styles that fade into each other and into the photo."""
    ramp = np.broadcast_to(np.linspace(0, 255, 152).astype(np.uint8), (120, 152))
    return [(OTHER, ramp // 2), (STYLE, ramp[:, ::-1] // 4)]


@pytest.mark.slow
def test_both_runtimes_mix_regions_and_steady_frames_alike(onnx: stylezoo.Stylizer, zoo: stylezoo.Stylizer) -> None:
    assert levels(*(each.stylize(PIXELS, mask=regions()) for each in (onnx, zoo))) <= 1
    frames = [PIXELS, (0.85 * PIXELS).astype(np.uint8), PIXELS]
    clips = [list(each.stylize_frames(frames, STYLE, steady=0.8)) for each in (onnx, zoo)]
    assert levels(clips[0], clips[1]) <= 1
    assert levels(clips[0][2], onnx.stylize(frames[2], STYLE)) > 4  # the frames before count


@pytest.mark.slow
def test_tiles_are_the_whole(zoo: stylezoo.Stylizer) -> None:
    whole = zoo.stylize(PIXELS, STYLE, tile=None)
    assert levels(zoo.stylize(PIXELS, STYLE, tile=64), whole) <= 1
    whole = zoo.stylize(PIXELS, mask=regions(), tile=None)
    assert levels(zoo.stylize(PIXELS, mask=regions(), tile=64), whole) <= 1


# The transfer


def test_the_picture_passes_four_layers_from_coarse_to_fine(net: WCT) -> None:
    x, code = tensor(PIXELS[:64, :72]), net.encode(tensor(STYLE))
    with torch.inference_mode():
        y = x
        for layer in LAYERS:
            flat, style = (net.features(p, layer)[0].flatten(1).double().numpy() for p in (y, tensor(STYLE)))
            apart, other = flat - flat.mean(1, keepdims=True), style - style.mean(1, keepdims=True)
            (values, vectors), (wanted, axes) = (np.linalg.eigh(f @ f.T / f.shape[1]) for f in (apart, other))
            kept, held = values > 1e-5 * values[-1], wanted > 1e-5 * wanted[-1]
            white = (vectors[:, kept] / np.sqrt(values[kept])) @ vectors[:, kept].T @ apart
            coloured = (axes[:, held] * np.sqrt(wanted[held])) @ axes[:, held].T @ white + style.mean(1, keepdims=True)
            shape = net.features(y, layer).shape
            y = net.decode(torch.from_numpy(coloured).float().reshape(shape), layer)
        torch.testing.assert_close(net(x, code), y, atol=2 / 255, rtol=0)


def weighted(flat: Doubles, share: Doubles) -> tuple[Doubles, Doubles]:
    """Return the mean, (C, 1), and the covariance of features, (C, P), that count by their share, (P,)."""
    return np.average(flat, axis=1, weights=share)[:, None], np.cov(flat, aweights=share, ddof=0)


def powers(covariance: Doubles, power: float) -> Doubles:
    values, vectors = np.linalg.eigh(covariance)
    kept = values > 1e-5 * values[-1]
    found: Doubles = (vectors[:, kept] * values[kept] ** power) @ vectors[:, kept].T
    return found


def halves(height: int, width: int, at: int) -> Tensor:
    """Return two regions, (1, 2, H, W), left and right of a column."""
    left = (torch.arange(width) < at).float().expand(1, 1, height, width)
    return torch.cat([left, 1 - left], dim=1)


def shares_at(regions: Tensor, features: Tensor) -> Doubles:
    """Return regions averaged to the positions of features, (K, P)."""
    step = regions.shape[-1] // features.shape[-1]
    parts = regions.double().numpy()[0].reshape(2, features.shape[-2], step, features.shape[-1], step)
    found: Doubles = parts.mean(axis=(2, 4)).reshape(2, -1)
    return found


def test_a_code_of_a_region_has_its_mean_and_covariance(net: WCT, onnx: stylezoo.Stylizer) -> None:
    style, regions = tensor(STYLE), halves(96, 128, 43)
    codes = [net.encode(style, regions).numpy(), onnx.runtime.encode(style.numpy(), regions.numpy())]
    assert codes[0].shape == codes[1].shape == (2, CODE_WIDTH)
    for k in range(2):
        at = 0
        for layer in LAYERS:
            features = net.features(style, layer)
            expected = weighted(features[0].flatten(1).double().numpy(), shares_at(regions, features)[k])
            for part in expected:
                for code in codes:
                    found = code[k, at : at + part.size]
                    np.testing.assert_allclose(found, part.ravel(), rtol=1e-3, atol=1e-4 * np.abs(part).max())
                at += part.size
        assert codes[0][k, -1] == codes[1][k, -1] == 1


def test_with_maps_a_region_of_the_photo_takes_on_those_of_its_region_of_the_style(
    net: WCT, onnx: stylezoo.Stylizer
) -> None:
    x, style = tensor(PIXELS[:64, :72]), tensor(STYLE)
    here, there = halves(64, 72, 29), halves(96, 128, 43)
    with torch.inference_mode():
        y = x
        for layer in LAYERS:
            features, wanted = net.features(y, layer), net.features(style, layer)
            flat, aim = (f[0].flatten(1).double().numpy() for f in (features, wanted))
            total = np.zeros_like(flat)
            for share, part in zip(shares_at(here, features), shares_at(there, wanted), strict=True):
                (mean, own), (target, covariance) = weighted(flat, share), weighted(aim, part)
                total += share * (powers(covariance, 0.5) @ powers(own, -0.5) @ (flat - mean) + target)
            y = net.decode(torch.from_numpy(total).float().reshape(features.shape), layer)
    masks = [part[None].numpy() for part in here.split(1, dim=1)]
    for runtime in (onnx.runtime, TorchRuntime(net)):
        codes = runtime.encode(style.numpy(), there.numpy())
        regions = [Region(StyleCode(c[None]), m[0], own=True) for c, m in zip(codes, masks, strict=True)]
        made = render(runtime, x.numpy(), regions)
        np.testing.assert_allclose(made, y.numpy(), atol=2 / 255)
        whole = render(runtime, x.numpy(), [Region(region.code, region.mask) for region in regions])
        assert np.abs(whole - made).max() > 10 / 255  # by the statistics of all of the photo


@pytest.mark.slow
@pytest.mark.parametrize("options", [{}, {"strength": 0.5}])
def test_both_runtimes_and_tiles_follow_maps_alike(
    onnx: stylezoo.Stylizer, zoo: stylezoo.Stylizer, options: dict[str, float]
) -> None:
    made = onnx.stylize(PIXELS, two_styles(), **maps(), **options)
    for tile in (None, 64):
        assert levels(zoo.stylize(PIXELS, two_styles(), tile=tile, **maps(), **options), made) <= 1
    assert levels(onnx.stylize(PIXELS, two_styles(), **options), made) > 10
    clips = [list(each.stylize_frames([PIXELS, PIXELS], two_styles(), steady=0.8, **maps())) for each in (onnx, zoo)]
    assert levels(clips[0], clips[1]) <= 1


def test_at_strength_0_four_decoders_give_the_photo_back(net: WCT) -> None:
    x = tensor(PIXELS[:64, :72])
    with torch.inference_mode():
        y = x
        for layer in LAYERS:
            y = net.decode(net.features(y, layer), layer)
        torch.testing.assert_close(net(x, net.photo_code(x)), y, atol=1e-4, rtol=0)


def test_decoders_give_photos_back_the_better_the_shallower(net: WCT) -> None:
    x = tensor(PIXELS)
    with torch.inference_mode():
        errors = [(net.decode(net.features(x, layer), layer) - x).square().mean().item() for layer in LAYERS]
    assert errors == sorted(errors, reverse=True) and errors[0] < 0.02 and errors[-1] < 1e-3


@pytest.mark.parametrize("shade", [0, 128, 255])
def test_flat_and_grey_photos_and_styles_are_stylized(onnx: stylezoo.Stylizer, shade: int) -> None:
    flat = np.full((64, 64, 3), shade, np.uint8)
    grey = np.repeat(STYLE[:64, :64].mean(axis=2, keepdims=True), 3, axis=2).astype(np.uint8)
    for photo, style in ((flat, STYLE), (PIXELS, flat), (flat, flat), (PIXELS, grey), (grey, flat)):
        assert onnx.stylize(photo, style).shape == photo.shape  # what is not finite is an error
    assert np.abs(onnx.stylize(flat, flat).astype(int) - shade).mean() < 30


@pytest.mark.parametrize(("height", "width"), [(16, 16), (1, 1), (7, 50), (61, 33)])
def test_any_size_is_stylized(onnx: stylezoo.Stylizer, height: int, width: int) -> None:
    assert onnx.stylize(PIXELS[:height, :width], STYLE).shape == (height, width, 3)


def test_styles_mix(onnx: stylezoo.Stylizer) -> None:
    half = onnx.encode_style(STYLE) * 0.5 + onnx.encode_style(OTHER) * 0.5
    assert half.values[0, -1] == 1
    assert levels(onnx.stylize(PIXELS, [STYLE, OTHER]), onnx.stylize(PIXELS, half)) == 0


def test_codes_of_other_nets_and_missing_ones_are_refused(net: WCT, onnx: stylezoo.Stylizer) -> None:
    with pytest.raises(StyleError, match="needs a style code"):
        net(tensor(STYLE))
    with pytest.raises(StyleError, match="1024 numbers"):
        net(tensor(STYLE), torch.zeros(1, 1024))
    with pytest.raises(StyleError):
        onnx.stylize(STYLE, "starry_night")
    assert net.photo_code(tensor(STYLE)).shape == (1, CODE_WIDTH)


# Training


def test_in_training_each_photo_comes_back_from_one_layer(net: WCT) -> None:
    x = torch.cat([tensor(PIXELS[:32, 8 * i : 8 * i + 32]) for i in range(6)])
    net = create_model("wct", weights=net.state_dict()).train()
    assert isinstance(net, WCT)
    with torch.no_grad():
        y = net(x)
        for i in range(6):
            layer = LAYERS[i % 4]
            torch.testing.assert_close(
                y[i, None], net.decode(net.features(x[i, None], layer), layer), atol=1e-4, rtol=0
            )
    net(x).square().mean().backward()
    assert {name.split(".")[1] for name, p in net.named_parameters() if p.grad is not None} == set(LAYERS)
    assert all(not p.requires_grad for p in net.encoder.parameters())


def test_the_start_is_the_decoder_of_adain_and_the_end_of_it(net: WCT) -> None:
    fresh, adain = create_model("wct"), create_model("adain")
    fresh.init_from(adain, {}, "adain")
    assert isinstance(fresh, MirrorNet)
    theirs = list(adain.get_submodule("decoder").parameters())
    for layer in LAYERS:
        own = list(fresh.decoders[layer].parameters())
        assert all(torch.equal(a, b) for a, b in zip(own, theirs[-len(own) :], strict=True))
    fresh.init_from(net, {}, "wct")
    for key, value in net.state_dict().items():
        assert torch.equal(fresh.state_dict()[key], value)


@pytest.mark.parametrize(
    "override", ["loss.style={relu1_1: 1.0}", "loss.sliced={relu1_1: 1.0}", "loss.palette_weight=0.1"]
)
def test_a_recipe_with_a_term_of_style_is_refused(override: str) -> None:
    with pytest.raises(RecipeError, match=override.partition("=")[0].replace(".", r"\.")):
        load_recipe("wct_vgg19", overrides=[override])


def test_a_draw_is_of_photos_alone(net: WCT) -> None:
    from stylezoo.train.inputs import build_loss, find_styles

    recipe = load_recipe("wct_vgg19")
    assert find_styles(recipe) is None
    loss, batch = build_loss(recipe), torch.rand(2, 3, 32, 32)
    draw = WCT.style_sampler(recipe, None).draw(net, loss, batch, 0, 0.0)
    assert draw.style.tolist() == [PHOTO, PHOTO] and draw.code is None
    terms = loss.terms(batch * 0.9, draw.targets, draw.style)
    torch.testing.assert_close(terms["style"], torch.full((2,), 0.01), rtol=1e-3, atol=0)  # (1 - 0.9)^2
    assert terms["content"].min() > 0 and terms["sliced"].max() == terms["palette"].max() == 0


def test_it_cannot_be_exported(zoo: stylezoo.Stylizer, tmp_path: Path) -> None:
    from stylezoo.export import export

    with pytest.raises(OptionError, match="wct/vgg19"):
        export(zoo, tmp_path / "wct.onnx")
