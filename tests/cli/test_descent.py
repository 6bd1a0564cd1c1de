from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from skimage import data

from stylezoo.cli.descent import parse_layers
from stylezoo.errors import OptionError

QUICK = ("-m", "gatys/vgg19", "-s", "style.png", "--content-layers", "relu1_1", "--style-layers", "relu1_1")


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with photo.png (36 x 32) and style.png."""
    monkeypatch.chdir(tmp_path)
    for name, picture in (("photo", data.astronaut()), ("style", data.coffee())):
        Image.fromarray(picture).resize((36, 32)).save(f"{name}.png")
    return tmp_path


def pixels(path: str) -> np.ndarray:
    return np.asarray(Image.open(path).convert("RGB")).astype(int)


@pytest.mark.slow
def test_a_picture_is_optimised_and_what_it_passes_is_kept(run, here: Path) -> None:
    result = run("stylize", "photo.png", *QUICK, "-o", "out.png", "--steps", "5", "--save-every", "2", "--json")
    assert result.exit_code == 0, result.stderr
    found = json.loads(result.stdout)
    assert (found["model"], found["style"], found["width"]) == ("gatys/vgg19", "style.png", 36)
    layers = {"relu1_1": 1.0}
    assert found["tuning"] == {"steps": 5, "content_layers": layers, "style_layers": layers}
    assert sorted(p.name for p in here.iterdir()) == [
        "out.png",
        "out_00002.png",
        "out_00004.png",
        "photo.png",
        "style.png",
    ]
    start, second, fourth = pixels("photo.png"), pixels("out_00002.png"), pixels("out_00004.png")
    assert 0 < np.abs(second - start).mean() < np.abs(fourth - start).mean()


@pytest.mark.slow
def test_a_kept_picture_can_be_gone_on_from(run, here: Path) -> None:
    assert run("stylize", "photo.png", *QUICK, "-o", "a.png", "--steps", "6", "--save-every", "3").exit_code == 0
    kept = pixels("a_00003.png")
    assert run("stylize", "photo.png", *QUICK, "-o", "b.png", "--steps", "1", "--start", "a_00003.png").exit_code == 0
    assert np.abs(pixels("b.png") - kept).mean() < 0.2 * np.abs(pixels("b.png") - pixels("photo.png")).mean()


def test_a_palette_warns_since_the_colours_are_optimised_anyway(run, here: Path) -> None:
    asked = run("stylize", "photo.png", *QUICK, "-o", "a.png", "--steps", "1", "--palette", "0.5")
    assert asked.exit_code == 0 and "warning: --palette has no effect" in asked.stderr
    assert "warning" not in run("stylize", "photo.png", *QUICK, "-o", "b.png", "--steps", "1").stderr


def test_what_a_net_cannot_use_is_refused_before_it_is_loaded(refused, here: Path, monkeypatch) -> None:
    monkeypatch.setattr("stylezoo.stylizer.loading.load", lambda *_, **__: pytest.fail("it was loaded"))
    for option, value in (("--steps", "30"), ("--start", "noise"), ("--save-every", "5"), ("--style-weight", "3")):
        told = refused("stylize", "photo.png", "-o", "out.png", option, value)
        assert f"{option} is for gatys models" in told and "johnson/mosaic" in told
    told = refused("stylize", "photo.png", "-o", "out.png", "--stride", "2")
    assert "--stride is for styleswap models" in told and "johnson/mosaic" in told


@pytest.mark.slow
@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--steps", "0"], "steps must be a whole number from 1"),
        (["--optimizer", "sgd"], "optimizer must be lbfgs or adam, not 'sgd'"),
        (["--start", "elsewhere.png"], "start must be photo, noise or a picture, not 'elsewhere.png'"),
        (["--style-layers", "relu1_9"], "vgg19 has no layer 'relu1_9'"),
        (["--style-layers", "relu1_1:x"], "cannot read 'relu1_1:x' in --style-layers"),
    ],
    ids=" ".join,
)
def test_bad_values_are_one_line(refused, here: Path, options: list[str], message: str) -> None:
    assert message in refused("stylize", "photo.png", "-m", "gatys/vgg19", "-s", "style.png", "-o", "out.png", *options)


@pytest.mark.slow
def test_pictures_on_the_way_overwrite_nothing(refused, run, here: Path) -> None:
    command = ("stylize", "photo.png", *QUICK, "--steps", "1", "--save-every", "1")
    assert "--save-every writes files next to OUT" in refused(*command, "-o", "-")
    Path("out_00001.png").write_bytes(b"mine")
    assert "'out_00001.png'" in refused(*command, "-o", "out.png")
    assert Path("out_00001.png").read_bytes() == b"mine"
    assert run(*command, "-o", "out.png", "--force").exit_code == 0
    assert pixels("out_00001.png").shape == (32, 36, 3)
    told = refused(*command, "-o", "out.png", "--force", "--start", "out_00001.png")
    assert "'out_00001.png'" in told


def test_layers_are_a_list_with_weights() -> None:
    assert parse_layers("relu1_1, relu4_1:0.5", "--style-layers") == {"relu1_1": 1.0, "relu4_1": 0.5}
    for text in ("", "relu1_1,,relu2_1", "relu1_1:nan"):
        with pytest.raises(OptionError, match="write LAYER,LAYER or LAYER:WEIGHT"):
            parse_layers(text, "--style-layers")
    with pytest.raises(OptionError, match="names 'relu1_1' twice"):
        parse_layers("relu1_1,relu1_1:2", "--style-layers")


@pytest.mark.slow
def test_it_is_listed_described_and_verified_without_weights(run, refused, here: Path) -> None:
    (line,) = run("list", "gatys/*", "--json").stdout.splitlines()
    listed = json.loads(line)
    assert (listed["name"], listed["kind"], listed["bytes"]) == ("gatys/vgg19", "arbitrary", None)
    assert "weights" not in json.loads(run("info", "gatys/vgg19", "--json").stdout)
    verified = run("verify", "gatys/vgg19")
    assert (
        verified.exit_code == 0 and "weights: none" in verified.stdout and "fingerprint: differs by" in verified.stdout
    )
    assert "--styles" in refused("eval", "gatys/vgg19", "--photos", ".", "--metric", "C")
