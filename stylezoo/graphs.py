"""Nets as ONNX graphs, computed by onnxruntime: faster on a processor than torch, and without its slow start.

A graph says what a trunk, or an encoder of style pictures, computes and holds none of its weights: they are put in when
a session is made, from any net of that architecture. The families on a trunk differ only in where the affine vector
comes from, so one graph serves them all. `stylezoo.models.skeleton` makes graphs; those of the usual architectures
travel with the package.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from stylezoo.zoo.store import BUNDLED

Floats = NDArray[np.float32]

ENCODER_NAME = "style-encoder.onnx"

MULTIPLE = 4  # px that the sides of pictures are multiples of: all trunks work at a quarter of the resolution
MINIMUM = 16  # px a side: reflection by 4 px at full resolution, by 1 px at a quarter

IMAGE, AFFINE, PAINTED, HIDDEN = "image", "affine", "painted", "hidden"
TRUNK = "trunk."  # what the names of a trunk's weights begin with, in state dicts as in graphs
ENCODER = ("encoder.", "predictor.2.")
LAST = ("predictor.4.weight", "predictor.4.bias")
"""Of a folded ghiasi net: the weights in the graph of its encoder, and those of the layer behind it. That gives as many
numbers as the trunk has gammas and betas, so it is left out of the graph, which serves all trunks."""

HEAD = ("trunk.head.weight", "trunk.head.bias")
WEAVE = (
    ((0.75, 0.25, 0.0), (0.25, 0.75, 0.0), (0.0, 0.75, 0.25)),
    ((0.25, 0.75, 0.0), (0.0, 0.75, 0.25), (0.0, 0.25, 0.75)),
)
"""Bilinear enlargement to twice the size, along one axis: of the left and of the right of the two pixels that a small
one becomes, the pixel before it, itself and the pixel behind it, each as shares of the small pixel's three."""


def graph_file(arch: Mapping[str, Any]) -> Path | None:
    """Return the file of the graph that travels with the package for such a trunk; None: there is none."""
    path = BUNDLED / "graphs" / graph_name(arch)
    return path if path.is_file() else None


def graph_name(arch: Mapping[str, Any]) -> str:
    """Return what the file of a trunk's graph is called."""
    return "-".join(str(arch[key]) for key in ("variant", "width", "blocks")) + ".onnx"


@lru_cache(maxsize=1)
def has_onnxruntime() -> bool:
    """Return whether onnxruntime is installed."""
    return importlib.util.find_spec("onnxruntime") is not None


def encoder_file(arch: Mapping[str, Any]) -> Path | None:
    """Return the file of the graph of a ghiasi net's encoder; None: it is not folded, and there is none."""
    return BUNDLED / "graphs" / ENCODER_NAME if arch.get("folded") else None


class TrunkGraph:
    """A trunk's graph with weights in it, ready to paint on the CPU.

    Args:
        graph: the file, or its bytes.
        weights: a net's state dict; what is not the trunk's is left aside.
        threads: how many; None: one for each core.
    """

    def __init__(self, graph: Path | bytes, weights: Mapping[str, NDArray[Any]], threads: int | None = None) -> None:
        trunk = _floats(weights, TRUNK)
        trunk = fold_head(trunk) if trunk[HEAD[0]].shape[2:] == (3, 3) else trunk
        self._session = _open_session(graph, trunk, threads)

    def paint(self, image: Floats, affine: Floats) -> Floats:
        """Return pictures, (N, 3, H, W) in [0, 1] with sides that are the net's multiples, painted.

        `affine`, (1, A), holds the gammas and betas, one style for all pictures.
        """
        painted: Floats = self._session.run(None, {IMAGE: image, AFFINE: affine})[0]
        return painted


class EncoderGraph:
    """The graph of a folded ghiasi net's encoder with weights in it, ready to encode style pictures on the CPU.

    Args:
        graph, weights, threads: see `TrunkGraph`.
    """

    def __init__(self, graph: Path | bytes, weights: Mapping[str, NDArray[Any]], threads: int | None = None) -> None:
        self._session = _open_session(graph, _floats(weights, *ENCODER), threads)
        self._last = [np.asarray(weights[name], dtype=np.float32) for name in LAST]

    def encode(self, picture: Floats) -> Floats:
        """Return the affine vectors, (N, A), of style pictures, (N, 3, H, W) in [0, 1] with sides of 64 px at least."""
        hidden: Floats = self._session.run(None, {IMAGE: picture})[0]
        weight, bias = self._last
        return hidden @ weight.T + bias


def _floats(weights: Mapping[str, NDArray[Any]], *prefixes: str) -> dict[str, Floats]:
    return {name: np.asarray(v, dtype=np.float32) for name, v in weights.items() if name.startswith(prefixes)}


def _open_session(graph: Path | bytes, weights: Mapping[str, Floats], threads: int | None) -> Any:
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    options.intra_op_num_threads = threads or 0
    # Threads that wait for the next picture by spinning take the processor from torch's, which are busy in between.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    # The session copies what it needs, in the order in which its kernels read it.
    values = [onnxruntime.OrtValue.ortvalue_from_numpy(np.ascontiguousarray(value)) for value in weights.values()]
    options.add_external_initializers(list(weights), values)
    data = graph if isinstance(graph, bytes) else graph.read_bytes()
    return onnxruntime.InferenceSession(data, options, providers=["CPUExecutionProvider"])


def fold_head(weights: Mapping[str, Floats]) -> dict[str, Floats]:
    """Return a compact trunk's weights as its graph takes them: with the four kernels of the enlarging head."""
    weave = np.array(WEAVE, dtype=np.float32)
    weight, bias = (weights[name] for name in HEAD)
    kernels = np.einsum("oikl,pka,qlb->opqiab", weight, weave, weave, optimize=True)
    return dict(weights) | {HEAD[0]: kernels.reshape(-1, *weight.shape[1:]), HEAD[1]: np.repeat(bias, 4)}
