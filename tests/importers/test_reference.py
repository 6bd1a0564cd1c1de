from __future__ import annotations

from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor, nn

from stylezoo.errors import WeightsError
from stylezoo.importers import import_weights
from stylezoo.models import StyleNet


def read(path: Path) -> StyleNet:
    return import_weights(path, name="johnson/mosaic", license="BSD-3-Clause")[1].eval()


def same_picture(net: StyleNet, reference: nn.Module, photo: Tensor) -> None:
    with torch.no_grad():
        expected = (reference(photo * 255) / 255).clamp(0, 1)
        torch.testing.assert_close(net(photo), expected, atol=1e-5, rtol=0)
    assert expected.std() > 0.05  # a fair comparison
    assert (expected - expected.flip(-1)).abs().mean() > 0.02


def test_a_net_of_the_reference_stylizes_as_it_does(reference: nn.Module, photo: Tensor, tmp_path: Path) -> None:
    torch.save(reference.state_dict(), path := tmp_path / "mosaic.pth")
    net = read(path)
    assert net.arch == {"variant": "classic", "width": 128, "blocks": 5}
    assert sum(p.numel() for p in net.parameters()) == 1_679_235 == sum(p.numel() for p in reference.parameters())
    same_picture(net, reference, photo)


def test_widths_and_blocks_are_those_of_the_file(narrow: nn.Module, photo: Tensor, tmp_path: Path) -> None:
    torch.save(narrow.state_dict(), path := tmp_path / "net.pth")
    net = read(path)
    assert net.arch == {"variant": "classic", "width": "4-8-12-8-4", "blocks": 3}
    same_picture(net, narrow, photo)


@pytest.mark.parametrize(
    "form", ["legacy", "safetensors", "checkpoint", "lightning", "parallel", "float64", "old_statistics"]
)
def test_the_forms_in_which_people_keep_it(form: str, narrow: nn.Module, photo: Tensor, tmp_path: Path) -> None:
    weights, path = dict(narrow.state_dict()), tmp_path / "net.pth"
    if form == "legacy":
        torch.save(weights, path, _use_new_zipfile_serialization=False)
    elif form == "safetensors":
        save_file(weights, path := tmp_path / "net.safetensors")
    elif form == "checkpoint":
        torch.save({"epoch": 2, "model": weights, "optimizer": {"state": {}}}, path)
    elif form == "lightning":
        torch.save({"epoch": 2, "state_dict": {"model": weights}, "lr": 1e-3}, path)
    elif form == "parallel":
        torch.save({f"module.{name}": value for name, value in weights.items()}, path)
    elif form == "float64":
        torch.save({name: value.double() for name, value in weights.items()}, path)
    else:
        old = {"in1.running_mean": torch.zeros(4), "in1.num_batches_tracked": torch.tensor(7)}
        torch.save(weights | old, path)
    net = read(path)
    assert net.dtype == torch.float32
    same_picture(net, narrow, photo)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("res2.in1.bias", r"net.pth does not fit johnson\(.*'res2.in1.bias' is missing"),
        ("in5.weight", "'in5.weight' is missing"),
        (
            "deconv1.conv2d.weight",
            "the PyTorch fast_neural_style layout but no kernel 'deconv1.conv2d.weight'",
        ),
        ("res1.conv1.conv2d.weight", "'res1.conv1.conv2d.bias' is unknown"),
    ],
)
def test_what_is_missing_is_told_in_the_names_of_the_file(
    name: str, message: str, narrow: nn.Module, tmp_path: Path
) -> None:
    weights = dict(narrow.state_dict())
    del weights[name]
    torch.save(weights, path := tmp_path / "net.pth")
    with pytest.raises(WeightsError, match=message):
        read(path)
