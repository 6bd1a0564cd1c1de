"""The page in Chromium, with onnxruntime-web where a copy of it is on this machine."""

from __future__ import annotations

import base64
import io
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
from stylezoo.web.ort import FILES, VERSION, WASM
from stylezoo.web.ort import WEBGPU as WEBGPU_FILES

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
PLACES = [Path(os.environ.get("STYLEZOO_ORT", "nowhere")), default_folder() / "web" / f"onnxruntime-web-{VERSION}"]
ORT = next((place for place in PLACES if all((place / name).is_file() for name in FILES)), None)
WEBGPU = ("--enable-unsafe-webgpu", "--enable-features=Vulkan", "--use-webgpu-adapter=swiftshader")
"""What gives a machine without a graphics processor WebGPU: an imitation, which the page does not choose of itself."""
pytestmark = [
    pytest.mark.browser,
    pytest.mark.slow,
    pytest.mark.skipif(CHROMIUM is None, reason="no Chromium is installed"),
    pytest.mark.skipif(ORT is None, reason="no copy of onnxruntime-web: run stylezoo web once, or set STYLEZOO_ORT"),
]


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    folder = tmp_path_factory.mktemp("web")
    write_site(folder, ["cin/16", "ghiasi/lite", "johnson/mosaic"], ort=ORT, overwrite=True)

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
        browser = player.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox", *WEBGPU])
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
    assert page.inner_text("#backend") == "WebAssembly, 1 thread" and not page.is_checked("#smooth")
    page.close()


def results(page: Any, photo: np.ndarray, tmp_path: Path) -> np.ndarray:
    """Open a photo in the page; return what the page makes of it in its first style."""
    Image.fromarray(photo).save(tmp_path / "photo.png")
    size = f"{photo.shape[1]} × {photo.shape[0]} px"
    page.set_input_files("#photo-file", tmp_path / "photo.png")
    page.wait_for_function(
        "text => document.getElementById('status').textContent.startsWith(text)", arg=size, timeout=100_000
    )
    shown = page.evaluate("document.getElementById('result').toDataURL('image/png')")
    return np.asarray(Image.open(io.BytesIO(base64.b64decode(shown.partition(",")[2]))).convert("RGB")).astype(int)


def test_finer_pictures_of_woven_nets_are_smooth_and_others_where_asked(browser: Any, url: str, tmp_path: Path) -> None:
    page = browser.new_page()
    page.goto(url)
    ready(page)
    page.check("[name=size][value='1024']")
    assert not page.is_checked("#smooth")  # cin/16 is antialiased
    page.select_option("#net", "johnson/mosaic")
    page.check("[name=size][value='1600']")
    assert page.is_checked("#smooth")
    photo = np.random.default_rng(0).integers(0, 255, (64, 96, 3), np.uint8)
    net = stylezoo.load("johnson/mosaic", device="cpu")
    assert np.abs(results(page, photo, tmp_path) - np.asarray(net.stylize(photo, 0, smooth=True))).max() <= 2
    page.uncheck("#smooth")
    assert np.abs(results(page, photo[:60], tmp_path) - np.asarray(net.stylize(photo[:60], 0))).max() <= 2
    page.check("[name=size][value='512']")
    assert not page.is_checked("#smooth")
    page.close()


SMALL_SAMPLE = """async () => {
  const canvas = new OffscreenCanvas(48, 32), context = canvas.getContext("2d");
  context.fillStyle = "#48c";
  context.fillRect(8, 8, 24, 16);
  return [...new Uint8Array(await (await canvas.convertToBlob()).arrayBuffer())];
}"""


@pytest.fixture
def small(browser: Any, url: str) -> Any:
    """A page whose sample photo is small, since an imitated graphics processor is slow; no files are kept."""
    page = browser.new_page(service_workers="block")
    page.goto(f"{url}icon.svg")
    sample = bytes(page.evaluate(SMALL_SAMPLE))
    page.route("**/photo.jpg", lambda route: route.fulfill(body=sample, content_type="image/png"))
    yield page
    page.close()


def test_webgpu_gives_the_same_pictures(small: Any, url: str, tmp_path: Path) -> None:
    asked: list[str] = []
    small.on("request", lambda request: asked.append(request.url))
    small.goto(f"{url}?backend=webgpu")
    ready(small)
    if small.inner_text("#backend") != "WebGPU":
        pytest.skip("this Chromium has no WebGPU")
    assert not any(WASM[1] in address for address in asked)
    photo = np.random.default_rng(0).integers(0, 255, (36, 50, 3), np.uint8)
    expected = stylezoo.load("cin/16", device="cpu").stylize(photo, 0)
    assert np.abs(results(small, photo, tmp_path) - np.asarray(expected)).max() <= 2


@pytest.mark.parametrize("broken", [WEBGPU_FILES[0], WEBGPU_FILES[1]])
def test_where_webgpu_fails_webassembly_computes(small: Any, url: str, tmp_path: Path, broken: str) -> None:
    small.route(f"**/{broken}", lambda route: route.fulfill(status=200, body=b"broken"))
    small.goto(f"{url}?backend=webgpu")
    ready(small)
    assert small.inner_text("#backend") == "WebAssembly, 1 thread"


def test_webgpu_files_are_fetched_only_where_they_are_used(small: Any, url: str) -> None:
    asked: list[str] = []
    small.on("request", lambda request: asked.append(request.url))
    small.goto(url)
    ready(small)
    assert small.inner_text("#backend") == "WebAssembly, 1 thread"  # although there is an imitation of WebGPU
    assert not any(name in address for address in asked for name in WEBGPU_FILES)


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
