"""Whole folders: engines, and going on where a run stopped."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from stylezoo.stylizer import loading
from stylezoo.stylizer.batch.manifest import MANIFEST
from stylezoo.stylizer.stylizer import Stylizer


@pytest.fixture
def here(tmp_path, monkeypatch):
    """A folder with photos/, in which a.png to d.png are of 24 x 16 px, but c.png is no picture."""
    monkeypatch.chdir(tmp_path)
    Path("photos").mkdir()
    for seed, name in enumerate("abcd"):
        pixels = np.random.default_rng(seed).integers(0, 256, (16, 24, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(f"photos/{name}.png")
    Path("photos/c.png").write_text("no picture")
    return tmp_path


@pytest.fixture
def stylize(run, net_file):
    return lambda *arguments, m=net_file: run("stylize", *arguments, "-m", m, "--device", "cpu")


@pytest.fixture
def not_stylized(refused, net_file):
    return lambda *arguments: refused("stylize", *arguments, "-m", net_file, "--device", "cpu")


@pytest.fixture
def mend():
    """Make c.png a picture."""
    return lambda: Image.new("RGB", (24, 16), (200, 40, 90)).save("photos/c.png")


def inputs(result):
    return [json.loads(line)["input"] for line in result.stdout.splitlines()]


@pytest.mark.slow
@pytest.mark.parametrize("backend", ["torch", "onnx"])
def test_a_pool_says_and_stylizes_what_one_process_does(here, stylize, net_file, backend, monkeypatch):
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    model = net_file
    if backend == "onnx":
        pytest.importorskip("onnxruntime")
        model = "johnson/mosaic"  # stylized without torch
    arguments = ["photos", "--backend", backend, "--json", "-o"]
    alone = stylize(*arguments, "alone", "--engine", "serial", m=model)
    pool = stylize(*arguments, "pool", "--workers", "2", m=model)
    assert pool.exit_code == alone.exit_code == 2
    assert pool.stderr == alone.stderr
    for one, other in zip(alone.stdout.splitlines(), pool.stdout.splitlines(), strict=True):
        assert json.loads(other) | {"seconds": 0} == json.loads(one.replace('"alone/', '"pool/')) | {"seconds": 0}
    for name in ("a.png", "b.png", "d.png"):
        assert Path("pool", name).read_bytes() == Path("alone", name).read_bytes()


def test_resume_stylizes_what_is_missing(here, stylize, mend):
    assert stylize("photos", "-o", "out", "--json").exit_code == 2
    before = Path("out/a.png").stat()
    mend()
    Path("out/d.png").unlink()
    result = stylize("photos", "-o", "out", "--json", "--resume")
    assert (result.exit_code, inputs(result)) == (0, ["photos/c.png", "photos/d.png"])
    assert result.stderr == "stylezoo: 2 of 4 pictures are already done\n"
    assert Path("out/a.png").stat() == before
    again = stylize("photos", "-o", "out", "--json", "--resume", "-s", "dots")  # the style that it has anyway
    assert (again.exit_code, again.stdout) == (0, "")
    assert again.stderr == "stylezoo: 4 of 4 pictures are already done\n"


def test_resume_goes_on_after_an_interrupt(here, stylize, mend, monkeypatch):
    mend()
    original, stylized = Stylizer.stylize, []

    def interrupted(net, photo, *arguments, **options):
        if len(stylized) == 2:
            raise KeyboardInterrupt
        stylized.append(photo)
        return original(net, photo, *arguments, **options)

    with monkeypatch.context() as patch:
        patch.setattr(Stylizer, "stylize", interrupted)
        result = stylize("photos", "-o", "out")
    assert result.exit_code == 130
    assert "2 of 4 pictures are done: add --resume" in result.stderr
    assert inputs(stylize("photos", "-o", "out", "--json", "--resume")) == ["photos/c.png", "photos/d.png"]


def test_resume_in_an_empty_place_is_a_run_like_any(here, stylize, mend):
    mend()
    result = stylize("photos", "-o", "out", "--resume", "--json")
    assert (result.exit_code, result.stderr, len(inputs(result))) == (0, "", 4)


def test_resume_refuses_what_was_made_in_another_way(here, stylize, not_stylized, mend, monkeypatch):
    mend()
    assert stylize("photos", "-o", "out").exit_code == 0
    before = {path: path.read_bytes() for path in Path("out").iterdir()}
    with monkeypatch.context() as patch:
        patch.setattr(loading, "load", lambda *_, **__: pytest.fail("the model was loaded"))
        line = not_stylized("photos", "-o", "out", "--resume", "--strength", "0.5")
        assert "'out/a.png' was stylized with strength 1.0, not 0.5: pass --force to stylize it again" in line
        assert "--resume" in not_stylized("photos", "-o", "out")
    assert {path: path.read_bytes() for path in Path("out").iterdir()} == before
    forced = stylize("photos", "-o", "out", "--resume", "--force", "--strength", "0.5", "--json")
    assert len(inputs(forced)) == 4
    assert inputs(stylize("photos", "-o", "out", "--resume", "--strength", "0.5", "--json")) == []


def test_resume_sees_that_a_style_picture_is_another(here, run, refused, any_file, mend):
    mend()
    Image.new("RGB", (80, 60), (10, 90, 200)).save("style.png")
    arguments = ["stylize", "photos", "-o", "out", "-m", any_file, "-s", "style.png", "--device", "cpu", "--resume"]
    assert run(*arguments).exit_code == 0
    Image.new("RGB", (80, 60), (90, 10, 20)).save("style.png")
    assert "'out/a.png' was stylized with another picture as style" in refused(*arguments)


def test_a_single_picture_leaves_no_manifest_unless_one_is_there(here, stylize, mend):
    assert stylize("photos/a.png", "-o", "one/", "--strength", 0.5).exit_code == 0
    assert [path.name for path in Path("one").iterdir()] == ["a.png"]
    mend()
    assert stylize("photos", "-o", "out").exit_code == 0
    assert stylize("photos/a.png", "-o", "out/a.png", "--force", "--strength", 0.5).exit_code == 0
    assert '"strength": 0.5' in Path("out", MANIFEST).read_text().splitlines()[-1]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["photos", "-o", "out", "--engine", "poll"], "'auto', 'serial', 'pool', 'ray'"),
        (["photos", "-o", "out", "--workers", "0"], "0 is not in the range"),
        (["photos", "-o", "out", "--workers", "2", "--engine", "serial"], "serial uses one process, not 2"),
        (["-", "-o", "out/", "--engine", "pool"], "engine pool does not work with stdin"),
        (["photos/a.png", "-o", "-", "--resume"], "--resume needs a folder"),
        (["-", "photos", "-o", "out", "--resume"], "name files and a folder"),
    ],
)
def test_what_cannot_be_is_refused(here, not_stylized, arguments, message):
    assert message in not_stylized(*arguments)
    assert not Path("out").exists()
