"""The files of `stylezoo web`: its nets compute what the Python runtime computes."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import pytest
from skimage import data

import stylezoo
from stylezoo.errors import OptionError
from stylezoo.images.planes import pad_to_multiple
from stylezoo.web import write_site
from stylezoo.web.ort import FILES, WEBGPU


@pytest.fixture(scope="module")
def ort(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A stand-in for the npm package, of which only names are read."""
    folder = tmp_path_factory.mktemp("ort")
    for name in FILES:
        (folder / name).write_bytes(name.encode())
    return folder


@pytest.fixture(scope="module")
def site(ort: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("web") / "site"
    made = write_site(folder, ["johnson/mosaic", "cin/16", "ghiasi/lite"], ort=ort)
    assert made.models == ("johnson/mosaic", "cin/16", "ghiasi/lite")
    assert made.files == sum(path.is_file() for path in folder.rglob("*"))
    assert made.size == sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
    return folder


def record_of(site: Path, name: str) -> dict[str, Any]:
    records = json.loads((site / "models.json").read_text(encoding="utf-8"))["models"]
    found: dict[str, Any] = next(record for record in records if record["name"] == name)
    return found


def compute(site: Path, file: str, **inputs: np.ndarray) -> np.ndarray:
    session = onnxruntime.InferenceSession(site / file, providers=["CPUExecutionProvider"])
    result: np.ndarray = session.run(None, inputs)[0]
    return result


def rows_of(site: Path, record: dict[str, Any]) -> np.ndarray:
    return np.fromfile(site / record["rows"], "<f4").reshape(-1, record["width"])


@pytest.mark.parametrize("name", ["johnson/mosaic", "cin/16", "ghiasi/lite"])
def test_a_graph_with_a_row_of_its_table_gives_the_pictures_of_the_model(site: Path, name: str) -> None:
    record = record_of(site, name)
    style = record["styles"][-1]
    photo = data.chelsea()[:122, :150]
    planes = pad_to_multiple(photo.transpose(2, 0, 1)[None].astype(np.float32) / 255, 4, 16)
    row = rows_of(site, record)[None, style["row"]]
    result = compute(site, record["graph"], image=planes, affine=row)[0, :, :122, :150].transpose(1, 2, 0)
    expected = stylezoo.load(name, device="cpu", backend="onnx").stylize(photo, style["id"], palette=0)
    assert np.abs(np.floor(result * 255 + 0.5) - expected).max() <= 1


@pytest.mark.parametrize("name", ["cin/16", "ghiasi/lite"])
def test_the_photos_row_is_that_of_strength_0(site: Path, name: str) -> None:
    record = record_of(site, name)
    net = stylezoo.load(name, device="cpu", backend="onnx")
    code = net.runtime.photo_code(np.zeros((1, 3, 16, 16), np.float32))
    assert code is not None
    expected = code if code.shape[1] == record["width"] else code @ rows_of(site, record)
    assert np.array_equal(rows_of(site, record)[record["photo"]], expected[0])
    assert record_of(site, "johnson/mosaic")["photo"] is None


def test_the_encoder_gives_the_code_of_a_picture(site: Path) -> None:
    picture = data.coffee()[:128, :160]
    planes = picture.transpose(2, 0, 1)[None].astype(np.float32) / 255
    row = compute(site, record_of(site, "ghiasi/lite")["encoder"], image=planes)
    net = stylezoo.load("ghiasi/lite", device="cpu", backend="onnx")
    expected = net.encode_style(picture, style_size=160).values
    assert np.abs(row - expected).max() < 1e-3 * np.abs(expected).max()
    assert record_of(site, "cin/16")["encoder"] is None


def test_weights_travel_in_half_precision(site: Path) -> None:
    weights = stylezoo.model_info("cin/16").weights
    assert weights is not None and (site / "models" / "cin_16.onnx").stat().st_size < weights.bytes


def test_the_page_names_files_that_exist_and_the_worker_keeps_all(site: Path) -> None:
    there = {path.relative_to(site).as_posix() for path in site.rglob("*") if path.is_file()}
    page = (site / "index.html").read_text(encoding="utf-8")
    assert set(re.findall(r'(?:src|href)="([^"]+)"', page)) <= there
    assert stylezoo.__version__ in page and "%" not in re.sub(r"\d+ ?%", "", page)
    kept = (site / "sw.js").read_text(encoding="utf-8")
    first, later = (set(json.loads(found)) for found in re.findall(r'= (\["[^]]+\])', kept))
    assert later == {f"ort/{name}" for name in WEBGPU} and first == (there - later - {"sw.js"}) | {"./"}
    for script in site.glob("*.js"):
        for name in re.findall(r'"\./([^"]+[.][^"]+)"', script.read_text(encoding="utf-8")):
            assert name in there
    assert not re.search(r"https?://(?!www\.w3\.org)", page + (site / "app.js").read_text() + kept)  # no other host


def test_other_weights_make_another_version(site: Path, ort: Path, tmp_path: Path) -> None:
    write_site(tmp_path / "site", ["johnson/mosaic"], ort=ort)
    hashes = [re.search(r"stylezoo-(\w{12})", (folder / "sw.js").read_text()) for folder in (site, tmp_path / "site")]
    assert hashes[0] and hashes[1] and hashes[0][1] != hashes[1][1]


@pytest.mark.parametrize("name", ["adain/vgg19", "wct/vgg19", "styleswap/vgg19", "gatys/vgg19"])
def test_models_that_do_not_run_there_are_refused(name: str, ort: Path, tmp_path: Path) -> None:
    with pytest.raises(OptionError, match=f"{name} does not run in a browser: choose models of johnson, cin, ghiasi"):
        write_site(tmp_path / "site", [name], ort=ort)
    assert not (tmp_path / "site").exists()


def test_a_folder_with_files_is_kept(ort: Path, tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("mine")
    with pytest.raises(OptionError, match="--force"):
        write_site(tmp_path, ["johnson/mosaic"], ort=ort)
    assert [path.name for path in tmp_path.iterdir()] == ["mine.txt"]
    write_site(tmp_path, ["johnson/mosaic"], ort=ort, overwrite=True)
    assert (tmp_path / "mine.txt").read_text() == "mine" and (tmp_path / "index.html").is_file()


def test_a_folder_without_onnxruntime_web_is_refused(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(OptionError, match=r"ort\.wasm"):
        write_site(tmp_path / "site", ["johnson/mosaic"], ort=tmp_path / "empty")
    assert not (tmp_path / "site").exists()
