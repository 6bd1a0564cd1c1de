"""The script that writes the gallery, and whether docs/gallery.md is of the zoo.yaml next to it."""

from __future__ import annotations

from pathlib import Path
from types import ModuleType

import pytest
from click.testing import CliRunner, Result
from msgspec import structs
from PIL import Image

import stylezoo
from stylezoo.zoo.layout import read_zoo
from stylezoo.zoo.spec import Zoo


@pytest.fixture(scope="module")
def script(load_script) -> ModuleType:
    return load_script("gallery_page")


@pytest.fixture
def drawn(script: ModuleType, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The names of the nets that are drawn; nothing is computed for them."""
    names: list[str] = []

    def draw(name: str, folder: Path) -> None:
        names.append(name)
        folder.mkdir(parents=True)
        for file, *_ in script.strips(stylezoo.model_info(name)):
            (folder / f"{file}.webp").touch()

    monkeypatch.setattr(script.stylezoo, "load", lambda name: name)
    monkeypatch.setattr(script, "draw", draw)
    return names


def run(script: ModuleType, *arguments: str | Path) -> Result:
    return CliRunner().invoke(script.main, list(map(str, arguments)))


def test_the_gallery_in_the_documentation_is_of_the_registry(script: ModuleType) -> None:
    result = run(script, "--check")
    assert result.exit_code == 0, result.output


def test_its_pictures_are_small(script: ModuleType) -> None:
    sizes = [path.stat().st_size for path in (script.DOCS / "gallery").rglob("*.webp")]
    assert len(sizes) > 50 and max(sizes) < 80_000 and sum(sizes) < 3_000_000


def test_nets_of_other_weights_are_drawn_again(
    script: ModuleType, drawn: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    zoo = read_zoo(script.ROOT / "zoo.yaml")
    assert run(script, "--docs", tmp_path).exit_code == 0
    assert drawn == [spec.name for spec in script.drawn_models(zoo)] and "gatys/vgg19" not in drawn
    assert run(script, "--check", "--docs", tmp_path).exit_code == 0

    drawn.clear()
    monkeypatch.setattr(script, "read_zoo", lambda path: with_other_weights(zoo, "cin/16"))
    monkeypatch.setattr(script.shutil, "rmtree", lambda folder: None)
    result = run(script, "--check", "--docs", tmp_path)
    assert result.exit_code == 1 and "the pictures of cin/16 are not of zoo.yaml and results" in result.output
    (tmp_path / "gallery" / "cin_16").rename(tmp_path / "gallery" / "cin_old")
    assert run(script, "--docs", tmp_path).exit_code == 0
    assert drawn == ["cin/16"]


def with_other_weights(zoo: Zoo, name: str) -> Zoo:
    spec = zoo.models[name]
    weights = structs.replace(spec.weights, sha256="0" * 64)
    return structs.replace(zoo, models=zoo.models | {name: structs.replace(spec, weights=weights)})


def test_a_strip_has_a_picture_of_each_photo(script: ModuleType, tmp_path: Path) -> None:
    net = stylezoo.load("johnson/mosaic")
    script.draw(net, tmp_path / "mosaic")
    with Image.open(tmp_path / "mosaic" / "mosaic.webp") as strip:
        assert strip.height == script.HEIGHT and strip.width == 168 + 252 + 252 + 2 * script.GAP
