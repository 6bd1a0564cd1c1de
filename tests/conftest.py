"""Nets of random weights in files, a training run small enough for seconds, a Hub, and a web server that misbehaves."""

from __future__ import annotations

import os
import re
import shutil
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from chromium import launched
from hub_server import HubServer
from hypothesis import HealthCheck, settings
from PIL import Image

TESTS = Path(__file__).parent

os.environ.setdefault("HF_HUB_DISABLE_XET", "1")  # read once, by whoever imports huggingface_hub first

# `HYPOTHESIS_PROFILE=nightly pytest ...` tries more. Without a database: a failure prints how to reproduce it.
for profile, examples in (("standard", 50), ("nightly", 2000)):
    checks = list(HealthCheck)
    settings.register_profile(
        profile, max_examples=examples, deadline=None, database=None, print_blob=True, suppress_health_check=checks
    )
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "standard"))


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark tests by what they need; `slow` stands in the tests themselves."""
    for item in items:
        fixtures = getattr(item, "fixturenames", ())
        if item.path.is_relative_to(TESTS / "train"):
            item.add_marker(pytest.mark.train)
        if "hub" in fixtures or item.path.name == "test_hub_server.py":
            item.add_marker(pytest.mark.hub)
        if "browser" in fixtures:
            item.add_marker(pytest.mark.browser)


@pytest.fixture(autouse=True)
def no_data_folder(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep the data folder of whoever runs the tests out of them."""
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path_factory.getbasetemp() / "no-such-folder"))


@pytest.fixture(scope="session")
def net_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A .safetensors file with the record of johnson/tiny, style "dots", and random weights."""
    import torch

    from stylezoo.models import create_model
    from stylezoo.zoo.spec import ModelSpec, StyleSpec

    with torch.random.fork_rng():
        torch.manual_seed(7)
        net = create_model("johnson", width=8, blocks=1)
    style = StyleSpec(id="dots", title="Dots", rights="CC0-1.0", source="a test")
    spec = ModelSpec(name="johnson/tiny", family="johnson", arch=net.arch, styles=(style,), license="CC0-1.0")
    path = tmp_path_factory.mktemp("net") / "tiny.safetensors"
    net.save_weights(path, spec)
    return path


@pytest.fixture(scope="session")
def multi_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A .safetensors file with the record of cin/tiny, styles "dots", "lines" and "waves", and random weights."""
    import torch

    from stylezoo.models import create_model
    from stylezoo.zoo.spec import ModelSpec, StyleSpec

    with torch.random.fork_rng():
        torch.manual_seed(8)
        net = create_model("cin", styles=3, width=8, blocks=1)
        torch.nn.init.normal_(net.styles, mean=0.5)
    titles = {"dots": "Dots", "lines": "Fine Lines", "waves": "Waves"}
    styles = tuple(StyleSpec(id=id, title=title, rights="CC0-1.0", source="a test") for id, title in titles.items())
    spec = ModelSpec(name="cin/tiny", family="cin", arch=net.arch, styles=styles, license="CC0-1.0")
    path = tmp_path_factory.mktemp("multi") / "tiny.safetensors"
    net.save_weights(path, spec)
    return path


@pytest.fixture(scope="session")
def any_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A .safetensors file with the record of ghiasi/tiny, which takes any picture and knows "dots" and "lines"."""
    import torch

    from stylezoo.models import create_model
    from stylezoo.zoo.spec import ModelSpec, StyleSpec

    with torch.random.fork_rng():
        torch.manual_seed(9)
        net = create_model("ghiasi", styles=2, width=8, blocks=1)
        torch.nn.init.normal_(net.styles, mean=0.5)
        for layer in net.modules():  # untrained, it would predict about the same for all pictures
            if isinstance(layer, torch.nn.Linear):
                torch.nn.init.normal_(layer.weight, std=2.5 / layer.in_features**0.5)
    styles = tuple(StyleSpec(id=i, title=i.title(), rights="CC0-1.0", source="a test") for i in ("dots", "lines"))
    spec = ModelSpec(name="ghiasi/tiny", family="ghiasi", arch=net.arch, styles=styles, license="CC0-1.0")
    path = tmp_path_factory.mktemp("any") / "tiny.safetensors"
    net.save_weights(path, spec)
    return path


@pytest.fixture(scope="session")
def run_inputs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with what a run of twelve steps needs that takes a second: a tiny net, small crops, shallow layers.

    tiny.yaml, the style picture stripes.png and photos/, five of about 80x60 px. Not to be changed.
    """
    from skimage import data

    folder = tmp_path_factory.mktemp("inputs")
    (folder / "photos").mkdir()
    for index, left in enumerate((0, 60, 120, 180, 240)):
        photo = Image.fromarray(data.coffee()[: 300 + 10 * index, left : left + 300])
        photo.resize((80, 60 + index)).save(folder / "photos" / f"{index}.png")
    stripes = np.zeros((64, 64, 3), np.uint8)
    stripes[::8], stripes[:, ::8] = (230, 120, 20), (20, 60, 200)
    Image.fromarray(stripes).save(folder / "stripes.png")
    style = {"id": "stripes", "title": "Stripes", "rights": "CC0-1.0", "source": "a test", "image": "stripes.png"}
    run = {"steps": 12, "batch": 2, "precision": "fp32", "log_every": 1, "sample_every": 0, "checkpoint_every": 3}
    recipe = {
        "name": "johnson/tiny",
        "model": {"family": "johnson", "args": {"width": 8, "blocks": 1}},
        "styles": [style],
        "data": {"content": str(folder / "photos"), "hold_out": 0, "short_side": [40, 56], "crop": 32},
        "loss": {"content": {"relu2_1": 1.0}, "style": {"relu1_1": 1.0, "relu2_1": 1.0}},
        "run": run,
    }
    (folder / "tiny.yaml").write_text(yaml.safe_dump(recipe))
    return folder


@pytest.fixture
def recipe_file(run_inputs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The recipe tiny.yaml in a copy of `run_inputs` that a test may change."""
    monkeypatch.delenv("STYLEZOO_DATA", raising=False)
    shutil.copytree(run_inputs, tmp_path, dirs_exist_ok=True)
    path = tmp_path / "tiny.yaml"
    path.write_text(path.read_text().replace(str(run_inputs), str(tmp_path)))
    return path


@pytest.fixture
def photos(recipe_file: Path) -> Path:
    """The photos of `recipe_file`, 0.png to 4.png."""
    return recipe_file.parent / "photos"


@pytest.fixture
def hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[HubServer]:
    """A Hub on the loopback interface, to which the client of this process is turned, with an empty cache.

    Nobody waits between tries: `time.sleep` does nothing.
    """
    from huggingface_hub import constants

    with HubServer() as server:
        template = constants.HUGGINGFACE_CO_URL_TEMPLATE.replace(constants.ENDPOINT, server.url)
        monkeypatch.setattr(constants, "HUGGINGFACE_CO_URL_TEMPLATE", template)
        monkeypatch.setattr(constants, "ENDPOINT", server.url)
        monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "cache"))
        monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
        monkeypatch.setattr(constants, "HF_HUB_DISABLE_XET", True)
        monkeypatch.setenv("HF_TOKEN", server.token)
        monkeypatch.setattr(time, "sleep", lambda seconds: None)
        yield server


@pytest.fixture(scope="session")
def browser() -> Iterator[Any]:
    """A headless Chromium."""
    with launched() as chromium:
        yield chromium


@dataclass
class Web:
    """A server on the loopback interface.

    `files` are what it has, by path. `faults`, by path: what it does in place of the right answer, one a request:
    a number of bytes, after which it cuts the connection; or a status and its headers. `ranges` False: it sends whole
    files alone. `asked` are the requests that came: (path, its Range header, its User-Agent header).
    """

    url: str
    files: dict[str, bytes] = field(default_factory=dict)
    faults: dict[str, list[int | tuple[int, dict[str, str]]]] = field(default_factory=dict)
    ranges: bool = True
    asked: list[tuple[str, str | None, str | None]] = field(default_factory=list)


@pytest.fixture
def web(monkeypatch: pytest.MonkeyPatch) -> Iterator[Web]:
    """A `Web` without files yet."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            wanted = self.headers["Range"]
            site.asked.append((self.path, wanted, self.headers["User-Agent"]))
            faults = site.faults.get(self.path)
            fault = faults.pop(0) if faults else None
            if isinstance(fault, tuple):
                return self.answer(*fault)
            body = site.files.get(self.path)
            if body is None:
                return self.answer(404)
            start, headers = 0, {}
            if wanted and site.ranges:
                start = int(re.fullmatch(r"bytes=(\d+)-", wanted)[1])
                if start >= len(body):
                    return self.answer(416, {"Content-Range": f"bytes */{len(body)}"})
                headers = {"Content-Range": f"bytes {start}-{len(body) - 1}/{len(body)}"}
            self.answer(206 if headers else 200, headers, body[start:], fault)

        def answer(self, status, headers=None, body=b"", cut=None):
            self.send_response(status)
            for name, value in ({"Content-Length": str(len(body))} | (headers or {})).items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body[:cut])

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    site = Web(f"http://127.0.0.1:{server.server_port}")
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield site
    server.shutdown()
    thread.join()
    server.server_close()
