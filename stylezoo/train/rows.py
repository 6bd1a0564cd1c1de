"""New styles for a trained net: its trunk stays as it is, and only their rows are learnt.

Dumoulin et al. 2017 (arXiv:1610.07629). Departure: a new row starts from that of the net's own styles
which is nearest to it, rather than from a neutral one.
"""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Tensor

from stylezoo.errors import RecipeError
from stylezoo.losses import PerceptualLoss
from stylezoo.models import CIN, StyleCard
from stylezoo.stylizer import Stylizer, load
from stylezoo.train.recipe import Recipe
from stylezoo.zoo.card import CardSpec
from stylezoo.zoo.store import find


def load_base(recipe: Recipe) -> tuple[Stylizer, CIN]:
    """Return the net that a recipe names as its base, on the CPU.

    Raises:
        RecipeError: it is of another family, or has a style of the recipe's already.
    """
    base = load(str(recipe.model.base), device="cpu")
    if not isinstance(base.net, CIN):
        raise RecipeError(f"model.base: {recipe.model.base} is a {base.spec.family} net, and only cin nets take styles")
    if twice := next((s.id for s in recipe.styles if s.id in base.styles), None):
        raise RecipeError(f"styles: {recipe.model.base} has a style '{twice}' already: choose another id")
    return base, base.net


@torch.no_grad()
def start_rows(recipe: Recipe, net: CIN, loss: PerceptualLoss, photos: Tensor) -> None:
    """Set each row of `net` to the base's row that has the lowest loss for its style.

    Args:
        photos: (N, 3, H, W) in [0, 1]; they, `net` and `loss` on the CPU.
    """
    base, trained = load_base(recipe)
    painted = [trained(photos, trained.named_code(i)) for i in range(len(base.styles))]
    targets = loss.content_targets(photos)
    for style in range(len(recipe.styles)):
        index = torch.full((len(photos),), style)
        errors = [loss.total(loss.terms(picture, targets, index)).mean() for picture in painted]
        net.styles[style] = trained.styles[int(torch.stack(errors).argmin())]


def save_cards(recipe: Recipe, net: CIN, folder: Path) -> None:
    """Write `<style>.card.safetensors` for each style of a recipe with a base."""
    base = find(str(recipe.model.base))[0].name
    record = recipe.record(dict(net.arch))
    trunk = net.trunk_hash()  # the base's, as it was when this run began
    for index, style in enumerate(record.styles):
        spec = CardSpec(style=style, family=record.family, base=base, trunk=trunk, license=record.license)
        StyleCard(spec, net.row(index)).save(folder / f"{style.id}.card.safetensors")
