from __future__ import annotations

import errno
import os
import pickle
import shutil
import socket
import subprocess
import sys
import threading
import time
import zipfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import huggingface_hub
import msgspec
import numpy as np
import pytest
from hub_server import Fault, HubServer
from safetensors.numpy import save_file

import stylezoo.zoo
from stylezoo._files import sha256_of
from stylezoo.errors import HashMismatchError, HubError, ModelNotFoundError, WeightsError
from stylezoo.zoo import hub_errors, store
from stylezoo.zoo.hub import Repository, UnreachableError
from stylezoo.zoo.spec import HubSpec, ModelSpec, WeightsSpec
from stylezoo.zoo.store import locate, read_header

MakeWeights = Callable[..., WeightsSpec]


def _with(spec: ModelSpec, weights: WeightsSpec) -> ModelSpec:
    return msgspec.structs.replace(spec, weights=weights)


# --- inside the package ---


@pytest.fixture
def bundled_file(bundled: Path, weights_file: Path) -> Path:
    path = bundled / "johnson" / "mosaic.safetensors"
    path.parent.mkdir()
    shutil.copy(weights_file, path)
    return path


def test_a_bundled_file_is_found(spec: ModelSpec, make_weights: MakeWeights, bundled_file: Path) -> None:
    assert locate(_with(spec, make_weights(bundled=True))) == bundled_file


@pytest.mark.parametrize("spoil", [lambda d: d[:-1], lambda d: d[:-1] + b"x", lambda d: b""])
def test_a_changed_bundled_file_is_refused(
    spec: ModelSpec, make_weights: MakeWeights, bundled_file: Path, spoil: Callable[[bytes], bytes]
) -> None:
    model = _with(spec, make_weights(bundled=True, hub=HubSpec(repo="owner/zoo")))
    locate(model)  # a file that was right once is looked at again when it changed
    bundled_file.write_bytes(spoil(bundled_file.read_bytes()))
    with pytest.raises(HashMismatchError) as caught:
        locate(model)
    message = str(caught.value)
    assert model.weights is not None
    for part in (str(bundled_file), sha256_of(bundled_file), model.weights.sha256, "Reinstall stylezoo"):
        assert part in message


def test_a_file_is_hashed_once(
    spec: ModelSpec, make_weights: MakeWeights, bundled_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    hashed: list[Path] = []

    def counting(path: Path) -> str:
        hashed.append(path)
        return sha256_of(path)

    monkeypatch.setattr(store, "sha256_of", counting)
    model = _with(spec, make_weights(bundled=True))
    assert locate(model) == locate(model)
    assert hashed == [bundled_file]


def test_a_missing_bundled_file_without_a_hub(spec: ModelSpec, make_weights: MakeWeights, bundled: Path) -> None:
    with pytest.raises(WeightsError, match=r"weights of johnson/mosaic are missing at .*: reinstall stylezoo"):
        locate(_with(spec, make_weights(bundled=True)))


def test_a_record_without_weights(spec: ModelSpec) -> None:
    with pytest.raises(WeightsError, match="names no weights"):
        locate(spec)


# --- from the Hub ---

HUB = HubSpec(repo="owner/zoo")
FILE = "johnson/mosaic.safetensors"


@pytest.fixture
def online(hub: HubServer, weights_file: Path) -> HubServer:
    """The loopback Hub with the weights file in owner/zoo, and nothing else in main than in the tag v1."""
    repo = hub.add_repo("owner/zoo")
    repo.tags["v1"] = hub.commit("owner/zoo", {FILE: weights_file.read_bytes()})
    return hub


def test_downloads_once_and_then_works_offline(
    spec: ModelSpec, make_weights: MakeWeights, online: HubServer, weights_file: Path, tmp_path: Path
) -> None:
    model = _with(spec, make_weights(hub=HUB))
    path = locate(model, cache_dir=tmp_path / "mine")
    assert path.is_relative_to(tmp_path / "mine")
    assert path.read_bytes() == weights_file.read_bytes()
    asked = len(online.requests)
    assert locate(model, cache_dir=str(tmp_path / "mine"), offline=True) == path
    assert locate(model, cache_dir=tmp_path / "mine") == path
    assert len(online.requests) == asked


def test_a_missing_bundled_file_comes_from_the_hub(
    spec: ModelSpec, make_weights: MakeWeights, online: HubServer, bundled: Path
) -> None:
    assert read_header(locate(_with(spec, make_weights(bundled=True, hub=HUB)))) == spec


def test_the_revision_can_be_chosen(spec: ModelSpec, make_weights: MakeWeights, online: HubServer) -> None:
    online.commit("owner/zoo", {FILE: b"another net"})
    model = _with(spec, make_weights(hub=HUB))
    with pytest.raises(HashMismatchError, match=r"it has 11 bytes, but the registry states .* give the revision"):
        locate(model)
    assert read_header(locate(model, revision="v1")) == spec


def test_offline_and_not_in_the_cache(spec: ModelSpec, make_weights: MakeWeights, online: HubServer) -> None:
    with pytest.raises(HubError, match="not in the cache, and downloads are off: do it once without"):
        locate(_with(spec, make_weights(hub=HUB)), offline=True)
    assert not online.requests


def test_another_file_of_the_right_size_is_refused_and_stays_in_the_cache(
    spec: ModelSpec, make_weights: MakeWeights, online: HubServer, weights_file: Path, tmp_path: Path
) -> None:
    other = weights_file.read_bytes()[:-1] + b"x"
    online.commit("owner/zoo", {FILE: other})
    for offline in (False, True):
        with pytest.raises(HashMismatchError, match="Upgrade stylezoo, or give the revision that has this file"):
            locate(_with(spec, make_weights(hub=HUB)), offline=offline)
    assert other in [path.read_bytes() for path in (tmp_path / "cache").rglob("blobs/*")]


def test_a_damaged_file_of_the_cache_is_fetched_again(
    spec: ModelSpec, make_weights: MakeWeights, online: HubServer, weights_file: Path
) -> None:
    model = _with(spec, make_weights(hub=HUB))
    path = locate(model)
    path.resolve().write_bytes(weights_file.read_bytes()[:-2])
    assert locate(model).read_bytes() == weights_file.read_bytes()
    path.resolve().write_bytes(weights_file.read_bytes()[:-2])
    with pytest.raises(HashMismatchError, match="It was removed: try again"):
        locate(model, offline=True)
    assert locate(model).read_bytes() == weights_file.read_bytes()


def test_a_hash_that_lies_leaves_nothing_in_the_cache(
    spec: ModelSpec, make_weights: MakeWeights, online: HubServer, weights_file: Path, tmp_path: Path
) -> None:
    model = _with(spec, make_weights(hub=HUB))
    online.faults.append(Fault("^GET .*/resolve/", lie=True))
    with pytest.raises(HashMismatchError, match="It was removed: try again; if it stays so, report it"):
        locate(model)
    assert not list((tmp_path / "cache").rglob("blobs/*")) and not list((tmp_path / "cache").rglob("*.safetensors"))
    online.faults.clear()
    assert locate(model).read_bytes() == weights_file.read_bytes()


def test_a_body_that_lies_once_is_fetched_again(
    spec: ModelSpec, make_weights: MakeWeights, online: HubServer, weights_file: Path
) -> None:
    online.faults.append(Fault("^GET .*/resolve/", lie=True, times=1))
    assert locate(_with(spec, make_weights(hub=HUB))).read_bytes() == weights_file.read_bytes()


@pytest.mark.parametrize(
    "fault",
    [
        Fault("^GET .*/resolve/", truncate=40, times=2),
        Fault("^HEAD .*/resolve/", status=500, times=3),
        Fault("^GET .*/resolve/", status=500, times=3),
        Fault("^GET .*/resolve/", status=429, headers={"Retry-After": "2"}, times=1),
        Fault("^HEAD .*/resolve/", status=429, headers={"Retry-After": "2"}, times=1),
        Fault("^GET .*/resolve/", delay=0.2, pause=0.2),
        Fault("^GET .*/resolve/", vanish=True, times=1),
    ],
    ids=["truncated", "500 to HEAD", "500 to GET", "429 to GET", "429 to HEAD", "slow", "vanished"],
)
@pytest.mark.filterwarnings("ignore:cannot get")
def test_what_passes_is_waited_for(
    spec: ModelSpec, make_weights: MakeWeights, online: HubServer, weights_file: Path, fault: Fault
) -> None:
    online.faults.append(replace(fault))
    assert locate(_with(spec, make_weights(hub=HUB))).read_bytes() == weights_file.read_bytes()
    assert online.faults[0].hits


def test_waits_as_long_as_the_server_asks_and_says_so(
    spec: ModelSpec, make_weights: MakeWeights, online: HubServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    waits: list[float] = []
    monkeypatch.setattr(time, "sleep", waits.append)
    online.faults.append(Fault("^GET .*/resolve/", status=503, headers={"Retry-After": "7"}, times=1))
    with pytest.warns(UserWarning, match=r"cannot get .* yet \(status 503\): trying again in 7 s"):
        locate(_with(spec, make_weights(hub=HUB)))
    assert waits == [7]


def test_a_server_that_asks_for_too_long_is_left_alone(
    spec: ModelSpec, make_weights: MakeWeights, online: HubServer
) -> None:
    online.faults.append(Fault("^GET .*/resolve/", status=503, headers={"Retry-After": "900"}))
    with pytest.raises(HubError, match="answers with status 503: try again later"):
        locate(_with(spec, make_weights(hub=HUB)))
    assert online.faults[0].hits == 1


def test_a_server_that_goes_in_the_middle_leaves_no_half_file_to_load(
    spec: ModelSpec, make_weights: MakeWeights, online: HubServer, weights_file: Path, tmp_path: Path
) -> None:
    model = _with(spec, make_weights(hub=HUB))
    online.faults.append(Fault("^GET .*/resolve/", truncate=40, down=True, times=1))
    with pytest.raises(HubError, match="does not answer as it should: check the network") as caught:
        locate(model)
    assert "\n" not in str(caught.value)
    assert not list((tmp_path / "cache").rglob("*.safetensors"))
    online.start()
    assert locate(model).read_bytes() == weights_file.read_bytes()


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EDQUOT])
def test_a_full_disk(
    spec: ModelSpec,
    make_weights: MakeWeights,
    online: HubServer,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    code: int,
) -> None:
    def full(*args: Any, **kwargs: Any) -> None:
        raise OSError(code, os.strerror(code))

    monkeypatch.setattr(huggingface_hub.file_download, "http_get", full)
    with pytest.raises(HubError, match="the disk is full: free some space, or set HF_HOME to a folder on another"):
        locate(_with(spec, make_weights(hub=HUB)))
    assert not list((tmp_path / "cache").rglob("*.safetensors"))


@pytest.mark.parametrize(
    ("fields", "fault", "reason"),
    [
        ({"file": "none.safetensors"}, {}, "the repository has no such file"),
        ({"hub": HubSpec(repo="owner/none")}, {}, "does not exist or is private.* log in with 'hf auth login'"),
        ({"hub": HubSpec(repo="owner/zoo", revision="v9")}, {}, "owner/zoo@v9: the repository has no such revision"),
        ({}, {"status": 401, "headers": {"X-Error-Code": "RepoNotFound"}}, "does not exist or is private"),
        ({}, {"status": 403, "headers": {"X-Error-Code": "GatedRepo"}}, "access has to be asked for at"),
        ({}, {"status": 403}, "the token may not do that"),
        ({}, {"status": 401}, "does not know the token: log in with 'hf auth login' or set HF_TOKEN"),
        ({}, {"status": 404}, "does not answer as it should|status 404|does not exist"),
        ({}, {"status": 429, "headers": {"Retry-After": "3600"}}, "asked too often: try again in 3600 s, or log in"),
        ({}, {"status": 503}, "does not answer as it should"),
    ],
)
@pytest.mark.filterwarnings("ignore:cannot get")
def test_says_why_the_hub_refused(
    spec: ModelSpec,
    make_weights: MakeWeights,
    online: HubServer,
    fields: dict[str, Any],
    fault: dict[str, Any],
    reason: str,
) -> None:
    if fault:
        online.faults.append(Fault("/resolve/", **fault))
    with pytest.raises(HubError, match=reason) as caught:
        locate(_with(spec, make_weights(**{"hub": HUB, **fields})))
    message = str(caught.value)
    assert message.startswith("cannot get ") and "\n" not in message and online.token not in message


def test_a_private_repository_needs_the_right_token(
    spec: ModelSpec, make_weights: MakeWeights, online: HubServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    online.repos["owner/zoo"].private = True
    model = _with(spec, make_weights(hub=HUB))
    monkeypatch.setenv("HF_TOKEN", "hf_wrong")
    with pytest.raises(HubError, match="log in with 'hf auth login' or set HF_TOKEN") as caught:
        locate(model)
    assert "hf_wrong" not in str(caught.value)
    monkeypatch.setenv("HF_TOKEN", online.read_token)
    assert read_header(locate(model)) == spec


@pytest.mark.parametrize("below", ["", "deeper/still"])
def test_a_cache_that_cannot_be_written(
    spec: ModelSpec, make_weights: MakeWeights, online: HubServer, tmp_path: Path, below: str
) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(HubError, match=r"cannot write .*file.* \(.*\): set HF_HOME to a folder of your own"):
        locate(_with(spec, make_weights(hub=HUB)), cache_dir=tmp_path / "file" / below)


def test_a_page_in_place_of_an_answer(monkeypatch: pytest.MonkeyPatch, online: HubServer) -> None:
    """As of a network that wants a login in the browser first."""
    online.faults.append(Fault("^GET /api/models/", status=200))
    with pytest.raises(HubError, match="does not answer as it should: check the network"):
        Repository(HUB).snapshot()


def test_no_network(spec: ModelSpec, make_weights: MakeWeights, online: HubServer) -> None:
    online.stop()
    with pytest.raises(HubError, match="does not answer as it should: check the network, or set HF_ENDPOINT"):
        locate(_with(spec, make_weights(hub=HUB)))


def test_no_network_is_noticed_before_the_client_tries_for_long(
    spec: ModelSpec, make_weights: MakeWeights, online: HubServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A host that never answers, or whose name cannot be looked up: nothing else is asked."""
    never = threading.Event()
    monkeypatch.setattr(hub_errors, "PATIENCE", 0.1)
    monkeypatch.setattr(socket, "create_connection", lambda *_: never.wait() and socket.socket())
    with pytest.raises(HubError, match="does not answer as it should"):
        locate(_with(spec, make_weights(hub=HUB)))
    with pytest.raises(UnreachableError, match="does not answer as it should"):
        Repository(HUB).snapshot()
    never.set()
    assert not online.requests


def test_a_file_in_the_cache_needs_no_network(spec: ModelSpec, make_weights: MakeWeights, online: HubServer) -> None:
    there = _with(spec, make_weights(hub=HUB))
    path = locate(there)
    online.stop()
    assert locate(there) == path


def test_a_proxy_is_left_to_the_client(monkeypatch: pytest.MonkeyPatch, online: HubServer) -> None:
    online.stop()
    assert not hub_errors.answers()
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    assert hub_errors.answers()


def _elsewhere(model: ModelSpec, **variables: str) -> subprocess.Popen[str]:
    """Locate in a process of its own, which prints the path or the error: the client reads its variables on import."""
    code = (
        "import sys; from stylezoo.errors import StyleZooError; from stylezoo.zoo.spec import parse_header\n"
        "from stylezoo.zoo.store import locate, read_header\n"
        "try: path = locate(parse_header(sys.argv[1], 'x')); read_header(path); print(path)\n"
        "except StyleZooError as error: print(error)\n"
        "assert 'torch' not in sys.modules"
    )
    here = {"PYTHONPATH": str(Path(stylezoo.zoo.__file__).parents[2]), "HF_HUB_DISABLE_XET": "1"}
    environment = {k: v for k, v in os.environ.items() if not k.startswith("HF_")} | here | variables
    command = [sys.executable, "-c", code, msgspec.json.encode(model).decode()]
    return subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def _answer(process: subprocess.Popen[str]) -> str:
    said, talk = process.communicate(timeout=300)
    assert process.returncode == 0, talk
    return said.strip()


@pytest.mark.slow
def test_the_clients_own_variables_are_honoured(
    spec: ModelSpec, make_weights: MakeWeights, online: HubServer, weights_file: Path, tmp_path: Path
) -> None:
    model = _with(spec, make_weights(hub=HUB))
    home = str(tmp_path / "home")
    refusal = _answer(_elsewhere(model, HF_ENDPOINT=online.url, HF_HOME=home, HF_HUB_OFFLINE="1"))
    assert "not in the cache, and downloads are off" in refusal and not online.requests
    path = _answer(_elsewhere(model, HF_ENDPOINT=online.url, HF_HOME=home))
    assert Path(path).is_relative_to(home)
    assert Path(path).read_bytes() == weights_file.read_bytes()
    assert _answer(_elsewhere(model, HF_HOME=home, HF_HUB_OFFLINE="1")) == path


@pytest.mark.slow
def test_processes_that_pull_at_once_all_get_the_file(
    spec: ModelSpec, make_weights: MakeWeights, online: HubServer, weights_file: Path, tmp_path: Path
) -> None:
    model = _with(spec, make_weights(hub=HUB))
    online.faults.append(Fault("^GET .*/resolve/", pause=0.5))
    variables = {"HF_ENDPOINT": online.url, "HF_HOME": str(tmp_path / "home")}
    paths = {_answer(process) for process in [_elsewhere(model, **variables) for _ in range(3)]}
    assert [Path(path).read_bytes() for path in paths] == [weights_file.read_bytes()]


# --- reading a lone file ---


def test_a_header_tells_the_model(weights_file: Path, spec: ModelSpec) -> None:
    assert read_header(weights_file) == spec
    assert read_header(str(weights_file)) == spec


def _pth(path: Path) -> None:
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("archive/data.pkl", pickle.dumps({"weight": [1.0]}))


def _legacy_pth(path: Path) -> None:
    path.write_bytes(pickle.dumps({"weight": [1.0] * 100}, protocol=2))


def _header(path: Path, text: str) -> None:
    path.write_bytes(len(text).to_bytes(8, "little") + text.encode())


UNUSABLE: list[tuple[Callable[[Path], Any], str]] = [
    (lambda path: None, "cannot read .*No such file"),
    (lambda path: path.mkdir(), "cannot read .*directory"),
    (lambda path: path.touch(), "is empty"),
    (lambda path: path.write_bytes(b"abc"), "not a safetensors file"),
    (lambda path: path.write_bytes(b"\x89PNG\r\n\x1a\n" + bytes(100)), "not a safetensors file"),
    (lambda path: path.write_bytes((5).to_bytes(8, "little") + b"{oops"), "not a safetensors file"),
    (lambda path: path.write_bytes((8).to_bytes(8, "little") + b'{"a": 1}'), "not a safetensors file"),
    (lambda path: _header(path, '{"a":' + "[" * 5000 + "]" * 5000 + "}"), "not a safetensors file"),
    (lambda path: _header(path, '{"a": {"data_offsets": [0, 1e308]}}'), "not a safetensors file"),
    (lambda path: _header(path, '{"a": {"data_offsets": [0, %s]}}' % ("9" * 5000)), "not a safetensors file"),
    (lambda path: _header(path, '{"a": {"data_offsets": [0, -8]}}'), "is damaged: it has"),
    (lambda path: _header(path, '{"a": {"data_offsets": [0, 9223372036854775807]}}'), "is damaged: it has"),
    (lambda path: path.write_bytes(b"\xff" * 8 + b"{}"), "not a safetensors file"),
    (
        lambda path: save_file({"a": np.zeros(3)}, path, metadata={"stylezoo": "[" * 5000 + "]" * 5000}),
        "is not JSON: maximum recursion",
    ),
    (_pth, "is a pickle"),
    (_legacy_pth, "is a pickle"),
    (lambda path: path.write_text("version https://git-lfs.github.com/spec/v1\noid sha256:0\n"), "git lfs pull"),
    (lambda path: save_file({"a": np.zeros(3)}, path), "was not written by stylezoo: its header has no 'stylezoo'"),
    (lambda path: save_file({"a": np.zeros(3)}, path, metadata={"stylezoo": "{}"}), "stylezoo: Object missing"),
]


@pytest.mark.parametrize(("make", "reason"), UNUSABLE, ids=[f"{i} {reason}" for i, (_, reason) in enumerate(UNUSABLE)])
def test_says_why_a_file_is_unusable(tmp_path: Path, make: Callable[[Path], Any], reason: str) -> None:
    path = tmp_path / "net.safetensors"
    make(path)
    with pytest.raises(WeightsError, match=reason) as caught:
        read_header(path)
    assert str(path) in str(caught.value) and "\n" not in str(caught.value)


@pytest.mark.parametrize(("keep", "reason"), [(-1, "is damaged: it has"), (100, "truncated"), (4, "truncated")])
def test_a_truncated_file_is_damaged(weights_file: Path, keep: int, reason: str) -> None:
    weights_file.write_bytes(weights_file.read_bytes()[:keep])
    with pytest.raises(WeightsError, match=reason):
        read_header(weights_file)


def test_a_file_with_something_behind_it_is_damaged(weights_file: Path) -> None:
    weights_file.write_bytes(weights_file.read_bytes() + b"\0")
    with pytest.raises(WeightsError, match="is damaged: it has"):
        read_header(weights_file)


def test_an_empty_name_is_not_the_current_folder(
    bundled_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copy(bundled_file, tmp_path / store.WEIGHTS)
    monkeypatch.chdir(tmp_path)
    assert store.find(".")[1] == Path(store.WEIGHTS)
    with pytest.raises(ModelNotFoundError, match="is empty"):
        store.find("")
