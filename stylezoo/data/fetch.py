"""Downloads over lines that break: tried again, gone on where they stopped, and under their name only when whole.

The standard library's client is enough: it follows redirects and knows proxies. What it lacks, waiting, trying again
and asking for the rest of a file, no client of the Python world does by itself either.
"""

from __future__ import annotations

import hashlib
import os
import re
import socket
import ssl
import sys
import time
import warnings
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from http.client import HTTPException, HTTPResponse
from pathlib import Path
from urllib.error import HTTPError
from urllib.request import Request, urlopen

from tqdm import tqdm

from stylezoo import __version__
from stylezoo.errors import DataError

# Wikimedia asks clients to say who they are and where to read about them.
AGENT = f"stylezoo/{__version__} (https://pypi.org/project/stylezoo/) Python-urllib/{sys.version_info.major}"

TIMEOUT = 30.0
"""Seconds without a byte after which a connection counts as broken."""

TRIES = 5
"""How often in a row a connection may bring nothing new before the download is given up."""

LONGEST_WAIT = 60.0
"""Seconds; a server that asks for more (Retry-After) is left alone."""

_PASSING = {408, 425, 429, 500, 502, 503, 504}  # the statuses that another try may change
_BLOCK = 1 << 16


class _BrokenError(Exception):
    """The connection brought less than all; another one may bring the rest. `wait`: seconds the server asks for."""

    def __init__(self, problem: str, wait: float | None = None) -> None:
        super().__init__(problem)
        self.wait = wait


class _BeyondError(Exception):
    """The server has nothing from the byte on that was asked for. `total`: how many bytes it has, where it says so."""

    def __init__(self, total: int | None = None) -> None:
        super().__init__()
        self.total = total


def download(
    url: str,
    target: Path,
    check: Callable[[Path], None],
    *,
    starting: Callable[[int | None, int], None] | None = None,
    progress: bool = False,
) -> None:
    """Download `url`, and rename it to `target` when it is whole and `check` finds nothing wrong with it.

    What has come so far lies next to `target` under a name that ends in .part, from which the next call goes on. Waits
    between tries are warned of.

    Args:
        check: gets the path of the whole file and raises DataError (what is wrong) if it is not the right one; then
            that file is deleted.
        starting: is called with the file's size in bytes (None: unknown) and how many of them are there already,
            before any more are fetched; may raise.
        progress: show a bar on stderr where that is a terminal.

    Raises:
        DataError: the file cannot be downloaded, or its hash differs.
    """
    part = part_of(url, target)
    target.parent.mkdir(parents=True, exist_ok=True)
    for last in (False, True):
        in_one_go = _complete(url, part, target.name, starting, progress)
        try:
            check(part)
            break
        except DataError as problem:
            part.unlink()
            if in_one_go or last:  # else its pieces may be of different files: once more, from the start
                raise DataError(f"{url}: {problem}") from problem
    with part.open("rb") as file:
        os.fsync(file.fileno())
    part.replace(target)


def part_of(url: str, target: Path) -> Path:
    """Return where an unfinished download lies: pieces of different files never meet."""
    return target.with_name(f"{target.name}.{hashlib.sha256(url.encode()).hexdigest()[:8]}.part")


def _complete(
    url: str, part: Path, name: str, starting: Callable[[int | None, int], None] | None, progress: bool
) -> bool:
    """Fetch what `part` lacks; return whether it came over one connection."""
    connections = failures = 0
    with tqdm(
        desc=name, unit="B", unit_scale=True, leave=False, file=sys.stderr, disable=None if progress else True
    ) as bar:
        while True:
            have = part.stat().st_size if part.exists() else 0
            connections += 1
            try:
                with _open(url, have) as response:
                    offset, total = _span(response, have)
                    if starting:
                        starting(total, offset)
                        starting = None
                    bar.total, bar.n = total, offset
                    bar.refresh()
                    with part.open("ab" if offset else "wb") as file:
                        for block in _blocks(response):
                            file.write(block)
                            bar.update(len(block))
                        came = file.tell()
                if total is not None and came < total:
                    raise _BrokenError(f"the connection broke after {came:,} of {total:,} bytes")
                return connections == 1 and not offset
            except _BeyondError as answer:
                if answer.total == have:
                    return False
                part.unlink()  # it is no beginning of the file that the server has now
            except _BrokenError as problem:
                now = part.stat().st_size if part.exists() else 0
                failures = 0 if now > have else failures + 1
                wait = 2.0**failures / 2 if problem.wait is None else problem.wait
                if failures == TRIES or wait > LONGEST_WAIT:
                    again = f"; the server asks to wait {wait:.0f} s" if wait > LONGEST_WAIT else ""
                    raise DataError(f"cannot download {url}: {problem}{again}: try again later") from problem
                warnings.warn(f"{name}: {problem}; retrying in {wait:.1f} s", stacklevel=3)
                time.sleep(wait)


def _open(url: str, have: int) -> HTTPResponse:
    """Return the server's answer with all from byte `have` on."""
    headers = {"User-Agent": AGENT, "Accept-Encoding": "identity"}
    if have:
        headers["Range"] = f"bytes={have}-"
    try:
        response: HTTPResponse = urlopen(Request(url, headers=headers), timeout=TIMEOUT)
        return response
    except HTTPError as error:
        with error:
            if error.code == 416 and have:
                total = re.fullmatch(r"bytes \*/(\d+)", error.headers.get("Content-Range", ""))
                raise _BeyondError(int(total[1]) if total else None) from error
            problem = f"HTTP {error.code} {error.reason}"
            if error.code not in _PASSING:
                raise DataError(f"cannot download {url}: {problem}") from error
            raise _BrokenError(problem, _retry_after(error.headers.get("Retry-After"))) from error
    except (OSError, HTTPException) as error:
        cause = getattr(error, "reason", error)
        if isinstance(cause, socket.gaierror):
            raise DataError(f"cannot download {url}: host not found: check the network") from error
        if isinstance(cause, ssl.SSLCertVerificationError):
            reason = f"{cause.verify_message}: SSL_CERT_FILE can name a file of certificates to trust"
            raise DataError(f"cannot download {url}: {reason}") from error
        raise _BrokenError(_said(cause)) from error
    except ValueError as error:
        raise DataError(f"cannot download {url}: {error}") from error


def _span(response: HTTPResponse, have: int) -> tuple[int, int | None]:
    """Return at which byte the answer starts, for a server may ignore the range, and how long the whole file is."""
    length = response.headers.get("Content-Length", "")
    if response.status != 206:
        return 0, int(length) if length.isdigit() else None
    found = re.fullmatch(r"bytes (\d+)-(\d+)/(\d+|\*)", response.headers.get("Content-Range", ""))
    if not found or int(found[1]) != have:
        raise _BeyondError
    return have, int(found[3]) if found[3] != "*" else int(found[2]) + 1


def _blocks(response: HTTPResponse) -> Iterator[bytes]:
    try:
        while block := response.read(_BLOCK):
            yield block
    except (OSError, HTTPException) as error:
        raise _BrokenError(_said(error)) from error


def _said(error: object) -> str:
    if isinstance(error, TimeoutError):
        return f"nothing came for {TIMEOUT:.0f} s"
    text = getattr(error, "strerror", None) or " ".join(str(error).split())
    return text or type(error).__name__


def _retry_after(value: str | None) -> float | None:
    """Return the seconds that a Retry-After header asks for: a number, or a date."""
    if value is None:
        return None
    try:
        if value.strip().isdigit():
            return float(value)
        return max(0.0, (parsedate_to_datetime(value) - datetime.now(UTC)).total_seconds())
    except (ValueError, TypeError):  # TypeError: a date without a zone
        return None
