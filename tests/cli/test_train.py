from __future__ import annotations

import json
import time
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

    assert "stylize photo.jpg -m run -o stylized.jpg" in hint("johnson")
    assert "stylize photo.jpg -m run -s night -o stylized.jpg" in hint("cin", "--styles", "paintings")
    del recipe["styles"]
    assert "stylize photo.jpg -m run -s style.jpg -o stylized.jpg" in hint("ghiasi", "--styles", "paintings")
    assert "stylize photo.jpg -m run -o stylized.jpg" in hint("ghiasi", "--style", "painting.png")


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
    (name, folder, options) = calls[0]
    assert (name, folder) == ("johnson/mine", Path(out))
    assert 0 <= time.monotonic() - options.pop("started") < 60
    assert options == {"device": "cpu", "resume": True, "progress": True}


def test_minutes_are_those_of_the_option_or_of_each_recipe(here, run):
    Path("other.yaml").write_text(Path("recipe.yaml").read_text().replace("johnson/mine", "johnson/other"))

    def minutes(*arguments):
        result = run("train", *arguments, "--dry-run")
        assert result.exit_code == 0, result.stderr
        return [recipe["run"]["minutes"] for recipe in yaml.safe_load_all(result.stdout)]

    assert minutes("--recipe", "recipe.yaml", "--minutes", "2.5") == [2.5]
    assert minutes("recipe.yaml:4", "other.yaml:0.1") == [4, 0.1]
    assert minutes("recipe.yaml", "other.yaml:3", "--minutes", "7") == [7, 3]
    assert minutes("recipe.yaml") == [0]


@pytest.mark.slow
def test_recipes_are_trained_in_sequence_and_a_failing_one_does_not_stop_the_next(here, run, monkeypatch):
    calls = []

    def train(recipe, out, **options):
        calls.append((str(out), recipe.run.minutes, options["resume"]))
        if recipe.name == "johnson/b":
            raise RuntimeError("a bad moment")
        return out

    monkeypatch.setattr(trainer, "train", train)
    for name in "abc":
        text = Path("recipe.yaml").read_text().replace("johnson/mine", f"johnson/{name}")
        Path(f"{name}.yaml").write_text(text)
    result = run("train", "a.yaml:1", "b.yaml:2", "c.yaml:3", "--out", "base")
    assert calls == [("base/johnson/a", 1, False), ("base/johnson/b", 2, False), ("base/johnson/c", 3, False)]
    assert result.stdout.split() == ["base/johnson/a", "base/johnson/c"]
    assert result.exit_code == 1
    assert "johnson/b failed: " in result.stderr and "a bad moment" in result.stderr
    assert "1 of 3 runs failed: johnson/b" in result.stderr
    calls.clear()
    Path("base/johnson/c").mkdir(parents=True)
    Path("base/johnson/c/recipe.yaml").touch()
    assert run("train", "a.yaml:1", "c.yaml:3", "--out", "base", "--resume").exit_code == 0
    assert calls == [("base/johnson/a", 1, False), ("base/johnson/c", 3, True)]


@pytest.mark.slow
def test_recipes_are_trained_within_their_seconds(recipe_file, run):
    """For real: the second has a style picture that does not exist, and the third ends as the first does."""
    folder = recipe_file.parent
    text = recipe_file.read_text()
    for name, picture in (("a", "stripes.png"), ("b", "nowhere.png"), ("c", "stripes.png")):
        (folder / f"{name}.yaml").write_text(
            text.replace("johnson/tiny", f"johnson/{name}").replace("image: stripes.png", f"image: {picture}")
        )
    recipes = [f"{folder / name}.yaml:{minutes}" for name, minutes in (("a", 0.1), ("b", 0.1), ("c", 0.15))]
    result = run("train", *recipes, "--out", str(folder / "runs"), "--device", "cpu")
    assert result.exit_code == 1
    assert "johnson/b failed: " in result.stderr and "nowhere.png" in result.stderr
    for name, minutes in (("a", 0.1), ("c", 0.15)):
        assert (folder / "runs" / "johnson" / name / "weights.safetensors").is_file()
        log = (folder / "runs" / "johnson" / name / "log.jsonl").read_text().splitlines()
        first, *_, last = [json.loads(line) for line in log] * 2
        assert last["minutes"] <= max(minutes, first["minutes"])  # where loading took all the time, a step was made


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "--recipe"),
        (["recipe.yaml:1", "--recipe", "recipe.yaml"], "--recipe"),
        (["recipe.yaml:0"], "not 0"),
        (["--recipe", "recipe.yaml", "--minutes", "-1"], "not -1"),
        (["recipe.yaml:1", "missing.yaml:1"], "missing.yaml"),
        (["recipe.yaml:1", "johnson:1", "--name", "johnson/x"], "johnson/x"),
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


def test_two_recipes_of_one_name_are_refused(here, refused):
    assert "johnson/mine" in refused("train", "recipe.yaml:1", "recipe.yaml:2")


def test_a_picture_alone_is_trained_from_the_nearest_net(here, run, refused):
    recipe = effective(run("train", "--style", "painting.png", "--minutes", "20", "--dry-run"))
    assert (recipe["name"], recipe["model"]["family"]) == ("johnson/painting", "johnson")
    assert (recipe["model"]["start"], recipe["run"]["minutes"]) == ("nearest", 20.0)
    scratch = effective(run("train", "--style", "painting.png", "--set", "model.start=null", "--dry-run"))
    assert scratch["model"]["start"] is None
    named = effective(run("train", "--style", "painting.png", "--set", "model.start=cin/16-large", "--dry-run"))
    assert named["model"]["start"] == "cin/16-large"
    unchanged = effective(run("train", "--recipe", "recipe.yaml", "--dry-run"))
    assert unchanged["model"]["start"] is None
    several = effective(run("train", "--recipe", "cin16_large", "--styles", "paintings", "--dry-run"))
    assert several["model"]["start"] == "nearest"
    several = run("train", "--recipe", "add_style", "--styles", "paintings", "--dry-run")
    assert effective(several)["model"]["start"] is None  # it has a base
    assert "nearest" in refused("train", "--recipe", "ghiasi_lite", "--set", "model.start=nearest", "--dry-run")
    assert "--style" in run("train").stderr
