"""The record of a style card: one style of a multi-style net, in a file of its own."""

from __future__ import annotations

from pathlib import Path

import msgspec

from stylezoo._records import Record, convert
from stylezoo.errors import WeightsError
from stylezoo.types import PathLike
from stylezoo.zoo.fields import check_hex
from stylezoo.zoo.spec import CARD_KEY, StyleSpec
from stylezoo.zoo.store import read_metadata

LARGEST_CARD = 2 * 1024 * 1024  # bytes: the widest and deepest net's; at the default widths it is under 16 KB


class CardSpec(Record, frozen=True, kw_only=True):
    """The style in a card, and the nets that it fits.

    Attributes:
        style: its record.
        family, base: family and name of the net that it was trained for.
        trunk: SHA-256 of that net's shared weights; the card fits every net with the same hash.
        license: of the card.
    """

    style: StyleSpec
    family: str
    base: str
    trunk: str
    license: str

    def __post_init__(self) -> None:
        check_hex("trunk", self.trunk, 64)


def dump_card(spec: CardSpec) -> str:
    """Return the record as JSON, for the header of a card."""
    return msgspec.json.encode(spec).decode()


def holds_card(path: PathLike) -> bool:
    """Return whether a file is a style card, by its header."""
    try:
        return CARD_KEY in read_metadata(path)
    except WeightsError:
        return False


def read_card(path: PathLike) -> CardSpec:
    """Return the record in a card's header.

    Raises:
        WeightsError: there is no such file, or it is not a card.
    """
    record = read_metadata(path).get(CARD_KEY)
    if record is None:
        raise WeightsError(f"{path} is not a style card: make one with stylezoo add-style or Stylizer.card")
    if (size := Path(path).stat().st_size) > LARGEST_CARD:
        raise WeightsError(f"{path} has {size} bytes, but a style card has at most {LARGEST_CARD}")
    try:
        plain = msgspec.json.decode(record)
    except (msgspec.DecodeError, RecursionError) as cause:
        raise WeightsError(f"{path}: the record in its header is not JSON: get the card again") from cause
    return convert(plain, CardSpec, str(path), WeightsError)
