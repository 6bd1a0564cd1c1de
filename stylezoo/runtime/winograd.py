"""Convolutions with fewer multiplications, for WebAssembly, which computes four numbers at a time.

Winograd's minimal filtering F(4, 3) (Lavin and Gray 2016, arXiv:1509.09308) along columns of pixels: of 6 rows of input
and 3 of a kernel it makes 4 rows of output with 6 multiplications in place of 12. On processors with wider registers,
onnxruntime's own convolution is faster.
"""

from __future__ import annotations

import numpy as np

from stylezoo.runtime.base import Floats
from stylezoo.runtime.graph import Graph

MADE, READ, KERNEL = 4, 6, 3  # rows of output and of input of a tile, and of a kernel

INPUT = np.array(
    [
        [4, 0, -5, 0, 1, 0],
        [0, -4, -4, 1, 1, 0],
        [0, 4, -4, -1, 1, 0],
        [0, -2, -1, 2, 1, 0],
        [0, 2, -1, -2, 1, 0],
        [0, 4, 0, -5, 0, 1],
    ]
)
"""B^T of the paper: a tile's rows to what is multiplied."""
WEIGHT = np.array([[6, 0, 0], [-4, -4, -4], [-4, 4, -4], [1, 2, 4], [1, -2, 4], [0, 0, 24]]) / 24
"""G: a kernel's rows to what they are multiplied with."""
OUTPUT = np.array([[1, 1, 1, 1, 1, 0], [0, 1, -1, 2, -2, 0], [0, 1, 1, 4, 4, 0], [0, 1, -1, 8, -8, 1]])
"""A^T: products to a tile's rows of output."""


def convolve_winograd(graph: Graph, x: str, weight: Floats, bias: Floats | None = None) -> str:
    """Add a 3x3 convolution of one picture, (1, I, H, W), that reflects at the borders and keeps the size.

    Channels take the place of the batch where tiles are transformed, and products that of channels.
    """
    outputs, inputs = weight.shape[:2]
    to_products, to_factors, to_rows = (matrix.astype(np.float32) for matrix in (INPUT, WEIGHT, OUTPUT))

    def reshaped(x: str, *shape: int) -> str:  # 0: as it is, -1: the rest
        return graph.node("Reshape", x, graph.constant(shape))

    height = graph.node("Slice", graph.node("Shape", x), graph.constant([2]), graph.constant([3]))
    x = graph.node("Pad", x, graph.constant([0, 0, 1, 1, 0, 0, 1, 1]), mode="reflect")
    # rows of zeros below complete the last tile
    tiles = {"kernel_shape": (READ, 1), "strides": (MADE, 1), "pads": (0, 0, MADE - 1, 0)}
    x = graph.node("Conv", reshaped(x, inputs, 1, 0, 0), graph.constant(to_products[:, None, :, None]), **tiles)
    x = reshaped(graph.node("Transpose", x, perm=(1, 0, 2, 3)), 1, READ * inputs, 0, 0)
    # computed when the graph is opened, so that half precision holds the weights
    kernels = graph.node(
        "MatMul", graph.constant(to_factors), graph.constant(weight.transpose(2, 0, 1, 3).reshape(KERNEL, -1))
    )
    kernels = reshaped(kernels, READ * outputs, inputs, 1, KERNEL)
    x = graph.node("Conv", x, kernels, kernel_shape=(1, KERNEL), group=READ)
    x = graph.node("Transpose", reshaped(x, READ, outputs, 0, 0), perm=(1, 0, 2, 3))
    x = graph.node("Conv", x, graph.constant(to_rows[:, :, None, None]), kernel_shape=(1, 1))
    x = reshaped(graph.node("Transpose", x, perm=(0, 2, 1, 3)), 1, outputs, -1, 0)
    x = graph.node("Slice", x, graph.constant([0]), height, graph.constant([2]))
    return x if bias is None else graph.node("Add", x, graph.constant(bias[:, None, None]))
