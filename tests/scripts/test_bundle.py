from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from click.testing import CliRunner
from safetensors import safe_open

from stylezoo._files import sha256_of
from stylezoo.evaluate.verify import verify_model
from stylezoo.stylizer.loading import load
from stylezoo.train.recipe import load_recipe
from stylezoo.train.trainer import train
from stylezoo.zoo import store
from stylezoo.zoo.fingerprints import find_fingerprints
from stylezoo.zoo.layout import read_zoo


@pytest.fixture
def bundle(load_script):
    """Call the script: bundle(run, zoo, folder, *further_runs)."""
    module = load_script("bundle")

    def call(run: Path, zoo: Path, folder: Path, *others: Path, story: str | None = None, refused: bool = False) -> str:
        module.ROOT = run.parent / "repository"
        (module.ROOT / "recipes").mkdir(parents=True, exist_ok=True)
        words = (run / "recipe.yaml").read_text().replace("summary: ''", "summary: as the recipe says by now")
        words = words.replace("steps: 3\n", "steps: 4\n")  # of a recipe that has changed since
        (module.ROOT / "recipes" / "tiny.yaml").write_text(words)
        runs = [str(place) for place in (run, *others)]
        options = ["--recipe", "recipes/tiny.yaml", "--zoo", str(zoo), "--bundled", str(folder)]
        options += ["--story", story] if story else []
        result = CliRunner().invoke(module.main, [*runs, *options], catch_exceptions=False)
        assert result.exit_code == (2 if refused else 0), result.output
        return result.output

    return call


@pytest.mark.slow
def test_a_run_becomes_a_model_of_the_zoo(bundle, recipe_file: Path, tmp_path: Path, monkeypatch) -> None:
    run = train(load_recipe(recipe_file, overrides=["run.steps=2"]), tmp_path / "run", progress=False)
    zoo_file, folder = tmp_path / "zoo.yaml", tmp_path / "bundled"
    zoo_file.write_text("# kept\nschema: 1\naliases: {}\nmodels: {}\n")

    printed = bundle(run, zoo_file, folder)
    weights = folder / "johnson" / "tiny.safetensors"
    assert sha256_of(weights) in printed
    assert zoo_file.read_text().startswith("# kept\n")
    zoo = read_zoo(zoo_file)
    spec = zoo.models["johnson/tiny"]
    assert zoo.aliases == {"tiny": "johnson/tiny"}
    assert (spec.provenance, spec.recipe, spec.story) == ("recipe", "recipes/tiny.yaml", None)
    assert spec.summary == "as the recipe says by now"
    assert (spec.weights.file, spec.weights.bundled) == ("johnson/tiny.safetensors", True)
    assert (spec.weights.bytes, spec.weights.sha256) == (weights.stat().st_size, sha256_of(weights))
    with safe_open(weights, "pt") as file:
        assert {file.get_tensor(key).dtype for key in file.keys()} == {torch.float16}  # noqa: SIM118

    monkeypatch.setattr(store, "BUNDLED", folder)
    (recorded,) = find_fingerprints([spec], tmp_path)
    assert recorded and all(finding.ok for finding in verify_model(spec, recorded=recorded))
    photo = np.random.default_rng(0).integers(0, 255, (40, 40, 3), np.uint8)
    before, after = (load(place, device="cpu").stylize(photo).astype(int) for place in (run, weights))
    assert np.abs(before - after).max() <= 3


@pytest.mark.slow
def test_a_second_run_replaces_the_first_and_leaves_aliases_and_other_models(
    bundle, recipe_file: Path, tmp_path: Path
) -> None:
    zoo_file, folder = tmp_path / "zoo.yaml", tmp_path / "bundled"
    zoo_file.write_text("schema: 1\naliases: {}\nmodels: {}\n")
    for name, seed in (("first", 0), ("tiny", 1), ("tiny", 2)):
        changes = ["run.steps=1", f"run.seed={seed}"]
        plan = load_recipe(recipe_file, overrides=changes, name=f"johnson/{name}")
        bundle(train(plan, tmp_path / f"run{seed}", progress=False), zoo_file, folder)
        if name == "first":  # an alias that someone gave
            zoo_file.write_text(zoo_file.read_text().replace("first: johnson/first", "tiny: johnson/first"))
    zoo = read_zoo(zoo_file)
    assert list(zoo.models) == ["johnson/first", "johnson/tiny"]
    assert zoo.aliases["tiny"] == "johnson/first"
    assert zoo.models["johnson/tiny"].weights.sha256 == sha256_of(folder / "johnson" / "tiny.safetensors")
    assert load(tmp_path / "run2", device="cpu").spec.name == "johnson/tiny"


@pytest.mark.slow
def test_of_several_runs_the_mean_is_taken(bundle, recipe_file: Path, tmp_path: Path) -> None:
    early, late = (
        train(load_recipe(recipe_file, overrides=[f"run.steps={n}"]), tmp_path / f"run{n}", progress=False)
        for n in (1, 4)
    )
    zoo_file, folder = tmp_path / "zoo.yaml", tmp_path / "bundled"
    zoo_file.write_text("schema: 1\naliases: {}\nmodels: {}\n")
    assert "give --story" in bundle(early, zoo_file, folder, late, refused=True)
    bundle(early, zoo_file, folder, late, story="The mean of two runs")
    spec = read_zoo(zoo_file).models["johnson/tiny"]
    assert (spec.provenance, spec.story) == ("handmade", "The mean of two runs")
    first, last, made = (
        load(place, device="cpu").net.state_dict() for place in (early, late, folder / "johnson" / "tiny.safetensors")
    )
    assert any(not torch.equal(first[name], last[name]) for name in first)
    for name, value in made.items():
        torch.testing.assert_close(value, (first[name] + last[name]) / 2, atol=1e-3, rtol=1e-3)


@pytest.mark.slow
def test_a_run_of_another_recipe_needs_a_story(bundle, recipe_file: Path, tmp_path: Path) -> None:
    run = train(load_recipe(recipe_file, overrides=["run.steps=3"]), tmp_path / "run", progress=False)
    zoo_file = tmp_path / "zoo.yaml"
    zoo_file.write_text("schema: 1\naliases: {}\nmodels: {}\n")
    said = bundle(run, zoo_file, tmp_path / "bundled", refused=True)
    assert "differs from recipes/tiny.yaml in run.steps" in said
    assert not (tmp_path / "bundled").exists() and not read_zoo(zoo_file).models
