"""The page in Chromium, with onnxruntime-web where a copy of it is on this machine."""

from __future__ import annotations

import base64
import os
import shutil
import threading
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

import stylezoo
from stylezoo.data.folder import default_folder
from stylezoo.web import write_site
from stylezoo.web.ort import FILES, VERSION

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
PLACES = [Path(os.environ.get("STYLEZOO_ORT", "nowhere")), default_folder() / "web" / f"onnxruntime-web-{VERSION}"]
ORT = next((place for place in PLACES if all((place / name).is_file() for name in FILES)), None)
pytestmark = [
    pytest.mark.browser,
    pytest.mark.slow,
    pytest.mark.skipif(CHROMIUM is None, reason="no Chromium is installed"),
    pytest.mark.skipif(ORT is None, reason="no copy of onnxruntime-web: run stylezoo web once, or set STYLEZOO_ORT"),
]


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    folder = tmp_path_factory.mktemp("web")
    write_site(folder, ["cin/16", "ghiasi/lite"], ort=ORT, overwrite=True)

    class Quiet(SimpleHTTPRequestHandler):
        def log_message(self, *arguments: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(folder)))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/"
    server.shutdown()


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    api = pytest.importorskip("playwright.sync_api")
    with api.sync_playwright() as player:
        browser = player.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield browser
        browser.close()


def ready(page: Any) -> None:
    page.wait_for_function("/ in [0-9.]+ s$/.test(document.getElementById('status').textContent)", timeout=120_000)


@pytest.mark.parametrize("width", [390, 1280])
def test_it_opens_with_a_sample_stylized_as_by_python(browser: Any, url: str, width: int, tmp_path: Path) -> None:
    page = browser.new_page(viewport={"width": width, "height": 850})
    errors: list[str] = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    hosts: set[str] = set()
    page.on("request", lambda request: hosts.add(request.url.split("/")[2]))
    page.goto(url)
    ready(page)
    assert not errors and len(hosts - {""}) == 1  # nothing comes from elsewhere
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    small = page.evaluate(
        "[...document.querySelectorAll('button')].filter(b => b.offsetParent && b.offsetHeight < 40).map(b => b.id)"
    )
    assert small == []
    with page.expect_download() as saving:
        page.click("#save")
    saving.value.save_as(tmp_path / "saved.png")
    before = page.evaluate("document.getElementById('before').toDataURL('image/png')")
    (tmp_path / "photo.png").write_bytes(base64.b64decode(before.partition(",")[2]))
    expected = stylezoo.load("cin/16", device="cpu").stylize(Image.open(tmp_path / "photo.png").convert("RGB"), 0)
    apart = np.abs(np.asarray(Image.open(tmp_path / "saved.png").convert("RGB")).astype(int) - np.asarray(expected))
    assert apart.max() <= 2
    page.close()


def test_a_picture_of_ones_own_becomes_a_style_and_it_works_offline(browser: Any, url: str, tmp_path: Path) -> None:
    page = browser.new_page()
    page.goto(url)
    ready(page)
    Image.fromarray(np.random.default_rng(0).integers(0, 255, (90, 120, 3), np.uint8)).save(tmp_path / "dots.png")
    page.set_input_files("#style-file", tmp_path / "dots.png")
    page.wait_for_selector("[data-id=own-0][aria-pressed=true]", timeout=60_000)
    ready(page)
    (tmp_path / "broken.png").write_bytes(b"broken")
    page.set_input_files("#style-file", tmp_path / "broken.png")
    page.wait_for_selector("#status.error")
    page.evaluate("navigator.serviceWorker.ready.then(() => true)")
    page.context.set_offline(True)
    page.reload()
    ready(page)
    assert page.evaluate("crossOriginIsolated")  # and so it computes in threads
    page.close()
