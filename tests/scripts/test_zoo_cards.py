"""The script that writes the cards of the zoo, and whether those in docs/zoo are of the zoo.yaml next to them."""

from __future__ import annotations

from pathlib import Path
from types import ModuleType

import pytest
from click.testing import CliRunner, Result
from msgspec import structs
from PIL import Image

from stylezoo.zoo.layout import read_zoo
from stylezoo.zoo.spec import Zoo


@pytest.fixture(scope="module")
def script(load_script) -> ModuleType:
    return load_script("zoo_cards")


@pytest.fixture
def zoo(script: ModuleType, monkeypatch: pytest.MonkeyPatch) -> Zoo:
    """The registry, in which the training data of one model are others than its card says."""
    zoo = read_zoo(script.ROOT / "zoo.yaml")
    changed = structs.replace(zoo.models["johnson/mosaic"], training_data="other photos")
    zoo = structs.replace(zoo, models=zoo.models | {"johnson/mosaic": changed})
    monkeypatch.setattr(script, "read_zoo", lambda path: zoo)
    return zoo


@pytest.fixture
def drawn(script: ModuleType, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The names of the models that are drawn; nothing is computed for them."""
    names: list[str] = []
    monkeypatch.setattr(script.stylezoo, "load", lambda name: names.append(name))
    monkeypatch.setattr(script, "sample_page", lambda net: Image.new("RGB", (4, 4)))
    return names


def run(script: ModuleType, *arguments: str | Path) -> Result:
    return CliRunner().invoke(script.main, list(map(str, arguments)))


def test_the_cards_in_the_documentation_are_of_the_registry(script: ModuleType) -> None:
    result = run(script, "--check")
    assert result.exit_code == 0, result.output


def test_pictures_of_cards_are_small_enough_for_a_page(script: ModuleType) -> None:
    for name in script.drawn_models(read_zoo(script.ROOT / "zoo.yaml")):
        path = script.CARDS / script.picture_of(name)
        assert path.stat().st_size < 210_000
        with Image.open(path) as picture:
            assert picture.format == "JPEG" and 600 < max(picture.size) < 1200


@pytest.mark.usefixtures("zoo")
def test_a_changed_record_fails_the_check_and_writes_nothing(script: ModuleType) -> None:
    card = script.CARDS / "johnson_mosaic.md"
    before = card.read_bytes()
    result = run(script, "--check")
    assert result.exit_code == 1
    assert "johnson_mosaic.md is not what zoo.yaml" in result.output
    assert "johnson_great_wave.md" not in result.output and "run python scripts/zoo_cards.py" in result.output
    assert card.read_bytes() == before


def test_what_was_written_passes_the_check(script: ModuleType, zoo: Zoo, drawn: list[str], tmp_path: Path) -> None:
    result = run(script, "--out", tmp_path)
    assert result.exit_code == 0, result.output
    assert drawn == script.drawn_models(zoo)
    assert "other photos" in (tmp_path / "johnson_mosaic.md").read_text()
    assert len(list((tmp_path / "images").iterdir())) == len(drawn)
    assert run(script, "--check", "--out", tmp_path).exit_code == 0


def test_pictures_can_be_drawn_one_by_one(script: ModuleType, drawn: list[str], tmp_path: Path) -> None:
    assert run(script, "cin/16", "--out", tmp_path).exit_code == 0
    assert drawn == ["cin/16"] and (tmp_path / "johnson_mosaic.md").is_file()
    result = run(script, "--check", "--out", tmp_path)
    assert result.exit_code == 1 and "images/johnson_mosaic.jpg is missing" in result.output
    result = run(script, "cin/17", "--out", tmp_path)
    assert result.exit_code == 2 and "no model is named cin/17" in result.output


@pytest.mark.usefixtures("drawn")
def test_cards_of_models_that_are_gone_are_named(script: ModuleType, tmp_path: Path) -> None:
    (tmp_path / "images").mkdir()
    (tmp_path / "images" / "johnson_old.jpg").touch()
    (tmp_path / "johnson_old.md").touch()
    assert "johnson_old.md is of no model: delete it" in run(script, "--out", tmp_path).output
    result = run(script, "--check", "--out", tmp_path)
    assert result.exit_code == 1 and "images/johnson_old.jpg is of no model" in result.output
