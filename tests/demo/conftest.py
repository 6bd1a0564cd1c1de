"""A page in a process of its own, and files for it."""

from __future__ import annotations

import io
import struct
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from running_page import running

pytest.importorskip("gradio")

MAX_PIXELS, MAX_BYTES = 1_000_000, 3_000_000


@pytest.fixture(scope="session")
def page_url() -> Iterator[str]:
    """The address of a page of four models: quick, fine, of one style, and for any picture; with small limits."""
    models = [part for name in ("cin/16", "cin/16-large", "johnson/mosaic", "any") for part in ("-m", name)]
    limits = ["--max-pixels", str(MAX_PIXELS), "--max-bytes", str(MAX_BYTES), "--rate", "240"]
    with running("-m", "stylezoo", "demo", "--port", "0", *models, *limits) as url:
        yield url


@pytest.fixture
def visit(browser: Any, page_url: str) -> Iterator[Callable[..., Any]]:
    """Open the page as a new visitor with an address of their own; nothing may be fetched from anywhere else."""
    contexts, strangers, broken = [], [], []

    def call(client: str = "10.1.1.1", **options: Any) -> Any:
        headers = {"X-Forwarded-For": client}
        options = {"viewport": {"width": 1280, "height": 900}} | options
        context = browser.new_context(extra_http_headers=headers, **options)
        contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(120_000)
        page.on(
            "request", lambda r: None if r.url.startswith((page_url, "data:", "blob:")) else strangers.append(r.url)
        )
        page.on("pageerror", lambda error: broken.append(str(error)))
        page.goto(page_url, wait_until="domcontentloaded")
        page.wait_for_selector(".sz-card")
        return page

    yield call
    for context in contexts:
        context.close()
    assert not strangers
    assert not broken


@pytest.fixture(scope="session")
def photo(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A photo of 300 x 200 px."""
    from skimage import data

    path = tmp_path_factory.mktemp("photo") / "my cup.png"
    Image.fromarray(data.coffee()).resize((300, 200)).save(path)
    return path


@pytest.fixture(scope="session")
def hostile(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Files that are no photos for the page: a text, a bomb, one that is cut short, too many pixels, too many bytes."""
    folder = tmp_path_factory.mktemp("hostile")

    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    head = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", 60_000, 60_000, 8, 2, 0, 0, 0))
    noise = np.random.default_rng(0).integers(0, 255, (1000, 1000, 3), np.uint8)
    buffer = io.BytesIO()
    Image.fromarray(noise[:200, :200]).save(buffer, "PNG")
    files = {
        "text": b"this is no picture",
        "bomb": head + chunk(b"IDAT", zlib.compress(b"\0" * 1_000_000)) + chunk(b"IEND", b""),
        "cut": buffer.getvalue()[:-50_000],
    }
    for name, body in files.items():
        (folder / f"{name}.png").write_bytes(body)
    Image.new("RGB", (1200, 900)).save(folder / "large.png")
    (folder / "heavy.png").write_bytes(noise.tobytes() + b"\0" * MAX_BYTES)
    return {path.stem: path for path in folder.glob("*.png")}
