from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import Tensor

from stylezoo.losses import (
    ContentLoss,
    GramLoss,
    MeanStdLoss,
    TotalVariation,
    content_loss,
    gram_loss,
    mean_std_loss,
    total_variation,
)

Array = NDArray[Any]
STYLE_MODULES = [GramLoss, MeanStdLoss]


def features(seed: int, n: int = 3, c: int = 4, h: int = 5, w: int = 6) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(n, c, h, w, generator=generator, dtype=torch.float64) + 0.5


# The formulas, for one picture at a time, in numpy


def gram(x: Array) -> Array:
    flat = x.reshape(len(x), -1)
    return flat @ flat.T / flat.shape[1]


def mean_std(x: Array) -> tuple[Array, Array]:
    return x.mean(axis=(1, 2)), np.sqrt(x.var(axis=(1, 2)) + 1e-5)


def content_by_hand(x: Array, goal: Array, normalize: bool) -> float:
    return ((x - goal) ** 2).sum() / ((goal**2).sum() if normalize else goal.size)


def gram_by_hand(x: Array, goal: Array, normalize: bool) -> float:
    return np.linalg.norm(gram(x) - gram(goal)) ** 2 / (np.linalg.norm(gram(goal)) ** 2 if normalize else len(x) ** 2)


def mean_std_by_hand(x: Array, goal: Array, normalize: bool) -> float:
    pairs = zip(mean_std(x), mean_std(goal), strict=True)
    return sum(((v - g) ** 2).sum() / ((g**2).sum() if normalize else g.size) for v, g in pairs)


def both(function: Callable[[Array, Array, bool], float], x: Tensor, goal: Tensor, normalize: bool) -> list[float]:
    return [function(v, g, normalize) for v, g in zip(x.numpy(), goal.numpy(), strict=True)]


@pytest.mark.parametrize("normalize", [True, False])
def test_content_loss_is_the_formula(normalize: bool) -> None:
    x, goal = features(0), features(1)
    expected = both(content_by_hand, x, goal, normalize)
    np.testing.assert_allclose(content_loss(x, goal, normalize=normalize), expected, rtol=1e-10)
    np.testing.assert_allclose(ContentLoss(goal, normalize=normalize)(x), expected, rtol=1e-10)


@pytest.mark.parametrize("normalize", [True, False])
def test_gram_loss_is_the_formula(normalize: bool) -> None:
    x, goals = features(0), features(1, h=7)
    targets = torch.from_numpy(np.stack([gram(g) for g in goals.numpy()]))
    expected = both(gram_by_hand, x, goals, normalize)
    np.testing.assert_allclose(gram_loss(x, targets, normalize=normalize), expected, rtol=1e-10)
    first = [gram_by_hand(v, goals[0].numpy(), normalize) for v in x.numpy()]
    np.testing.assert_allclose(gram_loss(x, targets[:1], normalize=normalize), first, rtol=1e-10)


@pytest.mark.parametrize("normalize", [True, False])
def test_mean_std_loss_is_the_formula(normalize: bool) -> None:
    x, goal = features(0), features(1, n=1, h=7)
    expected = [mean_std_by_hand(v, goal[0].numpy(), normalize) for v in x.numpy()]
    mean, std = (torch.from_numpy(value)[None] for value in mean_std(goal[0].numpy()))
    np.testing.assert_allclose(mean_std_loss(x, (mean, std), normalize=normalize), expected, rtol=1e-9)


def test_total_variation_is_the_formula() -> None:
    x = features(0)
    v = x.numpy()
    down, across = (v[:, :, 1:] - v[:, :, :-1]) ** 2, (v[..., 1:] - v[..., :-1]) ** 2
    expected = down.mean(axis=(1, 2, 3)) + across.mean(axis=(1, 2, 3))
    np.testing.assert_allclose(total_variation(x), expected, rtol=1e-12)
    np.testing.assert_allclose(TotalVariation()(x), expected, rtol=1e-12)
    assert not total_variation(torch.full((2, 3, 4, 5), 0.7)).any()


@pytest.mark.parametrize("normalize", [True, False])
@pytest.mark.parametrize("module", STYLE_MODULES)
def test_style_modules_keep_styles_of_any_size_and_pick_one_a_picture(module: Any, normalize: bool) -> None:
    by_hand: dict[Any, Callable[[Array, Array], float]] = {
        GramLoss: lambda v, g: gram_by_hand(v, g, normalize),
        MeanStdLoss: lambda v, g: mean_std_by_hand(v, g, normalize),
    }
    x, styles = features(0), [features(1, n=1, h=9), features(2, n=1, w=4)]
    loss = module(styles, normalize=normalize)
    expected = [[by_hand[module](v, s[0].numpy()) for s in styles] for v in x.numpy()]
    picked = loss(x, torch.tensor([1, 0, 1]))
    np.testing.assert_allclose(picked, [expected[0][1], expected[1][0], expected[2][1]], rtol=1e-9)
    np.testing.assert_allclose(loss(x), [row[0] for row in expected], rtol=1e-9)
    np.testing.assert_allclose(loss(styles[1], torch.tensor([1])), 0, atol=1e-12)


def test_balanced_gram_loss_divides_by_the_photo_too() -> None:
    x, goals, photos = features(0), features(1, h=7), 3 * features(2, w=4)
    targets = torch.from_numpy(np.stack([gram(g) for g in goals.numpy()]))
    expected = [
        np.linalg.norm(gram(v) - gram(g)) ** 2 / (np.linalg.norm(gram(g)) ** 2 + np.linalg.norm(gram(p)) ** 2)
        for v, g, p in zip(x.numpy(), goals.numpy(), photos.numpy(), strict=True)
    ]
    np.testing.assert_allclose(gram_loss(x, targets, photo=photos), expected, rtol=1e-10)
    np.testing.assert_allclose(GramLoss([goals[:1]])(x[:1], photo=photos[:1]), expected[:1], rtol=1e-10)


def test_a_style_at_several_scales_has_the_statistics_of_all_of_them() -> None:
    """Scales count the same, however large they are."""
    x, small, large = features(0), features(1, n=1, h=4), features(2, n=1, h=40)
    both_grams = (gram(small[0].numpy()) + gram(large[0].numpy())) / 2
    expected = [((gram(v) - both_grams) ** 2).sum() / (both_grams**2).sum() for v in x.numpy()]
    np.testing.assert_allclose(GramLoss([[small, large]])(x), expected, rtol=1e-10)
    repeated = small.flatten(2).repeat_interleave(10, dim=2).view(1, 4, 40, 6)  # as often as the large one's
    joined = torch.cat([repeated, large], dim=2)
    np.testing.assert_allclose(MeanStdLoss([[small, large]])(x), MeanStdLoss([joined])(x), rtol=1e-9)


# Scale and gradients


def test_normalised_errors_do_not_depend_on_the_scale_of_the_features() -> None:
    x, goal = features(0), features(1, n=1)
    small, large = [
        [content_loss(k * x, k * goal), GramLoss([k * goal])(k * x), MeanStdLoss([k * goal])(k * x)]
        for k in (1.0, 50.0)
    ]
    for one, other in zip(small, large, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-4)  # eps is under the root of the deviation


def test_features_of_zeros_have_an_error_of_one_a_statistic() -> None:
    zero, goal = torch.zeros(2, 4, 5, 6), features(1, n=1).float()
    np.testing.assert_allclose(content_loss(zero, goal), 1, rtol=1e-5)
    np.testing.assert_allclose(GramLoss([goal])(zero), 1, rtol=1e-5)
    np.testing.assert_allclose(MeanStdLoss([goal])(zero), 2, rtol=1e-2)


@pytest.mark.parametrize("normalize", [True, False])
def test_gradients_are_those_of_finite_differences(normalize: bool) -> None:
    x, goal = features(0, n=2, c=2, h=3, w=3).requires_grad_(), features(1, n=1, c=2, h=4, w=3)
    assert torch.autograd.gradcheck(lambda v: content_loss(v, goal[..., :3, :], normalize=normalize), x)
    for module in STYLE_MODULES:
        assert torch.autograd.gradcheck(module([goal], normalize=normalize), x), module
    assert torch.autograd.gradcheck(total_variation, x)


def test_targets_of_zeros_give_no_nan() -> None:
    """The features of a black picture behind a ReLU."""
    zero = torch.zeros(1, 4, 5, 6)
    for output in (torch.zeros(1, 4, 5, 6), features(0, n=1).float()):
        x = output.requires_grad_()
        losses = [content_loss(x, zero), total_variation(x), *(module([zero])(x) for module in STYLE_MODULES)]
        assert all(loss.isfinite().all() for loss in losses)
        torch.stack(losses).sum().backward()
        assert x.grad is not None and x.grad.isfinite().all()


def test_half_precision_features_do_not_overflow() -> None:
    x, goal = (1000 * features(0)).half(), (1000 * features(1)).half()
    expected = both(content_by_hand, x.double(), goal.double(), True)
    np.testing.assert_allclose(content_loss(x, goal), expected, rtol=1e-3)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        for module, by_hand in [(GramLoss, gram_by_hand), (MeanStdLoss, mean_std_by_hand)]:
            loss = module([goal[:1]])(x)
            assert loss.dtype == torch.float32
            goals = goal[:1].double().expand_as(x)
            np.testing.assert_allclose(loss, both(by_hand, x.double(), goals, True), rtol=1e-3)


def test_targets_travel_with_the_module_and_take_no_gradient() -> None:
    goal = features(1, n=1).requires_grad_()
    for module in STYLE_MODULES:
        loss = module([goal])
        assert loss.state_dict() and not any(b.requires_grad for b in loss.buffers())
    assert not ContentLoss(goal).target.requires_grad
