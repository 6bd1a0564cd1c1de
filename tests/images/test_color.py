from __future__ import annotations

import numpy as np
import pytest
import torch
from PIL import Image
from skimage import data

from stylezoo.errors import ImageError
from stylezoo.images.color import keep_luma, match_stats, rgb_to_ycbcr, ycbcr_to_rgb


def chw(array: np.ndarray) -> torch.Tensor:
    return torch.from_numpy(np.ascontiguousarray(array)).permute(2, 0, 1)[None].float() / 255


def colours(x: torch.Tensor) -> np.ndarray:
    return x[0].flatten(1).double().numpy()


def mild(seed: int, spread: float = 0.05) -> torch.Tensor:
    """Correlated colours well inside [0, 1], so that nothing is clamped."""
    random = np.random.default_rng(seed)
    mixing = np.eye(3) + 0.3 * random.normal(size=(3, 3))
    values = random.uniform(-1, 1, size=(64 * 64, 3)) @ mixing
    values = 0.5 + random.uniform(-0.1, 0.1, 3) + spread * values / np.abs(values).std()
    return torch.from_numpy(values.reshape(1, 64, 64, 3)).permute(0, 3, 1, 2).float().clamp(0.05, 0.95)


def test_ycbcr_agrees_with_pillow() -> None:
    photo = data.astronaut()[::4, ::4]
    reference = np.asarray(Image.fromarray(photo).convert("YCbCr"))
    ours = (rgb_to_ycbcr(chw(photo))[0].permute(1, 2, 0) * 255).numpy()
    assert np.abs(ours - reference).max() < 1.01  # Pillow works in whole numbers


def test_ycbcr_goes_back_to_rgb() -> None:
    x = torch.rand(2, 3, 9, 7, dtype=torch.float64)
    torch.testing.assert_close(ycbcr_to_rgb(rgb_to_ycbcr(x)), x)


def test_grey_has_no_chroma() -> None:
    chroma = rgb_to_ycbcr(torch.full((1, 3, 2, 2), 0.3))[:, 1:]
    torch.testing.assert_close(chroma, torch.full_like(chroma, 128 / 255))


def test_keep_luma_takes_luma_from_the_result_and_chroma_from_the_photo() -> None:
    result, photo = mild(1), mild(2)
    mixed = (keep_luma(result, photo)[0].permute(1, 2, 0) * 255).round().byte().numpy()
    luma, *_ = Image.fromarray(mixed).convert("YCbCr").split()
    _, *chroma = Image.fromarray((photo[0].permute(1, 2, 0) * 255).round().byte().numpy()).convert("YCbCr").split()
    _, *kept = Image.fromarray(mixed).convert("YCbCr").split()
    wanted = np.asarray(Image.fromarray((result[0].permute(1, 2, 0) * 255).round().byte().numpy()).convert("L"))
    assert np.abs(np.asarray(luma, int) - wanted).max() <= 2
    for was, now in zip(chroma, kept, strict=True):
        assert np.abs(np.asarray(now, int) - np.asarray(was, int)).max() <= 2


def test_keep_luma_of_a_grey_photo_is_grey_and_stays_in_range() -> None:
    grey = torch.rand(1, 1, 6, 6).expand(-1, 3, -1, -1)
    out = keep_luma(torch.rand(1, 3, 6, 6), grey)
    torch.testing.assert_close(out[:, 0], out[:, 1])
    torch.testing.assert_close(out[:, 0], out[:, 2])
    loud = keep_luma(torch.ones(1, 3, 6, 6), torch.tensor([1.0, 0, 0]).view(1, 3, 1, 1).expand(1, 3, 6, 6))
    assert loud.min() >= 0 and loud.max() <= 1


def test_keep_luma_refuses_two_sizes() -> None:
    with pytest.raises(ImageError, match=r"4x4 .* 4x5"):
        keep_luma(torch.rand(1, 3, 4, 4), torch.rand(1, 3, 4, 5))


def test_match_stats_gives_the_mean_and_covariance_of_the_target() -> None:
    source, target = mild(3), mild(4)[..., :40]
    out = match_stats(source, target)
    assert out.min() > 0 and out.max() < 1  # nothing was clamped, so the statistics can be exact
    np.testing.assert_allclose(colours(out).mean(1), colours(target).mean(1), atol=1e-5)
    np.testing.assert_allclose(np.cov(colours(out), bias=True), np.cov(colours(target), bias=True), atol=1e-6)


def test_match_stats_leaves_a_picture_with_its_own_colours_alone() -> None:
    photo = chw(data.coffee()[::4, ::4])
    torch.testing.assert_close(match_stats(photo, photo), photo, atol=2e-3, rtol=0)


def test_match_stats_does_not_depend_on_the_order_of_the_channels() -> None:
    source, target = mild(5), mild(6)
    order = [2, 0, 1]
    torch.testing.assert_close(
        match_stats(source[:, order], target[:, order]), match_stats(source, target)[:, order], atol=1e-5, rtol=0
    )


def test_match_stats_works_on_each_picture_of_a_batch() -> None:
    sources = torch.cat([mild(7), mild(8)])
    one = match_stats(sources, mild(9))
    torch.testing.assert_close(one[1:], match_stats(mild(8), mild(9)))
    each = match_stats(sources, torch.cat([mild(9), mild(10)]))
    torch.testing.assert_close(each[1:], match_stats(mild(8), mild(10)))
    with pytest.raises(ImageError, match="2 pictures to 3"):
        match_stats(sources, mild(9).expand(3, -1, -1, -1))


@pytest.mark.parametrize("shape", [(1, 3, 16, 16), (1, 3, 1, 1)])
def test_a_flat_picture_takes_the_targets_mean(shape: tuple[int, ...]) -> None:
    target = mild(11)
    out = match_stats(torch.full(shape, 0.2), target)
    torch.testing.assert_close(out, target.mean((2, 3), keepdim=True).expand(shape), atol=1e-5, rtol=0)


def test_a_flat_or_grey_target_gives_flat_or_grey_colours() -> None:
    flat = match_stats(mild(12), torch.full((1, 3, 5, 5), 0.7))
    torch.testing.assert_close(flat, torch.full_like(flat, 0.7), atol=1e-5, rtol=0)
    grey = match_stats(mild(12), torch.linspace(0.3, 0.7, 100).view(1, 1, 10, 10).expand(-1, 3, -1, -1))
    assert (grey.amax(1) - grey.amin(1)).max() < 2e-3


def test_rounding_noise_does_not_become_colour() -> None:
    noise = 0.5 + torch.randint(0, 2, (1, 3, 32, 32), generator=torch.Generator().manual_seed(0)) / 255
    out = match_stats(noise, chw(data.coffee()[::4, ::4]))
    assert out.isfinite().all()
    assert out.std((2, 3)).max() < 0.2


def test_half_precision_stays() -> None:
    out = match_stats(mild(13).half(), mild(14))
    assert out.dtype == torch.float16 and out.isfinite().all()
