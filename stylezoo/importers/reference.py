"""The PyTorch reference net, pytorch/examples' fast_neural_style: Johnson et al. 2016 (arXiv:1603.08155)."""

from __future__ import annotations

from collections.abc import Mapping

from torch import Tensor

from stylezoo.errors import WeightsError
from stylezoo.models import Johnson
from stylezoo.runtime.architecture import DIVISORS

LAYOUT = "PyTorch fast_neural_style"

_STAGES = [f"{stage}.conv2d.weight" for stage in ("conv1", "conv2", "conv3", "deconv1", "deconv2")]


def recognises(weights: Mapping[str, Tensor]) -> bool:
    """Return whether a state dict is of this layout."""
    return _STAGES[0] in weights


def build(weights: dict[str, Tensor], where: str) -> Johnson:
    """Return the net; widths and blocks are read from the state dict. `where` is for messages.

    Raises:
        WeightsError: names are missing or unknown, or shapes do not fit each other.
        OptionError: it is wider or deeper than any net here.
    """
    missing = next((name for name in _STAGES if name not in weights or weights[name].ndim != 4), None)
    if missing:
        raise WeightsError(f"{where} has the {LAYOUT} layout but no kernel '{missing}': copy or download it again")
    stages = [len(weights[name]) for name in _STAGES]
    plain = stages[2] % 4 == 0 and stages == [stages[2] // divisor for divisor in DIVISORS["classic"]]
    width = stages[2] if plain else "-".join(map(str, stages))
    blocks = 0
    while f"res{blocks + 1}.conv1.conv2d.weight" in weights:
        blocks += 1
    net = Johnson("classic", width, blocks)
    net.load_state_dict(net.adapt_state_dict(weights, where))
    return net
