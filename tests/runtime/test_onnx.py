"""Onnxruntime gives what torch gives: pass by pass, for every trunk, and for AdaIN."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from stylezoo.errors import WeightsError
from stylezoo.models import StyleNet, create_model
from stylezoo.runtime.base import NeedsTilesError, Passes, Region, Runtime, Sizes, StyleCode, as_array
from stylezoo.runtime.onnx import OnnxRuntime, open_runtime
from stylezoo.runtime.options import StylizeOptions
from stylezoo.runtime.render import render
from stylezoo.runtime.weights import Weights
from stylezoo.torch_runtime.runtime import TorchRuntime

NETS: dict[str, dict[str, Any]] = {
    "johnson compact": {"variant": "compact", "blocks": 2},
    "johnson fast": {"variant": "fast", "width": 16, "blocks": 1},
    "johnson compact antialiased": {"variant": "compact", "blocks": 1, "antialiased": True},
    "cin fast antialiased": {"styles": 2, "width": 16, "blocks": 1, "antialiased": True},
    "johnson classic": {"variant": "classic", "width": 16, "blocks": 1},
    "cin magenta": {"styles": 2, "variant": "magenta", "width": 16, "blocks": 1, "photo": False},
    "cin fast": {"styles": 3, "width": "16-20-12-8", "blocks": 2},
    "ghiasi compact": {"styles": 2, "variant": "compact", "blocks": 1},
    "ghiasi folded": {"styles": 1, "variant": "compact", "blocks": 1, "folded": True},
    "adain": {},
}


def pair(name: str, lively: bool = False) -> tuple[OnnxRuntime, Runtime, StyleNet]:
    family = name.partition(" ")[0]
    with torch.random.fork_rng():
        torch.manual_seed(len(name))
        net = create_model(family, **NETS[name]).eval().requires_grad_(False)
        for rows in (getattr(net, "style", None), getattr(net, "styles", None)):
            if rows is not None:
                rows += 0.3 * torch.randn_like(rows)
        for layer in net.modules() if lively else ():  # untrained, it would predict about the same for all pictures
            if isinstance(layer, torch.nn.Linear):
                torch.nn.init.normal_(layer.weight, std=2.5 / layer.in_features**0.5)
    tensors = {key: as_array(value) for key, value in net.state_dict().items()}
    return open_runtime(Weights(family, net.arch, tensors)), TorchRuntime(net), net


def photo(count: int = 1, height: int = 40, width: int = 56, seed: int = 1) -> NDArray[np.float32]:
    smooth = np.random.default_rng(seed).random((count, 3, height // 8, width // 8))
    return np.kron(smooth, np.ones((8, 8))).astype(np.float32)


def codes(ours: Runtime, count: int) -> NDArray[np.float32]:
    found = [ours.encode(photo(seed=9 + i, height=64, width=72)) for i in range(count)] if ours.norms == 1 else []
    return np.concatenate(found or [ours.named_code(0) * np.float32(1 + i / 4) for i in range(count)])


def close(a: NDArray[np.float32], b: NDArray[np.float32], levels: float = 0.5) -> None:
    assert a.shape == b.shape and a.dtype == b.dtype == np.float32
    assert np.abs(a - b).max() * 255 < levels


@pytest.mark.slow
@pytest.mark.parametrize("name", NETS)
def test_every_pass_is_that_of_torch(name: str) -> None:
    ours, theirs, _ = pair(name)
    assert (ours.multiple, ours.minimum, ours.norms, ours.gives_back, ours.code_width) == (
        theirs.multiple,
        theirs.minimum,
        theirs.norms,
        theirs.gives_back,
        theirs.code_width,
    )
    x, code = photo(2), codes(ours, 2)
    close(ours.run(x, code[:1]), theirs.run(x, code[:1]))
    start, expected = ours.photo_code(x), theirs.photo_code(x)
    assert (start is None) == (expected is None)
    if start is not None and expected is not None:
        np.testing.assert_allclose(start, expected, rtol=1e-3, atol=1e-3)
    one, ramp = x[:1], np.broadcast_to(np.linspace(0, 1, 56, dtype=np.float32), (1, 1, 40, 56))
    shares = np.concatenate([ramp, 1 - ramp], axis=1)
    statistics = None
    if ours.norms > 1:
        statistics = np.concatenate([ours.measure(one, row[None]) for row in code])
        np.testing.assert_allclose(
            statistics, np.concatenate([theirs.measure(one, row[None]) for row in code]), rtol=1e-3, atol=1e-3
        )
    close(ours.run(one, code, shares, statistics), theirs.run(one, code, shares, statistics))
    kept: tuple[list[Any], list[Any]] = ([], [])
    for frame in (photo(seed=2), photo(seed=3), photo(seed=4)):
        results = [r.run(frame, code[:1], passes=Passes(0.8, k)) for r, k in zip((ours, theirs), kept, strict=True)]
        close(*results)
    np.testing.assert_allclose(kept[0][0], kept[1][0], rtol=1e-3, atol=1e-3)


@pytest.mark.parametrize("name", ["ghiasi compact", "ghiasi folded", "adain"])
@pytest.mark.parametrize("size", [(64, 96), (40, 24)])
def test_style_images_are_encoded_alike(name: str, size: tuple[int, int]) -> None:
    ours, theirs, _ = pair(name)
    x = photo(height=size[0], width=size[1])
    found, expected = ours.encode(x), theirs.encode(x)
    assert np.abs(found - expected).max() < 1e-3 * max(1.0, float(np.abs(expected).max()))


@pytest.mark.parametrize("name", ["ghiasi compact", "ghiasi folded", "adain"])
@pytest.mark.parametrize("size", [(64, 96), (70, 45)])
def test_parts_of_style_images_are_encoded_alike(name: str, size: tuple[int, int]) -> None:
    ours, theirs, _ = pair(name, lively=True)
    x, left = (
        photo(height=size[0] + 8, width=size[1] + 8)[..., : size[0], : size[1]],
        np.zeros((1, 1, *size), np.float32),
    )
    left[..., : size[1] // 3] = 1
    parts = np.concatenate([left, 1 - left], axis=1)
    found, expected = ours.encode(x, parts), theirs.encode(x, parts)
    assert found.shape == (2, ours.code_width)
    assert np.abs(found - expected).max() < 1e-3 * max(1.0, float(np.abs(expected).max()))
    assert np.abs(found[0] - found[1]).max() > 0.01 * np.abs(found).max()
    whole = np.ones((1, 1, *size), np.float32)
    np.testing.assert_allclose(ours.encode(x, whole), ours.encode(x), rtol=1e-3, atol=1e-3 * np.abs(found).max())


def regions(ours: Runtime, own: bool, height: int = 40, width: int = 56) -> list[Region]:
    edge = np.zeros((1, 1, height, width), np.float32)
    edge[..., : width // 3] = 1
    edge[..., width // 3] = 0.4
    return [Region(StyleCode(c[None]), m, own) for c, m in zip(codes(ours, 2), (edge, 1 - edge), strict=True)]


@pytest.mark.parametrize("options", [{}, {"strength": 0.6}, {"size": 80}], ids=str)
@pytest.mark.parametrize("name", ["ghiasi compact", "adain"])
def test_regions_in_their_own_statistics_are_those_of_torch(name: str, options: dict[str, Any]) -> None:
    ours, theirs, _ = pair(name)
    x, how = photo(), StylizeOptions(**options)
    found, expected = (render(runtime, x, regions(ours, True), how) for runtime in (ours, theirs))
    close(found, expected)
    apart = np.abs(found - render(ours, x, regions(ours, False), how)).max()
    assert (apart > 0.02) == ours.measures_parts


def test_regions_in_their_own_statistics_are_smoothed_over_frames_like_torch() -> None:
    ours, theirs, _ = pair("adain")
    kept: tuple[list[Any], list[Any]] = ([], [])
    for seed in (2, 3):
        passes = [Passes(0.8, k) for k in kept]
        both = zip((ours, theirs), passes, strict=True)
        close(*(render(r, photo(seed=seed), regions(ours, True), passes=p) for r, p in both))
    assert kept[0][0].shape == (2, 2 * ours.code_width // 2)
    np.testing.assert_allclose(kept[0][0], kept[1][0], rtol=1e-3, atol=1e-3)
    alone = render(ours, photo(seed=3), regions(ours, True))
    assert np.abs(alone - render(ours, photo(seed=3), regions(ours, True), passes=Passes(0.8, kept[0][:1]))).max() > 0


def test_where_three_regions_meet_their_shares_sum_to_one() -> None:
    ours, theirs, _ = pair("adain")
    code, labels = StyleCode(codes(ours, 1)), np.array([[0, 0, 1, 1]] * 2 + [[2] * 4] * 2).repeat(2, 0).repeat(2, 1)
    of_map = [Region(code, (labels == k).astype(np.float32)[None, None]) for k in range(3)]
    x = photo(height=64, width=96)
    expected = render(ours, x, code)
    for runtime, tile in ((ours, None), (theirs, None), (theirs, 32)):
        close(render(runtime, x, of_map, StylizeOptions(tile=tile)), expected)


def test_hash_and_rows_are_those_of_the_net() -> None:
    for name in ("cin fast", "ghiasi compact", "adain"):
        ours, _, net = pair(name)
        assert ours.weights.trunk_hash == net.trunk_hash()  # type: ignore[operator]  # of StyleTable
        row = np.ones((1, ours.weights.rows.shape[1]), dtype=np.float32)
        more = ours.weights.with_row(row)
        assert more.arch["styles"] == ours.weights.arch["styles"] + 1
        assert np.array_equal(more.rows[len(more.rows) - 1 - more.learns_photo], row[0])
        more.check()


def test_weights_that_do_not_fit_or_are_not_finite_are_named() -> None:
    ours, _, _ = pair("johnson compact")
    tensors = dict(ours.weights.tensors)
    with pytest.raises(WeightsError, match=r"johnson\(.*'trunk.head.bias' is missing"):
        Weights("johnson", ours.weights.arch, {k: v for k, v in tensors.items() if k != "trunk.head.bias"}).check()
    tensors["trunk.head.bias"] = np.array([0, np.nan, 0], dtype=np.float32)
    with pytest.raises(WeightsError, match=r"'trunk\.head\.bias' .*NaN"):
        Weights("johnson", ours.weights.arch, tensors).check()


def test_tiles_and_pictures_beyond_memory_are_left_to_torch(monkeypatch: pytest.MonkeyPatch) -> None:
    from stylezoo.runtime import onnx

    ours, _, _ = pair("johnson compact")
    code = ours.named_code(0)
    small, large = (Sizes(*[(side, side)] * 3) for side in (512, 20_000))
    ours.fit("auto", small, code)
    ours.fit(None, large, code)
    with pytest.raises(NeedsTilesError, match="tile=256"):
        ours.fit(256, small, code)
    with pytest.raises(NeedsTilesError, match="20000x20000"):
        ours.fit("auto", large, code)
    middle = Sizes(*[(5000, 5000)] * 3)  # some 3.7 GB
    monkeypatch.setattr(onnx, "free_memory", lambda: 8 * 2**30)
    with pytest.raises(NeedsTilesError):
        ours.fit("auto", middle, code)
    monkeypatch.setattr(onnx, "has_torch", lambda: False)
    ours.fit("auto", middle, code)  # where there are no tiles, more of the memory may be used


@pytest.mark.parametrize("options", [{}, {"strength": 0.6, "preserve_color": "luma"}], ids=str)
def test_large_pictures_are_those_of_torch(options: dict[str, Any]) -> None:
    ours, theirs, _ = pair("johnson compact")
    pixels = photo(height=832, width=1248, seed=4)
    code = StyleCode(ours.named_code(0))
    made, expected = (render(runtime, pixels, code, StylizeOptions(**options)) for runtime in (ours, theirs))
    close(made, expected, levels=1)
