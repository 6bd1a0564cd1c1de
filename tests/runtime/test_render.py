from __future__ import annotations

import math
import re
from itertools import pairwise

import numpy as np
import pytest
import torch
from rendering import render
from skimage import data

from stylezoo.errors import OptionError
from stylezoo.images.color import rgb_to_ycbcr
from stylezoo.images.resize import resize
from stylezoo.models import AdaIN, StyleNet, create_model
from stylezoo.runtime.base import Region, StyleCode
from stylezoo.runtime.options import StylizeOptions
from stylezoo.runtime.render import sizes_of


@pytest.fixture(scope="module")
def net() -> StyleNet:
    with torch.random.fork_rng():
        torch.manual_seed(3)
        return create_model("johnson", width=8, blocks=1).eval()


@pytest.fixture(scope="module")
def multi() -> StyleNet:
    """A net of three styles that has a code for the photo, which, being random, does not give the photo back."""
    with torch.random.fork_rng():
        torch.manual_seed(4)
        net = create_model("cin", styles=3, width=8, blocks=1).eval().requires_grad_(False)
        net.styles += 0.3 * torch.randn_like(net.styles)
    return net


@pytest.fixture(scope="module")
def adain() -> AdaIN:
    """A net whose code for a photo is the photo's own, and whose reconstruction stays what it is."""
    with torch.random.fork_rng():
        torch.manual_seed(5)
        return AdaIN().eval().requires_grad_(False)


@pytest.fixture
def code(net: StyleNet) -> StyleCode:
    return StyleCode(net.named_code(0).detach())


@pytest.fixture
def photo() -> torch.Tensor:
    """Two pictures of 40x52 px, whose sides the net takes as they are."""
    return torch.rand(2, 3, 40, 52, generator=torch.Generator().manual_seed(1))


def style(net: StyleNet, index: int) -> StyleCode:
    return StyleCode(net.named_code(index).detach())


def left_part(share: float = 1.0) -> torch.Tensor:
    """The mask of the left half of a picture of 40x52 px."""
    return (torch.arange(52) < 26).float().expand(1, 1, 40, 52) * share


def test_a_picture_that_needs_no_padding_is_the_nets_own_output(net, code, photo) -> None:
    with torch.no_grad():
        expected = net(photo, torch.from_numpy(code.values))
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
        expected = net(torch.from_numpy(padded), torch.from_numpy(code.values))[..., : size[0], : size[1]]
    stylized = render(net, x, code)
    assert stylized.shape == x.shape
    assert torch.allclose(stylized, expected, atol=1e-6)


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
    stylized = render(net, photo, code)
    kept = render(net, photo, code, preserve_color="luma")
    inside = ((kept > 0) & (kept < 1)).all(dim=1, keepdim=True)
    assert inside.float().mean() > 0.9
    ours, theirs, source = rgb_to_ycbcr(kept), rgb_to_ycbcr(stylized), rgb_to_ycbcr(photo)
    assert torch.allclose((ours[:, 1:] - source[:, 1:]) * inside, torch.zeros(()), atol=1e-5)
    assert torch.allclose((ours[:, :1] - theirs[:, :1]) * inside, torch.zeros(()), atol=1e-5)


def test_stats_keep_the_photos_mean_colour(net, code, photo) -> None:
    photo = 0.4 + 0.2 * photo * torch.tensor([1.0, 0.5, 0.1]).view(3, 1, 1)
    kept = render(net, photo, code, preserve_color="stats")
    assert torch.allclose(kept.mean(dim=(2, 3)), photo.mean(dim=(2, 3)), atol=0.01)
    assert not torch.allclose(kept, render(net, photo, code, preserve_color="luma"), atol=0.01)


@pytest.mark.parametrize("preserve", ["luma", "stats"])
def test_colour_is_kept_at_every_strength(multi, photo, preserve) -> None:
    code, photo = style(multi, 0), 0.4 + 0.2 * photo
    for strength in (0.3, 1.2):
        kept = render(multi, photo, code, preserve_color=preserve, strength=strength)
        plain = render(multi, photo, code, strength=strength)
        if preserve == "stats":
            assert torch.allclose(kept.mean(dim=(2, 3)), photo.mean(dim=(2, 3)), atol=0.002)
        else:
            assert (rgb_to_ycbcr(kept) - rgb_to_ycbcr(photo))[:, 1:].abs().mean() < 1e-3
        assert (kept - plain).abs().mean() > 0.01
    assert torch.equal(render(multi, photo, code, preserve_color=preserve, strength=0), photo)


def test_the_code_is_what_is_stylized(net, code, photo) -> None:
    doubled = render(net, photo, code * 2)
    with torch.no_grad():
        assert torch.equal(doubled, net(photo, torch.from_numpy(code.values) * 2))
    assert not torch.allclose(doubled, render(net, photo, code), atol=0.01)


@pytest.mark.parametrize("strength", [-0.1, 3.01, math.nan, math.inf, "1", None])
def test_bad_strength(strength) -> None:
    with pytest.raises(OptionError, match=rf"strength .*not {re.escape(repr(strength))}$"):
        StylizeOptions(strength=strength)


@pytest.mark.parametrize("size", [0, -5, 20_000, 300.5, "300"])
def test_bad_size(size) -> None:
    with pytest.raises(OptionError, match=r"size must be the long side in px, .*, not"):
        StylizeOptions(size=size)


@pytest.mark.parametrize("preserve", [True, "yuv", None])
def test_bad_preserve_color(preserve) -> None:
    with pytest.raises(OptionError, match=r"preserve_color must be False, 'luma' or 'stats'"):
        StylizeOptions(preserve_color=preserve)


@pytest.mark.parametrize("stroke", [0, -1, 0.06, 16.1, math.nan, math.inf, "1"])
def test_bad_stroke(stroke) -> None:
    with pytest.raises(OptionError, match=r"stroke must be from 1/16 .* to 16 .*, not"):
        StylizeOptions(stroke=stroke)


# Strength of a net that has a code for the photo


def test_strength_is_a_line_of_codes_and_gives_back_what_the_net_loses(multi, photo) -> None:
    code = style(multi, 1)
    start = multi.photo_code(photo)
    lost = photo - multi(photo, start)
    assert lost.abs().mean() > 0.05
    assert torch.equal(render(multi, photo, code, strength=0), photo)
    assert torch.equal(render(multi, photo, code), multi(photo, torch.from_numpy(code.values)))
    for strength in (0.1, 0.5, 0.9):
        stylized = multi(photo, (1 - strength) * start + strength * torch.from_numpy(code.values))
        expected = (stylized + (1 - strength) * lost).clamp(0, 1)
        assert torch.allclose(render(multi, photo, code, strength=strength), expected, atol=1e-5)
    for strength in (1.5, 3):
        expected = multi(photo, start + strength * (torch.from_numpy(code.values) - start))
        assert torch.allclose(render(multi, photo, code, strength=strength), expected, atol=1e-5)


def test_small_steps_of_strength_make_small_differences(multi, photo) -> None:
    steps = [i / 20 for i in range(31)]
    pictures = [render(multi, photo, style(multi, 1), strength=strength) for strength in steps]
    differences = torch.stack([(after - before).abs().mean() for before, after in pairwise(pictures)])
    assert differences.min() > 0
    assert differences[:20].max() < 2.5 * differences[:20].mean()  # from the photo to the style
    assert differences[20:].max() < 2.5 * differences[:20].mean()  # and beyond
    distances = [float((p - photo).abs().mean()) for p in pictures]
    assert distances[0] == 0 and distances[5] < distances[20] < distances[30]


@pytest.mark.slow
@torch.no_grad()
def test_a_net_that_gives_nothing_back_walks_the_line_of_codes_alone(adain, photo) -> None:
    code = StyleCode(adain.encode(torch.rand(1, 3, 64, 64, generator=torch.Generator().manual_seed(6))))
    photo = torch.cat([photo[:1], photo[1:] ** 3])[..., :48]  # of different statistics, in multiples of 8 px
    own = adain.photo_code(photo)
    assert own.shape == (2, 1024) and not torch.allclose(own[0], own[1])
    assert (adain(photo, own) - photo).abs().mean() > 0.05
    for strength in (0, 0.3, 1, 1.5):
        expected = adain(photo, (1 - strength) * own + strength * torch.from_numpy(code.values))
        assert torch.allclose(render(adain, photo, code, strength=strength), expected, atol=1e-5)


@pytest.mark.slow
@torch.no_grad()
def test_a_net_that_gives_nothing_back_leaves_the_photo_where_it_is_to_stay(adain, photo) -> None:
    code = StyleCode(adain.encode(torch.rand(1, 3, 64, 64, generator=torch.Generator().manual_seed(6))))
    photo, left = photo[..., :48], left_part()[..., :48]
    for strength in (0, 0.6, 1):
        regions = [Region(code, left), Region(None, 1 - left)]
        stylized = render(adain, photo, regions, strength=strength)
        assert torch.equal(stylized[..., 26:], photo[..., 26:])
        assert (stylized - photo)[..., :26].abs().mean() > 0.05
        x = photo[:1]
        own = adain.photo_code(x)
        rows = torch.cat([torch.lerp(own, torch.from_numpy(code.values), strength), own])
        inside = adain(x, rows, torch.cat([left, 1 - left], dim=1))[..., :26]
        assert torch.allclose(stylized[:1, ..., :26], inside, atol=1e-5)
    grey = torch.full_like(left, 0.7)
    mixed = render(adain, photo[:1], [Region(code, grey), Region(None, 1 - grey)])
    assert (mixed - photo[:1]).abs().mean() < (render(adain, photo[:1], code) - photo[:1]).abs().mean()


def test_options_may_be_numpys(net, code, photo) -> None:
    options = {"strength": np.float32(0.5), "size": np.int64(26), "stroke": np.float64(8)}
    plain = {"strength": 0.5, "size": 26, "stroke": 8}
    assert torch.equal(render(net, photo, code, **options), render(net, photo, code, **plain))


# Regions


@pytest.mark.parametrize("strength", [0.5, 1, 1.4])
@pytest.mark.parametrize("other", [2, None])
def test_a_region_is_stylized_as_if_all_had_its_style(multi, strength, other) -> None:
    x = torch.rand(1, 3, 40, 240, generator=torch.Generator().manual_seed(1))
    left = (torch.arange(240) < 120).float().expand(1, 1, 40, 240)
    first, second = style(multi, 0), None if other is None else style(multi, other)
    stylized = render(multi, x, [Region(first, left), Region(second, 1 - left)], strength=strength)
    near = 120 - multi.overlap, 120 + multi.overlap
    alone = render(multi, x, first, strength=strength)
    torch.testing.assert_close(stylized[..., : near[0]], alone[..., : near[0]], atol=1e-4, rtol=1e-4)
    alone = x if second is None else render(multi, x, second, strength=strength)
    torch.testing.assert_close(stylized[..., near[1] :], alone[..., near[1] :], atol=1e-4, rtol=1e-4)
    edge = (
        stylized[..., near[0] : near[1]]
        - torch.where(left == 1, render(multi, x, first, strength=strength), alone)[..., near[0] : near[1]]
    )
    assert edge.abs().max() > 0.01, "they meet inside the net"


@pytest.mark.parametrize("kind", ["net", "multi"])
@pytest.mark.parametrize("options", [{}, {"strength": 0.6}, {"preserve_color": "luma"}, {"preserve_color": "stats"}])
def test_a_region_without_a_style_is_the_photo_to_the_bit(kind, options, photo, request) -> None:
    net, left = request.getfixturevalue(kind), left_part()
    stylized = render(net, photo, [Region(style(net, 0), left), Region(None, 1 - left)], **options)
    assert torch.equal(stylized[..., 26:], photo[..., 26:])
    assert (stylized - photo)[..., :26].abs().mean() > 0.01
    everywhere = [Region(style(net, 0), torch.zeros_like(left)), Region(None, torch.ones_like(left))]
    assert torch.equal(render(net, photo, everywhere, **options), photo)


@pytest.mark.parametrize("kind", ["net", "multi"])
def test_a_region_that_is_everywhere_is_no_region(kind, photo, request) -> None:
    net = request.getfixturevalue(kind)
    whole = [Region(style(net, 0), torch.ones(1, 1, 40, 52)), Region(None, torch.zeros(1, 1, 40, 52))]
    for strength in (0.4, 1, 2):
        expected = render(net, photo, style(net, 0), strength=strength)
        assert torch.allclose(render(net, photo, whole, strength=strength), expected, atol=1e-5)


@pytest.mark.parametrize(("kind", "off"), [("net", 1e-5), ("multi", 0.1)])
def test_a_mask_of_one_grey_is_about_that_strength(kind, off, photo, request) -> None:
    """Down to half: below, the photo comes through faster, so that black is the photo itself."""
    net = request.getfixturevalue(kind)

    def grey(share: float) -> torch.Tensor:
        mask = torch.full((1, 1, 40, 52), share)
        return render(net, photo, [Region(style(net, 0), mask), Region(None, 1 - mask)])

    for share in (0.5, 0.8):
        expected = render(net, photo, style(net, 0), strength=share)
        apart = (render(net, photo, style(net, 0)) - photo).abs().mean()
        assert (grey(share) - expected).abs().mean() < off * apart
    distances = [float((grey(i / 10) - photo).abs().mean()) for i in range(11)]
    assert distances[0] == 0 and distances == sorted(distances)
    assert max(b - a for a, b in pairwise(distances)) < 0.3 * distances[-1]


def test_each_picture_of_a_batch_has_the_regions(multi, photo) -> None:
    left = left_part(0.7)
    regions = [Region(style(multi, 0), left), Region(None, 1 - left)]
    together = render(multi, photo, regions, strength=0.8)
    alone = torch.cat([render(multi, x, regions, strength=0.8) for x in photo.split(1)])
    assert torch.equal(together, alone)


def test_regions_are_resized_with_the_photo(multi, photo) -> None:
    left = left_part()
    stylized = render(multi, photo, [Region(style(multi, 0), left), Region(None, 1 - left)], size=104)
    small = resize(photo, (80, 104))
    assert stylized.shape[-2:] == (80, 104)
    assert torch.allclose(stylized[..., 56:], small[..., 56:], atol=1e-5)  # a resized edge is soft
    assert (stylized - small)[..., :48].abs().mean() > 0.01


# Stroke


def sizes_seen(net: StyleNet, *arguments, **options) -> set[tuple[int, ...]]:
    seen: list[tuple[int, ...]] = []
    hook = net.register_forward_pre_hook(lambda _, args: seen.append(tuple(args[0].shape[-2:])))
    try:
        render(net, *arguments, **options)
    finally:
        hook.remove()
    return set(seen)


def test_stroke_sets_the_size_at_which_the_net_runs(multi, photo) -> None:
    code = style(multi, 0)
    assert sizes_seen(multi, photo, code) == {(40, 52)}
    assert sizes_seen(multi, photo, code, size=104) == {(80, 104)}
    for size in (26, 52, 300):
        assert sizes_seen(multi, photo, code, stroke=8, size=size, strength=0.5) == {(52, 64)}  # 49x64 px, padded
    assert sizes_seen(multi, photo, code, stroke=4) == {(100, 128)}
    assert render(multi, photo, code, stroke=8, size=104).shape[-2:] == (80, 104)
    left = left_part()
    assert sizes_seen(multi, photo[:1], [Region(code, left), Region(None, 1 - left)], stroke=8) == {(52, 64)}


def test_with_the_same_stroke_a_preview_looks_like_the_final_picture(multi) -> None:
    photo = torch.from_numpy(data.astronaut()[:288, :384]).permute(2, 0, 1)[None].float() / 255
    code = style(multi, 0)

    def apart(**options) -> float:
        preview = render(multi, photo, code, size=96, **options)
        final = render(multi, photo, code, size=192, **options)
        return float((resize(final, (72, 96)) - preview).abs().mean())

    assert apart(stroke=8) < 0.005
    assert apart(stroke=8, strength=0.5) < 0.005
    assert apart(stroke=8) < apart() / 5


def test_strength_0_is_the_photo_whatever_the_stroke(net, multi, photo) -> None:
    left = left_part()
    for kind in (net, multi):
        code = style(kind, 0)
        assert torch.equal(render(kind, photo, code, stroke=8, strength=0), photo)
        stylized = render(kind, photo, [Region(code, left), Region(None, 1 - left)], stroke=8)
        assert torch.equal(stylized[..., 26:], photo[..., 26:])


# stroke="auto"


@pytest.fixture(scope="module")
def large() -> torch.Tensor:
    """A photo of 1500x3000 px with detail of a few px."""
    photo = torch.from_numpy(data.astronaut()[:256]).permute(2, 0, 1)[None].float() / 255
    detail = torch.rand(1, 1, 750, 1500, generator=torch.Generator().manual_seed(6))
    return (0.9 * resize(photo, (1500, 3000)) + 0.1 * resize(detail, (1500, 3000))).clamp(0, 1)


@pytest.mark.parametrize(
    ("size", "seen"),
    [
        ((1000, 1000), (1000, 1000)),
        ((20, 1024), (20, 1024)),
        ((1025, 769), (1024, 768)),
        ((3000, 4000), (768, 1024)),
        ((999, 1111), (921, 1024)),
        ((1536, 3072), (512, 1024)),  # from here on a panorama, which keeps 512 px in height
        ((1200, 12000), (512, 5120)),
        ((500, 5000), (500, 5000)),
        ((8, 16400), (8, 16400)),
    ],
)
def test_auto_stylizes_at_the_pictures_size_up_to_1024_px_and_at_1024_px_beyond(size, seen) -> None:
    found = sizes_of(np.zeros((1, 3, *size), dtype=np.uint8), StylizeOptions())
    assert found.small == seen and found.result == size
    upright = sizes_of(np.zeros((1, 3, *size[::-1]), dtype=np.uint8), StylizeOptions())
    assert upright.small == seen[::-1]


def test_auto_counts_the_size_of_the_result() -> None:
    photo = np.zeros((1, 3, 600, 800), dtype=np.uint8)
    assert sizes_of(photo, StylizeOptions(size=2000)).small == (768, 1024)
    assert sizes_of(photo, StylizeOptions(size=1000)).small == (750, 1000)
    assert sizes_of(np.zeros((1, 3, 3000, 4000)), StylizeOptions(size=900)).small == (675, 900)


def test_up_to_1024_px_pictures_are_those_of_the_net_to_the_bit(net, code) -> None:
    photo = torch.rand(1, 3, 40, 1024, generator=torch.Generator().manual_seed(7))
    with torch.no_grad():
        assert torch.equal(render(net, photo, code), net(photo, torch.from_numpy(code.values)))


@pytest.mark.slow
def test_a_large_picture_looks_like_the_same_picture_at_1024_px(net, code, large) -> None:
    preview = render(net, large, code, size=1024)

    def apart(**options) -> float:
        return float((resize(render(net, large, code, **options), (512, 1024)) - preview).abs().mean())

    assert sizes_seen(net, large, code) == {(512, 1024)}
    assert apart() < 0.01
    assert apart() < apart(stroke=512 / 3000) / 5  # strokes of one size in px: sand instead of stones


def test_a_large_picture_is_sharp(net, code, large) -> None:
    def sharpness(x: torch.Tensor) -> float:
        return float(x.diff(dim=-1).square().mean() + x.diff(dim=-2).square().mean())

    soft = resize(render(net, large, code, size=1024), (1500, 3000))
    assert sharpness(render(net, large, code)) > 1.5 * sharpness(soft)


@pytest.mark.parametrize("options", [{}, {"strength": 0.5}, {"preserve_color": "luma"}, {"tile": 128}], ids=str)
def test_a_region_that_stays_the_photo_stays_it_to_the_bit_in_a_large_picture(multi, large, options) -> None:
    photo = (large[..., :600, :1100] * 255).round().to(torch.uint8)
    left = torch.zeros(1, 1, 600, 1100)
    left[..., :500] = 1
    stylized = render(multi, photo, [Region(style(multi, 0), left), Region(None, 1 - left)], **options)
    assert stylized.dtype == torch.uint8
    assert torch.equal(stylized[..., 520:], photo[..., 520:])
    assert (stylized[..., :480].float() - photo[..., :480].float()).abs().mean() > 1


def test_strength_is_a_line_in_large_pictures_too(net, code, large) -> None:
    photo = large[..., :600, :1200]
    full = render(net, photo, code)
    assert torch.equal(render(net, photo, code, strength=0), photo)
    half = render(net, photo, code, strength=0.5)
    assert (half - (photo + full) / 2).abs().mean() < 0.01


def test_pictures_of_a_batch_do_not_affect_each_other_in_large_pictures(net, code, large) -> None:
    photos = torch.cat([large[..., :300, :1100], 1 - large[..., :300, :1100]])
    together = render(net, photos, code)
    alone = torch.cat([render(net, photo, code) for photo in photos.split(1)])
    assert torch.allclose(together, alone, atol=1e-5)
