"""Try the page of `stylezoo web` in headless Chromium: pictures of it, and its time and results beside Python's.

    python scripts/web_page.py site --out docs/images      # the folder that stylezoo web wrote

Both compute with one thread: WebAssembly has no more on plain file servers. Times are those of the processor, so that
other programs on the machine matter little: the mean of several calls after a first one, all in one run.
Needs playwright and a Chromium that is installed.
"""

from __future__ import annotations

import base64
import functools
import http.server
import json
import os
import shutil
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import click
import numpy as np
from PIL import Image
from playwright.sync_api import Page, sync_playwright

import stylezoo
from stylezoo.images.io import write

CALLS = 20
SIZES = {"phone": (390, 844), "desktop": (1280, 860)}
COMPARE = """async ({name, row, strength, bytes, calls}) => {
  const { Nets } = await import("./nets.js");
  const ort = await import("./ort/ort.wasm.bundle.min.mjs");
  ort.env.wasm.numThreads = 1;
  ort.env.wasm.wasmPaths = { wasm: new URL("./ort/ort-wasm-simd-threaded.wasm", location).href };
  const read = async path => new Uint8Array(await (await fetch(path)).arrayBuffer());
  const { models } = await (await fetch("models.json")).json();
  const nets = (window.nets ??= new Nets(ort, read, models));
  const data = Uint8ClampedArray.from(atob(bytes), c => c.charCodeAt(0));
  let result;
  for (let i = 0; i < calls; i++) result = await nets.stylize(name, data.slice(), 512, 512, [[row, 1]], strength);
  let text = "";
  for (let i = 0; i < result.length; i += 8192) text += String.fromCharCode(...result.subarray(i, i + 8192));
  return btoa(text);
}"""


@contextmanager
def served(folder: Path) -> Iterator[str]:
    """Serve a folder as `python -m http.server` does; yield its URL."""

    class Quiet(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *arguments: Any) -> None:
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Quiet, directory=str(folder)))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/"
    finally:
        server.shutdown()


def ready(page: Page) -> None:
    page.wait_for_function("/ in [0-9.]+ s$/.test(document.getElementById('status').textContent)", timeout=120_000)


def compare(page: Page, record: dict[str, Any], photo: Image.Image, strength: float) -> None:
    """Print the time and the results of the page for a model's first style, beside Python's."""
    net = stylezoo.load(record["name"], device="cpu", backend="onnx")
    style = record["styles"][0]
    rgba = base64.b64encode(photo.convert("RGBA").tobytes()).decode()
    asked = {"name": record["name"], "row": style["row"], "strength": strength, "bytes": rgba, "calls": 1}
    found = page.evaluate(COMPARE, asked)
    expected = net.stylize(np.asarray(photo), style["id"], strength=strength)
    used, python = seconds_of_pages(page), time.process_time()
    page.evaluate(COMPARE, asked | {"calls": CALLS})
    used = seconds_of_pages(page) - used
    for _ in range(CALLS):
        net.stylize(np.asarray(photo), style["id"], strength=strength)
    python = time.process_time() - python
    pixels = np.frombuffer(base64.b64decode(found), np.uint8).reshape(512, 512, 4)[..., :3]
    click.echo(
        f"{record['name']} at strength {strength:g}: {1000 * used / CALLS:.0f} ms in the browser, "
        f"{1000 * python / CALLS:.0f} ms in Python, {used / python:.1f} times; "
        f"they differ by {np.abs(pixels.astype(int) - expected).max()}/255 at most"
    )


def seconds_of_pages(page: Page) -> float:
    """Return how long the processor has worked for the browser's pages."""
    browser = page.context.browser
    assert browser is not None
    found = browser.new_browser_cdp_session().send("SystemInfo.getProcessInfo")["processInfo"]
    return float(sum(process["cpuTime"] for process in found if process["type"] == "renderer"))


@click.command()
@click.argument("site", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option("--out", type=click.Path(path_type=Path), help="Folder for web_phone.jpg and web_desktop.jpg.")
def main(site: Path, out: Path | None) -> None:
    if not os.environ.get("OMP_NUM_THREADS") == "1":
        raise click.ClickException("set OMP_NUM_THREADS=1, so that both compute with one thread")
    records = json.loads((site / "models.json").read_text(encoding="utf-8"))["models"]
    with Image.open(site / "photo.jpg") as opened:
        photo = opened.convert("RGB").resize((512, 512))
    with served(site) as url, sync_playwright() as player:
        browser = player.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
        for name, (width, height) in SIZES.items():
            page = browser.new_page(viewport={"width": width, "height": height})
            page.goto(url)
            ready(page)
            if out:
                page.wait_for_timeout(1000)
                page.screenshot(path=out / f"web_{name}.png")
                with Image.open(out / f"web_{name}.png") as shot:
                    write(shot.convert("RGB"), out / f"web_{name}.jpg", overwrite=True, quality=85)
                (out / f"web_{name}.png").unlink()
        for record in records:
            for strength in (1.0, 0.5):
                compare(page, record, photo, strength)
        browser.close()


if __name__ == "__main__":
    main()
