"""The Hub of the tests, driven by the real client: what it keeps, gives and refuses, and how it fails when told to."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import pytest
from hub_mirror import mirror_of, needs_olah
from hub_server import Fault, HubServer
from huggingface_hub import CommitOperationAdd, CommitOperationDelete, HfApi
from huggingface_hub.errors import (
    EntryNotFoundError,
    HfHubHTTPError,
    LocalEntryNotFoundError,
    RepositoryNotFoundError,
    RevisionNotFoundError,
)
from huggingface_hub.hf_api import RepoFile, RepoFolder

WEIGHTS = bytes(range(256)) * 200
OTHER = WEIGHTS[::-1]
NAME = "johnson/mosaic.safetensors"


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[HubServer]:
    """A Hub with the repository owner/zoo: zoo.yaml in its first commit, weights in the second."""
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    with HubServer() as hub:
        hub.add_repo("owner/zoo")
        hub.commit("owner/zoo", {"zoo.yaml": b"schema: 1\n"}, "The registry")
        hub.commit("owner/zoo", {NAME: WEIGHTS}, "The weights")
        yield hub


@pytest.fixture
def api(server: HubServer) -> HfApi:
    return HfApi(endpoint=server.url, token=server.token)


@pytest.fixture
def waits(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The seconds that the client would have waited; it does not."""
    seconds: list[float] = []
    monkeypatch.setattr(time, "sleep", seconds.append)
    return seconds


def download(api: HfApi, folder: Path, name: str = NAME, **options: object) -> bytes:
    return Path(api.hf_hub_download("owner/zoo", name, cache_dir=folder, **options)).read_bytes()


def test_an_upload_is_one_commit_and_the_same_again_sends_nothing(server: HubServer, api: HfApi, tmp_path: Path):
    (tmp_path / "johnson").mkdir()
    (tmp_path / "README.md").write_text("---\nlicense: mit\n---\n# Zoo\n")
    (tmp_path / NAME).write_bytes(WEIGHTS)
    api.create_repo("owner/new")
    made = api.upload_folder(repo_id="owner/new", folder_path=tmp_path, commit_message="All", commit_description="both")
    assert server.files("owner/new").keys() == {".gitattributes", "README.md", NAME}
    assert server.files("owner/new")[NAME] == WEIGHTS
    assert server.sent_bytes["lfs"] == len(WEIGHTS)
    newest, first = api.list_repo_commits("owner/new")
    assert (newest.commit_id, newest.title, newest.message) == (made.oid, "All", "both")
    assert first.title == "initial commit"

    before = dict(server.sent_bytes)
    server.requests.clear()
    assert api.upload_folder(repo_id="owner/new", folder_path=tmp_path).oid == made.oid
    assert server.sent_bytes == before
    assert not server.asked("^PUT|/commit/")


def test_files_may_be_deleted_and_a_large_one_moved_without_sending_it(server: HubServer, api: HfApi):
    moved = CommitOperationAdd("cin/mosaic.safetensors", WEIGHTS)
    api.create_commit("owner/zoo", [moved, CommitOperationDelete("johnson/")], commit_message="Move")
    assert server.files("owner/zoo").keys() == {".gitattributes", "zoo.yaml", "cin/mosaic.safetensors"}
    assert not server.asked("^PUT")
    with pytest.raises(EntryNotFoundError, match="doesn't exist"):
        api.create_commit("owner/zoo", [CommitOperationDelete("none.yaml")], commit_message="Delete")


def test_listings_tell_sizes_hashes_and_the_last_change(server: HubServer, api: HfApi):
    server.commit("owner/zoo", {"johnson/candy.safetensors": OTHER}, "More weights")
    assert api.list_repo_files("owner/zoo") == [".gitattributes", "johnson/candy.safetensors", NAME, "zoo.yaml"]
    folder, weights = api.get_paths_info("owner/zoo", ["johnson", NAME, "none"], expand=True)
    assert isinstance(folder, RepoFolder) and folder.last_commit.title == "More weights"
    assert isinstance(weights, RepoFile) and weights.last_commit.title == "The weights"
    assert weights.size == weights.lfs.size == len(WEIGHTS)
    top = {each.path: each.last_commit.title for each in api.list_repo_tree("owner/zoo", expand=True)}
    assert top == {".gitattributes": "initial commit", "johnson": "More weights", "zoo.yaml": "The registry"}
    siblings = {each.rfilename: each for each in api.model_info("owner/zoo", files_metadata=True).siblings}
    assert siblings[NAME].lfs.sha256 == weights.lfs.sha256
    assert siblings["zoo.yaml"].blob_id == "15e65cbe84aae99b815a3453459a27ae03be4926"  # git hash-object


def test_branches_tags_and_commits_are_revisions(server: HubServer, api: HfApi, tmp_path: Path):
    old = server.repos["owner/zoo"].branches["main"]
    api.create_tag("owner/zoo", tag="v1")
    api.create_branch("owner/zoo", branch="dev/wide")
    api.upload_file(repo_id="owner/zoo", path_or_fileobj=OTHER, path_in_repo=NAME, revision="dev/wide")
    assert {ref.name: ref.target_commit for ref in api.list_repo_refs("owner/zoo").tags} == {"v1": old}
    found = {rev: download(api, tmp_path, revision=rev) for rev in ("main", "v1", old, "dev/wide")}
    assert found == {"main": WEIGHTS, "v1": WEIGHTS, old: WEIGHTS, "dev/wide": OTHER}
    with pytest.raises(HfHubHTTPError, match="409"):
        api.create_tag("owner/zoo", tag="v1")
    api.delete_tag("owner/zoo", tag="v1")
    with pytest.raises(RevisionNotFoundError):
        download(api, tmp_path / "empty", revision="v1")


def test_a_snapshot_is_the_whole_repository_and_stays_without_the_server(server: HubServer, api: HfApi, tmp_path: Path):
    path = Path(api.snapshot_download("owner/zoo", cache_dir=tmp_path))
    assert {name: (path / name).read_bytes() for name in server.files("owner/zoo")} == server.files("owner/zoo")
    server.stop()
    assert download(api, tmp_path) == WEIGHTS


def test_what_is_not_there_has_its_own_error(server: HubServer, api: HfApi, tmp_path: Path):
    with pytest.raises(EntryNotFoundError):
        download(api, tmp_path, "none.safetensors")
    with pytest.raises(RevisionNotFoundError):
        download(api, tmp_path, revision="v9")
    for token, status in (server.token, "404"), (False, "401"):
        with pytest.raises(RepositoryNotFoundError, match=status):
            api.list_repo_files("owner/none", token=token)


def test_tokens_decide_who_reads_and_writes(server: HubServer, api: HfApi):
    api.create_repo("owner/secret", private=True)
    assert api.list_repo_files("owner/secret", token=server.read_token) == [".gitattributes"]
    with pytest.raises(RepositoryNotFoundError, match="401"):
        api.list_repo_files("owner/secret", token=False)
    with pytest.raises(HfHubHTTPError, match="Invalid credentials"):
        api.list_repo_files("owner/zoo", token="hf_wrong")
    assert api.whoami()["name"] == "owner"
    with pytest.raises(HfHubHTTPError, match="Invalid user token"):
        HfApi(endpoint=server.url, token="hf_wrong").whoami()

    server.add_repo("someone/zoo")
    for repo, token, why in [
        ("owner/zoo", False, "401"),
        ("owner/zoo", server.read_token, "403"),
        ("someone/zoo", server.token, "403"),
    ]:
        with pytest.raises(HfHubHTTPError, match=why):
            api.upload_file(repo_id=repo, path_or_fileobj=b"x", path_in_repo="x", token=token)
    with pytest.raises(HfHubHTTPError, match="409"):
        api.create_repo("owner/zoo")
    api.delete_repo("owner/zoo")
    assert not api.repo_exists("owner/zoo")


def test_a_commit_on_a_head_that_has_moved_is_refused(server: HubServer, api: HfApi):
    parent = api.model_info("owner/zoo").sha
    server.faults.append(Fault("/commit/", times=1, before=lambda: server.commit("owner/zoo", {"x.txt": b"theirs"})))
    with pytest.raises(HfHubHTTPError) as caught:
        api.upload_file(repo_id="owner/zoo", path_or_fileobj=b"mine", path_in_repo="x.txt", parent_commit=parent)
    assert caught.value.response.status_code == 412
    assert server.files("owner/zoo")["x.txt"] == b"theirs"


@pytest.mark.parametrize(
    ("wanted", "part"),
    [("2-5", slice(2, 6)), ("9-", slice(9, None)), ("-3", slice(-3, None)), ("0-999999", slice(None))],
)
def test_ranges(server: HubServer, wanted: str, part: slice):
    url = f"{server.url}/owner/zoo/resolve/main/{NAME}"
    with urlopen(Request(url, headers={"Range": f"bytes={wanted}"})) as answer:
        assert (answer.status, answer.read()) == (206, WEIGHTS[part])
    with pytest.raises(HTTPError, match="416"):
        urlopen(Request(url, headers={"Range": f"bytes={len(WEIGHTS)}-"}))


def test_a_cut_download_goes_on_at_its_byte(
    server: HubServer, api: HfApi, tmp_path: Path, waits: list[float], monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("huggingface_hub.constants.DOWNLOAD_CHUNK_SIZE", 100)  # the client keeps whole chunks alone
    server.faults.append(Fault("^GET .*/resolve/", times=1, truncate=1000))
    change = Fault("^GET .*/resolve/", times=1, skip=1, before=lambda: server.commit("owner/zoo", {NAME: OTHER}))
    server.faults.append(change)
    assert download(api, tmp_path) == WEIGHTS[:1000] + OTHER[1000:]
    assert len(server.asked("^GET .*/resolve/")) == 2


def test_a_lie_has_the_right_size_and_hash_in_its_headers(server: HubServer, api: HfApi, tmp_path: Path):
    server.faults.append(Fault("^GET .*/resolve/", lie=True))
    got = download(api, tmp_path)
    assert len(got) == len(WEIGHTS)
    assert sum(a != b for a, b in zip(got, WEIGHTS, strict=True)) == 1


def test_headers_may_be_wrong(server: HubServer, api: HfApi, tmp_path: Path):
    server.faults.append(Fault("^HEAD ", headers={"X-Linked-Size": "12"}))
    with pytest.raises(OSError, match="should be of size 12"):
        download(api, tmp_path)


def test_a_status_with_headers_so_many_times(server: HubServer, api: HfApi, waits: list[float]):
    busy = Fault("^PUT /lfs/", times=2, status=429, headers={"Retry-After": "3"})
    server.faults.append(busy)
    api.upload_file(repo_id="owner/zoo", path_or_fileobj=OTHER, path_in_repo=NAME)
    assert server.files("owner/zoo")[NAME] == OTHER
    assert busy.hits == 2
    assert waits == [4.0, 4.0]  # one more than asked for
    server.faults.append(Fault("/api/models/", status=403, headers={"X-Error-Code": "GatedRepo"}))
    with pytest.raises(RepositoryNotFoundError, match="gated"):
        api.list_repo_files("owner/zoo")


def test_slow_answers_and_bodies(server: HubServer):
    server.faults += [Fault("/zoo.yaml$", delay=0.2), Fault("/zoo.yaml$", pause=0.3)]
    start = time.perf_counter()
    with urlopen(f"{server.url}/owner/zoo/resolve/main/zoo.yaml") as answer:
        at_headers = time.perf_counter() - start
        assert answer.read() == b"schema: 1\n"
    assert at_headers >= 0.2
    assert time.perf_counter() - start >= 0.5


def test_no_answer(server: HubServer, api: HfApi, tmp_path: Path):
    server.faults.append(Fault("^HEAD ", vanish=True))
    with pytest.raises(Exception, match="disconnected without sending a response"):
        download(api, tmp_path)


def test_a_commit_may_be_made_and_its_answer_lost(server: HubServer, api: HfApi):
    server.faults.append(Fault("/commit/", times=1, vanish=True, late=True))
    with pytest.raises(Exception, match="disconnected without sending a response"):
        api.upload_file(repo_id="owner/zoo", path_or_fileobj=b"mine", path_in_repo="x.txt")
    assert server.files("owner/zoo")["x.txt"] == b"mine"


def test_the_server_may_go_in_the_middle_and_come_back(
    server: HubServer, api: HfApi, tmp_path: Path, waits: list[float]
):
    server.faults.append(Fault("^GET .*/resolve/", times=1, truncate=1000, down=True))
    with pytest.raises(Exception, match="refused"):
        download(api, tmp_path)
    with pytest.raises(LocalEntryNotFoundError):
        download(api, tmp_path)
    address = server.url
    server.start()
    assert server.url == address
    assert download(api, tmp_path) == WEIGHTS


def test_it_runs_as_a_process_of_its_own(tmp_path: Path):
    script = Path(__file__).with_name("hub_server.py")
    with subprocess.Popen(
        [sys.executable, str(script), "--repo", "owner/zoo"], stdout=subprocess.PIPE, text=True
    ) as process:
        try:
            url, token = (process.stdout.readline().strip() for _ in range(2))
            api = HfApi(endpoint=url, token=token)
            api.upload_file(repo_id="owner/zoo", path_or_fileobj=WEIGHTS, path_in_repo=NAME)
            assert download(api, tmp_path) == WEIGHTS
        finally:
            process.terminate()


@needs_olah
def test_a_mirror_in_front_of_it_reads_but_does_not_write(server: HubServer, tmp_path: Path):
    with mirror_of(server, tmp_path) as url:
        api = HfApi(endpoint=url, token=server.token)
        assert api.list_repo_files("owner/zoo") == [".gitattributes", NAME, "zoo.yaml"]
        assert download(api, tmp_path / "once") == WEIGHTS
        server.requests.clear()
        assert download(api, tmp_path / "twice") == WEIGHTS
        assert not server.asked("^GET .*/resolve/")  # the mirror had it
        with pytest.raises(HfHubHTTPError, match="405"):
            api.create_repo("owner/new")
