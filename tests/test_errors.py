from __future__ import annotations

import pytest

from stylezoo import errors
from stylezoo.errors import StyleZooError, did_you_mean

TREE = [kind for kind in vars(errors).values() if isinstance(kind, type) and issubclass(kind, Exception)]


@pytest.mark.parametrize("kind", TREE, ids=lambda kind: kind.__name__)
def test_every_error_is_caught_by_the_base_and_prints_its_message(kind: type[StyleZooError]) -> None:
    with pytest.raises(StyleZooError) as raised:
        raise kind("no model is named 'x'")
    assert str(raised.value) == "no model is named 'x'"  # a KeyError would put it in quotes
    assert str(kind()) == ""


def test_errors_are_also_what_python_programs_expect() -> None:
    with pytest.raises(KeyError):
        raise errors.ModelNotFoundError("x")
    with pytest.raises(ValueError, match="x"):
        raise errors.OptionError("x")
    with pytest.raises(errors.WeightsError):
        raise errors.HashMismatchError("x")


def test_the_drawn_tree_is_whole() -> None:
    assert len(TREE) > 5
    for kind in TREE:
        assert kind.__name__ in (errors.__doc__ or "")


@pytest.mark.parametrize(
    ("name", "known", "hint"),
    [
        ("johnson/mosiac", ["johnson/mosaic", "cin/night"], " Did you mean johnson/mosaic?"),
        ("mosaic", ["johnson/waves", "cin/mosaic", "johnson/mosaic"], " Did you mean cin/mosaic, johnson/mosaic?"),
        ("candy", ["a-very-long-family-name/candy"], " Did you mean a-very-long-family-name/candy?"),
        ("zzz", ["johnson/mosaic"], ""),
        ("", ["johnson/mosaic", "x/"], ""),
        ("abcd", [], ""),
    ],
)
def test_did_you_mean_names_the_nearest(name: str, known: list[str], hint: str) -> None:
    assert did_you_mean(name, known) == hint


def test_did_you_mean_names_three_at_most() -> None:
    assert did_you_mean("style", (f"style{i}" for i in range(9))).count("style") == 3
    assert did_you_mean("candy", (f"a-very-long-family-name-{i}/candy" for i in range(9))).count("candy") == 3


def test_a_message_steers_no_terminal_and_turns_no_writing() -> None:
    text = str(errors.OptionError("no '\x1b[2J' \u202e\u2028\x07, Großes Café 写真.jpg\u202f"))
    assert text == r"no '\x1b[2J' \u202e\u2028\x07, Großes Café 写真.jpg" + "\u202f"
    assert str(errors.ModelNotFoundError("\x9b")) == r"\x9b"
