"""Training runs of several styles, as small as that of `run_inputs`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from PIL import Image


def _several(recipe_file: Path, name: str, model: dict[str, Any], pictures: dict[str, np.ndarray]) -> Path:
    """Write beside `recipe_file` a recipe of the same run for another net, with pictures of its styles."""
    plain = yaml.safe_load(recipe_file.read_text())
    style, plain["styles"] = plain["styles"][0], []
    for identifier, picture in pictures.items():
        Image.fromarray(picture).save(recipe_file.parent / f"{identifier}.png")
        plain["styles"].append(style | {"id": identifier, "title": identifier, "image": f"{identifier}.png"})
    path = recipe_file.parent / f"{name}.yaml"
    path.write_text(yaml.safe_dump(plain | {"name": f"cin/{name}", "model": {"family": "cin"} | model}))
    return path


@pytest.fixture
def trio_file(recipe_file: Path) -> Path:
    """A recipe of three styles in one net, "grid", "rays" and "noise"."""
    grid, rays = np.zeros((2, 64, 64, 3), np.uint8)
    grid[::8], grid[:, ::8] = (230, 120, 20), (20, 60, 200)
    rays[np.add.outer(np.arange(64), np.arange(64)) % 12 < 4] = (250, 240, 90)
    noise = np.random.default_rng(0).integers(0, 256, (64, 64, 3), np.uint8)
    pictures = {"grid": grid, "rays": rays, "noise": noise}
    return _several(recipe_file, "trio", {"args": {"width": 8, "blocks": 1}}, pictures)


@pytest.fixture
def mine_file(recipe_file: Path, multi_file: Path) -> Path:
    """A recipe of two new styles, "tiles" and "steps", for the net of `multi_file`."""
    tiles = np.kron(np.indices((8, 8)).sum(axis=0) % 2, np.ones((8, 8)))[..., None] * (200, 30, 60)
    steps = np.zeros((64, 64, 3)) + (np.arange(64) // 16 * 60)[:, None, None]
    pictures = {"tiles": tiles.astype(np.uint8), "steps": steps.astype(np.uint8)}
    return _several(recipe_file, "mine", {"base": str(multi_file)}, pictures)
