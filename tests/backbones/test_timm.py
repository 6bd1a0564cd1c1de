from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
import timm
import torch

import stylezoo
from stylezoo.backbones import TimmBackbone, create_backbone
from stylezoo.errors import BackboneError

NAME = "timm:mobilenetv3_small_050"


def backbone(*layers: str) -> TimmBackbone:
    torch.manual_seed(0)
    net = create_backbone(NAME, layers=layers, pretrained=False)
    assert isinstance(net, TimmBackbone)
    return net


def test_gives_the_named_layers_from_shallow_to_deep() -> None:
    net = backbone("blocks.3", "bn1", "blocks.1")
    assert (net.name, net.layers) == (NAME, ("bn1", "blocks.1", "blocks.3"))
    shapes = {name: tuple(feature.shape) for name, feature in net(torch.rand(2, 3, 64, 96)).items()}
    assert shapes == {"bn1": (2, 16, 32, 48), "blocks.1": (2, 16, 8, 12), "blocks.3": (2, 24, 4, 6)}
    assert list(net(torch.rand(1, 3, 64, 64), upto="blocks.1")) == ["bn1", "blocks.1"]


def test_normalises_as_the_model_was_trained() -> None:
    net, seen = backbone("bn1"), []
    net.net.register_forward_pre_hook(lambda _, args: seen.append(args[0]))
    x = torch.rand(1, 3, 32, 32)
    net(x)
    config = timm.get_pretrained_cfg("mobilenetv3_small_050")
    mean, std = (torch.tensor(v).view(3, 1, 1) for v in (config.mean, config.std))
    torch.testing.assert_close(seen[0], (x - mean) / std)


def test_computes_what_timms_own_net_computes() -> None:
    net = backbone("blocks.0", "blocks.5")
    theirs = timm.create_model("mobilenetv3_small_050").eval()
    missing, _ = theirs.load_state_dict(net.net.state_dict(), strict=False)
    assert all(name.startswith(("conv_head", "norm_head", "classifier")) for name in missing)
    tapped: list[torch.Tensor] = []
    theirs.blocks[5].register_forward_hook(lambda _, __, y: tapped.append(y))
    x = torch.rand(1, 3, 64, 64)
    theirs((x - net.mean) / net.std)
    torch.testing.assert_close(net(x)["blocks.5"], tapped[0])


def test_stays_frozen_when_a_module_around_it_trains() -> None:
    around = torch.nn.Sequential(net := backbone("blocks.0")).train()
    before = {name: value.clone() for name, value in net.state_dict().items()}
    x = torch.rand(2, 3, 32, 32, requires_grad=True)
    around(x)["blocks.0"].sum().backward()
    assert x.grad is not None and x.grad.abs().max() > 0
    assert all(torch.equal(net.state_dict()[name], value) for name, value in before.items())
    assert not any(module.training for module in net.modules())
    assert not any(p.requires_grad for p in net.parameters())


def test_unknown_layers_and_models_are_named_with_the_nearest() -> None:
    with pytest.raises(BackboneError, match=r"no layer 'blocks.9'; it has bn1, blocks.0, .*Did you mean blocks"):
        backbone("blocks.9")
    with pytest.raises(BackboneError, match="name at least one layer"):
        backbone()
    with pytest.raises(BackboneError, match=r"'mobilenetv3_smal_050'.*Did you mean mobilenetv3_small_050"):
        create_backbone("timm:mobilenetv3_smal_050", layers=["bn1"], pretrained=False)


@pytest.mark.slow
def test_without_the_hub_the_message_is_one_line_with_the_remedy(tmp_path: Path) -> None:
    program = f"""
from stylezoo.backbones import create_backbone
from stylezoo.errors import BackboneError
for name, layer in (({NAME!r}, "bn1"), ("vgg16:timm", "relu1_1")):
    try:
        create_backbone(name, layers=[layer])
    except BackboneError as error:
        print(error)
"""
    environment = os.environ | {"HF_HUB_OFFLINE": "1", "HF_HOME": str(tmp_path), "OMP_NUM_THREADS": "1"}
    root = str(Path(stylezoo.__file__).parents[1])
    environment["PYTHONPATH"] = os.pathsep.join(filter(None, [root, os.environ.get("PYTHONPATH")]))
    ran = subprocess.run([sys.executable, "-c", program], env=environment, capture_output=True, text=True, check=True)
    small, vgg16 = ran.stdout.splitlines()
    assert small.startswith("timm cannot load 'mobilenetv3_small_050'")
    assert vgg16.startswith("timm cannot load 'vgg16.tv_in1k'")
    assert all(line.endswith("vgg19:caffe needs no network") for line in (small, vgg16))
