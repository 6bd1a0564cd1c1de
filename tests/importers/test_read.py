from __future__ import annotations

import contextlib
import os
import pickle
import sys
import zipfile
from collections import OrderedDict
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from stylezoo.errors import OptionError, WeightsError
from stylezoo.importers import import_weights
from stylezoo.importers.read import read_tensors


class Hostile:
    """Runs a command when it is unpickled."""

    def __init__(self, command: str) -> None:
        self.command = command

    def __reduce__(self) -> tuple[Callable[[str], int], tuple[str]]:
        return os.system, (self.command,)


@pytest.mark.parametrize("form", ["bare", "legacy", "in_a_state_dict", "as_a_name", "next to"])
def test_nothing_in_a_hostile_pickle_runs(form: str, narrow: nn.Module, tmp_path: Path) -> None:
    marker, path = tmp_path / "ran", tmp_path / "mosaic.pth"
    hostile: Any = Hostile(f'"{sys.executable}" -c "open({str(marker)!r}, chr(119))"')
    weights: dict[Any, Any] = dict(narrow.state_dict())
    if form == "bare":
        path.write_bytes(pickle.dumps(hostile))
    elif form == "legacy":
        torch.save(hostile, path, _use_new_zipfile_serialization=False)
    elif form == "in_a_state_dict":
        torch.save(weights | {"conv1.conv2d.weight": hostile}, path)
    elif form == "as_a_name":
        torch.save({hostile: weights}, path)
    else:
        torch.save({"state_dict": weights, "config": hostile}, path)
    with pytest.raises(WeightsError, match=r"mosaic.pth contains more than weights \(.*\)") as caught:
        import_weights(path, name="johnson/mosaic", license="BSD-3-Clause")
    assert "torch.save(net.state_dict(), 'weights.pth')" in str(caught.value)
    assert form == "bare" or f"{os.system.__module__}.system" in str(caught.value)
    assert not marker.exists()
    with contextlib.suppress(RuntimeError):
        torch.load(path, weights_only=False)  # it would have run
    assert marker.exists()


def test_a_whole_module_is_refused(tmp_path: Path) -> None:
    torch.save(nn.Sequential(nn.Conv2d(3, 3, 1)), path := tmp_path / "net.pth")
    with pytest.raises(
        WeightsError,
        match=r"contains more than weights .*\(torch.nn.modules.container.Sequential\).*not opened.*state_dict",
    ):
        read_tensors(path)


def bundle(path: Path) -> None:
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("saved_models/candy.pth", b"x")
        archive.writestr("saved_models/mosaic.pth", b"x")


def truncate(path: Path) -> None:
    torch.save({"conv1.conv2d.weight": torch.rand(64, 64, 3, 3)}, path)
    path.write_bytes(path.read_bytes()[:5000])


def quantised(path: Path) -> None:
    torch.save({"conv1.conv2d.weight": torch.zeros(4, 3, 9, 9, dtype=torch.int8)}, path)


def sparse(path: Path) -> None:
    torch.save({"conv1.conv2d.weight": torch.eye(3).to_sparse()}, path)


def broken(path: Path) -> None:
    torch.save({"conv1.conv2d.weight": torch.tensor([1.0, float("nan")])}, path)


def endless(path: Path) -> None:
    nest: dict[str, Any] = {}
    nest["model"] = nest
    torch.save(nest, path)


@pytest.mark.parametrize(
    ("write", "message"),
    [
        (lambda path: None, "cannot read .*net.pth: No such file"),
        (lambda path: path.write_bytes(b""), "is empty: copy or download it again"),
        (
            lambda path: path.write_text("\n<!DOCTYPE html><html><body>Sign in</body></html>"),
            "is a web page, not weight",
        ),
        (
            lambda path: path.write_text("version https://git-lfs.github.com/spec/v1\noid"),
            "Git LFS pointer.*git lfs pull",
        ),
        (lambda path: path.write_text("conv1 conv2 " * 99), "is not a known weights file"),
        (lambda path: path.write_bytes(b"cos\nsystem\n(S'true'\ntR."), "is not a known weights file"),
        (bundle, r"is an archive with saved_models/candy.pth, saved_models/mosaic.pth: unpack it"),
        (truncate, "is damaged, or not from torch.save: copy or download it again"),
        (lambda path: path.write_bytes(b"\x80\x02\x8a\nl\xfc\x9cF\xf9 j\xa8P\x19."), "is damaged"),
        (
            lambda path: path.write_bytes((900).to_bytes(8, "little") + b'{"a":'),
            "its header is truncated",
        ),
        (lambda path: path.mkdir(), "the folder .*net.pth has no weights.safetensors"),
        (quantised, "'conv1.conv2d.weight' is torch.int8: give the weights before quantisation"),
        (sparse, "'conv1.conv2d.weight' is empty or incomplete"),
        (endless, "has the keys model instead of a state dict"),
        (broken, "'conv1.conv2d.weight' has NaN or infinity"),
        (lambda path: torch.save(torch.rand(3), path), "has something else instead of a state dict"),
        (lambda path: torch.save([], path), "has something else instead of a state dict"),
        (lambda path: torch.save({}, path), "has nothing instead of a state dict"),
        (lambda path: torch.save({"epoch": 3, "lr": 0.1}, path), "has the keys epoch, lr instead of a state dict"),
        (
            lambda path: torch.save(nn.Linear(2, 2).state_dict(), path),
            r"state dict of unknown layout, not one of PyTorch .*: its names are weight, bias",
        ),
    ],
)
def test_what_is_no_weights_file_is_named(write: Callable[[Path], Any], message: str, tmp_path: Path) -> None:
    write(path := tmp_path / "net.pth")
    with pytest.raises(WeightsError, match=message) as caught:
        import_weights(path, name="johnson/net", license="CC0-1.0")
    assert "\n" not in str(caught.value)


def test_an_address_is_to_be_downloaded_first() -> None:
    with pytest.raises(OptionError, match=r"'https://example.org/mosaic.pth' is a URL: download the file"):
        import_weights("https://example.org/mosaic.pth", name="johnson/mosaic", license="CC0-1.0")


def test_tensors_come_as_float32_by_their_names(tmp_path: Path) -> None:
    half = OrderedDict({"a.weight": torch.tensor([1.5, -2.0]).half(), "a.bias": torch.ones(1, requires_grad=True)})
    torch.save({"net": half}, path := tmp_path / "net.pth")
    tensors = read_tensors(path)
    expected: dict[str, Tensor] = {"a.weight": torch.tensor([1.5, -2.0]), "a.bias": torch.ones(1)}
    assert tensors.keys() == expected.keys()
    for name, value in expected.items():
        assert torch.equal(tensors[name], value) and tensors[name].dtype == torch.float32
        assert not tensors[name].requires_grad
