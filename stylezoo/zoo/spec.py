"""zoo.yaml as frozen records: what a model is, where its weights lie, how good it was measured to be.

The same record, without what only the registry can state (weights, check), travels as JSON in the header of
each weights file, under the metadata key 'stylezoo', so that a lone file says what it is.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal, NoReturn, TypeVar

import msgspec
import yaml

from stylezoo.errors import RegistryError, StyleZooError, WeightsError, did_you_mean
from stylezoo.files import replacing
from stylezoo.schema import Record, convert, read_yaml
from stylezoo.types import PathLike
from stylezoo.zoo.families import FAMILIES, Kind
from stylezoo.zoo.fields import ID, ID_FORM, PATH, FieldError, check_filled, check_harmless, check_hex, check_id

T = TypeVar("T")

Scalar = bool | int | float | str

HEADER_KEY = "stylezoo"
"""The key of a safetensors file's metadata that holds `header_record`."""

UNSTATED = "unstated: add the rights to the picture before you share the net"
"""The rights to a style of which nobody has told them."""

CARD_KEY = "stylezoo-card"
"""The key of a style card's metadata that holds its record, a `CardSpec`."""


class PictureSpec(Record, frozen=True, kw_only=True):
    """Where a style's picture can be had: `stylezoo data get presets` fetches it.

    `file` is its name in the data folder's presets/, `page` describes it to people, `urls` are downloads of it that
    are tried in turn, and `phash` is `stylezoo.image.phash.perceptual_hash` of the picture that was learned from:
    reproductions differ in size and compression, so bytes cannot tell whether one is right.
    """

    file: str
    page: str
    urls: tuple[str, ...]
    phash: str

    def __post_init__(self) -> None:
        if not re.fullmatch(r"[a-z0-9_-]{1,120}\.(jpg|jpeg|png|webp)", self.file):
            raise FieldError("file", f"must be a name such as great_wave.jpg, in lowercase, not '{self.file}'")
        if not self.urls:
            raise FieldError("urls", "must be at least one address")
        for field, url in [("page", self.page), *(("urls", url) for url in self.urls)]:
            if not re.fullmatch(r"https?://[!-~]+", url):  # visible ASCII: what goes over the wire as it stands
                raise FieldError(field, f"must be an address https://... with %-escapes where needed, not '{url}'")
        check_hex("phash", self.phash, 16)


class StyleSpec(Record, frozen=True, kw_only=True):
    """One style of a model: the picture that it was learned from, and the right to use it.

    Attributes:
        id: the name by which it is called: lowercase letters, digits, - and _.
        title: of the picture.
        artist: who made it.
        year: when, as text: 'c.1831'.
        died: when the artist died, as text, which decides on the copyright.
        rights: why the picture may be used.
        source: where it comes from.
        picture: where it can be fetched.
    """

    id: str
    title: str
    artist: str | None = None
    year: str | None = None
    died: str | None = None
    rights: str
    source: str
    picture: PictureSpec | None = None

    def __post_init__(self) -> None:
        check_id("id", self.id)
        check_filled(self, "title", "rights", "source")


class HubSpec(Record, frozen=True, kw_only=True):
    """A repository 'owner/name' of the Hugging Face Hub; `revision` is a branch, tag or commit (None: main).

    Both become parts of paths in the Hub's cache.
    """

    repo: str
    revision: str | None = None

    def __post_init__(self) -> None:
        if not _REPO.fullmatch(self.repo):
            raise FieldError("repo", f"must be 'owner/name', not '{self.repo}'")
        if self.revision is not None and not _REVISION.fullmatch(self.revision):
            raise FieldError("revision", f"must be a branch, tag or commit, not '{self.revision}'")
        check_filled(self)


_WORD = r"\w(?:[\w.-]{0,94}\w)?"  # as the Hub has it
_REPO = re.compile(rf"(?!.*(?:--|\.\.)){_WORD}/{_WORD}(?<!\.git)", re.ASCII)
_REVISION = re.compile(r"(?!.*(?:\.\.|//|@\{))[^\s/~^:?*\[\\-][^\s~^:?*\[\\]{0,199}(?<![/.])")  # as git has it


class WeightsSpec(Record, frozen=True, kw_only=True):
    """A weights file: `file` is its path under stylezoo/bundled/ as well as in the Hub repository.

    `sha256` is lowercase hexadecimal, `bytes` the file's size, `dtype` the tensors' type, such as 'float16'.
    """

    file: str
    sha256: str
    bytes: int
    dtype: str
    bundled: bool = False
    hub: HubSpec | None = None

    def __post_init__(self) -> None:
        if not PATH.fullmatch(self.file):
            form = "a relative path a/b.safetensors within its folder, of letters, digits, ., - and _"
            raise FieldError("file", f"must be {form}, not '{self.file}'")
        if not self.file.endswith(".safetensors"):
            raise FieldError("file", f"must end in .safetensors, unlike '{self.file}'")
        check_hex("sha256", self.sha256, 64)
        if self.bytes <= 0:
            raise FieldError("bytes", f"must be the file's size, not {self.bytes}")
        if not (self.bundled or self.hub):
            raise FieldError("bundled", "weights must be bundled: true, or name a hub repository")
        check_filled(self, "dtype")


class CheckSpec(Record, frozen=True, kw_only=True):
    """A numeric fingerprint of the net's output; each recomputed value may differ by `tolerance`."""

    values: tuple[float, ...]
    tolerance: float

    def __post_init__(self) -> None:
        if not self.values or not all(map(math.isfinite, self.values)):
            raise FieldError("values", "must be at least one number, and all of them finite")
        if not (math.isfinite(self.tolerance) and self.tolerance > 0):
            raise FieldError("tolerance", f"must be above 0, not {self.tolerance}")


class ModelSpec(Record, frozen=True, kw_only=True):
    """One model. In zoo.yaml `name` is the key that the model stands under, and `weights` is required where it has any.

    `origin` says of weights that were not trained here which file of whose they are; `provenance`, how weights were
    made where it was not one run of `recipe`.

    Raises a ValueError that names the field if the parts do not fit together.
    """

    name: str
    family: str
    arch: dict[str, Scalar]
    styles: tuple[StyleSpec, ...]
    license: str
    summary: str = ""
    recipe: str | None = None
    training_data: str | None = None
    provenance: str | None = None
    origin: str | None = None
    weights: WeightsSpec | None = None
    check: CheckSpec | None = None

    @property
    def kind(self) -> Kind:
        """'single' (one fixed style), 'multi' (styles by name) or 'arbitrary' (any picture)."""
        return FAMILIES[self.family].kind

    @property
    def weightless(self) -> bool:
        """Whether the model has no weights to load: all that it is stands in its record."""
        return FAMILIES[self.family].weightless

    @property
    def style_ids(self) -> tuple[str, ...]:
        """The ids of the styles, in the order of the net's style rows."""
        return tuple(style.id for style in self.styles)

    def __post_init__(self) -> None:
        if self.family not in FAMILIES:
            near = did_you_mean(self.family, FAMILIES)
            known = f"the families are {', '.join(FAMILIES)}"
            raise FieldError("family", f"'{self.family}' is unknown; {known}{near and '.'}{near}")
        family, slash, rest = self.name.partition("/")
        if family != self.family or not slash or not ID.fullmatch(rest):
            raise FieldError("name", f"must be '{self.family}/' and {ID_FORM}, not '{self.name}'")
        check_filled(self, "license")
        for key, value in self.arch.items():
            check_harmless("arch", f"{key} {value}")
        if self.weightless and self.weights is not None:
            raise FieldError("weights", f"a {self.family} model has none: leave the key out")
        ids = self.style_ids
        if self.kind == "single" and len(ids) != 1:
            raise FieldError("styles", f"a {self.family} model has exactly one style, not {len(ids)}")
        if self.kind == "multi" and not ids:
            raise FieldError("styles", f"a {self.family} model has at least one style")
        if twice := next((i for i in ids if ids.count(i) > 1), None):
            raise FieldError("styles", f"two styles have the id '{twice}'")
        if (rows := self.arch.get("styles", len(ids))) != len(ids):
            raise FieldError("arch", f"states {rows} styles, and {len(ids)} are named")


class Zoo(Record, frozen=True, kw_only=True):
    """A whole registry. `aliases` are short names for models."""

    schema: Literal[1]
    aliases: dict[str, str]
    models: dict[str, ModelSpec]


class _Outline(Record, frozen=True, kw_only=True):
    """A registry whose models are not looked into yet."""

    schema: int
    aliases: dict[str, str]
    models: dict[str, Any]


def parse_zoo(mapping: dict[str, Any], where: str) -> Zoo:
    """Return the registry that `mapping` (as read from YAML) states.

    Raises RegistryError, which starts with `where` and the dotted path of what is wrong.
    """
    outline = _read(mapping, _Outline, (), where, RegistryError)
    if outline.schema != 1:
        raise RegistryError(f"{where}: schema: is {outline.schema}, and this stylezoo reads 1: upgrade stylezoo.")
    models = {name: _parse_model(name, value, where) for name, value in outline.models.items()}
    for alias, name in outline.aliases.items():
        place = f"{where}: aliases.{alias}"
        if not ID.fullmatch(alias):
            raise RegistryError(f"{place}: an alias is made of {ID_FORM}.")
        if name not in models:
            raise RegistryError(f"{place}: no model is named '{name}'.{did_you_mean(name, models)}")
    return Zoo(schema=1, aliases=outline.aliases, models=models)


def dump_zoo(zoo: Zoo) -> str:
    """Return the registry as canonical YAML: models and aliases sorted, fields in the records' order, no defaults."""
    models = {name: msgspec.to_builtins(zoo.models[name]) for name in sorted(zoo.models)}
    for model in models.values():
        del model["name"]
    value = {"schema": zoo.schema, "aliases": dict(sorted(zoo.aliases.items())), "models": models}
    return yaml.safe_dump(value, sort_keys=False, allow_unicode=True, width=120)


def write_zoo(zoo: Zoo, path: PathLike) -> None:
    """Write the registry to `path` at once and whole, keeping the comment that the existing file starts with.

    Raises RegistryError, and writes nothing, if the registry could not be read back.
    """
    body = dump_zoo(zoo)
    parse_zoo(yaml.safe_load(body), str(path))
    with replacing(path) as temporary:
        temporary.write_text(_leading_comment(Path(path)) + body, encoding="utf-8")


def read_zoo(path: PathLike, where: str | None = None) -> Zoo:
    """Return the registry in a YAML file; raise RegistryError if it is missing or breaks the schema.

    `where` is what messages call it, in place of the file's name.
    """
    where = where or Path(path).name
    return parse_zoo(read_yaml(path, RegistryError, where, aliases=False), where)


def header_record(spec: ModelSpec) -> str:
    """Return the JSON that belongs in a weights file's metadata under `HEADER_KEY`."""
    bare = msgspec.structs.replace(spec, weights=None, check=None)
    return msgspec.json.encode(bare).decode()


def parse_header(text: str, where: str) -> ModelSpec:
    """Return the model that a weights file's metadata describes; raise WeightsError, led by `where`, if it does not."""
    try:
        value = msgspec.json.decode(text)
    except (msgspec.DecodeError, RecursionError) as cause:
        raise WeightsError(f"{where}: {HEADER_KEY}: the record in the file's header is not JSON: {cause}.") from cause
    return _read(value, ModelSpec, (HEADER_KEY,), where, WeightsError)


def _parse_model(name: str, value: Any, where: str) -> ModelSpec:
    if not all(map(ID.fullmatch, name.split("/"))) or name.count("/") != 1:
        raise RegistryError(f"{where}: models: '{name}' must be family/name in {ID_FORM}.")
    path = ("models", name)
    if isinstance(value, dict):
        if "name" in value:
            raise RegistryError(f"{where}: models.{name}: unknown key 'name': the model's key is its name.")
        value = {"name": name, **value}
    spec = _read(value, ModelSpec, path, where, RegistryError)
    if spec.weights is None and not spec.weightless:
        raise RegistryError(f"{where}: models.{name}: Object missing required field `weights`.")
    return spec


def _read(value: Any, kind: type[T], path: tuple[str, ...], where: str, error: type[StyleZooError]) -> T:
    """Return `value` as a `kind`; an error names its place below `path`."""
    try:
        return msgspec.convert(value, kind, strict=True)
    except msgspec.ValidationError:
        for key, member, member_kind in _members(value):
            _explain(member, member_kind, (*path, *key), where, error)
        _explain(value, kind, path, where, error)
        raise  # not reached: the same value fails again


def _explain(value: Any, kind: Any, path: tuple[str, ...], where: str, error: type[StyleZooError]) -> None:
    """Raise `error` with the dotted path of what is wrong in `value`, if anything is.

    msgspec writes a mapping's keys as [...], and a record's fields by their names: so each key of `path` becomes one.
    """
    for key in reversed(path):
        kind = msgspec.defstruct("Key", [("value", kind)], rename={"value": key})
        value = {key: value}
    try:
        convert(value, kind, where, error)
    except error as problem:
        _raise_plainly(problem, error)


def _raise_plainly(problem: StyleZooError, error: type[StyleZooError]) -> NoReturn:
    message = str(problem.args[0])
    objection = problem.__cause__ and problem.__cause__.__cause__
    if isinstance(objection, FieldError):  # '...weights: sha256: must be' -> '...weights.sha256: must be'
        message = message.replace(f": {objection}", f".{objection}")
    elif key := re.fullmatch(r"(.*): Expected `str`, got `(\w+)` - at `key` in `\$\.?(.*)`\.", message):
        message = f"{key[1]}: {key[3]}: YAML reads a key here as {key[2]}, not as text. Put the key in quotes."
    elif re.search(r"Expected `str.*, got `(int|float|bool|date)`", message):
        message += " Put the value in quotes."
    raise error(message.replace("?.", "?")) from problem.__cause__


def _members(value: Any) -> Iterator[tuple[tuple[str, str], Any, Any]]:
    """Yield (keys, value, type) of what stands in a model's mappings, whose keys msgspec would not name."""
    kinds: dict[str, Any] = {"arch": Scalar}
    for field, kind in kinds.items():
        mapping = value.get(field) if isinstance(value, dict) else None
        for key, member in mapping.items() if isinstance(mapping, dict) else ():
            if isinstance(key, str) and ID.fullmatch(key):
                yield (field, key), member, kind


def _leading_comment(path: Path) -> str:
    if not path.exists():
        return ""
    lines = []
    for line in path.read_text(encoding="utf-8").splitlines(keepends=True):
        if line.strip() and not line.startswith("#"):
            break
        lines.append(line)
    return "".join(lines)
