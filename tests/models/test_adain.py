from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file
from skimage import data
from torch import Tensor

from stylezoo.backbones import VGG, create_backbone
from stylezoo.errors import BackboneError, OptionError, StyleError, WeightsError
from stylezoo.models import AdaIN, create_model
from stylezoo.nn.norm import frozen_statistics, own_statistics, recorded_statistics
from stylezoo.nn.stats import mean_std
from stylezoo.zoo.spec import ModelSpec, StyleSpec


@pytest.fixture(scope="module")
def net() -> AdaIN:
    """Not to be changed."""
    torch.manual_seed(0)
    return AdaIN().eval()


@pytest.fixture(scope="module")
def vgg() -> VGG:
    """The encoder, built on its own."""
    backbone = create_backbone("vgg19:caffe", layers=["relu4_1"])
    assert isinstance(backbone, VGG)
    return backbone


def picture(name: str = "astronaut", height: int = 32, width: int = 48) -> Tensor:
    pixels = getattr(data, name)()[:height, :width].copy()
    return torch.from_numpy(pixels).permute(2, 0, 1)[None].float() / 255


def flat(*colour: float, height: int = 32, width: int = 32) -> Tensor:
    return torch.tensor(colour).view(1, 3, 1, 1).expand(1, 3, height, width)


def lively(seed: int = 0, height: int = 12, width: int = 9) -> Tensor:
    """Features like relu4_1's, every channel of which varies."""
    generator = torch.Generator().manual_seed(seed)
    return 3000 * torch.rand(1, 512, height, width, generator=generator) * torch.linspace(0.5, 2, 512).view(1, -1, 1, 1)


def code_of(seed: int) -> Tensor:
    return torch.cat(mean_std(lively(seed)), dim=1)


def close(actual: Tensor, expected: Tensor, relative: float = 1e-4) -> None:
    assert (actual.double() - expected.double()).norm() <= relative * expected.double().norm()
    assert (actual.double() - expected.double()).abs().max() <= relative * expected.double().abs().max()


def spec(net: AdaIN, styles: int) -> ModelSpec:
    named = tuple(StyleSpec(id=f"s{i}", title="S", rights="CC0-1.0", source="a test") for i in range(styles))
    return ModelSpec(name="adain/test", family="adain", arch=net.arch, styles=named, license="CC0-1.0")


# What is learnt, and what is not


def test_the_decoder_alone_is_learnt(net: AdaIN) -> None:
    net = copy.deepcopy(net).train().requires_grad_()
    assert sum(p.numel() for p in net.parameters()) == 3_505_219
    assert {name.partition(".")[0] for name in net.state_dict()} == {"styles", "decoder"}
    net(picture(), net.encode(picture("coffee"))).square().mean().backward()
    for name, parameter in net.decoder.named_parameters():
        assert parameter.grad is not None and parameter.grad.isfinite().all() and parameter.grad.abs().max() > 0, name
    assert all(p.grad is None and not p.requires_grad for p in net.encoder.parameters())


def test_rows_are_not_learnt() -> None:
    assert [name for name, p in AdaIN(3).named_parameters() if not p.requires_grad] == ["styles"]


def test_the_encoder_moves_with_the_net_but_not_with_its_copy(net: AdaIN) -> None:
    moved = copy.deepcopy(net).to(torch.bfloat16).to(memory_format=torch.channels_last)
    weights = [p for p in moved.encoder.parameters() if p.ndim == 4]
    assert len(weights) == 9
    assert all(p.dtype == torch.bfloat16 and p.is_contiguous(memory_format=torch.channels_last) for p in weights)
    assert all(p.dtype == torch.float32 for p in net.encoder.parameters())


def test_an_untrained_net_gives_a_faint_picture_on_grey(net: AdaIN) -> None:
    with torch.no_grad():
        stylized = net(picture(), net.encode(picture("coffee")))
    assert stylized.mean() == pytest.approx(0.5, abs=0.2) and 0.02 < stylized.std() < 0.3


def test_the_encoder_of_the_release_is_a_part_of_the_weights() -> None:
    torch.manual_seed(1)
    net = AdaIN(encoder="vgg19:normalised")
    assert net.arch == {"styles": 0, "encoder": "vgg19:normalised"} and net.scale == 1
    assert {name.partition(".")[0] for name in net.state_dict()} == {"styles", "decoder", "encoder"}
    net.train().requires_grad_(False)
    assert not net.encoder.training
    hashed = net.trunk_hash()
    assert net.half().trunk_hash() == hashed and next(net.encoder.parameters()).dtype == torch.float16
    assert AdaIN(encoder="vgg19:normalised").trunk_hash() != hashed


# Adaptive instance norm


def test_features_are_the_backbones(net: AdaIN, vgg: VGG) -> None:
    features = net.features(picture())
    assert features.shape == (1, 512, 4, 6)
    torch.testing.assert_close(features, vgg(picture())["relu4_1"], rtol=1e-6, atol=0.01)
    assert features.max() > 1000


def test_transfer_is_the_papers_formula(net: AdaIN) -> None:
    content, style = lively().double().numpy(), lively(1, 7, 20).double().numpy()
    axes: dict[str, Any] = {"axis": (2, 3), "keepdims": True}
    expected = style.std(**axes) * (content - content.mean(**axes)) / content.std(**axes) + style.mean(**axes)
    code = np.concatenate([style.mean(axis=(2, 3)), style.std(axis=(2, 3))], axis=1)
    transferred = net.transfer(lively(), torch.from_numpy(code).float())
    close(transferred, torch.from_numpy(expected))
    mean, std = mean_std(transferred)
    close(torch.cat([mean, std], dim=1), torch.from_numpy(code))


@pytest.mark.slow
@pytest.mark.parametrize("alpha", [0.0, 0.3, 1.0, 1.7])
def test_the_way_from_the_photos_code_to_the_styles_is_the_papers_alpha(net: AdaIN, alpha: float) -> None:
    """Decoded is f, mixed with alpha of t (eq. 14); at 0 that is what the autoencoder makes of the photo."""
    x, style = picture(), net.encode(picture("coffee"))
    with torch.no_grad():
        code = torch.lerp(net.photo_code(x), style, alpha)
        f, t = net.features(x), net.transfer(net.features(x), style)
        mixed = (1 - alpha) * f.double() + alpha * t.double()
        close(net.transfer(f, code), mixed)
        torch.testing.assert_close(net(x, code), net.decode(mixed.float()), atol=1e-4, rtol=0)
    assert (t - f).norm() > 0.3 * f.norm()


def test_one_code_a_picture_or_one_for_all(net: AdaIN) -> None:
    x = torch.cat([picture(), picture("coffee")])
    codes = net.encode(torch.cat([picture("chelsea"), picture()]))
    with torch.no_grad():
        each = torch.cat([net(x[i : i + 1], codes[i : i + 1]) for i in range(2)])
        torch.testing.assert_close(net(x, codes), each, atol=1e-4, rtol=0)
        torch.testing.assert_close(net(x, codes[:1])[:1], each[:1], atol=1e-4, rtol=0)
    assert each.shape == x.shape and each.min() >= 0 and each.max() <= 1


def test_each_region_takes_on_the_statistics_of_its_own_part_of_the_style(net: AdaIN) -> None:
    left = torch.zeros(1, 1, 96, 72)
    left[..., :24] = 1
    parts, f = torch.cat([left, 1 - left], dim=1), lively()
    style = picture("coffee", 96, 72)
    with torch.no_grad():
        codes = net.encode(style, parts)
        features = net.features(style).double().numpy()[0]
        with own_statistics(net):
            t = net.transfer(f, codes, parts).double().numpy()[0]
    for k, columns in enumerate((slice(0, 3), slice(3, 9))):
        part, made = features[..., columns].reshape(512, -1), t[..., columns].reshape(512, -1)
        deviation = np.sqrt(part.var(axis=1) + net.norm.eps)
        np.testing.assert_allclose(codes[k, :512].numpy(), part.mean(axis=1), rtol=1e-4, atol=1e-2)
        np.testing.assert_allclose(codes[k, 512:].numpy(), deviation, rtol=1e-4, atol=1e-2)
        np.testing.assert_allclose(made.mean(axis=1), part.mean(axis=1), rtol=1e-3, atol=0.1)
        np.testing.assert_allclose(made.std(axis=1), deviation, rtol=1e-3, atol=0.1)


@pytest.mark.parametrize(("height", "width"), [(16, 16), (16, 72), (88, 40)])
def test_any_multiple_of_8_from_16_px_is_stylized(net: AdaIN, height: int, width: int) -> None:
    assert (net.multiple, net.minimum) == (8, 16)
    with torch.no_grad():
        stylized = net(picture("astronaut", height, width), code_of(1))
    assert stylized.shape == (1, 3, height, width) and stylized.isfinite().all()


def test_values_beyond_the_range_are_kept_in_training_alone(net: AdaIN) -> None:
    target = 20 * lively()
    with torch.no_grad():
        clamped, free = net.decode(target), copy.deepcopy(net).train().decode(target)
    assert free.min() < 0 and free.max() > 1
    assert torch.equal(clamped, free.clamp(0, 1))


# Codes


def test_a_code_holds_the_means_then_the_deviations(net: AdaIN, vgg: VGG) -> None:
    style = picture("coffee", 64, 72)
    features = vgg(style)["relu4_1"].double().numpy()
    code = net.encode(style)
    assert code.shape == (1, 1024)
    close(code[:, :512], torch.from_numpy(features.mean(axis=(2, 3))))
    close(code[:, 512:], torch.from_numpy(features.std(axis=(2, 3))), 1e-3)  # dead channels get the norm's eps
    assert torch.equal(code, net.photo_code(style))


@pytest.mark.slow
@pytest.mark.parametrize(("height", "width"), [(1, 1), (1, 100), (100, 1), (17, 90)])
def test_small_style_pictures_are_reflected(net: AdaIN, height: int, width: int) -> None:
    style = picture("coffee", height, width)
    code = net.encode(torch.cat([style, style.flip(1)]))
    assert code.shape == (2, 1024) and code.isfinite().all()
    if height == 1 < width:
        torch.testing.assert_close(code[:1], net.encode(style.expand(-1, -1, 64, -1)), rtol=1e-4, atol=0.1)


@pytest.mark.slow
@pytest.mark.parametrize("colour", [(0.0, 0.0, 0.0), (0.2, 0.5, 0.9)])
def test_flat_photos_and_styles_are_stylized_and_differentiated(net: AdaIN, colour: tuple[float, float, float]) -> None:
    for x, style in ((flat(*colour), picture()), (picture(), flat(*colour)), (flat(*colour), flat(*colour))):
        x, style = x.clone().requires_grad_(), style.clone().requires_grad_()
        stylized = net(x, net.encode(style))
        stylized.square().sum().backward()
        assert stylized.isfinite().all()
        assert x.grad is not None and x.grad.isfinite().all()
        assert style.grad is not None and style.grad.isfinite().all()


def test_channels_without_any_deviation_take_on_the_mean(net: AdaIN) -> None:
    constant = torch.full((1, 512, 6, 6), 477.3).requires_grad_()
    transferred = net.transfer(constant, code_of(1))
    close(transferred, code_of(1)[:, :512, None, None].expand(1, 512, 6, 6), 1e-3)
    transferred.square().sum().backward()
    assert constant.grad is not None and constant.grad.isfinite().all()
    still = torch.cat([torch.full((1, 512), 9.0), torch.zeros(1, 512)], dim=1)
    assert torch.equal(net.transfer(lively(), still), torch.full((1, 512, 12, 9), 9.0))


# Regions


def test_each_side_of_a_hard_mask_has_its_own_statistics(net: AdaIN) -> None:
    """Normalised over the whole picture, then with the means and deviations of each side's style."""
    features, codes = lively(height=8, width=12), torch.cat([code_of(1), code_of(2)])
    left = (torch.arange(96) < 40).float().expand(1, 1, 64, 96)  # 5 of 12 positions
    both = net.transfer(features, codes, torch.cat([left, 1 - left], dim=1))
    near = {"rtol": 1e-5, "atol": 2e-3}  # features are hundreds, and gammas and betas of a side are applied otherwise
    torch.testing.assert_close(both[..., :5], net.transfer(features, codes[:1])[..., :5], **near)
    torch.testing.assert_close(both[..., 5:], net.transfer(features, codes[1:])[..., 5:], **near)
    assert (both[..., :5] - net.transfer(features, codes[1:])[..., :5]).abs().max() > 100


def test_regions_with_the_same_shares_everywhere_are_their_mix(net: AdaIN) -> None:
    x, codes = torch.cat([picture(), picture("chelsea")]), torch.cat([code_of(1), code_of(2)])
    regions = torch.tensor([0.3, 0.7]).view(1, 2, 1, 1).expand(1, 2, 32, 48)
    with torch.no_grad():
        expected = net(x, 0.3 * codes[:1] + 0.7 * codes[1:])
        torch.testing.assert_close(net(x, codes, regions), expected, atol=1e-4, rtol=0)
        torch.testing.assert_close(net(x, codes, regions.expand(2, -1, -1, -1)), expected, atol=1e-4, rtol=0)


def test_a_tile_depends_on_its_overlap_alone_once_the_statistics_are_frozen(net: AdaIN) -> None:
    x, code, cut = torch.rand(1, 3, 16, 288, generator=torch.Generator().manual_seed(1)), code_of(1), 96
    with torch.no_grad(), recorded_statistics(net) as statistics:
        whole = net(x, code)
    with torch.no_grad(), frozen_statistics(net, statistics):
        tile = net(x[..., cut:], code)
    difference = (tile - whole[..., cut:]).abs().amax(dim=(0, 1, 2))
    assert difference[net.overlap :].max() < 1e-5
    assert difference[:8].max() > 1e-3


# Half precision


@pytest.mark.slow
@pytest.mark.parametrize(("dtype", "tolerance"), [(torch.bfloat16, 0.05), (torch.float16, 0.02)])
def test_half_precision_stylizes_as_float32(net: AdaIN, dtype: torch.dtype, tolerance: float) -> None:
    """Also the hardest pictures: checks whose features reach 2e4 before, and more behind the transfer."""
    side = torch.arange(24) // 6 % 2
    checks = (side[:, None] ^ side).float().expand(1, 3, 24, 24)
    half = copy.deepcopy(net).to(dtype)
    with torch.no_grad():
        code = net.photo_code(checks)
        assert code.max() > 1e4
        assert half.encoder(checks.to(dtype))["relu4_1"].max() < 100  # float16 ends at 65504
        torch.testing.assert_close(half.photo_code(checks.to(dtype)).float(), code, rtol=0.05, atol=50)
        for x, strength in ((checks, 1), (picture("astronaut", 16, 16), 1), (checks, 3)):
            stylized = half(x.to(dtype), (strength * code).to(dtype))
            assert stylized.dtype == dtype and stylized.isfinite().all()
            assert (stylized.float() - net(x, strength * code)).abs().mean() < tolerance


def test_autocast_keeps_statistics_in_float32(net: AdaIN) -> None:
    x, features = picture(), lively()
    regions = torch.full((1, 2, 12, 9), 0.5)
    codes = torch.cat([code_of(1), code_of(2)])
    with torch.no_grad(), torch.autocast("cpu", torch.bfloat16):
        one, mixed = net.transfer(features, codes[:1]), net.transfer(features, codes, regions)
        stylized = net(x, codes[:1])
    assert torch.equal(one, net.transfer(features, codes[:1]))
    assert torch.equal(mixed, net.transfer(features, codes, regions))
    assert (stylized - net(x, codes[:1])).abs().max() < 0.1


# Named styles and files


@pytest.mark.slow
@pytest.mark.parametrize("styles", [0, 2])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float16])
def test_weights_come_back(net: AdaIN, styles: int, dtype: torch.dtype, tmp_path: Path) -> None:
    saved = copy.deepcopy(net)
    for index in range(styles):
        saved.add_row(code_of(index))
    assert saved.arch == {"styles": styles, "encoder": "vgg19:caffe"}
    saved.save_weights(path := tmp_path / "net.safetensors", spec(saved, styles), dtype)
    assert sum(value.numel() for value in load_file(path).values()) == 3_505_219 + styles * 1024
    again = create_model("adain", **saved.arch, weights=path).eval()
    assert isinstance(again, AdaIN) and again.styles.shape == (styles, 1024)
    for name, value in saved.state_dict().items():
        assert torch.equal(again.state_dict()[name], value.to(dtype).float()), name
    for index in range(styles):
        close(again.named_code(index), code_of(index), 1e-3)
    with pytest.raises(WeightsError, match="'styles' has shape"):
        create_model("adain", styles=styles + 1, weights=path)


def test_a_row_is_added_behind_the_others(net: AdaIN) -> None:
    net = copy.deepcopy(net)
    with pytest.raises(StyleError, match="adain net has no named styles"):
        net.named_code(0)
    for index in (1, 2):
        net.add_row(code_of(index))
    assert net.arch["styles"] == 2
    for index in (1, 2):
        assert torch.equal(net.named_code(index - 1), code_of(index))
        assert torch.equal(net.row(index - 1), code_of(index))


def test_the_hash_is_of_the_encoder(net: AdaIN, tmp_path: Path) -> None:
    torch.manual_seed(9)
    create_backbone("vgg19:torchvision", layers=["relu4_1"], pretrained=False).save(path := tmp_path / "e.safetensors")
    other = AdaIN(encoder=f"vgg19:{path}")
    assert other.arch["encoder"] == "vgg19:torchvision"  # a record holds no path
    known = net.trunk_hash()
    assert len(known) == 64 and int(known, 16)
    assert other.trunk_hash() != known
    assert AdaIN(2, "vgg19").trunk_hash() == known == copy.deepcopy(net).half().trunk_hash()


# What is refused


def test_a_missing_code_or_one_of_another_net_is_named(net: AdaIN) -> None:
    with pytest.raises(StyleError, match="an adain net needs a style code"):
        net(picture())
    with pytest.raises(StyleError, match="a style code of 512 numbers is from another net: this one takes 1024"):
        net(picture(), torch.ones(1, 512))


@pytest.mark.parametrize(
    ("args", "error", "message"),
    [
        ({"styles": -1}, OptionError, "styles must be from 0 to 4096, not -1"),
        ({"styles": 5000}, OptionError, "styles must be from 0 to 4096, not 5000"),
        ({"styles": "3"}, OptionError, "'3'"),
        ({"style": 3}, OptionError, "style"),
        ({"encoder": "vgg19:cafe"}, BackboneError, "no backbone is named 'vgg19:cafe'"),
        ({"encoder": 19}, BackboneError, "no backbone is named '19'"),
    ],
)
def test_bad_arguments_are_named(args: dict[str, Any], error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        create_model("adain", **args)
