from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest
import yaml

from stylezoo.errors import RegistryError, WeightsError
from stylezoo.zoo.spec import (
    HubSpec,
    ModelSpec,
    WeightsSpec,
    dump_zoo,
    header_record,
    parse_header,
    parse_zoo,
    read_zoo,
    write_zoo,
)

MODEL = "zoo.yaml: models.johnson/mosaic"


def test_reads_every_field(registry: dict[str, Any]) -> None:
    zoo = parse_zoo(registry, "zoo.yaml")
    model = zoo.models["johnson/mosaic"]
    assert (model.name, model.kind, model.style_ids) == ("johnson/mosaic", "single", ("mosaic",))
    assert model.arch == {"width": 32, "scale": 1e-5, "norm": "instance", "tiles": True}
    assert model.styles[0].died == "c.1860"
    assert model.styles[0].picture is not None and model.styles[0].picture.urls[1] == "http://example.com/%C3%A9.jpg"
    assert model.weights is not None and model.weights.hub is not None and model.weights.hub.revision == "v1"
    assert model.check is not None and model.check.values == (0.5, -0.25)
    assert zoo.aliases == {"mosaic": "johnson/mosaic"}


@pytest.mark.parametrize(("family", "kind"), [("cin", "multi"), ("adain", "arbitrary"), ("ghiasi", "arbitrary")])
def test_kind_follows_from_the_family(spec: ModelSpec, family: str, kind: str) -> None:
    model = msgspec.structs.replace(spec, name=f"{family}/x", family=family)
    assert model.kind == kind


def test_records_cannot_be_changed(spec: ModelSpec) -> None:
    with pytest.raises(AttributeError):
        spec.license = "other"  # type: ignore[misc]  # the point of the test


def _model(registry: dict[str, Any]) -> dict[str, Any]:
    return registry["models"]["johnson/mosaic"]


def _picture(model: dict[str, Any]) -> dict[str, Any]:
    return model["styles"][0]["picture"]


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
    (lambda m: m["styles"].append({**m["styles"][0], "id": "b"}), ".styles: a johnson model has exactly one style"),
    (lambda m: m["styles"][0].update(id="The Mosaic"), ".styles[0].id: must be lowercase letters"),
    (lambda m: m["styles"][0].update(yaer="1831"), ".styles[0]: unknown key 'yaer'. Did you mean year?"),
    (lambda m: m["styles"][0].update(year=1831), ".styles[0].year: Expected `str | null`, got `int`. Put the value in"),
    (lambda m: _picture(m).update(file="../a.jpg"), ".styles[0].picture.file: must be a name such as"),
    (lambda m: _picture(m).update(file="Mosaic.JPG"), ".styles[0].picture.file: must be a name such as"),
    (lambda m: _picture(m).update(urls=[]), ".styles[0].picture.urls: must be at least one address"),
    (lambda m: _picture(m).update(urls=["file:///a.jpg"]), ".styles[0].picture.urls: must be an address https://"),
    (lambda m: _picture(m).update(urls=["https://a.org/é"]), ".styles[0].picture.urls: must be an address https://"),
    (lambda m: _picture(m).update(page="a page"), ".styles[0].picture.page: must be an address https://"),
    (lambda m: _picture(m).update(phash="ABC"), ".styles[0].picture.phash: must be 16 lowercase hexadecimal digits"),
    (lambda m: _picture(m).update(phash=1234), ".styles[0].picture.phash: Expected `str`, got `int`. Put the value in"),
    (lambda m: _picture(m).update(url="x"), ".styles[0].picture: unknown key 'url'. Did you mean urls?"),
    (lambda m: m["arch"].update(width=[32]), ".arch.width: Expected `bool | int | float | str`, got `array`"),
    (lambda m: m["arch"].update({True: 1}), ".arch: YAML reads a key here as bool, not as text. Put the key in quotes"),
    (lambda m: m.update(metrics={}), ": unknown key 'metrics'"),
    (lambda m: m["check"].update(values=[]), ".check.values: must be at least one number"),
    (lambda m: m["check"].update(tolerance=0), ".check.tolerance: must be above 0"),
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


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"schema": 2}, "zoo.yaml: schema: is 2, and this stylezoo reads 1"),
        ({"alias": {}}, "zoo.yaml: unknown key 'alias'. Did you mean aliases?"),
        ({"models": None}, "zoo.yaml: models: Expected `object`, got `null`"),
        ({"models": {"johnson/mosaic": "x"}}, "zoo.yaml: models.johnson/mosaic: Expected `object`, got `str`"),
        ({"models": {"Johnson/Mosaic": {}}}, "zoo.yaml: models: 'Johnson/Mosaic' must be family/name"),
        ({"models": {"mosaic": {}}}, "zoo.yaml: models: 'mosaic' must be family/name"),
        ({"models": {7: {}}}, "zoo.yaml: models: YAML reads a key here as int"),
        ({"aliases": {"m": "johnson/mosiac"}}, "zoo.yaml: aliases.m: no model is named 'johnson/mosiac'. Did you mean"),
        ({"aliases": {"johnson/mosaic": "johnson/mosaic"}}, "zoo.yaml: aliases.johnson/mosaic: an alias is made of"),
    ],
)
def test_says_what_is_wrong_at_the_top(registry: dict[str, Any], change: dict[str, Any], message: str) -> None:
    with pytest.raises(RegistryError) as caught:
        parse_zoo(registry | change, "zoo.yaml")
    assert str(caught.value).startswith(message)


@pytest.mark.parametrize(
    "file",
    [
        "/a.safetensors",
        "../a.safetensors",
        "a/../b.safetensors",
        "a\\b.safetensors",
        "C:/a.safetensors",
        "./a.safetensors",
        ".git/a.safetensors",
        "con.safetensors",
        "a/NUL.safetensors",
        "con/a.safetensors",
        "a./b.safetensors",
        "a /b.safetensors",
        "%2e%2e/a.safetensors",
        "\u0430.safetensors",  # not the a of Latin
        "a\n.safetensors",
        f"{'a' * 128}.safetensors",
        "a/" * 20 + "b.safetensors",
        "a//b.safetensors",
        "a.pth",
        "a",
        "",
    ],
)
def test_a_weights_path_stays_in_its_folder(file: str) -> None:
    with pytest.raises(ValueError, match="file: must"):
        WeightsSpec(file=file, sha256="0" * 64, bytes=1, dtype="float16", bundled=True)


@pytest.mark.parametrize("file", ["johnson/mosaic.safetensors", "a.safetensors", "A/b-1_2.x/c.v1.safetensors"])
def test_a_plain_weights_path_is_taken(file: str) -> None:
    assert WeightsSpec(file=file, sha256="0" * 64, bytes=1, dtype="float16", bundled=True).file == file


@pytest.mark.parametrize(
    "name", ["johnson/../x", "johnson/con", "johnson/" + "x" * 97, "johnson/\u0430", "johnson/", "x"]
)
def test_a_name_is_one_of_files_too(spec: ModelSpec, name: str) -> None:
    with pytest.raises(
        ValueError, match=r"name: must be 'johnson/' and lowercase letters.*\(96 at most, and no device"
    ):
        msgspec.structs.replace(spec, name=name)


@pytest.mark.parametrize(
    ("place", "wrong"),
    [
        ({"repo": "../.."}, "repo"),
        ({"repo": "a/b/c"}, "repo"),
        ({"repo": "a/b--c"}, "repo"),
        ({"repo": "a/b.git"}, "repo"),
        ({"repo": "\u0430/b"}, "repo"),
        ({"revision": "../../x"}, "revision"),
        ({"revision": "/etc"}, "revision"),
        ({"revision": "a b"}, "revision"),
        ({"revision": ""}, "revision"),
        ({"revision": "\x1b[2J"}, "revision"),
    ],
)
def test_a_place_on_the_hub_is_no_path(place: dict[str, str], wrong: str) -> None:
    with pytest.raises(ValueError, match=f"{wrong}: must"):
        HubSpec(**{"repo": "owner/zoo", **place})


@pytest.mark.parametrize("revision", ["main", "v1.0", "refs/pr/1", "feature/große-welle", "0" * 40])
def test_revisions_as_git_has_them(revision: str) -> None:
    assert HubSpec(repo="Some-One/my.zoo_2", revision=revision).revision == revision


def test_two_styles_of_one_id_are_refused(spec: ModelSpec) -> None:
    with pytest.raises(ValueError, match="two styles have the id 'mosaic'"):
        ModelSpec(name="cin/x", family="cin", arch={}, styles=spec.styles * 2, license="MIT")


def test_yaml_gives_back_what_was_written(registry: dict[str, Any]) -> None:
    zoo = parse_zoo(registry, "zoo.yaml")
    assert parse_zoo(yaml.safe_load(dump_zoo(zoo)), "again") == zoo


def test_yaml_is_canonical(registry: dict[str, Any]) -> None:
    registry["models"]["adain/any"] = _model(registry) | {"family": "adain", "styles": [], "recipe": None}
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


def test_a_header_describes_the_model_alone(registry: dict[str, Any]) -> None:
    model = parse_zoo(registry, "zoo.yaml").models["johnson/mosaic"]
    text = header_record(model)
    assert not {"weights", "check"} & set(json.loads(text))
    assert parse_header(text, "x") == msgspec.structs.replace(model, weights=None, check=None)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "a.safetensors: stylezoo: the record in the file's header is not JSON"),
        ("[]", "a.safetensors: stylezoo: Expected `object`, got `array`"),
        ('{"name": "cin/x", "fmaily": "cin"}', "a.safetensors: stylezoo: unknown key 'fmaily'. Did you mean family?"),
        ('{"name": "cin/x", "family": "cin", "arch": {"n": null}, "styles": []}', "a.safetensors: stylezoo.arch.n: "),
    ],
)
def test_a_broken_header_names_the_file_and_the_key(text: str, message: str) -> None:
    with pytest.raises(WeightsError) as caught:
        parse_header(text, "a.safetensors")
    assert str(caught.value).startswith(message)


def test_the_shipped_registry_explains_every_key_by_a_valid_example() -> None:
    top = Path(__file__).parents[2] / "zoo.yaml"
    if not top.is_file():
        pytest.skip("not in a source checkout")
    read_zoo(top)
    comment = [line[2:] for line in top.read_text(encoding="utf-8").splitlines() if line.startswith("#")]
    start = next(i for i, line in enumerate(comment) if line.startswith("schema:"))
    example = yaml.safe_load("\n".join(comment[start : comment.index("", start)]))
    _model(example)["weights"]["sha256"] = "0" * 64  # the one value that stands there in words
    assert _unused_fields(parse_zoo(example, "example")) == []


def _unused_fields(record: Any) -> list[str]:
    """Return the names of the fields, here and below, that hold nothing."""
    if isinstance(record, msgspec.Struct):
        values = {field: getattr(record, field) for field in record.__struct_fields__}
        return [k for k, v in values.items() if v in (None, "", False, ())] + _unused_fields(list(values.values()))
    inner = record.values() if isinstance(record, dict) else record if isinstance(record, list | tuple) else ()
    return [field for value in inner for field in _unused_fields(value)]


def test_a_family_that_optimises_has_no_weights(registry: dict[str, Any]) -> None:
    model = {"family": "gatys", "arch": {"encoder": "vgg19:caffe"}, "styles": [], "license": "MIT"}
    registry["models"]["gatys/vgg19"] = model
    zoo = parse_zoo(registry, "zoo.yaml")
    assert zoo.models["gatys/vgg19"].weightless and not zoo.models["johnson/mosaic"].weightless
    model["weights"] = _model(registry)["weights"]
    with pytest.raises(RegistryError, match=r"gatys/vgg19\.weights: a gatys model has none: leave the key out"):
        parse_zoo(registry, "zoo.yaml")
