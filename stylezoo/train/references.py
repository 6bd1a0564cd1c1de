"""Resolve a recipe's references to the registry, so that the recipe of a run is self-contained."""

from __future__ import annotations

from typing import Any

import msgspec

from stylezoo.errors import RecipeError, did_you_mean
from stylezoo.zoo.catalog import default_zoo
from stylezoo.zoo.fields import FieldError
from stylezoo.zoo.layout import name_datasets
from stylezoo.zoo.spec import StyleSpec


def fill_in(plain: dict[str, Any], where: str) -> None:
    """Resolve the references of a recipe, in place.

    A style with `artwork: ID` gets the facts of that artwork; its `id` and `image` default to those of the artwork. In
    `training_data`, {ID} is replaced by the sentence on that data set.

    Raises:
        RecipeError: there is no such artwork, or the style repeats a key of the artwork.
    """
    if isinstance(plain.get("training_data"), str):
        try:
            plain["training_data"] = name_datasets(plain["training_data"], default_zoo().datasets)
        except FieldError as cause:
            raise RecipeError(f"{where}: {cause}") from cause
    styles = plain.get("styles")
    if isinstance(styles, list):
        plain["styles"] = [_with_facts(style, f"{where}: styles[{i}]") for i, style in enumerate(styles)]


def _with_facts(style: Any, where: str) -> Any:
    if not isinstance(style, dict) or "artwork" not in style:
        return style
    own = dict(style)
    id, artworks = own.pop("artwork"), default_zoo().artworks
    if not isinstance(id, str) or id not in artworks:
        raise RecipeError(f"{where}: artwork: the registry has no '{id}'.{did_you_mean(str(id), artworks)}")
    facts = msgspec.to_builtins(artworks[id])
    if twice := sorted(own.keys() & set(StyleSpec.__struct_fields__) - {"id"}):
        raise RecipeError(f"{where}: the artwork '{id}' already states {', '.join(twice)}: leave it out")
    if "picture" in facts:
        facts["image"] = facts["picture"]["file"]
    return facts | own
