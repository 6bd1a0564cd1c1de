from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from skimage import data

from stylezoo import quick
from stylezoo.errors import ImageError, StyleError
from stylezoo.quick import QuickStylizer, open_quick
from stylezoo.stylizer import Stylizer, load
from stylezoo.zoo.store import find

pytest.importorskip("onnxruntime")


def opened(name: str, *styles: Any, device: str = "cpu") -> QuickStylizer | None:
    return open_quick(*find(name), device, styles)


def upright(name: str) -> Image.Image:
    return Image.fromarray(getattr(data, name)()[40:171, 30:225])


def with_alpha() -> Image.Image:
    picture = upright("chelsea").convert("RGBA")
    picture.putalpha(Image.radial_gradient("L").resize(picture.size))
    return picture


@pytest.mark.parametrize("size", [None, 61, 300])
@pytest.mark.parametrize("kind", ["rgb", "grey", "alpha", "tiny"])
def test_pictures_are_those_of_torch(kind: str, size: int | None) -> None:
    photo = {
        "rgb": upright("astronaut"),
        "grey": upright("coffee").convert("L"),
        "alpha": with_alpha(),
        "tiny": upright("coffee").crop((0, 0, 5, 1)),
    }[kind]
    model, known = opened("cin/16", "the_kiss"), load("cin/16", device="cpu", backend="torch")
    assert model
    painted = model.stylize(photo, model.encode_style("the_kiss"), size=size)
    expected = known.stylize(photo, "the_kiss", size=size)
    assert (painted.mode, painted.size) == (expected.mode, expected.size)
    assert np.abs(np.asarray(painted, dtype=int) - np.asarray(expected, dtype=int)).max() <= 1


def test_files_are_turned_upright(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    upright("coffee").save(tmp_path / "turned.jpg", exif=exif)
    model, known = opened("johnson/mosaic"), load("johnson/mosaic", device="cpu")
    assert model
    painted = model.stylize(tmp_path / "turned.jpg", model.encode_style())
    expected = known.stylize(tmp_path / "turned.jpg")
    assert painted.size == (131, 195)
    assert np.abs(np.asarray(painted, dtype=int) - np.asarray(expected, dtype=int)).max() <= 1


def test_styles_mix_as_everywhere() -> None:
    mix = {"the_kiss": 3.0, "starry_night": 1.0}
    model, known = opened("cin/16", mix), load("cin/16", device="cpu")
    assert model
    rows = known.encode_style(mix).values @ known.net.styles
    np.testing.assert_allclose(model.encode_style(mix).row, rows.numpy(), rtol=1e-5, atol=1e-6)
    assert opened("cin/16", mix, "the_scream")


@pytest.mark.parametrize("kind", ["rgb", "alpha", "grey", "line", "dot"])
@pytest.mark.parametrize("style_size", [384, 100])
def test_pictures_as_styles_are_encoded_as_everywhere(kind: str, style_size: int, tmp_path: Path) -> None:
    style = {
        "rgb": upright("coffee"),
        "alpha": with_alpha(),
        "grey": upright("astronaut").convert("L"),
        "line": upright("coffee").resize((90, 1)),
        "dot": upright("coffee").resize((1, 1)),
    }[kind]
    style.save(tmp_path / "style.png")
    wanted = str(tmp_path / "style.png")
    model, known = opened("any", wanted), load("any", device="cpu", backend="torch")
    assert model
    code = model.encode_style(wanted, style_size=style_size)
    expected = known.encode_style(wanted, style_size=style_size).values.numpy()
    np.testing.assert_allclose(code.row, expected, rtol=1e-4, atol=1e-4)
    painted = model.stylize(upright("chelsea"), code)
    by_torch = known.stylize(upright("chelsea"), wanted, style_size=style_size)
    assert np.abs(np.asarray(painted, dtype=int) - np.asarray(by_torch, dtype=int)).max() <= 1


def test_large_pictures_as_styles_are_left_to_torch_which_shrinks_them_by_strips(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    upright("coffee").save(style := tmp_path / "style.png")
    model = opened("any", str(style))
    assert model
    small = model.encode_style(str(style)).row
    monkeypatch.setattr(quick, "LARGE", 20_000)  # px
    monkeypatch.setattr(quick, "_planes", lambda _: pytest.fail("it is there in float"))
    np.testing.assert_allclose(model.encode_style(str(style)).row, small, rtol=1e-4, atol=1e-4)


def test_pictures_and_names_mix_as_everywhere(tmp_path: Path) -> None:
    upright("coffee").save(tmp_path / "style.png")
    mix = {"the_kiss": 3.0, str(tmp_path / "style.png"): 1.0}
    model, known = opened("any", mix), load("any", device="cpu", backend="torch")
    assert model
    row = model.encode_style(mix, style_size=100).row
    np.testing.assert_allclose(row, known.encode_style(mix, style_size=100).values, rtol=1e-4, atol=1e-4)


def test_large_pictures_are_left_to_tiles(monkeypatch: pytest.MonkeyPatch) -> None:
    model, photo = opened("cin/16", "the_kiss"), upright("coffee")
    assert model
    small = model.stylize(photo, model.encode_style("the_kiss"), size=300)
    asked: list[dict[str, Any]] = []
    stylize = Stylizer.stylize

    def watched(self: Stylizer, *arguments: Any, **options: Any) -> Any:
        asked.append(options)
        return stylize(self, *arguments, **options)

    monkeypatch.setattr(Stylizer, "stylize", watched)
    monkeypatch.setattr(quick, "LARGE", 80_000)  # px: more than the 202 x 300 that are asked for
    model.stylize(photo, model.encode_style("the_kiss"), size=300)
    assert not asked
    monkeypatch.setattr(quick, "LARGE", 50_000)
    large = model.stylize(photo, model.encode_style("the_kiss"), size=300)
    assert asked == [{"size": 300, "progress": False, "style_size": 384}]
    assert np.abs(np.asarray(large, dtype=int) - np.asarray(small, dtype=int)).max() <= 1


def test_what_takes_torch_is_left_to_it(tmp_path: Path, net_file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert opened("ghiasi/lite", "missing.jpg") is None, "which says what is wrong with it"
    upright("coffee").save(painting := tmp_path / "painting.jpg")
    assert opened("adain/vgg19", str(painting)) is None
    assert opened("cin/16", str(painting)) is None
    assert opened("adain/vgg19", "starry_night") is None
    assert opened(str(net_file)) is None, "no graph has its widths"
    assert opened("johnson/mosaic", device="cuda") is None
    monkeypatch.setattr(quick, "_may_have_gpu", lambda: True)
    assert opened("johnson/mosaic", device="auto") is None
    monkeypatch.setattr(quick, "_may_have_gpu", lambda: False)
    assert opened("johnson/mosaic", device="auto")
    monkeypatch.setattr(quick, "has_onnxruntime", lambda: False)
    assert opened("johnson/mosaic") is None


def test_bad_input_is_said_as_everywhere(tmp_path: Path) -> None:
    model = opened("cin/16")
    assert model
    with pytest.raises(StyleError, match="cin/16 has 16 styles: name one of"):
        model.encode_style()
    (tmp_path / "broken.png").write_bytes(b"no picture")
    with pytest.raises(ImageError, match=r"broken\.png is not a picture"):
        model.stylize(tmp_path / "broken.png", model.encode_style(0))


@pytest.mark.parametrize(("name", "style"), [("cin/16", "the_kiss"), ("any", "painting.png")])
def test_the_command_paints_a_plain_picture_without_torch(name: str, style: str, tmp_path: Path) -> None:
    upright("astronaut").save(tmp_path / "photo.png")
    upright("coffee").save(tmp_path / "painting.png")
    script = (
        "import sys; sys.modules['torch'] = None\n"  # importing it is an error
        "from stylezoo.cli.main import main; main()"
    )
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    words = ["stylize", "photo.png", "-m", name, "-s", style, "-o", "painted.png", "--device", "cpu"]
    subprocess.run([sys.executable, "-c", script, *words], cwd=tmp_path, env=environment, check=True)
    known = load(name, device="cpu", backend="torch")
    expected = known.stylize(tmp_path / "photo.png", style if name == "cin/16" else tmp_path / style)
    with Image.open(tmp_path / "painted.png") as painted:
        assert np.abs(np.asarray(painted, dtype=int) - np.asarray(expected, dtype=int)).max() <= 1
