"""Weights files of others: which kind one is, by its content, and the tensors in it. No code from a file is run."""

from __future__ import annotations

import contextlib
import re
import warnings
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor

from stylezoo.errors import WeightsError
from stylezoo.runtime.tables import unpack
from stylezoo.zoo.store import LONGEST_HEADER, read_metadata

FileKind = Literal["pickle", "safetensors", "onnx"]

NESTS = ("state_dict", "model_state_dict", "model", "net")
"""The keys under which people keep a state dict in a checkpoint."""


def file_kind(path: Path) -> FileKind:
    """Return what kind of file this is.

    Raises:
        WeightsError: it cannot be read, or is no weights file; where it is something that people often have in its
            place, the message says what.
    """
    try:
        with path.open("rb") as file:
            head = file.read(64)
    except OSError as cause:
        raise WeightsError(f"cannot read {path}: {cause.strerror}: check the path") from cause
    if not head:
        raise WeightsError(f"{path} is empty: copy or download it again")
    if head.startswith(b"version https://git-lfs"):
        raise WeightsError(f"{path} is a Git LFS pointer, not the weights themselves: run git lfs pull")
    if head.lstrip().startswith(b"<"):
        raise WeightsError(f"{path} is a web page, not weights: download the file itself, not the page that shows it")
    if head[8:9] == b"{" and int.from_bytes(head[:8], "little") <= LONGEST_HEADER:
        return "safetensors"
    if head.startswith(b"PK\x03\x04"):
        _refuse_bundle(path)
        return "pickle"
    if re.match(rb"\x80[\x02-\x05]", head):
        return "pickle"
    if re.match(rb"\x08[\x01-\x1f]", head):  # a protobuf whose first field is ONNX's version
        return "onnx"
    raise WeightsError(f"{path} is not a known weights file: give a .pth, .safetensors or .onnx file")


def read_tensors(path: Path) -> dict[str, Tensor]:
    """Return the tensors, float32, of a state dict that `torch.save` or safetensors wrote.

    It may lie in a checkpoint under one of `NESTS`, and its names may begin with "module.", as DataParallel has it.

    Raises:
        WeightsError: damaged, no state dict, or a pickle that needs more than tensors and plain values to be opened,
            which could run any code.
    """
    weights = _unpack(_read_safetensors(path) if file_kind(path) == "safetensors" else _read_pickle(path), path)
    for name, value in weights.items():
        if value.is_meta or value.layout != torch.strided:
            raise WeightsError(f"{path}: '{name}' is empty or incomplete: save the state dict again")
        if value.is_floating_point() and not value.float().isfinite().all():
            raise WeightsError(f"{path}: '{name}' has NaN or infinity: get the weights again")
        if not value.is_floating_point() and not name.endswith("num_batches_tracked"):
            raise WeightsError(f"{path}: '{name}' is {value.dtype}: give the weights before quantisation")
    return {name: value.float() for name, value in weights.items()}


def _read_safetensors(path: Path) -> dict[str, Tensor]:
    read_metadata(path)
    try:
        return unpack(load_file(path), str(path))
    except (OSError, SafetensorError) as cause:
        raise WeightsError(f"cannot read {path} as safetensors: {cause}") from cause


def _read_pickle(path: Path) -> Any:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # on what the unpickler finds odd: it is refused, or right
            return torch.load(path, map_location="cpu", weights_only=True)
    except Exception as cause:  # a broken file can raise anything
        reason = str(cause)
        wanted = re.search(r"GLOBAL (\S+)", reason) or re.search("(TorchScript|Unsupported operand)", reason)
        if wanted is None:
            raise WeightsError(f"{path} is damaged, or not from torch.save: copy or download it again") from cause
        what = wanted[1].replace("Unsupported operand", "a pickle that torch.save did not write")
        raise WeightsError(
            f"{path} contains more than weights ({what}) and could run any code, so it was not opened: "
            "if you trust it, load it and save its state dict with torch.save(net.state_dict(), 'weights.pth')"
        ) from cause


def _unpack(content: Any, path: Path) -> dict[str, Tensor]:
    for _ in NESTS:  # one may lie in another; a pickle can also hold itself
        if isinstance(content, Mapping) and not _is_state_dict(content):
            content = next((content[key] for key in NESTS if isinstance(content.get(key), Mapping)), content)
    if not (isinstance(content, Mapping) and _is_state_dict(content)):
        found = "something else"
        if isinstance(content, Mapping):
            found = f"the keys {', '.join(map(str, list(content)[:4]))}" if content else "nothing"
        raise WeightsError(
            f"{path} has {found} instead of a state dict: save one with torch.save(net.state_dict(), 'weights.pth')"
        )
    return {name.removeprefix("module."): value.detach() for name, value in content.items()}


def _is_state_dict(content: Mapping[Any, Any]) -> bool:
    return bool(content) and all(isinstance(k, str) and isinstance(v, Tensor) for k, v in content.items())


def _refuse_bundle(path: Path) -> None:
    """Refuse an archive of weights files, as some releases are, where one of them is needed."""
    members: list[str] = []
    with contextlib.suppress(zipfile.BadZipFile), zipfile.ZipFile(path) as archive:
        members = [n for n in archive.namelist() if n.lower().endswith((".pth", ".pt", ".safetensors", ".onnx"))]
    if members:
        raise WeightsError(f"{path} is an archive with {', '.join(members[:4])}: unpack it, and give one of its files")
