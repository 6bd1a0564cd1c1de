"""Build the inputs of a run from its recipe: photos, style images, the loss and the net."""

from __future__ import annotations

import time
import warnings
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import torch
from msgspec import structs
from torch import Tensor
from tqdm import tqdm

from stylezoo._files import sha256_of, shows
from stylezoo.backbones import create_backbone
from stylezoo.data.folder import data_folder
from stylezoo.data.images import list_photos, sample_photos
from stylezoo.data.splits import split
from stylezoo.data.style_set import StyleSet
from stylezoo.data.styles import find_picture
from stylezoo.data.targets import TargetSpec
from stylezoo.errors import DataError, RecipeError
from stylezoo.images.color import colour_statistics, pack_colours
from stylezoo.images.io import read
from stylezoo.images.phash import perceptual_hash
from stylezoo.losses import PerceptualLoss
from stylezoo.models import StyleNet, create_model
from stylezoo.recipe import NEAREST, Recipe, StyleSource
from stylezoo.runtime.memory import release_memory
from stylezoo.train.rows import init_encoder, init_net, load_base
from stylezoo.train.targets import Style, backbone_name, measured_terms, sizes, style_inputs, style_picture
from stylezoo.zoo.families import FAMILIES

TRIED = 8  # style images to time


def find_content(recipe: Recipe) -> tuple[list[Path], list[Path]]:
    """Return (training photos, validation photos) of a recipe.

    If the default folder is missing, fall back to scikit-image's sample photos, with a warning.
    """
    if folder := find_folder(recipe.data.content):
        return split(list_photos(folder), recipe.data.hold_out)
    if recipe.data.content != "content":
        raise DataError(f"no folder of photos '{recipe.data.content}'{_where()}: give one with --content DIR")
    photos = sample_photos()
    warnings.warn(
        f"no folder of photos: training on {len(photos)} sample photos of scikit-image, which is enough only for a "
        "trial: run stylezoo data get photos, or give some thousands of your own with --content DIR",
        stacklevel=2,
    )
    return photos, []


def find_styles(recipe: Recipe) -> StyleSet | None:
    """Return the style image crops that an arbitrary-style net learns from; None for recipes that need none.

    Pictures that cannot be read are skipped, with a warning.

    Raises:
        DataError: the folder does not exist, or none of its pictures can be used.
    """
    if not FAMILIES[recipe.model.family].learns_any:
        return None
    data = recipe.data
    folder = find_folder(data.styles)
    if folder is None:
        raise DataError(
            f"no folder of style images '{data.styles}'{_where()}: {recipe.model.family} models learn from crops of "
            "these, not from style targets: give some hundreds with --styles DIR"
        )
    for style in recipe.styles:  # they are encoded at every checkpoint: fail now if one is missing
        find_picture(style.image)
    paintings = split(list_photos(folder), data.hold_out)[0]
    pictures = StyleSet(paintings, data.style_count, data.style_side, data.style_short_side, recipe.run.seed)
    if broken := list(pictures.broken.values()):
        reasons = "; ".join(broken[:3])
        warnings.warn(f"{len(broken)} style images could not be read and were skipped: {reasons}", stacklevel=2)
    return pictures


def fit_styles(recipe: Recipe, device: torch.device, seconds: float) -> Recipe:
    """Limit the style images of an arbitrary-style recipe to those that can be prepared in about `seconds`.

    A few are timed; if not all fit, warn.
    """
    few = structs.replace(recipe, data=structs.replace(recipe.data, style_count=TRIED))
    took = 0.0
    for _ in range(2):  # the first time includes loading the loss network
        before = time.monotonic()
        build_loss(few, find_styles(few), device)
        took = time.monotonic() - before
    count = max(TRIED, int(TRIED * seconds / max(took, 1e-6)))
    if count >= recipe.data.style_count:
        return recipe
    warnings.warn(
        f"only {count} of data.style_count={recipe.data.style_count} style images were ready within {seconds:.0f} s, "
        "a quarter of the time: raise --minutes to learn from all",
        stacklevel=2,
    )
    return structs.replace(recipe, data=structs.replace(recipe.data, style_count=count))


def with_palettes(recipe: Recipe) -> Recipe:
    """Return a recipe whose styles have the colours of their images, as far as these are known or at hand."""
    return structs.replace(recipe, styles=tuple(s if s.palette else _with_palette(s) for s in recipe.styles))


def _with_palette(style: StyleSource) -> StyleSource:
    try:
        picture = style_picture(style)
    except DataError:  # precomputed targets stand in for it
        return style
    return structs.replace(style, palette=tuple(pack_colours(colour_statistics([picture]))))


def find_folder(name: str) -> Path | None:
    """Return the folder that a recipe names, as given or in the data folder; None if it does not exist."""
    named = Path(name).expanduser()
    data = data_folder()
    return next((f for f in [named] + ([data / named] if data else []) if f.is_dir()), None)


def _where() -> str:
    return f" here or in {data}" if (data := data_folder()) else " here"


def build_loss(
    recipe: Recipe,
    pictures: StyleSet | None = None,
    device: torch.device | None = None,
    progress: bool = False,
    *,
    measure: bool = False,
) -> PerceptualLoss:
    """Return the loss of a recipe, on `device`, with the targets of its styles, or of a set of `pictures`.

    With `measure`, compute the targets even if they are precomputed.

    Raises:
        DataError: a style image is missing, and there are no precomputed targets for it.
    """
    loss = recipe.loss
    styles: Iterable[Tensor] | list[Style]
    if pictures is None:
        styles = style_inputs(recipe, measure=measure)
    else:  # takes minutes
        bar = tqdm(pictures, unit="style", desc="styles", disable=not shows(progress), dynamic_ncols=True)
        styles = _releasing_memory(bar)
    backbone = create_backbone(loss.backbone, layers=[*loss.content, *loss.style, *loss.sliced]).to(device)
    if recipe.run.channels_last:
        backbone.to(memory_format=torch.channels_last)
    return PerceptualLoss(
        backbone,
        styles,
        content=loss.content,
        style=loss.style,
        sliced=loss.sliced,
        content_weight=loss.content_weight,
        style_weight=loss.style_weight,
        sliced_weight=loss.sliced_weight,
        palette_weight=loss.palette_weight,
        palette_space=loss.palette_space,
        balanced=loss.balanced,
        tv_weight=loss.tv_weight,
        style_term=loss.style_term,
        normalize=loss.normalize,
        compact=pictures is not None,
    ).to(device)


def _releasing_memory(styles: Iterable[Tensor]) -> Iterator[Tensor]:
    """Yield the styles; what measuring them has freed goes back to the system every 16 styles."""
    for number, style in enumerate(styles, start=1):
        yield style
        if number % 16 == 0:
            release_memory()


def measure_targets(recipes: Sequence[Recipe]) -> list[tuple[TargetSpec, dict[str, Tensor]]]:
    """Compute the targets of all styles of recipes from their images, for `write_targets`.

    A style that several recipes learn at the same sizes and crop is computed once, with the terms of all of them.

    Raises:
        RecipeError: a recipe learns from a folder of style images and has no named styles.
        DataError: a style image is missing.
    """
    found: dict[str, tuple[TargetSpec, dict[str, Tensor]]] = {}
    for recipe in recipes:
        if FAMILIES[recipe.model.family].kind == "arbitrary":
            raise RecipeError(
                f"{recipe.name} learns from no named style and has no style targets: name a recipe with named styles"
            )
        terms = measured_terms(recipe.loss)
        specs = {style.id: _describe(recipe, style) for style in recipe.styles}
        left = [s for s in recipe.styles if (k := specs[s.id].key) not in found or not terms <= {*found[k][0].terms}]
        loss = build_loss(structs.replace(recipe, styles=tuple(left)), measure=True) if left else None
        for index, style in enumerate(left):
            assert loss is not None
            spec = specs[style.id]
            targets = (found[spec.key][1] if spec.key in found else {}) | loss.style_targets(index)
            kinds = {name.rpartition(".")[0] for name in targets}
            found[spec.key] = structs.replace(spec, terms=tuple(sorted(kinds))), targets
    return list(found.values())


def _describe(recipe: Recipe, style: StyleSource) -> TargetSpec:
    """Return the record of a style's targets, without their terms."""
    path = find_picture(style.image)
    return TargetSpec(
        style=style.id,
        image=path.name,
        sha256=sha256_of(path),
        phash=perceptual_hash(read(path).pixels),
        sizes=sizes(style),
        crop=style.crop,
        whole_colors=style.whole_colors,
        backbone=backbone_name(recipe.loss),
        terms=(),
    )


def build_net(recipe: Recipe) -> StyleNet:
    """Return the net of a recipe before the first step: random, or initialised from its base, teacher or start."""
    model = recipe.model
    if model.base is not None:
        return load_base(recipe).net.on_same_trunk(len(recipe.styles))
    family = FAMILIES[model.family]
    rows = {"styles": len(recipe.styles)} if family.takes_cards else {}
    net = create_model(model.family, **rows, **model.args)
    if model.teacher is not None and family.kind == "arbitrary":
        init_encoder(recipe, net)
    if model.start is not None and model.start != NEAREST:
        init_net(recipe, net)
    return net
