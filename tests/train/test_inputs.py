from __future__ import annotations

from pathlib import Path

from stylezoo.models import CIN, Johnson
from stylezoo.train.inputs import build_net
from stylezoo.train.recipe import load_recipe


def test_a_net_has_a_row_for_each_style_of_the_recipe(trio_file: Path, recipe_file: Path) -> None:
    net = build_net(load_recipe(trio_file))
    assert isinstance(net, CIN)
    assert net.arch == {"styles": 3, "variant": "fast", "width": 8, "blocks": 1}
    assert isinstance(build_net(load_recipe(recipe_file)), Johnson)
