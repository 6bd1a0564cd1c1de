from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from skimage import data

import stylezoo
from stylezoo._files import sha256_of
from stylezoo.cli.main import COMMANDS
from stylezoo.models import create_model
from stylezoo.zoo.store import read_header

NAMED = ["--name", "johnson/tiles", "--license", "BSD-3-Clause"]


@pytest.fixture
def here(tmp_path, monkeypatch):
    """A folder with mosaic.pth, in the reference's layout, and photo.png."""
    monkeypatch.chdir(tmp_path)
    torch.manual_seed(5)
    shapes = {
        "conv1": (4, 3, 9),
        "conv2": (8, 4, 3),
        "conv3": (8, 8, 3),
        "res1.conv1": (8, 8, 3),
        "res1.conv2": (8, 8, 3),
    }
    shapes |= {"deconv1": (6, 8, 3), "deconv2": (4, 6, 3), "deconv3": (3, 4, 9)}
    weights = {}
    for name, (outputs, inputs, side) in shapes.items():
        weights[f"{name}.conv2d.weight"] = torch.randn(outputs, inputs, side, side)
        weights[f"{name}.conv2d.bias"] = torch.full((outputs,), 100.0 if name == "deconv3" else 0.0)
    for name, width in {"in1": 4, "in2": 8, "in3": 8, "res1.in1": 8, "res1.in2": 8, "in4": 6, "in5": 4}.items():
        weights[f"{name}.weight"], weights[f"{name}.bias"] = torch.rand(width), torch.randn(width)
    torch.save(weights, "mosaic.pth")
    Image.fromarray(data.astronaut()[:48, :64]).save("photo.png")
    return tmp_path


def test_an_imported_net_stylizes_by_the_command_that_is_suggested(here, run):
    result = run("import", "mosaic.pth", *NAMED, "--rights", "my own", "--source", "https://example.org/m.pth")
    assert result.exit_code == 0, result.stderr
    assert result.stdout == "tiles.safetensors\n"
    first, second = result.stderr.splitlines()
    assert first.startswith("stylezoo: johnson/tiles: one style, ")
    assert first.endswith(" BSD-3-Clause")
    command = second.removeprefix("stylezoo: try it: stylezoo ").replace("photo.jpg", "photo.png").split()
    assert run(*command).exit_code == 0
    expected = stylezoo.load("tiles.safetensors").stylize(Image.open("photo.png"))
    stylized = np.asarray(Image.open(command[-1])).astype(int)
    assert np.asarray(expected).std() > 4
    assert np.abs(stylized - np.asarray(expected)).mean() < 4  # but for JPEG
    record = run("info", "tiles.safetensors", "--all").stdout
    assert "story: not trained by stylezoo, imported from mosaic.pth, sha256" in record


def test_json_says_what_was_written(here, run):
    result = run("import", "mosaic.pth", *NAMED, "-o", "out/tiles.safetensors", "--dtype", "float16", "--json")
    assert result.exit_code == 0, result.stderr
    assert result.stdout.count("\n") == 1
    told = json.loads(result.stdout)
    path, spec = Path("out/tiles.safetensors"), read_header("out/tiles.safetensors")
    assert told == {
        "file": str(path),
        "name": "johnson/tiles",
        "family": "johnson",
        "arch": {"variant": "classic", "width": "4-8-8-6-4", "blocks": 1},
        "styles": ["tiles"],
        "license": "BSD-3-Clause",
        "story": spec.story,
        "parameters": sum(p.numel() for p in create_model("johnson", **spec.arch).parameters()),
        "dtype": "float16",
        "bytes": path.stat().st_size,
        "sha256": sha256_of(path),
    }
    assert "--rights" in result.stderr


def test_a_copy_takes_another_name_and_dtype(here, run, multi_file):
    result = run("import", multi_file, "--name", "cin/copy", "--dtype", "float16")
    assert result.exit_code == 0, result.stderr
    assert result.stdout == "copy.safetensors\n"
    assert "cin/copy: 3 styles" in result.stderr and "-m copy.safetensors -s dots " in result.stderr
    assert Path("copy.safetensors").stat().st_size < 0.6 * Path(multi_file).stat().st_size
    assert read_header("copy.safetensors").styles == read_header(multi_file).styles


def test_nothing_is_overwritten_by_accident(here, refused, run):
    assert run("import", "mosaic.pth", *NAMED).exit_code == 0
    before = Path("tiles.safetensors").read_bytes()
    assert "'tiles.safetensors' exists: pass --force" in refused("import", "mosaic.pth", *NAMED)
    assert "'tiles.safetensors' is an input" in refused("import", "tiles.safetensors", "--force", "--license", "MIT")
    assert Path("tiles.safetensors").read_bytes() == before
    assert run("import", "mosaic.pth", *NAMED, "--force", "--title", "Tiles").exit_code == 0
    assert Path("tiles.safetensors").read_bytes() != before
    assert sorted(p.name for p in here.iterdir()) == ["mosaic.pth", "photo.png", "tiles.safetensors"]


def test_bad_input_is_one_line(here, refused):
    assert "cannot read nothing.pth: No such file" in refused("import", "nothing.pth", *NAMED)
    assert "--license BSD-3-Clause" in refused("import", "mosaic.pth", "--name", "johnson/tiles")
    assert "not of adain" in refused("import", "mosaic.pth", *NAMED, "--family", "adain")
    assert "--output 'net.pth' " in refused("import", "mosaic.pth", *NAMED, "-o", "net.pth")
    Path("page.pth").write_text("<html><body>Not found</body></html>")
    assert "is a web page" in refused("import", "page.pth", *NAMED)
    weights = torch.load("mosaic.pth")
    torch.save(weights | {"conv2.conv2d.weight": weights["conv2.conv2d.weight"] * 1e6}, "large.pth")
    line = refused("import", "large.pth", *NAMED, "--dtype", "float16")
    assert "'trunk.encoder.1.conv.weight' in large.pth has values beyond" in line
    assert sorted(p.name for p in here.glob("*.safetensors")) == []


def test_a_hostile_pickle_is_refused_and_not_run(here, refused):
    class Hostile:
        def __reduce__(self):
            return Path.touch, (here / "ran",)

    torch.save({"state_dict": {}, "epoch": Hostile()}, "hostile.pth")
    assert "could run any code" in refused("import", "hostile.pth", *NAMED)
    assert not Path("ran").exists()


def test_the_command_is_listed(run):
    assert COMMANDS["import"] in run("--help").stdout
