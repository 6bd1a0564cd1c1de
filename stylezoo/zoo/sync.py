"""What differs between a zoo in a folder and one in a repository of the Hub, and taking over what is there."""

from __future__ import annotations

import shutil
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import msgspec

from stylezoo.errors import RegistryError, StyleZooError
from stylezoo.files import replacing, sha256_of
from stylezoo.zoo.catalog import REGISTRY, OpenZoo, fetch_registry, place_weights
from stylezoo.zoo.hub import Repository
from stylezoo.zoo.spec import HubSpec, ModelSpec, Zoo, read_zoo, write_zoo
from stylezoo.zoo.store import locate

State = Literal["same", "only here", "only there", "missing here", "damaged here", "newer there", "differs"]

TAKEN: tuple[State, ...] = ("only there", "missing here", "damaged here", "newer there")
"""What can be taken over from there without losing anything that is here."""

SENT: tuple[State, ...] = ("only here", "differs")
"""What can be sent without undoing anything that is there: its history keeps what it replaces."""


@dataclass(frozen=True)
class Difference:
    """How a model stands here and there.

    `state`: "newer there" means that the repository once held just what is here; "differs" that it never did, or that
    the records differ. "missing here" and "damaged here" are of the weights file.
    """

    name: str
    state: State


def compare(here: OpenZoo, repository: Repository) -> list[Difference]:
    """Return how each model stands, by name; those without weights, which no zoo has to keep, are left out.

    Raises:
        HubError, RegistryError: the repository or its registry cannot be read.
    """
    there = _weighty(read_zoo(fetch_registry(repository), f"{repository}/{REGISTRY}"))
    own = _weighty(here.zoo)
    unequal = [name for name in own.keys() & there.keys() if _facts(own[name]) != _facts(there[name])]
    known = _known(repository, unequal) if unequal else {}

    def state(name: str) -> State:
        ours, theirs = own.get(name), there.get(name)
        if ours is None:
            return "only there"
        if theirs is None:
            return "only here"
        if _facts(ours) != _facts(theirs):
            return "newer there" if _facts(ours) in known[name] else "differs"
        return _file_state(here, ours)

    return [Difference(name, state(name)) for name in sorted({*own, *there})]


def take(models: Iterable[ModelSpec], folder: Path) -> list[Path]:
    """Bring models of a repository, as `read_repository` gives them, into a zoo in a folder; return their files.

    The folder's registry keeps its other models, and is written last.

    Raises:
        RegistryError: the folder's registry cannot be read.
        HubError, WeightsError: a file cannot be had, or is not the right one.
    """
    registry = folder / REGISTRY
    zoo = read_zoo(registry) if registry.exists() else Zoo(schema=1, aliases={}, models={})
    added: dict[str, ModelSpec] = {}
    paths = []
    for spec in models:
        assert spec.weights is not None and spec.weights.hub is not None  # as in every repository
        source, target = locate(spec), folder / spec.weights.file
        if not target.resolve().is_relative_to(folder.resolve()):  # a link that somebody laid in the folder
            raise RegistryError(f"{target} leads out of {folder}: remove the link")
        with replacing(target) as temporary:
            shutil.copyfile(source, temporary)
        added[spec.name] = place_weights(spec, HubSpec(repo=spec.weights.hub.repo))
        paths.append(target)
    if added:
        write_zoo(msgspec.structs.replace(zoo, models=zoo.models | added), registry)
    return paths


def _weighty(zoo: Zoo) -> dict[str, ModelSpec]:
    return {name: spec for name, spec in zoo.models.items() if spec.weights}


def _facts(spec: ModelSpec) -> ModelSpec:
    """Return the record without where its weights lie, which is another place here and there."""
    assert spec.weights is not None  # as in every registry
    weights = msgspec.structs.replace(spec.weights, file="x.safetensors", bundled=True, hub=None)
    return msgspec.structs.replace(spec, weights=weights)


def _known(repository: Repository, names: list[str]) -> dict[str, list[ModelSpec]]:
    """Return the records that the repository has had of each model."""
    known: dict[str, list[ModelSpec]] = {name: [] for name in names}
    for commit in repository.history():
        try:
            zoo = read_zoo(fetch_registry(repository.at(commit)))
        except StyleZooError:  # a commit before the first registry, or with a broken one
            continue
        models = _weighty(zoo)
        for name in known.keys() & models.keys():
            known[name].append(_facts(models[name]))
    return known


def _file_state(here: OpenZoo, spec: ModelSpec) -> State:
    assert spec.weights is not None  # as in every registry
    if here.folder is None:
        return "same"
    path = here.folder / spec.weights.file
    if not path.is_file():
        return "missing here"
    return "same" if sha256_of(path) == spec.weights.sha256 else "damaged here"
