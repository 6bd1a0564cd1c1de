from __future__ import annotations

import shutil
from pathlib import Path

import msgspec
import numpy as np
import pytest
from click.testing import CliRunner
from PIL import Image
from safetensors.numpy import load_file

from stylezoo._files import sha256_of
from stylezoo.stylizer.loading import load
from stylezoo.zoo.fingerprints import FILE, read_fingerprints
from stylezoo.zoo.layout import read_zoo
from stylezoo.zoo.store import BUNDLED
from stylezoo.zoo.writing import write_zoo

ROOT = Path(__file__).resolve().parents[2]
RECIPE = """
name: cin/one
model: {{family: cin}}
styles:
  - {{id: udnie, title: Stripes, rights: my own, source: drawn here, image: {image}, size: 64}}
"""


@pytest.fixture
def zoo_file(tmp_path: Path) -> Path:
    """A registry of two of the zoo's nets, next to a copy of their weights in bundled/."""
    zoo = read_zoo(ROOT / "zoo.yaml")
    models = {name: zoo.models[name] for name in ("cin/16", "johnson/mosaic")}
    for spec in models.values():
        assert spec.weights is not None
        target = tmp_path / "bundled" / spec.weights.file
        target.parent.mkdir(parents=True)
        shutil.copy(BUNDLED / spec.weights.file, target)
    write_zoo(msgspec.structs.replace(zoo, aliases={}, models=models), tmp_path / "zoo.yaml")
    shutil.copy(ROOT / FILE, tmp_path)
    return tmp_path / "zoo.yaml"


def test_records_get_the_colours_of_the_pictures_and_weights_stay(load_script, zoo_file: Path, tmp_path: Path) -> None:
    picture = np.random.default_rng(0).integers(0, 256, (48, 64, 3), np.uint8)
    Image.fromarray(picture).save(tmp_path / "stripes.png")
    (tmp_path / "one.yaml").write_text(RECIPE.format(image=tmp_path / "stripes.png"))
    before, weights = read_zoo(zoo_file), tmp_path / "bundled"
    tensors = load_file(weights / "cin" / "16.safetensors")
    arguments = [str(tmp_path / "one.yaml"), "--zoo", str(zoo_file), "--bundled", str(weights)]
    result = CliRunner().invoke(load_script("palettes").main, arguments, catch_exceptions=False)
    assert result.exit_code == 0 and "cin/16" in result.output and "johnson/mosaic" not in result.output

    zoo = read_zoo(zoo_file)
    net = zoo.models["cin/16"]
    assert zoo.models["johnson/mosaic"] == before.models["johnson/mosaic"]
    colours = picture.reshape(-1, 3) / 255
    expected = [*colours.mean(axis=0), *np.cov(colours.T, bias=True)[np.triu_indices(3)]]
    np.testing.assert_allclose(zoo.artworks["udnie"].palette, expected, atol=6e-6)
    assert net.styles[5].palette == zoo.artworks["udnie"].palette
    assert net.styles[:5] == before.models["cin/16"].styles[:5]
    assert net.weights is not None and net.weights.sha256 == sha256_of(weights / "cin" / "16.safetensors")
    after = load_file(weights / "cin" / "16.safetensors")
    assert tensors.keys() == after.keys() and all(np.array_equal(tensors[key], after[key]) for key in after)
    assert load(weights / "cin" / "16.safetensors", device="cpu").spec.styles[5].palette == net.styles[5].palette
    prints = read_fingerprints(zoo_file.with_name(FILE))
    assert prints["cin/16"].weights == net.weights.sha256[:8] != before.models["cin/16"].weights.sha256[:8]


def test_a_missing_picture_is_named_and_nothing_written(load_script, zoo_file: Path, tmp_path: Path) -> None:
    (tmp_path / "one.yaml").write_text(RECIPE.format(image=tmp_path / "none.png"))
    before = zoo_file.read_bytes()
    arguments = [str(tmp_path / "one.yaml"), "--zoo", str(zoo_file), "--bundled", str(tmp_path / "bundled")]
    result = CliRunner().invoke(load_script("palettes").main, arguments)
    assert result.exit_code == 1 and "udnie" in result.output and zoo_file.read_bytes() == before
