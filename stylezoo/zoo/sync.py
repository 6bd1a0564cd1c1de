"""Compare a zoo in a folder with one in a Hub repository, and fetch models from there."""

from __future__ import annotations

import shutil
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import msgspec

from stylezoo._files import replacing, sha256_of
from stylezoo.errors import RegistryError
from stylezoo.zoo.catalog import REGISTRY, OpenZoo, fetch_registry, place_weights
from stylezoo.zoo.fingerprints import FILE as FINGERPRINTS
from stylezoo.zoo.fingerprints import find_fingerprints, write_fingerprints
from stylezoo.zoo.hub import MissingError, Repository
from stylezoo.zoo.layout import read_zoo
from stylezoo.zoo.spec import HubSpec, ModelSpec, Zoo
from stylezoo.zoo.store import locate
from stylezoo.zoo.writing import write_zoo

State = Literal["same", "only here", "only there", "missing here", "damaged here", "newer there", "differs"]

TAKEN: tuple[State, ...] = ("only there", "missing here", "damaged here", "newer there")
"""What can be taken over from there without losing anything that is here."""

SENT: tuple[State, ...] = ("only here", "differs")
"""What can be sent without undoing anything that is there: its history keeps what it replaces."""


@dataclass(frozen=True)
class Difference:
    """The state of a model in the folder and in the repository.

    `state`: "newer there" means that the repository had the folder's version before; "differs" that it never did, or
    that the records differ. "missing here" and "damaged here" are of the weights file.
    """

    name: str
    state: State


def compare(here: OpenZoo, repository: Repository) -> list[Difference]:
    """Return the state of each model by name; models without weights are left out.

    Raises:
        HubError, RegistryError: the repository or its registry cannot be read.
    """
    there = _weighty(read_zoo(fetch_registry(repository), f"{repository}/{REGISTRY}"))
    own = _weighty(here.zoo)
    facts = {name: _facts(own[name]) for name in own.keys() & there.keys()}
    older = _held(repository, {name: ours for name, ours in facts.items() if ours != _facts(there[name])})

    def state(name: str) -> State:
        ours, theirs = own.get(name), there.get(name)
        if ours is None:
            return "only there"
        if theirs is None:
            return "only here"
        if facts[name] != _facts(theirs):
            return "newer there" if name in older else "differs"
        return _file_state(here, ours)

    return [Difference(name, state(name)) for name in sorted({*own, *there})]


def take(models: Iterable[ModelSpec], folder: Path) -> list[Path]:
    """Fetch models of a repository, from `read_repository`, into a zoo in a folder; return their files.

    The folder's registry keeps its other models and is written last.

    Raises:
        RegistryError: the folder's registry cannot be read, or a file that stylezoo did not write is in the way.
        HubError, WeightsError: a file cannot be fetched, or its hash differs.
    """
    models = list(models)
    registry = folder / REGISTRY
    zoo = read_zoo(registry) if registry.exists() else Zoo(schema=1, aliases={}, models={})
    added: dict[str, ModelSpec] = {}
    paths = []
    sources = [(spec, locate(spec)) for spec in models]  # all of it is here before anything is replaced
    fingerprints = {
        spec.name: found for spec, found in zip(models, find_fingerprints(models), strict=True) if found is not None
    }
    for spec, source in sources:
        assert spec.weights is not None and spec.weights.hub is not None  # as in every repository
        target = folder / spec.weights.file
        if not target.resolve().is_relative_to(folder.resolve()):  # a link that somebody laid in the folder
            raise RegistryError(f"{target} points outside {folder}: remove the link")
        if spec.name not in zoo.models and target.exists() and sha256_of(target) != spec.weights.sha256:
            raise RegistryError(f"{target} exists but belongs to no model in {registry}: move it away")
        with replacing(target) as temporary:
            shutil.copyfile(source, temporary)
        added[spec.name] = place_weights(spec, HubSpec(repo=spec.weights.hub.repo))
        paths.append(target)
    if fingerprints:
        write_fingerprints(fingerprints, folder / FINGERPRINTS)
    if added:
        write_zoo(msgspec.structs.replace(zoo, models=zoo.models | added), registry)
    return paths


def _weighty(zoo: Zoo) -> dict[str, ModelSpec]:
    return {name: spec for name, spec in zoo.models.items() if spec.weights}


def _facts(spec: ModelSpec) -> ModelSpec:
    """Return the record without the place of its weights, which differs between folder and repository."""
    assert spec.weights is not None  # as in every registry
    weights = msgspec.structs.replace(spec.weights, file="x.safetensors", bundled=True, hub=None)
    return msgspec.structs.replace(spec, weights=weights)


def _held(repository: Repository, wanted: dict[str, ModelSpec]) -> set[str]:
    """Return the names under which the repository once had exactly the `wanted` record."""
    found: set[str] = set()
    for commit in repository.history() if wanted else ():
        if found == wanted.keys():
            break
        try:
            zoo = read_zoo(fetch_registry(repository.at(commit)))
        except (MissingError, RegistryError):  # a commit before the first registry, or with a broken one
            continue
        models = _weighty(zoo)
        found |= {name for name in wanted.keys() & models.keys() if _facts(models[name]) == wanted[name]}
    return found


def _file_state(here: OpenZoo, spec: ModelSpec) -> State:
    assert spec.weights is not None  # as in every registry
    if here.folder is None:
        return "same"
    path = here.folder / spec.weights.file
    if not path.is_file():
        return "missing here"
    return "same" if sha256_of(path) == spec.weights.sha256 else "damaged here"
