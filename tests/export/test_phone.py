"""Files for phones, each run in its own runtime; what is not installed is skipped."""

from __future__ import annotations

import importlib.util
import shutil
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from msgspec import structs
from skimage import data

from stylezoo.errors import ExportError, OptionError
from stylezoo.export import export, export_for, phone, tflite
from stylezoo.models import create_model
from stylezoo.stylizer.loading import load
from stylezoo.stylizer.stylizer import Stylizer

PHOTOS = [data.astronaut(), data.coffee(), data.chelsea()]
MIX = {"dots": 0.7, "waves": 0.3}


def needs(*packages: str) -> None:
    for package in packages:
        if importlib.util.find_spec(package) is None:
            pytest.skip(f"{package} is not installed")


@pytest.fixture(scope="module")
def multi(multi_file: Path) -> Stylizer:
    return load(multi_file, device="cpu", backend="torch")


@pytest.fixture(scope="module")
def compact(multi: Stylizer, tmp_path_factory: pytest.TempPathFactory) -> Stylizer:
    """The styles of `multi` in the trunk of cin/16."""
    with torch.random.fork_rng():
        torch.manual_seed(8)
        net = create_model("cin", styles=3, variant="compact", width=16, blocks=1)
        torch.nn.init.normal_(net.styles, mean=0.5)
    path = tmp_path_factory.mktemp("compact") / "compact.safetensors"
    net.save_weights(path, structs.replace(multi.spec, arch=net.arch, weights=None))
    return load(path, device="cpu", backend="torch")


def crop(height: int, width: int) -> np.ndarray:
    return data.astronaut()[:height, :width]


def difference(stylizer: Stylizer, photo: np.ndarray, found: np.ndarray, style: Any = MIX) -> np.ndarray:
    """Of a result in float, (H, W, 3), from what the model gives, in steps of 1/255."""
    return np.abs(found * 255 - stylizer.stylize(photo / np.float32(255), style) * 255)


@pytest.mark.slow
@pytest.mark.parametrize(("precision", "most"), [("fp16", 0.5), ("fp32", 0.05)])
def test_ncnn_runs_what_was_written_at_any_size(multi: Stylizer, tmp_path: Path, precision: Any, most: float) -> None:
    needs("ncnn", "pnnx")
    import ncnn

    made = export_for(multi, tmp_path / "mix.param", "ncnn", style=MIX, precision=precision, photos=PHOTOS)
    assert made.files == (tmp_path / "mix.param", tmp_path / "mix.bin") and len(made.checks) == 3
    assert made.bytes == sum(file.stat().st_size for file in tmp_path.iterdir())
    net = ncnn.Net()
    net.opt.use_fp16_packed = net.opt.use_fp16_storage = net.opt.use_fp16_arithmetic = False
    assert net.load_param(str(made.files[0])) == 0 and net.load_model(str(made.files[1])) == 0
    for photo in (crop(64, 48), crop(96, 144)):
        extractor = net.create_extractor()
        pixels = np.ascontiguousarray(photo.transpose(2, 0, 1) / np.float32(255))
        extractor.input("image", ncnn.Mat(pixels))
        found = np.array(extractor.extract("stylized")[1]).transpose(1, 2, 0)
        assert difference(multi, photo, found).max() < most


@pytest.mark.slow
@pytest.mark.parametrize(("precision", "most"), [("fp32", 0.05), ("fp16", 0.5), ("int8", 12.0)])
def test_litert_runs_what_was_written(compact: Stylizer, tmp_path: Path, precision: Any, most: float) -> None:
    needs("ai_edge_litert", "onnxscript")
    if shutil.which("onnx2tf") is None:
        pytest.skip("onnx2tf is not installed")
    from ai_edge_litert.interpreter import Interpreter

    made = export_for(
        compact, tmp_path / "mix.tflite", "tflite", style=MIX, size=(64, 96), precision=precision, photos=PHOTOS
    )
    assert [(check.height, check.width) for check in made.checks] == [(64, 96)] * 3
    runtime = Interpreter(model_path=str(made.files[0]))
    runtime.allocate_tensors()
    (image,), (stylized,) = runtime.get_input_details(), runtime.get_output_details()
    assert (image["dtype"], stylized["dtype"]) == (np.float32, np.float32)
    photo = crop(64, 96)
    runtime.set_tensor(image["index"], photo[None] / np.float32(255))
    runtime.invoke()
    assert difference(compact, photo, runtime.get_tensor(stylized["index"])[0]).max() < most
    kinds = {detail["dtype"] for detail in runtime.get_tensor_details()}
    assert (np.float16 in kinds, np.int8 in kinds) == (precision == "fp16", precision == "int8")


@pytest.mark.slow
def test_a_trunk_that_onnx2tf_misreads_is_refused(multi: Stylizer, tmp_path: Path) -> None:
    needs("ai_edge_litert", "onnxscript")
    if shutil.which("onnx2tf") is None:
        pytest.skip("onnx2tf is not installed")
    with pytest.raises(ExportError, match="onnx2tf misread the layout"):
        export_for(multi, tmp_path / "mix.tflite", "tflite", style=MIX, size=(64, 96))
    assert not list(tmp_path.iterdir())


@pytest.mark.slow
@pytest.mark.parametrize("precision", ["fp16", "int8"])
def test_a_core_ml_package_says_how_it_computes(multi: Stylizer, tmp_path: Path, precision: Any) -> None:
    needs("coremltools")
    import coremltools

    path = tmp_path / "mix.mlpackage"
    made = export_for(multi, path, "coreml", style=MIX, size=(64, 96), precision=precision, photos=PHOTOS)
    assert len(made.checks) == (3 if sys.platform == "darwin" else 0) and made.bytes > 10_000
    spec = coremltools.models.MLModel(str(path), skip_model_load=True).get_spec()
    assert [tuple(put.type.multiArrayType.shape) for put in spec.description.input] == [(1, 3, 64, 96)]
    block = next(iter(spec.mlProgram.functions["main"].block_specializations.values()))
    kinds = {
        output.type.tensorType.dataType
        for op in block.operations
        if op.type == "instance_norm"
        for output in op.outputs
    }
    assert kinds == {11}  # FLOAT32 of MIL's data types, whatever the weights are stored in
    assert any(op.type.startswith("constexpr") for op in block.operations) == (precision == "int8")
    again = export_for(multi, path, "coreml", style="dots", size=(64, 96), precision=precision)
    assert again.files == (path,) and list(tmp_path.iterdir()) == [path]


@pytest.mark.slow
def test_core_ml_gives_what_the_net_gives(multi: Stylizer, tmp_path: Path) -> None:
    needs("coremltools")
    if sys.platform != "darwin":
        pytest.skip("Core ML runs on macOS only")
    made = export_for(multi, tmp_path / "mix.mlpackage", "coreml", style=MIX, size=(64, 96), photos=PHOTOS)
    assert all(check.mean < 1 for check in made.checks)


class FakeTools:
    """A target whose runtime gives something else, or whose converter fails."""

    error: Exception | None = None

    @staticmethod
    def check_tools() -> None: ...

    @classmethod
    def convert(cls, module: Any, example: Any, precision: str, folder: Path) -> list[Path]:
        if cls.error:
            raise cls.error
        file = folder / "net.tflite"
        file.write_bytes(b"net")
        return [file]

    @staticmethod
    def open_runner(files: Any, threads: int) -> Any:
        return lambda feeds: feeds["image"] * 0


def test_a_file_that_stylizes_otherwise_or_fails_is_not_kept(multi: Stylizer, tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr(phone.importlib, "import_module", lambda name: FakeTools)
    with pytest.raises(ExportError, match="cin/tiny: the exported file differs"):
        export_for(multi, tmp_path / "x.tflite", "tflite", style=MIX, size=(64, 64))
    monkeypatch.setattr(FakeTools, "error", NotImplementedError("no such op"))
    with pytest.raises(ExportError, match="cin/tiny cannot be converted for tflite: no such op"):
        export_for(multi, tmp_path / "x.tflite", "tflite", style=MIX, size=(64, 64))
    assert not list(tmp_path.iterdir())


def test_the_line_of_a_tool_that_fails_is_passed_on() -> None:
    with pytest.raises(ExportError, match="failed: no luck"):
        tflite.run_tool([sys.executable, "-c", "import sys; sys.exit('first\\nno luck')"])


@pytest.mark.parametrize(
    ("target", "name", "choices", "message"),
    [
        ("ncnn", "x.tflite", {"style": MIX}, r"must end in \.param"),
        ("ncnn", "x.param", {"style": MIX, "size": (64, 64)}, "any size: leave --size out"),
        ("ncnn", "x.param", {"style": MIX, "precision": "int8"}, "precision of ncnn must be fp16 or fp32, not 'int8'"),
        ("ncnn", "x.param", {}, "one style, and cin/tiny has many"),
        ("tflite", "x.tflite", {"style": MIX}, "one size, not a dynamic one"),
        ("tflite", "x.tflite", {"style": MIX, "size": (63, 64)}, "multiples of 4 px for cin/tiny: --size 64x60"),
        ("tflite", "x.onnx", {"style": MIX, "size": (64, 64)}, r"must end in \.tflite"),
        ("tflite", "x.tflite", {"size": (64, 64)}, "one style, and cin/tiny has many"),
        ("tflite", "x.tflite", {"style": MIX, "size": (64, 64), "precision": "bf16"}, "precision of tflite"),
        ("tflite", "x.tflite", {"style": MIX, "size": (8, 64)}, "from 16 to 4096 px, not 64x8"),
        ("coreml", "x.mlpackage", {"style": MIX}, "one size, not a dynamic one"),
        ("coreml", "x.param", {"style": MIX, "size": (64, 64)}, r"must end in \.mlpackage"),
        ("coreml", "x.mlpackage", {"size": (64, 64)}, "one style, and cin/tiny has many"),
        ("coreml", "x.mlpackage", {"style": MIX, "size": (64, 62)}, "multiples of 4 px for cin/tiny: --size 60x64"),
        ("coreml", "x.mlpackage", {"style": MIX, "size": (64, 64), "precision": "bf16"}, "precision of coreml"),
        ("wasm", "x.wasm", {"style": MIX}, "target must be one of ncnn, tflite, coreml, not 'wasm'"),
    ],
)
def test_what_a_target_cannot_hold_is_refused(multi, tmp_path, target, name, choices, message) -> None:
    with pytest.raises(OptionError, match=message):
        export_for(multi, tmp_path / name, target, **choices)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("gatys/vgg19", "optimises each picture"),
        ("wct/vgg19", "more between its encoder and decoder than a graph holds"),
        ("styleswap/vgg19", "more between its encoder and decoder than a graph holds"),
    ],
)
def test_a_family_that_no_file_holds_is_refused(tmp_path: Path, name: str, reason: str) -> None:
    stylizer = load(name, device="cpu", backend="torch")
    for target, suffix in (("ncnn", "param"), ("tflite", "tflite"), ("coreml", "mlpackage")):
        size = None if target == "ncnn" else (64, 64)
        with pytest.raises(OptionError, match=f"{name} .*{reason}"):
            export_for(stylizer, tmp_path / f"x.{suffix}", target, style=PHOTOS[0], size=size)
    with pytest.raises(OptionError, match=f"{name} .*{reason}"):
        export(stylizer, tmp_path / "x.onnx")
    assert not list(tmp_path.iterdir())


def test_missing_packages_are_named(multi: Stylizer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found = importlib.util.find_spec
    gone = {"ncnn", "pnnx", "ai_edge_litert", "coremltools"}
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name in gone else found(name))
    for target, suffix in (("ncnn", "param"), ("tflite", "tflite"), ("coreml", "mlpackage")):
        size = None if target == "ncnn" else (64, 64)
        with pytest.raises(OptionError, match=rf"pip install 'stylezoo\[{target}\]'"):
            export_for(multi, tmp_path / f"x.{suffix}", target, style=MIX, size=size)
    gone.discard("ai_edge_litert")
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: torch if name in ("ai_edge_litert",) else found(name))
    monkeypatch.setattr(shutil, "which", lambda name: None)
    with pytest.raises(OptionError, match="onnx2tf is not on PATH"):
        export_for(multi, tmp_path / "x.tflite", "tflite", style=MIX, size=(64, 64))
