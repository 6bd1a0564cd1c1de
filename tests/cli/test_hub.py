"""push, pull, sync, list --repo, verify --repo and names of the Hub, against a Hub on the loopback interface."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from hub_server import Fault, HubServer
from PIL import Image

import stylezoo
from stylezoo.zoo.store import locate, read_header

NAMES = ["johnson/mosaic", "cin/16", "ghiasi/lite"]


@pytest.fixture
def published(hub: HubServer, run) -> HubServer:
    """A Hub whose owner/zoo holds three of the bundled nets."""
    result = run("push", *NAMES, "--repo", "owner/zoo", "--no-picture")
    assert result.exit_code == 0, result.output
    return hub


PAINT = """
import sys
from pathlib import Path
import numpy as np
import stylezoo
from stylezoo.cli.main import cli

cli.main(["pull", "owner/zoo"], standalone_mode=False)
photo, style, *names, out = sys.argv[1:]
for i, name in enumerate(names):
    net = stylezoo.load(f"hf:owner/zoo/{name}", offline=True)
    kind = {"single": None, "multi": 2, "arbitrary": style}[net.kind]
    np.save(Path(out) / f"{i}.npy", np.asarray(net.stylize(photo, kind)))
"""


def test_a_dry_run_without_a_network_shows_what_a_new_repository_would_get(
    hub: HubServer, run, refused, tmp_path: Path
) -> None:
    hub.stop()
    card = tmp_path / "card.md"
    command = ("push", "johnson/mosaic", "--repo", "owner/zoo", "--dry-run", "--no-picture", "--card", card)
    result = run(*command)
    assert result.exit_code == 0, result.output
    assert "what a new repository would get" in result.stderr
    assert "new      johnson/mosaic.safetensors" in result.stdout
    assert "hf:owner/zoo/johnson/mosaic" in card.read_text()
    assert "--card" in refused(*command)
    assert "does not answer" in refused("push", "johnson/mosaic", "--repo", "owner/zoo", "--no-picture")


@pytest.mark.slow
def test_three_models_go_there_and_come_back_to_the_bit(published: HubServer, tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    for name in ("photo", "style"):
        Image.fromarray(rng.integers(0, 255, (96, 112, 3), np.uint8)).save(tmp_path / f"{name}.png")
    photo, style = str(tmp_path / "photo.png"), str(tmp_path / "style.png")
    environment = os.environ | {
        "PYTHONPATH": str(Path(stylezoo.__file__).parents[1]),
        "HF_ENDPOINT": published.url,
        "HF_HOME": str(tmp_path / "home of another"),
        "HF_HUB_DISABLE_XET": "1",
        "OMP_NUM_THREADS": "1",
    }
    command = [sys.executable, "-c", PAINT, photo, style, *NAMES, str(tmp_path)]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    paths = [Path(line) for line in done.stdout.splitlines()]
    assert [path.is_relative_to(tmp_path / "home of another") for path in paths] == [True] * 3
    for i, name in enumerate(NAMES):
        net = stylezoo.load(name)
        stylized = net.stylize(photo, {"single": None, "multi": 2, "arbitrary": style}[net.kind])
        assert np.array_equal(np.load(tmp_path / f"{i}.npy"), np.asarray(stylized)), name


def test_a_second_push_sends_nothing(published: HubServer, run) -> None:
    sent, commits = published.sent_bytes.copy(), len(published.repos["owner/zoo"].commits)
    result = run("push", *NAMES, "--repo", "owner/zoo", "--no-picture")
    assert (result.exit_code, result.stdout) == (0, "")
    assert "nothing to send: owner/zoo" in result.stderr
    assert published.sent_bytes == sent and len(published.repos["owner/zoo"].commits) == commits


def test_push_with_a_picture_prints_what_it_sends(hub: HubServer, run, net_file: Path, tmp_path: Path) -> None:
    Image.new("RGB", (80, 60), (10, 90, 200)).save(tmp_path / "photo.png")
    command = [
        "push",
        net_file,
        "--story",
        "two runs",
        "--repo",
        "owner/zoo",
        "--private",
        "--photo",
        tmp_path / "photo.png",
    ]
    dry = run(*command, "--dry-run", "--json")
    assert [json.loads(line)["path"] for line in dry.stdout.splitlines()] == [
        "johnson/tiny.safetensors",
        "pictures/johnson/tiny.jpg",
        "zoo.yaml",
        "fingerprints.json",
        "README.md",
    ]
    assert "5 files would be sent to owner/zoo" in dry.stderr and "owner/zoo" not in hub.repos
    result = run(*command)
    assert result.stdout.splitlines()[0] == "new      johnson/tiny.safetensors"
    assert "try it: stylezoo stylize photo.jpg -m hf:owner/zoo/johnson/tiny" in result.stderr
    assert hub.repos["owner/zoo"].private
    assert hub.files("owner/zoo")["pictures/johnson/tiny.jpg"][:2] == b"\xff\xd8"


def test_list_reads_the_registry_alone(published: HubServer, run) -> None:
    published.requests.clear()
    result = run("list", "c*", "--repo", "owner/zoo", "--json")
    assert [json.loads(line)["name"] for line in result.stdout.splitlines()] == ["cin/16"]
    assert not published.asked("safetensors")
    assert "no model matches 'x*'" in run("list", "x*", "--repo", "owner/zoo").stderr


def test_info_and_stylize_take_a_name_of_the_hub(published: HubServer, run, tmp_path: Path) -> None:
    assert "on the Hub's owner/zoo" in run("info", "hf:owner/zoo/johnson/mosaic").stdout
    Image.new("RGB", (64, 48), (10, 90, 200)).save(tmp_path / "photo.png")
    out = tmp_path / "out.png"
    result = run("stylize", tmp_path / "photo.png", "-m", "hf:owner/zoo@main/johnson/mosaic", "-o", out)
    assert result.exit_code == 0, result.output
    assert Image.open(out).size == (64, 48)


def test_verify_looks_at_a_repository(published: HubServer, run, refused) -> None:
    result = run("verify", "johnson/*", "--repo", "owner/zoo")
    assert result.exit_code == 0, result.output
    assert [line.split()[:3] for line in result.stdout.splitlines()] == [
        ["ok", "johnson/mosaic", what] for what in ("weights:", "header:", "fingerprint:", "rights:")
    ]
    assert "no model matches 'x'" in refused("verify", "x", "--repo", "owner/zoo")


def test_verify_finds_what_is_wrong_in_a_repository(published: HubServer, run) -> None:
    data = published.files("owner/zoo")["johnson/mosaic.safetensors"]
    published.commit("owner/zoo", {"johnson/mosaic.safetensors": data[:-1] + b"\0"})
    result = run("verify", "--repo", "owner/zoo")
    assert result.exit_code == 2
    assert [line.split()[1] for line in result.stdout.splitlines() if line.startswith("FAIL")] == ["johnson/mosaic"]


@pytest.mark.slow
def test_pull_to_a_folder_sync_and_verify(published: HubServer, run, tmp_path: Path) -> None:
    mirror = tmp_path / "mirror"
    pulled = run("pull", "owner/zoo", "[jc]*", "--to", mirror, "--json")
    assert [json.loads(line)["name"] for line in pulled.stdout.splitlines()] == ["cin/16", "johnson/mosaic"]
    assert run("verify", "--zoo", mirror).exit_code == 0
    sync = run("sync", "owner/zoo", "--zoo", mirror)
    assert (sync.exit_code, sync.stdout.split()) == (
        1,
        ["same", "cin/16", "only", "there", "ghiasi/lite", "same", "johnson/mosaic"],
    )
    assert "--pull" in sync.stderr
    (mirror / "cin/16.safetensors").write_bytes(b"broken")
    mended = run("sync", "owner/zoo", "--zoo", mirror, "--pull")
    assert mended.exit_code == 0
    assert "damaged here   cin/16  (taken)" in mended.stdout and "only there     ghiasi/lite  (taken)" in mended.stdout
    assert run("sync", "owner/zoo", "--zoo", mirror).exit_code == 0
    assert run("verify", "--zoo", mirror).exit_code == 0


def test_pull_overwrites_no_work_of_ones_own(hub: HubServer, run, refused, net_file: Path, tmp_path: Path) -> None:
    from stylezoo.models import create_model

    run("push", net_file, "--story", "two runs", "--repo", "owner/zoo", "--no-picture")
    other = tmp_path / "other.safetensors"
    spec = read_header(net_file)
    create_model("johnson", **spec.arch).save_weights(other, spec)
    run("push", other, "--story", "untrained", "--repo", "owner/mine", "--no-picture")
    mirror = tmp_path / "mirror"
    assert run("pull", "owner/mine", "--to", mirror).exit_code == 0
    before = (mirror / "johnson/tiny.safetensors").read_bytes()
    said = refused("pull", "owner/zoo", "--to", mirror)
    assert f"{mirror} has local changes in johnson/tiny" in said and f"sync owner/zoo --zoo {mirror} --pull" in said
    assert (mirror / "johnson/tiny.safetensors").read_bytes() == before
    assert run("sync", "owner/zoo", "--zoo", mirror, "--pull", "--theirs").exit_code == 0
    assert run("pull", "owner/zoo", "--to", mirror).exit_code == 0
    assert (mirror / "johnson/tiny.safetensors").read_bytes() == hub.files("owner/zoo")["johnson/tiny.safetensors"]


def test_a_folder_without_a_zoo_is_no_repository(hub: HubServer, refused, tmp_path: Path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    for command in (["sync", "owner/zoo", "--zoo", "a"], ["verify", "--zoo", "a/b"]):
        assert f"no zoo.yaml in {command[-1]}" in refused(*command)
    assert not hub.requests


def test_what_a_record_says_adds_no_line(hub: HubServer, run, published: HubServer) -> None:
    text = published.files("owner/zoo")["zoo.yaml"].replace(b"license: Apache-2.0", b'license: "MIT\\nFAKE  line"')
    published.commit("owner/zoo", {"zoo.yaml": text})
    assert len(run("list", "--repo", "owner/zoo").stdout.splitlines()) == 4
    assert "\nFAKE" not in run("verify", "johnson/mosaic", "--repo", "owner/zoo").stdout


def test_sync_sends_what_is_missing_there(hub: HubServer, run, published: HubServer, tmp_path: Path) -> None:
    hub.add_repo("owner/other")
    run("pull", "owner/zoo", "johnson/*", "--to", tmp_path)
    run("push", "starry_night", "--repo", "owner/other", "--no-picture")
    result = run("sync", "owner/other", "--zoo", tmp_path, "--push")
    assert "only here      johnson/mosaic  (sent)" in result.stdout
    assert "only there     johnson/starry_night\n" in result.stdout
    assert result.exit_code == 1  # one is left
    assert "johnson/mosaic.safetensors" in hub.files("owner/other")


def test_the_packages_own_zoo_against_a_repository(published: HubServer, run, refused) -> None:
    result = run("sync", "owner/zoo", "--json")
    states = {fact["name"]: fact["state"] for fact in map(json.loads, result.stdout.splitlines())}
    assert {states[name] for name in NAMES} == {"same"}
    assert states["johnson/starry_night"] == "only here"
    assert "--pull needs --zoo FOLDER" in refused("sync", "owner/zoo", "--pull")
    assert "--theirs needs --pull" in refused("sync", "owner/zoo", "--theirs")


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (("push", "mosaic", "--repo", "zoo"), "'zoo' is not a repository"),
        (("push", "mosiac", "--repo", "owner/zoo"), "no model is named 'mosiac'. Did you mean"),
        (("pull", "../.."), "'../..' is not a repository"),
        (("pull", "owner/zoo", "--revision", "../x"), "'../x' is not a revision"),
        (("pull", "owner/none"), "the repository does not exist or is private"),
        (("pull", "owner/zoo", "x*"), "no model matches 'x*'"),
        (("list", "--repo", "owner/none"), "the repository does not exist or is private"),
        (("sync", "owner/none"), "the repository does not exist or is private"),
        (("verify", "--zoo", "a", "--repo", "b/c"), "--zoo and --repo"),
        (
            ("stylize", "x.png", "-m", "hf:owner/zoo/cin/17", "-o", "y.png"),
            "no model 'cin/17'. Did you mean cin/16",
        ),
    ],
)
def test_bad_input_gets_one_line(published: HubServer, refused, arguments: tuple[str, ...], reason: str) -> None:
    assert reason in refused(*arguments)


def test_a_token_is_never_printed(hub: HubServer, refused, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_TOKEN", "hf_very_secret")
    hub.add_repo("owner/zoo", private=True)
    assert "hf_very_secret" not in refused("push", "mosaic", "--repo", "owner/zoo", "--no-picture")
    hub.faults.append(Fault("/api/", status=400))
    assert "hf_very_secret" not in refused("pull", "owner/zoo")
    for odd in ("hf_very_sécret", "hf_very_s\x01cret"):
        monkeypatch.setenv("HF_TOKEN", odd)
        said = refused("pull", "owner/zoo")
        assert "log in with 'hf auth login'" in said and "hf_very" not in said


@pytest.mark.slow
def test_a_model_goes_to_xet_and_comes_back(tmp_path: Path) -> None:
    """By the real hf_xet, where the Hub keeps large files in Xet."""
    pytest.importorskip("hf_xet")
    weights, storage = locate(stylezoo.model_info("johnson/mosaic")), tmp_path / "storage"
    storage.mkdir()
    with HubServer() as server:
        server.use_xet(storage, [weights])
        environment = {k: v for k, v in os.environ.items() if not k.startswith("HF_")}
        environment |= {"PYTHONPATH": str(Path(stylezoo.__file__).parents[1]), "OMP_NUM_THREADS": "1"}
        environment |= {"HF_ENDPOINT": server.url, "HF_TOKEN": server.token}

        def run(home: str, *arguments: str) -> str:
            command = [sys.executable, "-m", "stylezoo", *arguments]
            here = environment | {"HF_HOME": str(tmp_path / home)}
            done = subprocess.run(command, env=here, capture_output=True, text=True, timeout=300)
            assert done.returncode == 0, done.stderr
            return done.stdout

        sent = run("a", "push", "mosaic", "--repo", "owner/zoo", "--no-picture")
        assert "new      johnson/mosaic.safetensors\n" in sent
        pulled = Path(run("b", "pull", "owner/zoo").strip())
        assert pulled.is_relative_to(tmp_path / "b") and pulled.read_bytes() == weights.read_bytes()
        assert server.asked("/xet-write-token/") and server.asked("/xet-read-token/")
        assert not server.asked("^PUT|^GET .*/resolve/.*safetensors")  # the bytes never came by
