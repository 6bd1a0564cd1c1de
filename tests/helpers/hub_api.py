"""What the test Hub answers: the calls of the Hub's API that up- and downloads make, without a socket in sight."""

from __future__ import annotations

import base64
import json
import re
import threading
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from email.message import Message
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

from hub_repo import Commit, Repo, file_facts, file_oid, is_lfs, sha256


@dataclass
class Request:
    method: str
    target: str  # path and query, quoted
    headers: Message
    body: bytes

    @property
    def path(self) -> str:
        return urlsplit(self.target).path

    def flag(self, name: str) -> bool:
        """Whether the query says that this is true."""
        return parse_qs(urlsplit(self.target).query).get(name, [""])[0].lower() == "true"

    def json(self) -> Any:
        return json.loads(self.body)


@dataclass
class Reply:
    """An answer; the body is bytes, or what becomes JSON."""

    body: Any = b""
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)


class AnswerError(Exception):
    """An answer that is an error: its status, X-Error-Code ("" for none) and X-Error-Message."""

    def __init__(self, status: int, code: str, message: str, **headers: str) -> None:
        super().__init__(message)
        headers |= {"X-Error-Message": message} | ({"X-Error-Code": code} if code else {})
        self.reply = Reply({"error": message}, status, headers)


class Hub:
    """The repositories, and who may do what with them. The one user is "owner".

    `token` may read and write, `read_token` only read. `sent_bytes` counts what requests brought, under "lfs" (large
    files) and "commit".
    """

    token = "hf_test_token"
    read_token = "hf_read_token"

    def __init__(self) -> None:
        self.url = ""
        self.repos: dict[str, Repo] = {}
        self.sent_bytes: Counter[str] = Counter()
        self.lock = threading.RLock()
        self.xet_folder: Path | None = None
        self.xet: dict[str, tuple[str, bytes]] = {}  # by sha256: Xet's own hash, and the content

    def add_repo(self, name: str, private: bool = False) -> Repo:
        """A new repository with a first commit. Those of others than "owner" cannot be written to by requests."""
        repo = self.repos[name] = Repo(private)
        return repo

    def commit(self, repo: str, files: dict[str, bytes | None], message: str = "A change", branch: str = "main") -> str:
        """Write files (None deletes one) past all tokens and faults; return the commit's oid."""
        with self.lock:
            found = self.repos[repo]
            merged = found.at(branch).files | files
            return found.add(branch, {path: data for path, data in merged.items() if data is not None}, message).oid

    def files(self, repo: str, rev: str = "main") -> dict[str, bytes]:
        """The files of a branch, tag or commit, .gitattributes among them."""
        return dict(self.repos[repo].at(rev).files)

    def use_xet(self, folder: Path, files: Iterable[Path]) -> None:
        """Have clients with hf_xet keep large files in `folder`.

        Their bytes pass the server by, so it must be told before which files are to come.
        """
        import hf_xet

        self.xet_folder = folder
        for path in files:
            data = path.read_bytes()
            self.xet[sha256(data)] = (hf_xet.hash_files([str(path)])[0].hash, data)

    def answer(self, request: Request) -> Reply:
        try:
            for method, pattern, action in ROUTES:
                match = re.fullmatch(pattern, request.path)
                if match and request.method.replace("HEAD", "GET") == method:
                    with self.lock:
                        return action(self, request, *(unquote(group or "") for group in match.groups()))
            raise AnswerError(404, "", f"Sorry, we can't find the page {request.path}.")
        except AnswerError as error:
            return error.reply

    # Who asks, and for which repository

    def _role(self, request: Request) -> str | None:
        """The rights of the request's token: "write", "read", or None where it has none."""
        given = request.headers.get("Authorization")
        roles = {f"Bearer {self.token}": "write", f"Bearer {self.read_token}": "read", None: None}
        if given not in roles:
            raise AnswerError(401, "", "Invalid credentials in Authorization header")
        return roles[given]

    def _may_write(self, request: Request, name: str) -> None:
        role = self._role(request)
        if role is None:
            raise AnswerError(401, "RepoNotFound", "Invalid username or password.")
        if role != "write" or not name.startswith("owner/"):
            raise AnswerError(403, "", f"You don't have the rights to write to {name}")

    def _repo(self, request: Request, name: str, *, write: bool = False) -> Repo:
        role = self._role(request)
        repo = self.repos.get(name)
        if repo is None or (repo.private and not (role and name.startswith("owner/"))):
            raise AnswerError(404 if role else 401, "RepoNotFound", "Repository not found")
        if write:
            self._may_write(request, name)
        return repo

    def _commit(self, request: Request, name: str, revision: str, *, write: bool = False) -> tuple[Repo, Commit]:
        repo = self._repo(request, name, write=write)
        try:
            return repo, repo.at(revision)
        except KeyError:
            raise AnswerError(404, "RevisionNotFound", f"Invalid rev id: {revision}") from None

    # The account and its repositories

    def whoami(self, request: Request) -> Reply:
        role = self._role(request)
        if role is None:
            raise AnswerError(401, "", "Invalid username or password.")
        auth = {"type": "access_token", "accessToken": {"displayName": "test", "role": role}}
        return Reply({"type": "user", "name": "owner", "orgs": [], "auth": auth})

    def create_repo(self, request: Request) -> Reply:
        asked = request.json()
        name = f"{asked.get('organization') or 'owner'}/{asked['name']}"
        self._may_write(request, name)
        url = {"url": f"{self.url}/{name}", "name": name}
        if name in self.repos:
            return Reply({"error": "You already created this model repo"} | url, 409)
        self.add_repo(name, asked.get("visibility") == "private" or bool(asked.get("private")))
        return Reply(url)

    def delete_repo(self, request: Request) -> Reply:
        asked = request.json()
        name = f"{asked.get('organization') or 'owner'}/{asked['name']}"
        self._repo(request, name, write=True)
        del self.repos[name]
        return Reply()

    def validate_yaml(self, request: Request) -> Reply:
        bare = not request.json()["content"].startswith("---\n")
        warnings = [{"message": "empty or missing yaml metadata in repo card"}] if bare else []
        return Reply({"errors": [], "warnings": warnings})

    # Reading

    def info(self, request: Request, name: str, revision: str) -> Reply:
        repo, commit = self._commit(request, name, revision or "main")
        siblings: list[dict[str, Any]] = [{"rfilename": path} for path in sorted(commit.files)]
        if request.flag("blobs"):
            for each in siblings:
                facts = file_facts(each["rfilename"], commit.files[each["rfilename"]])
                each |= {"size": facts["size"], "blobId": facts["oid"], "lfs": facts.get("lfs")}
        dates = {"lastModified": commit.date, "createdAt": list(repo.history(commit))[-1].date}
        flags = {"private": repo.private, "gated": False, "disabled": False, "downloads": 0, "likes": 0, "tags": []}
        return Reply({"id": name, "modelId": name, "sha": commit.oid, "siblings": siblings} | dates | flags)

    def tree(self, request: Request, name: str, revision: str, folder: str) -> Reply:
        repo, commit = self._commit(request, name, revision)
        below = commit.below(folder)
        if folder and (not below or folder in below):
            raise AnswerError(404, "EntryNotFound", f'"{folder}" is no folder on "{revision}"')
        start = len(folder) + 1 if folder else 0
        paths = set(below) | {path[:i] for path in below for i, c in enumerate(path) if c == "/" and i > start}
        recursive, expand = request.flag("recursive"), request.flag("expand")
        return Reply([repo.describe(commit, p, expand) for p in sorted(paths) if recursive or "/" not in p[start:]])

    def paths_info(self, request: Request, name: str, revision: str) -> Reply:
        repo, commit = self._commit(request, name, revision)
        form = parse_qs(request.body.decode())
        expand = form.get("expand", [""])[0].lower() == "true"
        paths = [path.rstrip("/") for path in form.get("paths", [])]
        return Reply([repo.describe(commit, path, expand) for path in paths if commit.below(path)])

    def refs(self, request: Request, name: str) -> Reply:
        repo = self._repo(request, name)
        kinds = {"branches": ("heads", repo.branches), "tags": ("tags", repo.tags), "converts": ("convert", {})}
        return Reply(
            {
                kind: [{"name": ref, "ref": f"refs/{place}/{ref}", "targetCommit": oid} for ref, oid in refs.items()]
                for kind, (place, refs) in kinds.items()
            }
        )

    def list_commits(self, request: Request, name: str, revision: str) -> Reply:
        repo, commit = self._commit(request, name, revision)
        authors = [{"user": "owner"}]
        return Reply([c.summary() | {"message": c.message, "authors": authors} for c in repo.history(commit)])

    def resolve(self, request: Request, name: str, revision: str, path: str) -> Reply:
        _, commit = self._commit(request, name, revision)
        headers = {"X-Repo-Commit": commit.oid, "Accept-Ranges": "bytes"}
        if path not in commit.files:
            raise AnswerError(404, "EntryNotFound", "Entry not found", **headers)
        data = commit.files[path]
        oid = file_oid(path, data)
        headers["ETag"] = f'"{oid}"'
        if is_lfs(path, len(data)):
            headers |= {"X-Linked-Etag": f'"{oid}"', "X-Linked-Size": str(len(data))}
        if oid in self.xet:
            route = f"{self.url}/api/models/{name}/xet-read-token/{commit.oid}"
            headers |= {"X-Xet-Hash": self.xet[oid][0], "X-Xet-Refresh-Route": route}
        wanted = re.fullmatch(r"bytes=(\d*)-(\d*)", request.headers.get("Range") or "")
        if wanted is None or request.method == "HEAD":
            return Reply(data, 200, headers)
        first, last = wanted.groups()
        start = int(first) if first else max(len(data) - int(last), 0)
        stop = min(int(last) + 1, len(data)) if first and last else len(data)
        if start >= stop:
            return Reply(b"", 416, headers | {"Content-Range": f"bytes */{len(data)}"})
        return Reply(data[start:stop], 206, headers | {"Content-Range": f"bytes {start}-{stop - 1}/{len(data)}"})

    # Writing

    def preupload(self, request: Request, name: str, revision: str) -> Reply:
        now = self._commit(request, name, revision, write=True)[1].files
        files = []
        for path, size in ((asked["path"], asked["size"]) for asked in request.json()["files"]):
            facts = {"uploadMode": "lfs" if is_lfs(path, size) else "regular", "shouldIgnore": False}
            files.append(facts | {"path": path, "oid": file_oid(path, now[path]) if path in now else None})
        return Reply({"files": files})

    def xet_token(self, request: Request, name: str, kind: str) -> Reply:
        self._repo(request, name, write=kind == "write")
        if self.xet_folder is None:
            raise AnswerError(404, "", "This Hub has no Xet storage")
        info = {"casUrl": f"local://{self.xet_folder}", "accessToken": "xet", "exp": 2**32}
        names = {"casUrl": "X-Xet-Cas-Url", "accessToken": "X-Xet-Access-Token", "exp": "X-Xet-Token-Expiration"}
        return Reply(info, 200, {names[key]: str(value) for key, value in info.items()})

    def lfs_batch(self, request: Request, name: str) -> Reply:
        repo = self._repo(request, name, write=True)
        objects = [{"oid": asked["oid"], "size": asked["size"]} for asked in request.json()["objects"]]
        for each in objects:
            if each["oid"] not in repo.lfs:
                href = f"{self.url}/lfs/{name}/{each['oid']}"
                each["actions"] = {"upload": {"href": href}, "verify": {"href": f"{href}/verify"}}
        return Reply({"transfer": "basic", "objects": objects})

    def lfs_put(self, request: Request, name: str, oid: str) -> Reply:
        self.sent_bytes["lfs"] += len(request.body)  # comes without a token: the Hub gives out signed addresses
        if sha256(request.body) != oid:
            raise AnswerError(400, "", "The content does not have this sha256")
        self.repos[name].lfs[oid] = request.body
        return Reply()

    def lfs_verify(self, request: Request, name: str, oid: str) -> Reply:
        data = self._repo(request, name, write=True).lfs.get(oid)
        if data is None or len(data) != request.json()["size"]:
            raise AnswerError(404, "", "The object does not exist on the server")
        return Reply()

    def make_commit(self, request: Request, name: str, branch: str) -> Reply:
        self.sent_bytes["commit"] += len(request.body)
        repo, head = self._commit(request, name, branch, write=True)
        if branch not in repo.branches:
            raise AnswerError(404, "RevisionNotFound", f"Invalid rev id: {branch}")
        header, *operations = (json.loads(line) for line in request.body.splitlines())
        if not head.oid.startswith(header["value"].get("parentCommit", "")):
            raise AnswerError(412, "", "A commit has happened since. Please refresh and try again.")
        files = dict(head.files)
        for kind, value in ((operation["key"], operation["value"]) for operation in operations):
            path = value["path"].rstrip("/")
            if kind == "file":
                files[path] = base64.b64decode(value["content"])
            elif kind == "lfsFile":
                _, sent = self.xet.get(value["oid"], ("", None))
                data = repo.lfs.get(value["oid"], sent)
                if data is None:
                    raise AnswerError(400, "", f"LFS pointer pointed to a file that does not exist: {path}")
                files[path] = data
            else:
                gone = [p for p in files if p == path or (kind == "deletedFolder" and p.startswith(f"{path}/"))]
                if not gone:
                    raise AnswerError(404, "EntryNotFound", f"A file with this name doesn't exist: {path}")
                for each in gone:
                    del files[each]
        oid = repo.add(branch, files, header["value"]["summary"], header["value"].get("description", "")).oid
        url = f"{self.url}/{name}/commit/{oid}"
        return Reply({"success": True, "commitOid": oid, "commitUrl": url, "pullRequestUrl": None})

    def add_ref(self, request: Request, name: str, kind: str, place: str) -> Reply:
        asked = request.json()
        branch = kind == "branch"
        ref, revision = (place, asked.get("startingPoint", "main")) if branch else (asked["tag"], place)
        repo, commit = self._commit(request, name, revision, write=True)
        refs = repo.branches if branch else repo.tags
        if ref in refs:
            raise AnswerError(409, "", f"Reference already exists: {ref}")
        refs[ref] = commit.oid
        return Reply()

    def delete_ref(self, request: Request, name: str, kind: str, ref: str) -> Reply:
        repo = self._repo(request, name, write=True)
        refs = repo.branches if kind == "branch" else repo.tags
        if ref not in refs:
            raise AnswerError(404, "RevisionNotFound", f"Reference does not exist: {ref}")
        del refs[ref]
        return Reply()


_MODEL = "/api/models/([^/]+/[^/]+)"
ROUTES: list[tuple[str, str, Callable[..., Reply]]] = [
    ("GET", "/api/whoami-v2", Hub.whoami),
    ("POST", "/api/repos/create", Hub.create_repo),
    ("DELETE", "/api/repos/delete", Hub.delete_repo),
    ("POST", "/api/validate-yaml", Hub.validate_yaml),
    ("GET", f"{_MODEL}(?:/revision/([^/]+))?", Hub.info),
    ("GET", f"{_MODEL}/tree/([^/]+)(?:/(.*))?", Hub.tree),
    ("POST", f"{_MODEL}/paths-info/([^/]+)", Hub.paths_info),
    ("GET", f"{_MODEL}/refs", Hub.refs),
    ("GET", f"{_MODEL}/commits/([^/]+)", Hub.list_commits),
    ("GET", "/([^/]+/[^/]+)/resolve/([^/]+)/(.+)", Hub.resolve),
    ("POST", f"{_MODEL}/preupload/([^/]+)", Hub.preupload),
    ("GET", f"{_MODEL}/xet-(read|write)-token/[^/]+", Hub.xet_token),
    ("POST", r"/([^/]+/[^/]+)\.git/info/lfs/objects/batch", Hub.lfs_batch),
    ("PUT", "/lfs/([^/]+/[^/]+)/([0-9a-f]+)", Hub.lfs_put),
    ("POST", "/lfs/([^/]+/[^/]+)/([0-9a-f]+)/verify", Hub.lfs_verify),
    ("POST", f"{_MODEL}/commit/([^/]+)", Hub.make_commit),
    ("POST", f"{_MODEL}/(branch|tag)/([^/]+)", Hub.add_ref),
    ("DELETE", f"{_MODEL}/(branch|tag)/([^/]+)", Hub.delete_ref),
]
