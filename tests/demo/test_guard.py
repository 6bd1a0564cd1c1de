from __future__ import annotations

import asyncio
import json
from concurrent.futures import ThreadPoolExecutor

import pytest

from stylezoo.demo.guard import BODY, Guard, Rate


async def reads_all(scope, receive, send):
    """An app that answers with the length of what it was sent."""
    size, more = 0, True
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise ConnectionError("cut short")
        size, more = size + len(message["body"]), message.get("more_body", False)
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": str(size).encode()})


def ask(guard, path, *parts, method="POST", length=None, client="1.2.3.4"):
    """Return the status and the body of what a request is answered."""
    headers = [] if length is None else [(b"content-length", str(length).encode())]
    scope = {"type": "http", "path": path, "method": method, "headers": headers, "client": (client, 1)}
    messages = [{"type": "http.request", "body": p, "more_body": True} for p in parts]
    messages.append({"type": "http.request", "body": b"", "more_body": False})
    sent = []

    async def receive():
        return messages.pop(0)

    async def send(message):
        sent.append(message)

    with ThreadPoolExecutor() as pool:  # a browser's driver may keep a loop in this thread
        pool.submit(asyncio.run, guard(scope, receive, send)).result()
    assert [m["type"] for m in sent] == ["http.response.start", "http.response.body"]
    return sent[0]["status"], sent[1]["body"]


@pytest.fixture
def guard():
    return Guard(reads_all, max_bytes=10_000_000, rate=Rate(0))


@pytest.mark.parametrize("path", ["/gradio_api/queue/join", "/gradio_api/upload"])
def test_a_body_passes_whole(guard, path):
    assert ask(guard, path, b"x" * 1000, b"y" * 500) == (200, b"1500")


@pytest.mark.parametrize(
    ("path", "size"), [("/gradio_api/queue/join", BODY + 1), ("/gradio_api/upload", 10_100_000), ("/any", BODY + 1)]
)
@pytest.mark.parametrize("states", [True, False])
def test_what_is_too_large_is_refused_stated_or_not(guard, path, size, states):
    parts = [b"x" * (size // 4 + 1)] * 4
    status, body = ask(guard, path, *parts, length=size if states else None)
    assert status == 413
    assert "MB are allowed" in json.loads(body)["detail"]


@pytest.mark.parametrize(
    "path",
    [
        "/gradio_api/file=http://10.0.0.1/x",
        "/gradio_api/file=ftp://host/x",
        "/gradio_api/proxy=https://host/x",
        "/gradio_api/process_recording",
        "/gradio_api/vibe-edit",
    ],
)
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_what_the_page_does_not_need_is_closed(guard, path, method):
    assert ask(guard, path, method=method)[0] == 404


def test_files_of_the_page_are_open(guard):
    assert ask(guard, "/gradio_api/file=/tmp/x.png", method="GET")[0] == 200


def test_who_asks_too_often_waits_and_others_do_not():
    now = [0.0]
    guard = Guard(reads_all, max_bytes=1000, rate=Rate(60, clock=lambda: now[0]))
    join = "/gradio_api/queue/join"
    assert [ask(guard, join)[0] for _ in range(16)] == [200] * 15 + [429]
    assert "try again in 1 s" in json.loads(ask(guard, join)[1])["detail"]
    assert ask(guard, join, client="5.6.7.8")[0] == 200
    assert ask(guard, "/gradio_api/queue/data", method="GET")[0] == 200  # an answer is no request
    now[0] = 2.0
    assert [ask(guard, "/gradio_api/call/stylize")[0] for _ in range(3)] == [200, 200, 429]


def test_a_rate_of_zero_is_no_limit():
    rate = Rate(0)
    assert not any(rate.wait("a") for _ in range(1000))
