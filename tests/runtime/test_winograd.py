"""Winograd's convolutions beside ordinary ones in float64."""

from __future__ import annotations

import numpy as np
import onnxruntime
import pytest

from stylezoo.runtime.graph import Graph
from stylezoo.runtime.winograd import convolve_winograd


@pytest.mark.parametrize("halves", [False, True])
@pytest.mark.parametrize("biased", [False, True])
@pytest.mark.parametrize(("height", "width"), [(2, 2), (4, 7), (5, 4), (6, 6), (7, 9), (8, 5)])
def test_it_convolves_with_reflection_at_every_size(height: int, width: int, biased: bool, halves: bool) -> None:
    rng = np.random.default_rng(height)
    x = rng.standard_normal((1, 5, height, width)).astype(np.float32)
    weight = rng.standard_normal((4, 5, 3, 3)).astype(np.float16).astype(np.float32)
    bias = rng.standard_normal(4).astype(np.float32) if biased else None
    graph = Graph(halves)
    image = graph.input("image", (1, 5, "H", "W"))
    graph.output(convolve_winograd(graph, image, weight, bias), "result", (1, 4, "H", "W"))
    (found,) = onnxruntime.InferenceSession(graph.model()).run(None, {"image": x})
    padded = np.pad(x.astype(np.float64)[0], ((0, 0), (1, 1), (1, 1)), mode="reflect")
    seen = np.lib.stride_tricks.sliding_window_view(padded, (3, 3), axis=(1, 2))
    expected = np.einsum("ihwkl,oikl->ohw", seen, weight) + (0 if bias is None else bias[:, None, None])
    assert found.shape == (1, *expected.shape)
    np.testing.assert_allclose(found[0], expected, atol=1e-4, rtol=0)
