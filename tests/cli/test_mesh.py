"""`stylezoo mesh`."""

from __future__ import annotations

import json
from pathlib import Path

import models


def test_a_model_is_written_and_described(run, tmp_path: Path) -> None:
    scene, body = models.document(models.encoded(models.atlas()))
    (tmp_path / "cube.glb").write_bytes(models.glb(scene, body))
    line = ["mesh", tmp_path / "cube.glb", "-s", "starry_night", "--strength", "0.7", "-o", tmp_path / "out.glb"]
    done = run(*line, "--json")
    assert done.exit_code == 0, done.stderr
    facts = json.loads(done.stdout)
    assert facts["strength"] == 0.7 and facts["textures"][0][1:3] == [models.SIDE, models.SIDE]
    assert models.parts_of(tmp_path / "out.glb")[0]["asset"]["version"] == "2.0"
    assert "--force" in run(*line).stderr
    assert run(*line, "--force").exit_code == 0


def test_what_is_wrong_is_one_line(refused, tmp_path: Path) -> None:
    (tmp_path / "a.glb").write_bytes(b"glTF" + bytes(20))
    (tmp_path / "a.fbx").write_bytes(b"Kaydara")
    assert "a.glb is damaged" in refused("mesh", tmp_path / "a.glb", "-s", "starry_night", "-o", tmp_path / "b.glb")
    assert "a.fbx" in refused("mesh", tmp_path / "a.fbx", "-s", "starry_night", "-o", tmp_path / "b.fbx")
    assert "nowhere.obj" in refused("mesh", tmp_path / "nowhere.obj", "-s", "starry_night", "-o", tmp_path / "b.obj")
