"""A registry entry, weights files made by the safetensors package, and a small Hub on the loopback interface."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import save_file

from stylezoo.zoo import store
from stylezoo.zoo.spec import HEADER_KEY, HubSpec, ModelSpec, StyleSpec, WeightsSpec, header_record


@pytest.fixture
def registry() -> dict[str, Any]:
    """A registry with one model, as YAML gives it; every field is there."""
    return {
        "schema": 1,
        "aliases": {"mosaic": "johnson/mosaic"},
        "models": {
            "johnson/mosaic": {
                "family": "johnson",
                "arch": {"width": 32, "scale": 1e-5, "norm": "instance", "tiles": True},
                "styles": [
                    {
                        "id": "mosaic",
                        "title": "Mosaïque",
                        "artist": "A. Painter",
                        "year": "1831",
                        "died": "c.1860",
                        "rights": "public domain",
                        "source": "https://example.org/mosaic",
                        "picture": {
                            "file": "mosaic.jpg",
                            "page": "https://example.org/mosaic",
                            "urls": ["https://example.org/mosaic.jpg?width=1280", "http://example.com/%C3%A9.jpg"],
                            "phash": "0123456789abcdef",
                        },
                    }
                ],
                "license": "Apache-2.0",
                "summary": "Stones: small ones",
                "recipe": "johnson.yaml",
                "training_data": "928 photos",
                "weights": {
                    "file": "johnson/mosaic.safetensors",
                    "sha256": "0" * 64,
                    "bytes": 1234,
                    "dtype": "float16",
                    "bundled": True,
                    "hub": {"repo": "owner/zoo", "revision": "v1"},
                },
                "metrics": {
                    "mosaic": {
                        "content": 0.9,
                        "content_spread": 0.1,
                        "style": 0.17,
                        "style_spread": 0,
                        "photos": 8,
                        "size": 512,
                        "date": "2026-01-31",
                        "machine": "2 CPU cores",
                        "command": "stylezoo evaluate johnson/mosaic",
                    }
                },
                "check": {"values": [0.5, -0.25], "tolerance": 1e-3},
            }
        },
    }


@pytest.fixture
def spec() -> ModelSpec:
    """A model's record, without weights."""
    style = StyleSpec(id="mosaic", title="Mosaic", rights="public domain", source="https://example.org")
    return ModelSpec(name="johnson/mosaic", family="johnson", arch={"width": 32}, styles=(style,), license="MIT")


@pytest.fixture
def weights_file(spec: ModelSpec, tmp_path: Path) -> Path:
    """A whole weights file of `spec`."""
    path = tmp_path / "made" / "mosaic.safetensors"
    path.parent.mkdir()
    save_file({"weight": np.ones((4, 8), np.float16)}, path, metadata={HEADER_KEY: header_record(spec)})
    return path


@pytest.fixture
def make_weights(weights_file: Path) -> Callable[..., WeightsSpec]:
    """Return the registry's record of `weights_file`; keyword arguments replace its fields."""

    def make(**fields: Any) -> WeightsSpec:
        data = weights_file.read_bytes()
        facts = {"sha256": hashlib.sha256(data).hexdigest(), "bytes": len(data), "dtype": "float16"}
        return WeightsSpec(**{"file": "johnson/mosaic.safetensors", **facts, **fields})

    return make


@pytest.fixture
def bundled(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder in the place of the package's own bundled weights."""
    folder = tmp_path / "bundled"
    folder.mkdir()
    monkeypatch.setattr(store, "BUNDLED", folder)
    return folder


class Hub(ThreadingHTTPServer):
    """Answers what hf_hub_download asks, for the one repository 'owner/zoo' with the revisions main and v1."""

    daemon_threads = True
    disable_nagle_algorithm = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.commit = "1" * 40
        self.files: dict[str, bytes] = {}
        self.stated_size: int | None = None  # what the Hub's metadata says, where it is not the body's size
        self.refuse: tuple[int, str] | None = None  # status and X-Error-Code for every request
        self.requests: list[str] = []
        self.spec = HubSpec(repo="owner/zoo")

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"


class _Handler(BaseHTTPRequestHandler):
    server: Hub
    protocol_version = "HTTP/1.1"
    wbufsize = -1

    def do_HEAD(self) -> None:
        self._answer(body=False)

    def do_GET(self) -> None:
        self._answer(body=True)

    def _answer(self, *, body: bool) -> None:
        self.server.requests.append(f"{self.command} {self.path}")
        repo, _, rest = self.path.partition("/resolve/")
        revision, _, file = rest.partition("/")
        data = self.server.files.get(file)
        if self.server.refuse:
            self._refuse(*self.server.refuse)
        elif repo != "/owner/zoo":
            self._refuse(404, "RepoNotFound")
        elif revision not in ("main", "v1", self.server.commit):
            self._refuse(404, "RevisionNotFound")
        elif data is None:
            self._refuse(404, "EntryNotFound")
        else:
            self.send_response(200)
            self.send_header("X-Repo-Commit", self.server.commit)
            self.send_header("ETag", f'"{hashlib.sha256(data).hexdigest()}"')
            if self.server.stated_size is not None:
                self.send_header("X-Linked-Size", str(self.server.stated_size))
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            if body:
                self.wfile.write(data)

    def _refuse(self, status: int, code: str) -> None:
        self.send_response(status)
        self.send_header("X-Error-Code", code)
        self.send_header("X-Repo-Commit", self.server.commit)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:
        pass


@pytest.fixture
def hub(weights_file: Path) -> Iterator[Hub]:
    """A running Hub that has the weights file."""
    with Hub() as server:
        server.files["johnson/mosaic.safetensors"] = weights_file.read_bytes()
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
        thread.start()
        yield server
        server.shutdown()
        thread.join()
