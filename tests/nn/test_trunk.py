from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor

from stylezoo.nn.norm import frozen_statistics, recorded_statistics
from stylezoo.nn.trunk import Affine, Trunk

SHAPES: dict[str, dict[str, Any]] = {
    "fast": {"encoder": (8, 16), "decoder": (8, 4), "blocks": 2, "unshuffle": 2, "stem": 5, "head": 5},
    "antialiased": {
        "encoder": (8, 16),
        "decoder": (8, 4),
        "blocks": 1,
        "unshuffle": 2,
        "stem": 5,
        "head": 5,
        "upsample": "bilinear",
        "antialiased": True,
    },
    "classic": {"encoder": (4, 8, 16), "decoder": (8, 4), "blocks": 2, "stem": 9, "head": 9, "bias": True},
    "magenta": {"encoder": (4, 8, 8), "decoder": (6, 4), "blocks": 2, "stem": 9, "head": 9, "norm_head": True},
}


def trunk(shape: str) -> Trunk:
    torch.manual_seed(0)
    return Trunk(**SHAPES[shape])


def random_affine(net: Trunk, rows: int = 1) -> Tensor:
    generator = torch.Generator().manual_seed(1)
    return net.neutral_affine() + 0.3 * torch.randn(rows, net.affine_size, generator=generator)


@pytest.mark.parametrize("shape", SHAPES)
def test_one_affine_row_a_picture_is_each_picture_alone(shape: str) -> None:
    net, x = trunk(shape), torch.rand(2, 3, 24, 32)
    rows = random_affine(net, 2)
    with torch.no_grad():
        batch = net(x, rows)
        assert batch.shape == x.shape
        for i in range(2):
            torch.testing.assert_close(batch[i : i + 1], net(x[i : i + 1], rows[i : i + 1]), atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize("shape", SHAPES)
def test_affine_vector_is_gamma_then_beta_of_each_norm_in_order(shape: str) -> None:
    net = trunk(shape)
    vector, seen = random_affine(net), []
    for module in net.modules():
        if type(module).__name__ == "InstanceNorm":
            module.register_forward_pre_hook(lambda _, args: seen.extend(args[1:3]))
    net(torch.rand(1, 3, 16, 16), vector)
    torch.testing.assert_close(torch.cat(seen, dim=1), vector)
    neutral = net.neutral_affine().split(net.norm_widths[0], dim=1)
    assert (neutral[0] == 1).all() and (neutral[1] == 0).all()


def test_regions_come_at_the_resolution_of_each_norm() -> None:
    generator = torch.Generator().manual_seed(2)
    first = torch.rand(1, 1, 8, 12, generator=generator)
    rows = torch.randn(2, 2 * (3 + 5), generator=generator)
    affine = Affine(rows, [3, 5], torch.cat([first, 1 - first], dim=1))
    start = 0
    for width, fold in ((3, 1), (5, 4)):
        share = first[0, 0].view(8 // fold, fold, 12 // fold, fold).mean(dim=(1, 3))  # how much of a coarse pixel it is
        gamma, beta, shares = affine.take(torch.zeros(1, width, 8 // fold, 12 // fold))
        assert torch.equal(torch.cat([gamma, beta], dim=1), rows[:, start : start + 2 * width])
        assert shares is not None
        torch.testing.assert_close(shares, torch.stack([share, 1 - share])[None], atol=1e-6, rtol=1e-5)
        start += 2 * width


@pytest.mark.parametrize("shape", SHAPES)
def test_one_region_everywhere_is_the_row_alone(shape: str) -> None:
    net, x = trunk(shape), torch.rand(2, 3, 24, 32)
    rows = random_affine(net, 3)
    regions = torch.zeros(1, 3, 24, 32)
    regions[:, 1] = 1
    with torch.no_grad():
        torch.testing.assert_close(net(x, rows, regions), net(x, rows[1:2]), atol=1e-5, rtol=1e-5)


@pytest.mark.slow
@pytest.mark.parametrize("shape", SHAPES)
def test_reach_bounds_the_pixels_that_an_output_pixel_sees(shape: str) -> None:
    net = trunk(shape)
    x, affine = torch.rand(1, 3, 96, 96), random_affine(net).detach()
    with recorded_statistics(net) as statistics, torch.no_grad():
        net(x, affine)
    furthest = 0
    with frozen_statistics(net, statistics):
        for offset in range(net.multiple):  # the alignment with the coarse grid matters
            at = 48 + offset
            x.requires_grad_().grad = None
            net(x, affine)[0, :, at, at].sum().backward()
            assert x.grad is not None
            rows = x.grad.abs().sum(dim=(0, 1, 3)).nonzero().flatten()
            columns = x.grad.abs().sum(dim=(0, 1, 2)).nonzero().flatten()
            furthest = max([furthest, *((seen - at).abs().max().item() for seen in (rows, columns))])
    assert furthest <= net.reach <= furthest + 2 * net.multiple


def test_encoder_and_decoder_must_agree_on_the_scale() -> None:
    with pytest.raises(ValueError, match="enlarges 2 times, the encoder shrinks 4 times"):
        Trunk((8, 16, 32), (16,), 1, stem=3, head=3)


@pytest.mark.parametrize("shape", SHAPES)
def test_a_flat_picture_stays_flat_at_the_border(shape: str) -> None:
    """Zero padding anywhere would show as a frame."""
    net = trunk(shape)
    out = net(torch.full((1, 3, 32, 32), 0.5), random_affine(net))
    torch.testing.assert_close(out, out[..., 16:17, 16:17].expand_as(out), atol=1e-3, rtol=1e-3)
