from __future__ import annotations

import json
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import huggingface_hub
import pytest
import yaml
from hub_server import Fault, HubServer
from msgspec import structs

from stylezoo.errors import HubError, OptionError, RegistryError
from stylezoo.zoo.catalog import read_repository
from stylezoo.zoo.fingerprints import Fingerprint, find_fingerprints
from stylezoo.zoo.hub import Repository
from stylezoo.zoo.publish import Change, Entry, publish
from stylezoo.zoo.results import weights_id
from stylezoo.zoo.spec import HubSpec, ModelSpec
from stylezoo.zoo.store import locate
from stylezoo.zoo.sync import take

MakeNet = Callable[..., tuple[ModelSpec, Path]]
ZOO = Repository(HubSpec(repo="owner/zoo"))


@pytest.fixture
def entry(make_net: MakeNet) -> Callable[..., Entry]:
    """Make an entry with a picture and a recipe; its picture says how often it was drawn."""
    drawn = 0

    def draw() -> bytes:
        nonlocal drawn
        drawn += 1
        return b"\xff\xd8 picture %d" % drawn

    def make(name: str = "johnson/dots", fill: float = 1.0, **fields: Any) -> Entry:
        return Entry(*make_net(name, fill, **fields), picture=draw, recipe=f"name: {name}\n")

    return make


def _new(*paths: str) -> list[Change]:
    return [Change(path, "new") for path in paths]


FILES = ("johnson/dots.safetensors", "pictures/johnson/dots.jpg", "recipes/johnson/dots.yaml", "zoo.yaml", "README.md")


def test_a_new_repository_holds_a_zoo_that_loads(hub: HubServer, entry: Callable[..., Entry]) -> None:
    dots = entry()
    assert publish(ZOO, [dots]) == _new(*FILES)
    assert not hub.repos["owner/zoo"].private
    held = hub.files("owner/zoo")
    assert set(held) == {".gitattributes", *FILES}
    assert held["johnson/dots.safetensors"] == dots.weights.read_bytes()
    spec = read_repository(ZOO).models["johnson/dots"]
    assert locate(spec).read_bytes() == dots.weights.read_bytes()
    assert spec.weights is not None and spec.weights.hub is not None
    assert spec.weights.hub.revision == hub.repos["owner/zoo"].at("main").oid  # pinned
    assert "bundled" not in held["zoo.yaml"].decode()
    card = held["README.md"].decode()
    assert "name: johnson/dots" in card and "pictures/johnson/dots.jpg" in card and "hf:owner/zoo/johnson/dots" in card
    assert huggingface_hub.ModelCard(card).data.license == "apache-2.0"


def test_fingerprints_travel_and_count_for_their_weights_alone(
    hub: HubServer, entry: Callable[..., Entry], tmp_path: Path
) -> None:
    dots, lines = entry(), entry("johnson/lines")
    made = [
        Fingerprint(weights=weights_id(each.spec), values=(0.25, fill), tolerance=0.01)
        for each, fill in ((dots, 1.0), (lines, 2.0))
    ]
    change = publish(ZOO, [replace(dots, fingerprint=made[0])])
    assert Change("fingerprints.json", "new") in change
    assert Change("fingerprints.json", "changed") in publish(ZOO, [replace(lines, fingerprint=made[1])])
    there = read_repository(ZOO).models
    specs = [there["johnson/dots"], there["johnson/lines"]]
    assert find_fingerprints(specs) == made
    take(specs, tmp_path / "zoo")
    assert find_fingerprints(specs, tmp_path / "zoo") == made
    publish(ZOO, [entry(fill=3.0)])  # other weights, whose fingerprint nobody gives
    assert find_fingerprints([read_repository(ZOO).models["johnson/dots"]]) == [None]
    hub.commit("owner/zoo", {"fingerprints.json": b"{"})
    with pytest.raises(RegistryError, match=r"owner/zoo@.*/fingerprints\.json: "):
        find_fingerprints([read_repository(ZOO).models["johnson/dots"]])


def test_a_second_push_sends_nothing(hub: HubServer, entry: Callable[..., Entry]) -> None:
    publish(ZOO, [entry()])
    commits, sent = len(hub.repos["owner/zoo"].commits), hub.sent_bytes.copy()
    hub.requests.clear()
    assert publish(ZOO, [entry()]) == []
    assert hub.sent_bytes == sent and len(hub.repos["owner/zoo"].commits) == commits
    assert not hub.asked("^(PUT|POST)")


def test_a_dry_run_changes_nothing(hub: HubServer, entry: Callable[..., Entry]) -> None:
    assert publish(ZOO, [entry()], dry_run=True) == _new(*FILES)
    assert "owner/zoo" not in hub.repos and not hub.asked("^(PUT|POST)")
    publish(ZOO, [entry()])
    changed = publish(ZOO, [entry(fill=2.0)], dry_run=True)
    assert [(c.path, c.what) for c in changed] == [(p, "changed") for p in FILES if not p.startswith("recipes")]
    assert publish(ZOO, [entry()]) == []


def test_models_come_next_to_those_that_are_there(hub: HubServer, entry: Callable[..., Entry]) -> None:
    publish(ZOO, [entry()])
    sent = publish(ZOO, [entry("cin/two")])
    assert {c.path: c.what for c in sent} == {
        "cin/two.safetensors": "new",
        "pictures/cin/two.jpg": "new",
        "recipes/cin/two.yaml": "new",
        "zoo.yaml": "changed",
        "README.md": "changed",
    }
    assert set(read_repository(ZOO).models) == {"johnson/dots", "cin/two"}
    card = hub.files("owner/zoo")["README.md"].decode()
    assert "pictures/johnson/dots.jpg" in card and "name: johnson/dots" in card  # as it was entered before


def test_only_facts_that_changed_are_sent(hub: HubServer, entry: Callable[..., Entry]) -> None:
    publish(ZOO, [entry()])
    dots = entry()
    told = Entry(structs.replace(dots.spec, summary="Dots everywhere"), dots.weights, dots.picture, dots.recipe)
    assert publish(ZOO, [told]) == [Change("zoo.yaml", "changed"), Change("README.md", "changed")]


def test_a_private_repository(hub: HubServer, entry: Callable[..., Entry], monkeypatch: pytest.MonkeyPatch) -> None:
    publish(ZOO, [entry()], private=True)
    assert hub.repos["owner/zoo"].private
    monkeypatch.delenv("HF_TOKEN")
    with pytest.raises(HubError, match="does not exist or is private"):
        read_repository(Repository(HubSpec(repo="owner/zoo", revision="v2")))


def test_what_comes_back_other_than_it_was_sent_is_not_entered(hub: HubServer, entry: Callable[..., Entry]) -> None:
    hub.faults.append(Fault(r"^GET .*/resolve/.*\.safetensors", lie=True))
    with pytest.raises(HubError, match=r"differs from the file that was sent.* johnson/dots was not added"):
        publish(ZOO, [entry()])
    assert set(hub.files("owner/zoo")) == {".gitattributes"} and set(hub.repos["owner/zoo"].branches) == {"main"}
    hub.faults.clear()
    publish(ZOO, [entry()])
    assert set(read_repository(ZOO).models) == {"johnson/dots"}


@pytest.mark.slow
@pytest.mark.parametrize(
    "fault",
    [
        Fault(r"^GET .*/resolve/.*\.safetensors", lie=True),
        Fault("^POST .*/commit/main", status=403),
        Fault("^POST .*/commit/push-", status=403),
        Fault("^POST .*/branch/", status=403),
        Fault("/validate-yaml", status=400),
    ],
    ids=["lie", "commit", "commit aside", "branch", "card"],
)
def test_a_push_that_breaks_off_leaves_the_zoo_as_it_was(
    hub: HubServer, entry: Callable[..., Entry], fault: Fault
) -> None:
    publish(ZOO, [entry()])
    before = hub.files("owner/zoo")
    hub.faults.append(fault)
    with pytest.raises(HubError):
        publish(ZOO, [entry(fill=2.0)])
    hub.faults.clear()
    assert hub.files("owner/zoo") == before and set(hub.repos["owner/zoo"].branches) == {"main"}
    assert locate(read_repository(ZOO).models["johnson/dots"]).read_bytes() == entry().weights.read_bytes()


def test_a_push_is_one_commit_and_sends_each_file_once(hub: HubServer, entry: Callable[..., Entry]) -> None:
    repo = hub.add_repo("owner/zoo")
    dots = entry()
    publish(ZOO, [dots])
    assert [commit.title for commit in repo.history(repo.at("main"))] == ["Enter johnson/dots", "initial commit"]
    large = (dots.weights.read_bytes(), hub.files("owner/zoo")["pictures/johnson/dots.jpg"])
    assert hub.sent_bytes["lfs"] == sum(map(len, large))


def test_two_models_of_one_name_are_not_pushed_at_once(hub: HubServer, entry: Callable[..., Entry]) -> None:
    with pytest.raises(OptionError, match=r"two models are named johnson/dots: .*stylezoo import FILE --name"):
        publish(ZOO, [entry(), entry(fill=2.0)])
    assert not hub.requests


def test_a_net_that_needs_a_file_of_this_machine_is_not_pushed(hub: HubServer, entry: Callable[..., Entry]) -> None:
    with pytest.raises(OptionError, match=r"adain/mine needs the local file 'vgg19:/home/me/own.safetensors'"):
        publish(ZOO, [entry("adain/mine", arch={"encoder": "vgg19:/home/me/own.safetensors"}, styles=())])


@pytest.mark.filterwarnings("ignore:cannot")
def test_someone_elses_push_meanwhile_is_kept(hub: HubServer, entry: Callable[..., Entry]) -> None:
    publish(ZOO, [entry()])

    def interfere() -> None:
        held = hub.files("owner/zoo")
        zoo = yaml.safe_load(held["zoo.yaml"])
        zoo["models"]["johnson/theirs"] = zoo["models"]["johnson/dots"]
        hub.commit("owner/zoo", {"zoo.yaml": json.dumps(zoo).encode()})

    hub.faults.append(Fault("^POST .*/commit/main", before=interfere, times=1))
    publish(ZOO, [entry("cin/two")])
    assert set(read_repository(ZOO).models) == {"johnson/dots", "johnson/theirs", "cin/two"}


def test_gives_up_on_a_repository_that_changes_all_the_time(hub: HubServer, entry: Callable[..., Entry]) -> None:
    hub.add_repo("owner/zoo")
    hub.faults.append(
        Fault("^POST .*/commit/main", before=lambda: hub.commit("owner/zoo", {"x": b"%d" % len(hub.requests)}))
    )
    with (
        pytest.warns(UserWarning, match=r"yet \(someone else changed it\): retrying in 1 s"),
        pytest.raises(HubError, match="someone else changed it in the meantime: try again"),
    ):
        publish(ZOO, [entry()])
    assert "zoo.yaml" not in hub.files("owner/zoo")


@pytest.mark.parametrize("spoilt", [{"status": 504}, {"vanish": True}])
@pytest.mark.filterwarnings("ignore:cannot")
def test_an_answer_that_was_lost_does_no_harm(
    hub: HubServer, entry: Callable[..., Entry], spoilt: dict[str, Any]
) -> None:
    """The commit was made, and the client does not know: its next try meets a repository that has moved on."""
    hub.add_repo("owner/zoo")
    hub.faults.append(Fault("^POST .*/commit/main", late=True, times=1, **spoilt))
    publish(ZOO, [entry()])
    assert set(read_repository(ZOO).models) == {"johnson/dots"}


@pytest.mark.parametrize(
    ("match", "status", "reason"),
    [
        ("^POST .*/commit/", 403, "the token may not do that: log in .* of one with write access"),
        ("^POST .*/commit/", 401, "it takes changes from those alone who may make them: log in with"),
        ("^POST .*/commit/", 413, "status 413"),
        ("^PUT ", 500, "status 500|does not answer"),
        ("^POST /api/repos/create", 403, "cannot make owner/zoo on the Hub: the token may not do that"),
        ("^GET /api/models", 500, "cannot look into the Hub's owner/zoo.*status 500"),
    ],
)
@pytest.mark.filterwarnings("ignore:cannot")
def test_a_hub_that_refuses_ends_in_one_line_and_no_entry(
    hub: HubServer, entry: Callable[..., Entry], match: str, status: int, reason: str
) -> None:
    hub.faults.append(Fault(match, status=status))
    with pytest.raises(HubError, match=reason) as caught:
        publish(ZOO, [entry()])
    assert "\n" not in str(caught.value) and hub.token not in str(caught.value)
    assert "owner/zoo" not in hub.repos or "zoo.yaml" not in hub.files("owner/zoo")


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:cannot")
def test_what_fails_three_times_and_then_works(hub: HubServer, entry: Callable[..., Entry]) -> None:
    calls = ("^PUT ", "/preupload/", "/lfs/objects/batch", "/repos/create", "/branch/", "/commit/push-", "/commit/main")
    for match in calls:
        hub.faults.append(Fault(match, status=500, times=3))
        publish(ZOO, [entry(f"johnson/dots{len(hub.faults)}")])
    assert len(read_repository(ZOO).models) == len(calls)


def test_waits_as_long_as_the_server_asks(
    hub: HubServer, entry: Callable[..., Entry], monkeypatch: pytest.MonkeyPatch
) -> None:
    waits: list[float] = []
    monkeypatch.setattr(time, "sleep", waits.append)
    hub.add_repo("owner/zoo")
    hub.faults.append(Fault("^POST .*/commit/main", status=429, headers={"Retry-After": "40"}, times=2))
    with pytest.warns(UserWarning, match=r"cannot upload .* yet \(status 429\): retrying in 40 s"):
        publish(ZOO, [entry()])
    assert waits == [40, 40]
    hub.faults.append(Fault("^POST .*/commit/main", status=429, headers={"Retry-After": "900"}))
    with pytest.raises(HubError, match="it was asked too often: try again in 900 s"):
        publish(ZOO, [entry(fill=2.0)])
    assert hub.faults[-1].hits == 1


def test_a_repository_that_was_made_while_the_answer_was_lost(hub: HubServer, entry: Callable[..., Entry]) -> None:
    hub.faults.append(Fault("/repos/create", status=504, late=True, times=1))
    with pytest.warns(UserWarning, match="cannot make owner/zoo on the Hub yet"):
        publish(ZOO, [entry()])
    assert set(read_repository(ZOO).models) == {"johnson/dots"}


@pytest.mark.parametrize("there", [True, False])
def test_without_a_token(
    hub: HubServer, entry: Callable[..., Entry], monkeypatch: pytest.MonkeyPatch, there: bool
) -> None:
    if there:
        hub.add_repo("owner/zoo")
    monkeypatch.delenv("HF_TOKEN")
    with pytest.raises(
        HubError, match="log in with 'hf auth login' or set HF_TOKEN of one with write access"
    ) as caught:
        publish(ZOO, [entry()])
    assert "does not exist" not in str(caught.value)


def test_without_a_network_by_order(
    hub: HubServer, entry: Callable[..., Entry], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", True)
    with pytest.raises(HubError, match="HF_HUB_OFFLINE forbids to ask the Hub: unset it"):
        publish(ZOO, [entry()])


def test_a_readme_of_somebodys_own_is_spared(hub: HubServer, entry: Callable[..., Entry]) -> None:
    hub.add_repo("owner/zoo")
    own = b"---\nlicense: mit\n---\n# My thoughts\n"
    hub.commit("owner/zoo", {"README.md": own})
    with pytest.raises(HubError, match="was not written by stylezoo: --replace-readme"):
        publish(ZOO, [entry()])
    assert hub.files("owner/zoo")["README.md"] == own
    publish(ZOO, [entry()], replace_readme=True)
    assert b"johnson/dots" in hub.files("owner/zoo")["README.md"]


def test_the_empty_readme_of_a_new_repository_is_replaced(hub: HubServer, entry: Callable[..., Entry]) -> None:
    hub.add_repo("owner/zoo")
    hub.commit("owner/zoo", {"README.md": b"---\nlicense: mit\n---\n"})
    publish(ZOO, [entry()])
    assert b"johnson/dots" in hub.files("owner/zoo")["README.md"]


def test_a_broken_registry_there_is_not_overwritten(hub: HubServer, entry: Callable[..., Entry]) -> None:
    hub.add_repo("owner/zoo")
    hub.commit("owner/zoo", {"zoo.yaml": b"schema: 1\nmodels: 3\n"})
    with pytest.raises(RegistryError, match=r"owner/zoo/zoo\.yaml"):
        publish(ZOO, [entry()])


def test_a_branch(hub: HubServer, entry: Callable[..., Entry]) -> None:
    publish(ZOO, [entry()])
    hub.repos["owner/zoo"].branches["next"] = hub.repos["owner/zoo"].branches["main"]
    publish(Repository(HubSpec(repo="owner/zoo", revision="next")), [entry(fill=3.0)])
    ours = [read_repository(ZOO.at(branch)).models["johnson/dots"].weights for branch in ("main", "next")]
    assert ours[0] and ours[1] and ours[0].sha256 != ours[1].sha256
