"""Checks of the records' fields, and the error that names a wrong field."""

from __future__ import annotations

import re
from collections.abc import Callable

from stylezoo._records import Record
from stylezoo.errors import STEERING

_DEVICE = r"(?:con|prn|aux|nul|com[0-9]|lpt[0-9])"  # names that are no files on Windows, whatever follows their dot
ID = re.compile(rf"(?!{_DEVICE}$)[a-z0-9_-]{{1,96}}")
ID_FORM = "lowercase letters, digits, - and _ (96 at most, and no device such as con)"
"""What an `ID` is, for messages. It becomes the name of files."""

REFERENCE = re.compile(r"\{([a-z0-9_-]+)\}")
"""A reference within a text, such as {photos}, to what is stated once elsewhere."""

LONGEST = 4000
"""Characters of a text with what it refers to."""

_PART = rf"(?!(?i:{_DEVICE})(?:[./]|$))[A-Za-z0-9_-][\w.-]{{0,126}}(?<!\.)"
PATH = re.compile(rf"({_PART}/){{0,7}}{_PART}", re.ASCII)
"""A path within a folder, the same file on every system: no way out, nothing hidden, nothing that looks alike."""


class FieldError(ValueError):
    """A field has a value of the right type that is not allowed; the message starts with the field."""

    def __init__(self, field: str, problem: str) -> None:
        super().__init__(f"{field}: {problem}")


def check_hex(field: str, value: str, digits: int) -> None:
    """Raise FieldError unless a field's value is a hash of this many lowercase hexadecimal digits."""
    if not re.fullmatch(f"[0-9a-f]{{{digits}}}", value):
        raise FieldError(field, f"must be {digits} lowercase hexadecimal digits, not '{value}'")


def check_id(field: str, value: str) -> None:
    if not ID.fullmatch(value):
        raise FieldError(field, f"must be {ID_FORM}, not '{value}'")


def check_filled(record: Record, *fields: str) -> None:
    """Raise FieldError if one of the fields is empty, or if a text of the record contains control characters."""
    for field in fields:
        value = getattr(record, field)
        if value is not None and not value.strip():
            raise FieldError(field, "must not be empty")
    for field in record.__struct_fields__:
        value = getattr(record, field)
        if isinstance(value, str):
            check_harmless(field, value)


def check_harmless(field: str, text: str) -> None:
    """Raise FieldError if a text contains control characters or could be confused with another."""
    if odd := STEERING.search(text):
        raise FieldError(field, f"must not contain the character U+{ord(odd[0]):04X}")


def resolve(field: str, text: str, value_of: Callable[[str], str | None]) -> str:
    """Return a field's text with each {key} replaced by its value; a key with the value None stays.

    Raises FieldError if the result is longer than LONGEST: a short text could expand to gigabytes.
    """
    length, values = len(text), {}
    for key in REFERENCE.findall(text):
        values[key] = value_of(key)
        length += len(values[key] or "")
        if length > LONGEST:
            raise FieldError(field, f"is longer than {LONGEST:,} characters, including what it refers to")
    return REFERENCE.sub(lambda found: values[found[1]] or found[0], text)


def check_resolved(field: str, text: str) -> None:
    """Raise FieldError if a text refers to an undefined {key}."""
    if found := REFERENCE.search(text):
        raise FieldError(field, f"refers to {found[0]}, which does not exist")
