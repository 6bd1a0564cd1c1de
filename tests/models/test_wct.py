from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from skimage import data
from torch import Tensor

import stylezoo
from stylezoo.errors import OptionError, RecipeError, StyleError
from stylezoo.losses.perceptual import PHOTO
from stylezoo.models import create_model
from stylezoo.models.mirror_net import MirrorNet
from stylezoo.models.wct import WCT
from stylezoo.runtime.whiten import CODE_WIDTH, LAYERS
from stylezoo.train.recipe import load_recipe

Pixels = NDArray[np.uint8]
PHOTO_PIXELS: Pixels = np.asarray(data.astronaut())[20:140, 100:252]
STYLE: Pixels = np.asarray(data.immunohistochemistry())[:96, :128]
OTHER: Pixels = np.asarray(data.coffee())[100:228, 200:328]


@pytest.fixture(scope="module")
def onnx() -> stylezoo.Stylizer:
    return stylezoo.load("wct/vgg19", backend="onnx")


@pytest.fixture(scope="module")
def zoo() -> stylezoo.Stylizer:
    return stylezoo.load("wct/vgg19", backend="torch")


@pytest.fixture(scope="module")
def net(zoo: stylezoo.Stylizer) -> WCT:
    """Not to be changed."""
    assert isinstance(zoo.net, WCT)
    return zoo.net


def tensor(pixels: Pixels) -> Tensor:
    return torch.from_numpy(np.ascontiguousarray(pixels)).permute(2, 0, 1)[None].float() / 255


def levels(a: Any, b: Any) -> int:
    return int(np.abs(np.asarray(a).astype(int) - np.asarray(b).astype(int)).max())


# The two runtimes


@pytest.mark.slow
@pytest.mark.parametrize("options", [{}, {"strength": 0.4}, {"strength": 0}, {"strength": 1.5}])
def test_both_runtimes_give_the_same(
    onnx: stylezoo.Stylizer, zoo: stylezoo.Stylizer, options: dict[str, float]
) -> None:
    assert (onnx.backend, zoo.backend) == ("onnx", "torch")
    assert levels(onnx.stylize(PHOTO_PIXELS, STYLE, **options), zoo.stylize(PHOTO_PIXELS, STYLE, **options)) <= 1


def regions() -> list[tuple[Pixels, Pixels]]:
    """Two styles that fade into each other and into the photo."""
    ramp = np.broadcast_to(np.linspace(0, 255, 152).astype(np.uint8), (120, 152))
    return [(OTHER, ramp // 2), (STYLE, ramp[:, ::-1] // 4)]


@pytest.mark.slow
def test_both_runtimes_mix_regions_and_steady_frames_alike(onnx: stylezoo.Stylizer, zoo: stylezoo.Stylizer) -> None:
    assert levels(*(each.stylize(PHOTO_PIXELS, mask=regions()) for each in (onnx, zoo))) <= 1
    frames = [PHOTO_PIXELS, (0.85 * PHOTO_PIXELS).astype(np.uint8), PHOTO_PIXELS]
    clips = [list(each.stylize_frames(frames, STYLE, steady=0.8)) for each in (onnx, zoo)]
    assert levels(clips[0], clips[1]) <= 1
    assert levels(clips[0][2], onnx.stylize(frames[2], STYLE)) > 4  # the frames before count


@pytest.mark.slow
def test_tiles_are_the_whole(zoo: stylezoo.Stylizer) -> None:
    whole = zoo.stylize(PHOTO_PIXELS, STYLE, tile=None)
    assert levels(zoo.stylize(PHOTO_PIXELS, STYLE, tile=64), whole) <= 1
    whole = zoo.stylize(PHOTO_PIXELS, mask=regions(), tile=None)
    assert levels(zoo.stylize(PHOTO_PIXELS, mask=regions(), tile=64), whole) <= 1


# The transfer


def test_the_picture_passes_four_layers_from_coarse_to_fine(net: WCT) -> None:
    x, code = tensor(PHOTO_PIXELS[:64, :72]), net.encode(tensor(STYLE))
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


def test_at_strength_0_four_decoders_give_the_photo_back(net: WCT) -> None:
    x = tensor(PHOTO_PIXELS[:64, :72])
    with torch.inference_mode():
        y = x
        for layer in LAYERS:
            y = net.decode(net.features(y, layer), layer)
        torch.testing.assert_close(net(x, net.photo_code(x)), y, atol=1e-4, rtol=0)


def test_decoders_give_photos_back_the_better_the_shallower(net: WCT) -> None:
    x = tensor(PHOTO_PIXELS)
    with torch.inference_mode():
        errors = [(net.decode(net.features(x, layer), layer) - x).square().mean().item() for layer in LAYERS]
    assert errors == sorted(errors, reverse=True) and errors[0] < 0.02 and errors[-1] < 1e-3


@pytest.mark.parametrize("shade", [0, 128, 255])
def test_flat_and_grey_photos_and_styles_are_stylized(onnx: stylezoo.Stylizer, shade: int) -> None:
    flat = np.full((64, 64, 3), shade, np.uint8)
    grey = np.repeat(STYLE[:64, :64].mean(axis=2, keepdims=True), 3, axis=2).astype(np.uint8)
    for photo, style in ((flat, STYLE), (PHOTO_PIXELS, flat), (flat, flat), (PHOTO_PIXELS, grey), (grey, flat)):
        assert onnx.stylize(photo, style).shape == photo.shape  # what is not finite is an error
    assert np.abs(onnx.stylize(flat, flat).astype(int) - shade).mean() < 30


@pytest.mark.parametrize(("height", "width"), [(16, 16), (1, 1), (7, 50), (61, 33)])
def test_any_size_is_stylized(onnx: stylezoo.Stylizer, height: int, width: int) -> None:
    assert onnx.stylize(PHOTO_PIXELS[:height, :width], STYLE).shape == (height, width, 3)


def test_styles_mix(onnx: stylezoo.Stylizer) -> None:
    half = onnx.encode_style(STYLE) * 0.5 + onnx.encode_style(OTHER) * 0.5
    assert half.values[0, -1] == 1
    assert levels(onnx.stylize(PHOTO_PIXELS, [STYLE, OTHER]), onnx.stylize(PHOTO_PIXELS, half)) == 0


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
    x = torch.cat([tensor(PHOTO_PIXELS[:32, 8 * i : 8 * i + 32]) for i in range(6)])
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
