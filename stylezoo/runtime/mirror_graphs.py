"""Build ONNX graphs of encoders and decoders: ghiasi's encoder, VGG19, and the decoders that mirror it."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from stylezoo.runtime.architecture import ENCODER_WIDTHS, VGG_CHANNELS, decoder_convolutions, mirrored
from stylezoo.runtime.base import Floats
from stylezoo.runtime.graph import Graph
from stylezoo.runtime.graphs import EPS, IMAGE, RESULT, Tensors, convolve, enlarge, wrap_around

VGG_DEPTHS = (2, 2, 4, 4)
"""Convolutions of the first blocks of VGG19."""


def style_encoder_graph(weights: Tensors, pooled: bool = True) -> bytes:
    """Return the model of a ghiasi net's encoder without its perceptron: `image` to pooled statistics, (N, 2C).

    With `pooled` false: to the features of each stage, (N, C, h, w).
    """
    graph = Graph()
    stages = _encoder_stages(graph, weights)
    if pooled:
        graph.output(_pooled(graph, stages), RESULT, ("N", 2 * sum(ENCODER_WIDTHS)))
    else:
        for stage, (x, width) in enumerate(zip(stages, ENCODER_WIDTHS, strict=True)):
            graph.output(x, f"stage {stage}", ("N", width, f"h{stage}", f"w{stage}"))
    return graph.model()


def style_row_graph(weights: Tensors, folded: bool, halves: bool = False) -> bytes:
    """Return the model of a ghiasi net's encoder with its perceptron: `image` to a trunk's gammas and betas, (N, A).

    For `halves` see `Graph`.
    """
    graph = Graph(halves)

    def linear(name: str, x: str) -> str:
        return graph.node(
            "Gemm", x, *(graph.constant(weights[f"{name}.{part}"]) for part in ("weight", "bias")), transB=1
        )

    x = graph.node("Relu", linear("encoder.head.0", _pooled(graph, _encoder_stages(graph, weights))))
    x = linear("encoder.head.2", x)
    x = graph.node("Relu", x if folded else linear("predictor.0", x))
    x = linear("predictor.4", graph.node("Relu", linear("predictor.2", x)))
    graph.output(x, RESULT, ("N", len(weights["predictor.4.bias"])))
    return graph.model()


def _encoder_stages(graph: Graph, weights: Tensors) -> list[str]:
    """Add a ghiasi net's encoder; return the features of each stage."""
    x = graph.input(IMAGE, ("N", 3, "H", "W"))
    x = graph.node("Sub", graph.node("Mul", x, graph.constant(np.float32(2))), graph.constant(np.float32(1)))
    found: list[str] = []
    for stage in range(len(ENCODER_WIDTHS)):
        for part, stride in ((0, 2), (2, 1)):
            name = f"encoder.stages.{stage}.{part}"
            x = convolve(graph, x, weights[f"{name}.weight"], weights[f"{name}.bias"], stride)
            x = graph.node("Relu", x)
        found.append(x)
    return found


def _pooled(graph: Graph, stages: Sequence[str]) -> str:
    return graph.node("Concat", *(value for x in stages for value in mean_deviation(graph, x)), axis=1)


def mean_deviation(graph: Graph, x: str) -> list[str]:
    """Add what `stylezoo.nn.stats.mean_std` computes, (N, C) each."""
    mean = graph.node("ReduceMean", x, axes=(2, 3), keepdims=1)
    apart = graph.node("Sub", x, mean)
    variance = graph.node("ReduceMean", graph.node("Mul", apart, apart), axes=(2, 3), keepdims=1)
    deviation = graph.node("Sqrt", graph.node("Add", variance, graph.constant(np.float32(EPS))))
    return [graph.node("Flatten", value, axis=1) for value in (mean, deviation)]


def vgg_graph(
    weights: Tensors,
    mean: Floats,
    deviation: np.float32,
    layers: Sequence[str] = ("relu4_1",),
    wrap: bool = False,
) -> bytes:
    """Return the model of VGG19 up to the last of `layers`, rising: input `image`, from which `mean` is subtracted
    before dividing by `deviation`; outputs the features at each of them, by their names."""
    graph = Graph()
    x = graph.input(IMAGE, ("N", 3, "H", "W"))
    x = graph.node("Div", graph.node("Sub", x, graph.constant(mean)), graph.constant(deviation))
    for block, depth in enumerate(VGG_DEPTHS, 1):
        x = graph.node("MaxPool", x, kernel_shape=(2, 2), strides=(2, 2)) if block > 1 else x
        for number in range(1, depth + 1):
            layer = f"relu{block}_{number}"
            parts = (graph.constant(weights[f"{layer}.{part}"]) for part in ("weight", "bias"))
            pads = (0, 0, 0, 0) if wrap else (1, 1, 1, 1)
            x = wrap_around(graph, x, 1) if wrap else x
            x = graph.node("Relu", graph.node("Conv", x, *parts, kernel_shape=(3, 3), pads=pads))
            if layer in layers:
                graph.output(x, layer, ("N", VGG_CHANNELS[layer], f"h{block}", f"w{block}"))
            if layer == layers[-1]:
                return graph.model()
    raise AssertionError(layers)


def decoder_graph(weights: Tensors, layer: str = "relu4_1", prefix: str = "decoder", wrap: bool = False) -> bytes:
    """Return the model that decodes a layer of VGG19: features of about 1, (N, C, h, w), to a picture, (N, 3, H, W)."""
    graph = Graph()
    x = graph.input(IMAGE, ("N", VGG_CHANNELS[layer], "h", "w"))
    names = iter(decoder_convolutions(layer, prefix))
    stages = mirrored(layer)
    for stage, widths in enumerate(stages):
        x = enlarge(graph, x, "nearest") if stage else x
        for index in range(len(widths)):
            name, *_ = next(names)
            x = convolve(graph, x, weights[f"{name}.weight"], weights[f"{name}.bias"], wrap=wrap)
            last = stage == len(stages) - 1 and index == len(widths) - 1
            x = x if last else graph.node("Relu", x)
    x = graph.node("Clip", x, graph.constant(np.float32(0)), graph.constant(np.float32(1)))
    graph.output(x, RESULT, ("N", 3, "H", "W"))
    return graph.model()
