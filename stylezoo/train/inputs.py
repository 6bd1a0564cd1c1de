"""What a recipe names, as the objects that a run needs: photos, the loss and the pictures of the samples."""

from __future__ import annotations

import warnings
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from stylezoo.backbones import create_backbone
from stylezoo.data.folder import data_folder
from stylezoo.data.images import list_photos, sample_photos, split
from stylezoo.data.styles import find_picture, read_style
from stylezoo.errors import DataError, ImageError
from stylezoo.image.io import read
from stylezoo.image.resize import fit_short_side, resize
from stylezoo.losses import PerceptualLoss
from stylezoo.models import StyleNet, create_model
from stylezoo.train.recipe import Recipe
from stylezoo.train.rows import load_base
from stylezoo.zoo.spec import FAMILIES


def find_content(recipe: Recipe) -> tuple[list[Path], list[Path]]:
    """Return (training photos, photos held out for validation) of a recipe.

    A recipe that names no folder of its own falls back to scikit-image's sample photos, and says so.
    """
    named = Path(recipe.data.content).expanduser()
    data = data_folder()
    for folder in [named] + ([data / named] if data else []):
        if folder.is_dir():
            return split(list_photos(folder), recipe.data.hold_out)
    if recipe.data.content != "content":
        raise DataError(
            f"no folder of photos '{named}' here{f' or in {data}' if data else ''}: give one with --content DIR"
        )
    photos = sample_photos()
    warnings.warn(
        f"no folder of photos: training on {len(photos)} sample photos of scikit-image, a toy set, good for a try. "
        "For a net to keep, run stylezoo data get photos, or give some thousands of photos of your own: --content DIR",
        stacklevel=2,
    )
    return photos, []


def build_loss(recipe: Recipe) -> PerceptualLoss:
    """Return the loss of a recipe, with the targets of its style pictures."""
    loss = recipe.loss
    pictures = [read_style(find_picture(s.image), s.size, s.crop) for s in recipe.styles]
    return PerceptualLoss(
        create_backbone(loss.backbone, layers=[*loss.content, *loss.style]),
        pictures,
        content=loss.content,
        style=loss.style,
        content_weight=loss.content_weight,
        style_weight=loss.style_weight,
        palette_weight=loss.palette_weight,
        tv_weight=loss.tv_weight,
        style_term=loss.style_term,
        normalize=loss.normalize,
    )


def build_net(recipe: Recipe) -> StyleNet:
    """Return the net of a recipe as it is before the first step: random, or neutral rows on the trunk of its base."""
    model = recipe.model
    if model.base is not None:
        return load_base(recipe)[1].on_same_trunk(len(recipe.styles))
    rows = {"styles": len(recipe.styles)} if FAMILIES[model.family] == "multi" else {}
    return create_model(model.family, **rows, **model.args)


def draw_styles(count: int, draws: range, seed: int) -> Tensor:
    """Return a style's index for each of `draws`, numbers of pictures since the start of the run: (N,) integers.

    Dealt like cards: each of the `count` styles comes once before any comes again, in an order of (seed, round).
    """
    deals = (divmod(draw, count) for draw in draws)
    return torch.tensor([np.random.default_rng([seed, 3, deal]).permutation(count)[place] for deal, place in deals])


def sample_batch(photos: list[Path], device: torch.device, count: int = 4, side: int = 256) -> Tensor | None:
    """Return the middles of the first `count` photos that can be read; None where none can."""
    batch: list[Tensor] = []
    for path in photos:
        if len(batch) == count:
            break
        try:
            x = read(path).pixels
        except ImageError:
            continue
        height, width = fit_short_side(x.shape[-2], x.shape[-1], side)
        top, left = (height - side) // 2, (width - side) // 2
        batch.append(resize(x, (height, width))[0, :, top : top + side, left : left + side])
    return torch.stack(batch).to(device) if batch else None
