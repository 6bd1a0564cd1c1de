"""Load recipes from YAML: find them, resolve `extends:`, and apply overrides."""

from __future__ import annotations

import re
from collections.abc import Sequence
from importlib.resources import files
from pathlib import Path
from typing import Any

import yaml

from stylezoo._records import convert
from stylezoo._yaml import read_yaml
from stylezoo.data.images import SUFFIXES
from stylezoo.errors import RecipeError, did_you_mean
from stylezoo.recipe import NEAREST, Model, Recipe
from stylezoo.train.check import check_recipe, finds_nearest
from stylezoo.train.references import fill_in
from stylezoo.types import PathLike
from stylezoo.zoo.families import FAMILIES, those
from stylezoo.zoo.spec import UNSTATED


def find_recipe(name: PathLike) -> Path:
    """Return the path of a recipe: a file, or a bundled one ("recipes/johnson.yaml", "johnson").

    Raises:
        RecipeError: there is no such recipe.
    """
    path = Path(name)
    if path.is_file():
        return path
    folder = packaged_recipes()
    if path.parent in (Path(), Path("recipes")):  # a path in another folder never means a bundled recipe
        for candidate in (folder / path.name, folder / f"{path.name}.yaml"):
            if candidate.is_file():
                return candidate
    known = sorted(p.stem for p in folder.glob("*.yaml"))
    near = did_you_mean(path.stem, known)
    raise RecipeError(f"no recipe is named {name}; the bundled ones are {', '.join(known)}.{near}")


def packaged_recipes() -> Path:
    """Return the folder of the bundled recipes: in the installed package, or at the top of a source checkout."""
    package = Path(str(files("stylezoo")))
    inside = package / "recipes"
    return inside if inside.is_dir() else package.parent / "recipes"


def load_recipe(
    source: PathLike,
    *,
    overrides: Sequence[str] = (),
    style: PathLike | None = None,
    styles: PathLike | None = None,
    content: PathLike | None = None,
    name: str | None = None,
) -> Recipe:
    """Read a recipe with its `extends:` bases, and apply overrides.

    Args:
        source: a file, or the name of a bundled recipe.
        overrides: "section.key=value", with the value in YAML.
        style: a style image to learn instead of the recipe's styles; an arbitrary-style model keeps it by name.
        styles: a folder of style images to learn, one style each; for arbitrary-style models, the training images.
        content: a folder of photos that overrides the recipe's.
        name: the name of the model.

    Raises:
        RecipeError: an unknown key, or a wrong type or value; the message has its dotted path.
    """
    path = find_recipe(source)
    plain = _with_base(path, [])
    if content is not None:
        _put(plain, ["data", "content"], str(Path(content).resolve()), "--content")
    if style is not None and styles is not None:
        raise RecipeError("--style and --styles exclude each other: leave one out")
    if style is not None:
        plain["styles"] = [_own_style(Path(style), name.rpartition("/")[2] if name else None)]
    model = plain.get("model")
    if styles is not None and isinstance(model, dict) and model.get("family") in those(learns_any=True):
        _put(plain, ["data", "styles"], str(Path(styles).resolve()), "--styles")
    elif styles is not None:
        plain["styles"] = [_own_style(p) for p in _pictures(Path(styles))]
    if name is not None:
        plain["name"] = name
    for override in overrides:
        _override(plain, override)
    if style is not None or styles is not None:
        model = plain.setdefault("model", {})
        if isinstance(model, dict) and _has_no_start(model):
            model["start"] = NEAREST
    fill_in(plain, str(path))
    recipe = convert(plain, Recipe, str(path), RecipeError)
    check_recipe(recipe, str(path))
    return recipe


def _has_no_start(model: dict[str, Any]) -> bool:
    """Whether neither the recipe nor the caller sets a start for a model that can start from the nearest one."""
    family = FAMILIES.get(str(model.get("family", Model().family)))
    able = family is not None and not family.weightless and finds_nearest(family)
    return able and not {"start", "base", "teacher"} & model.keys()


def load_recipes(names: Sequence[str]) -> list[Recipe]:
    """Return the named recipes; by default, all bundled ones that can be trained as they are."""
    if names:
        return [load_recipe(name) for name in names]
    found = []
    for path in sorted(packaged_recipes().glob("*.yaml")):
        try:
            found.append(load_recipe(path))
        except RecipeError:  # it needs a style from the caller
            continue
    return found


def _with_base(path: Path, seen: list[Path]) -> dict[str, Any]:
    if path.resolve() in seen:
        raise RecipeError(f"{path}: extends itself, through {', '.join(p.name for p in seen)}")
    plain = read_yaml(path, RecipeError)
    for entry in plain.get("styles") or ():
        image = entry.get("image") if isinstance(entry, dict) else None
        if isinstance(image, str) and (path.parent / image).is_file():  # relative to the recipe
            entry["image"] = str((path.parent / image).resolve())
    base = plain.pop("extends", None)
    if base is None:
        return plain
    if not isinstance(base, str):
        raise RecipeError(f"{path}: extends: must be the file name of a recipe, not {base!r}")
    local = path.parent / base
    return _merge(_with_base(local if local.is_file() else find_recipe(base), [*seen, path.resolve()]), plain)


def _merge(base: dict[str, Any], top: dict[str, Any]) -> dict[str, Any]:
    """Merge `top` over `base`: sections key by key; a list or map within a section replaces the base's."""
    merged = dict(base)
    for key, value in top.items():
        below = merged.get(key)
        merged[key] = {**below, **value} if isinstance(value, dict) and isinstance(below, dict) else value
    return merged


def _override(plain: dict[str, Any], override: str) -> None:
    dotted, equals, text = override.partition("=")
    keys = dotted.strip().split(".")
    if not equals or not all(keys):
        raise RecipeError(f"--set takes section.key=value, for example run.steps=500, not '{override}'")
    try:
        value = yaml.safe_load(text)
    except yaml.YAMLError as cause:
        raise RecipeError(f"--set {dotted}: '{text}' is not a YAML value") from cause
    _put(plain, keys, value, f"--set {dotted}")


def _put(plain: dict[str, Any], keys: list[str], value: Any, option: str) -> None:
    for key in keys[:-1]:
        plain = plain.setdefault(key, {})
        if not isinstance(plain, dict):
            raise RecipeError(f"{option}: '{key}' has no keys")
    plain[keys[-1]] = value


def style_id(name: str) -> str:
    """Return a style id for a name, such as a file's name without its suffix."""
    return re.sub(r"[^a-z0-9]+", "_", name.lower())[:96].strip("_") or "style"


def _own_style(path: Path, name: str | None = None) -> dict[str, Any]:
    return {
        "id": style_id(name or path.stem),
        "title": path.stem,
        "image": str(path.resolve()),
        "rights": UNSTATED,
        "source": path.name,
    }


def _pictures(folder: Path) -> list[Path]:
    found = sorted(p for p in folder.iterdir() if p.suffix.lower() in SUFFIXES) if folder.is_dir() else []
    if not found:
        raise RecipeError(f"--styles {folder}: no such folder, or no pictures in it")
    return found


def from_yaml(path: PathLike) -> Recipe:
    """Read the effective recipe of a run."""
    return convert(read_yaml(path, RecipeError), Recipe, str(path), RecipeError)
