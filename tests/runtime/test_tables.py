from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from safetensors.numpy import load_file, save_file

import stylezoo
from stylezoo.errors import StyleZooError, WeightsError
from stylezoo.models import create_model
from stylezoo.runtime.layout import layout_of
from stylezoo.runtime.tables import LEAST, LEVELS, pack, pack_kernels, unpack
from stylezoo.runtime.weights import Weights
from stylezoo.zoo.spec import HEADER_KEY
from stylezoo.zoo.store import BUNDLED, read_metadata

TABLED = ("adain/vgg19", "styleswap/vgg19", "wct/vgg19")


def normal(*shape: int) -> NDArray[np.float32]:
    return np.random.default_rng(0).standard_normal(shape).astype(np.float32)


def test_normal_values_lose_what_the_best_table_loses() -> None:
    """Panter and Dite 1951: with N levels the mean squared error tends to sqrt(3) pi / 2 / N^2 of the variance."""
    values = normal(64, 128, 3, 3)
    again = unpack(pack("kernel", values), "file")["kernel"]
    assert again.shape == values.shape and again.dtype == values.dtype
    error = np.sqrt(np.mean((again.astype(np.float64) - values) ** 2))
    assert error == pytest.approx(math.sqrt(math.sqrt(3) * math.pi / 2) / LEVELS, rel=0.03)


@pytest.mark.parametrize("dtype", [np.float16, np.float32])
def test_every_value_has_the_nearest_level(dtype: type) -> None:
    values = (normal(3000) ** 3).astype(dtype)  # heavy tails, as Gram matrices have them
    packed = pack("x", values)
    table = packed["x.table"].astype(np.float64)
    assert table.shape == (LEVELS,) and packed["x.codes"].dtype == np.uint8 and packed["x.table"].dtype == dtype
    chosen = np.abs(table[packed["x.codes"]] - values)
    np.testing.assert_allclose(chosen, np.abs(values.astype(np.float64)[:, None] - table).min(axis=1), atol=1e-12)
    spread = np.linspace(values.min(), values.max(), LEVELS).astype(np.float64)
    even = np.abs(values.astype(np.float64)[:, None] - spread).min(axis=1)
    assert np.mean(chosen**2) < 0.2 * np.mean(even**2)


@pytest.mark.parametrize("count", [1, 2, 200, LEVELS])
def test_few_different_values_are_kept_exactly(count: int) -> None:
    values = np.random.default_rng(1).choice(normal(count), 1000)
    again = unpack(pack("x", values), "file")["x"]
    assert np.array_equal(again, values)
    assert np.array_equal(unpack(pack("x", again), "file")["x"], values)


def test_only_large_kernels_are_packed() -> None:
    side = math.isqrt(LEAST // 16)
    weights = {
        "large": normal(side, side, 4, 4),
        "small": normal(side, side, 3, 3),
        "linear": normal(side * 4, side * 4),
    }
    weights = {f"decoder.{name}": value for name, value in weights.items()} | {"trunk.large": weights["large"]}
    packed = pack_kernels(weights, ("decoder.", "decoders."))
    plain = {"decoder.small", "decoder.linear", "trunk.large"}
    assert packed.keys() == {"decoder.large.codes", "decoder.large.table", *plain}
    again = unpack(packed, "file")
    assert again.keys() == weights.keys() and all(again[name] is weights[name] for name in plain)


@pytest.mark.parametrize(
    ("family", "arch", "names"),
    [
        ("adain", {"styles": 1, "encoder": "vgg19:normalised"}, ("encoder.conv.weight", "decoder.0.weight")),
        ("cin", {"styles": 1}, ("trunk.blocks.0.first.conv.weight", "trunk.decoder.0.conv.weight")),
        ("ghiasi", {"styles": 1}, ("trunk.blocks.0.first.conv.weight", "encoder.stages.4.2.weight")),
    ],
)
def test_rows_serve_a_net_before_and_after_its_release(family: str, arch: dict, names: tuple[str, ...]) -> None:
    layout, large = layout_of(family), normal(64, 128, 3, 3).astype(np.float16)
    weights = dict.fromkeys(names, large)
    after = unpack(pack_kernels(weights, layout.packs), "file")
    assert layout.trunk_hash(arch, after) == layout.trunk_hash(arch, weights)


def test_torch_and_numpy_unpack_the_same() -> None:
    packed = pack("x", normal(8, 8))
    tensors = {name: torch.from_numpy(value) for name, value in packed.items()}
    assert torch.equal(unpack(tensors, "file")["x"], torch.from_numpy(unpack(packed, "file")["x"]))


@pytest.mark.parametrize("framework", ["numpy", "torch"])
@pytest.mark.parametrize("fault", ["no table", "no codes", "short table", "wide codes", "whole numbers"])
def test_a_broken_table_is_named(fault: str, framework: str) -> None:
    packed = pack("conv.weight", normal(8, 8))
    codes, table = packed["conv.weight.codes"], packed["conv.weight.table"]
    if fault.startswith("no "):
        del packed["conv.weight." + fault.removeprefix("no ")]
    else:
        packed |= {
            "short table": {"conv.weight.table": table[:100]},
            "wide codes": {"conv.weight.codes": codes.astype(np.int32)},
            "whole numbers": {"conv.weight.table": table.astype(np.int32)},
        }[fault]
    tensors = packed if framework == "numpy" else {name: torch.from_numpy(v) for name, v in packed.items()}
    with pytest.raises(WeightsError, match=r"bad\.safetensors: 'conv\.weight'"):
        unpack(tensors, "bad.safetensors")


@pytest.mark.parametrize("name", TABLED)
def test_both_runtimes_read_the_same_numbers_of_the_bundled_nets(name: str) -> None:
    spec = stylezoo.model_info(name)
    assert spec.weights is not None and spec.weights.dtype == "uint8"
    path = BUNDLED / spec.weights.file
    stored = load_file(path)
    assert any(value.dtype == np.uint8 for value in stored.values())
    weights = Weights.read(path, spec.family, spec.arch)
    net = create_model(spec.family, **spec.arch, weights=str(path)).state_dict()
    assert net.keys() == weights.tensors.keys()
    for key, value in weights.tensors.items():
        expected = stored[key] if key in stored else stored[f"{key}.table"][stored[f"{key}.codes"]]
        assert np.array_equal(value, expected) and np.array_equal(net[key].numpy(), expected.astype(np.float32)), key


@pytest.mark.parametrize("fault", ["codes", "table"])
def test_a_net_with_half_a_table_does_not_load(fault: str, tmp_path: Path) -> None:
    path = BUNDLED / "styleswap" / "vgg19.safetensors"
    tensors = load_file(path)
    del tensors[f"decoders.relu3_1.0.weight.{fault}"]
    broken = tmp_path / "broken.safetensors"
    save_file(tensors, broken, {HEADER_KEY: read_metadata(path)[HEADER_KEY]})
    for backend in ("onnx", "torch"):
        with pytest.raises(StyleZooError, match=r"broken\.safetensors.*'decoders\.relu3_1\.0\.weight'"):
            stylezoo.load(broken, device="cpu", backend=backend)


def test_a_net_that_was_unpacked_is_saved_whole(tmp_path: Path) -> None:
    net = stylezoo.load("styleswap/vgg19", device="cpu")
    net.save(tmp_path / "whole.safetensors", dtype="float16")
    tensors = load_file(tmp_path / "whole.safetensors")
    assert {value.dtype for value in tensors.values()} == {np.dtype(np.float16)}
    weights = Weights.read(BUNDLED / "styleswap" / "vgg19.safetensors", "styleswap", {})
    assert all(np.array_equal(tensors[name], value) for name, value in weights.tensors.items())
