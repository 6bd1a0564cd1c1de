"""Writing ONNX by torch's exporter."""

from __future__ import annotations

import re
from typing import Any, NoReturn

import onnx
import pytest
import torch
from onnx_ir.passes import PassError
from torch import nn

from stylezoo.errors import OptionError
from stylezoo.nn.onnx import to_onnx


@pytest.mark.slow
def test_a_graph_has_nothing_of_our_source(capsys: pytest.CaptureFixture[str]) -> None:
    model = to_onnx(nn.Conv2d(3, 4, 3).eval(), (torch.rand(1, 3, 8, 8),))
    onnx.checker.check_model(model)
    assert capsys.readouterr().out == ""
    for node in model.graph.node:
        assert not node.metadata_props and not node.doc_string
    assert __file__.encode() not in model.SerializeToString()


def test_versions_that_do_not_work_together_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    def export(*args: Any, **options: Any) -> NoReturn:
        raise PassError("the model contains functions")

    monkeypatch.setattr(torch.onnx, "export", export)
    with pytest.raises(OptionError, match=re.escape(torch.__version__)):
        to_onnx(nn.Identity(), (torch.rand(1, 3, 8, 8),))
