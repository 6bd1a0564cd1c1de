from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import save_file

from stylezoo.errors import WeightsError
from stylezoo.zoo.card import LARGEST_CARD, CardSpec, dump_card, read_card
from stylezoo.zoo.spec import CARD_KEY, StyleSpec
from stylezoo.zoo.store import read_header

STYLE = StyleSpec(id="wave", title="Die Woge — 波", artist="N. N.", year="c.1831", rights="CC0-1.0", source="a test")
SPEC = CardSpec(style=STYLE, family="cin", base="cin/tiny", trunk="0123456789abcdef" * 4, license="CC-BY-4.0")


def write(folder: Path, record: Any = None, numbers: int = 8, key: str = CARD_KEY) -> Path:
    """A file with that record, JSON text or what becomes it, in its header."""
    path = folder / "wave.card.safetensors"
    text = record if isinstance(record, str) else json.dumps(record)
    save_file({"row": np.zeros((1, numbers), np.float32)}, path, {key: text})
    return path


def test_a_record_survives_the_header_of_a_file(tmp_path: Path) -> None:
    assert read_card(write(tmp_path, dump_card(SPEC))) == SPEC
    assert json.loads(dump_card(SPEC))["style"] == {
        "id": "wave",
        "title": "Die Woge — 波",
        "artist": "N. N.",
        "year": "c.1831",
        "rights": "CC0-1.0",
        "source": "a test",
    }


@pytest.mark.parametrize(
    ("change", "parts"),
    [
        ({"trunk": "0123"}, ["trunk", "64 lowercase hexadecimal digits, not '0123'"]),
        ({"trunk": "ABCDEF0123456789" * 4}, ["trunk"]),
        ({"bass": "cin/16"}, ["unknown key 'bass'", "Did you mean base?"]),
        ({"style": {"id": "wave"}}, ["style", "title"]),
        ({"style": {"id": "Wave!", "title": "W", "rights": "r", "source": "s"}}, ["id", "Wave!"]),
        ({"license": 3}, ["license"]),
    ],
)
def test_a_record_that_makes_no_sense_is_refused(tmp_path: Path, change: dict[str, Any], parts: list[str]) -> None:
    path = write(tmp_path, json.loads(dump_card(SPEC)) | change)
    with pytest.raises(WeightsError) as raised:
        read_card(path)
    for part in [str(path), *parts]:
        assert part in str(raised.value)


def test_a_record_that_is_no_json_or_not_there(tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match=r"wave.card.safetensors: the record in its header is not JSON"):
        read_card(write(tmp_path, "{"))
    with pytest.raises(WeightsError, match=r"is not a style card: make one with stylezoo add-style or Stylizer.card"):
        read_card(write(tmp_path, dump_card(SPEC), key="other"))
    with pytest.raises(WeightsError, match="gone"):
        read_card(tmp_path / "gone.safetensors")


def test_a_file_too_large_for_a_card_is_refused(tmp_path: Path) -> None:
    path = write(tmp_path, dump_card(SPEC), numbers=LARGEST_CARD // 4)
    with pytest.raises(
        WeightsError, match=rf"{path.stat().st_size} bytes, but a style card has at most {LARGEST_CARD}"
    ):
        read_card(path)


def test_a_card_is_not_taken_for_a_net(tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match=r"is a style card, .*add_card or --card"):
        read_header(write(tmp_path, dump_card(SPEC)))
