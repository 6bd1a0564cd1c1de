"""zoo.yaml: the file format of the registry, which states every artwork, data set and right once.

Models name artworks by id in `styles`, and data sets as {id} in `training_data`; artworks name a sentence of `rights`.
Reading copies all of it into the models' records, which then hold what a header, a card or a user needs; writing
reverses this.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import msgspec
import yaml

from stylezoo._files import replacing
from stylezoo._records import Record, read_yaml
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


# --- reading ---


def read_zoo(path: PathLike, where: str | None = None) -> Zoo:
    """Return the registry in a YAML file; raise RegistryError if it is missing or breaks the schema.

    `where` is what messages call it, in place of the file's name.
    """
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


def _name_death(sentence: str, died: str | None) -> str:
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
                value = value | {"rights": _name_death(rights[key], died if isinstance(died, str) else None)}
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


# --- writing ---


def write_zoo(zoo: Zoo, path: PathLike) -> None:
    """Write the registry to `path` atomically, keeping the comment at the start of the existing file.

    Raises RegistryError, and writes nothing, if the registry could not be read back.
    """
    body = dump_zoo(zoo)
    parse_zoo(yaml.safe_load(body), str(path))
    with replacing(path) as temporary:
        temporary.write_text(_leading_comment(Path(path)) + body, encoding="utf-8")


def dump_zoo(zoo: Zoo) -> str:
    """Return the registry as canonical YAML: every section sorted, fields in the records' order, no defaults.

    Unused artworks stay, since recipes may use them; unused sentences of rights are removed.
    """
    artworks, styles = _collect_artworks(zoo)
    rights, keys = _collect_rights(zoo, artworks)
    texts = {id: dataset_text(id, zoo.datasets) for id in zoo.datasets}
    plain_artworks = {}
    for id in sorted(artworks):
        plain_artworks[id] = msgspec.to_builtins(artworks[id]) | {"rights": keys[id]}
        del plain_artworks[id]["id"]
    models = {}
    for name in sorted(zoo.models):
        model = models[name] = msgspec.to_builtins(zoo.models[name])
        del model["name"]
        model["styles"] = _Flow(
            style.id if style.id == key else {"id": style.id, "artwork": key}
            for style, key in zip(zoo.models[name].styles, styles[name], strict=True)
        )
        if "training_data" in model:
            model["training_data"] = _refer(model["training_data"], texts)
        model |= {key: _FlowMap(model[key]) for key in ("arch", "weights") if key in model}
    value = {
        "schema": zoo.schema,
        "aliases": dict(sorted(zoo.aliases.items())),
        "rights": rights,
        "artworks": plain_artworks,
        "datasets": {id: msgspec.to_builtins(zoo.datasets[id]) for id in sorted(zoo.datasets)},
        "files": {path: msgspec.to_builtins(zoo.files[path]) for path in sorted(zoo.files)},
        "models": models,
    }
    kept = {key: part for key, part in value.items() if part or key in ("aliases", "models")}
    return yaml.dump(kept, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=120)


def _collect_artworks(zoo: Zoo) -> tuple[dict[str, StyleSpec], dict[str, list[str]]]:
    """Return the artworks by id, and by the name of each model the ids of its styles' artworks.

    An artwork keeps its id as long as a style has the same facts; other facts under that id get the next free number.
    """
    artworks = dict(zoo.artworks)
    everything = [style for spec in zoo.models.values() for style in spec.styles]
    fixed = {id for id, artwork in artworks.items() if any(_same(artwork, style) for style in everything)}

    def key_of(style: StyleSpec) -> str:
        keys = [id for id in fixed if _same(artworks[id], style)]
        if keys:
            return style.id if style.id in keys else min(keys)
        numbered = (f"{style.id}_{i}" for i in range(2, len(everything) + 2))
        key = next(id for id in (style.id, *numbered) if id not in fixed)
        fixed.add(key)
        artworks[key] = _replace(style, id=key)
        return key

    return artworks, {name: [key_of(style) for style in spec.styles] for name, spec in sorted(zoo.models.items())}


def _same(artwork: StyleSpec, style: StyleSpec) -> bool:
    return artwork == style or _replace(artwork, id=style.id) == style


def _collect_rights(zoo: Zoo, artworks: Mapping[str, StyleSpec]) -> tuple[dict[str, str], dict[str, str]]:
    """Return the sentences of rights by key, and by the id of each artwork the key of its own."""
    rights, keys, used = dict(zoo.rights), {}, set()
    for id, artwork in sorted(artworks.items()):
        said = (key for key, text in rights.items() if _name_death(text, artwork.died) == artwork.rights)
        key = next(said, None)
        if key is None:
            slug = re.sub(r"[^a-z0-9]+", "_", artwork.rights.lower())[:32].strip("_") or "rights"
            numbered = (f"{slug}_{i}" for i in range(2, len(artworks) + len(rights) + 2))
            key = next(key for key in (slug, *numbered) if key not in rights and ID.fullmatch(key))
            rights[key] = artwork.rights
        keys[id] = key
        used.add(key)
    return {key: rights[key] for key in sorted(used)}, keys


def _refer(text: str, texts: Mapping[str, str]) -> str:
    """Return a text with {id} in place of each full description of a data set."""
    for id, sentence in sorted(texts.items(), key=lambda item: -len(item[1])):
        text = text.replace(sentence, f"{{{id}}}")
    return text


def _leading_comment(path: Path) -> str:
    if not path.exists():
        return ""
    lines = []
    for line in path.read_text(encoding="utf-8").splitlines(keepends=True):
        if line.strip() and not line.startswith("#"):
            break
        lines.append(line)
    return "".join(lines)


class _Flow(list[Any]):
    """A list to write on one line."""


class _FlowMap(dict[str, Any]):
    """A mapping to write on one line."""


class _Dumper(yaml.SafeDumper):
    """Writes short lists and mappings on one line, and no aliases."""

    def ignore_aliases(self, data: Any) -> bool:
        return True


_Dumper.add_representer(_Flow, lambda d, v: d.represent_sequence("tag:yaml.org,2002:seq", v, flow_style=True))
_Dumper.add_representer(_FlowMap, lambda d, v: d.represent_mapping("tag:yaml.org,2002:map", v, flow_style=True))
