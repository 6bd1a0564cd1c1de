from __future__ import annotations

from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import torch
from skimage import data
from torch import Tensor

from stylezoo.errors import OptionError, StyleError
from stylezoo.models import CIN, Johnson, create_model
from stylezoo.nn.norm import frozen_statistics, recorded_statistics
from stylezoo.zoo.spec import ModelSpec, StyleSpec

VARIANTS = ["fast", "classic", "magenta"]


def cin(styles: int = 3, variant: str = "fast", seed: int = 0) -> CIN:
    """A small net of random weights, its rows too."""
    torch.manual_seed(seed)
    net = CIN(styles, variant, width=8, blocks=1)
    with torch.no_grad():
        net.styles += 0.3 * torch.randn_like(net.styles)
        if variant == "classic":  # else its first pictures are black: it works on 0..255
            net.trunk.head.weight *= 50
            net.trunk.head.bias.fill_(128)
    return net.eval().requires_grad_(False)


def photo(height: int = 32, width: int = 40) -> Tensor:
    return torch.from_numpy(data.astronaut()[:height, :width]).permute(2, 0, 1)[None].float() / 255


def of_one_style(net: CIN, row: Tensor) -> Johnson:
    """The net of one style with that trunk and, (A,), that affine vector."""
    single = Johnson(net.arch["variant"], net.arch["width"], net.arch["blocks"])
    single.load_weights({f"trunk.{k}": v for k, v in net.trunk.state_dict().items()} | {"style": row[None]})
    return single.eval().requires_grad_(False)


# Codes


@pytest.mark.parametrize("variant", VARIANTS)
@pytest.mark.parametrize("weights", [[0.0, 1, 0, 0], [0.2, 0.5, 0.3, 0], [1.6, -0.6, 0, 0], [0.25, 0, 0.25, 0.5]])
def test_stylizes_as_a_net_of_one_style_that_has_the_mixed_row(variant: str, weights: list[float]) -> None:
    net, x = cin(variant=variant), photo()
    row = sum(weight * row for weight, row in zip(weights, net.styles.double(), strict=True))
    stylized = net(x, torch.tensor([weights]))
    torch.testing.assert_close(stylized, of_one_style(net, row.float())(x), atol=1e-5, rtol=0)
    assert stylized.shape == x.shape and stylized.min() >= 0 and stylized.max() <= 1 and stylized.std() > 0.01


def test_one_code_a_picture_or_one_for_all() -> None:
    net, x = cin(), torch.cat([photo(), photo().flip(3)])
    codes = torch.tensor([[0.5, 0.5, 0, 0], [0, 0, 0, 1.0]])
    each = torch.cat([net(x[i : i + 1], codes[i : i + 1]) for i in range(2)])
    torch.testing.assert_close(net(x, codes), each, atol=1e-5, rtol=0)
    torch.testing.assert_close(net(x, codes[:1])[:1], each[:1], atol=1e-5, rtol=0)


def test_a_named_code_picks_its_row_to_the_bit() -> None:
    net, x = cin(), photo()
    assert net.styles.shape == (4, net.trunk.affine_size)
    for style in (0, 1, 2, -1):
        assert torch.equal(net(x, net.named_code(style)), net(x, torch.eye(4)[style][None]))
        assert torch.equal(net(x, net.named_code(style)), of_one_style(net, net.styles[style])(x))
        assert torch.equal(net.row(style), net.styles[style][None])
    assert torch.equal(net.photo_code(x), torch.tensor([[0, 0, 0, 1.0]]))


def test_a_net_of_one_style_needs_no_code_and_one_of_several_does() -> None:
    one, x = cin(styles=1), photo()
    assert torch.equal(one(x), one(x, one.named_code(0)))
    with pytest.raises(StyleError, match="a cin net with 3 styles needs a style code"):
        cin()(x)


@pytest.mark.parametrize("width", [1, 3, 5])
def test_a_code_of_another_net_is_refused(width: int) -> None:
    with pytest.raises(
        StyleError, match=rf"a style code of {width} weights is from another net: this one has 3 styles"
    ):
        cin()(photo(), torch.ones(1, width))


@pytest.mark.parametrize("seed", range(3))
def test_the_way_from_style_to_style_is_smooth(seed: int) -> None:
    net, x = cin(seed=seed), photo(64, 64)
    a, b = net.named_code(0), net.named_code(1)
    pictures = [net(x, torch.lerp(a, b, i / 20)) for i in range(21)]
    steps = torch.stack([(after - before).abs().mean() for before, after in pairwise(pictures)])
    whole = (pictures[-1] - pictures[0]).abs().mean()
    assert whole > 0.005
    assert steps.max() < 3 * steps.mean() and steps.max() < whole / 5


@pytest.mark.parametrize("variant", VARIANTS)
def test_gradients_reach_the_trunk_and_the_rows_that_are_mixed(variant: str) -> None:
    net = cin(variant=variant).train().requires_grad_()
    net(photo(), torch.tensor([[0.5, 0, 0.2, 0]])).square().sum().backward()
    assert net.styles.grad is not None and net.styles.grad.isfinite().all()
    used = net.styles.grad.abs().amax(dim=1) > 0
    assert used.tolist() == [True, False, True, False]
    torch.testing.assert_close(net.styles.grad[0] * 0.4, net.styles.grad[2])
    for name, parameter in net.trunk.named_parameters():
        assert parameter.grad is not None and parameter.grad.isfinite().all(), name
        if not name.endswith("conv.bias"):  # a norm removes it
            assert parameter.grad.abs().max() > 0, name


# Regions


@pytest.mark.parametrize("variant", VARIANTS)
def test_regions_with_the_same_shares_everywhere_are_their_mix(variant: str) -> None:
    net, x = cin(variant=variant), torch.cat([photo(), photo().flip(3)])
    shares = torch.tensor([0.2, 0.5, 0.3])
    regions = shares.view(1, 3, 1, 1).expand(1, 3, *x.shape[-2:])
    codes = torch.eye(4)[:3]
    expected = net(x, (shares @ codes)[None])
    torch.testing.assert_close(net(x, codes, regions), expected, atol=1e-5, rtol=0)
    torch.testing.assert_close(net(x, codes, regions.expand(2, -1, -1, -1)), expected, atol=1e-5, rtol=0)


@pytest.mark.parametrize("variant", VARIANTS)
def test_each_side_of_a_mask_is_stylized_in_its_own_style(variant: str) -> None:
    """With the statistics frozen, a pixel depends on what is within the net's reach alone."""
    net, x = cin(variant=variant), photo(32, 256)
    codes, middle = torch.cat([net.named_code(0), net.named_code(2)]), 128
    left = (torch.arange(256) < middle).float().expand(1, 1, 32, 256)
    with recorded_statistics(net) as statistics:
        net(x, codes.mean(dim=0, keepdim=True))
    with frozen_statistics(net, statistics):
        both = net(x, codes, torch.cat([left, 1 - left], dim=1))
        first, second = net(x, codes[:1]), net(x, codes[1:])
    near, far = middle - net.overlap, middle + net.overlap
    assert 16 < near < far < 240
    torch.testing.assert_close(both[..., :near], first[..., :near], atol=1e-5, rtol=0)
    torch.testing.assert_close(both[..., far:], second[..., far:], atol=1e-5, rtol=0)
    for side, other in ((slice(0, near), second), (slice(far, 256), first)):
        assert (both[..., side] - other[..., side]).abs().max() > 0.02
    assert not torch.allclose(both[..., near:middle], first[..., near:middle], atol=1e-3)  # the edge is mixed


def test_regions_get_gradients_of_their_own() -> None:
    net = cin().train().requires_grad_()
    top = (torch.arange(32) < 16).float().view(1, 1, 32, 1).expand(1, 1, 32, 40)
    net(photo(), torch.eye(4)[:2], torch.cat([top, 1 - top], dim=1)).sum().backward()
    assert net.styles.grad is not None
    assert (net.styles.grad.abs().amax(dim=1) > 0).tolist() == [True, True, False, False]


# Rows that come and go


def test_a_row_is_added_behind_the_others_which_stay_to_the_bit() -> None:
    net, x = cin(), photo()
    row = cin(seed=1).styles[:1].clone()
    rows, trunk = net.styles.clone(), {k: v.clone() for k, v in net.trunk.state_dict().items()}
    before = [net(x, net.named_code(i)) for i in (0, 1, 2, -1)]
    net.add_row(row)
    assert net.arch == {"styles": 4, "variant": "fast", "width": 8, "blocks": 1}
    assert torch.equal(net.styles, torch.cat([rows[:3], row, rows[3:]]))
    assert not net.styles.requires_grad
    assert all(torch.equal(net.trunk.state_dict()[k], v) for k, v in trunk.items())
    for picture, style in zip(before, (0, 1, 2, -1), strict=True):
        assert torch.equal(net(x, net.named_code(style)), picture)
    assert torch.equal(net.row(3), row)
    assert torch.equal(net(x, net.named_code(3)), of_one_style(net, row[0])(x))
    again = create_model("cin", **net.arch, weights=net.state_dict()).eval()
    assert torch.equal(again(x, again.named_code(3)), net(x, net.named_code(3)))


def test_a_net_on_the_same_trunk_has_the_photos_row_and_neutral_others() -> None:
    net = cin()
    other = net.on_same_trunk(2)
    assert other.arch == net.arch | {"styles": 2}
    assert torch.equal(other.styles[-1], net.styles[-1])
    assert torch.equal(other.styles[:-1], net.trunk.neutral_affine().expand(2, -1))
    assert [name for name, p in other.named_parameters() if p.requires_grad] == ["styles"]
    assert other.trunk_hash() == net.trunk_hash()
    with torch.no_grad():
        for parameter in other.parameters():
            parameter += 1
    assert torch.equal(net.styles, cin().styles) and net.trunk_hash() == cin().trunk_hash()  # nothing is shared


def test_the_hash_is_of_the_trunk_in_half_precision(tmp_path: Path) -> None:
    net = cin()
    known = net.trunk_hash()
    assert len(known) == 64 and int(known, 16)
    styles = tuple(StyleSpec(id=i, title=i, rights="CC0-1.0", source="a test") for i in ("a", "b", "c"))
    spec = ModelSpec(name="cin/tiny", family="cin", arch=net.arch, styles=styles, license="CC0-1.0")
    for dtype in (torch.float32, torch.float16):
        net.save_weights(tmp_path / "net.safetensors", spec, dtype)
        again = create_model("cin", **net.arch, weights=tmp_path / "net.safetensors")
        assert isinstance(again, CIN)
        assert again.trunk_hash() == known
    assert cin().half().trunk_hash() == known
    assert cin().to(memory_format=torch.channels_last).trunk_hash() == known
    net.add_row(net.row(0))
    with torch.no_grad():
        net.styles += 1
    assert net.trunk_hash() == known  # rows do not count


def test_another_trunk_has_another_hash() -> None:
    net, known = cin(), cin().trunk_hash()
    with torch.no_grad():
        net.trunk.blocks[0].second.conv.weight[0, 0, 0, 0] += 0.01
    others = [net.trunk_hash(), cin(seed=1).trunk_hash(), cin(variant="classic").trunk_hash()]
    assert len({known, *others}) == 4


# Its arguments


def test_arguments_change_the_net() -> None:
    net = CIN(6, width=16, blocks=2)
    assert net.arch == {"styles": 6, "variant": "fast", "width": 16, "blocks": 2}
    assert CIN(2, "classic").styles.shape == (3, 3200)  # as many as a style of the reference net has
    assert torch.equal(net.styles, net.trunk.neutral_affine().expand(7, -1))


def test_a_net_may_have_no_row_for_the_photo() -> None:
    net, x = CIN(2, width=8, blocks=1, photo=False).eval().requires_grad_(False), photo()
    assert net.arch == {"styles": 2, "variant": "fast", "width": 8, "blocks": 1, "photo": False}
    assert net.styles.shape == (2, net.trunk.affine_size)
    assert net.photo_code(x) is None
    assert torch.equal(net.named_code(1), torch.tensor([[0, 1.0]]))
    net.styles += 0.3 * torch.randn_like(net.styles)
    first, row = net(x, net.named_code(0)), net.row(0) * 1.1
    net.add_row(row)
    assert net.arch["styles"] == 3 and torch.equal(net.row(2), row)
    assert torch.equal(net(x, net.named_code(0)), first)
    with pytest.raises(StyleError, match="a style code of 4 weights is from another net: this one has 3 styles"):
        net(x, torch.ones(1, 4))
    other = net.on_same_trunk(1)
    assert other.arch == net.arch | {"styles": 1} and other.trunk_hash() == net.trunk_hash()
    assert torch.equal(other(x), other(x, torch.ones(1, 1)))


@pytest.mark.parametrize(
    ("args", "message"),
    [
        ({"styles": 0}, "styles must be from 1 to 4096, not 0"),
        ({"styles": 5000}, "styles must be from 1 to 4096, not 5000"),
        ({"styles": "3"}, "'3'"),
        ({"styles": 3, "variant": "slow"}, "cin has no variant 'slow'; there are classic, fast, compact, magenta"),
        ({"styles": 3, "width": 30}, "multiple of 4 from 8 to 1024, not 30"),
        ({"style": 3}, "style"),
    ],
)
def test_bad_arguments_are_named(args: dict[str, Any], message: str) -> None:
    with pytest.raises(OptionError, match=message):
        create_model("cin", **args)
