"""The style images of a recipe, or their precomputed targets if an image is missing."""

from __future__ import annotations

import warnings
from pathlib import Path

from msgspec import structs
from torch import Tensor

from stylezoo._files import sha256_of
from stylezoo.data.styles import find_picture, read_style
from stylezoo.data.targets import StyleTargets, find_targets
from stylezoo.errors import DataError
from stylezoo.recipe import Loss, Recipe, StyleSource

Style = list[Tensor] | dict[str, Tensor]
"""A style image, (1, 3, H, W) in [0, 1], at each of its sizes; or its targets."""


def style_inputs(recipe: Recipe, *, measure: bool = False) -> list[Style]:
    """Return the input of the loss for each style: its precomputed targets if known, else its image.

    Precomputed targets save seconds per style. They are used if the image is the very file they were computed from,
    and, with a warning, if the image is missing.

    Args:
        measure: use only images.

    Raises:
        DataError: neither exists, or the targets have other sizes or lack a term of the loss.
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
        found.append(known or [style_picture(style, size) for size in sizes(style)])
    if replaced:
        names = ", ".join(style.id for style in replaced)
        warnings.warn(
            f"the images of {len(replaced)} of {len(found)} styles are missing: training on their precomputed style "
            f"targets ({names})",
            stacklevel=3,
        )
    return found


def _known_targets(loss: Loss, style: StyleSource, path: Path) -> dict[str, Tensor] | None:
    """Return the targets of the image at `path` if they were computed from the same bytes."""
    try:
        known = find_style_targets(loss, structs.replace(style, image=path.name))
    except DataError:
        return None
    return known.read() if known.spec.sha256 == sha256_of(path) else None


def find_style_targets(loss: Loss, style: StyleSource, missing: DataError | None = None) -> StyleTargets:
    """Return the targets of a style; `missing` is the error of looking for its image.

    Raises:
        DataError: there are no targets that the loss can use.
    """
    if missing is not None and Path(style.image).expanduser().is_absolute():  # an absolute path means that file only
        raise missing
    try:
        part = (style.crop, style.whole_colors)
        return find_targets(style.image, sizes(style), *part, backbone_name(loss), needed_terms(loss))
    except DataError as cause:
        raise DataError(f"{missing or style.image}; and without the picture: {cause}") from cause


def style_picture(style: StyleSource, size: int | None = None) -> Tensor:
    """Return a style image, (1, 3, H, W) in [0, 1], at `size`, else its first; raise DataError if it is missing."""
    return read_style(find_picture(style.image), size or style.size, style.crop, style.whole_colors)


def sizes(style: StyleSource) -> tuple[int, ...]:
    """Return all long sides in px at which a style is learned."""
    return (style.size, *style.extra_sizes)


def backbone_name(loss: Loss) -> str:
    """Return the name and lineage of a loss's backbone."""
    return "vgg19:caffe" if loss.backbone == "vgg19" else loss.backbone


def measured_terms(loss: Loss) -> set[str]:
    """Return the targets that a loss computes for an image, whether it needs them or not."""
    kinds = {"gram", "moments"} if loss.style_term == "gram" else {"moments"}
    terms = {f"{kind}.{layer}" for kind in kinds for layer in loss.style}
    return terms | {f"sliced.{layer}" for layer in loss.sliced} | {f"palette.{loss.palette_space}"}


def needed_terms(loss: Loss) -> set[str]:
    """Return the targets that a loss needs, as in `TargetSpec.terms`."""
    kind = "gram" if loss.style_term == "gram" else "moments"
    terms = {f"{kind}.{layer}" for layer in loss.style} if loss.style_weight else set()
    terms |= {f"sliced.{layer}" for layer in loss.sliced} if loss.sliced_weight else set()
    return terms | ({f"palette.{loss.palette_space}"} if loss.palette_weight else set())
