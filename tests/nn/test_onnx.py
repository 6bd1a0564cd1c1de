"""Writing ONNX by torch's exporter."""

from __future__ import annotations

import onnx
import pytest
import torch
from torch import nn

from stylezoo.nn.onnx import to_onnx


@pytest.mark.slow
def test_a_graph_has_nothing_of_our_source(capsys: pytest.CaptureFixture[str]) -> None:
    model = to_onnx(nn.Conv2d(3, 4, 3).eval(), (torch.rand(1, 3, 8, 8),))
    onnx.checker.check_model(model)
    assert capsys.readouterr().out == ""
    for node in model.graph.node:
        assert not node.metadata_props and not node.doc_string
    assert __file__.encode() not in model.SerializeToString()
