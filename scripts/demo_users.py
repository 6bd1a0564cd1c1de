"""Let many visitors use the page of `stylezoo demo` at once, and count what is lost.

Each uploads a photo of its own, then stylizes it in one style after the other and at times saves it at full size, as
fast as the answers come. Starts a page of its own unless --url names one. Needs stylezoo[demo].
"""

from __future__ import annotations

import asyncio
import io
import json
import re
import statistics
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field
from typing import Any

import click
import httpx
import numpy as np
from PIL import Image

FILE = {"_type": "gradio.FileData"}
PATIENCE = 120.0  # seconds; what takes longer is lost


@dataclass
class Tally:
    """What became of the requests: seconds of each that was answered, and what was said in place of an answer."""

    seconds: list[float] = field(default_factory=list)
    lost: list[str] = field(default_factory=list)


async def visit(url: str, number: int, seconds: float, tally: Tally) -> None:
    """Be one visitor for so long after the page has opened; requests under way are waited for."""
    headers = {"X-Forwarded-For": f"10.0.{number // 250}.{number % 250 + 1}"}  # heeded from this machine alone
    async with httpx.AsyncClient(base_url=url, headers=headers, timeout=PATIENCE) as client:
        config = (await client.get("config")).json()
        values = {c["props"].get("elem_id"): c["props"] for c in config["components"]}
        quality = values["sz-quality"]["value"]
        styles = [card["id"] for card in values["sz-palette"]["props"]["cards"]]
        pixels = np.random.default_rng(number).integers(0, 255, (6, 8, 3), np.uint8)
        buffer = io.BytesIO()
        Image.fromarray(pixels).resize((640, 480), Image.Resampling.BICUBIC).save(buffer, "JPEG")
        photo: str | None = None
        turn, until = 0, time.monotonic() + seconds
        while time.monotonic() < until:
            started = time.monotonic()
            try:
                if photo is None:
                    answer = await client.post("gradio_api/upload", files={"files": ("photo.jpg", buffer.getvalue())})
                    photo = answer.raise_for_status().json()[0]
                else:
                    mix = {"mix": [[styles[(number + turn) % len(styles)], 1]]}
                    data = [{"path": photo, "meta": FILE}, quality, mix, 1, "auto", "style", None, [], "everything"]
                    data += [None] * 3  # no painting and no maps
                    await call(client, "save_jpg" if turn % 5 == 4 else "stylize", data)
                    turn += 1
            except (httpx.HTTPError, ValueError) as error:
                tally.lost.append(f"visitor {number}: {type(error).__name__}: {error}")
                await asyncio.sleep(0.2)
            else:
                tally.seconds.append(time.monotonic() - started)


async def call(client: httpx.AsyncClient, name: str, data: list[Any]) -> Any:
    """Return what a function of the page answers; raise ValueError where it tells of an error."""
    joined = (await client.post(f"gradio_api/call/{name}", json={"data": data})).raise_for_status().json()
    answer = (await client.get(f"gradio_api/call/{name}/{joined['event_id']}")).raise_for_status()
    event, _, value = answer.text.strip().split("\n\n")[-1].partition("\ndata: ")
    if event != "event: complete":
        raise ValueError(answer.text[-300:])
    return json.loads(value)


async def crowd(url: str, visitors: int, seconds: float) -> Tally:
    """Return what becomes of the requests of so many visitors at once."""
    tally = Tally()
    await asyncio.gather(*(visit(url, number, seconds, tally) for number in range(visitors)))
    return tally


@contextmanager
def own_page() -> Iterator[tuple[str, int]]:
    """Start a page; yield its address and the number of its process, which is ended afterwards."""
    command = [sys.executable, "-m", "stylezoo", "demo", "--port", "0"]
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
    assert process.stderr is not None
    while not (found := re.search(r"http://\S+?/", line := process.stderr.readline())):
        if not line:
            sys.exit(process.wait() or 1)
    threading.Thread(target=process.stderr.read, daemon=True).start()  # or the page stops where the pipe is full
    try:
        yield found[0], process.pid
    finally:
        process.terminate()
        process.wait()


@click.command()
@click.option("--url", help="Address of a page that is running.  [default: a page of its own]")
@click.option("--visitors", default=20, show_default=True, help="How many at once.")
@click.option("--seconds", default=60.0, show_default=True, help="How long they stay.")
def main(url: str | None, visitors: int, seconds: float) -> None:
    """Print what came of the requests of visitors; the exit code is 1 where one was lost."""
    with nullcontext((url, 0)) if url else own_page() as (address, _):
        tally = asyncio.run(crowd(address, visitors, seconds))
    for line in tally.lost[:10]:
        print(line)
    done = tally.seconds
    print(
        f"{visitors} visitors, {seconds:g} s: {len(done)} requests answered, {len(tally.lost)} lost; "
        f"median {statistics.median(done or [0]):.2f} s, slowest {max(done, default=0):.2f} s"
    )
    sys.exit(1 if tally.lost or not done else 0)


if __name__ == "__main__":
    main()
