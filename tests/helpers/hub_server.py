"""A small Hugging Face Hub on the loopback interface, for the real client: model repositories with a history.

    with HubServer() as server:
        server.add_repo("owner/zoo")
        server.faults.append(Fault("^GET .*/resolve/", truncate=100, times=1))
        HfApi(endpoint=server.url, token=server.token).upload_folder(repo_id="owner/zoo", folder_path=folder)
        assert server.files("owner/zoo")["README.md"] == ...

`python tests/helpers/hub_server.py` serves other processes: it prints its address, then its token.
"""

from __future__ import annotations

import contextlib
import json
import re
import socket
import sys
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from time import sleep  # a test may replace time.sleep, to have no client wait
from typing import Any
from urllib.parse import unquote

from hub_api import Hub, Reply, Request


@dataclass
class Fault:
    """What goes wrong with a request; all faults whose `match` is found in its "METHOD /path" act on it together."""

    match: str  # a regular expression for re.search: "^GET .*/resolve/main/zoo.yaml$"
    times: int | None = None  # how many requests it spoils; None: all
    skip: int = 0  # how many it lets pass before
    before: Callable[[], object] | None = None  # called before the request is looked at: somebody else's commit, say
    delay: float = 0.0  # seconds that pass before the answer
    pause: float = 0.0  # seconds that pass in the middle of the answer's body
    status: int | None = None  # the status of an answer without a body
    headers: dict[str, str] = field(default_factory=dict)  # of the answer, right or not: Retry-After, X-Error-Code
    lie: bool = False  # one byte in the middle of the body is wrong, the headers are as they should be
    truncate: int | None = None  # the connection is closed after so many bytes of the body
    vanish: bool = False  # the connection is closed without an answer
    down: bool = False  # with `truncate` or `vanish`: the whole server stops then, until its `start()`
    late: bool = False  # with `status` or `vanish`: what was asked is done, only the answer is spoilt
    hits: int = 0  # how many requests it has spoilt


class HubServer(Hub, ThreadingHTTPServer):
    """The Hub; it runs between `start()` and `stop()`, or inside a `with`, and `url` is where.

    `requests` are those that came, "METHOD /path" without the query. `faults` may be changed at any time.
    """

    daemon_threads = True
    disable_nagle_algorithm = True
    request_queue_size = 64

    def __init__(self, port: int = 0) -> None:
        Hub.__init__(self)
        ThreadingHTTPServer.__init__(self, ("127.0.0.1", port), _Handler, bind_and_activate=False)
        self.faults: list[Fault] = []
        self.requests: list[str] = []
        self._connections: set[socket.socket] = set()
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Serve; after a `stop()` at the same address as before."""
        self.server_bind()
        self.server_activate()
        self.url = f"http://127.0.0.1:{self.server_port}"
        self._thread = threading.Thread(target=self.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Close all connections, and take no new ones."""
        with self.lock:
            thread, self._thread = self._thread, None
        if thread is None:
            return
        self.shutdown()
        thread.join()
        self.socket.close()
        self.socket = socket.socket(self.address_family, self.socket_type)
        for connection in tuple(self._connections):
            hang_up(connection)

    def __enter__(self) -> HubServer:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()
        self.server_close()

    def process_request(self, request: Any, client_address: Any) -> None:
        self._connections.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        self._connections.discard(request)
        super().shutdown_request(request)

    def handle_error(self, request: Any, client_address: Any) -> None:
        if not isinstance(sys.exception(), ConnectionError):  # a client may go when it likes
            super().handle_error(request, client_address)

    def asked(self, pattern: str) -> list[str]:
        """The requests in which the regular expression is found."""
        return [request for request in self.requests if re.search(pattern, request)]

    def claim_faults(self, request: str) -> list[Fault]:
        """Note a request; return the faults that spoil it."""
        claimed = []
        with self.lock:
            self.requests.append(request)
            for fault in self.faults:
                if not re.search(fault.match, request) or fault.hits == fault.times:
                    continue
                if fault.skip:
                    fault.skip -= 1
                else:
                    fault.hits += 1
                    claimed.append(fault)
        return claimed


def hang_up(connection: socket.socket) -> None:
    with contextlib.suppress(OSError):
        connection.shutdown(socket.SHUT_RDWR)


class _Handler(BaseHTTPRequestHandler):
    server: HubServer
    protocol_version = "HTTP/1.1"
    wbufsize = -1

    def log_message(self, format: str, *args: object) -> None:
        pass

    def do_GET(self) -> None:
        request = Request(self.command, self.path, self.headers, self._read())
        faults = self.server.claim_faults(f"{self.command} {unquote(request.path)}")
        for fault in faults:
            if fault.before:
                fault.before()
            sleep(fault.delay)
        status = next((fault.status for fault in faults if fault.status), None)
        vanish = any(fault.vanish for fault in faults)
        undone = (status or vanish) and not any(fault.late for fault in faults)
        reply = Reply() if undone else self.server.answer(request)
        if vanish:
            self._close(faults)
        else:
            self._send(Reply(status=status) if status else reply, faults)

    do_HEAD = do_POST = do_PUT = do_DELETE = do_GET  # noqa: N815  # the names that http.server looks for

    def _read(self) -> bytes:
        if self.headers["Transfer-Encoding"] != "chunked":
            return self.rfile.read(int(self.headers["Content-Length"] or 0))
        chunks = []
        while size := int(self.rfile.readline(), 16):
            chunks.append(self.rfile.read(size))
            self.rfile.readline()
        self.rfile.readline()
        return b"".join(chunks)

    def _send(self, reply: Reply, faults: list[Fault]) -> None:
        body = reply.body if isinstance(reply.body, bytes) else json.dumps(reply.body).encode()
        headers = {"Content-Length": str(len(body))} | reply.headers
        for fault in faults:
            headers |= fault.headers
            if fault.lie and body:
                middle = len(body) // 2
                body = body[:middle] + bytes([body[middle] ^ 1]) + body[middle + 1 :]
        self.send_response(reply.status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command == "HEAD":
            return
        cuts = [fault.truncate for fault in faults if fault.truncate is not None]
        body = body[: min(cuts)] if cuts else body
        half = len(body) // 2
        self.wfile.write(body[:half])
        if pause := sum(fault.pause for fault in faults):
            self.wfile.flush()
            sleep(pause)
        self.wfile.write(body[half:])
        if cuts:
            self._close(faults)

    def _close(self, faults: list[Fault]) -> None:
        self.close_connection = True
        self.wfile.flush()
        if any(fault.down for fault in faults):
            self.server.stop()
        hang_up(self.connection)


if __name__ == "__main__":
    import argparse

    parser = argparse.ArgumentParser(description="A small Hugging Face Hub on the loopback interface.")
    parser.add_argument("--port", type=int, default=0, help="0: one that is free")
    parser.add_argument("--repo", action="append", default=[], help="a repository to begin with: owner/zoo")
    options = parser.parse_args()
    with HubServer(options.port) as server, contextlib.suppress(KeyboardInterrupt):
        for each in options.repo:
            server.add_repo(each)
        print(server.url, server.token, sep="\n", flush=True)
        threading.Event().wait()
