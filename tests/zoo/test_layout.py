from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest
import yaml

from stylezoo.errors import RegistryError
from stylezoo.zoo.layout import parse_zoo, read_zoo

MODEL = "zoo.yaml: models.johnson/mosaic"


def test_reads_every_field(registry: dict[str, Any]) -> None:
    zoo = parse_zoo(registry, "zoo.yaml")
    model = zoo.models["johnson/mosaic"]
    assert (model.name, model.kind, model.style_ids) == ("johnson/mosaic", "single", ("mosaic",))
    assert model.arch == {"width": 32, "scale": 1e-5, "norm": "instance", "tiles": True}
    assert model.styles[0].died == "c.1860"
    assert model.styles[0].picture is not None and model.styles[0].picture.urls[1] == "http://example.com/%C3%A9.jpg"
    assert model.weights is not None and model.weights.hub is not None and model.weights.hub.revision == "v1"
    assert model.styles[0].rights == "public domain (the artist died in c.1860)"
    assert model.styles[0] is zoo.artworks["mosaic"]
    photos = "928 photos (none is shipped): Hills (CC0-1.0), Lakes (research alone)"
    assert model.training_data == f"{photos}; and pictures of them"
    assert (model.provenance, model.story) == ("handmade", "two runs")
    assert zoo.aliases == {"mosaic": "johnson/mosaic"}


def _model(registry: dict[str, Any]) -> dict[str, Any]:
    return registry["models"]["johnson/mosaic"]


WRONG: list[tuple[Callable[[dict[str, Any]], Any], str]] = [
    # what is wrong in the model's mapping, and how the message goes on after the model's path
    (
        lambda m: m["weights"].update(sha256="abc"),
        ".weights.sha256: must be 64 lowercase hexadecimal digits, not 'abc'",
    ),
    (lambda m: m["weights"].update(sha256="A" * 64), ".weights.sha256: must be 64 lowercase"),
    (lambda m: m["weights"].update(sha265="abc"), ".weights: unknown key 'sha265'. Did you mean sha256?"),
    (lambda m: m["weights"].update(bytes="1e5"), ".weights.bytes: Expected `int`, got `str` '1e5'. YAML reads 1e5"),
    (lambda m: m["weights"].update(bytes=0), ".weights.bytes: must be the file's size, not 0"),
    (lambda m: m["weights"].update(bundled=False, hub=None), ".weights.bundled: weights must be bundled: true, or"),
    (lambda m: m["weights"]["hub"].update(repo="zoo"), ".weights.hub.repo: must be 'owner/name', not 'zoo'"),
    (lambda m: m.pop("weights"), ": Object missing required field `weights`"),
    (lambda m: m.pop("license"), ": Object missing required field `license`"),
    (lambda m: m.update(license=" "), ".license: must not be empty"),
    (lambda m: m.update(name="johnson/mosaic"), ": unknown key 'name'"),
    (lambda m: m.update(family="jonson"), ".family: 'jonson' is unknown; the families are johnson, cin"),
    (lambda m: m.update(family="cin"), ".name: must be 'cin/'"),
    (lambda m: m.update(styles=[]), ".styles: a johnson model has exactly one style, not 0"),
    (lambda m: m["arch"].update(width=[32]), ".arch.width: Expected `bool | int | float | str`, got `array`"),
    (lambda m: m["arch"].update({True: 1}), ".arch: YAML reads a key here as bool, not as text. Put the key in quotes"),
    (lambda m: m.update(metrics={}), ": unknown key 'metrics'"),
    (lambda m: m["styles"].append({"id": "b", "artwork": "mosaic"}), ".styles: a johnson model has exactly one style"),
    (lambda m: m.update(styles=["mosiac"]), ".styles[0]: no artwork is named 'mosiac'. Did you mean mosaic?"),
    (lambda m: m.update(styles=[{"id": "The Mosaic", "artwork": "mosaic"}]), ".styles[0].id: must be lowercase"),
    (lambda m: m.update(styles=[{"id": "mosaic", "title": "x"}]), ".styles[0]: unknown key 'title'"),
    (lambda m: m.update(training_data="{fotos}"), ".training_data: refers to {fotos}, which does not exist"),
    (lambda m: m.pop("provenance"), ".story: is only for provenance: handmade"),
    (lambda m: (m.pop("provenance"), m.pop("story")), ": Object missing required field `provenance`"),
    (lambda m: m.update(provenance="bought"), ".provenance: Invalid enum value 'bought'"),
    (lambda m: m.pop("story"), ".story: must say how the weights were made"),
    (lambda m: (m.update(provenance="recipe"), m.pop("story"), m.pop("recipe")), ".recipe: must be named"),
]


WRONG_ARTWORKS: list[tuple[Callable[[dict[str, Any]], Any], str]] = [
    (lambda a: a.update(id="mosaic"), ": unknown key 'id'"),
    (lambda a: a.update(yaer="1831"), ": unknown key 'yaer'. Did you mean year?"),
    (lambda a: a.update(year=1831), ".year: Expected `str | null`, got `int`. Put the value in"),
    (lambda a: a.update(rights="public domain"), ".rights: no sentence of rights has the key 'public domain'"),
    (lambda a: a.pop("died"), ".rights: refers to {died}, which does not exist"),
    (lambda a: a["picture"].update(file="../a.jpg"), ".picture.file: must be a name such as"),
    (lambda a: a["picture"].update(file="Mosaic.JPG"), ".picture.file: must be a name such as"),
    (lambda a: a["picture"].update(urls=[]), ".picture.urls: must be at least one URL"),
    (lambda a: a["picture"].update(urls=["file:///a.jpg"]), ".picture.urls: must be a URL https://"),
    (lambda a: a["picture"].update(urls=["https://a.org/é"]), ".picture.urls: must be a URL https://"),
    (lambda a: a["picture"].update(page="a page"), ".picture.page: must be a URL https://"),
    (lambda a: a["picture"].update(phash="ABC"), ".picture.phash: must be 16 lowercase hexadecimal digits"),
    (lambda a: a["picture"].update(phash=1234), ".picture.phash: Expected `str`, got `int`. Put the value in"),
    (lambda a: a["picture"].update(url="x"), ".picture: unknown key 'url'. Did you mean urls?"),
]


@pytest.mark.parametrize(("spoil", "message"), WRONG, ids=[message for _, message in WRONG])
def test_says_where_a_model_is_wrong(
    registry: dict[str, Any], spoil: Callable[[dict[str, Any]], Any], message: str
) -> None:
    spoil(_model(registry))
    with pytest.raises(RegistryError) as caught:
        parse_zoo(registry, "zoo.yaml")
    assert str(caught.value).startswith(MODEL + message)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(("spoil", "message"), WRONG_ARTWORKS, ids=[message for _, message in WRONG_ARTWORKS])
def test_says_where_an_artwork_is_wrong(
    registry: dict[str, Any], spoil: Callable[[dict[str, Any]], Any], message: str
) -> None:
    spoil(registry["artworks"]["mosaic"])
    with pytest.raises(RegistryError) as caught:
        parse_zoo(registry, "zoo.yaml")
    assert str(caught.value).startswith("zoo.yaml: artworks.mosaic" + message)


def test_a_short_text_cannot_stand_for_gigabytes(registry: dict[str, Any]) -> None:
    registry["datasets"]["hills"]["terms"] = "x" * 3000
    _model(registry)["training_data"] = "{hills} " * 2
    with pytest.raises(RegistryError, match=r"mosaic\.training_data: is longer than 4,000 characters"):
        parse_zoo(registry, "zoo.yaml")
    registry["datasets"]["photos"]["parts"] = ["hills"] * 2
    _model(registry)["training_data"] = "{photos}"
    with pytest.raises(RegistryError, match=r"mosaic\.training_data: is longer"):
        parse_zoo(registry, "zoo.yaml")
    _model(registry)["training_data"] = "none"
    registry["rights"]["old"] = "{died} " * 5
    registry["artworks"]["mosaic"]["died"] = "x" * 1000
    with pytest.raises(RegistryError, match=r"artworks\.mosaic\.rights: is longer than 4,000 characters"):
        parse_zoo(registry, "zoo.yaml")


@pytest.mark.parametrize(
    ("parts", "message"),
    [
        (["hils"], "zoo.yaml: datasets.photos.parts: no data set is named 'hils'. Did you mean hills?"),
        (["photos"], "zoo.yaml: datasets.photos.parts: 'photos' has parts itself"),
    ],
)
def test_says_which_part_of_a_data_set_is_wrong(registry: dict[str, Any], parts: list[str], message: str) -> None:
    registry["datasets"]["photos"]["parts"] = parts
    with pytest.raises(RegistryError) as caught:
        parse_zoo(registry, "zoo.yaml")
    assert str(caught.value).startswith(message)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"schema": 2}, "zoo.yaml: schema: is 2"),
        ({"alias": {}}, "zoo.yaml: unknown key 'alias'. Did you mean aliases?"),
        ({"models": None}, "zoo.yaml: models: Expected `object`, got `null`"),
        ({"models": {"johnson/mosaic": "x"}}, "zoo.yaml: models.johnson/mosaic: Expected `object`, got `str`"),
        ({"models": {"Johnson/Mosaic": {}}}, "zoo.yaml: models: 'Johnson/Mosaic' must be family/name"),
        ({"models": {"mosaic": {}}}, "zoo.yaml: models: 'mosaic' must be family/name"),
        ({"models": {7: {}}}, "zoo.yaml: models: YAML reads a key here as int"),
        ({"aliases": {"m": "johnson/mosiac"}}, "zoo.yaml: aliases.m: no model is named 'johnson/mosiac'. Did you mean"),
        ({"aliases": {"johnson/mosaic": "johnson/mosaic"}}, "zoo.yaml: aliases.johnson/mosaic: an alias must be"),
    ],
)
def test_says_what_is_wrong_at_the_top(registry: dict[str, Any], change: dict[str, Any], message: str) -> None:
    with pytest.raises(RegistryError) as caught:
        parse_zoo(registry | change, "zoo.yaml")
    assert str(caught.value).startswith(message)


def test_the_shipped_registry_explains_every_key_by_a_valid_example() -> None:
    top = Path(__file__).parents[2] / "zoo.yaml"
    if not top.is_file():
        pytest.skip("not in a source checkout")
    read_zoo(top)
    comment = [line[2:] for line in top.read_text(encoding="utf-8").splitlines() if line.startswith("#")]
    start = next(i for i, line in enumerate(comment) if line.startswith("schema:"))
    example = yaml.safe_load("\n".join(comment[start : comment.index("", start)]))
    for stated in (_model(example)["weights"], *example["files"].values()):
        stated["sha256"] = "0" * 64  # the one value that stands there in words
    assert _unused_fields(parse_zoo(example, "example")) == set()


@pytest.mark.parametrize(("path", "change"), [("../x.bin", {}), ("/x.bin", {}), ("x.bin", {"sha256": "abc"})])
def test_a_file_outside_of_the_folder_or_without_a_hash_is_refused(
    registry: dict[str, Any], path: str, change: dict[str, str]
) -> None:
    stated = {"sha256": "0" * 64, "bytes": 6, "source": "a test"}
    assert parse_zoo(registry | {"files": {"x.bin": stated}}, "zoo.yaml").files["x.bin"].bytes == 6
    with pytest.raises(RegistryError, match=rf"files.*{path}|files\.{path}"):
        parse_zoo(registry | {"files": {path: stated | change}}, "zoo.yaml")


def _unused_fields(record: Any) -> set[str]:
    """Return the fields, here and below, that hold nothing in any record of their kind."""
    fields: dict[str, bool] = {}

    def look(record: Any) -> None:
        if isinstance(record, msgspec.Struct):
            for field in record.__struct_fields__:
                value, name = getattr(record, field), f"{type(record).__name__}.{field}"
                fields[name] = fields.get(name, False) or value not in (None, "", False, ())
                look(value)
        for value in record.values() if isinstance(record, dict) else record if isinstance(record, tuple) else ():
            look(value)

    look(record)
    return {name for name, used in fields.items() if not used}


def test_a_family_that_optimises_has_no_weights(registry: dict[str, Any]) -> None:
    model = {"family": "gatys", "arch": {"encoder": "vgg19:caffe"}, "styles": [], "license": "MIT"}
    registry["models"]["gatys/vgg19"] = model
    zoo = parse_zoo(registry, "zoo.yaml")
    assert zoo.models["gatys/vgg19"].weightless and not zoo.models["johnson/mosaic"].weightless
    model["weights"] = _model(registry)["weights"]
    with pytest.raises(RegistryError, match=r"gatys/vgg19\.weights: a gatys model has none: leave the key out"):
        parse_zoo(registry, "zoo.yaml")
