from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from stylezoo.errors import OptionError
from stylezoo.image.color import rgb_to_ycbcr
from stylezoo.models import StyleCode, StyleNet, create_model
from stylezoo.pipeline import check_options, render


@pytest.fixture(scope="module")
def net() -> StyleNet:
    with torch.random.fork_rng():
        torch.manual_seed(3)
        return create_model("johnson", width=8, blocks=1).eval()


@pytest.fixture
def code(net: StyleNet) -> StyleCode:
    return StyleCode(net.named_code(0).detach())


@pytest.fixture
def photo() -> torch.Tensor:
    """Two pictures of 40x52 px, whose sides the net takes as they are."""
    return torch.rand(2, 3, 40, 52, generator=torch.Generator().manual_seed(1))


def test_a_picture_that_needs_no_padding_is_the_nets_own_output(net, code, photo) -> None:
    with torch.no_grad():
        expected = net(photo, code.values)
    assert torch.equal(render(net, photo, code), expected)


@pytest.mark.parametrize("size", [(1, 1), (1, 500), (33, 18), (5, 64), (17, 3)])
def test_any_size_is_padded_by_reflection_and_cut_back(net, code, size) -> None:
    x = torch.rand(1, 3, *size, generator=torch.Generator().manual_seed(2))
    height, width = (max(16, -(-side // 4) * 4) for side in size)
    mode = "reflect" if min(size) > 1 else "symmetric"  # numpy cannot reflect about a lone pixel: it repeats
    pads = ((0, 0), (0, 0), (0, height - size[0]), (0, 0)), ((0, 0), (0, 0), (0, 0), (0, width - size[1]))
    padded = x.numpy()
    for pad, side in zip(pads, size, strict=True):
        padded = np.pad(padded, pad, mode="reflect" if side > 1 else mode)
    with torch.no_grad():
        expected = net(torch.from_numpy(padded), code.values)[..., : size[0], : size[1]]
    painted = render(net, x, code)
    assert painted.shape == x.shape
    assert torch.allclose(painted, expected, atol=1e-6)


def test_strength_is_a_line_through_photo_and_painting(net, code, photo) -> None:
    full = render(net, photo, code)
    assert torch.equal(render(net, photo, code, strength=0), photo)
    assert torch.equal(render(net, photo, code, strength=1), full)
    assert (full - photo).abs().mean() > 0.05
    for strength in (0.25, 0.5, 1.7, 3):
        expected = (photo.double() + strength * (full.double() - photo.double())).clamp(0, 1)
        assert torch.allclose(render(net, photo, code, strength=strength).double(), expected, atol=1e-6)


def test_size_is_the_long_side_of_the_result(net, code, photo) -> None:
    assert render(net, photo, code, size=26).shape[-2:] == (20, 26)
    assert render(net, photo, code, size=104).shape[-2:] == (80, 104)
    assert torch.equal(render(net, photo, code, size=52), render(net, photo, code))


def test_luma_keeps_the_photos_chroma_under_the_paintings_light(net, code, photo) -> None:
    photo = 0.4 + 0.2 * photo  # colours that no luma drives out of range
    painted = render(net, photo, code)
    kept = render(net, photo, code, preserve_color="luma")
    inside = ((kept > 0) & (kept < 1)).all(dim=1, keepdim=True)
    assert inside.float().mean() > 0.9
    ours, theirs, source = rgb_to_ycbcr(kept), rgb_to_ycbcr(painted), rgb_to_ycbcr(photo)
    assert torch.allclose((ours[:, 1:] - source[:, 1:]) * inside, torch.zeros(()), atol=1e-5)
    assert torch.allclose((ours[:, :1] - theirs[:, :1]) * inside, torch.zeros(()), atol=1e-5)


def test_stats_keep_the_photos_mean_colour(net, code, photo) -> None:
    photo = 0.4 + 0.2 * photo * torch.tensor([1.0, 0.5, 0.1]).view(3, 1, 1)
    kept = render(net, photo, code, preserve_color="stats")
    assert torch.allclose(kept.mean(dim=(2, 3)), photo.mean(dim=(2, 3)), atol=0.01)
    assert not torch.allclose(kept, render(net, photo, code, preserve_color="luma"), atol=0.01)


def test_colour_is_kept_before_strength_is_applied(net, code, photo) -> None:
    kept = render(net, photo, code, preserve_color="luma")
    half = render(net, photo, code, preserve_color="luma", strength=0.5)
    assert torch.allclose(half, (photo + kept) / 2, atol=1e-6)


def test_the_code_is_what_is_painted(net, code, photo) -> None:
    doubled = render(net, photo, code * 2)
    with torch.no_grad():
        assert torch.equal(doubled, net(photo, code.values * 2))
    assert not torch.allclose(doubled, render(net, photo, code), atol=0.01)


@pytest.mark.parametrize("strength", [-0.1, 3.01, math.nan, math.inf, "1", None])
def test_bad_strength(strength) -> None:
    with pytest.raises(OptionError, match=r"strength must be from 0 .* up to 3, not"):
        check_options(strength, None, False)


@pytest.mark.parametrize("size", [0, -5, 20_000, 300.5, "300"])
def test_bad_size(size) -> None:
    with pytest.raises(OptionError, match=r"size must be the long side in px, .*, not"):
        check_options(1, size, False)


@pytest.mark.parametrize("preserve", [True, "yuv", None])
def test_bad_preserve_color(preserve) -> None:
    with pytest.raises(OptionError, match=r"preserve_color must be False, 'luma' or 'stats'"):
        check_options(1, None, preserve)
