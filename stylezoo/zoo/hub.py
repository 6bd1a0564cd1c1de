"""The Hugging Face Hub, through its own client.

Its client decides on the endpoint (HF_ENDPOINT), the token (`hf auth login`, HF_TOKEN), the cache (HF_HOME) and whether
there is a network (HF_HUB_OFFLINE). Importing it takes longer than everything else in this package, so each function
does that when it is called.
"""

from __future__ import annotations

import hashlib
import os
import re
import time
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, nullcontext, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from stylezoo import __version__
from stylezoo.errors import HubError, StyleZooError
from stylezoo.types import PathLike
from stylezoo.zoo.fields import FieldError
from stylezoo.zoo.hub_errors import (
    PASSING,
    answers,
    is_missing,
    is_transport,
    no_answer,
    pause_before,
    reason,
    retry_after,
    status_of,
)
from stylezoo.zoo.spec import HubSpec

if TYPE_CHECKING:
    from huggingface_hub import HfApi

T = TypeVar("T")
Content = bytes | Path

WAITS = (1.0, 2.0, 4.0, 8.0)
"""Seconds between the tries of what a server could not do just then."""


class MissingError(HubError):
    """The repository exists, but has no such file."""


class UnreachableError(HubError):
    """The Hub's host takes no connections."""


class StaleError(HubError):
    """The content of the repository is uncertain: someone else changed it, or the response to a change was lost.

    `problem` says which in a few words; `asked` is the number of seconds that the server asks to wait.
    """

    problem = "no answer"
    asked = 0.0


@dataclass(frozen=True)
class Snapshot:
    """The content of a repository at one commit: for each path, the Hub's name of its content (see `names_of`)."""

    commit: str
    files: dict[str, str]


class Repository:
    """A model repository of the Hub, at one revision.

    Args:
        place: its name, and a branch, tag or commit.
        cache_dir: the folder of the cache; None: as HF_HOME says.
        offline: True: make no request; None: as HF_HUB_OFFLINE says.
    """

    def __init__(self, place: HubSpec, *, cache_dir: PathLike | None = None, offline: bool | None = None) -> None:
        self.place = place
        self.cache_dir = None if cache_dir is None else Path(cache_dir).expanduser()
        self.offline = bool(offline)

    def __str__(self) -> str:
        return f"{self.place.repo}@{self.place.revision}" if self.place.revision else self.place.repo

    def at(self, revision: str) -> Repository:
        """Return the same repository at another revision."""
        return Repository(
            HubSpec(repo=self.place.repo, revision=revision), cache_dir=self.cache_dir, offline=self.offline
        )

    # --- reading ---

    def cached(self, file: str) -> Path | None:
        """Return the path of a file in the cache without any request; None: it is not there."""
        from huggingface_hub import try_to_load_from_cache

        found = try_to_load_from_cache(self.place.repo, file, cache_dir=self.cache_dir, revision=self.place.revision)
        return Path(found) if isinstance(found, str) else None

    def download(self, file: str, what: str, *, check: Callable[[int], None]) -> Path:
        """Return the path of a file in the cache, as new as the revision.

        `what` is for messages. `check` is given the number of bytes the Hub says it has, before they are fetched; may
        raise.
        """
        api = _api()
        place: dict[str, Any] = {
            "repo_id": self.place.repo,
            "filename": file,
            "revision": self.place.revision,
            "cache_dir": self.cache_dir,
            "local_files_only": self.offline or not answers(),
        }

        def get() -> Path:
            plan = api.hf_hub_download(**place, dry_run=True)
            if plan.will_download and plan.file_size is not None:
                check(plan.file_size)
            return Path(api.hf_hub_download(**place))

        return self._ask(f"cannot get {what} from the Hub's {self}", get, probe=False)

    def download_text(self, file: str, what: str, *, check: Callable[[int], None]) -> Path:
        """Like `download`, and compare the content with the Hub's hash; for small files."""
        for _ in range(2):
            path = self.download(file, what, check=check)
            if is_whole(path) is not False:
                return path
            forget(path)
        other = "it comes with other bytes than the Hub says, and was removed"
        raise HubError(f"cannot get {what} from the Hub's {self}: {other}: try again, and report it if it persists.")

    def snapshot(self) -> Snapshot | None:
        """Return the content of the repository; None if it does not exist or this token may not see it."""
        from huggingface_hub.errors import RepositoryNotFoundError, RevisionNotFoundError

        def look() -> Snapshot | None:
            try:
                info = _api().model_info(self.place.repo, revision=self.place.revision, files_metadata=True)
            except RevisionNotFoundError:
                raise
            except RepositoryNotFoundError:
                return None
            files = {f.rfilename: f.lfs.sha256 if f.lfs else f.blob_id or "" for f in info.siblings or ()}
            return Snapshot(info.sha or "", files)

        return self._ask(f"cannot look into the Hub's {self}", look)

    def history(self, most: int = 50) -> list[str]:
        """Return the latest commits, the newest first."""
        what = f"cannot read the history of the Hub's {self}"
        listed = self._ask(what, lambda: _api().list_repo_commits(self.place.repo, revision=self.place.revision))
        return [commit.commit_id for commit in listed[:most]]

    # --- writing ---

    def create(self, *, private: bool) -> None:
        """Create the repository."""
        # exist_ok: of two tries the first may have been done, and its answer lost.
        self._ask(
            f"cannot make {self.place.repo} on the Hub",
            lambda: _api().create_repo(self.place.repo, private=private, exist_ok=True),
            writing=True,
        )

    @contextmanager
    def side_branch(self, start: str | None) -> Iterator[Repository]:
        """Yield the repository at a temporary branch that starts at the commit `start`.

        Its uploads remain in the repository's storage, so a commit to another branch does not send them again.
        """
        side = self.at(f"push-{os.urandom(4).hex()}")
        repo, branch = side.place.repo, str(side.place.revision)
        self._ask(
            f"cannot make a branch of the Hub's {repo}",
            lambda: _api().create_branch(repo, branch=branch, revision=start, exist_ok=True),
            writing=True,
        )
        try:
            yield side
        finally:
            with suppress(HubError):  # a branch that stays harms nobody
                self._ask("", lambda: _api().delete_branch(repo, branch=branch), tries=0)

    def commit(self, files: Mapping[str, Content], message: str, parent: str | None, *, bars: bool = True) -> str:
        """Upload files as one commit on `parent`; return the commit. `bars`: whether progress is shown.

        Raises:
            StaleError: the repository has newer commits than `parent`, or the server failed.
        """
        from huggingface_hub import CommitOperationAdd

        adds = [
            CommitOperationAdd(path, str(content) if isinstance(content, Path) else content)
            for path, content in sorted(files.items())
        ]
        try:
            # No second try: whether the first one was done is not known.
            with nullcontext() if bars else _without_bars():
                done = self._ask(
                    f"cannot upload to the Hub's {self.place.repo}",
                    lambda: _api().create_commit(
                        self.place.repo,
                        adds,
                        commit_message=message,
                        revision=self.place.revision,
                        parent_commit=parent,
                    ),
                    tries=0,
                    writing=True,
                )
        except HubError as cause:
            if status_of(cause) in {412, *PASSING} or is_transport(cause.__cause__):
                stale, status = StaleError(str(cause)), status_of(cause)
                if status:
                    stale.problem = "someone else changed it" if status == 412 else f"status {status}"
                stale.asked = retry_after(cause) or 0.0
                raise stale from cause
            raise
        return done.oid

    def _ask(
        self, what: str, call: Callable[[], T], tries: int = len(WAITS), writing: bool = False, probe: bool = True
    ) -> T:
        if probe and not answers():
            raise UnreachableError(f"{what}: {no_answer()}")
        for wait in (*WAITS[:tries], None):
            try:
                return call()
            except HubError as cause:
                raise HubError(f"{what}: {cause}") from cause
            except StyleZooError:
                raise
            except Exception as cause:  # besides its own errors the client lets through those of its HTTP library
                pause = None if wait is None else pause_before(cause, wait)
                if pause is None:
                    kind = MissingError if is_missing(cause) else HubError
                    raise kind(f"{what}: {reason(cause, self.offline, writing)}") from cause
                problem = f"status {status_of(cause)}"
            warnings.warn(f"{what} yet ({problem}): trying again in {pause:g} s", stacklevel=2)
            time.sleep(pause)
        raise AssertionError


def is_whole(path: Path) -> bool | None:
    """Return whether a file in the cache has the hash in its name; None: its name is not a hash.

    Mirrors and file systems without links have such names.
    """
    blob = path.resolve()
    return blob.name in names_of(blob) if re.fullmatch("[0-9a-f]{40}|[0-9a-f]{64}", blob.name) else None


def forget(path: Path) -> None:
    """Remove a file from the cache."""
    blob = path.resolve()
    path.unlink(missing_ok=True)
    blob.unlink(missing_ok=True)


def names_of(content: Content) -> set[str]:
    """Return the Hub's possible names of a content: its SHA-256 (large and binary files) or git's hash (small text)."""
    data = content.read_bytes() if isinstance(content, Path) else content
    return {
        hashlib.sha256(data).hexdigest(),
        hashlib.sha1(b"blob %d\0" % len(data) + data, usedforsecurity=False).hexdigest(),
    }


def parse_repo(text: str, revision: str | None = None) -> HubSpec:
    """Return the place that 'owner/zoo' or 'owner/zoo@revision' names, with or without 'hf:' before it.

    `revision` overrides the one in the text. Raises HubError for any other text.
    """
    bare = text.removeprefix("hf:").strip("/")
    repo, at, named = bare.partition("@")
    try:
        return HubSpec(repo=repo, revision=revision or (named if at else None))
    except FieldError as cause:
        what = "revision" if str(cause).startswith("revision") else "repository"
        wrong = revision if revision and what == "revision" else text
        raise HubError(f"'{wrong}' is not a {what} of the Hub: write owner/zoo, or owner/zoo@revision") from cause


def parse_name(text: str, revision: str | None = None) -> tuple[HubSpec, str]:
    """Return the place and the model that 'hf:owner/zoo/family/style' names; 'hf:owner/zoo@v1/family/style' pins it.

    `revision` overrides the one in the text. Raises HubError for any other text.
    """
    parts = text.removeprefix("hf:").strip("/").split("/")
    if len(parts) < 4 or not all(parts):
        raise HubError(f"'{text}' is not a model of a repository: write hf:owner/zoo/family/style")
    return parse_repo("/".join(parts[:-2]), revision), "/".join(parts[-2:])


def _api() -> HfApi:
    from huggingface_hub import HfApi

    return HfApi(library_name="stylezoo", library_version=__version__)


@contextmanager
def _without_bars() -> Iterator[None]:
    """Hide the client's progress bars, unless the user has set whether to show them."""
    from huggingface_hub import constants
    from huggingface_hub.utils.tqdm import are_progress_bars_disabled, disable_progress_bars, enable_progress_bars

    if constants.HF_HUB_DISABLE_PROGRESS_BARS is not None or are_progress_bars_disabled():
        yield
        return
    disable_progress_bars()
    try:
        yield
    finally:
        enable_progress_bars()
