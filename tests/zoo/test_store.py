from __future__ import annotations

import functools
import os
import pickle
import shutil
import subprocess
import sys
import time
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import huggingface_hub
import msgspec
import numpy as np
import pytest
from safetensors.numpy import save_file

import stylezoo.zoo
from stylezoo.errors import HashMismatchError, WeightsError
from stylezoo.files import sha256_of
from stylezoo.zoo import store
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
    with pytest.raises(WeightsError, match=r"weights of johnson/mosaic should be at .*: reinstall stylezoo"):
        locate(_with(spec, make_weights(bundled=True)))


def test_a_record_without_weights(spec: ModelSpec) -> None:
    with pytest.raises(WeightsError, match="names no weights"):
        locate(spec)


# --- from the Hub ---


@pytest.fixture
def online(hub: Any, monkeypatch: pytest.MonkeyPatch) -> Any:
    """The loopback Hub, with the client of this process turned to it."""
    client = functools.partial(huggingface_hub.hf_hub_download, endpoint=hub.url, token=False)
    monkeypatch.setattr(huggingface_hub, "hf_hub_download", client)
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", False)
    monkeypatch.setattr(time, "sleep", lambda seconds: None)  # the client waits between its tries
    return hub


def test_downloads_once_and_then_works_offline(
    spec: ModelSpec, make_weights: MakeWeights, online: Any, weights_file: Path, tmp_path: Path
) -> None:
    model = _with(spec, make_weights(hub=online.spec))
    path = locate(model, cache_dir=tmp_path / "cache")
    assert path.is_relative_to(tmp_path / "cache")
    assert path.read_bytes() == weights_file.read_bytes()
    asked = len(online.requests)
    assert locate(model, cache_dir=str(tmp_path / "cache"), offline=True) == path
    assert locate(model, cache_dir=tmp_path / "cache") == path
    assert len(online.requests) == asked


def test_a_missing_bundled_file_comes_from_the_hub(
    spec: ModelSpec, make_weights: MakeWeights, online: Any, bundled: Path, tmp_path: Path
) -> None:
    path = locate(_with(spec, make_weights(bundled=True, hub=online.spec)), cache_dir=tmp_path)
    assert read_header(path) == spec


def test_the_revision_can_be_chosen(spec: ModelSpec, make_weights: MakeWeights, online: Any, tmp_path: Path) -> None:
    locate(_with(spec, make_weights(hub=online.spec)), cache_dir=tmp_path, revision="v1")
    assert online.requests and all("/resolve/v1/" in request for request in online.requests)


def test_offline_and_not_in_the_cache(spec: ModelSpec, make_weights: MakeWeights, online: Any, tmp_path: Path) -> None:
    model = _with(spec, make_weights(hub=online.spec))
    with pytest.raises(WeightsError, match="not in the cache, and downloads are off: load the model once without"):
        locate(model, cache_dir=tmp_path, offline=True)
    assert not online.requests


def test_a_wrong_file_on_the_hub_is_refused_until_it_is_put_right(
    spec: ModelSpec, make_weights: MakeWeights, online: Any, weights_file: Path, tmp_path: Path
) -> None:
    model = _with(spec, make_weights(hub=online.spec))
    online.files["johnson/mosaic.safetensors"] = b"something else"
    with pytest.raises(HashMismatchError, match=r"Delete .*blobs.* and try again"):
        locate(model, cache_dir=tmp_path)
    with pytest.raises(HashMismatchError):
        locate(model, cache_dir=tmp_path, offline=True)
    online.files["johnson/mosaic.safetensors"] = weights_file.read_bytes()
    online.commit = "2" * 40
    assert locate(model, cache_dir=tmp_path).read_bytes() == weights_file.read_bytes()


def test_deleting_a_damaged_file_of_the_cache_mends_it(
    spec: ModelSpec, make_weights: MakeWeights, online: Any, weights_file: Path, tmp_path: Path
) -> None:
    model = _with(spec, make_weights(hub=online.spec))
    path = locate(model, cache_dir=tmp_path)
    path.resolve().write_bytes(weights_file.read_bytes()[:-2])
    with pytest.raises(HashMismatchError) as caught:
        locate(model, cache_dir=tmp_path)
    named = str(caught.value).partition("Delete ")[2].partition(" and try again")[0]
    Path(named).unlink()
    assert locate(model, cache_dir=tmp_path).read_bytes() == weights_file.read_bytes()


def test_a_download_that_was_cut_short(
    spec: ModelSpec, make_weights: MakeWeights, online: Any, weights_file: Path, tmp_path: Path
) -> None:
    whole = weights_file.read_bytes()
    online.files["johnson/mosaic.safetensors"] = whole[:-5]
    online.stated_size = len(whole)
    with pytest.raises(WeightsError, match=f"Consistency check failed: file should be of size {len(whole)}") as caught:
        locate(_with(spec, make_weights(hub=online.spec)), cache_dir=tmp_path)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("fields", "refuse", "reason"),
    [
        ({"file": "none.safetensors"}, None, "the repository has no such file"),
        ({"hub": HubSpec(repo="owner/none")}, None, "does not exist or is private.* log in with 'hf auth login'"),
        ({"hub": HubSpec(repo="owner/zoo", revision="v9")}, None, "owner/zoo@v9: the repository has no such revision"),
        ({}, (401, "RepoNotFound"), "does not exist or is private"),
        ({}, (403, "GatedRepo"), "access has to be asked for at"),
        ({}, (401, ""), "log in with 'hf auth login' or set HF_TOKEN"),
        ({}, (503, ""), "does not answer as it should"),
    ],
)
def test_says_why_the_hub_refused(
    spec: ModelSpec,
    make_weights: MakeWeights,
    online: Any,
    tmp_path: Path,
    fields: dict[str, Any],
    refuse: tuple[int, str] | None,
    reason: str,
) -> None:
    online.refuse = refuse
    with pytest.raises(WeightsError, match=reason) as caught:
        locate(_with(spec, make_weights(**{"hub": online.spec, **fields})), cache_dir=tmp_path)
    assert str(caught.value).startswith("cannot get ") and "\n" not in str(caught.value)


def test_no_network(spec: ModelSpec, make_weights: MakeWeights, online: Any, tmp_path: Path) -> None:
    online.server_close()
    with pytest.raises(WeightsError, match="does not answer as it should: check the network, or set HF_ENDPOINT"):
        locate(_with(spec, make_weights(hub=online.spec)), cache_dir=tmp_path)


def _locate_elsewhere(model: ModelSpec, **variables: str) -> str:
    """Return the path, or the error, from a process of its own: the client reads its variables when it is imported."""
    code = (
        "import sys; from stylezoo.errors import WeightsError; from stylezoo.zoo.spec import parse_header\n"
        "from stylezoo.zoo.store import locate, read_header\n"
        "try: path = locate(parse_header(sys.argv[1], 'x')); read_header(path); print(path)\n"
        "except WeightsError as error: print(error)\n"
        "assert 'torch' not in sys.modules"
    )
    here = {"PYTHONPATH": str(Path(stylezoo.zoo.__file__).parents[2]), "HF_HUB_DISABLE_XET": "1"}
    environment = {k: v for k, v in os.environ.items() if not k.startswith("HF_")} | here | variables
    command = [sys.executable, "-c", code, msgspec.json.encode(model).decode()]
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=True).stdout.strip()


def test_the_clients_own_variables_are_honoured(
    spec: ModelSpec, make_weights: MakeWeights, hub: Any, weights_file: Path, tmp_path: Path
) -> None:
    model = _with(spec, make_weights(hub=hub.spec))
    home = str(tmp_path / "home")
    refusal = _locate_elsewhere(model, HF_ENDPOINT=hub.url, HF_HOME=home, HF_HUB_OFFLINE="1")
    assert "not in the cache, and downloads are off" in refusal and not hub.requests
    path = _locate_elsewhere(model, HF_ENDPOINT=hub.url, HF_HOME=home)
    assert Path(path).is_relative_to(home)
    assert Path(path).read_bytes() == weights_file.read_bytes()
    assert _locate_elsewhere(model, HF_HOME=home, HF_HUB_OFFLINE="1") == path


# --- reading a lone file ---


def test_a_header_tells_the_model(weights_file: Path, spec: ModelSpec) -> None:
    assert read_header(weights_file) == spec
    assert read_header(str(weights_file)) == spec


def _pth(path: Path) -> None:
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("archive/data.pkl", pickle.dumps({"weight": [1.0]}))


def _legacy_pth(path: Path) -> None:
    path.write_bytes(pickle.dumps({"weight": [1.0] * 100}, protocol=2))


UNUSABLE: list[tuple[Callable[[Path], Any], str]] = [
    (lambda path: None, "cannot read .*No such file"),
    (lambda path: path.mkdir(), "cannot read .*directory"),
    (lambda path: path.touch(), "is empty"),
    (lambda path: path.write_bytes(b"abc"), "no safetensors file"),
    (lambda path: path.write_bytes(b"\x89PNG\r\n\x1a\n" + bytes(100)), "not a safetensors file"),
    (lambda path: path.write_bytes((5).to_bytes(8, "little") + b"{oops"), "not a safetensors file"),
    (lambda path: path.write_bytes((8).to_bytes(8, "little") + b'{"a": 1}'), "not a safetensors file"),
    (_pth, "is a pickle, as torch.save writes it"),
    (_legacy_pth, "is a pickle, as torch.save writes it"),
    (lambda path: path.write_text("version https://git-lfs.github.com/spec/v1\noid sha256:0\n"), "git lfs pull"),
    (lambda path: save_file({"a": np.zeros(3)}, path), "was not written by stylezoo: its header has no 'stylezoo'"),
    (lambda path: save_file({"a": np.zeros(3)}, path, metadata={"stylezoo": "{}"}), "stylezoo: Object missing"),
]


@pytest.mark.parametrize(("make", "reason"), UNUSABLE, ids=[reason for _, reason in UNUSABLE])
def test_says_why_a_file_is_unusable(tmp_path: Path, make: Callable[[Path], Any], reason: str) -> None:
    path = tmp_path / "net.safetensors"
    make(path)
    with pytest.raises(WeightsError, match=reason) as caught:
        read_header(path)
    assert str(path) in str(caught.value) and "\n" not in str(caught.value)


@pytest.mark.parametrize(("keep", "reason"), [(-1, "is damaged: it has"), (100, "cut short"), (4, "cut short")])
def test_a_truncated_file_is_damaged(weights_file: Path, keep: int, reason: str) -> None:
    weights_file.write_bytes(weights_file.read_bytes()[:keep])
    with pytest.raises(WeightsError, match=reason):
        read_header(weights_file)


def test_a_file_with_something_behind_it_is_damaged(weights_file: Path) -> None:
    weights_file.write_bytes(weights_file.read_bytes() + b"\0")
    with pytest.raises(WeightsError, match="is damaged: it has"):
        read_header(weights_file)
