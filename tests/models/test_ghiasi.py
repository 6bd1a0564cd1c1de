from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from rendering import render
from skimage import data
from torch import Tensor

from stylezoo.errors import OptionError, StyleError, WeightsError
from stylezoo.models import CIN, Ghiasi, create_model
from stylezoo.runtime.base import StyleCode
from stylezoo.stylizer.card import StyleCard
from stylezoo.stylizer.loading import load
from stylezoo.stylizer.stylizer import Stylizer
from stylezoo.zoo.spec import ModelSpec, StyleSpec

VARIANTS = ["fast", "compact", "classic"]


def ghiasi(styles: int = 0, variant: str = "fast", seed: int = 0) -> Ghiasi:
    """A small net of random weights, its rows too, whose styles differ as those of a trained one do."""
    torch.manual_seed(seed)
    net = Ghiasi(styles, variant, width=8, blocks=1)
    with torch.no_grad():
        net.styles += 0.3 * torch.randn_like(net.styles)
        net.encoder.head[-1].weight *= 30
        net.predictor[-1].weight *= 100
        if variant == "classic":  # else its first pictures are black: it works on 0..255
            net.trunk.head.weight *= 50
            net.trunk.head.bias.fill_(128)
    return net.eval().requires_grad_(False)


def spec_of(net: Ghiasi | CIN, *styles: str) -> ModelSpec:
    known = tuple(StyleSpec(id=id, title=id, rights="CC0-1.0", source="a test") for id in styles)
    return ModelSpec(name=f"{net.family}/tiny", family=net.family, arch=net.arch, styles=known, license="CC0-1.0")


def pixels(picture: np.ndarray) -> Tensor:
    return torch.from_numpy(picture.copy()).permute(2, 0, 1)[None].float() / 255


def photo(height: int = 32, width: int = 40) -> Tensor:
    return pixels(data.astronaut()[:height, :width])


def paintings() -> list[Tensor]:
    """Three pictures of one size that look different."""
    return [pixels(picture[100:180, 100:196]) for picture in (data.coffee(), data.chelsea(), data.astronaut())]


def cin_with(net: Ghiasi, row: Tensor) -> CIN:
    """The net of named styles with the trunk of `net` and, (1, A), that one row."""
    other = CIN(1, *(net.arch[key] for key in ("variant", "width", "blocks")))
    weights = {f"trunk.{k}": v for k, v in net.trunk.state_dict().items()}
    other.load_weights(weights | {"styles": torch.cat([row, net.styles[-1:]])})
    return other.eval().requires_grad_(False)


# What pictures become


@pytest.mark.parametrize("variant", VARIANTS)
def test_stylizes_to_the_bit_as_a_cin_net_that_has_the_predicted_row(variant: str) -> None:
    net, x = ghiasi(variant=variant), photo()
    results = []
    for picture in paintings():
        code = net.encode(picture)
        assert code.shape == (1, net.trunk.affine_size)
        results.append(net(x, code))
        assert torch.equal(results[-1], cin_with(net, code)(x))
        assert results[-1].min() >= 0 and results[-1].max() <= 1
    for i in range(3):
        assert (results[i] - results[i - 1]).abs().mean() > 0.005  # the style matters


def test_pictures_are_encoded_together_as_each_alone() -> None:
    net, pictures = ghiasi(), torch.cat(paintings())
    codes, alone = net.encode(pictures), torch.cat([net.encode(p) for p in pictures.split(1)])
    assert (alone[0] - alone[1]).abs().max() > 0.1
    torch.testing.assert_close(codes, alone, atol=1e-5, rtol=1e-5)
    x = torch.cat([photo(), photo().flip(3), photo().flip(2)])
    each = torch.cat([net(x[i : i + 1], alone[i : i + 1]) for i in range(3)])
    torch.testing.assert_close(net(x, codes), each, atol=1e-5, rtol=0)


def test_parts_of_a_picture_are_encoded_like_pictures() -> None:
    """Up to what the encoder sees across the edge: nothing where both sides are flat."""
    net = ghiasi()
    colours = torch.tensor([[0.9, 0.2, 0.1], [0.1, 0.3, 0.8]]).view(2, 3, 1, 1)
    left = torch.zeros(1, 1, 64, 192)
    left[..., :96] = 1
    picture = left * colours[:1] + (1 - left) * colours[1:]
    inside = torch.zeros(2, 1, 64, 192)
    inside[0, ..., :32], inside[1, ..., -32:] = 1, 1
    codes = net.encode(picture, inside.transpose(0, 1))
    alone = torch.cat(
        [net.encode(colour.expand(1, 3, 64, 192), inside[k, None]) for k, colour in enumerate(colours.split(1))]
    )
    assert codes.shape == (2, net.code_width)
    assert (codes[0] - codes[1]).abs().max() > 0.1
    assert (codes - alone).abs().max() < 0.3 * (codes[0] - codes[1]).abs().max()
    torch.testing.assert_close(net.encode(picture, torch.ones_like(left)), net.encode(picture), rtol=1e-4, atol=1e-4)


@pytest.mark.slow
@pytest.mark.parametrize("size", [(1, 1), (1, 300), (300, 1), (64, 2000), (63, 65), (129, 70)])
def test_pictures_of_any_shape_have_a_code(size: tuple[int, int]) -> None:
    net = ghiasi()
    noise = torch.rand(1, 3, *size, generator=torch.Generator().manual_seed(0))
    for picture in (noise, torch.zeros(1, 3, *size), torch.ones(1, 3, *size), torch.full((1, 3, *size), 0.3)):
        code = net.encode(picture)
        assert code.isfinite().all()
        assert net(photo(), code).isfinite().all()


@pytest.mark.parametrize("size", [(40, 90), (90, 40), (20, 21)])
def test_small_pictures_are_reflected_to_64_px(size: tuple[int, int]) -> None:
    net, picture = ghiasi(), paintings()[0][..., : size[0], : size[1]]
    height, width = picture.shape[-2:]
    extended = np.pad(
        picture.numpy(), ((0, 0), (0, 0), (0, max(0, 64 - height)), (0, max(0, 64 - width))), mode="reflect"
    )
    assert torch.equal(net.encode(picture), net.encode(torch.from_numpy(extended)))


def test_half_precision_gives_nearly_the_same_code() -> None:
    picture = paintings()[1]
    exact, half = ghiasi().encode(picture), ghiasi().to(torch.bfloat16).encode(picture.bfloat16())
    assert half.dtype == torch.bfloat16
    assert (half.float() - exact).norm() < 0.1 * exact.norm()


@pytest.mark.parametrize("variant", VARIANTS)
def test_an_untrained_net_predicts_rows_near_the_neutral_one(variant: str) -> None:
    """From gammas far off 1 the first steps would diverge."""
    torch.manual_seed(0)
    net = Ghiasi(variant=variant, width=8, blocks=1)
    assert torch.equal(net.styles, net.trunk.neutral_affine())
    for picture in paintings():
        assert (net.encode(picture) - net.trunk.neutral_affine()).abs().max() < 0.2


def test_gradients_reach_every_part() -> None:
    net = ghiasi().train().requires_grad_()
    codes = torch.cat([net.encode(paintings()[0]), net.styles[-1:]])
    net(torch.cat([photo(), photo()]), codes).square().mean(dim=(1, 2, 3)).sum().backward()
    for name, parameter in net.named_parameters():
        assert parameter.grad is not None and parameter.grad.isfinite().all(), name
        assert parameter.grad.abs().max() > 0, name


# Codes


def test_strength_is_the_line_from_the_photos_row() -> None:
    net, x = ghiasi(), photo()
    code, start = net.encode(paintings()[2]), net.photo_code(x)
    assert torch.equal(start, net.styles[-1:])
    assert torch.equal(render(net, x, StyleCode(code), strength=0), x)
    assert torch.equal(render(net, x, StyleCode(code)), net(x, code))
    missing = x - net(x, start)
    for strength, back in ((0.25, 0.75), (0.5, 0.5), (1.5, 0.0)):
        expected = (net(x, start + strength * (code - start)) + back * missing).clamp(0, 1)
        torch.testing.assert_close(render(net, x, StyleCode(code), strength=strength), expected, atol=1e-5, rtol=0)


def test_codes_mix() -> None:
    net, x = ghiasi(), photo()
    first, second = (StyleCode(net.encode(picture)) for picture in paintings()[:2])
    mixed = render(net, x, first.lerp(second, 0.3))
    torch.testing.assert_close(
        mixed, net(x, torch.from_numpy(0.7 * first.values + 0.3 * second.values)), atol=1e-5, rtol=0
    )


@pytest.mark.parametrize("variant", VARIANTS)
def test_regions_have_rows_of_their_own(variant: str) -> None:
    net, x = ghiasi(variant=variant), torch.cat([photo(), photo().flip(3)])
    codes, shares = torch.cat([net.encode(picture) for picture in paintings()]), torch.tensor([0.2, 0.5, 0.3])
    regions = shares.view(1, 3, 1, 1).expand(1, 3, *x.shape[-2:])
    torch.testing.assert_close(net(x, codes, regions), net(x, (shares @ codes)[None]), atol=1e-5, rtol=0)
    left = (torch.arange(40) < 20).float().expand(1, 1, 32, 40)
    halves = net(x, codes[:2], torch.cat([left, 1 - left], dim=1))
    cin = cin_with(net, codes[:1])
    cin.add_row(codes[1:2])
    names = torch.cat([cin.named_code(0), cin.named_code(1)])
    torch.testing.assert_close(halves, cin(x, names, torch.cat([left, 1 - left], dim=1)), atol=1e-5, rtol=0)


def test_named_styles_are_rows() -> None:
    net, x = ghiasi(styles=2), photo()
    assert net.arch == {"styles": 2, "variant": "fast", "width": 8, "blocks": 1}
    for style in (0, 1, -1):
        assert torch.equal(net.named_code(style), net.styles[style][None])
        assert torch.equal(net.row(style), net.styles[style][None])
    assert torch.equal(net(x, net.named_code(1)), cin_with(net, net.row(1))(x))


@pytest.mark.parametrize(("styles", "style"), [(0, 0), (2, 2), (2, 7)])
def test_a_style_that_it_does_not_know_is_not_the_photo(styles: int, style: int) -> None:
    message = f"has {styles} named styles, none with number {style}"
    with pytest.raises(StyleError, match=message):
        ghiasi(styles).named_code(style)


def test_no_code_or_one_of_another_net_is_refused() -> None:
    net = ghiasi()
    with pytest.raises(StyleError, match="a ghiasi net needs a style code"):
        net(photo())
    for width in (1, 17, 1568):
        with pytest.raises(StyleError, match=f"a style code of {width} numbers is from another net: this one takes "):
            net(photo(), torch.ones(1, width))


@pytest.mark.parametrize(
    ("args", "message"),
    [
        ({"styles": -1}, "styles must be from 0 to 4096, not -1"),
        ({"styles": 5000}, "styles must be from 0 to 4096, not 5000"),
        ({"variant": "slow"}, "ghiasi has no variant 'slow'; there are classic, fast, compact, magenta"),
        ({"width": 30}, "multiple of 4 from 8 to 1024, not 30"),
        ({"encoder": "vgg19"}, "encoder"),
    ],
)
def test_bad_arguments_are_named(args: dict[str, Any], message: str) -> None:
    with pytest.raises(OptionError, match=message):
        create_model("ghiasi", **args)


# Rows that come and go, and files


def test_a_row_is_added_behind_the_others_which_stay_to_the_bit() -> None:
    net, x = ghiasi(styles=1), photo()
    before, picture = [net(x, net.named_code(i)) for i in (0, -1)], paintings()[0]
    code, trunk = net.encode(picture), net.trunk_hash()
    net.add_row(code)
    assert net.arch["styles"] == 2
    assert torch.equal(net(x, net.named_code(1)), net(x, code))
    assert torch.equal(net.encode(picture), code)
    for style, stylized in zip((0, -1), before, strict=True):
        assert torch.equal(net(x, net.named_code(style)), stylized)
    again = create_model("ghiasi", **net.arch, weights=net.state_dict()).eval()
    assert torch.equal(again(x, again.named_code(1)), net(x, code))
    assert net.trunk_hash() == trunk == cin_with(net, code).trunk_hash() != ghiasi(seed=1).trunk_hash()


def test_the_default_net_is_a_file_of_less_than_5_mb(tmp_path: Path) -> None:
    net = Ghiasi(styles=16).fold()
    net.save_weights(tmp_path / "any.safetensors", spec_of(net, *(f"style_{i}" for i in range(16))), torch.float16)
    assert (tmp_path / "any.safetensors").stat().st_size < 5_000_000
    assert net.styles.shape == (17, 1568)


@pytest.mark.slow
@pytest.mark.parametrize("names", [(), ("dots", "lines")])
def test_a_file_stylizes_what_its_net_did(tmp_path: Path, names: tuple[str, ...]) -> None:
    net, picture = ghiasi(styles=len(names)), (paintings()[0][0].permute(1, 2, 0) * 255).byte().numpy()
    whole = Stylizer(spec_of(net, *names), net)
    whole.save(tmp_path / "net.safetensors")
    again = load(tmp_path / "net.safetensors", device="cpu", backend="torch")
    assert (again.kind, again.styles, again.spec.arch) == ("arbitrary", names, net.arch)
    for style in (picture, *names):
        assert np.array_equal(
            again.stylize(data.chelsea()[:50, :61], style), whole.stylize(data.chelsea()[:50, :61], style)
        )
    with pytest.raises(WeightsError, match=r"does not fit cin\("):
        create_model("cin", styles=3, width=8, blocks=1, weights=tmp_path / "net.safetensors")


def test_a_predicted_style_kept_as_a_card_stylizes_the_same_in_a_cin_net_on_the_trunk(tmp_path: Path) -> None:
    net, picture, x = ghiasi(), data.coffee()[:120, :150], data.chelsea()[:50, :61]
    taker = net.on_same_trunk(1)
    assert isinstance(taker, CIN) and not isinstance(taker, Ghiasi)
    assert taker.arch == net.arch | {"styles": 1}
    assert torch.equal(taker.styles[-1], net.styles[-1])
    assert [name for name, p in taker.named_parameters() if p.requires_grad] == ["styles"]
    whole, cin = Stylizer(spec_of(net), net), Stylizer(spec_of(taker, "other"), taker)
    whole.card(picture, id="cup").save(tmp_path / "cup.card.safetensors")
    card = StyleCard.read(tmp_path / "cup.card.safetensors")
    assert (card.spec.family, card.spec.trunk) == ("ghiasi", taker.trunk_hash())
    cin.add_card(card)
    whole.add_card(card)
    expected = whole.stylize(x, picture)
    assert np.abs(cin.stylize(x, "cup").astype(int) - expected).max() <= 1  # a card holds the palette in seven digits
    assert np.abs(whole.stylize(x, "cup").astype(int) - expected).max() <= 1
    half = [stylizer.stylize(x, "cup", strength=0.5).astype(int) for stylizer in (cin, whole)]
    assert np.abs(half[0] - half[1]).max() <= 1  # the two nets add up in another order
    assert np.abs(half[0] - expected).max() > 5


def test_a_card_of_the_default_net_is_under_16_kb(tmp_path: Path) -> None:
    net = Ghiasi(variant="classic")
    Stylizer(spec_of(net), net).card(data.coffee()[:80, :80], id="cup").save(tmp_path / "cup.card.safetensors")
    assert (tmp_path / "cup.card.safetensors").stat().st_size < 16 * 1024


# Folded


def test_a_folded_net_is_the_same_in_less() -> None:
    net = Ghiasi(styles=1, width=8, blocks=1).eval().requires_grad_(False)
    folded = net.fold()
    assert folded.arch == net.arch | {"folded": True} and folded.fold() is folded
    pictures = torch.rand(3, 3, 72, 90, generator=torch.Generator().manual_seed(0))
    torch.testing.assert_close(folded.encode(pictures), net.encode(pictures), rtol=1e-5, atol=1e-6)
    assert torch.equal(folded.styles, net.styles) and folded.trunk_hash() == net.trunk_hash()
    saved = sum(p.numel() for p in net.parameters()) - sum(p.numel() for p in folded.parameters())
    assert saved == (1920 * 192 + 1920) + (256 * 1920 + 256) - (256 * 192 + 256)
    again = create_model("ghiasi", **folded.arch, weights=folded.state_dict()).eval()
    assert torch.equal(again.encode(pictures), folded.encode(pictures))
    assert folded.on_same_trunk(2).arch == {"styles": 2, "variant": "fast", "width": 8, "blocks": 1}
