"""Recipes of several styles and of any, for runs as small as that of `run_inputs`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from PIL import Image


def _several(folder: Path, inputs: Path, name: str, model: dict[str, Any], pictures: dict[str, np.ndarray]) -> Path:
    """Write into `folder` the recipe of `inputs` for another net, with pictures of its styles."""
    plain = yaml.safe_load((inputs / "tiny.yaml").read_text())
    style, plain["styles"] = plain["styles"][0], []
    for identifier, picture in pictures.items():
        Image.fromarray(picture.astype(np.uint8)).save(folder / f"{identifier}.png")
        plain["styles"].append(style | {"id": identifier, "title": identifier, "image": f"{identifier}.png"})
    path = folder / f"{name}.yaml"
    path.write_text(yaml.safe_dump(plain | {"name": f"cin/{name}", "model": {"family": "cin"} | model}))
    return path


@pytest.fixture(scope="session")
def trio_file(run_inputs: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A recipe of three styles in one net, "grid", "rays" and "noise". Not to be changed."""
    grid, rays = np.zeros((2, 64, 64, 3))
    grid[::8], grid[:, ::8] = (230, 120, 20), (20, 60, 200)
    rays[np.add.outer(np.arange(64), np.arange(64)) % 12 < 4] = (250, 240, 90)
    pictures = {"grid": grid, "rays": rays, "noise": np.random.default_rng(0).integers(0, 256, (64, 64, 3))}
    model = {"args": {"width": 8, "blocks": 1}}
    return _several(tmp_path_factory.mktemp("trio"), run_inputs, "trio", model, pictures)


@pytest.fixture(scope="session")
def mine_file(run_inputs: Path, multi_file: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A recipe of two new styles, "tiles" and "steps", for the net of `multi_file`. Not to be changed."""
    tiles = np.kron(np.indices((8, 8)).sum(axis=0) % 2, np.ones((8, 8)))[..., None] * (200, 30, 60)
    steps = np.zeros((64, 64, 3)) + (np.arange(64) // 16 * 60)[:, None, None]
    pictures = {"tiles": tiles, "steps": steps}
    return _several(tmp_path_factory.mktemp("mine"), run_inputs, "mine", {"base": str(multi_file)}, pictures)


@pytest.fixture(scope="session")
def paintings(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of eight style pictures of two sources. Not to be changed."""
    from skimage import data

    folder = tmp_path_factory.mktemp("paintings")
    for name, picture in (("cup", data.coffee()), ("cat", data.chelsea())):
        for index in range(4):
            Image.fromarray(picture[20 * index : 20 * index + 90, 60 * index : 60 * index + 100]).save(
                folder / f"{name}_{index}.png"
            )
    return folder


def _any(folder: Path, inputs: Path, paintings: Path, family: str, **changes: dict[str, Any]) -> Path:
    """Write into `folder` the recipe of `inputs` for a net that takes any picture and knows stripes.png by name."""
    plain = yaml.safe_load((inputs / "tiny.yaml").read_text())
    plain |= {"name": f"{family}/tiny", "model": {"family": family}}
    plain["styles"][0] |= {"image": str(inputs / "stripes.png"), "size": 64}
    plain["data"] |= {"styles": str(paintings), "style_count": 6, "style_side": 64, "style_short_side": [64, 80]}
    layers = dict.fromkeys(("relu1_1", "relu2_1", "relu3_1", "relu4_1"), 1.0)
    plain["loss"] = {"content": {"relu4_1": 1.0}, "style": layers}
    for section, values in changes.items():
        plain[section] |= values
    path = folder / f"{family}.yaml"
    path.write_text(yaml.safe_dump(plain))
    return path


@pytest.fixture(scope="session")
def ghiasi_recipe(run_inputs: Path, paintings: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A recipe of a net that predicts rows, and half of whose steps are told the statistics. Not to be changed."""
    model = {"args": {"width": 8, "blocks": 1}}
    folder = tmp_path_factory.mktemp("ghiasi")
    return _any(folder, run_inputs, paintings, "ghiasi", model=model, data={"crop": 64}, run={"teacher": 0.5})


@pytest.fixture(scope="session")
def adain_recipe(run_inputs: Path, paintings: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A recipe of a decoder for VGG19's features. Not to be changed."""
    return _any(tmp_path_factory.mktemp("adain"), run_inputs, paintings, "adain", loss={"style_term": "mean_std"})
