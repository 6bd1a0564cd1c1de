"""Fingerprints: the result of each net on a fixed pattern, in fingerprints.json next to zoo.yaml.

`stylezoo verify --write`, `scripts/bundle.py` and `stylezoo push` write them; `stylezoo verify` alone reads them. They
apply only to the weights they were computed from, identified by the first digits of their sha256.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from pathlib import Path

import msgspec

from stylezoo._files import replacing
from stylezoo._records import Record
from stylezoo.errors import RegistryError
from stylezoo.zoo import catalog
from stylezoo.zoo.fields import FieldError
from stylezoo.zoo.hub import MissingError, Repository
from stylezoo.zoo.results import weights_id
from stylezoo.zoo.spec import HubSpec, ModelSpec

FILE = "fingerprints.json"
"""Its name next to a zoo.yaml, also in a repository of the Hub."""


class Fingerprint(Record, frozen=True, kw_only=True):
    """The values of a net; recomputed values may differ by `tolerance`.

    `weights` are the first digits of the sha256 of its weights, "" for a model without any.
    """

    weights: str
    values: tuple[float, ...]
    tolerance: float

    def __post_init__(self) -> None:
        if not self.values or not all(map(math.isfinite, self.values)):
            raise FieldError("values", "must be one or more finite numbers")
        if not (math.isfinite(self.tolerance) and self.tolerance > 0):
            raise FieldError("tolerance", f"must be above 0, not {self.tolerance}")


def own_file() -> Path:
    """Return the path of the file next to the registry of this checkout or package."""
    return catalog.zoo_file().with_name(FILE)


def read_fingerprints(path: Path) -> dict[str, Fingerprint]:
    """Return the fingerprints in a file by model name; empty if there is no such file.

    Raises:
        RegistryError: the file is broken.
    """
    try:
        return parse_fingerprints(path.read_bytes(), str(path))
    except FileNotFoundError:
        return {}
    except OSError as cause:
        raise RegistryError(f"cannot read {path}: {cause.strerror or cause}") from cause


def parse_fingerprints(data: bytes, where: str) -> dict[str, Fingerprint]:
    """Return the fingerprints in the bytes of a file; raise RegistryError, which starts with `where`, for others."""
    try:
        return msgspec.json.decode(data, type=dict[str, Fingerprint])
    except (msgspec.DecodeError, RecursionError) as cause:
        raise RegistryError(f"{where}: {cause}: write it again with stylezoo verify --write") from cause


def dump_fingerprints(found: Mapping[str, Fingerprint]) -> bytes:
    """Return the bytes of a file, one model per line."""
    encode = msgspec.json.encode
    lines = [f"{encode(name).decode()}: {encode(found[name]).decode()}" for name in sorted(found)]
    return ("{\n" + ",\n".join(lines) + "\n}\n").encode()


def write_fingerprints(new: Mapping[str, Fingerprint], path: Path) -> None:
    """Write fingerprints into a file atomically; they replace those of the same models."""
    data = dump_fingerprints({**read_fingerprints(path), **new})
    with replacing(path) as temporary:
        temporary.write_bytes(data)


def remote_fingerprints(repository: Repository) -> dict[str, Fingerprint]:
    """Return the fingerprints in a Hub repository; empty if it has no such file.

    Raises:
        RegistryError: the file is broken.
        HubError: the repository cannot be fetched.
    """
    try:
        path = repository.download_text(FILE, f"its {FILE}", check=catalog.check_text)
    except MissingError:
        return {}
    return parse_fingerprints(path.read_bytes(), f"{repository}/{FILE}")


def find_fingerprints(specs: Iterable[ModelSpec], folder: Path | None = None) -> list[Fingerprint | None]:
    """Return the fingerprint of each model's weights; None if there is none.

    They are read from the `folder` of a zoo, otherwise from this checkout or package, then from the Hub repository of
    the weights.

    Raises:
        RegistryError, HubError: as `remote_fingerprints`.
    """
    here = read_fingerprints(own_file() if folder is None else folder / FILE)
    there: dict[HubSpec, dict[str, Fingerprint]] = {}
    found = []
    for spec in specs:
        fingerprint = _fitting(here, spec)
        hub = spec.weights.hub if spec.weights else None
        if fingerprint is None and folder is None and hub:
            if hub not in there:
                there[hub] = remote_fingerprints(Repository(hub))
            fingerprint = _fitting(there[hub], spec)
        found.append(fingerprint)
    return found


def _fitting(known: Mapping[str, Fingerprint], spec: ModelSpec) -> Fingerprint | None:
    found = known.get(spec.name)
    return found if found and found.weights == weights_id(spec) and (spec.weights or spec.weightless) else None
