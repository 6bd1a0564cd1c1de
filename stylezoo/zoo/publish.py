"""Publish models in a Hub repository: registry, weights, fingerprints, pictures, recipes and card.

Weights first go to a temporary branch, are downloaded again and compared. Then one commit adds everything: weights,
pictures, recipes, registry and card. So the registry never names a missing or different file, even if an upload is
interrupted.
"""

from __future__ import annotations

import tempfile
import time
import warnings
from collections.abc import Callable, Iterable, Mapping
from contextlib import nullcontext
from dataclasses import dataclass, field, replace
from pathlib import Path

import msgspec

from stylezoo._files import sha256_of
from stylezoo.errors import HubError, OptionError
from stylezoo.zoo.catalog import REGISTRY, check_text, fetch_registry, names_file, place_weights
from stylezoo.zoo.fingerprints import FILE as FINGERPRINTS
from stylezoo.zoo.fingerprints import Fingerprint, dump_fingerprints, remote_fingerprints
from stylezoo.zoo.hub import WAITS, Content, Repository, Snapshot, StaleError, UnreachableError, names_of
from stylezoo.zoo.hub_errors import LONGEST_WAIT
from stylezoo.zoo.layout import read_zoo
from stylezoo.zoo.model_card import zoo_readme
from stylezoo.zoo.results import own_results
from stylezoo.zoo.spec import HubSpec, ModelSpec, Zoo
from stylezoo.zoo.writing import dump_zoo

README = "README.md"
MARK = "<!-- written by stylezoo push: changes are lost with the next one -->"


@dataclass(frozen=True)
class Entry:
    """A model to be published.

    Attributes:
        spec: its record, `weights` included.
        weights: its weights file.
        picture: makes the JPEG of its card; called only if the repository has none for these weights. None: no picture.
        recipe: the YAML that trained it, where that is known.
        fingerprint: the net's result on a fixed pattern, if known.
    """

    spec: ModelSpec
    weights: Path
    picture: Callable[[], bytes] | None = None
    recipe: str | None = None
    fingerprint: Fingerprint | None = None


@dataclass(frozen=True)
class Change:
    """A file that a push sends: "new" or "changed" in the repository; `text` of the registry and the model card."""

    path: str
    what: str
    text: str = field(default="", compare=False, repr=False)


def publish(
    repository: Repository,
    entries: Iterable[Entry],
    *,
    private: bool = False,
    dry_run: bool = False,
    replace_readme: bool = False,
) -> list[Change]:
    """Publish models in a repository; return the files that were sent, none if the repository had all of them.

    Args:
        private: if the repository does not exist, create a private one.
        dry_run: change nothing, and return what would be sent; without a network, as if to a new repository.
        replace_readme: also replace a README.md that stylezoo did not write.

    Raises:
        HubError: the Hub cannot be reached, or refuses, or its README.md was not written by stylezoo.
        RegistryError: the repository's registry cannot be read.
        OptionError: two models have the same name, or one needs a local file.
    """
    entries = [_placed(entry, repository) for entry in entries]
    names = [entry.spec.name for entry in entries]
    if twice := next((name for name in names if names.count(name) > 1), None):
        how = "give them names of their own, by stylezoo import FILE --name FAMILY/NAME"
        raise OptionError(f"two models are named {twice}: {how}")
    # Start again if someone else changed the repository in the meantime, or the server failed during a commit.
    for wait in (*WAITS, None):
        try:
            before = _look(repository, dry_run)
            if before is None and not dry_run:
                repository.create(private=private)
                before = repository.snapshot()
            return _Push(repository, entries, before, replace_readme).run(dry_run)
        except StaleError as cause:
            if wait is None or cause.asked > LONGEST_WAIT:
                raise
            pause = max(wait, cause.asked)
            what = f"cannot upload to the Hub's {repository} yet ({cause.problem})"
            warnings.warn(f"{what}: retrying in {pause:g} s", stacklevel=2)
            time.sleep(pause)
    raise AssertionError


def _look(repository: Repository, dry_run: bool) -> Snapshot | None:
    try:
        return repository.snapshot()
    except UnreachableError as cause:
        if not dry_run:
            raise
        warnings.warn(f"{cause} This is what a new repository would get.", stacklevel=3)
        return None


def _text(content: Content | None) -> str:
    return content.decode() if isinstance(content, bytes) else ""


def paths_of(name: str) -> tuple[str, str, str]:
    """Return where a model's weights, picture and recipe are in a repository."""
    return f"{name}.safetensors", f"pictures/{name}.jpg", f"recipes/{name}.yaml"


class _Push:
    """One attempt, starting from the content `before`."""

    def __init__(
        self, repository: Repository, entries: list[Entry], before: Snapshot | None, replace_readme: bool
    ) -> None:
        self.repository, self.entries, self.before = repository, entries, before
        self.there = before.files if before else {}
        self.commit = before.commit if before and before.commit else None
        zoo = Zoo(schema=1, aliases={}, models={})
        if before and REGISTRY in self.there:
            path = fetch_registry(repository.at(before.commit))
            zoo = read_zoo(path, f"{repository}/{REGISTRY}")
        if before and README in self.there and not replace_readme:
            self._spare_readme()
        self.zoo = msgspec.structs.replace(zoo, models=zoo.models | {e.spec.name: e.spec for e in entries})

    def run(self, dry_run: bool) -> list[Change]:
        files = self._files(dry_run)
        texts = self._changed(self._texts({*self.there, *files}))
        changes = [
            Change(path, "changed" if path in self.there else "new", _text(texts.get(path)))
            for path in (*files, *texts)
        ]
        if changes and not dry_run:
            self._send(files, texts)
        return changes

    def _send(self, files: dict[str, Content], texts: dict[str, Content]) -> None:
        message = f"Enter {', '.join(entry.spec.name for entry in self.entries)}"
        sent = [entry for entry in self.entries if paths_of(entry.spec.name)[0] in files]
        with self.repository.side_branch(self.commit) if sent else nullcontext() as side:
            if side:
                weights: dict[str, Content] = {paths_of(entry.spec.name)[0]: entry.weights for entry in sent}
                self._compare(sent, side.commit(weights, message, self.commit))
            self.repository.commit(files | texts, message, self.commit, bars=not side)  # the large files are there

    def _changed(self, files: Mapping[str, Content]) -> dict[str, Content]:
        return {path: content for path, content in files.items() if self.there.get(path) not in names_of(content)}

    def _files(self, dry_run: bool) -> dict[str, Content]:
        """Return the weights, pictures and recipes to send; a dry run makes no pictures."""
        files: dict[str, Content] = {}
        for entry in self.entries:
            weights, picture, recipe = paths_of(entry.spec.name)
            files |= (new := self._changed({weights: entry.weights}))
            # Two machines make a net's picture with other last digits: it is made again for new weights alone.
            if entry.picture and (new or picture not in self.there):
                files[picture] = b"" if dry_run else entry.picture()
            if entry.recipe:
                files |= self._changed({recipe: entry.recipe.encode()})
        return files

    def _texts(self, paths: set[str]) -> dict[str, Content]:
        """Return registry, fingerprints and card; `paths` are all paths in the repository afterwards."""
        places = {name: paths_of(name) for name in self.zoo.models}
        pictures = {name: picture for name, (_, picture, _) in places.items() if picture in paths}
        given = {entry.spec.name: entry.recipe for entry in self.entries if entry.recipe}
        recipes = {n: given.get(n) or self._read(recipe) for n, (_, _, recipe) in places.items() if recipe in paths}
        card = zoo_readme(
            self.zoo, repo=self.repository.place.repo, pictures=pictures, recipes=recipes, results=own_results()
        )
        known: dict[str, Fingerprint] = {}
        if self.before and FINGERPRINTS in self.there:
            known |= remote_fingerprints(self.repository.at(self.before.commit))
        known |= {entry.spec.name: entry.fingerprint for entry in self.entries if entry.fingerprint}
        texts: dict[str, Content] = {REGISTRY: dump_zoo(self.zoo).encode()}
        texts |= {FINGERPRINTS: dump_fingerprints(known)} if known else {}
        return texts | {README: f"{card.rstrip()}\n\n{MARK}\n".encode()}

    def _compare(self, entries: list[Entry], commit: str) -> None:
        """Download the sent files again, bypassing the cache, and raise HubError if they differ."""
        with tempfile.TemporaryDirectory() as empty:
            fresh = Repository(HubSpec(repo=self.repository.place.repo, revision=commit), cache_dir=empty)
            for entry in entries:
                file = paths_of(entry.spec.name)[0]
                path = fresh.download(file, f"{file} back", check=lambda size: None)
                if sha256_of(path) != sha256_of(entry.weights):
                    raise HubError(
                        f"{file} on the Hub's {self.repository} differs from the file that was sent, so "
                        f"{entry.spec.name} was not added to its {REGISTRY}: push again"
                    )

    def _read(self, path: str) -> str:
        """Return a text file of the repository before the push."""
        assert self.before is not None
        there = self.repository.at(self.before.commit)
        text = there.download_text(path, f"its {path}", check=check_text)
        return text.read_text(encoding="utf-8", errors="replace")

    def _spare_readme(self) -> None:
        text = self._read(README)
        body = text.split("---", 2)[-1] if text.startswith("---") else text
        if body.strip() and MARK not in text:
            raise HubError(
                f"the README.md of the Hub's {self.repository} was not written by stylezoo: --replace-readme replaces "
                "it with the model card; the repository's history keeps it"
            )


def _placed(entry: Entry, repository: Repository) -> Entry:
    """Return the entry with its record in the repository's registry."""
    assert entry.spec.weights is not None
    if outside := names_file(entry.spec):
        raise OptionError(f"{entry.spec.name} needs the local file '{outside}': train it with a named encoder")
    file = paths_of(entry.spec.name)[0]
    weights = msgspec.structs.replace(entry.spec.weights, file=file)
    spec = place_weights(msgspec.structs.replace(entry.spec, weights=weights), HubSpec(repo=repository.place.repo))
    return replace(entry, spec=spec)
