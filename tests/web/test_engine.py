"""The page's arithmetic, in Node, beside numpy."""

from __future__ import annotations

import json
import shutil
import subprocess
from importlib.resources import files
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from stylezoo.images.planes import pad_to_multiple
from stylezoo.runtime.render import shifted

NODE = shutil.which("node")
pytestmark = pytest.mark.skipif(NODE is None, reason="Node is not installed")


@pytest.fixture
def run_js(tmp_path: Path):
    """Run a script that has the functions of engine.js; return what it hands to `done`."""
    engine = files("stylezoo.web").joinpath("assets", "engine.js").read_text(encoding="utf-8")
    (tmp_path / "engine.mjs").write_text(engine, encoding="utf-8")

    def run_js(code: str, **values: Any) -> Any:
        lines = ['import * as engine from "./engine.mjs";', f"const given = {json.dumps(values)};"]
        lines += ["const done = value => console.log(JSON.stringify(value));", code]
        (tmp_path / "test.mjs").write_text("\n".join(lines), encoding="utf-8")
        assert NODE
        done = subprocess.run([NODE, tmp_path / "test.mjs"], capture_output=True, text=True, timeout=60)
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    return run_js


@pytest.mark.parametrize(("height", "width"), [(1, 1), (3, 50), (16, 18), (21, 17)])
def test_photos_are_padded_as_in_python(run_js, height: int, width: int) -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (height, width, 4), np.uint8)
    code = """const { planes, W, H } = engine.toPlanes(given.data, given.width, given.height);
    const back = engine.toBytes(planes, W, H, given.width, given.height, given.data);
    done({ planes: [...planes], W, H, back: [...back] });"""
    found = run_js(code, data=pixels.ravel().tolist(), width=width, height=height)
    values = pixels.astype(np.float64) / 255
    over_white = values[..., 3:] * values[..., :3] + 1 - values[..., 3:]
    expected = pad_to_multiple(over_white.transpose(2, 0, 1)[None], 4, 16)[0]
    assert (found["H"], found["W"]) == expected.shape[1:]
    assert np.allclose(found["planes"], expected.ravel(), atol=1e-6)
    back = np.reshape(found["back"], (height, width, 4))
    assert np.array_equal(back[..., 3], pixels[..., 3])
    assert np.abs(back[..., :3] - over_white * 255).max() <= 0.5 + 1e-3


@pytest.mark.parametrize(("height", "width"), [(4, 4), (8, 12)])
def test_a_smooth_run_is_the_mean_of_two_shifted_ones(run_js, height: int, width: int) -> None:
    """With a net whose result depends on the place in its grid, and a row."""
    rng = np.random.default_rng(0)
    planes, grid = rng.random((1, 3, height, width)), rng.random((4, 4))

    def net(x: np.ndarray) -> np.ndarray:
        return x * np.tile(grid, (x.shape[2] // 4, x.shape[3] // 4)) + 0.5

    code = """const run = async (planes, W, H, row) => planes.map(
      (value, i) => value * given.grid[(Math.floor(i / W) % H) % 4][i % W % 4] + row[0]);
    done([...await engine.smoothed(run)(Float64Array.from(given.planes), given.width, given.height, [0.5])]);"""
    found = run_js(code, planes=planes.ravel().tolist(), grid=grid.tolist(), width=width, height=height)
    moved, back = shifted(2, wrap=False)
    expected = (net(planes) + back(net(moved(planes)))) / 2
    assert np.allclose(found, expected.ravel(), atol=1e-6)


def test_a_blend_is_the_mean_of_its_rows(run_js) -> None:
    rows = [[1.0, 2.0], [3.0, -2.0]]
    assert run_js("done([...engine.mixRows([[given.a, 1], [given.b, 3]])]);", a=rows[0], b=rows[1]) == [2.5, -1.0]


@pytest.mark.parametrize("strength", [0, 0.25, 1, 1.5])
@pytest.mark.parametrize("photo_row", [None, [0.5, 0.0]])
def test_strength_is_that_of_python(run_js, strength: float, photo_row: list[float] | None) -> None:
    """With a net that is a line: the mean of the photo and its row."""
    planes, row = [0.0, 0.2, 0.9, 1.0], [0.1, 0.9]

    def net(code: np.ndarray) -> np.ndarray:
        return (np.array(planes) + np.resize(code, 4)) / 2

    code = """let calls = 0;
    const run = async (planes, W, H, row) => (calls++, planes.map((value, i) => (value + row[i % 2]) / 2));
    const photo = { planes: Float64Array.from(given.planes), W: 2, H: 2 };
    const once = await engine.stylize(run, photo, Float64Array.from(given.row), given.photo, given.strength);
    const before = calls;
    await engine.stylize(run, photo, Float64Array.from(given.row), given.photo, given.strength);
    done({ result: [...once], before, again: calls - before });"""
    found = run_js(code, planes=planes, row=row, photo=photo_row, strength=strength)
    if photo_row is None:
        stylized = net(np.array(row))
        expected = stylized if strength == 1 else np.clip(planes + strength * (stylized - planes), 0, 1)
    else:
        start = np.array(photo_row)
        expected = net(start + strength * (np.array(row) - start))
        if strength < 1:
            expected = np.clip(expected + (1 - strength) * (planes - net(start)), 0, 1)
    assert np.allclose(found["result"], expected, atol=1e-6)
    if photo_row and strength == 0.25:
        assert (found["before"], found["again"]) == (2, 1)  # what the photo's row gives is kept
