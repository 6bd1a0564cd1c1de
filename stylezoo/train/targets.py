"""The style images that a recipe names, or their targets where the images are not on the disk."""

from __future__ import annotations

import warnings
from pathlib import Path

from torch import Tensor

from stylezoo._files import sha256_of
from stylezoo.data.styles import find_picture, read_style
from stylezoo.data.targets import StyleTargets, find_targets
from stylezoo.errors import DataError
from stylezoo.recipe import Loss, Recipe, StyleSource

Style = list[Tensor] | dict[str, Tensor]
"""The picture of a style, (1, 3, H, W) in [0, 1], at each of its sizes; or its targets."""


def style_inputs(recipe: Recipe, *, measure: bool = False) -> list[Style]:
    """Return what the loss of a recipe is given of each style: its targets where they are known, else its image.

    Targets spare the measuring, which takes seconds a style. They serve an image with the very bytes that they were
    measured on, and, with a warning, an image that is not on this machine.

    Args:
        measure: use images alone.

    Raises:
        DataError: neither is there; or the targets are of other sizes, or lack what the loss counts.
    """
    found: list[Style] = []
    replaced: list[StyleSource] = []
    for style in recipe.styles:
        try:
            path = find_picture(style.image)
        except DataError as missing:
            if measure:
                raise
            found.append(find_style_targets(recipe.loss, style, missing).read())
            replaced.append(style)
            continue
        known = None if measure else _known_targets(recipe.loss, style, path)
        found.append(known or [read_style(path, size, style.crop) for size in sizes(style)])
    if replaced:
        names = ", ".join(style.id for style in replaced)
        warnings.warn(
            f"the images of {len(replaced)} of {len(found)} styles are missing: training on their precomputed style "
            f"targets ({names})",
            stacklevel=3,
        )
    return found


def _known_targets(loss: Loss, style: StyleSource, path: Path) -> dict[str, Tensor] | None:
    """Return the targets of the image at `path` if they were measured on a file with the same bytes."""
    try:
        known = find_targets(path.name, sizes(style), style.crop, backbone_name(loss), needed_terms(loss))
    except DataError:
        return None
    return known.read() if known.spec.sha256 == sha256_of(path) else None


def find_style_targets(loss: Loss, style: StyleSource, missing: DataError | None = None) -> StyleTargets:
    """Return the targets in place of a style's picture; `missing` says where the picture was looked for.

    Raises:
        DataError: there are none that the loss can use, with what they lack and the remedy.
    """
    if missing is not None and Path(style.image).expanduser().is_absolute():  # meant is that very file
        raise missing
    try:
        return find_targets(style.image, sizes(style), style.crop, backbone_name(loss), needed_terms(loss))
    except DataError as cause:
        raise DataError(f"{missing or style.image}; and without the picture: {cause}") from cause


def sizes(style: StyleSource) -> tuple[int, ...]:
    """Return all long sides, px, at which a style is learnt."""
    return (style.size, *style.extra_sizes)


def backbone_name(loss: Loss) -> str:
    """Return the name and lineage of a loss's backbone."""
    return "vgg19:caffe" if loss.backbone == "vgg19" else loss.backbone


def measured_terms(loss: Loss) -> set[str]:
    """Return the targets that a loss measures on a picture, whether it counts them or not."""
    kinds = {"gram", "moments"} if loss.style_term == "gram" else {"moments"}
    terms = {f"{kind}.{layer}" for kind in kinds for layer in loss.style}
    return terms | {f"sliced.{layer}" for layer in loss.sliced} | {f"palette.{loss.palette_space}"}


def needed_terms(loss: Loss) -> set[str]:
    """Return the targets without which a loss cannot be computed, as `TargetSpec.terms` has them."""
    kind = "gram" if loss.style_term == "gram" else "moments"
    terms = {f"{kind}.{layer}" for layer in loss.style} if loss.style_weight else set()
    terms |= {f"sliced.{layer}" for layer in loss.sliced} if loss.sliced_weight else set()
    return terms | ({f"palette.{loss.palette_space}"} if loss.palette_weight else set())
