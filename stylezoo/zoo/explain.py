"""Convert plain values to records, with errors that name the place in a registry or header and the remedy."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, NoReturn, TypeVar

import msgspec

from stylezoo._records import convert
from stylezoo.errors import StyleZooError
from stylezoo.zoo.fields import ID, FieldError

T = TypeVar("T")
_Scalar = bool | int | float | str


def read_record(value: Any, kind: type[T], path: tuple[str, ...], where: str, error: type[StyleZooError]) -> T:
    """Return `value` as a `kind`; raise `error`, which names its place below the keys `path`, if it is not one."""
    try:
        return msgspec.convert(value, kind, strict=True)
    except msgspec.ValidationError:
        for key, member in _members(value):
            _explain(member, _Scalar, (*path, *key), where, error)
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


def _members(value: Any) -> Iterator[tuple[tuple[str, str], Any]]:
    """Yield (keys, value) of what stands in a model's `arch`, whose keys msgspec would not name."""
    arch = value.get("arch") if isinstance(value, dict) else None
    for key, member in arch.items() if isinstance(arch, dict) else ():
        if isinstance(key, str) and ID.fullmatch(key):
            yield ("arch", key), member
