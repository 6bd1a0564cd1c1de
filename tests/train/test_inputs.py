from __future__ import annotations

import time
from pathlib import Path

import pytest
import torch

from stylezoo.models import CIN, Johnson
from stylezoo.train import inputs
from stylezoo.train.inputs import build_net, fit_styles
from stylezoo.train.recipe import load_recipe


def test_a_net_has_a_row_for_each_style_of_the_recipe(trio_file: Path, recipe_file: Path) -> None:
    net = build_net(load_recipe(trio_file))
    assert isinstance(net, CIN)
    assert net.arch == {"styles": 3, "variant": "fast", "width": 8, "blocks": 1}
    assert isinstance(build_net(load_recipe(recipe_file)), Johnson)


def test_no_more_style_pictures_are_taken_than_the_time_allows(ghiasi_recipe: Path, monkeypatch) -> None:
    plan = load_recipe(ghiasi_recipe, overrides=["data.style_count=100"])
    now = [0.0]
    monkeypatch.setattr(inputs, "build_loss", lambda *_: now.__setitem__(0, now[0] + 4.0))
    monkeypatch.setattr(time, "monotonic", lambda: now[0])  # eight pictures take four seconds
    with pytest.warns(UserWarning, match=r"only 40 of data.style_count=100 style images"):
        assert fit_styles(plan, torch.device("cpu"), 20.0).data.style_count == 40
    assert fit_styles(plan, torch.device("cpu"), 50.0) is plan
