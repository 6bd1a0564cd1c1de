"""Initialise a net from trained weights.

New styles for a trained net: the trunk is frozen, and only their rows are learned (Dumoulin et al. 2017,
arXiv:1610.07629). Departure: a new row starts from the nearest row of the net, or from the row that the net predicts
for the style image, rather than from a neutral one. A net for a user's own style starts from the trunk and a row of a
trained net of any family.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from stylezoo.errors import DataError, RecipeError, WeightsError
from stylezoo.losses import PerceptualLoss
from stylezoo.models import StyleNet
from stylezoo.models.table import StyleTable
from stylezoo.models.trunk_net import TrunkNet
from stylezoo.recipe import NEAREST, Recipe, StyleSource, teaches_by_onnx
from stylezoo.stylizer.card import StyleCard
from stylezoo.stylizer.loading import load
from stylezoo.stylizer.stylizer import Stylizer
from stylezoo.train.targets import style_picture
from stylezoo.zoo.card import CardSpec
from stylezoo.zoo.catalog import default_zoo
from stylezoo.zoo.families import FAMILIES, those
from stylezoo.zoo.store import find


def load_base(recipe: Recipe) -> Stylizer:
    """Return the base of a recipe, on the CPU.

    Raises:
        RecipeError: it is of another family, or already has a style of the recipe.
    """
    base = load(str(recipe.model.base), device="cpu")
    if FAMILIES[base.spec.family].extension != recipe.model.family:
        takers = " and ".join(those(extension=recipe.model.family))
        raise RecipeError(
            f"model.base: {recipe.model.base} is a {base.spec.family} model, but only {takers} models take styles "
            f"learned by a {recipe.model.family} model"
        )
    if twice := next((s.id for s in recipe.styles if s.id in base.styles), None):
        raise RecipeError(f"styles: {recipe.model.base} already has a style '{twice}': choose another id")
    return base


def init_net(recipe: Recipe, net: StyleNet) -> None:
    """Initialise `net` from the start of a recipe, see `StyleNet.init_from`.

    Raises:
        RecipeError: this family cannot start from such a model.
        WeightsError: the start has another size.
    """
    start = load(str(recipe.model.start), device="cpu")
    starts = FAMILIES[net.family].starts_from
    if start.spec.family not in starts:
        raise RecipeError(
            f"model.start: a {net.family} model cannot start from a {start.spec.family} model, only from "
            f"{', '.join(starts)}"
        )
    known = {i: start.styles.index(style.id) for i, style in enumerate(recipe.styles) if style.id in start.styles}
    try:
        net.init_from(start.net, known, str(recipe.model.start))
    except WeightsError as cause:
        raise WeightsError(f"model.start: {cause}") from cause


def init_encoder(recipe: Recipe, net: StyleNet) -> None:
    """Initialise the encoder of an arbitrary-style net from the recipe's teacher."""
    if not teaches_by_onnx(recipe):
        net.init_encoder_from(load(str(recipe.model.teacher), device="cpu").net)


def chooses_rows(recipe: Recipe, net: StyleNet) -> bool:
    """Whether `start_rows` has rows to choose from."""
    model = recipe.model
    chosen = model.base is not None or model.start == NEAREST
    single = model.start is not None and FAMILIES[net.family].kind == "single"
    return isinstance(net, TrunkNet) and (chosen or single)


@dataclass(frozen=True)
class Start:
    """A row to start from.

    Attributes:
        row: (1, A).
        name: its name in messages.
        loss: the loss of the photos in this style.
    """

    row: Tensor
    name: str
    loss: float


@torch.no_grad()
def start_rows(recipe: Recipe, net: StyleNet, loss: PerceptualLoss, photos: Tensor) -> list[Start]:
    """Set each row of `net` to the trained row with the lowest loss for its style; return these rows.

    The candidates are the rows of the recipe's base or start, or with `NEAREST` those of all models of the zoo with the
    same trunk size; then the trunk is set too. If the net predicts rows, the predicted row is used with a base, and is
    another candidate otherwise.

    Args:
        photos: (N, 3, H, W) in [0, 1]; photos, `net` and `loss` are on the CPU.
    """
    assert isinstance(net, TrunkNet)
    if recipe.model.base is not None:
        starts = [load_base(recipe)]
        if starts[0].kind == "arbitrary":
            encode_rows(recipe, starts[0].net, net)
            return []
    elif recipe.model.start != NEAREST:
        starts = [load(str(recipe.model.start), device="cpu")]
    else:
        starts = _nets_like(net)
    if not starts:
        trunk = ", ".join(f"{key} {net.arch[key]}" for key in net.trunk_args)
        warnings.warn(f"no model of the zoo has this trunk ({trunk}): starting from random weights", stacklevel=2)
        return []
    chosen = {start: _nearest_rows(recipe, start, loss, photos) for start in starts}
    start, rows = min(chosen.items(), key=lambda item: sum(row.loss for row in item[1]))
    if recipe.model.start == NEAREST:
        net.init_from(start.net, {}, start.spec.name)
    for index, found in enumerate(rows):
        net.set_row(index, found.row)
    return rows


def _nets_like(net: TrunkNet) -> list[Stylizer]:
    """Return the bundled models with the same trunk size."""
    names = [
        name
        for name, spec in sorted(default_zoo().models.items())
        if spec.weights
        and spec.weights.bundled
        and spec.family in FAMILIES[net.family].starts_from
        and all(spec.arch.get(key) == net.arch[key] for key in net.trunk_args)
    ]
    return [load(name, device="cpu") for name in names]


def _nearest_rows(recipe: Recipe, start: Stylizer, loss: PerceptualLoss, photos: Tensor) -> list[Start]:
    """Return, for each style of a recipe, the row of a trained net with the lowest loss."""
    net, name = start.net, start.spec.name
    assert isinstance(net, TrunkNet)
    names = [name] if start.kind == "single" else [f"{name} {style}" for style in start.styles]
    known = dict(zip(names, net.known_rows(), strict=True))
    stylized = {name: net.stylize(photos, row) for name, row in known.items()}
    targets = loss.content_targets(photos)
    found = []
    for index, style in enumerate(recipe.styles):
        rows, pictures = dict(known), dict(stylized)
        if start.kind == "arbitrary" and (row := _predicted(net, style)) is not None:
            rows[f"{name}, by its picture"] = row
            pictures[f"{name}, by its picture"] = net.stylize(photos, row)
        which = torch.full((len(photos),), index)
        errors = {name: float(loss.total(loss.terms(x, targets, which)).mean()) for name, x in pictures.items()}
        best = min(errors, key=lambda name: errors[name])
        found.append(Start(rows[best], best, errors[best]))
    return found


def _predicted(net: StyleNet, style: StyleSource) -> Tensor | None:
    """Return the row, (1, A), that a net predicts from a style image; None if only its targets are available."""
    try:
        return net.encode(style_picture(style))
    except DataError:
        return None


@torch.no_grad()
def encode_rows(recipe: Recipe, encoder: StyleNet, net: StyleTable | TrunkNet) -> None:
    """Set the rows of `net` to the codes that `encoder` gives for the recipe's style images."""
    for index, style in enumerate(recipe.styles):
        picture = style_picture(style)
        net.set_row(index, encoder.encode(picture.to(encoder.device, encoder.dtype)))


def save_cards(recipe: Recipe, net: StyleTable, folder: Path) -> None:
    """Write `<style>.card.safetensors` for each style of a recipe with a base."""
    base = find(str(recipe.model.base))[0].name
    record = recipe.record(dict(net.arch))
    trunk = net.trunk_hash()  # the base's at the start of this run
    for index, style in enumerate(record.styles):
        spec = CardSpec(style=style, family=record.family, base=base, trunk=trunk, license=record.license)
        StyleCard(spec, net.row(index).cpu().numpy()).save(folder / f"{style.id}.card.safetensors")
