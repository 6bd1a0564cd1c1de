from __future__ import annotations

from pathlib import Path

import pytest
import torch

from stylezoo.models import CIN, Johnson
from stylezoo.train.inputs import build_net, draw_styles
from stylezoo.train.recipe import load_recipe


@pytest.mark.parametrize("count", [1, 4, 17])
def test_each_style_comes_once_a_round(count: int) -> None:
    drawn = draw_styles(count, range(5 * count), seed=0).view(5, count)
    for turn in drawn:
        assert sorted(turn.tolist()) == list(range(count))
    if count > 2:
        assert len({tuple(turn.tolist()) for turn in drawn}) > 1  # not always in one order


def test_what_is_drawn_depends_on_seed_and_number_alone() -> None:
    whole = draw_styles(5, range(60), seed=3)
    assert torch.equal(draw_styles(5, range(60), seed=3), whole)
    assert not torch.equal(draw_styles(5, range(60), seed=4), whole)
    for batch in (1, 2, 7):
        parts = [draw_styles(5, range(start, min(start + batch, 60)), seed=3) for start in range(0, 60, batch)]
        assert torch.equal(torch.cat(parts), whole)
    assert torch.equal(draw_styles(5, range(37, 41), seed=3), whole[37:41])  # as after a resume


def test_a_net_has_a_row_for_each_style_of_the_recipe(trio_file: Path, recipe_file: Path) -> None:
    net = build_net(load_recipe(trio_file))
    assert isinstance(net, CIN)
    assert net.arch == {"styles": 3, "variant": "fast", "width": 8, "blocks": 1}
    assert isinstance(build_net(load_recipe(recipe_file)), Johnson)
