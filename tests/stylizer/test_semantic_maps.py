"""content_map and style_map: each region of a photo takes its style from the region of the same colour."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from skimage import data

from stylezoo.errors import OptionError, StyleError
from stylezoo.runtime.base import Runtime, StyleCode
from stylezoo.stylizer.loading import load
from stylezoo.stylizer.stylizer import Stylizer
from stylezoo.torch_runtime.runtime import TorchRuntime
from stylezoo.zoo import families

PHOTO = np.ascontiguousarray(data.chelsea()[:240:5, :300:5])
STYLE = np.concatenate([data.coffee()[100:196, 100:160], data.astronaut()[:96, :70]], axis=1)
RED, BLUE = (255, 0, 0), (0, 0, 255)


def halves(height: int, width: int, at: int, first: Any = RED, second: Any = BLUE) -> np.ndarray:
    made = np.empty((height, width, 3), np.uint8)
    made[:, :at], made[:, at:] = first, second
    return made


CONTENT_MAP, STYLE_MAP = halves(48, 60, 20), halves(96, 130, 60)
MAPS: dict[str, Any] = {"content_map": CONTENT_MAP, "style_map": STYLE_MAP}


@pytest.fixture(params=["onnx", "torch"])
def net(any_file: Path, request: pytest.FixtureRequest) -> Stylizer:
    return load(any_file, device="cpu", backend=request.param)


@pytest.fixture(params=["onnx", "torch"])
def multi(multi_file: Path, request: pytest.FixtureRequest) -> Stylizer:
    return load(multi_file, device="cpu", backend=request.param)


def masks() -> tuple[np.ndarray, np.ndarray]:
    left = CONTENT_MAP[..., 0] == 255
    return left, ~left


def encoded(runtime: Runtime, image: np.ndarray, guide: np.ndarray) -> np.ndarray:
    """Return the codes of the red and of the blue part of a picture."""
    left = (guide[..., 0] == 255).astype(np.float32)[None, None]
    pixels = image.transpose(2, 0, 1)[None].astype(np.float32) / 255
    return runtime.encode(pixels, np.concatenate([left, 1 - left], axis=1))


def test_a_region_has_the_code_of_its_region_of_the_style_image(net: Stylizer) -> None:
    made = net.stylize(PHOTO, STYLE, style_size=None, palette=0, **MAPS)
    codes = [StyleCode(row[None]) for row in encoded(net.runtime, STYLE, STYLE_MAP)]
    expected = net.stylize(PHOTO, mask=list(zip(codes, masks(), strict=True)))
    assert made.dtype == PHOTO.dtype and np.abs(made.astype(int) - expected).max() <= 1
    assert np.abs(made.astype(int) - net.stylize(PHOTO, STYLE, style_size=None)).mean() > 2
    swapped = net.stylize(PHOTO, STYLE, style_size=None, content_map=CONTENT_MAP[:, :, ::-1], style_map=STYLE_MAP)
    assert np.abs(made.astype(int) - swapped).mean() > 2, "the colours say which belongs to which"


def test_both_runtimes_make_one_picture(any_file: Path) -> None:
    each = [load(any_file, device="cpu", backend=b).stylize(PHOTO, STYLE, **MAPS) for b in ("onnx", "torch")]
    assert np.abs(each[0].astype(int) - each[1]).max() <= 1


def test_maps_of_any_size_are_scaled(net: Stylizer) -> None:
    made = net.stylize(PHOTO, STYLE, **MAPS)
    for factor in (2, 3):
        larger = {name: value.repeat(factor, 0).repeat(factor, 1) for name, value in MAPS.items()}
        assert np.abs(made.astype(int) - net.stylize(PHOTO, STYLE, **larger)).mean() < 1
    small = net.stylize(PHOTO, STYLE, content_map=CONTENT_MAP[::4, ::4], style_map=STYLE_MAP[::4, ::2])
    assert np.abs(made.astype(int) - small).mean() < 2


def test_batches_frames_and_files_take_maps(net: Stylizer, tmp_path: Path) -> None:
    paths = {name: tmp_path / f"{name}.png" for name in MAPS}
    for name, path in paths.items():
        Image.fromarray(MAPS[name]).save(path)
    expected = net.stylize(PHOTO, STYLE, **paths)
    np.testing.assert_array_equal(expected, net.stylize(PHOTO, STYLE, **MAPS))
    for made in net.stylize_batch([PHOTO, PHOTO], STYLE, **MAPS):
        np.testing.assert_array_equal(made, expected)
    (made,) = net.stylize_frames([PHOTO], STYLE, **MAPS)
    assert np.abs(made.astype(int) - expected).max() <= 1
    again = pickle.loads(pickle.dumps(net))
    np.testing.assert_array_equal(again.stylize(PHOTO, STYLE, **paths), expected)


def test_other_options_go_with_maps(net: Stylizer) -> None:
    full = net.stylize(PHOTO, STYLE, **MAPS).astype(int)
    np.testing.assert_array_equal(net.stylize(PHOTO, STYLE, strength=0, **MAPS), PHOTO)
    half = net.stylize(PHOTO, STYLE, strength=0.5, **MAPS)
    assert 0 < np.abs(half.astype(int) - PHOTO).mean() < np.abs(full - PHOTO).mean()
    assert net.stylize(PHOTO, STYLE, size=90, **MAPS).shape[:2] == (72, 90)
    for preserve in ("luma", "stats"):
        assert np.abs(net.stylize(PHOTO, STYLE, preserve_color=preserve, **MAPS).astype(int) - full).mean() > 2


def test_colours_may_choose_named_styles(multi: Stylizer) -> None:
    left, right = masks()
    made = multi.stylize(PHOTO, mask={"dots": "red", "waves": "#0000ff"}, content_map=CONTENT_MAP)
    expected = multi.stylize(PHOTO, mask=[("dots", left), ("waves", right)])
    np.testing.assert_array_equal(made, expected)
    rest = multi.stylize(PHOTO, "lines", mask=[("dots", "red")], content_map=CONTENT_MAP)
    np.testing.assert_array_equal(rest, multi.stylize(PHOTO, "lines", mask={"dots": left}))
    photo = multi.stylize(PHOTO, mask=[("dots", "red")], content_map=CONTENT_MAP)
    np.testing.assert_array_equal(photo[:, -20:], PHOTO[:, -20:])
    larger = multi.stylize(PHOTO, "lines", mask=[("dots", "red")], content_map=CONTENT_MAP.repeat(2, 0).repeat(2, 1))
    assert np.abs(larger.astype(int) - rest).mean() < 1


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"style_map": STYLE_MAP}, OptionError, "content_map"),
        ({"content_map": CONTENT_MAP}, OptionError, "style_map"),
        ({**MAPS, "mask": CONTENT_MAP}, OptionError, "mask .*exclude"),
        ({"content_map": CONTENT_MAP, "mask": CONTENT_MAP}, OptionError, "content_map .*needs"),
        ({"content_map": CONTENT_MAP, "mask": {"dots": CONTENT_MAP}}, OptionError, "ndarray"),
        ({"content_map": CONTENT_MAP, "mask": {"dots": "lime"}}, OptionError, "#00ff00"),
        ({**MAPS, "style_map": halves(20, 20, 9, RED, RED)}, OptionError, "content_map .*#0000ff"),
        ({**MAPS, "style_map": data.astronaut()}, OptionError, "style_map .*antialiased"),
        ({**MAPS, "content_map": 3}, OptionError, "content_map must be .*3"),
    ],
)
def test_what_cannot_be_is_one_verdict(net: Stylizer, options: dict[str, Any], error: type, message: str) -> None:
    with pytest.raises(error, match=message):
        net.stylize(PHOTO, STYLE, **options)
    with pytest.raises(error, match=message):
        net.stylize_batch([], STYLE, **options)


@pytest.mark.parametrize(("style", "named"), [("dots", "'dots'"), ([STYLE, PHOTO], "a mix")])
def test_a_style_map_is_of_one_picture(net: Stylizer, style: Any, named: str) -> None:
    with pytest.raises(StyleError, match=rf"style map .*{named}"):
        net.stylize(PHOTO, style, **MAPS)
    with pytest.raises(StyleError, match=r"style map .*a style code"):
        net.stylize(PHOTO, net.encode_style(STYLE), **MAPS)


def test_a_style_map_needs_a_net_for_any_style(multi: Stylizer, net: Stylizer, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(StyleError, match=r"cin/tiny .*'any'.*COLOUR:STYLE"):
        multi.stylize(PHOTO, "dots", **MAPS)
    assert families.those(takes_maps=True) == ["adain", "ghiasi", "wct", "styleswap", "gatys"]
    known = families.FAMILIES["ghiasi"]
    fields = {name: getattr(known, name) for name in known.__dataclass_fields__} | {"takes_maps": False}
    monkeypatch.setitem(families.FAMILIES, "ghiasi", families.Family(**fields))
    with pytest.raises(StyleError, match=r"ghiasi models take no style map, only adain, wct, styleswap, gatys models"):
        net.stylize(PHOTO, STYLE, **MAPS)


@pytest.mark.slow
def test_gatys_compares_each_region_with_its_own() -> None:
    net = load("gatys/vgg19", device="cpu")
    layers: dict[str, Any] = {"style_layers": ["relu1_1"], "content_layers": "relu2_1", "stages": 1}
    made = net.stylize(PHOTO, STYLE, content_weight=0, steps=40, style_size=None, **MAPS, **layers)
    runtime = TorchRuntime(net.net.tuned(**layers))
    own, parts = encoded(runtime, made, CONTENT_MAP), encoded(runtime, STYLE, STYLE_MAP)
    scale = own.shape[1] // 3  # the first of three: that of the style image itself
    apart = np.linalg.norm(own[:, None, :scale] - parts[None, :, :scale], axis=2)
    assert (np.diag(apart) < 0.3 * np.linalg.norm(parts[:, :scale], axis=1)).all(), apart
    assert (np.diag(apart) < 0.7 * apart[[0, 1], [1, 0]]).all(), apart
