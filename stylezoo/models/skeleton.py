"""Graphs for `stylezoo.graphs`: what trunks and encoders compute, as ONNX, with names in place of their weights."""

from __future__ import annotations

import contextlib
import copy
import importlib.util
import logging
import os
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any, TypeVar

import torch
from torch import Tensor, nn

from stylezoo.errors import OptionError
from stylezoo.graphs import AFFINE, ENCODER, HIDDEN, IMAGE, PAINTED, TRUNK
from stylezoo.models.base import StyleNet
from stylezoo.models.ghiasi import Ghiasi
from stylezoo.models.trunk_net import TrunkNet
from stylezoo.nn.compact import EnlargingConv, FoldedHead

AnyNet = TypeVar("AnyNet", bound=StyleNet)

ANY_SIZE = dict.fromkeys((0, 2, 3), torch.export.Dim.DYNAMIC)  # any number of pictures, any height and width
SMALL = 64  # numbers: shapes, indices and the like may be constants of a graph


def make_graph(net: TrunkNet) -> bytes:
    """Return the graph of a net's trunk, as `TrunkGraph` takes it: for any number of pictures of any size.

    Raises:
        OptionError: the packages that write ONNX are not installed.
    """
    check_packages("onnx", "onnxscript")
    net = _to_export(net)
    if isinstance(head := net.trunk.head, EnlargingConv):
        net.trunk.head = FoldedHead(head)
    model = to_onnx(
        _Painter(net).eval(),
        (torch.rand(2, 3, 96, 128), net.trunk.neutral_affine()),
        input_names=[IMAGE, AFFINE],
        output_names=[PAINTED],
        dynamic_shapes={"image": ANY_SIZE, "affine": None},
    )
    return _without_weights(model, {name for name in net.state_dict() if name.startswith(TRUNK)})


def make_encoder_graph(net: Ghiasi) -> bytes:
    """Return the graph of a folded net's encoder, as `EncoderGraph` takes it; raise OptionError as `make_graph`."""
    check_packages("onnx", "onnxscript")
    net = _to_export(net)
    model = to_onnx(
        _Encoder(net).eval(),
        (torch.rand(2, 3, 96, 128),),
        input_names=[IMAGE],
        output_names=[HIDDEN],
        dynamic_shapes={"picture": ANY_SIZE},
    )
    return _without_weights(model, {name for name in net.state_dict() if name.startswith(ENCODER)})


def _to_export(net: AnyNet) -> AnyNet:
    return copy.deepcopy(net).cpu().float().eval().requires_grad_(False)


def _without_weights(model: Any, weights: set[str]) -> bytes:
    """Return an ONNX model with no more than the names of those of its tensors that are a net's weights."""
    import onnx

    for tensor in model.graph.initializer:
        if tensor.name in weights:
            tensor.ClearField("raw_data")
            tensor.data_location = onnx.TensorProto.EXTERNAL
            tensor.external_data.add(key="location", value="weights")  # never read: the session is given them
            weights = weights - {tensor.name}
        elif len(tensor.raw_data) > 8 * SMALL:
            raise AssertionError(f"the exporter made {tensor.name} of weights, which another net would not have")
    assert not weights, f"the graph does not name {', '.join(sorted(weights))}"
    data: bytes = model.SerializeToString()
    return data


class _Painter(nn.Module):
    def __init__(self, net: TrunkNet) -> None:
        super().__init__()
        self.trunk = net.trunk  # names the weights
        self.paint = net.compute

    def forward(self, image: Tensor, affine: Tensor) -> Any:
        return self.paint(image, affine)


class _Encoder(nn.Module):
    def __init__(self, net: Ghiasi) -> None:
        super().__init__()
        self.encoder, self.predictor = net.encoder, net.predictor[:-1]  # the last layer is left out, see `LAST`

    def forward(self, picture: Tensor) -> Any:
        return self.predictor(self.encoder(picture))


def to_onnx(program: nn.Module | torch.export.ExportedProgram, inputs: tuple[Tensor, ...] = (), **options: Any) -> Any:
    """Return what torch.onnx.export makes of a module or program, without the places in our source that it came from.

    Those would be most of a small file.
    """
    with torch.no_grad(), quietly():
        made = torch.onnx.export(program, inputs, dynamo=True, verbose=False, **options)
    assert made is not None
    model = made.model_proto
    for node in model.graph.node:
        del node.metadata_props[:]
        node.ClearField("doc_string")
    del model.graph.value_info[:]
    return model


def check_packages(*names: str) -> None:
    """Raise OptionError for the first package, of those that deal with ONNX, that is not installed."""
    for name in names:
        if importlib.util.find_spec(name) is None:
            raise OptionError(f"{name} is not installed: pip install 'stylezoo[onnx]'")


@contextlib.contextmanager
def quietly() -> Iterator[None]:
    """Keep what exporters say of their own work to themselves: stdout is for data."""
    logger = logging.getLogger("onnxscript")
    level = logger.level
    with Path(os.devnull).open("w") as nowhere, contextlib.redirect_stdout(nowhere), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        logger.setLevel(logging.ERROR)
        try:
            yield
        finally:
            logger.setLevel(level)
