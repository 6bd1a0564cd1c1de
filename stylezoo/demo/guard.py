"""Keeps requests within limits before anything reads them: how large, how many, and where to."""

from __future__ import annotations

import json
import re
import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from typing import Any

Scope = dict[str, Any]

CLOSED = re.compile(
    r"/(proxy=|file=[a-z][a-z0-9+.-]*:|process_recording|vibe-|undo-vibe|dev/reload|monitoring|run-history|profiling)",
    re.IGNORECASE,
)
"""What gradio offers and this page does not: fetching from other servers, editing its own code, what others did."""

COUNTED = re.compile(r"/(upload|queue/join|call(/v2)?/[^/]+|(run|api)/[^/]+)/?$")
"""The requests that cost something, each counted against the rate of its client."""

FRAMES = re.compile(r"/component_server/?$")
"""Frames of a camera, of which there are many."""

FRAME_RATE = 40 * 60  # a minute

BODY = 8 * 2**20  # bytes of a request that is no upload: brush strokes are pictures in it
EXTRA = 64 * 2**10  # bytes around an uploaded file
CLIENTS = 10_000


class Rate:
    """A bucket for each client that fills at `per_minute` and holds a quarter of that, at least 10."""

    def __init__(self, per_minute: int, clock: Callable[[], float] = time.monotonic) -> None:
        self._speed, self._most, self._clock = per_minute / 60, max(10.0, per_minute / 4), clock
        self._left: OrderedDict[str, tuple[float, float]] = OrderedDict()
        self._lock = threading.Lock()

    def wait(self, client: str) -> float:
        """Count a request; return 0, or the seconds until there is room for it."""
        if not self._speed:
            return 0.0
        with self._lock:
            now = self._clock()
            left, then = self._left.pop(client, (self._most, now))
            left = min(self._most, left + (now - then) * self._speed)
            self._left[client] = (left - 1 if left >= 1 else left, now)
            while len(self._left) > CLIENTS:
                self._left.popitem(last=False)
            return 0.0 if left >= 1 else (1 - left) / self._speed


class Guard:
    """ASGI middleware that answers in place of the app where a request is too large, too soon, or to a closed place."""

    def __init__(self, app: Any, *, max_bytes: int, rate: Rate) -> None:
        self.app, self.max_bytes = app, max_bytes
        self.rates = {COUNTED: rate, FRAMES: Rate(FRAME_RATE)}

    async def __call__(self, scope: Scope, receive: Any, send: Any) -> None:
        if scope["type"] != "http":
            return await self.app(scope, receive, send)
        path = scope["path"]
        if CLOSED.search(path):
            return await _answer(send, 404, "There is nothing here.")
        if scope["method"] not in ("POST", "PUT", "PATCH"):
            return await self.app(scope, receive, send)
        client = (scope.get("client") or ("",))[0]
        if seconds := max((rate.wait(client) for where, rate in self.rates.items() if where.search(path)), default=0):
            text = f"That was a little fast: try again in {max(1, round(seconds))} s."
            return await _answer(send, 429, text, [(b"retry-after", str(max(1, round(seconds))).encode())])
        most = self.max_bytes + EXTRA if path.rstrip("/").endswith("/upload") else BODY
        too_large = f"That is too large: {most / 1e6:.0f} MB are allowed."
        if _length(scope) > most:
            return await _answer(send, 413, too_large)
        seen, refused = 0, False

        async def counted() -> Any:
            nonlocal seen, refused
            message = await receive()
            seen += len(message.get("body", b""))
            if seen > most and not refused:
                refused = True
                await _answer(send, 413, too_large)
            return {"type": "http.disconnect"} if refused else message

        async def unless_refused(message: Any) -> None:
            if not refused:
                await send(message)

        try:
            await self.app(scope, counted, unless_refused)
        except Exception:
            if not refused:  # what was cut short makes the app stumble, and it is answered already
                raise


def _length(scope: Scope) -> int:
    text = dict(scope["headers"]).get(b"content-length", b"0")
    return int(text) if text.isdigit() else 0


async def _answer(send: Any, status: int, text: str, headers: list[tuple[bytes, bytes]] | None = None) -> None:
    body = json.dumps({"detail": text, "error": text}).encode()
    lines = [(b"content-type", b"application/json"), (b"connection", b"close"), *(headers or [])]
    await send({"type": "http.response.start", "status": status, "headers": lines})
    await send({"type": "http.response.body", "body": body})
