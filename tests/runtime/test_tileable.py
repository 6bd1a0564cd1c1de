"""What becomes of a picture that tiles, tiles: in both runtimes, with every option."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from tiling import periodic, seams

import stylezoo
from stylezoo.errors import OptionError
from stylezoo.models import create_model
from stylezoo.runtime.base import Runtime, as_array
from stylezoo.runtime.onnx import open_runtime
from stylezoo.runtime.options import StylizeOptions
from stylezoo.runtime.weights import Weights
from stylezoo.torch_runtime.runtime import TorchRuntime

NETS: dict[str, dict[str, Any]] = {
    "johnson compact": {"variant": "compact", "blocks": 2},
    "johnson fast": {"variant": "fast", "width": 16, "blocks": 1},
    "johnson antialiased": {"width": 16, "blocks": 1, "antialiased": True},
    "cin antialiased": {"styles": 1, "variant": "compact", "blocks": 1, "antialiased": True},
    "johnson classic": {"variant": "classic", "width": 16, "blocks": 1},
    "cin magenta": {"styles": 2, "variant": "magenta", "width": 16, "blocks": 1, "photo": False},
    "ghiasi compact": {"styles": 2, "variant": "compact", "blocks": 1},
    "adain": {},
}
SHIFT = (24, 40)  # px: multiples of every net's stride


def pair(name: str) -> tuple[Runtime, Runtime]:
    with torch.random.fork_rng():
        torch.manual_seed(len(name))
        net = create_model(name.partition(" ")[0], **NETS[name]).eval().requires_grad_(False)
        for rows in (getattr(net, "style", None), getattr(net, "styles", None)):
            if rows is not None:
                rows += 0.3 * torch.randn_like(rows)
    tensors = {key: as_array(value) for key, value in net.state_dict().items()}
    return open_runtime(Weights(net.family, net.arch, tensors)), TorchRuntime(net)


def planes(height: int = 48, width: int = 64, seed: int = 0) -> np.ndarray:
    return np.ascontiguousarray(periodic(height, width, seed).transpose(2, 0, 1)[None])


@pytest.mark.parametrize("name", NETS)
def test_a_shifted_picture_gives_the_shifted_result_in_both_runtimes(name: str) -> None:
    x = planes()
    results = []
    for runtime in pair(name):
        code = runtime.encode(planes(64, 64, 1)) if runtime.norms == 1 else runtime.named_code(0)
        net = runtime.circular()
        result = net.run(x, code)
        shifted = net.run(np.roll(x, SHIFT, (2, 3)), code)
        assert np.abs(np.roll(result, SHIFT, (2, 3)) - shifted).max() * 255 < 0.1
        assert np.abs(runtime.run(x, code) - result).max() * 255 > 1  # the other nets pad otherwise, and still do
        statistics = net.measure(x, code)
        assert np.allclose(statistics, net.measure(np.roll(x, SHIFT, (2, 3)), code), rtol=1e-3, atol=1e-3)
        results.append(result)
    assert np.abs(results[0] - results[1]).max() * 255 < 0.5


def test_a_circular_net_follows_changes_of_the_weights() -> None:
    runtime = pair("johnson compact")[1]
    x, code = planes(), runtime.named_code(0)
    before = runtime.circular().run(x, code)
    with torch.no_grad():
        runtime.net.trunk.head.bias += 1
    assert np.abs(runtime.circular().run(x, code) - before).mean() > 0.05


@pytest.mark.parametrize("backend", ["onnx", "torch"])
@pytest.mark.parametrize(
    "options",
    [
        {},
        {"strength": 0.5},
        {"size": 333},
        {"stroke": 3.3},
        {"preserve_color": "luma"},
        {"preserve_color": "stats"},
        {"mask": {"great_wave": periodic(120, 150, 3)[..., 0] > 0.5}},
    ],
    ids=str,
)
def test_the_seam_is_no_larger_than_other_differences(backend: str, options: dict[str, Any]) -> None:
    photo = periodic(120, 150)  # no multiple of the stride
    result = stylezoo.load("cin/16", backend=backend).stylize(photo, "starry_night", tileable=True, **options)
    assert max(seams(result)) <= 2


def test_without_the_option_there_is_a_seam() -> None:
    assert max(seams(stylezoo.load("cin/16").stylize(periodic(120, 150), "starry_night"))) > 2


def test_a_large_texture_is_as_sharp_as_any_and_tiles() -> None:
    net, photo = stylezoo.load("cin/16"), periodic(1100, 1202)
    result, plain = (net.stylize(photo, "starry_night", tileable=tileable) for tileable in (True, False))
    assert max(seams(result)) <= 2 < max(seams(plain))
    sharp = [np.abs(np.diff(x, axis=1)).mean() for x in (result, plain)]
    assert sharp[0] == pytest.approx(sharp[1], rel=0.1)


@pytest.mark.parametrize("size", [(1, 1), (5, 70), (17, 16)])
def test_pictures_of_any_size_pass(size: tuple[int, int]) -> None:
    for backend in ("onnx", "torch"):
        result = stylezoo.load("johnson/mosaic", backend=backend).stylize(periodic(*size), tileable=True)
        assert result.shape == (*size, 3)


def test_tiles_are_refused() -> None:
    with pytest.raises(OptionError, match="tile=512"):
        StylizeOptions(tileable=True, tile=512)
    with pytest.raises(OptionError, match="tileable"):
        StylizeOptions(tileable="yes")  # type: ignore[arg-type]
