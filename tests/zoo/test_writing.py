from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
import pytest
import yaml

from stylezoo.errors import RegistryError
from stylezoo.zoo.layout import parse_zoo, read_zoo
from stylezoo.zoo.writing import dump_zoo, write_zoo


def test_yaml_gives_back_what_was_written(registry: dict[str, Any]) -> None:
    zoo = parse_zoo(registry, "zoo.yaml")
    assert parse_zoo(yaml.safe_load(dump_zoo(zoo)), "again") == zoo


def test_yaml_is_canonical(registry: dict[str, Any]) -> None:
    registry["models"]["adain/any"] = registry["models"]["johnson/mosaic"] | {
        "family": "adain",
        "styles": [],
        "recipe": None,
    }
    text = dump_zoo(parse_zoo(registry, "zoo.yaml"))
    backwards = registry | {"models": dict(reversed(registry["models"].items()))}
    assert dump_zoo(parse_zoo(backwards, "zoo.yaml")) == text
    assert text.index("adain/any") < text.index("johnson/mosaic:")
    assert "Mosaïque" in text and "null" not in text and "&id" not in text


def test_writing_keeps_the_leading_comment(registry: dict[str, Any], tmp_path: Path) -> None:
    path = tmp_path / "zoo.yaml"
    path.write_text("# What each key means.\n#\n\nschema: 1\n# lost\naliases: {}\nmodels: {}\n")
    zoo = parse_zoo(registry, "zoo.yaml")
    write_zoo(zoo, path)
    text = path.read_text(encoding="utf-8")
    assert text == "# What each key means.\n#\n\n" + dump_zoo(zoo)
    write_zoo(zoo, path)
    assert path.read_text(encoding="utf-8") == text
    assert list(tmp_path.iterdir()) == [path]


def test_a_registry_that_could_not_be_read_back_is_not_written(registry: dict[str, Any], tmp_path: Path) -> None:
    zoo = msgspec.structs.replace(parse_zoo(registry, "zoo.yaml"), aliases={"m": "johnson/none"})
    with pytest.raises(RegistryError, match="no model is named 'johnson/none'"):
        write_zoo(zoo, tmp_path / "zoo.yaml")
    assert not list(tmp_path.iterdir())


def test_the_shipped_registry_states_everything_once() -> None:
    top = Path(__file__).parents[2] / "zoo.yaml"
    if not top.is_file():
        pytest.skip("not in a source checkout")
    text = top.read_text(encoding="utf-8")
    zoo = read_zoo(top)
    assert len(text.encode()) <= 1_570 * len(zoo.models)
    body = text[text.index("\nschema:") + 1 :]
    assert body == dump_zoo(zoo)  # as a command would write it
    for artwork in zoo.artworks.values():
        assert body.count(f"title: {artwork.title}\n") == 1 or ":" in artwork.title
    assert all(spec.weightless or spec.provenance for spec in zoo.models.values())


def test_artworks_keep_their_ids_and_others_of_that_id_get_a_number(registry: dict[str, Any]) -> None:
    zoo = parse_zoo(registry, "zoo.yaml")
    model = zoo.models["johnson/mosaic"]
    other = msgspec.structs.replace(model.styles[0], title="Another mosaic", rights="CC0-1.0")
    renamed = msgspec.structs.replace(model.styles[0], id="stones")
    models = zoo.models | {
        "johnson/a": msgspec.structs.replace(model, name="johnson/a", styles=(other,)),
        "johnson/b": msgspec.structs.replace(model, name="johnson/b", styles=(renamed,)),
    }
    text = dump_zoo(msgspec.structs.replace(zoo, models=models))
    plain = yaml.safe_load(text)
    assert sorted(plain["artworks"]) == ["mosaic", "mosaic_2"]
    assert plain["models"]["johnson/a"]["styles"] == [{"id": "mosaic", "artwork": "mosaic_2"}]
    assert plain["models"]["johnson/b"]["styles"] == [{"id": "stones", "artwork": "mosaic"}]
    assert plain["rights"] == {"cc0_1_0": "CC0-1.0", "old": "public domain (the artist died in {died})"}
    assert parse_zoo(plain, "again").models == models


def test_facts_that_changed_take_the_place_of_those_that_no_model_has(registry: dict[str, Any]) -> None:
    zoo = parse_zoo(registry, "zoo.yaml")
    model = zoo.models["johnson/mosaic"]
    corrected = msgspec.structs.replace(model.styles[0], title="A mosaic")
    models = {model.name: msgspec.structs.replace(model, styles=(corrected,))}
    plain = yaml.safe_load(dump_zoo(msgspec.structs.replace(zoo, models=models)))
    assert {id: artwork["title"] for id, artwork in plain["artworks"].items()} == {"mosaic": "A mosaic"}


def test_data_sets_are_referred_to_again(registry: dict[str, Any]) -> None:
    zoo = parse_zoo(registry, "zoo.yaml")
    plain = yaml.safe_load(dump_zoo(zoo))
    assert plain["models"]["johnson/mosaic"]["training_data"] == "{photos}; and pictures of them"
    assert plain["datasets"] == registry["datasets"]
