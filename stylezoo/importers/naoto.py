"""naoto0804/pytorch-AdaIN: the release by which most know Huang & Belongie 2017 (arXiv:1703.06868) in PyTorch.

decoder.pth and vgg_normalised.pth are state dicts of two nn.Sequential, whose names are the places of the layers.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from torch import Tensor, nn

from stylezoo.backbones.normalised import NormalisedVGG
from stylezoo.errors import WeightsError
from stylezoo.models import AdaIN

LAYOUT = "pytorch-AdaIN decoder"

_DECODER = (1, 5, 8, 11, 14, 18, 21, 25, 28)  # the places of the convolutions; between them are paddings, ReLUs, ...
_ENCODER = (0, 2, 5, 9, 12, 16, 19, 22, 25, 29)
_USED = 31  # the encoder's layers to relu4_1; the file holds relu4_2 to relu5_4 too


def recognises(weights: Mapping[str, Tensor]) -> bool:
    """Return whether a state dict is a decoder of this layout."""
    return {"1.weight", "28.weight"} <= weights.keys() and "0.weight" not in weights


def is_encoder(weights: Mapping[str, Tensor]) -> bool:
    """Return whether a state dict is the encoder that belongs to such decoders."""
    return "29.weight" in weights and "0.weight" in weights and weights["0.weight"].shape == (3, 3, 1, 1)


def build(decoder: dict[str, Tensor], encoder: dict[str, Tensor], where: str, encoder_where: str) -> AdaIN:
    """Return the net of a decoder and its encoder; `where` and `encoder_where` are for messages.

    Raises:
        WeightsError: names are missing or unknown, or have other shapes.
    """
    if not is_encoder(encoder):
        what = "a decoder" if recognises(encoder) else "no encoder of an AdaIN decoder"
        raise WeightsError(
            f"--encoder {encoder_where} is {what}: give vgg_normalised.pth, which comes with the decoder"
        )
    net = AdaIN(encoder=NormalisedVGG.name)
    weights = {"styles": net.styles.detach()}
    used = {name: value for name, value in encoder.items() if not _place(name) >= _USED}
    weights |= _rename(net, "decoder", _DECODER, decoder, where)
    weights |= _rename(net, "encoder", _ENCODER, used, encoder_where)
    net.load_state_dict(weights)
    return net


def _place(name: str) -> int:
    place = name.partition(".")[0]
    return int(place) if place.isdecimal() and len(place) < 4 else -1


def _rename(
    net: AdaIN, part: str, places: Sequence[int], weights: Mapping[str, Tensor], where: str
) -> dict[str, Tensor]:
    """Return a state dict's tensors by this net's names, after checking names and shapes in the file's own."""
    convs = [name for name, layer in net.get_submodule(part).named_modules(prefix=part) if isinstance(layer, nn.Conv2d)]
    pairs = zip(places, convs, strict=True)
    names = {f"{place}.{kind}": f"{conv}.{kind}" for place, conv in pairs for kind in ("weight", "bias")}
    own = net.state_dict()
    net.check_fit(weights, {theirs: own[ours].shape for theirs, ours in names.items()}, where)
    return {ours: weights[theirs] for theirs, ours in names.items()}
