from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from hub_server import Fault, HubServer

import stylezoo.zoo
from stylezoo.errors import HashMismatchError, HubError, ModelNotFoundError, OptionError, RegistryError, StyleZooError
from stylezoo.zoo import catalog
from stylezoo.zoo.catalog import add_zoo, default_zoo, find_remote, list_models, model_info, open_zoo
from stylezoo.zoo.hub import parse_name
from stylezoo.zoo.layout import parse_zoo
from stylezoo.zoo.spec import HubSpec
from stylezoo.zoo.store import find, locate


@pytest.fixture
def zoo(registry: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    """Three models and two aliases in the place of the package's own."""
    mosaic = registry["models"]["johnson/mosaic"]
    plain = mosaic
    registry["models"] |= {
        "johnson/candy": plain | {"styles": [{"id": "candy", "artwork": "mosaic"}]},
        "ghiasi/small": plain | {"family": "ghiasi", "styles": []},
    }
    registry["aliases"]["any"] = "ghiasi/small"
    parsed = parse_zoo(registry, "zoo.yaml")
    monkeypatch.setattr(catalog, "default_zoo", lambda: parsed)


@pytest.mark.usefixtures("zoo")
def test_lists_names_sorted() -> None:
    assert list_models() == ["ghiasi/small", "johnson/candy", "johnson/mosaic"]


@pytest.mark.usefixtures("zoo")
@pytest.mark.parametrize(
    ("pattern", "names"),
    [
        ("johnson/*", ["johnson/candy", "johnson/mosaic"]),
        ("*/?andy", ["johnson/candy"]),
        ("johnson/mosaic", ["johnson/mosaic"]),
        ("any", ["ghiasi/small"]),
        ("[am]*", ["ghiasi/small", "johnson/mosaic"]),
        ("gatys/*", []),
    ],
)
def test_a_pattern_matches_names_and_aliases(pattern: str, names: list[str]) -> None:
    assert list_models(pattern) == names


@pytest.mark.usefixtures("zoo")
def test_family_and_kind_narrow_the_list() -> None:
    assert list_models(family="ghiasi") == ["ghiasi/small"]
    assert list_models(kind="single") == ["johnson/candy", "johnson/mosaic"]
    assert list_models("*a*", family="johnson", kind="arbitrary") == []


@pytest.mark.usefixtures("zoo")
def test_an_unknown_family_or_kind_names_the_choices() -> None:
    with pytest.raises(OptionError, match=r"family must be one of johnson, .*, not 'jonson'\. Did you mean johnson\?"):
        list_models(family="jonson")
    with pytest.raises(OptionError, match=r"kind must be one of single, multi, arbitrary, not 'one'"):
        list_models(kind="one")


@pytest.mark.usefixtures("zoo")
def test_model_info_takes_names_and_aliases() -> None:
    assert model_info("johnson/candy").style_ids == ("candy",)
    assert model_info("any").name == "ghiasi/small"


@pytest.mark.usefixtures("zoo")
def test_a_style_in_the_place_of_a_model_names_the_models_that_have_it() -> None:
    with pytest.raises(ModelNotFoundError, match=r"'candy' is a style, not a model.*-m johnson/candy -s candy"):
        model_info("candy")


@pytest.mark.usefixtures("zoo")
@pytest.mark.parametrize(("name", "near"), [("johnson/mosiac", "johnson/mosaic"), ("johnson/cany", "johnson/candy")])
def test_an_unknown_model_names_the_nearest(name: str, near: str) -> None:
    with pytest.raises(ModelNotFoundError) as caught:
        model_info(name)
    message = str(caught.value)
    assert message.startswith(f"no model is named '{name}'. Did you mean ") and near in message
    assert message.endswith("run stylezoo list.")


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """An empty package folder within an empty checkout, where default_zoo looks."""
    folder = tmp_path / "stylezoo"
    folder.mkdir()
    monkeypatch.setattr(catalog, "_PACKAGE", folder)
    default_zoo.cache_clear()
    yield folder
    default_zoo.cache_clear()


def test_the_registry_inside_the_package_comes_before_the_checkouts(package: Path) -> None:
    with pytest.raises(RegistryError, match="reinstall stylezoo"):
        default_zoo()
    (package.parent / "zoo.yaml").write_text("schema: 2\naliases: {}\nmodels: {}\n")
    with pytest.raises(RegistryError, match="schema: is 2"):
        default_zoo()
    (package / "zoo.yaml").write_text("schema: 1\naliases: {}\nmodels: {}\n")
    assert default_zoo().models == {}


def test_the_json_of_a_wheel_is_the_registry_and_needs_no_yaml(package: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    text = (Path(__file__).parents[2] / "zoo.yaml").read_text(encoding="utf-8")
    (package / "zoo.yaml").write_text(text, encoding="utf-8")
    expected = default_zoo()
    default_zoo.cache_clear()
    (package / "zoo.json").write_text(json.dumps(yaml.safe_load(text)), encoding="utf-8")
    monkeypatch.setattr(catalog, "read_zoo", None)
    assert default_zoo() == expected


def test_looking_things_up_loads_nothing_heavy() -> None:
    heavy = ("torch", "torchvision", "timm", "numpy", "PIL", "huggingface_hub", "safetensors")
    code = f"import sys, stylezoo.zoo as z; z.list_models(); print([m for m in {heavy} if m in sys.modules])"
    root = str(Path(stylezoo.zoo.__file__).parents[2])
    done = subprocess.run(
        [sys.executable, "-c", code], env=os.environ | {"PYTHONPATH": root}, capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "[]"


# --- zoos of others ---


@pytest.fixture
def theirs(hub: HubServer, registry: dict[str, Any], make_net: Callable[..., Any], zoo: None) -> dict[str, Any]:
    """The registry of owner/zoo, which names johnson/lines, pixels of ours among its styles; change it by `_enter`."""
    spec, path = make_net("johnson/lines")
    mosaic = registry["models"]["johnson/mosaic"]
    weights = {"file": "nets/lines.safetensors", "sha256": spec.weights.sha256, "bytes": spec.weights.bytes}
    weights |= {"dtype": "float16", "bundled": True, "hub": {"repo": "someone/else", "revision": "v9"}}
    record = mosaic | {"weights": weights}
    hub.add_repo("owner/zoo")
    hub.commit("owner/zoo", {"nets/lines.safetensors": path.read_bytes()})
    facts = {section: registry[section] for section in ("rights", "artworks", "datasets")}
    theirs = {"schema": 1, "aliases": {"strokes": "johnson/lines"}, **facts, "models": {"johnson/lines": record}}
    _enter(hub, theirs)
    return theirs


def _enter(hub: HubServer, registry: dict[str, Any] | bytes) -> None:
    text = registry if isinstance(registry, bytes) else json.dumps(registry).encode()  # JSON is YAML, without aliases
    hub.commit("owner/zoo", {"zoo.yaml": text})


@pytest.fixture(autouse=True)
def nothing_added(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(catalog, "_added", [])


@pytest.mark.parametrize(
    ("text", "place", "model"),
    [
        ("hf:owner/zoo/johnson/lines", HubSpec(repo="owner/zoo"), "johnson/lines"),
        ("hf:owner/zoo@v1/johnson/lines", HubSpec(repo="owner/zoo", revision="v1"), "johnson/lines"),
        ("hf:owner/zoo@refs/pr/1/cin/a", HubSpec(repo="owner/zoo", revision="refs/pr/1"), "cin/a"),
    ],
)
def test_names_of_the_hub(text: str, place: HubSpec, model: str) -> None:
    assert parse_name(text) == (place, model)


@pytest.mark.parametrize(
    "text",
    [
        "hf:",
        "hf:owner/zoo",
        "hf:owner/zoo/lines",
        "hf:owner/zoo@/a/b",
        "hf:owner/zoo@../../x/a/b",
        "hf:o w/zoo/a/b",
        "hf:../../a/b",
        "hf:a--b/zoo/a/b",
        "hf:\u043ewner/zoo/a/b",
        f"hf:owner/{'z' * 97}/a/b",
    ],
)
def test_what_is_no_name_of_the_hub(text: str) -> None:
    with pytest.raises(HubError, match=r"names no .* of (a repository|the Hub): write hf|owner"):
        parse_name(text)


def test_a_model_of_a_repository_is_pinned_to_it_whatever_its_record_says(
    hub: HubServer, theirs: dict[str, Any]
) -> None:
    spec, path = find("hf:owner/zoo/johnson/lines")
    assert path is None and spec.weights is not None
    commit = hub.repos["owner/zoo"].at("main").oid
    assert (spec.weights.hub, spec.weights.bundled) == (HubSpec(repo="owner/zoo", revision=commit), False)
    hub.commit("owner/zoo", {"nets/lines.safetensors": b"a new net"})  # the registry was read before
    assert locate(spec).read_bytes() == hub.files("owner/zoo", commit)["nets/lines.safetensors"]


def test_a_revision_of_a_repository(hub: HubServer, theirs: dict[str, Any]) -> None:
    hub.repos["owner/zoo"].tags["v1"] = hub.repos["owner/zoo"].at("main").oid
    _enter(hub, theirs | {"aliases": {}, "models": {}})
    with pytest.raises(ModelNotFoundError, match=r"has no model 'johnson/lines'.*stylezoo list --repo owner/zoo"):
        find_remote("hf:owner/zoo/johnson/lines")
    assert find_remote("hf:owner/zoo@v1/johnson/lines") == find_remote("hf:owner/zoo/johnson/lines", revision="v1")


def test_a_repository_that_was_read_once_works_offline(hub: HubServer, theirs: dict[str, Any]) -> None:
    with pytest.raises(HubError, match="downloads are off"):
        find_remote("hf:owner/zoo/johnson/lines", offline=True)
    locate(find_remote("hf:owner/zoo/johnson/lines"))
    hub.stop()
    spec = find_remote("hf:owner/zoo/johnson/lines", offline=True)
    assert locate(spec, offline=True).is_file()
    hub.start()


def test_a_repository_without_a_registry(hub: HubServer) -> None:
    hub.add_repo("owner/zoo")
    with pytest.raises(
        HubError, match=r"the Hub's owner/zoo is not a zoo, it has no zoo\.yaml: check its name or revision"
    ):
        find_remote("hf:owner/zoo/johnson/lines")


def test_a_registry_that_lies_does_not_stay_in_the_cache(
    hub: HubServer, theirs: dict[str, Any], tmp_path: Path
) -> None:
    hub.faults.append(Fault(r"^GET .*/zoo\.yaml", lie=True))
    with pytest.raises(HubError, match=r"zoo\.yaml .* comes with other bytes than the Hub says, and was removed: try"):
        find_remote("hf:owner/zoo/johnson/lines")
    assert not list((tmp_path / "cache").rglob("zoo.yaml")) and not list((tmp_path / "cache").rglob("blobs/*"))
    hub.faults[:] = [Fault(r"^GET .*/zoo\.yaml", lie=True, times=1)]
    assert find_remote("hf:owner/zoo/johnson/lines").name == "johnson/lines"


def test_a_registry_that_was_damaged_in_the_cache_is_fetched_again(
    hub: HubServer, theirs: dict[str, Any], tmp_path: Path
) -> None:
    find_remote("hf:owner/zoo/johnson/lines")
    (cached,) = (tmp_path / "cache").rglob("zoo.yaml")
    cached.resolve().write_bytes(b"")
    assert find_remote("hf:owner/zoo/johnson/lines").name == "johnson/lines"


def test_a_zoo_laid_next_to_ours(hub: HubServer, theirs: dict[str, Any]) -> None:
    assert add_zoo("owner/zoo") == ["johnson/lines"]
    assert list_models("johnson/*") == ["johnson/candy", "johnson/lines", "johnson/mosaic"]
    assert model_info("strokes").name == "johnson/lines"
    assert locate(model_info("johnson/lines")).is_file()


def test_a_folder_laid_next_to_ours(hub: HubServer, theirs: dict[str, Any], tmp_path: Path) -> None:
    for path, data in hub.files("owner/zoo").items():
        (tmp_path / "z" / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "z" / path).write_bytes(data)
    assert add_zoo(tmp_path / "z") == ["johnson/lines"]
    assert find("strokes")[1] == tmp_path / "z" / "nets/lines.safetensors"
    (tmp_path / "z" / "nets/lines.safetensors").write_bytes(b"broken")
    with pytest.raises(HashMismatchError, match="Run stylezoo sync to mend it"):
        find("johnson/lines")


def test_a_name_that_is_taken_is_not_shadowed(hub: HubServer, theirs: dict[str, Any]) -> None:
    ours = model_info("johnson/mosaic")
    lines = theirs["models"]["johnson/lines"]
    _enter(hub, theirs | {"models": {"johnson/mosaic": lines, "johnson/lines": lines}})
    with pytest.raises(RegistryError, match="johnson/mosaic: load them as hf:owner/zoo/johnson/mosaic"):
        add_zoo("owner/zoo")
    assert model_info("johnson/mosaic") == ours and "johnson/lines" not in list_models()


def test_what_is_no_zoo(tmp_path: Path) -> None:
    with pytest.raises(RegistryError, match=r"neither a folder with a zoo\.yaml nor a repository owner/zoo"):
        open_zoo(tmp_path)


BOMB = b"a: &a [x, x]\n" + b"".join(b"%c: &%c [*%c, *%c]\n" % (c, c, c - 1, c - 1) for c in range(98, 120))

HOSTILE: dict[str, tuple[Callable[[dict[str, Any]], Any], str]] = {
    "a path out of the folder": (lambda r: r["weights"].update(file="../../x.safetensors"), "relative path"),
    "a name that looks like another": (
        lambda r: r["weights"].update(file="j\u043ehnson/x.safetensors"),
        "relative path",
    ),
    "a device": (lambda r: r["weights"].update(file="johnson/con.safetensors"), "relative path"),
    "a hidden folder": (lambda r: r["weights"].update(file=".git/x.safetensors"), "relative path"),
    "a very long name": (lambda r: r["weights"].update(file=f"{'x' * 300}.safetensors"), "relative path"),
    "a folder of a server": (lambda r: r["weights"].update(file="\\\\evil\\x.safetensors"), "relative path"),
    "an encoder in a file": (lambda r: r["arch"].update(encoder="vgg19:/etc/x.safetensors"), "points outside the repo"),
    "an encoder of a repository": (lambda r: r["arch"].update(encoder="timm:hf-hub:evil/x"), "points outside the repo"),
    "escapes in the net": (
        lambda r: r["arch"].update(variant="\x1b[2J"),
        r"arch: must not contain the character U\+001B",
    ),
    "escapes in a key": (lambda r: r.update({"\x1b[2J": 1}), r"unknown key '\\x1b\[2J'"),
    "a line that is none": (lambda r: r.update(license="MIT\u2028ok"), r"must not contain the character U\+2028"),
    "an absolute path": (lambda r: r["weights"].update(file="/etc/x.safetensors"), "relative path"),
    "a drive": (lambda r: r["weights"].update(file="C:/x.safetensors"), "relative path"),
    "a pickle": (lambda r: r["weights"].update(file="x.pt"), "must end in .safetensors"),
    "too large": (lambda r: r["weights"].update(bytes=2**40), "and a net has"),
    "code": (lambda r: r.update(family="os.system"), "is unknown"),
    "an unknown key": (lambda r: r.update(run="rm -rf"), "unknown key 'run'"),
    "escapes for a terminal": (
        lambda r: r.update(license="\x1b]0;x\x07MIT"),
        r"must not contain the character U\+001B",
    ),
    "letters that turn around": (lambda r: r.update(summary="\u202etxt"), r"must not contain the character U\+202E"),
    "more rows than styles": (lambda r: r["arch"].update(styles=10**9), "states 1000000000 styles"),
    "an address in place of a name": (lambda r: r["weights"].update(hub={"repo": "http://x/y/z"}), "owner/name"),
}


@pytest.mark.parametrize("case", HOSTILE)
def test_a_hostile_record_is_refused(hub: HubServer, theirs: dict[str, Any], case: str) -> None:
    spoil, reason = HOSTILE[case]
    spoil(theirs["models"]["johnson/lines"])
    _enter(hub, theirs)
    with pytest.raises(RegistryError, match=reason) as caught:
        find_remote("hf:owner/zoo/johnson/lines")
    assert str(caught.value).startswith("owner/zoo/zoo.yaml: ") and str(caught.value).isprintable()


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (BOMB, "aliases .* are not allowed"),
        (b"!!python/object/apply:os.system ['true']", "is not valid YAML"),
        (b"[" * 5000, "nested too deeply"),
        (b"a: 2026-99-99", "is not valid YAML"),
        (b"\xff\xfe\x00", "cannot read owner/zoo/zoo.yaml"),
        (b"<html>not found</html>", "must hold a mapping"),
        (b"schema: 2\naliases: {}\nmodels: {}", "upgrade stylezoo"),
        (b'schema: 1\nmodels: {}\naliases: {"\\e[2J": x}', r"aliases\.\\x1b\[2J: an alias must be"),
        (b'schema: 1\naliases: {}\nmodels: {"../../x": {}}', "must be family/name"),
        (b'schema: 1\naliases: {}\nmodels: {"johnson/con": {}}', "must be family/name .* no device such as con"),
        (b"schema: %s\naliases: {}\nmodels: {}" % (b"9" * 5000), "is not valid YAML"),
        (b"schema: 1\naliases: {}\nmodels: {}\n[a, b]: c", "is not valid YAML"),
        (b"# " + b"x" * (9 * 2**20), "8,388,608"),
    ],
    ids=[
        "bomb",
        "code",
        "deep",
        "date",
        "bytes",
        "html",
        "later schema",
        "alias",
        "path",
        "device",
        "number",
        "key",
        "large",
    ],
)
def test_a_hostile_registry_is_refused(hub: HubServer, theirs: dict[str, Any], text: bytes, reason: str) -> None:
    _enter(hub, text)
    with pytest.raises(StyleZooError, match=reason):
        find_remote("hf:owner/zoo/johnson/lines")


def test_a_file_larger_than_its_record_says_is_not_fetched(hub: HubServer, theirs: dict[str, Any]) -> None:
    spec = find_remote("hf:owner/zoo/johnson/lines")
    hub.commit("owner/zoo", {"nets/lines.safetensors": b"x" * 10**6})
    hub.requests.clear()
    with pytest.raises(HashMismatchError, match="it has 1000000 bytes"):
        locate(find_remote("hf:owner/zoo/johnson/lines"))
    assert not hub.asked(r"^GET .*\.safetensors")
    assert locate(spec).is_file()  # the commit that it is pinned to still has the right one
