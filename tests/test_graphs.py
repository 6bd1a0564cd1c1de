from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from skimage import data
from torch import Tensor

from stylezoo import graphs, stylizer
from stylezoo.errors import OptionError
from stylezoo.graphs import EncoderGraph, graph_file
from stylezoo.models import create_model
from stylezoo.models.trunk_net import TrunkNet
from stylezoo.nn.norm import recorded_statistics
from stylezoo.stylizer import Stylizer, load

pytest.importorskip("onnxruntime")

TRUNKS = [("compact", 32, 4), ("fast", 64, 5), ("classic", 128, 5)]


def photos(*shape: int) -> Tensor:
    """Two parts of a real photo, (2, 3, *shape) in [0, 1]."""
    astronaut = torch.from_numpy(data.astronaut()).permute(2, 0, 1) / 255
    height, width = shape
    return torch.stack([astronaut[:, :height, :width], astronaut[:, -height:, -width:]])


def net_of(family: str, variant: str, width: int, blocks: int) -> TrunkNet:
    torch.manual_seed(0)
    rows = {} if family == "johnson" else {"styles": 2}
    net = create_model(family, variant=variant, width=width, blocks=blocks, **rows).eval().requires_grad_(False)
    assert isinstance(net, TrunkNet)
    for parameter in net.parameters():
        if parameter.shape[-1] == net.trunk.affine_size:
            parameter.add_(torch.randn_like(parameter) * 0.3)
    return net


@pytest.mark.parametrize(("variant", "width", "blocks"), TRUNKS)
@pytest.mark.parametrize("size", [(16, 16), (64, 100), (132, 72)])
def test_a_graph_paints_as_torch_does(variant: str, width: int, blocks: int, size: tuple[int, int]) -> None:
    net, x = net_of("johnson", variant, width, blocks), photos(*size)
    if variant == "classic":
        net.trunk.head.weight.mul_(300)  # or the painting would be nearly black: it works on 0..255
    with torch.no_grad():
        expected = net(x)
        net.run_by(graph_file(net.arch))
        painted = net(x)
    assert expected.std() > 0.01
    torch.testing.assert_close(painted, expected, atol=2e-5, rtol=0)


@pytest.mark.parametrize("family", ["cin", "ghiasi"])
def test_one_graph_serves_all_families(family: str) -> None:
    net, x = net_of(family, "compact", 32, 4), photos(48, 64)
    code = net.named_code(1)
    with torch.no_grad():
        expected = net(x, code)
        net.run_by(graph_file(net.arch))
        torch.testing.assert_close(net(x, code), expected, atol=1e-5, rtol=0)


@pytest.mark.parametrize("size", [(64, 64), (65, 130), (200, 77)])
def test_the_encoders_graph_encodes_as_torch_does(size: tuple[int, int]) -> None:
    model, x = load("any", device="cpu", backend="torch"), photos(*size)
    weights = {name: value.numpy() for name, value in model.net.state_dict().items()}
    encoder = EncoderGraph(graphs.encoder_file(model.net.arch), weights)
    expected = model.net.encode(x)
    assert (expected[0] - expected[1]).abs().max() > 0.1
    np.testing.assert_allclose(encoder.encode(x.numpy()), expected, rtol=1e-4, atol=1e-4)


def test_a_net_that_is_not_folded_has_no_graph_of_its_encoder() -> None:
    assert graphs.encoder_file({"variant": "compact", "width": 32, "blocks": 4}) is None


def test_torch_computes_what_the_graph_does_not() -> None:
    net, x = net_of("cin", "compact", 32, 4), photos(48, 64)
    both = torch.cat([net.named_code(0), net.named_code(1)])
    left = torch.zeros(1, 1, 48, 64)
    left[..., :32] = 1
    with torch.no_grad():
        regions, rows = net(x, both, torch.cat([left, 1 - left], dim=1)), net(x, both)
    net.run_by(graph_file(net.arch))
    with torch.no_grad():
        assert torch.equal(net(x, both, torch.cat([left, 1 - left], dim=1)), regions)
        assert torch.equal(net(x, both), rows)
        with recorded_statistics(net) as statistics:
            net(x, both[:1])
    assert len(statistics) == len(net.trunk.norm_widths)
    assert net(x.requires_grad_(), both[:1]).requires_grad
    assert net.double()(x.double(), both[:1].double()).dtype == torch.float64


@pytest.mark.parametrize("name", ["johnson/mosaic", "cin/16", "ghiasi/lite"])
def test_backends_give_the_same_pictures(name: str) -> None:
    photo = data.chelsea()[:150, :210]
    auto, torch_alone = load(name, device="cpu"), load(name, device="cpu", backend="torch")
    assert (auto.backend, torch_alone.backend) == ("onnx", "torch")
    style = None if auto.kind == "single" else 0
    for options in ({}, {"size": 97}, {"strength": 0.5, "preserve_color": "luma"}):
        pictures = [model.stylize(photo, style, **options).astype(int) for model in (auto, torch_alone)]
        assert abs(pictures[0] - pictures[1]).max() <= 1


def test_auto_takes_torch_where_there_is_no_graph(net_file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert load(net_file, device="cpu").backend == "torch"
    assert load("adain/vgg19", device="cpu").backend == "torch"
    assert load("johnson/mosaic", device="cpu", dtype="bfloat16").backend == "torch"
    monkeypatch.setattr(stylizer, "has_onnxruntime", lambda: False)
    assert load("johnson/mosaic", device="cpu").backend == "torch"


def test_a_graph_is_made_for_other_widths(net_file: Path) -> None:
    pytest.importorskip("onnxscript")
    made, known = load(net_file, device="cpu", backend="onnx"), load(net_file, device="cpu")
    assert made.backend == "onnx"
    x = data.coffee()[:70, :90]
    assert abs(made.stylize(x).astype(int) - known.stylize(x).astype(int)).max() <= 1


def test_what_onnxruntime_cannot_do_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(OptionError, match="must be auto, torch or onnx, not 'tvm'"):
        load("johnson/mosaic", backend="tvm")  # type: ignore[arg-type]  # wrong on purpose
    with pytest.raises(OptionError, match="adain/vgg19 is a adain net, which paints by torch alone"):
        load("adain/vgg19", device="cpu", backend="onnx")
    with pytest.raises(OptionError, match=r"float32 on a processor, not in torch\.float16 on cpu"):
        load("johnson/mosaic", device="cpu", dtype="float16", backend="onnx")
    monkeypatch.setattr(stylizer, "has_onnxruntime", lambda: False)
    with pytest.raises(OptionError, match=r"pip install 'stylezoo\[onnx\]'"):
        load("johnson/mosaic", device="cpu", backend="onnx")


def test_compiling_or_casting_takes_a_net_back_to_torch() -> None:
    model = load("johnson/mosaic", device="cpu")
    model.to(dtype=torch.float64)
    photo = data.chelsea()[:32, :32]
    in_double = model.stylize(photo)
    assert abs(in_double.astype(int) - load("johnson/mosaic", device="cpu").stylize(photo)).max() <= 1
    assert isinstance(model.compile(), Stylizer) and model.backend == "torch"


def test_a_graph_holds_no_weights() -> None:
    for variant, width, blocks in TRUNKS:
        path = graph_file({"variant": variant, "width": width, "blocks": blocks})
        assert path is not None and path.stat().st_size < 20_000
    encoder = graphs.encoder_file({"folded": True})
    assert encoder is not None and encoder.stat().st_size < 20_000
    assert graphs.graph_file({"variant": "fast", "width": "4-8-8-4", "blocks": 1}) is None
    assert np.isclose(np.array(graphs.WEAVE).sum(axis=-1), 1).all()
