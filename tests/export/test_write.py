from __future__ import annotations

import importlib.util
from pathlib import Path

import numpy as np
import pytest
import torch
from skimage import data
from torch import Tensor

from stylezoo.errors import ExportError, OptionError, StyleError
from stylezoo.export import check, export, write
from stylezoo.stylizer.loading import load
from stylezoo.stylizer.stylizer import Stylizer

pytest.importorskip("onnxscript")
onnxruntime = pytest.importorskip("onnxruntime")

PHOTOS = [data.astronaut(), data.coffee(), data.chelsea()]


def run(path: Path, **feeds: Tensor) -> np.ndarray:
    session = onnxruntime.InferenceSession(path.read_bytes(), providers=["CPUExecutionProvider"])
    return session.run(None, {name: np.asarray(value) for name, value in feeds.items()})[0]


def crops(*shape: int) -> Tensor:
    """Two parts of a real photo, (2, 3, *shape) in [0, 1]."""
    photo = torch.from_numpy(data.astronaut()).permute(2, 0, 1) / 255
    height, width = shape
    return torch.stack([photo[:, :height, :width], photo[:, -height:, -width:]])


@pytest.fixture(scope="module")
def multi(multi_file: Path) -> Stylizer:
    return load(multi_file, device="cpu")


@pytest.fixture(scope="module")
def multi_onnx(multi: Stylizer, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return export(multi, tmp_path_factory.mktemp("export") / "multi.onnx", photos=PHOTOS).transform


@pytest.mark.parametrize("size", [(16, 16), (61, 34), (48, 95)])
def test_several_pictures_of_any_size_in_any_mix_of_styles(
    multi: Stylizer, multi_onnx: Path, size: tuple[int, int]
) -> None:
    x, code = crops(*size), multi.encode_style({"dots": 0.7, "waves": 0.3})
    expected = multi.stylize(x, code)
    torch.testing.assert_close(
        torch.from_numpy(run(multi_onnx, image=x, style=code.values)), expected, atol=1e-4, rtol=0
    )


def test_a_chosen_style_is_part_of_the_file(multi: Stylizer, tmp_path: Path) -> None:
    mix = {"dots": 0.7, "waves": 0.3}
    made = export(multi, tmp_path / "mix.onnx", style=mix, photos=PHOTOS)
    session = onnxruntime.InferenceSession(made.transform.read_bytes(), providers=["CPUExecutionProvider"])
    assert [put.name for put in session.get_inputs()] == ["image"] and made.encoder is None
    x = crops(61, 34)
    found = torch.from_numpy(run(made.transform, image=x))
    torch.testing.assert_close(found, multi.stylize(x, mix), atol=1e-4, rtol=0)


def test_a_picture_as_the_style_needs_no_encoder(any_file: Path, tmp_path: Path) -> None:
    stylizer, style = load(any_file, device="cpu"), data.coffee()
    made = export(stylizer, tmp_path / "coffee.onnx", style=style, photos=PHOTOS, pixels="uint8")
    assert made.encoder is None and [p.name for p in tmp_path.iterdir()] == ["coffee.onnx"]
    found = run(made.transform, image=data.astronaut()[None, :48, :64])[0]
    expected = stylizer.stylize(data.astronaut()[:48, :64], style, palette=0)  # which depends on the result
    assert np.abs(found.astype(int) - expected).max() <= 1
    with pytest.raises(StyleError, match="stripes"):
        export(load(any_file), tmp_path / "x.onnx", style="stripes")


def test_a_file_says_what_it_is(multi: Stylizer, multi_onnx: Path) -> None:
    session = onnxruntime.InferenceSession(multi_onnx.read_bytes(), providers=["CPUExecutionProvider"])
    assert [put.name for put in session.get_inputs()] == ["image", "style"]
    assert session.get_inputs()[1].shape == [1, 4]  # three styles and the photo
    assert '"cin/tiny"' in session.get_modelmeta().custom_metadata_map["stylezoo"]


@pytest.mark.slow
def test_bytes_in_and_out_of_a_net_of_one_style(net_file: Path, tmp_path: Path) -> None:
    model = load(net_file, device="cpu")
    made = export(model, tmp_path / "one.onnx", pixels="uint8")
    assert made.encoder is None and all(check.largest <= 1 for check in made.checks)
    photo = data.coffee()[:77, :50]
    stylized = run(made.transform, image=torch.from_numpy(photo[None]))
    assert stylized.dtype == np.uint8
    assert np.abs(stylized[0].astype(int) - model.stylize(photo)).max() <= 1


@pytest.mark.slow
def test_a_net_of_any_style_comes_with_its_encoder(any_file: Path, tmp_path: Path) -> None:
    model = load(any_file, device="cpu")
    made = export(model, tmp_path / "any.onnx")
    assert made.encoder == tmp_path / "any-encoder.onnx"
    picture, photo = crops(80, 120)[:1], crops(33, 40)[1:]
    style = run(made.encoder, picture=picture)
    expected = model.encode_style(picture[0], style_size=None)
    np.testing.assert_allclose(style, expected.values, atol=1e-4)
    stylized = run(made.transform, image=photo, style=torch.from_numpy(style))
    as_stylized = model.stylize(photo, expected, palette=0)  # which an exported net leaves to the caller
    torch.testing.assert_close(torch.from_numpy(stylized), as_stylized, atol=1e-4, rtol=0)


@pytest.mark.slow
def test_a_program_for_torch(multi: Stylizer, tmp_path: Path) -> None:
    made = export(multi, tmp_path / "multi.pt2", format="torch")
    program = torch.export.load(made.transform).module()
    for size in ((32, 32), (61, 50)):
        x, code = crops(*size), multi.encode_style("lines")
        torch.testing.assert_close(program(x, torch.from_numpy(code.values)), multi.stylize(x, code), atol=1e-4, rtol=0)


@pytest.mark.slow
@pytest.mark.parametrize(("precision", "limit"), [("fp16", 1), ("int8", 12)])
def test_smaller_files_differ_a_little(multi: Stylizer, multi_onnx: Path, tmp_path: Path, precision, limit) -> None:
    made = export(multi, tmp_path / "small.onnx", precision=precision, photos=PHOTOS)
    assert all(0 < check.mean < limit for check in made.checks)
    session = onnxruntime.InferenceSession(made.transform.read_bytes(), providers=["CPUExecutionProvider"])
    assert [put.type for put in session.get_inputs()] == ["tensor(float)"] * 2
    x, code = crops(48, 64), multi.encode_style("dots")
    difference = np.abs(run(made.transform, image=x, style=code.values) - multi.stylize(x, code).numpy()) * 255
    assert 0 < difference.mean() < limit


@pytest.mark.slow
@pytest.mark.parametrize("precision", ["fp16", "int8"])
def test_a_smaller_file_that_differs_by_more_than_its_bound_is_not_kept(
    multi: Stylizer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, precision
) -> None:
    bound = check.MEAN_BOUNDS[precision]
    runner = write.open_runner
    monkeypatch.setattr(
        write, "open_runner", lambda path, format: lambda feeds: runner(path, format)(feeds) + (2 * bound + 8) / 255
    )
    with pytest.raises(ExportError, match=f"in the mean, of which {precision}"):
        export(multi, tmp_path / "far.onnx", precision=precision, photos=PHOTOS)
    assert not list(tmp_path.iterdir())


@pytest.mark.slow
def test_a_file_that_stylizes_otherwise_is_not_kept(
    multi: Stylizer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(write, "open_runner", lambda path, format: lambda feeds: feeds["image"] * 0)
    with pytest.raises(ExportError, match=r"cin/tiny: the exported file differs from the net by \d+\.\d+/255"):
        export(multi, tmp_path / "wrong.onnx")
    assert not list(tmp_path.iterdir())


def test_bad_choices_are_named(multi: Stylizer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(OptionError, match=r"net\.pt2' must end in \.onnx"):
        export(multi, tmp_path / "net.pt2")
    with pytest.raises(OptionError, match="precision must be one of fp32, fp16, int8, not 'int4'"):
        export(multi, tmp_path / "net.onnx", precision="int4")  # type: ignore[arg-type]  # wrong on purpose
    with pytest.raises(OptionError, match="int8 needs photos"):
        export(multi, tmp_path / "net.onnx", precision="int8")
    with pytest.raises(OptionError, match="precision fp16 is for ONNX"):
        export(multi, tmp_path / "net.pt2", format="torch", precision="fp16")
    with pytest.raises(OptionError, match="no net to export"):
        export(load("gatys/vgg19", device="cpu"), tmp_path / "net.onnx")
    with pytest.raises(OptionError, match="in float32 to export"):
        export(load("johnson/mosaic", device="cpu", dtype="float16"), tmp_path / "net.onnx")
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(OptionError, match=r"onnx is not installed: pip install 'stylezoo\[onnx\]'"):
        export(multi, tmp_path / "net.onnx")
    assert not list(tmp_path.iterdir())
