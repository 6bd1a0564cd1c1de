"""Build ONNX graphs of trunks from their weights, in some milliseconds.

A trunk has three graphs, which differ in their norms. "plain": each picture has its own statistics. "smoothed": these
are mixed with those of the previous frame, and are also an output. "regions": statistics, gammas and betas are inputs
and are mixed per pixel.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Literal, get_args

import numpy as np

from stylezoo.runtime import winograd
from stylezoo.runtime.architecture import (
    PARTS,
    PATCH,
    STEP,
    WEAVE,
    Trunk,
)
from stylezoo.runtime.base import LIMIT, SHIFT, Floats
from stylezoo.runtime.graph import Graph

Mode = Literal["plain", "smoothed", "regions"]
MODES: tuple[Mode, ...] = get_args(Mode)
Tensors = Mapping[str, Floats]

IMAGE, AFFINE, SHARES, STATISTICS, BEFORE, SHARE = "image", "affine", "shares", "statistics", "before", "share"
RESULT = "result"
EPS = 1e-5
TO_THE_END = 2**62
"""As the end of a slice: the last element."""


def trunk_graph(trunk: Trunk, weights: Tensors, mode: Mode = "plain", wrap: bool = False, web: bool = False) -> bytes:
    """Return the model of a trunk: inputs `image`, (N, 3, H, W) in [0, 1], and `affine`, output `result`.

    With `wrap`, here and below, borders are padded circularly, by the pixels at the opposite edge. With `web`, the
    model is one for browsers: small, as `Graph` says of `halves`, and fast in WebAssembly, see `convolve_winograd`. It
    takes one picture.
    """
    return _TrunkWriter(trunk, weights, mode, wrap, web).write()


class _TrunkWriter:
    def __init__(self, trunk: Trunk, weights: Tensors, mode: Mode, wrap: bool, web: bool) -> None:
        self.trunk, self.weights, self.mode, self.wrap, self.web = trunk, weights, mode, wrap, web
        self.graph = Graph(halves=web)
        self._norms = 0
        self._measured: list[str] = []
        self._pooled: dict[int, str] = {}

    def write(self) -> bytes:
        graph, trunk, mode = self.graph, self.trunk, self.mode
        size = trunk.affine_size
        x = graph.input(IMAGE, (1 if self.web else "N", 3, "H", "W"))
        self._affine = self._rows(AFFINE, size)
        if mode == "smoothed":
            self._before = self._rows(BEFORE, size)
            self._share = graph.input(SHARE, (1,))
        if mode == "regions":
            self._statistics = self._rows(STATISTICS, size)
            self._pooled[1] = graph.input(SHARES, ("one", "K", "H", "W"))
        if trunk.variant == "classic":
            x = graph.node("Mul", x, graph.constant(np.float32(255)))
        y = self._compact(x) if trunk.variant == "compact" else self._layered(x)
        if trunk.variant == "classic":
            y = graph.node("Mul", y, graph.constant(np.float32(1 / 255)))
            y = graph.node("Clip", y, graph.constant(np.float32(0)), graph.constant(np.float32(1)))
        else:
            y = graph.node("Sigmoid", y)
        graph.output(y, RESULT, ("N", 3, "H", "W"))
        if mode == "smoothed":
            graph.output(graph.node("Concat", *self._measured, axis=1), STATISTICS, ("N", size))
        return graph.model()

    def _rows(self, name: str, size: int) -> list[str]:
        """Declare an input of rows, (K, size), with two numbers for each channel of each norm; return its parts."""
        rows = self.graph.input(name, ("one" if self.mode == "plain" else f"rows of {name}", size))
        ends = np.cumsum([width for width in self.trunk.norm_widths for _ in "gb"])
        parts = zip([0, *ends[:-1]], ends, strict=True)
        # one by one: WebGPU has no Split into so many
        return [self.graph.node("Slice", rows, *(self.graph.constant([v]) for v in (*part, 1))) for part in parts]

    def _compact(self, x: str) -> str:
        graph = self.graph
        x = self._conv(x, "stem.conv", STEP, (PATCH - STEP) // 2)
        x = self._blocks(graph.node("Relu", self._norm(x, 4)), 4)
        x = self._lowpass(self._norm(self._conv(x, "narrow.conv"), 4))
        x = graph.node("Relu", self._lowpass(self._enlarged(x, "linear")))
        x = graph.node("Relu", self._norm(self._conv(x, "refine.conv"), 2))
        weight, bias = fold_head(self.weights["trunk.head.weight"], self.weights["trunk.head.bias"])
        x = self._convolved(x, weight, bias)
        return graph.node("DepthToSpace", x, blocksize=2, mode="CRD")

    def _layered(self, x: str) -> str:
        graph, fast = self.graph, self.trunk.variant == "fast"
        scale = 1
        if fast:
            x, scale = graph.node("SpaceToDepth", x, blocksize=2), 2
        for stage in range(len(self.trunk.encoder)):
            x = self._conv(x, f"encoder.{stage}.conv", 2 if stage else 1)
            scale *= 2 if stage else 1
            x = graph.node("Relu", self._norm(x, scale))
        x = self._lowpass(self._blocks(x, scale))
        for stage in range(len(self.trunk.decoder)):
            scale //= 2
            x = self._enlarged(x, "linear" if fast else "nearest")
            x = self._conv(x if stage else self._lowpass(x), f"decoder.{stage}.conv")
            x = graph.node("Relu", self._norm(x, scale))
        x = self._conv(x, "head")
        return self._norm(x, 1) if self.trunk.variant == "magenta" else x

    def _blocks(self, x: str, scale: int) -> str:
        for block in range(self.trunk.blocks):
            y = x
            for part in PARTS:
                y = self._norm(self._conv(y, f"blocks.{block}.{part}.conv"), scale)
                y = self.graph.node("Relu", y) if part == PARTS[0] else y
            x = self.graph.node("Add", x, y)
        return x

    def _conv(self, x: str, name: str, stride: int = 1, border: int | None = None) -> str:
        weight = self.weights[f"trunk.{name}.weight"]
        if self.trunk.variant == "fast" and name == "encoder.0.conv":  # SpaceToDepth counts pixels before channels
            outputs, inputs, *kernel = weight.shape
            weight = weight.reshape(outputs, 3, 4, *kernel).swapaxes(1, 2).reshape(outputs, inputs, *kernel)
        return self._convolved(x, weight, self.weights.get(f"trunk.{name}.bias"), stride, border)

    def _convolved(
        self, x: str, weight: Floats, bias: Floats | None, stride: int = 1, border: int | None = None
    ) -> str:
        if self.web and not self.wrap and stride == 1 and weight.shape[-1] == winograd.KERNEL:
            return winograd.convolve_winograd(self.graph, x, weight, bias)
        return convolve(self.graph, x, weight, bias, stride, border, self.wrap)

    def _lowpass(self, x: str) -> str:
        """Blur by 1 2 1 in both directions, that is twice by 1 1, if the net is antialiased."""
        if not self.trunk.antialiased:
            return x
        x = padding(self.graph, x, 1, self.wrap)
        for _ in range(2):
            x = self.graph.node("AveragePool", x, kernel_shape=(2, 2), strides=(1, 1))
        return x

    def _enlarged(self, x: str, mode: str) -> str:
        return enlarge(self.graph, x, mode, self.wrap)

    def _norm(self, x: str, scale: int) -> str:
        """Normalise at 1 / `scale` of the resolution."""
        index, self._norms = self._norms, self._norms + 1
        pair = slice(2 * index, 2 * index + 2)
        norms: dict[str, Callable[..., str]] = {
            "plain": self._plain,
            "smoothed": self._smoothed,
            "regions": self._by_regions,
        }
        return norms[self.mode](x, scale, pair)

    def _plain(self, x: str, scale: int, pair: slice) -> str:
        flat = self.graph.constant([-1])
        gamma, beta = (self.graph.node("Reshape", part, flat) for part in self._affine[pair])
        return self.graph.node("InstanceNormalization", x, gamma, beta, epsilon=EPS)

    def _smoothed(self, x: str, scale: int, pair: slice) -> str:
        graph = self.graph
        axes = graph.constant([2, 3])
        mean = graph.node("ReduceMean", x, axes=(2, 3), keepdims=1)
        apart = graph.node("Sub", x, mean)
        variance = graph.node("ReduceMean", graph.node("Mul", apart, apart), axes=(2, 3), keepdims=1)
        deviation = graph.node("Sqrt", graph.node("Add", variance, graph.constant(np.float32(EPS))))
        inverse, half = graph.node("Reciprocal", deviation), graph.node("Mul", deviation, self._number(SHIFT))
        bounds = [
            (mean, graph.node("Sub", mean, half), graph.node("Add", mean, half)),
            (inverse, *(graph.node("Mul", inverse, self._number(f)) for f in (1 / LIMIT, LIMIT))),
        ]
        mixed = []
        for (own, least, most), part in zip(bounds, self._before[pair], strict=True):
            before = graph.node("Min", graph.node("Max", graph.node("Unsqueeze", part, axes), least), most)
            mixed.append(graph.node("Add", own, graph.node("Mul", graph.node("Sub", before, own), self._share)))
            self._measured.append(graph.node("Flatten", mixed[-1], axis=1))
        gamma, beta = (graph.node("Unsqueeze", part, axes) for part in self._affine[pair])
        return self._scaled(x, gamma, beta, *mixed)

    def _number(self, value: float) -> str:
        return self.graph.constant(np.float32(value))

    def _by_regions(self, x: str, scale: int, pair: slice) -> str:
        graph = self.graph
        rows = graph.node("Concat", *self._affine[pair], *self._statistics[pair], axis=1)  # (K, 4C)
        kernel = graph.node("Unsqueeze", graph.node("Transpose", rows, perm=(1, 0)), graph.constant([2, 3]))
        maps = graph.node("Conv", self._shares_at(scale), kernel)
        gamma, beta, mean, inverse = graph.nodes("Split", maps, outputs=4, axis=1)
        return self._scaled(x, gamma, beta, mean, inverse)

    def _scaled(self, x: str, gamma: str, beta: str, mean: str, inverse: str) -> str:
        graph = self.graph
        scale = graph.node("Mul", inverse, gamma)
        shift = graph.node("Sub", beta, graph.node("Mul", mean, scale))
        return graph.node("Add", graph.node("Mul", x, scale), shift)

    def _shares_at(self, scale: int) -> str:
        if scale not in self._pooled:
            sides = (scale, scale)
            self._pooled[scale] = self.graph.node("AveragePool", self._pooled[1], kernel_shape=sides, strides=sides)
        return self._pooled[scale]


def convolve(
    graph: Graph,
    x: str,
    weight: Floats,
    bias: Floats | None = None,
    stride: int = 1,
    border: int | None = None,
    wrap: bool = False,
) -> str:
    """Add a convolution with reflection padding of `border` px; None: keep the size (at stride 1)."""
    kernel = weight.shape[-1]
    border = kernel // 2 if border is None else border
    x = padding(graph, x, border, wrap)
    inputs = [x, graph.constant(weight), *([] if bias is None else [graph.constant(bias)])]
    return graph.node("Conv", *inputs, kernel_shape=(kernel, kernel), strides=(stride, stride))


def padding(graph: Graph, x: str, border: int, wrap: bool) -> str:
    """Add reflection, or circular, padding by `border` px, if any."""
    if border and wrap:
        return wrap_around(graph, x, border)
    if border:
        return graph.node("Pad", x, graph.constant([0, 0, border, border, 0, 0, border, border]), mode="reflect")
    return x


def wrap_around(graph: Graph, x: str, border: int) -> str:
    """Add circular padding by `border` px, at most the size. Opset 17 has no operator for it."""

    def part(x: str, axis: int, first: int, last: int) -> str:
        return graph.node("Slice", x, *(graph.constant([value]) for value in (first, last, axis)))

    for axis in (2, 3):
        ends = part(x, axis, -border, TO_THE_END), x, part(x, axis, 0, border)
        x = graph.node("Concat", *ends, axis=axis)
    return x


def enlarge(graph: Graph, x: str, mode: str, wrap: bool = False) -> str:
    """Add upsampling to twice the size, "nearest" or "linear"."""
    if wrap and mode == "linear":
        wide = enlarge(graph, wrap_around(graph, x, 1), mode)
        edges = graph.constant([2, 2]), graph.constant([-2, -2]), graph.constant([2, 3])
        return graph.node("Slice", wide, *edges)
    scales = graph.constant(np.array([1, 1, 2, 2], dtype=np.float32))
    if mode == "nearest":
        how = {"coordinate_transformation_mode": "asymmetric", "nearest_mode": "floor"}
    else:
        how = {"coordinate_transformation_mode": "half_pixel"}
    return graph.node("Resize", x, "", scales, mode=mode, **how)


def fold_head(weight: Floats, bias: Floats) -> tuple[Floats, Floats]:
    """Return a compact trunk's head as one convolution at low resolution: four kernels derived from one.

    See `stylezoo.nn.compact.EnlargingConv`.
    """
    weave = np.array(WEAVE, dtype=np.float32)
    kernels = np.einsum("oikl,pka,qlb->opqiab", weight, weave, weave, optimize=True)
    return kernels.reshape(-1, *weight.shape[1:]), np.repeat(bias, 4)
