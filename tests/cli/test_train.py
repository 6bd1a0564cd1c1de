from __future__ import annotations

from pathlib import Path

import pytest
import yaml
from PIL import Image

from stylezoo.train import trainer


@pytest.fixture
def here(tmp_path, monkeypatch):
    """A folder with recipe.yaml (run.steps 40), painting.png and paintings/ with two pictures."""
    monkeypatch.chdir(tmp_path)
    Path("paintings").mkdir()
    for name in ("painting.png", "paintings/wave.png", "paintings/night.png"):
        Image.new("RGB", (64, 64), "teal").save(name)
    recipe = {
        "name": "johnson/mine",
        "model": {"family": "johnson"},
        "styles": [{"id": "mine", "title": "Mine", "rights": "CC0-1.0", "source": "a test", "image": "painting.png"}],
        "run": {"steps": 40},
    }
    Path("recipe.yaml").write_text(yaml.safe_dump(recipe))
    return tmp_path


def effective(result):
    assert result.exit_code == 0, result.stderr
    assert result.stderr == ""
    return yaml.safe_load(result.stdout)


def test_dry_run_prints_the_effective_recipe_and_trains_nothing(here, run, monkeypatch):
    monkeypatch.setattr(trainer, "train", lambda *_, **__: pytest.fail("the training began"))
    recipe = effective(run("train", "--recipe", "recipe.yaml", "--dry-run"))
    assert recipe["run"]["steps"] == 40
    assert recipe["optim"]["lr"] > 0  # a default, written out
    assert not Path("runs").exists()


def test_options_change_the_recipe(here, run):
    Path("photos").mkdir()
    options = ["--style", "painting.png", "--content", "photos", "--name", "johnson/teal"]
    changes = ["--set", "run.steps=7", "--set", "loss.style_weight=3.5"]
    recipe = effective(run("train", "--recipe", "recipe.yaml", *options, *changes, "--dry-run"))
    assert recipe["name"] == "johnson/teal"
    assert (recipe["run"]["steps"], recipe["loss"]["style_weight"]) == (7, 3.5)
    assert Path(recipe["data"]["content"]).name == "photos"
    assert Path(recipe["styles"][0]["image"]).name == "painting.png"


def test_what_to_try_next_names_a_style_where_one_is_needed(here, run, monkeypatch):
    monkeypatch.setattr(trainer, "train", lambda recipe, out, **options: out)
    recipe = yaml.safe_load(Path("recipe.yaml").read_text())

    def hint(family, *options):
        Path("other.yaml").write_text(yaml.safe_dump(recipe | {"name": f"{family}/a", "model": {"family": family}}))
        return run("train", "--recipe", "other.yaml", "--out", "run", *options).stderr

    assert "stylize photo.jpg -m run -o styled.jpg" in hint("johnson")
    assert "stylize photo.jpg -m run -s night -o styled.jpg" in hint("cin", "--styles", "paintings")
    del recipe["styles"]
    assert "stylize photo.jpg -m run -s painting.jpg -o styled.jpg" in hint("ghiasi", "--styles", "paintings")
    assert "stylize photo.jpg -m run -o styled.jpg" in hint("ghiasi", "--style", "painting.png")


@pytest.mark.parametrize(("options", "out"), [([], "runs/johnson/mine"), (["--out", "here"], "here")])
def test_run_goes_to_its_folder_which_is_printed(here, run, monkeypatch, options, out):
    calls = []

    def train(recipe, out, **options):
        calls.append((recipe.name, out, options))
        return out

    monkeypatch.setattr(trainer, "train", train)
    result = run("train", "--recipe", "recipe.yaml", "--resume", "--device", "cpu", *options)
    assert result.exit_code == 0
    assert result.stdout == f"{out}\n"
    assert f"-m {out}" in result.stderr
    assert calls == [("johnson/mine", Path(out), {"device": "cpu", "resume": True, "progress": True})]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "'--recipe'"),
        (["--recipe", "missing.yaml"], "missing.yaml"),
        (["--recipe", "recipe.yaml", "--set", "run.stepz=1"], "Did you mean steps?"),
        (["--recipe", "recipe.yaml", "--set", "run.steps"], "--set"),
        (["--recipe", "recipe.yaml", "--set", "optim.lr=1e-3"], "1.0e-3"),
        (["--recipe", "recipe.yaml", "--set", "run.steps=0"], "run.steps"),
        (["--recipe", "recipe.yaml", "--style", "painting.png", "--styles", "paintings"], "--styles"),
        (["--recipe", "recipe.yaml", "--styles", "missing"], "missing"),
        (["--recipe", "recipe.yaml", "--name", "cin/mine"], "cin/mine"),
        (["--recipe", "painting.png"], "painting.png"),
    ],
)
def test_bad_recipe_or_option_is_refused(here, refused, arguments, message):
    assert message in refused("train", *arguments, "--dry-run")
