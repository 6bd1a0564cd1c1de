"""Try the page of `stylezoo web` in headless Chromium: pictures of it, and its time and results beside Python's.

    python scripts/web_page.py site --out docs/images      # the folder that stylezoo web wrote

Both compute with one thread: WebAssembly has no more on plain file servers. Times are those of the processor, so that
other programs on the machine matter little: the mean of several calls after some first ones, for which the browser
compiles.
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

CALLS, ROUNDS, WARMING = 5, 4, 3
SIZES = {"phone": (390, 844), "desktop": (1280, 860)}
OPEN = """async bytes => {
  const [{ Nets }, { open }] = await Promise.all(["./nets.js", "./backends.js"].map(path => import(path)));
  const read = async path => new Uint8Array(await (await fetch(path)).arrayBuffer());
  const { models } = await (await fetch("models.json")).json();
  window.nets = new Nets(await open("wasm", 1), read, models);
  window.photo = Uint8ClampedArray.from(atob(bytes), c => c.charCodeAt(0));
}"""
STYLIZE = """async ({ name, row, strength, smooth, calls }) => {
  for (let i = 0; i < calls; i++)
    window.result = await nets.stylize(name, photo.slice(), 512, 512, [[row, 1]], strength, smooth);
}"""
RESULT = """() => {
  let text = "";
  for (let i = 0; i < result.length; i += 8192) text += String.fromCharCode(...result.subarray(i, i + 8192));
  return btoa(text);
}"""
ASKED: tuple[dict[str, Any], ...] = ({"strength": 1.0}, {"strength": 0.5}, {"smooth": True})


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


def compare(page: Page, record: dict[str, Any], photo: np.ndarray, options: dict[str, Any]) -> None:
    """Print the time and the results of the page for a model's first style, beside Python's."""
    net = stylezoo.load(record["name"], device="cpu", backend="onnx")
    style = record["styles"][0]
    asked = {"name": record["name"], "row": style["row"], "strength": 1, "smooth": False} | options
    page.evaluate(STYLIZE, asked | {"calls": WARMING})
    pixels = np.frombuffer(base64.b64decode(page.evaluate(RESULT)), np.uint8).reshape(512, 512, 4)[..., :3]
    for _ in range(WARMING):
        expected = net.stylize(photo, style["id"], **options)
    used = python = 0.0
    for _ in range(ROUNDS):  # in turn, since both are slower while other programs use the processor
        before = seconds_of_pages(page)
        page.evaluate(STYLIZE, asked | {"calls": CALLS})
        used += seconds_of_pages(page) - before
        before = time.process_time()
        for _ in range(CALLS):
            net.stylize(photo, style["id"], **options)
        python += time.process_time() - before
    each = 1000 / (ROUNDS * CALLS)
    click.echo(
        f"{record['name']} {options}: {each * used:.0f} ms in the browser, {each * python:.0f} ms in Python, "
        f"{used / python:.1f} times; they differ by {np.abs(pixels.astype(int) - expected).max()}/255 at most"
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
        page.evaluate(OPEN, base64.b64encode(photo.convert("RGBA").tobytes()).decode())
        for record in records:
            for options in ASKED:
                compare(page, record, np.asarray(photo), options)
        browser.close()


if __name__ == "__main__":
    main()
