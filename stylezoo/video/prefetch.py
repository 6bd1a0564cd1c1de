"""Compute the next item while the current one is used."""

from __future__ import annotations

from collections.abc import Generator
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

T = TypeVar("T")


def prefetch(items: Generator[T, None, None]) -> Generator[T, None, None]:
    """Yield the items, each computed in a thread while the previous one is used.

    FFmpeg and the nets give up Python's lock while they compute, so decoding, stylizing and encoding overlap. One item
    is prepared, no more: memory stays bounded, and what is closed early waits for one item at most.
    """
    end: Any = object()
    try:
        with ThreadPoolExecutor(1) as pool:
            coming = pool.submit(next, items, end)
            while (item := coming.result()) is not end:
                coming = pool.submit(next, items, end)
                yield item
    finally:
        items.close()
