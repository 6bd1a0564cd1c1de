"""Recipes of several styles, for runs as small as that of `run_inputs`."""

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
