"""The nets of a site in Node, with onnxruntime-web, beside the Python runtime."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from skimage import data

import stylezoo
from stylezoo.data.folder import default_folder
from stylezoo.web import write_site
from stylezoo.web.ort import FILES, VERSION

NODE = shutil.which("node")
PLACES = [Path(os.environ.get("STYLEZOO_ORT", "nowhere")), default_folder() / "web" / f"onnxruntime-web-{VERSION}"]
ORT = next((place for place in PLACES if all((place / name).is_file() for name in FILES)), None)
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(NODE is None, reason="Node is not installed"),
    pytest.mark.skipif(ORT is None, reason="no copy of onnxruntime-web: run stylezoo web once, or set STYLEZOO_ORT"),
]
RUN = """
import fs from "node:fs";
import * as ort from "./ort/ort.wasm.bundle.min.mjs";
import { Nets } from "./nets.js";
ort.env.wasm.numThreads = 1;
ort.env.wasm.wasmBinary = fs.readFileSync("ort/ort-wasm-simd-threaded.wasm");
const { name, width, height, data, mix, picture, strength, smooth } = JSON.parse(fs.readFileSync(0));
const { models } = JSON.parse(fs.readFileSync("models.json"));
const nets = new Nets({ ort, name: "wasm" }, async path => new Uint8Array(fs.readFileSync(path)), models);
const parts = mix ?? [[await nets.encode(name, picture.data, picture.width, picture.height), 1]];
console.log(JSON.stringify([...await nets.stylize(name, data, width, height, parts, strength, smooth)]));
"""


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("web")
    write_site(folder, ["johnson/mosaic", "cin/16", "ghiasi/lite"], ort=ORT, overwrite=True)
    (folder / "package.json").write_text('{"type": "module"}', encoding="utf-8")
    (folder / "run.js").write_text(RUN, encoding="utf-8")
    return folder


def rgba(pixels: np.ndarray) -> list[int]:
    return np.dstack([pixels, np.full(pixels.shape[:2], 255, np.uint8)]).ravel().tolist()


def compute(site: Path, photo: np.ndarray, name: str, **asked: Any) -> np.ndarray:
    values = {"name": name, "width": photo.shape[1], "height": photo.shape[0], "data": rgba(photo), **asked}
    assert NODE
    command = [NODE, "run.js"]
    done = subprocess.run(command, cwd=site, input=json.dumps(values), capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    return np.reshape(json.loads(done.stdout), (*photo.shape[:2], 4))[..., :3]


@pytest.mark.parametrize("smooth", [False, True])
@pytest.mark.parametrize(
    ("name", "mix", "style", "strength"),
    [
        ("johnson/mosaic", [[0, 1]], None, 1),
        ("cin/16", [[12, 1]], 12, 1),
        ("cin/16", [[0, 0.5], [3, 0.5]], {0: 0.5, 3: 0.5}, 0.6),
        ("ghiasi/lite", [[2, 1]], 2, 1.3),
    ],
)
def test_pictures_are_those_of_python(site, smooth: bool, name: str, mix: Any, style: Any, strength: float) -> None:
    photo = data.chelsea()[:122, :150]
    found = compute(site, photo, name, mix=mix, strength=strength, smooth=smooth)
    net = stylezoo.load(name, device="cpu", backend="onnx")
    expected = net.stylize(photo, style, strength=strength, smooth=smooth).astype(int)
    assert np.abs(found - expected).max() <= 2
    other = net.stylize(photo, style, strength=strength, smooth=not smooth)
    assert np.abs(found - other).max() > 2  # so that the switch is seen


@pytest.mark.parametrize("strength", [1, 0.6])
def test_a_picture_is_a_style_as_in_python(site: Path, strength: float) -> None:
    photo, style = data.chelsea()[:64, :80], data.coffee()[:128, :160]
    picture = {"data": rgba(style), "width": 160, "height": 128}
    found = compute(site, photo, "ghiasi/lite", picture=picture, strength=strength, smooth=False)
    net = stylezoo.load("ghiasi/lite", device="cpu", backend="onnx")
    expected = net.stylize(photo, style, style_size=160, strength=strength)
    assert np.abs(found - expected.astype(int)).max() <= 2
