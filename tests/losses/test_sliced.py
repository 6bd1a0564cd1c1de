"""Against float64 numpy, by the inverse of the distribution function in place of an interpolation of sorted values."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from skimage.color import rgb2lab
from torch import Tensor

from stylezoo.errors import OptionError
from stylezoo.losses import PaletteLoss, SlicedLoss, sliced_quantiles, sliced_wasserstein
from stylezoo.losses.sliced import DIRECTIONS, QUANTILES, SAMPLES, directions

Array = NDArray[Any]


def features(seed: int, n: int = 1, c: int = 4, h: int = 8, w: int = 16) -> Tensor:
    return torch.randn(n, c, h, w, generator=torch.Generator().manual_seed(seed), dtype=torch.float64) + 0.5


def pictures(seed: int, n: int = 1, h: int = 16, w: int = 16) -> Tensor:
    plain = torch.rand(n, 3, h, w, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
    mix = torch.tensor([[0.7, 0.2, 0.0], [0.3, 0.4, 0.1], [0.1, 0.1, 0.5]], dtype=torch.float64)
    return torch.einsum("ij,njhw->nihw", mix, plain)


def quantiles(samples: Array, axes: Array, count: int) -> Array:
    places = (np.arange(count) + 0.5) / count
    return np.quantile(axes @ samples, places, axis=1, method="hazen").T


def distance(x: Array, style: Array, axes: Array) -> float:
    """The squared distance of (C, P) to (C, P'), whose quantiles are interpolated to as many as there are samples."""
    kept = quantiles(style, axes, QUANTILES)
    places, known = (np.arange(x.shape[1]) + 0.5) / x.shape[1], (np.arange(QUANTILES) + 0.5) / QUANTILES
    wanted = np.stack([np.interp(places, known, row) for row in kept])
    return float(((np.sort(axes @ x, axis=1) - wanted) ** 2).mean())


def axes_of(channels: int, kind: str = "features") -> Array:
    return directions(DIRECTIONS[kind], channels).double().numpy()


def test_directions_are_unit_vectors_all_over_the_sphere_and_the_same_every_time() -> None:
    axes = directions(64, 3)
    torch.testing.assert_close(axes.norm(dim=1), torch.ones(64))
    assert torch.linalg.svdvals(axes).min() > 3  # of sqrt(64 / 3) = 4.6: no dimension is left out
    assert torch.equal(axes, directions(64, 3)) and directions(5, 7).shape == (5, 7)


@pytest.mark.parametrize("count", [16, 128, 500])
def test_quantiles_are_those_of_the_projections(count: int) -> None:
    x, axes = features(0)[0].flatten(1), axes_of(4)
    found = sliced_quantiles(x[None], torch.from_numpy(axes), count)
    np.testing.assert_allclose(found[0], quantiles(x.numpy(), axes, count), atol=1e-9)


def test_distance_is_the_formula_and_that_of_shifted_samples_is_the_shift() -> None:
    x, style, axes = features(0, h=11)[0].flatten(1), features(1)[0].flatten(1), axes_of(4)
    target = sliced_quantiles(style[None], torch.from_numpy(axes))
    found = sliced_wasserstein(x[None], target, torch.from_numpy(axes))
    np.testing.assert_allclose(found, distance(x.numpy(), style.numpy(), axes), rtol=1e-6)
    shift = torch.tensor([0.3, -0.2, 0.0, 0.5], dtype=torch.float64)[:, None]
    own = sliced_quantiles(x[None], torch.from_numpy(axes), x.shape[1])  # all that there are: no interpolation
    moved = sliced_wasserstein(x[None] + shift, own, torch.from_numpy(axes))
    np.testing.assert_allclose(moved, ((axes @ shift.numpy()) ** 2).mean(), rtol=1e-9)
    assert sliced_wasserstein(x[None], own, torch.from_numpy(axes)) == 0


def test_sliced_loss_is_relative_to_the_size_of_the_style() -> None:
    x, styles, axes = features(0, n=3), [features(1), 2 * features(2, h=9)], axes_of(4)
    loss = SlicedLoss(styles)
    expected = [
        distance(v.reshape(4, -1), s.reshape(4, -1), axes) / (quantiles(s.reshape(4, -1), axes, QUANTILES) ** 2).mean()
        for v, s in zip(x.numpy(), [styles[k][0].numpy() for k in (1, 0, 1)], strict=True)
    ]
    np.testing.assert_allclose(loss(x, torch.tensor([1, 0, 1])), expected, rtol=1e-5)
    np.testing.assert_allclose(loss(x[1:2]), expected[1:2], rtol=1e-5)
    np.testing.assert_allclose(loss(torch.zeros_like(x)), 1, rtol=1e-2)


@pytest.mark.parametrize("space", ["lab", "rgb"])
def test_palette_loss_is_the_formula(space: Any) -> None:
    x, style, axes = pictures(0, n=2), 1 - 0.8 * pictures(1, h=20), axes_of(3, "colors")

    def colours(picture: Tensor) -> Array:
        pixels = picture.numpy().transpose(1, 2, 0)
        return (rgb2lab(pixels) / 100 if space == "lab" else pixels).reshape(-1, 3).T

    kept = quantiles(colours(style[0]), axes, QUANTILES)
    spread = kept.var(axis=1).mean()
    expected = [distance(colours(v), colours(style[0]), axes) / spread for v in x]
    np.testing.assert_allclose(PaletteLoss([style], space=space)(x), expected, rtol=1e-3)
    flat = style.mean(dim=(2, 3), keepdim=True).expand_as(style)
    assert PaletteLoss([style], space="rgb")(flat).item() == pytest.approx(1, rel=0.05)


def test_a_missing_hue_costs_what_a_gram_matrix_of_grey_cannot_see() -> None:
    style = pictures(0)
    grey = style.mean(dim=1, keepdim=True).expand_as(style)
    loss = PaletteLoss([style])
    assert loss(style) < 0.01 < 0.1 < loss(grey)


def test_scales_of_a_style_count_the_same() -> None:
    dark, light = torch.zeros(1, 3, 8, 8), torch.ones(1, 3, 64, 64)
    loss = PaletteLoss([[dark, light]], space="rgb")
    half = torch.cat([torch.zeros(1, 3, 8, 16), torch.ones(1, 3, 8, 16)], dim=2)
    assert loss(half) < 0.01 < 0.9 < loss(light)


def test_large_pictures_are_compared_at_some_positions_all_of_small_ones() -> None:
    """The chosen positions stand for the rest, and gradients reach those alone."""
    style, x = 1.5 * features(1, h=96, w=96), features(0, h=96, w=96).requires_grad_()
    loss = SlicedLoss([style])
    drawn = loss(x)
    drawn.sum().backward()
    assert x.grad is not None
    touched = int((x.grad[0, 0] != 0).sum())
    assert 0.7 * SAMPLES < touched <= SAMPLES < x[0, 0].numel()
    loss.samples = None
    assert loss(x).item() == pytest.approx(drawn.item(), rel=0.2)
    small = features(2).requires_grad_()
    loss(small).sum().backward()
    assert small.grad is not None and (small.grad[0, 0] != 0).all()


def test_gradients_are_those_of_finite_differences() -> None:
    x = features(0, n=2, c=2, h=3, w=3).requires_grad_()
    assert torch.autograd.gradcheck(SlicedLoss([features(1, c=2)]), x)
    assert torch.autograd.gradcheck(PaletteLoss([pictures(1)]), pictures(0, h=3, w=3).requires_grad_())


@pytest.mark.parametrize("style", [torch.zeros(1, 3, 8, 8), torch.ones(1, 3, 8, 8), torch.full((1, 3, 8, 8), 0.5)])
def test_flat_styles_and_pictures_give_no_nan(style: Tensor) -> None:
    for picture in (torch.zeros(1, 3, 8, 8), torch.ones(1, 3, 8, 8), pictures(0).float()):
        x = picture.clone().requires_grad_()
        total = PaletteLoss([style])(x) + SlicedLoss([style])(x)
        total.sum().backward()
        assert total.isfinite().all() and x.grad is not None and x.grad.isfinite().all()


def test_float32_under_autocast() -> None:
    x, style = pictures(0, n=2).float(), pictures(1).float()
    for loss in (PaletteLoss([style]), SlicedLoss([style])):
        with torch.autocast("cpu", dtype=torch.bfloat16):
            inside = loss(x)
        assert inside.dtype == torch.float32
        torch.testing.assert_close(inside, loss(x))


def test_targets_travel_with_the_module_and_an_unknown_space_is_named() -> None:
    loss = PaletteLoss([pictures(0), pictures(1)])
    assert loss.state_dict()["quantiles"].shape == (2, DIRECTIONS["colors"], QUANTILES)
    again = PaletteLoss().keep(loss.state_dict())
    assert torch.equal(again(pictures(2), torch.tensor([1])), loss(pictures(2), torch.tensor([1])))
    with pytest.raises(OptionError, match="'hsv'"):
        PaletteLoss([pictures(0)], space="hsv")  # type: ignore[arg-type]
