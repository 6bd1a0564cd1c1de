"""YAML in and out: files that are not usable are named, and what is written reads the same."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from stylezoo._yaml import dump_yaml, read_yaml
from stylezoo.errors import RecipeError, RegistryError, StyleZooError


@pytest.mark.parametrize("error", [RecipeError, RegistryError])
@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "No such file"),
        (b"a: [1", "is not valid YAML"),
        (b"- 1\n- 2\n", "must hold a mapping of keys to values, but holds list"),
        (b"", "but holds NoneType"),
        (b"\xff\xfe\x00a", "cannot read"),
    ],
)
def test_a_file_that_is_no_mapping_is_named(
    content: bytes | None, message: str, error: type[StyleZooError], tmp_path: Path
) -> None:
    path = tmp_path / "run.yaml"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(error, match=message) as raised:
        read_yaml(path, error)
    assert str(path) in str(raised.value) and "\n" not in str(raised.value)


def test_reads_a_mapping_in_utf8(tmp_path: Path) -> None:
    path = tmp_path / "run.yaml"
    path.write_text("title: Große Welle\nn: [1, 2.5]\n", encoding="utf-8")
    expected: dict[str, Any] = {"title": "Große Welle", "n": [1, 2.5]}
    assert read_yaml(str(path), RecipeError) == expected


def test_what_is_written_keeps_order_letters_and_lines(tmp_path: Path) -> None:
    value = {"title": "Große Welle", "a": "word " * 60 + "end", "n": [1, 2.5, None, True]}
    text = dump_yaml(value)
    (path := tmp_path / "run.yaml").write_text(text, encoding="utf-8")
    assert read_yaml(path, RecipeError) == value and list(read_yaml(path, RecipeError)) == list(value)
    lengths = [len(line) for line in text.splitlines()]
    assert "Große" in text and max(lengths) < 130  # a line ends at the first space after the width
    assert max(map(len, dump_yaml(value, width=float("inf")).splitlines())) > 300
