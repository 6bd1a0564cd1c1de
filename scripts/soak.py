"""Let stylezoo work for long, and check that its memory stays flat and nothing is lost.

    python scripts/soak.py frames            # 20,000 frames of one clip
    python scripts/soak.py pictures          # 5,000 pictures in 32 sizes and 16 styles
    python scripts/soak.py page              # the page of `stylezoo demo`, with 20 visitors for ten minutes

Prints the memory (RSS) after the warm-up and at the end; the exit code is 1 above 5 % of growth or where something was
lost. Needs Linux, whose /proc has the memory of other processes; `page` needs stylezoo[demo].
"""

from __future__ import annotations

import asyncio
import hashlib
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import click
import numpy as np
from numpy.typing import NDArray

import stylezoo

SIDE, GROWTH = 64, 0.05
rng = np.random.default_rng(0)
TEXTURE: NDArray[np.uint8] = np.kron(rng.integers(0, 256, (32, 32, 3)), np.ones((8, 8, 1))).astype(np.uint8)


def rss(process: int | str = "self") -> float:
    """Return the memory of a process in RAM, in units of 10^6 bytes."""
    lines = Path(f"/proc/{process}/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmRSS:")) * 1024 / 1e6


def report(what: str, before: float, after: float, lost: int, began: float) -> None:
    """Print one line, and end the process with its verdict."""
    good = after <= before * (1 + GROWTH) and not lost
    click.echo(
        f"{what}: {lost} lost, RSS {before:.0f} MB after the warm-up, {after:.0f} MB at the end "
        f"({after / before - 1:+.1%}), {time.monotonic() - began:.0f} s: {'passed' if good else 'failed'}"
    )
    sys.exit(0 if good else 1)


@click.group()
def main() -> None:
    """Check that memory stays flat."""


@main.command()
@click.option("--count", default=20_000, show_default=True, help="How many frames.")
@click.option("--warm-up", default=500, show_default=True, help="How many of them before the memory is read.")
def frames(count: int, warm_up: int) -> None:
    """Stylize the frames of one clip."""

    def clip() -> Iterator[NDArray[np.uint8]]:
        for number in range(count):
            yield np.ascontiguousarray(np.roll(TEXTURE, number, axis=number // 256 % 2)[:SIDE, :SIDE])

    began, before, made = time.monotonic(), 0.0, 0
    for frame in stylezoo.load("cin/16-video", device="cpu").stylize_frames(clip(), "udnie"):
        made += frame.shape == (SIDE, SIDE, 3) and bool(np.ptp(frame))
        if made == warm_up:
            before = rss()
    report(f"{count} frames of {SIDE}x{SIDE} px", before, rss(), count - made, began)


@main.command()
@click.option("--count", default=5_000, show_default=True, help="How many pictures.")
@click.option("--warm-up", default=500, show_default=True, help="How many of them before the memory is read.")
def pictures(count: int, warm_up: int) -> None:
    """Stylize pictures of 48 to 79 px a side; a picture that comes again must give the same bytes."""
    stylizer = stylezoo.load("cin/16", device="cpu")
    began, before, lost = time.monotonic(), 0.0, 0
    first: dict[tuple[int, str], str] = {}
    for number in range(count):
        side, style = 48 + number % 32, stylizer.styles[number // 32 % 16]
        made = stylizer.stylize(np.ascontiguousarray(TEXTURE[:side, :SIDE]), style)
        digest = hashlib.sha256(made.tobytes()).hexdigest()
        lost += made.shape != (side, SIDE, 3) or first.setdefault((side, style), digest) != digest
        if number + 1 == warm_up:
            before = rss()
    report(f"{count} pictures", before, rss(), lost, began)


@main.command()
@click.option("--visitors", default=20, show_default=True, help="How many at once.")
@click.option("--seconds", default=600.0, show_default=True, help="How long they stay.")
@click.option("--warm-up", default=60.0, show_default=True, help="Seconds of visits before the memory is read.")
def page(visitors: int, seconds: float, warm_up: float) -> None:
    """Let visitors use the page; see demo_users.py."""
    from demo_users import crowd, own_page

    began = time.monotonic()
    with own_page() as (url, process):
        first = asyncio.run(crowd(url, visitors, warm_up))
        before = rss(process)
        then = asyncio.run(crowd(url, visitors, seconds))
        after = rss(process)
    lost = first.lost + then.lost
    for line in lost[:10]:
        click.echo(line)
    what = f"{visitors} visitors, {seconds:g} s, {len(then.seconds)} requests answered"
    report(what, before, after, len(lost) if then.seconds else 1, began)


if __name__ == "__main__":
    main()
