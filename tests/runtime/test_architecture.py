"""The names and shapes that are known without torch are those of the nets."""

from __future__ import annotations

from typing import Any

import pytest

from stylezoo.models import create_model
from stylezoo.models.trunk_net import TrunkNet
from stylezoo.runtime.architecture import Trunk
from stylezoo.runtime.layout import layout_of

NETS: list[tuple[str, dict[str, Any]]] = [
    *(("johnson", {"variant": variant, "blocks": 2}) for variant in ("fast", "compact", "classic", "magenta")),
    ("johnson", {"variant": "compact", "width": "20-12-8"}),
    ("johnson", {"variant": "compact", "antialiased": True}),
    ("cin", {"variant": "fast", "antialiased": True}),
    ("cin", {"styles": 3, "width": 16}),
    ("cin", {"styles": 2, "variant": "magenta", "photo": False, "width": 16}),
    ("ghiasi", {"styles": 2, "variant": "compact"}),
    ("ghiasi", {"variant": "fast", "folded": True}),
    ("adain", {"styles": 4}),
    ("wct", {}),
    ("styleswap", {"patch": 5, "stride": 2}),
]


@pytest.mark.parametrize(("family", "arch"), NETS)
def test_shapes_are_those_of_the_net(family: str, arch: dict[str, Any]) -> None:
    net = create_model(family, **arch)
    assert layout_of(family).shapes(net.arch) == {name: tuple(value.shape) for name, value in net.state_dict().items()}
    if isinstance(net, TrunkNet):
        assert Trunk(net.arch).norm_widths == net.trunk.norm_widths
