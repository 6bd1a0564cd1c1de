"""New styles for a trained net: its trunk stays as it is, and only their rows are learnt.

Dumoulin et al. 2017 (arXiv:1610.07629). Departure: a new row starts from that of the net's own styles
which is nearest to it, or from what a net that predicts rows makes of its picture, rather than from a neutral one.
"""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Tensor

from stylezoo.card import StyleCard
from stylezoo.data.styles import find_picture, read_style
from stylezoo.errors import RecipeError
from stylezoo.losses import PerceptualLoss
from stylezoo.models import CIN, Ghiasi, Johnson, StyleNet
from stylezoo.models.table import StyleTable
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
        raise RecipeError(
            f"model.base: {recipe.model.base} is a {base.spec.family} net, and only cin and ghiasi nets take styles"
        )
    if twice := next((s.id for s in recipe.styles if s.id in base.styles), None):
        raise RecipeError(f"styles: {recipe.model.base} has a style '{twice}' already: choose another id")
    return base, base.net


@torch.no_grad()
def start_trunk(recipe: Recipe, net: StyleNet) -> None:
    """Set the trunk of `net`, and its row for the photo, to those of the net that a recipe names as its start.

    Styles that the start knows by the same id start from its rows; a net of one style from all of another such. A net
    that predicts rows starts by predicting what the start predicts; or, where the start predicts none or only one of
    the two is folded, about the mean of its rows.

    Raises:
        RecipeError: one of the two has no such trunk.
        WeightsError: the start's trunk is of another size.
    """
    stylizer = load(str(recipe.model.start), device="cpu")
    start = stylizer.net
    if isinstance(net, Johnson) and isinstance(start, Johnson):
        shapes = {name: tuple(value.shape) for name, value in net.state_dict().items()}
        net.check_fit(start.state_dict(), shapes, f"model.start: {recipe.model.start}")
        net.load_state_dict(start.state_dict())
        return
    if not (isinstance(net, CIN) and isinstance(start, CIN)):
        raise RecipeError(
            f"model.start: a {net.family} net does not start from a {start.family} net: "
            "cin and ghiasi start from each other, johnson from johnson"
        )
    shapes = {name: tuple(value.shape) for name, value in net.trunk.state_dict().items()}
    net.check_fit(start.trunk.state_dict(), shapes, f"model.start: the trunk of {recipe.model.start}")
    net.trunk.load_state_dict(start.trunk.state_dict())
    if net.learns_photo and start.learns_photo:
        net.styles[-1] = start.styles[-1]
    if isinstance(net, Ghiasi) and isinstance(start, Ghiasi) and net.arch.get("folded") == start.arch.get("folded"):
        net.encoder.load_state_dict(start.encoder.state_dict())
        net.predictor.load_state_dict(start.predictor.state_dict())
    elif isinstance(net, Ghiasi):
        rows = start.styles[: len(start.styles) - start.learns_photo]
        mean = start.predictor[-1].get_parameter("bias") if isinstance(start, Ghiasi) else rows.mean(dim=0)
        net.predictor[-1].get_parameter("bias").copy_(mean)
    else:
        for index, style in enumerate(recipe.styles):
            if style.id in stylizer.styles:
                net.styles[index] = start.row(stylizer.styles.index(style.id))[0]


def start_encoder(recipe: Recipe, net: Ghiasi) -> None:
    """Let `net` read style pictures as the net that a recipe names as its teacher does.

    All but the predictor's last layer is the teacher's: that one makes rows for a trunk. Only where both are folded, or
    neither is: else they have other layers.
    """
    teacher = load(str(recipe.model.teacher), device="cpu").net
    if isinstance(teacher, Ghiasi) and teacher.arch.get("folded") == net.arch.get("folded"):
        net.encoder.load_state_dict(teacher.encoder.state_dict())
        for layer, known in zip(net.predictor[:-1], teacher.predictor[:-1], strict=True):
            layer.load_state_dict(known.state_dict())


@torch.no_grad()
def start_rows(recipe: Recipe, net: CIN, loss: PerceptualLoss, photos: Tensor) -> None:
    """Set each row of `net` to the base's row that has the lowest loss for its style, or to what the base predicts.

    Args:
        photos: (N, 3, H, W) in [0, 1]; they, `net` and `loss` on the CPU.
    """
    base, trained = load_base(recipe)
    if isinstance(trained, Ghiasi):
        encode_rows(recipe, trained, net)
        return
    painted = [trained(photos, trained.named_code(i)) for i in range(len(base.styles))]
    targets = loss.content_targets(photos)
    for style in range(len(recipe.styles)):
        index = torch.full((len(photos),), style)
        errors = [loss.total(loss.terms(picture, targets, index)).mean() for picture in painted]
        net.styles[style] = trained.styles[int(torch.stack(errors).argmin())]


@torch.no_grad()
def encode_rows(recipe: Recipe, encoder: StyleNet, net: StyleTable) -> None:
    """Set the rows of `net` to what `encoder` makes of the pictures that a recipe names."""
    for index, style in enumerate(recipe.styles):
        picture = read_style(find_picture(style.image), style.size, style.crop)
        net.styles[index] = encoder.encode(picture.to(encoder.device, encoder.dtype))[0]


def save_cards(recipe: Recipe, net: CIN, folder: Path) -> None:
    """Write `<style>.card.safetensors` for each style of a recipe with a base."""
    base = find(str(recipe.model.base))[0].name
    record = recipe.record(dict(net.arch))
    trunk = net.trunk_hash()  # the base's, as it was when this run began
    for index, style in enumerate(record.styles):
        spec = CardSpec(style=style, family=record.family, base=base, trunk=trunk, license=record.license)
        StyleCard(spec, net.row(index).cpu().numpy()).save(folder / f"{style.id}.card.safetensors")
