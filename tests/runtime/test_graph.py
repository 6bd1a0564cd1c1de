"""The graph builder beside the onnx package, which reads and checks what it writes."""

from __future__ import annotations

import numpy as np
import onnx

from stylezoo.runtime.graph import Graph


def test_a_graph_is_valid_and_each_node_has_a_name_of_its_own() -> None:
    graph = Graph()
    image = graph.input("image", (1, 4, "H", "W"))
    halves = graph.nodes("Split", image, graph.constant(np.array([2, 2])), outputs=2, axis=1)
    graph.output(graph.node("Add", graph.node("Neg", halves[0]), graph.node("Neg", halves[1])), "sum", (1, 2, "H", "W"))
    model = onnx.load_model_from_string(graph.model())
    onnx.checker.check_model(model, full_check=True)
    names = [node.name for node in model.graph.node]
    assert len(names) == len(set(names)) == 5 and all(names)
