"""Find models by name, wildcard or alias, in the bundled zoo.yaml and in added zoos."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import cache
from pathlib import Path

import msgspec

from stylezoo.errors import HubError, ModelNotFoundError, OptionError, RegistryError, did_you_mean
from stylezoo.types import PathLike
from stylezoo.zoo.families import FAMILIES
from stylezoo.zoo.hub import MissingError, Repository, parse_name, parse_repo
from stylezoo.zoo.layout import parse_zoo, read_zoo
from stylezoo.zoo.spec import HubSpec, ModelSpec, Zoo

REGISTRY = "zoo.yaml"
"""File name of the registry in a folder or a repository on the Hub."""

LARGEST_TEXT = 8 * 2**20
"""Bytes; of a registry from elsewhere, in which a model takes some 20 KB at most, or of another text."""

LARGEST_WEIGHTS = 2**31
"""Bytes; of a weights file from elsewhere. The largest net of these families has 100 MB."""

_PACKAGE = Path(__file__).resolve().parents[1]
_added: list[OpenZoo] = []


@dataclass(frozen=True)
class OpenZoo:
    """A registry and the `folder` of its weights files; None: each file is where its record says."""

    zoo: Zoo
    folder: Path | None = None

    def find(self, pattern: str) -> list[ModelSpec]:
        """Return the models whose name or alias matches `pattern`; raise ModelNotFoundError if none does."""
        if names := list_models(pattern, zoo=self.zoo):
            return [self.zoo.models[name] for name in names]
        near = did_you_mean(pattern, (*self.zoo.models, *self.zoo.aliases))
        raise ModelNotFoundError(f"no model matches '{pattern}'.{near}")


@cache
def default_zoo() -> Zoo:
    """Return the package's own registry, read once.

    It is in the package if installed, and at the top of a source checkout. A wheel also has it as JSON, which takes a
    tenth of the time to read. Raises RegistryError if it is missing or breaks its schema.
    """
    file = zoo_file()
    if (same := file.with_suffix(".json")).is_file():
        return parse_zoo(msgspec.json.decode(same.read_bytes()), same.name)
    return read_zoo(file)


def zoo_file() -> Path:
    """Return the path of the package's own zoo.yaml; raise RegistryError if it is missing."""
    for folder in (_PACKAGE, _PACKAGE.parent):
        if (folder / "zoo.yaml").is_file():
            return folder / "zoo.yaml"
    raise RegistryError(f"no zoo.yaml in {_PACKAGE}: reinstall stylezoo.")


def open_zoo(
    source: PathLike,
    *,
    revision: str | None = None,
    cache_dir: PathLike | None = None,
    offline: bool | None = None,
) -> OpenZoo:
    """Read the registry in a folder that has a zoo.yaml, or in the repository of the Hub 'owner/zoo'.

    Models of a repository are pinned to the commit that the registry was read at, and to that repository, whatever the
    registry says; `revision`, `cache_dir` and `offline` are for these, as in `stylezoo.load`.

    Raises:
        RegistryError: there is none, or it breaks the schema.
        HubError: the repository cannot be fetched.
    """
    folder = Path(source).expanduser()
    if folder.is_file() or (folder / REGISTRY).is_file():
        return open_folder(folder)
    try:
        place = parse_repo(str(source), revision)
    except HubError as cause:
        raise RegistryError(f"'{source}' is neither a folder with a {REGISTRY} nor a repository owner/zoo") from cause
    return OpenZoo(read_repository(Repository(place, cache_dir=cache_dir, offline=offline)))


def open_folder(folder: Path) -> OpenZoo:
    """Read the registry in a folder, or the file itself; raise RegistryError if there is none, or a broken one."""
    folder = folder.parent if folder.name == REGISTRY else folder
    if not (folder / REGISTRY).is_file():
        raise RegistryError(f"no {REGISTRY} in {folder}: run stylezoo pull OWNER/ZOO --to {folder}")
    return OpenZoo(read_zoo(folder / REGISTRY), folder)


def read_repository(repository: Repository) -> Zoo:
    """Return the registry of a repository, its models pinned to the commit that it was read at.

    Raises RegistryError if it breaks the schema, and HubError if it cannot be fetched.
    """
    path = fetch_registry(repository)
    hub = HubSpec(repo=repository.place.repo, revision=path.parent.name)  # the cache's snapshots/<commit>/zoo.yaml
    zoo = read_zoo(path, f"{repository}/{REGISTRY}")
    models = {}
    for name, spec in zoo.models.items():
        if spec.weights and spec.weights.bytes > LARGEST_WEIGHTS:
            size = f"weights of {spec.weights.bytes:,} bytes, and a net has {LARGEST_WEIGHTS:,} at most"
            raise RegistryError(f"{repository}/{REGISTRY}: models.{name}: {size}")
        if file := names_file(spec):
            raise RegistryError(f"{repository}/{REGISTRY}: models.{name}.arch: '{file}' points outside the repository")
        models[name] = place_weights(spec, hub)
    return msgspec.structs.replace(zoo, models=models)


def fetch_registry(repository: Repository) -> Path:
    """Fetch a repository's registry, and return its path in the cache; raise HubError if that fails."""
    try:
        return repository.download_text(REGISTRY, f"the registry {REGISTRY}", check=check_text)
    except MissingError as cause:
        how = "check its name or revision; stylezoo push makes a zoo of it"
        raise MissingError(f"the Hub's {repository} is not a zoo, it has no {REGISTRY}: {how}") from cause


def names_file(spec: ModelSpec) -> str | None:
    """Return a path or address in the arguments of a net, such as of an encoder, if there is one."""
    texts = (value for value in spec.arch.values() if isinstance(value, str))
    return next((t for t in texts if re.search(r"[/\\]|\.safetensors$|:.*:", t)), None)


def check_text(size: int) -> None:
    """Raise HubError for a file too large to be a text."""
    if size > LARGEST_TEXT:
        raise HubError(f"it has {size:,} bytes, more than the limit of {LARGEST_TEXT:,}")


def place_weights(spec: ModelSpec, hub: HubSpec) -> ModelSpec:
    """Return the record with its weights, if any, in a repository."""
    weights = spec.weights and msgspec.structs.replace(spec.weights, bundled=False, hub=hub)
    return msgspec.structs.replace(spec, weights=weights)


def add_zoo(
    source: PathLike,
    *,
    revision: str | None = None,
    cache_dir: PathLike | None = None,
    offline: bool | None = None,
) -> list[str]:
    """Add someone's zoo to the package's own, for this process; return the names that it adds.

    `list_models`, `model_info` and `stylezoo.load` then find its models too. A model that exists already, with the same
    name and the same weights, stays as it is, and so does an alias.

    Args:
        source: a folder that has a zoo.yaml, or a repository 'owner/zoo' of the Hub.
        revision, cache_dir, offline: as in `stylezoo.load`.

    Raises:
        RegistryError: it breaks the schema, or one of its names belongs to another model already.
        HubError: the repository cannot be fetched.
    """
    opened = open_zoo(source, revision=revision, cache_dir=cache_dir, offline=offline)
    here = _all_models()
    taken = [n for n, s in opened.zoo.models.items() if n in here and _sha256(here[n][0]) != _sha256(s)]
    if taken:
        instead = "" if opened.folder else f": load them as hf:{parse_repo(str(source)).repo}/{taken[0]}"
        raise RegistryError(f"{source} has models whose names are taken, {', '.join(taken)}{instead}")
    _added.append(opened)
    return sorted(opened.zoo.models.keys() - here.keys())


def lookup(name: str) -> tuple[ModelSpec, Path | None]:
    """Return the record of a model by its name or alias, and the folder of its zoo, if it has one.

    Raises ModelNotFoundError if there is none.
    """
    models, aliases = _all_models(), _all_aliases()
    found = models.get(aliases.get(name, name))
    if found is None and (having := models_with(name)):
        raise ModelNotFoundError(
            f"'{name}' is a style, not a model: use it with a model that has it, as in -m {having[0]} -s {name}. "
            f"Models that have it: {', '.join(having)}."
        )
    if found is None:
        near = did_you_mean(name, (*models, *aliases))
        raise ModelNotFoundError(f"no model is named '{name}'.{near} To see them all, run stylezoo list.")
    return found


def find_remote(
    name: str, *, revision: str | None = None, cache_dir: PathLike | None = None, offline: bool | None = None
) -> ModelSpec:
    """Return the record of the model 'hf:owner/zoo/family/style', pinned to the commit that it was read at.

    Raises:
        ModelNotFoundError: the repository has no such model.
        HubError, RegistryError: as `open_zoo`.
    """
    place, model = parse_name(name, revision)
    zoo = read_repository(Repository(place, cache_dir=cache_dir, offline=offline))
    spec = zoo.models.get(zoo.aliases.get(model, model))
    if spec is None:
        near = did_you_mean(model, zoo.models)
        see = f"To see all, run stylezoo list --repo {place.repo}."
        raise ModelNotFoundError(f"the repository {place.repo} has no model '{model}'.{near} {see}")
    return spec


def list_models(
    pattern: str = "*", *, family: str | None = None, kind: str | None = None, zoo: Zoo | None = None
) -> list[str]:
    """Return the sorted names of the models that match all filters.

    `pattern` has shell wildcards (*, ?, [abc]) and is matched against names and aliases; `family` is 'johnson', 'cin'
    ...; `kind` is 'single', 'multi' or 'arbitrary'; `zoo` is a registry to use instead of the package's own and the
    added ones. Raises OptionError for a family or kind that does not exist.
    """
    _check_choice("family", family, FAMILIES)
    _check_choice("kind", kind, dict.fromkeys(f.kind for f in FAMILIES.values()))
    models = {name: spec for name, (spec, _) in _all_models().items()} if zoo is None else zoo.models
    aliases = _all_aliases() if zoo is None else zoo.aliases
    found = {aliases.get(name, name) for name in (*models, *aliases) if fnmatchcase(name, pattern)}
    specs = (models[name] for name in found)
    return sorted(s.name for s in specs if family in (None, s.family) and kind in (None, s.kind))


def models_with(style: str) -> list[str]:
    """Return the sorted names of the models that have a style of that id."""
    return sorted(name for name, (spec, _) in _all_models().items() if style in spec.style_ids)


def model_info(name: str) -> ModelSpec:
    """Return the record of a model by its name or alias; raise ModelNotFoundError if there is none."""
    return lookup(name)[0]


def _zoos() -> list[OpenZoo]:
    return [OpenZoo(default_zoo()), *_added]


def _all_models() -> dict[str, tuple[ModelSpec, Path | None]]:
    """Return every model with the folder of its zoo; if several have the same name, the first one."""
    return {name: (spec, opened.folder) for opened in reversed(_zoos()) for name, spec in opened.zoo.models.items()}


def _all_aliases() -> dict[str, str]:
    return {alias: name for opened in reversed(_zoos()) for alias, name in opened.zoo.aliases.items()}


def _sha256(spec: ModelSpec) -> str | None:
    return spec.weights.sha256 if spec.weights else None


def _check_choice(option: str, value: str | None, choices: Iterable[str]) -> None:
    choices = list(choices)
    if value is not None and value not in choices:
        near = did_you_mean(value, choices)
        raise OptionError(f"{option} must be one of {', '.join(choices)}, not '{value}'.{near}")
