from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from hub_server import Fault, HubServer
from huggingface_hub import constants
from msgspec import structs

from stylezoo.errors import HubError, RegistryError
from stylezoo.zoo.catalog import OpenZoo, open_zoo, read_repository
from stylezoo.zoo.hub import Repository
from stylezoo.zoo.publish import Entry, publish
from stylezoo.zoo.spec import HubSpec, ModelSpec, Zoo
from stylezoo.zoo.store import locate_in
from stylezoo.zoo.sync import compare, take
from stylezoo.zoo.writing import write_zoo

MakeNet = Callable[..., tuple[ModelSpec, Path]]
ZOO = Repository(HubSpec(repo="owner/zoo"))
EMPTY = OpenZoo(Zoo(schema=1, aliases={}, models={}))


def _put(folder: Path, spec: ModelSpec, weights: Path) -> None:
    """Enter a model into the zoo of a folder, past the Hub."""
    registry = folder / "zoo.yaml"
    zoo = open_zoo(folder).zoo if registry.exists() else EMPTY.zoo
    assert spec.weights is not None
    target = folder / spec.weights.file
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copy(weights, target)
    write_zoo(structs.replace(zoo, models=zoo.models | {spec.name: spec}), registry)


def _states(folder: Path) -> dict[str, str]:
    return {d.name: d.state for d in compare(open_zoo(folder), ZOO)}


@pytest.fixture
def mirror(hub: HubServer, make_net: MakeNet, tmp_path: Path) -> Path:
    """A folder with the two models of owner/zoo."""
    publish(ZOO, [Entry(*make_net(name)) for name in ("johnson/dots", "cin/two")])
    take(read_repository(ZOO).models.values(), tmp_path / "mirror")
    return tmp_path / "mirror"


def test_what_was_taken_is_the_same_and_a_zoo_of_its_own(mirror: Path, make_net: MakeNet) -> None:
    assert _states(mirror) == {"cin/two": "same", "johnson/dots": "same"}
    spec = open_zoo(mirror).zoo.models["cin/two"]
    path = locate_in(mirror, spec)
    assert path is not None and path.read_bytes() == make_net("cin/two")[1].read_bytes()


def test_every_state_and_what_mends_it(mirror: Path, make_net: MakeNet) -> None:
    publish(ZOO, [Entry(*make_net("johnson/dots", 2.0)), Entry(*make_net("johnson/new"))])
    _put(mirror, *make_net("johnson/mine"))
    _put(mirror, *make_net("cin/two", 5.0))
    assert _states(mirror) == {
        "cin/two": "differs",
        "johnson/dots": "newer there",
        "johnson/mine": "only here",
        "johnson/new": "only there",
    }
    there = read_repository(ZOO).models
    take([there["johnson/dots"], there["johnson/new"]], mirror)
    mended = _states(mirror)
    assert (mended["johnson/dots"], mended["johnson/new"]) == ("same", "same")
    (mirror / "johnson/dots.safetensors").unlink()
    (mirror / "johnson/new.safetensors").write_bytes(b"broken")
    states = _states(mirror)
    assert (states["johnson/dots"], states["johnson/new"]) == ("missing here", "damaged here")
    take([there["johnson/dots"], there["johnson/new"]], mirror)
    assert list(_states(mirror).values()) == ["differs", "same", "only here", "same"]


def test_facts_that_were_measured_anew_are_newer(mirror: Path, make_net: MakeNet) -> None:
    spec, path = make_net("johnson/dots")
    publish(ZOO, [Entry(structs.replace(spec, summary="Dots"), path)])
    assert _states(mirror)["johnson/dots"] == "newer there"
    changed = structs.replace(open_zoo(mirror).zoo.models["johnson/dots"], summary="My dots")
    _put(mirror, changed, path)
    assert _states(mirror)["johnson/dots"] == "differs"


def test_taking_keeps_what_is_in_the_folder(mirror: Path, make_net: MakeNet) -> None:
    _put(mirror, *make_net("johnson/mine"))
    take([read_repository(ZOO).models["cin/two"]], mirror)
    assert set(open_zoo(mirror).zoo.models) == {"cin/two", "johnson/dots", "johnson/mine"}


def test_nothing_is_replaced_unless_all_of_it_could_be_had(hub: HubServer, mirror: Path, make_net: MakeNet) -> None:
    publish(ZOO, [Entry(*make_net(name, 2.0)) for name in ("cin/two", "johnson/dots")])
    hub.faults.append(Fault("/resolve/.*/dots.safetensors", status=403))
    with pytest.raises(HubError, match="the token may not do that"):
        take(read_repository(ZOO).models.values(), mirror)
    assert _states(mirror) == {"cin/two": "newer there", "johnson/dots": "newer there"}
    spec = open_zoo(mirror).zoo.models["cin/two"]
    assert locate_in(mirror, spec)  # as its record says


def test_a_file_of_somebodys_own_is_not_overwritten(mirror: Path, make_net: MakeNet) -> None:
    publish(ZOO, [Entry(*make_net("johnson/new"))])
    (mirror / "johnson/new.safetensors").write_bytes(b"a night's work")
    with pytest.raises(RegistryError, match=r"new\.safetensors exists but belongs to no model .*: move it away"):
        take([read_repository(ZOO).models["johnson/new"]], mirror)
    assert (mirror / "johnson/new.safetensors").read_bytes() == b"a night's work"


def test_a_history_that_cannot_be_read_is_no_difference(
    hub: HubServer, mirror: Path, make_net: MakeNet, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    publish(ZOO, [Entry(*make_net("johnson/dots", 2.0))])
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "empty"))
    hub.faults.append(Fault("/resolve/(?!main).*/zoo.yaml", status=403))
    with pytest.raises(HubError, match="cannot get the registry"):
        compare(open_zoo(mirror), ZOO)


def test_a_link_in_the_folder_is_not_followed_out_of_it(mirror: Path, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    shutil.rmtree(mirror / "cin")
    (mirror / "cin").symlink_to(outside)
    with pytest.raises(RegistryError, match="points outside"):
        take([read_repository(ZOO).models["cin/two"]], mirror)
    assert not list(outside.iterdir())
