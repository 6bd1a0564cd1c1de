"""Which models there are: names, wildcards and aliases over the zoo.yaml that belongs to the package."""

from __future__ import annotations

from collections.abc import Iterable
from fnmatch import fnmatchcase
from functools import cache
from pathlib import Path

from stylezoo.errors import ModelNotFoundError, OptionError, RegistryError, did_you_mean
from stylezoo.zoo.spec import FAMILIES, ModelSpec, Zoo, read_zoo

_PACKAGE = Path(__file__).resolve().parents[1]


@cache
def default_zoo() -> Zoo:
    """Return the package's own registry, read once.

    It lies inside an installed package, and at the top of a source checkout. Raises RegistryError if it is missing or
    breaks its schema.
    """
    return read_zoo(zoo_file())


def zoo_file() -> Path:
    """Return the path of the package's own zoo.yaml; raise RegistryError if it is missing."""
    for folder in (_PACKAGE, _PACKAGE.parent):
        if (folder / "zoo.yaml").is_file():
            return folder / "zoo.yaml"
    raise RegistryError(f"there is no zoo.yaml in {_PACKAGE}: reinstall stylezoo.")


def list_models(pattern: str = "*", *, family: str | None = None, kind: str | None = None) -> list[str]:
    """Return the sorted names of the models that fit all three.

    `pattern` has shell wildcards (*, ?, [abc]) and is held against names and aliases; `family` is 'johnson', 'cin' ...;
    `kind` is 'single', 'multi' or 'arbitrary'. Raises OptionError for a family or kind that does not exist.
    """
    _check_choice("family", family, FAMILIES)
    _check_choice("kind", kind, dict.fromkeys(FAMILIES.values()))
    zoo = default_zoo()
    found = {zoo.aliases.get(name, name) for name in (*zoo.models, *zoo.aliases) if fnmatchcase(name, pattern)}
    specs = (zoo.models[name] for name in found)
    return sorted(s.name for s in specs if family in (None, s.family) and kind in (None, s.kind))


def model_info(name: str) -> ModelSpec:
    """Return the record of a model by its name or alias; raise ModelNotFoundError if there is none."""
    zoo = default_zoo()
    spec = zoo.models.get(zoo.aliases.get(name, name))
    if spec is None:
        near = did_you_mean(name, (*zoo.models, *zoo.aliases))
        raise ModelNotFoundError(f"no model is named '{name}'.{near} To see them all, run stylezoo list.")
    return spec


def _check_choice(option: str, value: str | None, choices: Iterable[str]) -> None:
    choices = list(choices)
    if value is not None and value not in choices:
        near = did_you_mean(value, choices)
        raise OptionError(f"{option} must be one of {', '.join(choices)}, not '{value}'.{near}")
