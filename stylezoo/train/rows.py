"""Where a net begins that does not begin from random weights.

New styles for a trained net: its trunk stays as it is, and only their rows are learnt. Dumoulin et al. 2017
(arXiv:1610.07629). Departure: a new row starts from that of the net's own styles which is nearest to it, or from what a
net that predicts rows makes of its picture, rather than from a neutral one. A net of one's own style starts likewise
from a trained net, trunk and row, whatever its family.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from stylezoo.card import StyleCard
from stylezoo.data.styles import find_picture, read_style
from stylezoo.errors import DataError, RecipeError
from stylezoo.losses import PerceptualLoss
from stylezoo.models import CIN, Ghiasi, Johnson, StyleNet
from stylezoo.models.table import StyleTable
from stylezoo.models.trunk_net import TrunkNet
from stylezoo.stylizer import Stylizer, load
from stylezoo.train.recipe import NEAREST, Recipe, StyleSource, teaches_by_onnx
from stylezoo.zoo.card import CardSpec
from stylezoo.zoo.catalog import default_zoo
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

    Styles that the start knows by the same id start from its rows; a net of one style from all of another such, or from
    the row of another net that `start_rows` finds. A net that predicts rows starts by predicting what the start
    predicts; or, where the start predicts none or only one of the two is folded, about the mean of its rows.

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
    unfit = isinstance(net, Ghiasi) and not isinstance(start, CIN)  # it needs a row for the photo
    if unfit or not isinstance(net, TrunkNet) or not isinstance(start, TrunkNet):
        raise RecipeError(
            f"model.start: a {net.family} net does not start from a {start.family} net: "
            "johnson and cin start from johnson, cin and ghiasi, ghiasi from cin and ghiasi"
        )
    shapes = {name: tuple(value.shape) for name, value in net.trunk.state_dict().items()}
    net.check_fit(start.trunk.state_dict(), shapes, f"model.start: the trunk of {recipe.model.start}")
    net.trunk.load_state_dict(start.trunk.state_dict())
    if not (isinstance(net, CIN) and isinstance(start, CIN)):
        return
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
    if teaches_by_onnx(recipe):
        return
    teacher = load(str(recipe.model.teacher), device="cpu").net
    if isinstance(teacher, Ghiasi) and teacher.arch.get("folded") == net.arch.get("folded"):
        net.encoder.load_state_dict(teacher.encoder.state_dict())
        for layer, known in zip(net.predictor[:-1], teacher.predictor[:-1], strict=True):
            layer.load_state_dict(known.state_dict())


def chooses_rows(recipe: Recipe) -> bool:
    """Return whether `start_rows` has something to choose."""
    model = recipe.model
    return model.base is not None or model.start == NEAREST or (model.start is not None and model.family == "johnson")


@dataclass(frozen=True)
class Start:
    """A row to start from.

    Attributes:
        row: (1, A).
        name: what messages call it.
        loss: of the photos in this style.
    """

    row: Tensor
    name: str
    loss: float


@torch.no_grad()
def start_rows(recipe: Recipe, net: StyleNet, loss: PerceptualLoss, photos: Tensor) -> list[Start]:
    """Set each row of `net` to the trained row that has the lowest loss for its style; return these.

    The rows are those of the net that a recipe names as its base or start, or with `NEAREST` those of the zoo's nets
    whose trunk has the size of this one: then the trunk is set too. Of a net that predicts rows it is, with a base,
    the predicted one; else that one competes with the others.

    Args:
        photos: (N, 3, H, W) in [0, 1]; they, `net` and `loss` on the CPU.
    """
    assert isinstance(net, TrunkNet)
    if recipe.model.base is not None:
        starts = [load_base(recipe)[0]]
        if isinstance(starts[0].net, Ghiasi) and isinstance(net, CIN):
            encode_rows(recipe, starts[0].net, net)
            return []
    elif recipe.model.start != NEAREST:
        starts = [load(str(recipe.model.start), device="cpu")]
    else:
        starts = _nets_like(net)
    if not starts:
        trunk = ", ".join(f"{key} {net.arch[key]}" for key in ("variant", "width", "blocks"))
        warnings.warn(f"no net of the zoo has such a trunk ({trunk}): starting from random weights", stacklevel=2)
        return []
    chosen = {start: _nearest_rows(recipe, start, loss, photos) for start in starts}
    start, rows = min(chosen.items(), key=lambda item: sum(row.loss for row in item[1]))
    assert isinstance(start.net, TrunkNet)
    if recipe.model.start == NEAREST:
        net.trunk.load_state_dict(start.net.trunk.state_dict())
        if isinstance(net, CIN) and isinstance(start.net, CIN) and net.learns_photo and start.net.learns_photo:
            net.styles[-1] = start.net.styles[-1]
    for index, found in enumerate(rows):
        if isinstance(net, CIN):
            net.styles[index] = found.row[0]
        elif isinstance(net, Johnson):
            net.style.copy_(found.row)
    return rows


def _nets_like(net: TrunkNet) -> list[Stylizer]:
    """Return the nets that travel with the package and have a trunk of the same size."""
    keys = ("variant", "width", "blocks")
    names = [
        name
        for name, spec in sorted(default_zoo().models.items())
        if spec.weights and spec.weights.bundled and all(spec.arch.get(key) == net.arch[key] for key in keys)
    ]
    return [load(name, device="cpu") for name in names]


def _nearest_rows(recipe: Recipe, start: Stylizer, loss: PerceptualLoss, photos: Tensor) -> list[Start]:
    """Return for each style of a recipe the row of a trained net that has the lowest loss for it."""
    net, name = start.net, start.spec.name
    assert isinstance(net, TrunkNet)
    if isinstance(net, CIN):
        known = {f"{name} {style}": net.row(index) for index, style in enumerate(start.styles)}
    else:
        known = {name: net.named_code(0)}
    stylized = {name: net.paint(photos, row) for name, row in known.items()}
    targets = loss.content_targets(photos)
    found = []
    for index, style in enumerate(recipe.styles):
        rows, pictures = dict(known), dict(stylized)
        if isinstance(net, Ghiasi) and (row := _predicted(net, style)) is not None:
            rows[f"{name}, by its picture"] = row
            pictures[f"{name}, by its picture"] = net.paint(photos, row)
        which = torch.full((len(photos),), index)
        errors = {name: float(loss.total(loss.terms(x, targets, which)).mean()) for name, x in pictures.items()}
        best = min(errors, key=lambda name: errors[name])
        found.append(Start(rows[best], best, errors[best]))
    return found


def _predicted(net: Ghiasi, style: StyleSource) -> Tensor | None:
    """Return the row, (1, A), that a net predicts from a style's picture; None where only its targets are there."""
    try:
        return net.encode(read_style(find_picture(style.image), style.size, style.crop))
    except DataError:
        return None


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
