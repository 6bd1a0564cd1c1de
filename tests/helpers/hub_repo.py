"""A model repository of the test Hub: commits, branches, tags, and how the Hub's API describes its files."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

LFS_SUFFIXES = (".safetensors", ".jpg", ".png")
LFS_SIZE = 10_000_000
GIT_ATTRIBUTES = "".join(f"*{suffix} filter=lfs diff=lfs merge=lfs -text\n" for suffix in LFS_SUFFIXES).encode()


def sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def blob_sha1(data: bytes) -> str:
    """git's name for a file's content."""
    return hashlib.sha1(b"blob %d\0" % len(data) + data).hexdigest()


def is_lfs(path: str, size: int) -> bool:
    return size > 0 and (path.endswith(LFS_SUFFIXES) or size >= LFS_SIZE)


def file_oid(path: str, data: bytes) -> str:
    """What a file is known by: its sha256 if it is a large one, else git's name."""
    return sha256(data) if is_lfs(path, len(data)) else blob_sha1(data)


def file_facts(path: str, data: bytes) -> dict[str, Any]:
    """A file as listings describe it. Of a large one git itself has no more than a pointer."""
    facts: dict[str, Any] = {"type": "file", "path": path, "size": len(data), "oid": blob_sha1(data)}
    if not is_lfs(path, len(data)):
        return facts
    oid = sha256(data)
    pointer = f"version https://git-lfs.github.com/spec/v1\noid sha256:{oid}\nsize {len(data)}\n".encode()
    lfs = {"oid": oid, "sha256": oid, "size": len(data), "pointerSize": len(pointer)}
    return facts | {"oid": blob_sha1(pointer), "lfs": lfs}


@dataclass(frozen=True)
class Commit:
    """A commit; `files` are all files of the repository at that time."""

    oid: str
    title: str
    message: str
    parent: str | None
    files: dict[str, bytes]
    date: str

    def summary(self) -> dict[str, str]:
        return {"id": self.oid, "title": self.title, "date": self.date}

    def below(self, folder: str) -> dict[str, bytes]:
        """The file at a path, or the files of the folder there; of "", all."""
        prefix = folder and f"{folder}/"
        return {path: data for path, data in self.files.items() if path == folder or path.startswith(prefix)}


@dataclass
class Repo:
    """A repository. `branches` and `tags` name commits; `lfs` has every large file ever uploaded, by its sha256.

    It begins with a commit of .gitattributes, like all repositories of the Hub.
    """

    private: bool = False
    commits: dict[str, Commit] = field(default_factory=dict)
    branches: dict[str, str] = field(default_factory=dict)
    tags: dict[str, str] = field(default_factory=dict)
    lfs: dict[str, bytes] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.add("main", {".gitattributes": GIT_ATTRIBUTES}, "initial commit")

    def at(self, revision: str) -> Commit:
        """The commit that a branch, a tag or an oid means, else KeyError."""
        return self.commits[self.branches.get(revision) or self.tags.get(revision) or revision]

    def history(self, commit: Commit) -> Iterator[Commit]:
        """The commit, its parent, and so on to the first."""
        yield commit
        while commit.parent:
            commit = self.commits[commit.parent]
            yield commit

    def last_change(self, commit: Commit, path: str) -> Commit:
        """The commit that gave a file or a folder what it has at `commit`."""
        wanted, found = commit.below(path), commit
        for older in self.history(commit):
            if older.below(path) != wanted:
                break
            found = older
        return found

    def add(self, branch: str, files: dict[str, bytes], title: str, message: str = "") -> Commit:
        """A new commit at the head of a branch, after which the repository has these files and no others."""
        parent = self.branches.get(branch)
        date = datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        tree = sorted((path, blob_sha1(data)) for path, data in files.items())
        oid = hashlib.sha1(repr((parent, len(self.commits), title, message, date, tree)).encode()).hexdigest()
        self.commits[oid] = Commit(oid, title, message, parent, files, date)
        self.branches[branch] = oid
        self.lfs |= {sha256(data): data for path, data in files.items() if is_lfs(path, len(data))}
        return self.commits[oid]

    def describe(self, commit: Commit, path: str, expand: bool) -> dict[str, Any]:
        """A file or a folder as listings describe it; with `expand` also the commit that changed it last."""
        if path in commit.files:
            facts = file_facts(path, commit.files[path])
        else:
            oid = hashlib.sha1(repr(sorted(commit.below(path).items())).encode()).hexdigest()
            facts = {"type": "directory", "path": path, "size": 0, "oid": oid}
        return facts | ({"lastCommit": self.last_change(commit, path).summary()} if expand else {})
