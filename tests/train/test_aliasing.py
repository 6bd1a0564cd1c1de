"""The aliasing term against its formula in numpy."""

from __future__ import annotations

import numpy as np
import torch

from stylezoo.train.aliasing import GRID, Offset, aliasing_error, draw_offset


def test_offsets_are_all_but_none_at_all() -> None:
    found = {draw_offset(0, step) for step in range(400)}
    assert found == {(down, right) for down in range(GRID) for right in range(GRID)} - {(0, 0)}
    assert draw_offset(3, 7) == draw_offset(3, 7)


def test_both_views_share_the_same_pixels() -> None:
    x = torch.arange(2 * 3 * 20 * 24.0).view(2, 3, 20, 24)
    for offset in (Offset(0, 1), Offset(3, 0), Offset(2, 3)):
        views = offset.views(x)
        assert views.shape == (4, 3, 20 - GRID, 24 - GRID)
        one, two = offset.split(views)
        assert torch.equal(one, two) and torch.equal(one, offset.shared(x))


def test_the_error_is_relative_to_the_variance() -> None:
    rng = np.random.default_rng(5)
    one, two = rng.random((2, 4, 3, 9, 11))
    expected = ((one - two) ** 2).mean((1, 2, 3)) / one.var((2, 3)).mean(1)
    found = aliasing_error(torch.from_numpy(one), torch.from_numpy(two))
    np.testing.assert_allclose(found.numpy(), expected, rtol=1e-5)
    assert torch.isfinite(aliasing_error(torch.zeros(1, 3, 4, 4), torch.ones(1, 3, 4, 4))).all()


def test_a_net_without_strides_has_no_error_and_one_with_a_grid_has() -> None:
    x, offset = torch.rand(2, 3, 24, 24), Offset(1, 2)
    grid = torch.zeros(1, 1, 20, 20)
    grid[..., ::4, ::4] = 0.5
    assert float(aliasing_error(*offset.split(offset.views(x) * 0.5)).max()) == 0
    assert float(aliasing_error(*offset.split(offset.views(x) + grid)).min()) > 0.05
