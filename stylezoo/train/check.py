"""Check recipes for values that have the right type but cannot work."""

from __future__ import annotations

from collections.abc import Iterator
from math import inf

from stylezoo.errors import RecipeError
from stylezoo.models import net_class
from stylezoo.models.trunk_net import TrunkNet
from stylezoo.recipe import NEAREST, Data, Optim, Recipe
from stylezoo.zoo.families import FAMILIES, Family, those

Bound = tuple[str, bool, str]
"""A key, whether its value is valid, and what it must be."""

AMOUNT, RISING = "must be a number of at least 0", "must be two rising px values"


def check_recipe(recipe: Recipe, where: str) -> None:
    """Raise RecipeError, naming `where` and the dotted key, for a value that cannot work."""
    try:
        for section, bounds in (
            ("data", _data_bounds(recipe.data)),
            ("loss", _loss_bounds(recipe)),
            ("optim", _optim_bounds(recipe.optim)),
            ("run", _run_bounds(recipe)),
        ):
            for key, fine, rule in bounds:
                if not fine:
                    raise RecipeError(f"{section}.{key} {rule}, not {getattr(getattr(recipe, section), key)}")
        family = _family_of(recipe)
        _check_model(recipe, family)
        _check_styles(recipe, family)
        net_class(family.id).check_recipe(recipe)
        recipe.record({})
    except (RecipeError, ValueError) as cause:
        raise RecipeError(f"{where}: {cause}") from cause


def _data_bounds(data: Data) -> Iterator[Bound]:
    yield "crop", data.crop >= 32, "must be at least 32 px"
    yield "hold_out", data.hold_out >= 0 and data.hold_out != 1, "must be 0 (none) or at least 2"
    yield "short_side", 32 <= data.short_side[0] <= data.short_side[1], RISING
    yield "style_count", data.style_count >= 2, "must be at least 2"
    yield "style_side", data.style_side >= 64, "must be at least 64 px"
    yield "style_short_side", 32 <= data.style_short_side[0] <= data.style_short_side[1], RISING


def _loss_bounds(recipe: Recipe) -> Iterator[Bound]:
    loss, family = recipe.loss, FAMILIES.get(recipe.model.family)
    for key in ("content_weight", "style_weight", "tv_weight", "sliced_weight", "palette_weight", "consistency"):
        yield key, _is_amount(getattr(loss, key)), AMOUNT
    layers = not loss.sliced_weight or _usable(loss.sliced)
    yield "sliced_weight", layers, "needs layers: name them in loss.sliced, each with its weight"
    balanced = not loss.balanced or (loss.style_term == "gram" and loss.normalize)
    yield "balanced", balanced, "goes with loss.style_term gram and loss.normalize true"
    yield "balance", 0 <= loss.balance <= 4, "must be from 0 (off) to 4"
    for key in ("content",) if family and family.reconstructs else ("style", "content"):
        yield key, _usable(getattr(loss, key)), "needs a layer with a positive weight, and none with a negative one"


def _optim_bounds(optim: Optim) -> Iterator[Bound]:
    yield "lr", 0 < optim.lr < 1, "must be between 0 and 1"
    yield "rows", 0 < optim.rows <= 100, "must be above 0 and at most 100"
    yield "betas", all(0 <= b < 1 for b in optim.betas), "must be two numbers from 0 up to, but not, 1"
    yield "anneal", 0 < optim.anneal <= 1, "must be above 0, and 1 at most"
    yield "warmup", optim.warmup >= 0, "must not be negative"
    yield "final", 0 <= optim.final <= 1, "must be from 0 to 1"
    yield "clip", optim.clip > 0, "must be positive"


def _run_bounds(recipe: Recipe) -> Iterator[Bound]:
    run = recipe.run
    for key in ("steps", "batch", "log_every", "checkpoint_every"):
        yield key, getattr(run, key) >= 1, "must be at least 1"
    for key in ("seed", "sample_every", "memory_mb"):
        yield key, (getattr(run, key) or 0) >= 0, "must not be negative"
    yield "minutes", _is_amount(run.minutes), AMOUNT
    yield "ema", 0 <= run.ema < 1, "must be from 0 up to, but not, 1"
    yield "teacher", 0 <= run.teacher <= 1, "must be from 0 to 1"
    yield "distill", 0 <= run.distill <= run.steps, "must be from 0 to run.steps"
    yield "distill", not run.distill or bool(recipe.model.teacher), "needs a model.teacher to copy"


def _is_amount(value: float) -> bool:
    return 0 <= value < inf


def _usable(weights: dict[str, float]) -> bool:
    return all(map(_is_amount, weights.values())) and any(weights.values())


def _family_of(recipe: Recipe) -> Family:
    name = recipe.model.family
    if name not in FAMILIES:
        raise RecipeError(f"model.family '{name}' does not exist; there are {', '.join(FAMILIES)}")
    if FAMILIES[name].weightless:
        raise RecipeError(f"model.family {name} has nothing to train: it optimises each picture")
    if not recipe.name.startswith(f"{name}/"):
        raise RecipeError(f"name '{recipe.name}' must start with its family: {name}/<style>")
    return FAMILIES[name]


def _check_model(recipe: Recipe, family: Family) -> None:
    model = recipe.model
    if model.base is not None and not those(extension=family.id):
        raise RecipeError(f"model.base is for multi-style models, not for {family.id}: leave it out")
    if model.base is not None and model.start is not None:
        raise RecipeError("model.base and model.start exclude each other: leave one out")
    if model.start is not None and not family.starts_from:
        raise RecipeError(f"model.start is not for {family.id}: leave it out")
    if model.start == NEAREST and not finds_nearest(family):
        raise RecipeError(
            f"model.start nearest needs named styles and a shared trunk, not {family.id}: name a model as model.start"
        )
    if model.base is not None and model.args:
        raise RecipeError("model.base sets model.args: leave them out")
    if "styles" in model.args:
        raise RecipeError("model.args.styles is counted from the recipe's styles: leave it out")


def finds_nearest(family: Family) -> bool:
    """Whether models of a family can start from the nearest model of the zoo, see `stylezoo.train.rows`."""
    return family.kind != "arbitrary" and bool(family.starts_from) and issubclass(net_class(family.id), TrunkNet)


def _check_styles(recipe: Recipe, family: Family) -> None:
    styles = recipe.styles
    if family.kind == "single" and len(styles) > 1:
        raise RecipeError(f"{family.id} learns one style, but {len(styles)} are given: give one with --style IMAGE")
    if not styles and family.kind != "arbitrary":
        raise RecipeError("no style to learn: give a picture with --style IMAGE")
    for style in styles:
        if (least := min((style.size, *style.extra_sizes))) < 32:
            raise RecipeError(f"styles: the size of '{style.id}' must be at least 32 px, not {least}")
        if style.whole_colors and style.crop is None:
            raise RecipeError(f"styles: '{style.id}' has whole_colors but no crop: name a crop, or leave it out")
    ids = [style.id for style in styles]
    if twice := sorted({i for i in ids if ids.count(i) > 1}):
        raise RecipeError(f"styles: the same id occurs twice: {', '.join(twice)}")
