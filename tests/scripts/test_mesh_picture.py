"""The script that draws the picture of docs/mesh.md: its model, and its renderer."""

from __future__ import annotations

from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
from PIL import Image


@pytest.fixture(scope="module")
def script(load_script) -> ModuleType:
    return load_script("mesh_picture")


def test_the_model_is_read_as_it_was_written(script: ModuleType, tmp_path: Path) -> None:
    parts = [script.vase(), script.block()]
    script.write_glb(parts, tmp_path / "vase.glb")
    for part, again in zip(parts, script.read_glb(tmp_path / "vase.glb"), strict=True):
        assert np.allclose(np.linalg.norm(part.normals, axis=1), 1)
        assert np.allclose(part.corners, again.corners, atol=1e-6) and np.array_equal(part.faces, again.faces)
        assert np.allclose(part.uv, again.uv, atol=1e-6) and part.image == again.image


def test_what_is_near_hides_what_is_far(script: ModuleType) -> None:
    def wall(z: float, colour: tuple[int, int, int]) -> object:
        corners = np.array([(-1.0, -1, z), (1, -1, z), (1, 1, z), (-1, 1, z)])
        normals = np.tile(script.LIGHT / np.linalg.norm(script.LIGHT), (4, 1))
        image = script.png(Image.new("RGB", (4, 4), colour))
        return script.Part(corners, normals, np.zeros((4, 2)), np.array([(0, 1, 2), (0, 2, 3)]), image)

    walls = [wall(0.5, (200, 0, 0)), wall(-0.5, (0, 200, 0))]
    for parts in (walls, walls[::-1]):
        red, green, _ = np.asarray(script.render(parts, 0.0, 90))[15, 15].tolist()
        assert red > 150 and green == 0


def test_textures_repeat_and_are_interpolated(script: ModuleType) -> None:
    texture = np.zeros((2, 2, 3))
    texture[0, 0] = 100
    u, v = np.array([0.25, 1.25, -0.75, 0.5, 0.0]), np.full(5, 0.25)
    assert np.allclose(script.sample(texture, u, v)[:, 0], [100, 100, 100, 50, 50])
