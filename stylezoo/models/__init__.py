"""The families of style-transfer nets, one file for each paper, and `create_model`, which builds them by name.

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
from stylezoo.zoo.families import FAMILIES, resolve


def net_class(family: str) -> type[StyleNet]:
    """Return the class of a family's nets. Raises OptionError where there is no such family."""
    if family not in FAMILIES:
        raise OptionError(
            f"no model family is named '{family}'; there are {', '.join(FAMILIES)}.{did_you_mean(family, FAMILIES)}"
        )
    found: type[StyleNet] = resolve(FAMILIES[family].net)
    return found


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
    family = net_class(arch)
    try:
        net = family(**args)
    except TypeError as cause:
        raise OptionError(f"{arch} cannot be built with {args}: {cause}") from cause
    if weights is not None:
        net.load_weights(weights)
    return net


__all__ = [
    "CIN",
    "AdaIN",
    "Gatys",
    "Ghiasi",
    "Johnson",
    "StyleNet",
    "create_model",
    "net_class",
]
