"""Write the registry as zoo.yaml, which states every artwork, data set and right once (`stylezoo.zoo.layout`)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec
import yaml

from stylezoo._files import replacing
from stylezoo.types import PathLike
from stylezoo.zoo.fields import ID
from stylezoo.zoo.layout import dataset_text, name_death, parse_zoo
from stylezoo.zoo.spec import StyleSpec, Zoo

_replace = msgspec.structs.replace


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
        if palette := artworks[id].palette:
            plain_artworks[id]["palette"] = _Flow(palette)
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
        said = (key for key, text in rights.items() if name_death(text, artwork.died) == artwork.rights)
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
