"""zoo.yaml: the file format of the registry, which states every artwork, data set and right once.

Models name artworks by id in `styles`, and data sets as {id} in `training_data`; artworks name a sentence of `rights`.
Reading copies all of it into the models' records, which then hold what a header, a card or a user needs;
`stylezoo.zoo.writing` reverses this.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import msgspec

from stylezoo._records import Record
from stylezoo.errors import RegistryError, did_you_mean
from stylezoo.types import PathLike
from stylezoo.zoo.explain import read_record
from stylezoo.zoo.fields import ID, ID_FORM, PATH, FieldError, resolve
from stylezoo.zoo.spec import DatasetSpec, FileSpec, ModelSpec, StyleSpec, Zoo

_replace = msgspec.structs.replace


class _Outline(Record, frozen=True, kw_only=True):
    """A registry whose entries are not parsed yet."""

    schema: int
    aliases: dict[str, str]
    rights: dict[str, str] = msgspec.field(default_factory=dict)
    artworks: dict[str, Any] = msgspec.field(default_factory=dict)
    datasets: dict[str, Any] = msgspec.field(default_factory=dict)
    files: dict[str, Any] = msgspec.field(default_factory=dict)
    models: dict[str, Any]


class _Renamed(Record, frozen=True, kw_only=True):
    """A model's style whose id differs from its artwork's."""

    id: str
    artwork: str


def read_zoo(path: PathLike, where: str | None = None) -> Zoo:
    """Return the registry in a YAML file; raise RegistryError if it is missing or breaks the schema.

    `where` is what messages call it, in place of the file's name.
    """
    from stylezoo._yaml import read_yaml

    where = where or Path(path).name
    return parse_zoo(read_yaml(path, RegistryError, where, aliases=False), where)


def parse_zoo(mapping: dict[str, Any], where: str) -> Zoo:
    """Return the registry that `mapping` (as read from YAML) states.

    Raises RegistryError, which starts with `where` and the dotted path of what is wrong.
    """
    outline = read_record(mapping, _Outline, (), where, RegistryError)
    if outline.schema != 1:
        raise RegistryError(f"{where}: schema: is {outline.schema}, but this version reads only 1: upgrade stylezoo.")
    for section in ("rights", "artworks", "datasets"):
        for key in getattr(outline, section):
            if not ID.fullmatch(key):
                raise RegistryError(f"{where}: {section}: the key '{key}' must be {ID_FORM}.")
    artworks = {id: _parse_artwork(id, value, outline.rights, where) for id, value in outline.artworks.items()}
    datasets = {
        id: read_record(value, DatasetSpec, ("datasets", id), where, RegistryError)
        for id, value in outline.datasets.items()
    }
    check_parts(datasets, where)
    files = {
        path: read_record(value, FileSpec, ("files", path), where, RegistryError)
        for path, value in outline.files.items()
    }
    for path in files:
        if not PATH.fullmatch(path):
            raise RegistryError(f"{where}: files: '{path}' must be a relative path of letters, digits, ., - and _.")
    models = {name: _parse_model(name, value, artworks, datasets, where) for name, value in outline.models.items()}
    for alias, name in outline.aliases.items():
        if not ID.fullmatch(alias):
            raise RegistryError(f"{where}: aliases.{alias}: an alias must be {ID_FORM}.")
        _known(name, models, f"{where}: aliases.{alias}: no model is named")
    return Zoo(
        schema=1,
        aliases=outline.aliases,
        models=models,
        artworks=artworks,
        datasets=datasets,
        rights=outline.rights,
        files=files,
    )


def check_parts(datasets: Mapping[str, DatasetSpec], where: str) -> None:
    """Raise RegistryError, which starts with `where`, for a part that is undefined or has parts itself."""
    for id, there in datasets.items():
        for part in there.parts:
            _known(part, datasets, f"{where}: datasets.{id}.parts: no data set is named")
            if datasets[part].parts:
                raise RegistryError(f"{where}: datasets.{id}.parts: '{part}' has parts itself: list them here.")


def dataset_text(id: str, datasets: Mapping[str, DatasetSpec]) -> str:
    """Return the text for {id}: title and terms of a data set and of each of its parts."""
    there = datasets[id]
    parts = f": {', '.join(f'{{{part}}}' for part in there.parts)}" if there.parts else ""
    text = f"{there.title} ({there.terms}){parts}"
    return resolve("training_data", text, lambda part: dataset_text(part, datasets) if part in there.parts else None)


def name_datasets(text: str, datasets: Mapping[str, DatasetSpec]) -> str:
    """Return a text on training data, with each {id} replaced by the description of that data set.

    Raises FieldError if it becomes too long.
    """
    return resolve("training_data", text, lambda id: dataset_text(id, datasets) if id in datasets else None)


def name_death(sentence: str, died: str | None) -> str:
    return resolve("rights", sentence, lambda key: died if key == "died" else None)


def _parse_artwork(id: str, value: Any, rights: Mapping[str, str], where: str) -> StyleSpec:
    path = ("artworks", id)
    if isinstance(value, dict):
        if "id" in value:
            raise RegistryError(f"{where}: artworks.{id}: unknown key 'id': the artwork's key is its id.")
        key, died = value.get("rights"), value.get("died")
        if isinstance(key, str):
            _known(key, rights, f"{where}: artworks.{id}.rights: no sentence of rights has the key")
            try:
                value = value | {"rights": name_death(rights[key], died if isinstance(died, str) else None)}
            except FieldError as cause:
                raise RegistryError(f"{where}: artworks.{id}.{cause}.") from cause
        value = {"id": id, **value}
    return read_record(value, StyleSpec, path, where, RegistryError)


def _parse_model(
    name: str, value: Any, artworks: Mapping[str, StyleSpec], datasets: Mapping[str, DatasetSpec], where: str
) -> ModelSpec:
    if not all(map(ID.fullmatch, name.split("/"))) or name.count("/") != 1:
        raise RegistryError(f"{where}: models: '{name}' must be family/name in {ID_FORM}.")
    path = ("models", name)
    if isinstance(value, dict):
        if "name" in value:
            raise RegistryError(f"{where}: models.{name}: unknown key 'name': the model's key is its name.")
        value = {"name": name, **value}
        if isinstance(value.get("styles"), list):
            place = f"models.{name}.styles"
            value["styles"] = [
                _parse_style(style, artworks, f"{place}[{i}]", where) for i, style in enumerate(value["styles"])
            ]
        if isinstance(value.get("training_data"), str):
            try:
                value["training_data"] = name_datasets(value["training_data"], datasets)
            except FieldError as cause:
                raise RegistryError(f"{where}: models.{name}.{cause}.") from cause
    spec = read_record(value, ModelSpec, path, where, RegistryError)
    if not spec.weightless:
        for field in ("weights", "provenance"):
            if getattr(spec, field) is None:
                raise RegistryError(f"{where}: models.{name}: Object missing required field `{field}`.")
    return spec


def _parse_style(style: Any, artworks: Mapping[str, StyleSpec], place: str, where: str) -> StyleSpec:
    if isinstance(style, str):
        style = {"id": style, "artwork": style}
    entry = read_record(style, _Renamed, (place,), where, RegistryError)
    _known(entry.artwork, artworks, f"{where}: {place}: no artwork is named")
    if entry.id == entry.artwork:
        return artworks[entry.artwork]
    try:
        return _replace(artworks[entry.artwork], id=entry.id)
    except ValueError as cause:
        raise RegistryError(f"{where}: {place}.{cause}") from cause


def _known(key: str, known: Iterable[str], problem: str) -> None:
    """Raise RegistryError, which begins with `problem`, unless a key is known."""
    if key not in known:
        raise RegistryError(f"{problem} '{key}'.{did_you_mean(key, known)}")
