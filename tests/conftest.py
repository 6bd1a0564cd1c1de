"""A net of random weights in a file, and a training run small enough for seconds."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
import yaml
from PIL import Image


@pytest.fixture(scope="session")
def net_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A .safetensors file with the record of johnson/tiny, style "dots", and random weights."""
    import torch

    from stylezoo.models import create_model
    from stylezoo.zoo.spec import ModelSpec, StyleSpec

    with torch.random.fork_rng():
        torch.manual_seed(7)
        net = create_model("johnson", width=8, blocks=1)
    style = StyleSpec(id="dots", title="Dots", rights="CC0-1.0", source="a test")
    spec = ModelSpec(name="johnson/tiny", family="johnson", arch=net.arch, styles=(style,), license="CC0-1.0")
    path = tmp_path_factory.mktemp("net") / "tiny.safetensors"
    net.save_weights(path, spec)
    return path


@pytest.fixture(scope="session")
def run_inputs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with what a run of twelve steps needs that takes a second: a tiny net, small crops, shallow layers.

    tiny.yaml, the style picture stripes.png and photos/, five of about 80x60 px. Not to be changed.
    """
    from skimage import data

    folder = tmp_path_factory.mktemp("inputs")
    (folder / "photos").mkdir()
    for index, left in enumerate((0, 60, 120, 180, 240)):
        photo = Image.fromarray(data.coffee()[: 300 + 10 * index, left : left + 300])
        photo.resize((80, 60 + index)).save(folder / "photos" / f"{index}.png")
    stripes = np.zeros((64, 64, 3), np.uint8)
    stripes[::8], stripes[:, ::8] = (230, 120, 20), (20, 60, 200)
    Image.fromarray(stripes).save(folder / "stripes.png")
    style = {"id": "stripes", "title": "Stripes", "rights": "CC0-1.0", "source": "a test", "image": "stripes.png"}
    run = {"steps": 12, "batch": 2, "precision": "fp32", "log_every": 1, "sample_every": 0, "checkpoint_every": 3}
    recipe = {
        "name": "johnson/tiny",
        "model": {"family": "johnson", "args": {"width": 8, "blocks": 1}},
        "styles": [style],
        "data": {"content": str(folder / "photos"), "hold_out": 0, "short_side": [40, 56], "crop": 32},
        "loss": {"content": {"relu2_1": 1.0}, "style": {"relu1_1": 1.0, "relu2_1": 1.0}},
        "run": run,
    }
    (folder / "tiny.yaml").write_text(yaml.safe_dump(recipe))
    return folder


@pytest.fixture
def recipe_file(run_inputs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The recipe tiny.yaml in a copy of `run_inputs` that a test may change."""
    monkeypatch.delenv("STYLEZOO_DATA", raising=False)
    shutil.copytree(run_inputs, tmp_path, dirs_exist_ok=True)
    path = tmp_path / "tiny.yaml"
    path.write_text(path.read_text().replace(str(run_inputs), str(tmp_path)))
    return path


@pytest.fixture
def photos(recipe_file: Path) -> Path:
    """The photos of `recipe_file`, 0.png to 4.png."""
    return recipe_file.parent / "photos"
