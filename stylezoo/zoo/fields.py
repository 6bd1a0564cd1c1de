"""What the records' fields may hold, and the error that names a field that holds something else."""

from __future__ import annotations

import re

from stylezoo.schema import Record

ID = re.compile(r"[a-z0-9_-]+")
# Control characters, and those that turn the direction of writing, by which a text looks like another.
_STEERING = re.compile("[\x00-\x09\x0b-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069]")


class FieldError(ValueError):
    """A record's field holds a value of the right type that makes no sense; the message starts with the field."""

    def __init__(self, field: str, problem: str) -> None:
        super().__init__(f"{field}: {problem}")


def check_hex(field: str, value: str, digits: int) -> None:
    """Raise FieldError unless a field's value is a hash of so many lowercase hexadecimal digits."""
    if not re.fullmatch(f"[0-9a-f]{{{digits}}}", value):
        raise FieldError(field, f"must be {digits} lowercase hexadecimal digits, not '{value}'")


def check_id(field: str, value: str) -> None:
    if not ID.fullmatch(value):
        raise FieldError(field, f"must be lowercase letters, digits, - and _, not '{value}'")


def check_filled(record: Record, *fields: str) -> None:
    """Raise FieldError if one of the fields is empty, or if any text of the record could steer a terminal."""
    for field in fields:
        value = getattr(record, field)
        if value is not None and not value.strip():
            raise FieldError(field, "must not be empty")
    for field in record.__struct_fields__:
        value = getattr(record, field)
        if isinstance(value, str) and (odd := _STEERING.search(value)):
            raise FieldError(field, f"must not have the character U+{ord(odd[0]):04X}")
