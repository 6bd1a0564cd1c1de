"""Limit requests before anything reads them: their size, rate and path."""

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
"""Paths of gradio that this page blocks: fetching from other servers, editing code, requests of other users."""

COUNTED = re.compile(r"/(upload|queue/join|call(/v2)?/[^/]+|(run|api)/[^/]+)/?$")
"""Expensive requests, which count against the rate of the client."""

FRAMES = re.compile(r"/component_server/?$")
"""Camera frames, which have a higher rate."""

FRAME_RATE = 40 * 60  # a minute

BODY = 8 * 2**20  # bytes of a request other than an upload; brush strokes are sent as pictures
EXTRA = 64 * 2**10  # bytes around an uploaded file
CLIENTS = 10_000


class Rate:
    """A token bucket per client that fills at `per_minute` and holds a quarter of that, at least 10."""

    def __init__(self, per_minute: int, clock: Callable[[], float] = time.monotonic) -> None:
        self._speed, self._most, self._clock = per_minute / 60, max(10.0, per_minute / 4), clock
        self._left: OrderedDict[str, tuple[float, float]] = OrderedDict()
        self._lock = threading.Lock()

    def wait(self, client: str) -> float:
        """Count a request; return 0, or the seconds until it is allowed."""
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
    """ASGI middleware that rejects requests that are too large, too frequent, or to a blocked path."""

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
            if not refused:  # the app fails on a truncated request, which is already answered
                raise


def _length(scope: Scope) -> int:
    text = dict(scope["headers"]).get(b"content-length", b"0")
    return int(text) if text.isdigit() else 0


async def _answer(send: Any, status: int, text: str, headers: list[tuple[bytes, bytes]] | None = None) -> None:
    body = json.dumps({"detail": text, "error": text}).encode()
    lines = [(b"content-type", b"application/json"), (b"connection", b"close"), *(headers or [])]
    await send({"type": "http.response.start", "status": status, "headers": lines})
    await send({"type": "http.response.body", "body": body})
