from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch

from stylezoo.losses import PerceptualLoss
from stylezoo.train.recipe import load_recipe
from stylezoo.train.step import GRID, shift
from stylezoo.train.trainer import train


def test_cuts_begin_at_every_offset_of_the_grid() -> None:
    x = torch.arange(40 * 48.0).view(1, 1, 40, 48)
    found = set()
    for step in range(400):
        cut = shift(0, step)(x)
        assert cut.shape == (1, 1, 40 - GRID, 48 - GRID)
        top, left = divmod(int(cut[0, 0, 0, 0]), 48)
        torch.testing.assert_close(cut, x[..., top : top + 40 - GRID, left : left + 48 - GRID])
        found.add((top, left))
    assert found == {(top, left) for top in range(GRID + 1) for left in range(GRID + 1)}


def test_the_loss_compares_the_same_cut_of_photo_and_picture(
    recipe_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: dict[str, list[torch.Size]] = {"photos": [], "pictures": []}
    targets, terms = PerceptualLoss.content_targets, PerceptualLoss.terms

    def content_targets(self: PerceptualLoss, photos: torch.Tensor) -> Any:
        seen["photos"].append(photos.shape)
        return targets(self, photos)

    def compare(self: PerceptualLoss, pictures: torch.Tensor, *args: Any, **options: Any) -> Any:
        seen["pictures"].append(pictures.shape)
        return terms(self, pictures, *args, **options)

    monkeypatch.setattr(PerceptualLoss, "content_targets", content_targets)
    monkeypatch.setattr(PerceptualLoss, "terms", compare)
    recipe = load_recipe(recipe_file, overrides=["run.steps=2"])
    train(recipe, tmp_path / "run", device="cpu", progress=False)
    side = recipe.data.crop - GRID
    assert [tuple(s[-2:]) for s in seen["photos"]] == [tuple(s[-2:]) for s in seen["pictures"]] == [(side, side)] * 2
