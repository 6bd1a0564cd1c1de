"""Plain values, as read from YAML or JSON, as frozen records: strict, with the dotted path of what is wrong."""

from __future__ import annotations

import re
from typing import Any, TypeVar

import msgspec

from stylezoo.errors import StyleZooError, did_you_mean

T = TypeVar("T")


class Record(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True, kw_only=True):
    """Base of all records: immutable, keyword-only, and an unknown key in the input is an error."""


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
