"""The families of style-transfer nets, one paper a file, and the door that builds them by name.

`gatys` is what was there before the nets: it optimises each picture, behind the same interface.
"""

from __future__ import annotations

from typing import Any

from stylezoo.errors import OptionError, did_you_mean
from stylezoo.models.adain import AdaIN
from stylezoo.models.base import StyleNet
from stylezoo.models.cin import CIN
from stylezoo.models.gatys import Gatys
from stylezoo.models.ghiasi import Ghiasi
from stylezoo.models.johnson import Johnson

FAMILIES: dict[str, type[StyleNet]] = {"johnson": Johnson, "cin": CIN, "ghiasi": Ghiasi, "adain": AdaIN, "gatys": Gatys}


def create_model(arch: str, *, weights: Any = None, **args: Any) -> StyleNet:
    """Build a net.

    Args:
        arch: the family, for example "johnson".
        weights: None (random weights), a state dict, or the path of a .safetensors file.
        **args: what the family takes, for example `variant="fast"`.

    Raises:
        OptionError: the family or an argument does not exist, or a value is out of range.
        WeightsError: the weights are of another net.
    """
    if arch not in FAMILIES:
        raise OptionError(
            f"no family of nets is named '{arch}'; there are {', '.join(FAMILIES)}.{did_you_mean(arch, FAMILIES)}"
        )
    family = FAMILIES[arch]
    try:
        net = family(**args)
    except TypeError as cause:
        raise OptionError(f"{arch} cannot be built with {args}: {cause}") from cause
    if weights is not None:
        net.load_weights(weights)
    return net


__all__ = [
    "CIN",
    "FAMILIES",
    "AdaIN",
    "Gatys",
    "Ghiasi",
    "Johnson",
    "StyleNet",
    "create_model",
]
