"""A net that is kept loaded is never another than the one that was named."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch

import stylezoo
from stylezoo.errors import WeightsError
from stylezoo.stylizer.loading import load

PHOTO = np.random.default_rng(0).integers(0, 256, (32, 40, 3), dtype=np.uint8)


@pytest.fixture
def nets(net_file: Path, tmp_path: Path) -> tuple[Path, Path]:
    """Two nets of one architecture, so of one file size, in folders a and b under one name."""
    places = tmp_path / "a" / "net.safetensors", tmp_path / "b" / "net.safetensors"
    for place in places:
        place.parent.mkdir()
        shutil.copy(net_file, place)
    other = load(net_file, device="cpu")
    other.net.style.data.mul_(-0.7)
    other.save(places[1])
    assert places[0].stat().st_size == places[1].stat().st_size
    return places


def test_the_same_name_in_another_folder_is_another_net(nets: tuple[Path, Path], monkeypatch) -> None:
    for place in (*nets, *nets):
        monkeypatch.chdir(place.parent)
        wanted = load(place, device="cpu").stylize(PHOTO)
        assert np.array_equal(stylezoo.stylize(PHOTO, "net.safetensors"), wanted)


def test_a_file_of_the_same_size_and_time_is_another_net(nets: tuple[Path, Path]) -> None:
    first, second = nets
    before = stylezoo.stylize(PHOTO, first)
    when = first.stat()
    shutil.copyfile(second, first)  # in place, as rsync --inplace does
    os.utime(first, ns=(when.st_atime_ns, when.st_mtime_ns))
    after = stylezoo.stylize(PHOTO, first)
    assert np.array_equal(after, load(second, device="cpu").stylize(PHOTO)) and not np.array_equal(before, after)


@pytest.mark.parametrize("backend", ["onnx", "torch"])
def test_a_state_dict_that_is_loaded_counts(nets: tuple[Path, Path], backend) -> None:
    first, second = (load(path, device="cpu", backend=backend) for path in nets)
    first.stylize(PHOTO)
    first.net.load_state_dict(second.net.state_dict())
    assert np.array_equal(first.stylize(PHOTO), second.stylize(PHOTO))
    assert first.weights_sha256 == second.weights_sha256


def test_weights_that_are_not_numbers_are_refused_by_name(nets: tuple[Path, Path]) -> None:
    broken = load(nets[0], device="cpu")
    broken.net.style.data[0, 0] = torch.nan
    broken.save(nets[1])
    for backend in ("onnx", "torch"):
        with pytest.raises(WeightsError, match=r"style.*NaN"):
            load(nets[1], device="cpu", backend=backend)


@pytest.mark.parametrize(
    "arch", [{"variant": "compac|"}, {"width": 8.5}, {"width": [8]}, {"blocks": "x"}, {"blocks": 10**9}]
)
def test_a_record_of_a_net_that_cannot_be_is_a_wrong_file(net_file: Path, tmp_path: Path, arch: dict) -> None:
    import msgspec
    from safetensors.numpy import load_file, save_file

    from stylezoo.zoo.spec import HEADER_KEY, header_record
    from stylezoo.zoo.store import read_header

    spec = read_header(net_file)
    record = msgspec.json.decode(header_record(spec))
    record["arch"] = record["arch"] | arch
    path = tmp_path / "odd.safetensors"
    save_file(load_file(net_file), path, {HEADER_KEY: msgspec.json.encode(record).decode()})
    with pytest.raises(WeightsError, match=r"odd\.safetensors"):
        load(path, device="cpu")
