"""From a model's record to a verified file: in the package, in the Hub's cache, or downloaded."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec

from stylezoo._files import sha256_of
from stylezoo.errors import HashMismatchError, ModelNotFoundError, WeightsError
from stylezoo.types import PathLike
from stylezoo.zoo.catalog import find_remote, lookup
from stylezoo.zoo.hub import Repository, forget, is_whole
from stylezoo.zoo.spec import CARD_KEY, HEADER_KEY, FileSpec, HubSpec, ModelSpec, WeightsSpec, parse_header

BUNDLED = Path(__file__).resolve().parents[1] / "bundled"
"""The folder of the weights that travel with the package."""

WEIGHTS = "weights.safetensors"
"""The name of the weights file in the folder of a training run."""

LONGEST_HEADER = 100_000_000  # bytes; the limit of the safetensors format itself
_verified: set[tuple[Path, int, int, str]] = set()


def find(
    name: PathLike,
    *,
    revision: str | None = None,
    cache_dir: PathLike | None = None,
    offline: bool | None = None,
) -> tuple[ModelSpec, Path | None]:
    """Return the record of `name`, and its weights file if that is certainly on this machine.

    `name` is a name in the registry or an added zoo, 'hf:owner/zoo/family/style', a weights file or a run folder. If
    the file is None, `locate` finds it. `revision`, `cache_dir` and `offline` are for the Hub.

    Raises ModelNotFoundError if there is no such model, WeightsError if the file or folder holds none, and HubError if
    the Hub does not tell.
    """
    if not str(name):  # an unset shell variable; Path("") would be the current folder
        raise ModelNotFoundError(
            "the name of the model is empty: name one of stylezoo list, a run folder or a weights file"
        )
    if str(name).startswith("hf:"):
        return find_remote(str(name), revision=revision, cache_dir=cache_dir, offline=offline), None
    path = Path(name)
    if path.suffix == ".safetensors" or (path / WEIGHTS).is_file():
        path = path if path.suffix == ".safetensors" else path / WEIGHTS
        return read_header(path), path
    try:
        spec, folder = lookup(str(name))
    except ModelNotFoundError as cause:
        if path.is_file():
            raise WeightsError(f"{path} {_what_it_is(path)}") from cause
        if path.is_dir():
            raise WeightsError(f"the folder {path} has no {WEIGHTS}: name a run folder of stylezoo train") from cause
        if len(path.parts) > 2 or path.is_absolute():  # it can only have been meant as a path
            raise ModelNotFoundError(f"no run folder or model is named '{name}'") from cause
        raise
    return spec, locate_in(folder, spec) if folder and spec.weights else None


_KINDS: tuple[tuple[bytes, str], ...] = (
    (b"PK\x03\x04", _PICKLE := "is a pickle, as torch.save writes it, which could run any code: see stylezoo import"),
    (b"\x80", _PICKLE),
    (b"\xff\xd8\xff", _PICTURE := "is a picture, not a model: as a style it goes with -m any --style PICTURE"),
    (b"\x89PNG", _PICTURE),
    (b"GIF8", _PICTURE),
    (b"RIFF", _PICTURE),
    (b"II*\0", _PICTURE),
    (b"MM\0*", _PICTURE),
    (b"BM", _PICTURE),
    (b"\x89HDF", "is an HDF5 file, as Keras writes it: see stylezoo import"),
)


def _what_it_is(path: Path) -> str:
    """Return what kind of file was given as a model, and what to do, as the rest of a sentence."""
    try:
        with path.open("rb") as file:
            head = file.read(64)
    except OSError as cause:
        return f"cannot be read: {cause.strerror}"
    if found := next((what for start, what in _KINDS if head.startswith(start)), ""):
        return found
    if head[4:8] == b"ftyp":
        return _PICTURE
    if path.suffix == ".onnx":
        return "is an exported net, for other programs: load the model that it was made of"
    if path.suffix in {".yaml", ".yml"}:
        return "is not a model: a recipe is for stylezoo train --recipe, a zoo for add_zoo"
    if head[8:9] == b"{":
        return "looks like safetensors: end its name in .safetensors"
    return "is not a weights file: name a model of stylezoo list, a run folder or a .safetensors file"


def locate_in(folder: Path, spec: ModelSpec) -> Path | None:
    """Return a model's weights file in the folder of its zoo, after comparing size and SHA-256; None: it is not there.

    Raises HashMismatchError if size or hash differ.
    """
    assert spec.weights is not None  # as in every registry
    path = folder / spec.weights.file
    if not path.is_file():
        return None
    check_file(path, spec, "Run stylezoo sync to mend it.")
    return path


def locate(
    spec: ModelSpec, *, cache_dir: PathLike | None = None, offline: bool | None = None, revision: str | None = None
) -> Path:
    """Return the path of a model's weights file, after comparing size and SHA-256 with the registry.

    The bundled file comes first, then the Hub's cache, then a download. `cache_dir` is the cache's folder (None: as
    HF_HOME says); `offline` True forbids the download, None leaves it to HF_HUB_OFFLINE; `revision` is a branch, tag or
    commit of the Hub repository to look in, instead of the registry's. HF_ENDPOINT names a mirror.

    Raises HashMismatchError if the file is not the registry's, HubError if it cannot be fetched from the Hub, and
    WeightsError if it is missing here.
    """
    weights = spec.weights
    if weights is None:
        raise WeightsError(
            f"the record of {spec.name} names no weights: load the model by the path of its weights file."
        )
    bundled = BUNDLED / weights.file
    if weights.bundled and bundled.is_file():
        check_file(bundled, spec, "Reinstall stylezoo.")
        return bundled
    if weights.hub is None:
        raise WeightsError(f"the weights of {spec.name} are missing at {bundled}: reinstall stylezoo.")
    place = HubSpec(repo=weights.hub.repo, revision=revision or weights.hub.revision)
    return _from_hub(spec, weights, Repository(place, cache_dir=cache_dir, offline=offline))


def read_header(path: PathLike) -> ModelSpec:
    """Return the record in a weights file's header, after checking that the file is whole.

    Raises WeightsError if there is no such file, if it is no safetensors file, is damaged, or was not written by
    stylezoo. Reads the header alone, and runs no code from the file.
    """
    metadata = read_metadata(path)
    record = metadata.get(HEADER_KEY)
    if record is None and CARD_KEY in metadata:
        raise WeightsError(
            f"{path} is a style card, not a model: load its model, and add the card with add_card or --card"
        )
    if record is None:
        raise WeightsError(
            f"{path} was not written by stylezoo: its header has no '{HEADER_KEY}' record. "
            "Give a file of the zoo, or one from stylezoo train or Stylizer.save."
        )
    return parse_header(record, str(path))


def check_file(path: Path, spec: ModelSpec, remedy: str = "Get it again.") -> None:
    """Raise HashMismatchError, ending with `remedy`, unless a file has the size and SHA-256 that its record states."""
    assert spec.weights is not None
    check_hash(path, spec.weights, f"the weights file of {spec.name}", remedy)


def check_hash(path: Path, stated: WeightsSpec | FileSpec, what: str, remedy: str) -> None:
    """Raise HashMismatchError, which calls the file `what`, unless it has the stated size and SHA-256."""
    size, sha256 = _measure(path, stated)
    if (size, sha256) != (stated.bytes, stated.sha256):
        raise HashMismatchError(
            f"{path} is not {what}: it has {size} bytes and sha256 {sha256}, "
            f"but the registry states {stated.bytes} bytes and sha256 {stated.sha256}. {remedy}"
        )


def _measure(path: Path, stated: WeightsSpec | FileSpec) -> tuple[int, str]:
    """Return the file's size and SHA-256; a file that this process found right is not read again until it changes."""
    try:
        stat = path.stat()
        known = (path.resolve(), stat.st_size, stat.st_mtime_ns, stated.sha256)
        if known in _verified:
            return stat.st_size, stated.sha256
        sha256 = sha256_of(path)
    except OSError as cause:
        raise WeightsError(f"cannot read {path}: {cause.strerror}.") from cause
    if sha256 == stated.sha256:
        _verified.add(known)
    return stat.st_size, sha256


def _from_hub(spec: ModelSpec, weights: WeightsSpec, repository: Repository) -> Path:
    cached = repository.cached(weights.file)
    if cached and _measure(cached, weights) == (weights.bytes, weights.sha256):
        return cached  # the hash proves it current, whatever the branch points to by now
    what = f"{weights.file}, the weights of {spec.name},"

    def check(size: int) -> None:
        if size != weights.bytes:
            raise HashMismatchError(
                f"{weights.file} in the Hub's {repository} is not the weights file of {spec.name}: it has {size} "
                f"bytes, but the registry states {weights.bytes}. {_OTHER}"
            )

    for tries_left in (1, 0):
        path = repository.download(weights.file, what, check=check)
        try:
            check_file(path, spec, _OTHER)
            return path
        except HashMismatchError as cause:
            if is_whole(path):  # of another version than was expected
                raise
            forget(path)
            if repository.offline or not tries_left:
                again = f"{str(cause).removesuffix(_OTHER)}It was removed: try again; if it stays so, report it."
                raise HashMismatchError(again) from cause
    raise AssertionError


_OTHER = "Upgrade stylezoo, or give the revision that has this file."


def read_metadata(path: PathLike) -> dict[str, str]:
    """Return the metadata of a safetensors file, after checking that its header and its size agree.

    Raises WeightsError if there is no such file, or if it is damaged or no safetensors file.
    """
    path = Path(path)
    try:
        size = path.stat().st_size
        with path.open("rb") as file:
            start = file.read(8)
            length = int.from_bytes(start, "little")
            header = file.read(length) if len(start) == 8 and length <= min(LONGEST_HEADER, size) else b""
    except OSError as cause:
        raise WeightsError(f"cannot read {path}: {cause.strerror}: check the path.") from cause
    if not size:
        raise WeightsError(f"{path} is empty: copy or download it again.")
    if start.startswith((b"PK\x03\x04", b"\x80\x02", b"\x80\x03", b"\x80\x04", b"\x80\x05")) and header[:1] != b"{":
        raise WeightsError(
            f"{path} is a pickle, as written by torch.save, and could run any code: "
            "convert it with stylezoo import, or save the weights as safetensors."
        )
    if start == b"version ":
        raise WeightsError(f"{path} is a Git LFS pointer, not the weights themselves: run git lfs pull.")
    if length <= LONGEST_HEADER and size < 8 + length:
        raise WeightsError(f"{path} is damaged or not a safetensors file: its header is truncated. Get it again.")
    try:
        entries = msgspec.json.decode(header, type=dict[str, Any])
        metadata = msgspec.convert(entries.pop("__metadata__", {}), dict[str, str])
        places = msgspec.convert([entry["data_offsets"] for entry in entries.values()], list[tuple[int, int]])
        end = max((place[1] for place in places), default=0)
    except (msgspec.MsgspecError, KeyError, TypeError, ValueError, RecursionError) as cause:
        raise WeightsError(f"{path} is not a safetensors file: give one that ends in .safetensors.") from cause
    if size != 8 + length + end:
        expected = f"has {size} bytes where its header promises {8 + length + end}"
        raise WeightsError(f"{path} is damaged: it {expected}. Copy or download it again.")
    return metadata
