"""The script that writes the reference pages, and whether those in docs/reference are of the code next to them."""

from __future__ import annotations

from pathlib import Path
from types import ModuleType

import click
import pytest
from click.testing import CliRunner

from stylezoo._records import Record
from stylezoo.cli.main import COMMANDS, cli


@pytest.fixture(scope="module")
def script(load_script) -> ModuleType:
    return load_script("reference")


def test_the_pages_in_the_documentation_are_of_the_code(script: ModuleType) -> None:
    result = CliRunner().invoke(script.main, ["--check"])
    assert result.exit_code == 0, result.output


def test_a_page_that_is_not_of_the_code_fails_the_check(script: ModuleType, tmp_path: Path) -> None:
    assert CliRunner().invoke(script.main, ["--out", str(tmp_path)]).exit_code == 0
    assert CliRunner().invoke(script.main, ["--check", "--out", str(tmp_path)]).exit_code == 0
    page = tmp_path / "cli.md"
    page.write_text(page.read_text().replace("--strength", "--strenght"))
    result = CliRunner().invoke(script.main, ["--check", "--out", str(tmp_path)])
    assert result.exit_code == 1 and "cli.md is not what the code gives" in result.output


@pytest.mark.slow
def test_every_command_and_every_section_of_a_recipe_is_there(script: ModuleType) -> None:
    pages = script.make_pages()
    for name in COMMANDS:
        assert f"\n## {name}\n" in pages["cli.md"]
    for name in ("model", "styles", "data", "loss", "optim", "run"):
        assert f"\n## {name}\n" in pages["recipe.md"]
    assert "| `style_weight` | `10.0` |" in pages["recipe.md"]


def test_commands_help_as_before(script: ModuleType) -> None:
    script.make_pages()
    assert CliRunner().invoke(cli, ["info", "-h"]).exit_code == 0


def test_options_keep_their_values_defaults_and_words(script: ModuleType) -> None:
    @click.command()
    @click.option("-n", "--number", default=3, metavar="N", help="How many, unlike --all | none.")
    @click.option("--all", is_flag=True, help="As `this` says.")
    @click.option("--out", required=True, type=click.Choice(["a", "b"]), help="Where to.  [default: here]")
    def command() -> None:
        pass

    rows = list(script.options(command, click.Context(command)))
    assert rows == [
        ["`-n`, `--number` `N`", "3", "How many, unlike `--all` &#124; none."],
        ["`--all`", "", "As `this` says."],
        ["`--out` <code>a&#124;b</code>", "required", "Where to."],
    ]


def test_a_key_without_a_word_on_it_is_an_error(script: ModuleType) -> None:
    class Settings(Record, frozen=True):
        """Settings.

        Attributes:
            first: of all,
                told in two lines.
        """

        first: int = 1
        second: int = 2

    assert script.attributes(Settings) == {"first": "of all, told in two lines."}
    with pytest.raises(LookupError, match="second"):
        script.keys(Settings)
