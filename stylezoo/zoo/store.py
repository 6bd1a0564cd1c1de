"""From a model's record to a verified file: inside the package, in the Hub's cache, or downloaded from the Hub."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec

from stylezoo.errors import HashMismatchError, ModelNotFoundError, WeightsError
from stylezoo.files import sha256_of
from stylezoo.types import PathLike
from stylezoo.zoo.catalog import model_info
from stylezoo.zoo.spec import CARD_KEY, HEADER_KEY, HubSpec, ModelSpec, WeightsSpec, parse_header

BUNDLED = Path(__file__).resolve().parents[1] / "bundled"
"""The folder of the weights that travel with the package."""

WEIGHTS = "weights.safetensors"
"""The name of the weights file in the folder of a training run."""

_LONGEST_HEADER = 100_000_000  # bytes; the limit of the safetensors format itself
_verified: set[tuple[Path, int, int, str]] = set()


def find(name: PathLike) -> tuple[ModelSpec, Path | None]:
    """Return the record that `name` means, and the weights file where `name` is one or is a run folder.

    A model of the registry has no file yet (None): `locate` finds it.

    Raises ModelNotFoundError if there is no such model, and WeightsError if the file or folder holds none.
    """
    path = Path(name)
    if path.suffix == ".safetensors" or (path / WEIGHTS).is_file():
        path = path if path.suffix == ".safetensors" else path / WEIGHTS
        return read_header(path), path
    try:
        return model_info(str(name)), None
    except ModelNotFoundError as cause:
        if path.is_dir():
            raise WeightsError(f"the folder {path} holds no {WEIGHTS}: name a run folder of stylezoo train") from cause
        if len(path.parts) > 2 or path.is_absolute():  # it can only have been meant as a path
            raise ModelNotFoundError(f"there is no run folder or model named '{name}'") from cause
        raise


def locate(
    spec: ModelSpec, *, cache_dir: PathLike | None = None, offline: bool | None = None, revision: str | None = None
) -> Path:
    """Return the path of a model's weights file, whose size and SHA-256 are those of the registry.

    The bundled file comes first, then the Hub's cache, then a download. `cache_dir` is the cache's folder (None: as
    HF_HOME says); `offline` True forbids the download, None leaves it to HF_HUB_OFFLINE; `revision` is a branch, tag or
    commit of the Hub repository to look in, instead of the registry's. HF_ENDPOINT names a mirror.

    Raises HashMismatchError if the file is not the registry's, and WeightsError if it cannot be had.
    """
    weights = spec.weights
    if weights is None:
        raise WeightsError(f"the record of {spec.name} names no weights: load the model by its weights file's path.")
    bundled = BUNDLED / weights.file
    if weights.bundled and bundled.is_file():
        _verify(bundled, spec.name, weights, "Reinstall stylezoo.")
        return bundled
    if weights.hub is None:
        raise WeightsError(f"the weights of {spec.name} should be at {bundled}, and are not: reinstall stylezoo.")
    hub = HubSpec(repo=weights.hub.repo, revision=revision or weights.hub.revision)
    path = _from_hub(spec.name, weights, hub, cache_dir, offline)
    # The path in the cache is a link: to have the file downloaded again, what it points to has to go.
    _verify(path, spec.name, weights, f"Delete {path.resolve()} and try again; if it stays so, report it.")
    return path


def read_header(path: PathLike) -> ModelSpec:
    """Return the record in a weights file's header, after checking that the file is whole.

    Raises WeightsError if there is no such file, if it is no safetensors file, is damaged, or was not written by
    stylezoo. Reads the header alone, and runs no code from the file.
    """
    metadata = read_metadata(path)
    record = metadata.get(HEADER_KEY)
    if record is None and CARD_KEY in metadata:
        raise WeightsError(f"{path} is a style card, not a net: load its net, and add it by add_card or --card")
    if record is None:
        raise WeightsError(
            f"{path} was not written by stylezoo: its header has no '{HEADER_KEY}' record. "
            "Give a file of the zoo, or one from stylezoo train or Stylizer.save."
        )
    return parse_header(record, str(path))


def _verify(path: Path, name: str, weights: WeightsSpec, remedy: str) -> None:
    size, sha256 = _measure(path, weights)
    if (size, sha256) != (weights.bytes, weights.sha256):
        raise HashMismatchError(
            f"{path} is not the weights file of {name}: it has {size} bytes and sha256 {sha256}, "
            f"and the registry states {weights.bytes} bytes and sha256 {weights.sha256}. {remedy}"
        )


def _measure(path: Path, weights: WeightsSpec) -> tuple[int, str]:
    """Return the file's size and SHA-256; a file that this process found right is not read again until it changes."""
    try:
        stat = path.stat()
        known = (path.resolve(), stat.st_size, stat.st_mtime_ns, weights.sha256)
        if known in _verified:
            return stat.st_size, weights.sha256
        sha256 = sha256_of(path)
    except OSError as cause:
        raise WeightsError(f"cannot read {path}: {cause.strerror}.") from cause
    if sha256 == weights.sha256:
        _verified.add(known)
    return stat.st_size, sha256


def _from_hub(name: str, weights: WeightsSpec, hub: HubSpec, cache_dir: PathLike | None, offline: bool | None) -> Path:
    import huggingface_hub as client  # here, because importing it takes longer than everything else in this package

    place: dict[str, Any] = {
        "repo_id": hub.repo,
        "filename": weights.file,
        "revision": hub.revision,
        "cache_dir": None if cache_dir is None else Path(cache_dir).expanduser(),
    }
    try:
        cached = client.try_to_load_from_cache(**place)
        if isinstance(cached, str) and _measure(Path(cached), weights) == (weights.bytes, weights.sha256):
            return Path(cached)  # the hash proves it current, whatever the branch points to by now
        return Path(client.hf_hub_download(**place, local_files_only=bool(offline)))
    except WeightsError:
        raise
    except Exception as cause:  # besides its own errors the client lets through those of its HTTP library
        at = f"{hub.repo}@{hub.revision}" if hub.revision else hub.repo
        what = f"cannot get {weights.file}, the weights of {name}, from the Hub's {at}"
        raise WeightsError(f"{what}: {_reason(cause, bool(offline))}") from cause


def _reason(cause: Exception, offline: bool) -> str:
    """Return in one line why the Hub's client failed, and what to do."""
    from huggingface_hub import constants, errors

    unreachable = (
        f"it is not in the cache, and {constants.ENDPOINT} does not answer as it should: check the network, "
        "or set HF_ENDPOINT to a mirror."
    )
    log_in = "log in with 'hf auth login' or set HF_TOKEN"
    if isinstance(cause, errors.LocalEntryNotFoundError):
        if offline or isinstance(cause.__cause__, errors.OfflineModeIsEnabled):
            return (
                "it is not in the cache, and downloads are off: load the model once without offline=True "
                "and with HF_HUB_OFFLINE unset."
            )
        return unreachable
    if isinstance(cause, errors.GatedRepoError):
        return f"access has to be asked for at {constants.ENDPOINT}; then {log_in}."
    if isinstance(cause, errors.RepositoryNotFoundError):
        return f"the repository does not exist or is private: check its name; if it is private, {log_in}."
    if isinstance(cause, errors.RevisionNotFoundError):
        return "the repository has no such revision: check it, or leave it out."
    if isinstance(cause, errors.EntryNotFoundError):
        return "the repository has no such file: upgrade stylezoo, or give the revision that has it."
    if isinstance(cause, errors.HfHubHTTPError) and cause.response.status_code == 401:
        return f"it wants to know who asks: {log_in}."
    if isinstance(cause, ConnectionError) or type(cause).__module__.startswith("httpx"):  # a connection that breaks
        return unreachable
    return f"{' '.join(str(cause).split()).rstrip('.') or type(cause).__name__}. Try again later."


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
            header = file.read(length) if len(start) == 8 and length <= min(_LONGEST_HEADER, size) else b""
    except OSError as cause:
        raise WeightsError(f"cannot read {path}: {cause.strerror}: check the path.") from cause
    if not size:
        raise WeightsError(f"{path} is empty: copy or download it again.")
    if start.startswith((b"PK\x03\x04", b"\x80\x02", b"\x80\x03", b"\x80\x04", b"\x80\x05")) and header[:1] != b"{":
        raise WeightsError(
            f"{path} is a pickle, as torch.save writes it, which could run any code: "
            "stylezoo reads safetensors files alone, so save the weights as one."
        )
    if start == b"version ":
        raise WeightsError(f"{path} is a Git LFS pointer, not the weights themselves: run git lfs pull.")
    if length <= _LONGEST_HEADER and size < 8 + length:
        raise WeightsError(f"{path} is damaged or no safetensors file: its header is cut short. Get it again.")
    try:
        entries = msgspec.json.decode(header, type=dict[str, Any])
        metadata = msgspec.convert(entries.pop("__metadata__", {}), dict[str, str])
        end = max((int(entry["data_offsets"][1]) for entry in entries.values()), default=0)
    except (msgspec.MsgspecError, KeyError, IndexError, TypeError, ValueError) as cause:
        raise WeightsError(f"{path} is not a safetensors file: give one that ends in .safetensors.") from cause
    if size != 8 + length + end:
        expected = f"has {size} bytes where its header promises {8 + length + end}"
        raise WeightsError(f"{path} is damaged: it {expected}. Copy or download it again.")
    return metadata
