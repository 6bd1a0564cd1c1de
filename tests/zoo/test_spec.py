from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest

from stylezoo.errors import WeightsError
from stylezoo.zoo.layout import parse_zoo
from stylezoo.zoo.spec import HubSpec, ModelSpec, PictureSpec, WeightsSpec, header_record, parse_header


@pytest.mark.parametrize(("family", "kind"), [("cin", "multi"), ("adain", "arbitrary"), ("ghiasi", "arbitrary")])
def test_kind_follows_from_the_family(spec: ModelSpec, family: str, kind: str) -> None:
    model = msgspec.structs.replace(spec, name=f"{family}/x", family=family)
    assert model.kind == kind


def test_records_cannot_be_changed(spec: ModelSpec) -> None:
    with pytest.raises(AttributeError):
        spec.license = "other"  # type: ignore[misc]  # the point of the test


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


def test_a_header_describes_the_model_alone(registry: dict[str, Any]) -> None:
    model = parse_zoo(registry, "zoo.yaml").models["johnson/mosaic"]
    text = header_record(model)
    assert "weights" not in json.loads(text)
    assert parse_header(text, "x") == msgspec.structs.replace(model, weights=None)


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


def test_a_page_of_wikimedia_commons_is_an_address_by_itself() -> None:
    commons = "https://commons.wikimedia.org/wiki/"
    there = PictureSpec(file="a.jpg", page=f"{commons}File:A_(b),_%C3%A9.jpg", phash="0" * 16)
    assert there.addresses == (f"{commons}Special:FilePath/A_(b),_%C3%A9.jpg?width=1280",)
    more = msgspec.structs.replace(there, urls=("https://example.org/a.jpg", *there.addresses))
    assert more.addresses == (*there.addresses, "https://example.org/a.jpg")


def test_lone_files_need_not_say_what_made_them(spec: ModelSpec) -> None:
    assert spec.provenance is None
    with pytest.raises(ValueError, match="story: must say how the weights were made"):
        msgspec.structs.replace(spec, provenance="handmade")
    with pytest.raises(ValueError, match="recipe: must be named"):
        msgspec.structs.replace(spec, provenance="recipe")
