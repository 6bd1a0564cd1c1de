"""Any timm model with `features_only` as a backbone."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from stylezoo.backbones.base import Backbone
from stylezoo.errors import BackboneError, did_you_mean


def timm_model(model: str, *, pretrained: bool, **args: Any) -> Any:
    """Return `timm.create_model(model)`, with its failures as BackboneError."""
    import timm

    try:
        return timm.create_model(model, pretrained=pretrained, **args)
    except Exception as cause:  # the hub client, timm and torch each raise their own kinds
        reason = " ".join(str(cause).split()) or type(cause).__name__
        if "nknown model" in reason:
            reason += did_you_mean(model, timm.list_models())
        raise BackboneError(f"timm cannot load '{model}': {reason[:300]}; vgg19:caffe needs no network") from cause


class TimmBackbone(Backbone):
    """See `stylezoo.create_backbone`; layers are the module names that timm's `feature_info` lists."""

    mean: Tensor
    std: Tensor

    def __init__(self, name: str, layers: Sequence[str], *, pretrained: bool = True) -> None:
        super().__init__()
        self.name = name
        model = name.removeprefix("timm:")
        known = list(timm_model(model, pretrained=False, features_only=True).feature_info.module_name())
        for layer in layers:
            if layer not in known:
                raise BackboneError(
                    f"{name} has no layer '{layer}'; it has {', '.join(known)}.{did_you_mean(layer, known)}"
                )
        if not layers:
            raise BackboneError(f"name at least one layer of {name}: {', '.join(known)}")
        self.layers = tuple(n for n in known if n in layers)
        indices = tuple(known.index(n) for n in self.layers)
        self.net = timm_model(model, pretrained=pretrained, features_only=True, out_indices=indices)
        config = self.net.pretrained_cfg
        self.register_buffer("mean", torch.tensor(config["mean"]).view(1, 3, 1, 1), persistent=False)
        self.register_buffer("std", torch.tensor(config["std"]).view(1, 3, 1, 1), persistent=False)
        self.freeze()

    def forward(self, x: Tensor, upto: str | None = None) -> dict[str, Tensor]:
        """As `Backbone.forward`; timm's nets run to their deepest tapped layer whatever `upto` says."""
        features = dict(zip(self.layers, self.net((x - self.mean) / self.std), strict=True))
        if upto is not None:
            features = {n: features[n] for n in self.layers[: self.layers.index(upto) + 1]}
        return features
