from __future__ import annotations

from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from stylezoo.errors import OptionError, StyleError, WeightsError
from stylezoo.models import Johnson, StyleNet, create_model
from stylezoo.runtime.base import StyleCode
from stylezoo.zoo.families import FAMILIES
from stylezoo.zoo.spec import ModelSpec, StyleSpec
from stylezoo.zoo.store import read_header


def small(seed: int = 0) -> Johnson:
    torch.manual_seed(seed)
    return Johnson("fast", width=8, blocks=1).eval().requires_grad_(False)


def spec(net: StyleNet) -> ModelSpec:
    style = StyleSpec(id="dots", title="Dots", rights="public domain", source="drawn by code")
    return ModelSpec(name="johnson/dots", family="johnson", arch=net.arch, styles=(style,), license="Apache-2.0")


# Style codes


def test_codes_mix_along_a_straight_line() -> None:
    a, b = StyleCode(torch.tensor([[1.0, 2.0]])), StyleCode(torch.tensor([[3.0, -2.0]]))
    torch.testing.assert_close(torch.from_numpy((0.25 * a + b * 0.75).values), torch.tensor([[2.5, -1.0]]))
    torch.testing.assert_close(torch.from_numpy(a.lerp(b, 0.75).values), torch.tensor([[2.5, -1.0]]))
    torch.testing.assert_close(torch.from_numpy(a.lerp(b, 2).values), torch.tensor([[5.0, -6.0]]))
    assert (a.lerp(b, 0).values == a.values).all() and (a.lerp(b, 1).values == b.values).all()


# Building


@pytest.mark.slow
@pytest.mark.parametrize("family", FAMILIES)
def test_every_family_keeps_its_promises(family: str) -> None:
    net = create_model(family).eval()
    assert net.family == family
    assert net.multiple >= 1 and net.minimum >= 1 and net.overlap >= 0
    assert create_model(family, **net.arch).state_dict().keys() == net.state_dict().keys()
    assert (net.device.type, net.dtype) == ("cpu", torch.float32)


def test_an_unknown_family_is_named_with_the_nearest() -> None:
    with pytest.raises(OptionError, match=r"'jonson'.*Did you mean johnson\?"):
        create_model("jonson")


def test_a_net_without_styles_of_its_own_asks_for_a_picture() -> None:
    with pytest.raises(StyleError, match=r"johnson .*style image"):
        StyleNet.named_code(small(), 0)


# Weights


def test_weights_survive_a_file(tmp_path: Path) -> None:
    net, x = small(), torch.rand(1, 3, 16, 16)
    path = tmp_path / "made" / "net.safetensors"
    net.save_weights(path, spec(net))
    again = create_model("johnson", **net.arch, weights=path).eval()
    assert torch.equal(again(x), net(x))
    assert read_header(path) == spec(net)
    assert [p.name for p in path.parent.iterdir()] == ["net.safetensors"]


def test_half_precision_files_load_into_a_float32_net(tmp_path: Path) -> None:
    net, path = small(), tmp_path / "net.safetensors"
    net.save_weights(path, spec(net), torch.float16)
    assert {t.dtype for t in load_file(path).values()} == {torch.float16}
    again = create_model("johnson", **net.arch, weights=str(path))
    for name, value in net.state_dict().items():
        assert again.state_dict()[name].dtype == torch.float32
        assert torch.equal(again.state_dict()[name], value.half().float())


def test_a_failed_save_keeps_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    net, path = small(), tmp_path / "net.safetensors"
    net.save_weights(path, spec(net))
    before = path.read_bytes()

    def full(tensors: object, target: Path, metadata: object) -> None:
        target.write_bytes(b"half")
        raise OSError("no space left")

    monkeypatch.setattr("stylezoo.models.base.save_file", full)
    with pytest.raises(OSError, match="no space"):
        small(1).save_weights(path, spec(net))
    assert path.read_bytes() == before and len(list(tmp_path.iterdir())) == 1


def test_missing_unknown_and_misshapen_weights_are_named() -> None:
    net = small()
    weights = net.state_dict()
    before = {name: value.clone() for name, value in weights.items()}
    renamed = {("trunk.tail.bias" if k == "trunk.head.bias" else k): v + 1 for k, v in weights.items()}
    renamed["trunk.head.weight"] = torch.zeros(3, 2, 3, 3)
    with pytest.raises(WeightsError) as raised:
        net.load_weights(renamed)
    message = str(raised.value)
    assert message.startswith("the state dict does not fit johnson(variant=fast, width=8, blocks=1)")
    assert "'trunk.head.bias' is missing" in message
    assert "'trunk.tail.bias' is unknown" in message
    assert "'trunk.head.weight' has shape (3, 2, 3, 3) in place of (3, 2, 5, 5)" in message
    assert all(torch.equal(net.state_dict()[name], value) for name, value in before.items())


def test_many_problems_are_counted_not_listed() -> None:
    with pytest.raises(WeightsError, match=r"is missing; .* and \d+ more$") as raised:
        small().load_weights({})
    assert len(str(raised.value)) < 300


def test_a_checkpoint_of_something_else_is_refused() -> None:
    with pytest.raises(WeightsError, match="'epoch' is unknown"):
        small().load_weights({**small().state_dict(), "epoch": 3})  # type: ignore[dict-item]  # what people pass


def test_unreadable_files_are_named(tmp_path: Path) -> None:
    broken, lost = tmp_path / "broken.safetensors", tmp_path / "lost.safetensors"
    broken.write_bytes(b"not safetensors at all")
    for path in (broken, lost, tmp_path):
        with pytest.raises(WeightsError, match=f"cannot read {path}") as raised:
            small().load_weights(path)
        assert "\n" not in str(raised.value)


def test_a_file_for_another_net_is_named(tmp_path: Path) -> None:
    path = tmp_path / "other.safetensors"
    save_file({"w": torch.zeros(2)}, path)
    with pytest.raises(WeightsError, match=r"other.safetensors does not fit johnson"):
        small().load_weights(path)
