"""Strict reading of YAML into frozen records, with the dotted path of what is wrong."""

from __future__ import annotations

import re
from collections.abc import Hashable
from pathlib import Path
from typing import Any, TypeVar

import msgspec
import yaml

from stylezoo.errors import StyleZooError, did_you_mean
from stylezoo.types import PathLike

try:
    from yaml import CSafeLoader as _Safe  # of libyaml: nine times as quick
except ImportError:
    from yaml import SafeLoader as _Safe  # type: ignore[assignment]

T = TypeVar("T")
DEEPEST = 100  # levels of lists and mappings in each other


class Record(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True, kw_only=True):
    """Base of all records: immutable, keyword-only, and an unknown key in the input is an error."""


def read_yaml(
    path: PathLike, error: type[StyleZooError], where: str | None = None, *, aliases: bool = True
) -> dict[str, Any]:
    """Return the mapping in a YAML file; raise `error` if the file is missing, broken or holds something else.

    `where` is what messages call the file. `aliases` False refuses references within it, by which a file of a few
    lines from elsewhere could stand for gigabytes.
    """
    where = where or str(path)
    try:
        text = Path(path).read_text(encoding="utf-8")
        _check_shape(text, aliases)
        value = yaml.load(text, _Loader)
    except (OSError, UnicodeDecodeError) as cause:
        raise error(f"cannot read {where}: {getattr(cause, 'strerror', None) or cause}") from cause
    except (yaml.YAMLError, ValueError) as cause:  # ValueError: of a date such as 2026-99-99
        problem = " ".join(str(cause).split())
        if "maximum nesting depth" in problem:  # libyaml of PyYAML 6.0.4 and later has a bound of its own
            raise error(f"{where} is not usable: it is nested too deeply") from cause
        raise error(f"{where} is not valid YAML: {problem}") from cause
    except RecursionError as cause:
        raise error(f"{where} is not usable: it is nested too deeply") from cause
    if not isinstance(value, dict):
        raise error(f"{where} must hold a mapping of keys to values, but holds {type(value).__name__}")
    return value


class _Loader(_Safe):
    """A safe loader that refuses a key given twice, of which YAML's own would silently keep the last."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        seen: set[Any] = set()
        for key in (self.construct_object(key, deep=True) for key, _ in node.value):
            if not isinstance(key, Hashable):  # which is refused below
                continue
            if key in seen:
                raise yaml.constructor.ConstructorError(None, None, f"the key '{key}' occurs twice", node.start_mark)
            seen.add(key)
        return super().construct_mapping(node, deep)


def _check_shape(text: str, aliases: bool) -> None:
    """Refuse nesting that would overflow the stack of libyaml, which has no bound of its own, and unwanted aliases."""
    depth = 0
    for event in yaml.parse(text, Loader=_Loader):
        if isinstance(event, yaml.AliasEvent) and not aliases:
            mark: Any = event.start_mark  # libyaml's own, which the stubs do not expect here
            raise yaml.composer.ComposerError(None, None, "aliases (*name) are not allowed", mark)
        depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
        if depth > DEEPEST:
            raise RecursionError


def convert(value: Any, kind: type[T], where: str, error: type[StyleZooError]) -> T:
    """Return plain `value` (as read from YAML or JSON) as a record of type `kind`.

    Types are strict: the string '1e-3', which YAML 1.1 makes of an exponent without a decimal point, is refused where
    a number belongs. `where` is the file or key that the message starts with.
    """
    try:
        return msgspec.convert(value, kind, strict=True)
    except msgspec.ValidationError as cause:
        message = str(cause)
        text, _, path = message.partition(" - at `$")
        dotted = path.rstrip("`").lstrip(".")
        hint = ""
        if unknown := re.search(r"unknown field `(.+?)`", text):
            text = f"unknown key '{unknown[1]}'"
            hint = did_you_mean(unknown[1], _keys_at(kind, dotted))
        found = _value_at(value, dotted)
        if isinstance(found, str) and (wanted := re.search(r"Expected `(float|int)", text)):
            text += f" '{found}'"
            if re.fullmatch(r"[-+]?(\d+\.?\d*|\.\d+)[eE][-+]?\d+", found):
                hint = f" YAML reads {found} as a string: write {_as_yaml(found, wanted[1])}."
        place = f"{where}: {dotted}" if dotted else where
        raise error(f"{place}: {text}.{hint}") from cause


def _as_yaml(number: str, kind: str) -> str:
    """Return `number`, which has an exponent, in the form that YAML 1.1 reads as a `kind`."""
    if kind == "int" and float(number).is_integer():
        return str(int(float(number)))
    mantissa, exponent = number.lower().split("e")
    return f"{mantissa if '.' in mantissa else mantissa + '.0'}e{exponent if exponent[0] in '+-' else '+' + exponent}"


def _value_at(value: Any, dotted: str) -> Any:
    for key, index in re.findall(r"([^.\[\]]+)|\[(\d+)\]", dotted):
        try:
            value = value[int(index) if index else key]
        except (KeyError, IndexError, TypeError):
            return None
    return value


def _keys_at(kind: Any, dotted: str) -> list[str]:
    for key in filter(None, re.sub(r"\[.*?\]", "", dotted).split(".")):
        fields = {f.encode_name: f.type for f in msgspec.structs.fields(kind)} if _is_record(kind) else {}
        kind = fields.get(key)
        options = getattr(kind, "__args__", ())
        kind = next((o for o in options if _is_record(o)), kind)
    return [f.encode_name for f in msgspec.structs.fields(kind)] if _is_record(kind) else []


def _is_record(kind: Any) -> bool:
    return isinstance(kind, type) and issubclass(kind, msgspec.Struct)
