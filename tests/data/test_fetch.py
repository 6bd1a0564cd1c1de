from __future__ import annotations

import re
import socket
import subprocess
import sys
import time
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from stylezoo import __version__
from stylezoo.data import fetch
from stylezoo.data.fetch import download, part_of
from stylezoo.errors import DataError

BODY = np.random.default_rng(0).bytes(300_000)


@pytest.fixture(autouse=True)
def waits(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The seconds that a download wanted to wait, without the waiting."""
    seconds: list[float] = []
    monkeypatch.setattr(fetch, "time", SimpleNamespace(sleep=seconds.append))
    return seconds


@pytest.fixture
def site(web):
    web.files["/a.bin"] = BODY
    return web


def right(path: Path) -> None:
    if path.read_bytes() != BODY:
        raise DataError("other bytes")


def ranges(web) -> list[str | None]:
    return [wanted for _, wanted, _ in web.asked]


def refused(url: str, target: Path) -> str:
    with pytest.raises(DataError) as caught:
        download(url, target, right)
    assert not target.exists()
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_a_file_comes_whole_and_leaves_nothing_next_to_it(site, tmp_path: Path) -> None:
    download(f"{site.url}/a.bin", tmp_path / "deep" / "a.bin", right)
    assert [p.name for p in (tmp_path / "deep").iterdir()] == ["a.bin"]
    assert ranges(site) == [None]
    assert re.fullmatch(rf"stylezoo/{re.escape(__version__)} \(https://\S+\) Python-urllib/3", site.asked[0][2])


@pytest.mark.filterwarnings("ignore:a.bin")
def test_a_cut_connection_goes_on_where_it_was(site, tmp_path: Path, waits) -> None:
    site.faults["/a.bin"] = [100_000, 50_000]
    download(f"{site.url}/a.bin", tmp_path / "a.bin", right)
    assert ranges(site) == [None, "bytes=100000-", "bytes=150000-"]
    assert len(waits) == 2


def test_a_cut_connection_is_warned_of(site, tmp_path: Path) -> None:
    site.faults["/a.bin"] = [100_000]
    with pytest.warns(UserWarning, match=r"^a.bin: the connection broke after 100,000 of 300,000 bytes; retrying in"):
        download(f"{site.url}/a.bin", tmp_path / "a.bin", right)


@pytest.mark.filterwarnings("ignore:a.bin")
def test_a_server_without_ranges_sends_it_all_again(site, tmp_path: Path) -> None:
    site.ranges = False
    site.faults["/a.bin"] = [100_000]
    download(f"{site.url}/a.bin", tmp_path / "a.bin", right)
    assert ranges(site) == [None, "bytes=100000-"]


@pytest.mark.filterwarnings("ignore:a.bin")
def test_a_line_that_breaks_often_but_brings_something_is_never_given_up(site, tmp_path: Path, waits) -> None:
    site.faults["/a.bin"] = [20_000] * 12
    download(f"{site.url}/a.bin", tmp_path / "a.bin", right)
    assert len(site.asked) == 13
    assert max(waits) < 1


@pytest.mark.filterwarnings("ignore:a.bin")
def test_a_busy_server_is_asked_again_after_the_time_that_it_names(site, tmp_path: Path, waits) -> None:
    soon = format_datetime(datetime.now(UTC) + timedelta(seconds=20), usegmt=True)
    site.faults["/a.bin"] = [(503, {"Retry-After": "7"}), (429, {"Retry-After": soon}), (500, {})]
    download(f"{site.url}/a.bin", tmp_path / "a.bin", right)
    assert waits[0] == 7
    assert 15 < waits[1] <= 20
    assert 1 <= waits[2] <= 8


def test_a_server_that_asks_for_an_hour_is_left_alone(site, tmp_path: Path, waits) -> None:
    site.faults["/a.bin"] = [(429, {"Retry-After": "3600"})]
    message = refused(f"{site.url}/a.bin", tmp_path / "a.bin")
    assert "HTTP 429 Too Many Requests; the server asks to wait 3600 s: try again later" in message
    assert waits == []


@pytest.mark.filterwarnings("ignore:a.bin")
def test_a_server_that_stays_broken_is_given_up_with_its_reason(site, tmp_path: Path, waits) -> None:
    site.faults["/a.bin"] = [(503, {})] * 99
    message = refused(f"{site.url}/a.bin", tmp_path / "a.bin")
    assert f"{site.url}/a.bin: HTTP 503" in message and "try again later" in message
    assert len(site.asked) == fetch.TRIES
    assert waits == sorted(waits) and 5 < sum(waits) < 60


def test_what_is_not_there_is_asked_for_once(site, tmp_path: Path, waits) -> None:
    assert refused(f"{site.url}/b.bin", tmp_path / "b.bin").endswith("/b.bin: HTTP 404 Not Found")
    assert len(site.asked) == 1 and waits == []


@pytest.mark.filterwarnings("ignore:a.bin")
def test_a_server_that_does_not_listen_is_named(tmp_path: Path) -> None:
    with socket.socket() as taken:  # bound, and nobody listens
        taken.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{taken.getsockname()[1]}/a.bin"
        assert url in refused(url, tmp_path / "a.bin")


def test_an_unknown_host_is_not_tried_again(tmp_path: Path, waits, monkeypatch) -> None:
    def unknown(*_: object, **__: object):
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", unknown)
    assert "check the network" in refused("http://zoo.invalid/a.bin", tmp_path / "a.bin")
    assert waits == []


def test_a_redirect_is_followed_with_the_range(site, tmp_path: Path) -> None:
    site.faults["/old.bin"] = [(302, {"Location": "/a.bin"})]
    part_of(f"{site.url}/old.bin", tmp_path / "a.bin").write_bytes(BODY[:1000])
    download(f"{site.url}/old.bin", tmp_path / "a.bin", right)
    assert [(path, wanted) for path, wanted, _ in site.asked] == [
        ("/old.bin", "bytes=1000-"),
        ("/a.bin", "bytes=1000-"),
    ]


def test_the_wrong_file_is_refused_and_not_kept(site, tmp_path: Path) -> None:
    site.files["/a.bin"] = b"something else"
    assert refused(f"{site.url}/a.bin", tmp_path / "a.bin") == f"{site.url}/a.bin: other bytes"
    assert list(tmp_path.iterdir()) == []
    assert len(site.asked) == 1


def test_the_wrong_file_leaves_the_one_that_was_there(site, tmp_path: Path) -> None:
    site.files["/a.bin"] = b"something else"
    (tmp_path / "a.bin").write_bytes(b"mine")
    with pytest.raises(DataError):
        download(f"{site.url}/a.bin", tmp_path / "a.bin", right)
    assert (tmp_path / "a.bin").read_bytes() == b"mine"


@pytest.mark.parametrize(
    "rest", [b"another file's start", b"x" * (len(BODY) + 5), BODY], ids=["other", "too long", "all"]
)
def test_what_an_earlier_try_left_never_spoils_the_file(site, tmp_path: Path, rest: bytes) -> None:
    part_of(f"{site.url}/a.bin", tmp_path / "a.bin").write_bytes(rest)
    download(f"{site.url}/a.bin", tmp_path / "a.bin", right)
    assert [p.name for p in tmp_path.iterdir()] == ["a.bin"]
    assert len(site.asked) == (1 if rest == BODY else 2)


def test_pieces_of_different_addresses_do_not_meet(site, tmp_path: Path) -> None:
    part_of(f"{site.url}/other.bin", tmp_path / "a.bin").write_bytes(b"x" * 1000)
    download(f"{site.url}/a.bin", tmp_path / "a.bin", right)
    assert ranges(site) == [None]


def test_the_size_is_told_before_anything_comes_and_can_stop_it(site, tmp_path: Path) -> None:
    def starting(total: int | None, have: int) -> None:
        raise DataError(f"{total} and {have}")

    url, target = f"{site.url}/a.bin", tmp_path / "a.bin"
    part_of(url, target).write_bytes(BODY[:1000])
    with pytest.raises(DataError, match=r"^300000 and 1000$"):
        download(url, target, right, starting=starting)
    assert part_of(url, target).read_bytes() == BODY[:1000]


def test_a_killed_download_goes_on(site, tmp_path: Path) -> None:
    url, target = f"{site.url}/slow.bin", tmp_path / "a.bin"
    with socket.create_server(("127.0.0.1", 0)) as server:  # sends a part, and then nothing any more
        slow = f"http://127.0.0.1:{server.getsockname()[1]}/slow.bin"
        script = "import sys, pathlib; from stylezoo.data.fetch import download; download(sys.argv[1], "
        script += "pathlib.Path(sys.argv[2]), print)"
        child = subprocess.Popen([sys.executable, "-c", script, slow, str(target)])
        line, _ = server.accept()
        with line:
            line.recv(65536)
            line.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 300000\r\n\r\n" + BODY[:200_000])
            part, end = part_of(slow, target), time.monotonic() + 30
            while not (part.exists() and part.stat().st_size >= 100_000) and time.monotonic() < end:
                time.sleep(0.01)
            child.kill()
            child.wait()
    came = part.stat().st_size
    assert 100_000 <= came <= 200_000
    assert not target.exists()
    site.files["/slow.bin"] = BODY
    part.rename(part_of(url, target))  # the same file, now from a server that works
    download(url, target, right)
    assert ranges(site) == [f"bytes={came}-"]
