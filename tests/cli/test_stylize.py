from __future__ import annotations

import io
import json
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from stylezoo import stylizer
from stylezoo.models import create_model
from stylezoo.stylizer import Stylizer
from stylezoo.zoo.spec import ModelSpec, StyleSpec


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    """The file of a small net of one style, 'tiles', with random weights."""
    torch.manual_seed(0)
    arguments = {"variant": "fast", "width": 16, "blocks": 1}
    style = StyleSpec(id="tiles", title="Tiles", rights="CC0-1.0", source="a test")
    spec = ModelSpec(name="johnson/tiles", family="johnson", arch=arguments, styles=(style,), license="CC0-1.0")
    path = tmp_path_factory.mktemp("model") / "tiles.safetensors"
    Stylizer(spec, create_model("johnson", **arguments)).save(path)
    return path


@pytest.fixture
def here(tmp_path, monkeypatch):
    """A folder with photo.png (48 x 32) and photos/ with a.jpg and b.png."""
    monkeypatch.chdir(tmp_path)
    Path("photos").mkdir()
    for seed, name in enumerate(("photo.png", "photos/a.jpg", "photos/b.png")):
        pixels = np.random.default_rng(seed).integers(0, 256, (32, 48, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(name)
    return tmp_path


@pytest.fixture
def paint(run, model):
    return lambda *arguments, **options: run("stylize", *arguments, "-m", model, "--device", "cpu", **options)


@pytest.fixture
def unpainted(refused, model):
    """Stylize with bad input: return the one line that is said, once sure that nothing was written."""

    def call(*arguments, **options):
        before = {path: path.read_bytes() for path in Path().rglob("*") if path.is_file()}
        line = refused("stylize", *arguments, "-m", model, "--device", "cpu", **options)
        assert {path: path.read_bytes() for path in Path().rglob("*") if path.is_file()} == before
        return line

    return call


def pixels(path):
    return np.asarray(Image.open(path).convert("RGB"), dtype=float)


def test_one_picture_is_painted_in_its_own_size(here, paint):
    result = paint("photo.png", "-o", "out.png")
    assert (result.exit_code, result.stdout, result.stderr) == (0, "", "")
    assert Image.open("out.png").size == (48, 32)
    assert np.abs(pixels("out.png") - pixels("photo.png")).mean() > 1


def test_strength_zero_gives_the_photo(here, paint):
    assert paint("photo.png", "-o", "out.png", "--strength", 0).exit_code == 0
    assert np.array_equal(pixels("out.png"), pixels("photo.png"))


def test_size_is_the_long_side(here, paint):
    assert paint("photo.png", "-o", "out.png", "--size", 24).exit_code == 0
    assert Image.open("out.png").size == (24, 16)


def test_preserve_color_keeps_the_photos_colour(here, paint):
    assert paint("photo.png", "-o", "plain.png").exit_code == 0
    assert paint("photo.png", "-o", "kept.png", "--preserve-color", "luma").exit_code == 0

    def distance(path):
        return np.abs(pixels(path)[..., 0] - pixels(path)[..., 2] - difference).mean()

    difference = pixels("photo.png")[..., 0] - pixels("photo.png")[..., 2]
    assert distance("kept.png") < distance("plain.png") / 2


def test_quality_and_format_reach_the_file(here, paint):
    assert paint("photo.png", "-o", "low.jpg", "--quality", 10).exit_code == 0
    assert paint("photo.png", "-o", "high.jpg", "--quality", 95).exit_code == 0
    assert Path("low.jpg").stat().st_size < Path("high.jpg").stat().st_size
    assert paint("photo.png", "-o", "painted", "--format", "webp").exit_code == 0
    assert Image.open("painted").format == "WEBP"


def test_folder_gives_a_folder_with_the_same_names(here, paint):
    result = paint("photos", "photo.png", "-o", "out")
    assert (result.exit_code, result.stdout, result.stderr) == (0, "", "")
    assert sorted(p.name for p in Path("out").iterdir()) == ["a.jpg", "b.png", "photo.png"]


def test_json_is_one_line_a_picture(here, paint):
    result = paint("photos", "-o", "out", "--format", "png", "--json")
    first, second = map(json.loads, result.stdout.splitlines())
    assert first.pop("seconds") > 0
    assert first == {
        "input": "photos/a.jpg",
        "output": "out/a.png",
        "model": "johnson/tiles",
        "style": "tiles",
        "width": 48,
        "height": 32,
    }
    assert second["input"] == "photos/b.png"


def test_stdin_to_stdout_is_the_same_picture_as_file_to_file(here, paint):
    piped = paint("-", "-o", "-", input=Path("photo.png").read_bytes())
    assert piped.exit_code == 0
    assert paint("photo.png", "-o", "out.png").exit_code == 0
    image = Image.open(io.BytesIO(piped.stdout_bytes))
    assert image.format == "PNG"
    assert np.array_equal(np.asarray(image), pixels("out.png"))


def test_broken_picture_among_many_is_reported_and_the_others_go_on(here, paint):
    Path("photos/aa.png").write_text("no picture")
    result = paint("photos", "-o", "out", "--json")
    assert result.exit_code == 2
    assert sorted(p.name for p in Path("out").iterdir()) == ["a.jpg", "b.png"]
    assert len(result.stdout.splitlines()) == 2
    report, total = result.stderr.splitlines()
    assert "photos/aa.png" in report
    assert total == "stylezoo: 1 of 3 pictures failed"


def test_force_overwrites_what_exists(here, paint, unpainted):
    Path("out.png").write_text("old")
    assert "--force" in unpainted("photo.png", "-o", "out.png")
    assert paint("photo.png", "-o", "out.png", "--force").exit_code == 0
    assert Image.open("out.png").size == (48, 32)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["missing.png", "-o", "out.png"], "no such file or folder: 'missing.png'"),
        (["photo.png"], "'-o'"),
        (["-o", "out.png"], "'IN...'"),
        (["photo.png", "-o", "photo.png", "--force"], "never overwritten"),
        (["photo.png", "-o", "out.txt"], "states no format"),
        (["photo.png", "-o", "out.png", "--style", "stars"], "no style 'stars'"),
        (["photo.png", "-o", "out.png", "--style", "tiles:0.5,stars:0.5"], "no style 'stars'"),
        (["photo.png", "-o", "out.png", "--style", "tiles:"], "NAME:WEIGHT"),
        (["photo.png", "-o", "out.png", "--strength", "much"], "'much' is not a valid float"),
        (["photo.png", "-o", "out.png", "--strength", "nan"], "nan"),
        (["photo.png", "-o", "out.png", "--strength", "-1"], "-1"),
        (["photo.png", "-o", "out.png", "--size", "0"], "0 is not in the range"),
        (["photo.png", "-o", "out.png", "--quality", "101"], "101 is not in the range"),
        (["photo.png", "-o", "out.png", "--preserve-color", "all"], "'luma', 'stats'"),
        (["photo.png", "-o", "out.png", "--format", "doc"], "'png', 'jpg'"),
        (["photo.png", "-o", "-", "--json"], "both want stdout"),
        (["photos", "-o", "-"], "stdout takes one picture"),
    ],
)
def test_bad_input_is_refused_and_nothing_is_written(here, unpainted, arguments, message):
    assert message in unpainted(*arguments)


def test_single_broken_picture_is_named(here, unpainted):
    Path("broken.jpg").write_bytes(b"no picture")
    assert "broken.jpg" in unpainted("broken.jpg", "-o", "out.jpg")


def test_stdin_without_a_picture_is_refused(here, unpainted):
    assert "stdin is not a picture" in unpainted("-", "-o", "out.jpg", input=b"no picture")


def test_misspelt_model_suggests(here, refused, zoo):
    line = refused("stylize", "photo.png", "-o", "out.png", "-m", "johnson/mosaik")
    assert "Did you mean johnson/mosaic?" in line


def test_unknown_device_is_refused(here, refused, model):
    assert "'abacus'" in refused("stylize", "photo.png", "-o", "out.png", "-m", model, "--device", "abacus")


def test_outputs_are_checked_before_the_model_is_loaded(here, refused, monkeypatch):
    monkeypatch.setattr(stylizer, "load", lambda *_, **__: pytest.fail("the model was loaded"))
    Path("out").mkdir()
    Path("out/b.png").touch()
    assert "'out/b.png' exists" in refused("stylize", "photos", "-o", "out")


def test_every_format_that_is_offered_can_be_written(here, paint):
    from stylezoo.cli.jobs import FORMATS

    for ending in FORMATS:
        assert paint("photo.png", "-o", f"out.{ending}").exit_code == 0
        assert Image.open(f"out.{ending}").size == (48, 32)
