"""Errors of the Hub's client: what they mean, and one line that says what to do."""

from __future__ import annotations

import contextlib
import errno
import re
from typing import Any

LONGEST_WAIT = 60.0
"""Seconds; a server that asks for more (Retry-After) is left alone."""

PATIENCE = 2.0
"""Seconds to wait for a connection to the Hub's host."""

PASSING = {429, 500, 502, 503, 504}
"""The statuses that another try may change."""


def _response(cause: BaseException | None) -> Any:
    """Return the HTTP response behind an error of the client, if any."""
    while cause is not None:
        if response := getattr(cause, "response", None):
            return response
        cause = cause.__cause__
    return None


def status_of(cause: BaseException) -> int | None:
    response = _response(cause)
    return None if response is None else int(response.status_code)


def is_transport(cause: BaseException | None) -> bool:
    """Return whether a connection broke or could not be made."""
    # The client lets through what its HTTP library raises, whose name has changed with its versions.
    return isinstance(cause, ConnectionError) or type(cause).__module__.partition(".")[0].startswith("httpx")


def retry_after(cause: BaseException) -> float | None:
    response = _response(cause)
    text = "" if response is None else response.headers.get("Retry-After", "")
    return float(text) if re.fullmatch(r"\d+(\.\d+)?", text) else None


def pause_before(cause: BaseException, wait: float) -> float | None:
    """Return the seconds to wait before another try; None: do not retry, or the server asks for too long a wait."""
    if status_of(cause) not in PASSING:
        return None
    asked = retry_after(cause) or 0.0
    return None if asked > LONGEST_WAIT else max(asked, wait)


def answers() -> bool:
    """Return within `PATIENCE` whether the Hub's host takes connections; True where that cannot be tried.

    The client itself tries for some 25 s. Behind a proxy only the proxy is asked, so it decides.
    """
    import socket
    import threading
    import urllib.request
    from urllib.parse import urlsplit

    from huggingface_hub import constants

    place = urlsplit(constants.ENDPOINT)
    if constants.HF_HUB_OFFLINE or place.scheme in urllib.request.getproxies() or not place.hostname:
        return True
    port = place.port or (80 if place.scheme == "http" else 443)
    connected = threading.Event()

    def connect() -> None:
        with contextlib.suppress(OSError):
            socket.create_connection((place.hostname, port), PATIENCE).close()
            connected.set()

    attempt = threading.Thread(target=connect, daemon=True)  # looking up a name has no time limit of its own
    attempt.start()
    attempt.join(PATIENCE)
    return connected.is_set()


def is_missing(cause: Exception) -> bool:
    from huggingface_hub import errors

    return isinstance(cause, errors.RemoteEntryNotFoundError)


def no_answer() -> str:
    from huggingface_hub import constants

    return f"{constants.ENDPOINT} does not answer as it should: check the network, or set HF_ENDPOINT to a mirror."


def reason(cause: Exception, offline: bool, writing: bool = False) -> str:
    """Return one line: why the Hub's client failed, and what to do."""
    from huggingface_hub import constants, errors, get_token

    log_in = "log in with 'hf auth login' or set HF_TOKEN"
    status = status_of(cause)
    if isinstance(cause, errors.OfflineModeIsEnabled):
        return "HF_HUB_OFFLINE forbids to ask the Hub: unset it."
    if offline or isinstance(cause.__cause__, errors.OfflineModeIsEnabled):
        return (
            "it is not in the cache, and downloads are off: do it once without offline=True and with HF_HUB_OFFLINE "
            "unset."
        )
    if status == 429:
        seconds = retry_after(cause)
        return f"it was asked too often: try again {f'in {seconds:g} s' if seconds else 'later'}, or {log_in}."
    if isinstance(cause, errors.GatedRepoError):
        return f"access has to be asked for at {constants.ENDPOINT}; then {log_in}."
    if writing and (status == 401 or isinstance(cause, errors.RepositoryNotFoundError)):
        return f"it takes changes from those alone who may make them: {log_in} of one with write access."
    if isinstance(cause, errors.RepositoryNotFoundError):
        return f"the repository does not exist or is private: check its name; if it is private, {log_in}."
    if isinstance(cause, errors.RevisionNotFoundError):
        return "the repository has no such revision: check it, or leave it out."
    if isinstance(cause, errors.RemoteEntryNotFoundError):
        return "the repository has no such file: upgrade stylezoo, or give the revision that has it."
    if status == 401:
        return f"it {'does not know the token' if get_token() else 'wants to know who asks'}: {log_in}."
    if status == 403:
        return f"the token may not do that: {log_in} of one with write access to it."
    if status == 405:
        return f"{constants.ENDPOINT} takes no changes, as a mirror does: unset HF_ENDPOINT."
    if status == 412:
        return "someone else changed it in the meantime: try again."
    if isinstance(cause, errors.LocalEntryNotFoundError):
        return f"it is not in the cache, and {no_answer()}"
    if isinstance(cause, OSError) and cause.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
        return f"the disk is full: free some space, or set HF_HOME to a folder on another (now {constants.HF_HOME})."
    if isinstance(cause, PermissionError) or (isinstance(cause, OSError) and cause.filename):
        where = cause.filename or constants.HF_HOME
        return f"cannot write {where} ({cause.strerror}): set HF_HOME to a folder of your own."
    if isinstance(cause, UnicodeEncodeError):
        return f"the token has letters that no token has: {log_in}."
    if is_transport(cause) or isinstance(cause, ValueError):  # an answer that is no JSON, as of a login page
        return no_answer()
    if status:
        return f"{constants.ENDPOINT} answers with status {status}: try again later."
    text = " ".join(str(cause).split()).rstrip(".") or type(cause).__name__
    return f"{text}. Try again later."
