from __future__ import annotations

import pytest
import torch

from stylezoo.losses.perceptual import PHOTO
from stylezoo.train.balance import StyleBalance


def seen(errors: list[float], strength: float = 1.0) -> StyleBalance:
    """A balance that has seen one picture of each style, with that style error."""
    balance = StyleBalance(len(errors), strength)
    balance.observe(torch.arange(len(errors)), torch.tensor(errors))
    return balance


def test_before_anything_is_seen_all_weigh_alike() -> None:
    balance = StyleBalance(3, 1.0)
    assert balance.coefficients(torch.tensor([0, 2, 1, PHOTO])).tolist() == [1, 1, 1, 1]
    assert balance.error.isnan().all()


def test_coefficients_are_the_error_over_the_mean_of_all() -> None:
    balance = seen([0.6, 1.0, 1.4])
    style = torch.tensor([2, 0, 0, 1])
    assert balance.coefficients(style).tolist() == pytest.approx([1.4, 0.6, 0.6, 1.0])
    assert seen([0.6, 1.0, 1.4], 0.5).coefficients(style).tolist() == pytest.approx([1.4**0.5, 0.6**0.5, 0.6**0.5, 1])
    assert seen([0.6, 1.0, 1.4], 0.0).coefficients(style).tolist() == [1, 1, 1, 1]


@pytest.mark.parametrize("strength", [0.5, 1.0, 4.0])
def test_a_style_that_lags_is_pushed_harder_within_bounds(strength: float) -> None:
    lagging, leading, usual = seen([1.0, 0.001, 0.2], strength).coefficients(torch.tensor([0, 1, 2])).tolist()
    assert 2.0 >= lagging > 1 > usual >= leading >= 0.5
    assert seen([100.0, 1e-6, 1e-6], 4.0).coefficients(torch.arange(3)).tolist() == [2.0, 0.5, 0.5]


def test_a_style_that_was_not_seen_weighs_one_and_does_not_count() -> None:
    balance = StyleBalance(3, 1.0)
    balance.observe(torch.tensor([0, 2]), torch.tensor([0.5, 1.5]))
    assert balance.coefficients(torch.arange(3)).tolist() == pytest.approx([0.5, 1, 1.5])
    assert balance.error[1].isnan()


def test_the_running_error_decays_by_a_tenth_a_picture() -> None:
    balance = StyleBalance(2, 1.0)
    balance.observe(torch.tensor([0, 0, 1]), torch.tensor([1.0, 3.0, 5.0]))  # the first time: their mean
    assert balance.error.tolist() == pytest.approx([2.0, 5.0])
    balance.observe(torch.tensor([0]), torch.tensor([4.0]))
    assert balance.error.tolist() == pytest.approx([0.9 * 2 + 0.1 * 4, 5.0])
    balance.observe(torch.tensor([1, 1, 0, 1]), torch.tensor([1.0, 2.0, 2.2, 6.0]))  # three pictures count for three
    assert balance.error.tolist() == pytest.approx([2.2, 0.9**3 * 5 + (1 - 0.9**3) * 3])


def test_the_photo_is_no_style() -> None:
    balance = seen([0.5, 1.5])
    before = balance.error.clone()
    balance.observe(torch.tensor([PHOTO, PHOTO]), torch.tensor([9.0, 9.0]))
    assert torch.equal(balance.error, before)
    balance.observe(torch.tensor([PHOTO, 1]), torch.tensor([9.0, 1.5]))
    assert balance.error.tolist() == pytest.approx([0.5, 1.5])
    assert balance.coefficients(torch.tensor([PHOTO, 1])).tolist() == pytest.approx([1.0, 1.5])


def test_one_style_alone_is_never_weighed() -> None:
    balance = StyleBalance(1, 1.0)
    for error in (0.3, 0.1, 7.0):
        balance.observe(torch.tensor([0, 0]), torch.tensor([error, error / 3]))
        assert balance.coefficients(torch.tensor([0, 0])).tolist() == [1, 1]


def test_errors_of_zero_and_of_a_graph_are_taken() -> None:
    assert seen([0.0, 0.0]).coefficients(torch.arange(2)).tolist() == [1, 1]
    balance, error = StyleBalance(1, 1.0), torch.ones(1, dtype=torch.bfloat16, requires_grad=True)
    balance.observe(torch.tensor([0]), error * 2)
    assert balance.error.tolist() == [2.0] and not balance.error.requires_grad
