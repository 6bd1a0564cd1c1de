from __future__ import annotations

import json
from pathlib import Path

import pytest

from stylezoo.train.recipe import load_recipe
from stylezoo.train.trainer import train


@pytest.fixture
def trained(recipe_file: Path, tmp_path: Path) -> Path:
    """The folder of a run of one step."""
    return train(load_recipe(recipe_file, overrides=["run.steps=1"]), tmp_path / "run", progress=False)


def test_a_run_folder_is_measured_against_its_own_style_picture(run, trained: Path, photos: Path) -> None:
    result = run("eval", trained, "--photos", photos, "--size", "64", "--json")
    assert result.exit_code == 0, result.stderr
    (line,) = result.stdout.splitlines()
    found = json.loads(line)
    assert (found["model"], found["style_id"], found["photos"], found["size"]) == ("johnson/tiny", "stripes", 5, 64)
    assert 0 < found["content"] < 5 and 0 < found["style"] < 5
    assert f"--photos {photos}" in found["command"]
    text = run("eval", trained, "--photos", photos, "--size", "64").stdout
    assert f"C {found['content']:.3f}" in text and f"S {found['style']:.3f}" in text


def test_a_lone_photo_of_the_data_folder_is_measured(run, trained: Path, photos: Path, tmp_path, monkeypatch) -> None:
    (tmp_path / "data").mkdir()
    photos.rename(tmp_path / "data" / "content")
    for path in sorted((tmp_path / "data" / "content").iterdir())[1:]:
        path.unlink()
    monkeypatch.setenv("STYLEZOO_DATA", str(tmp_path / "data"))
    assert "(1 photos at 64 px)" in run("eval", trained, "--size", "64").stdout


def test_what_cannot_be_measured_is_refused(refused, trained: Path, photos: Path, tmp_path: Path) -> None:
    assert "nowhere" in refused("eval", trained, "--photos", tmp_path / "nowhere")
    assert "johnson/no_such" in refused("eval", "johnson/no_such", "--photos", photos)
    lone = (trained / "weights.safetensors").rename(tmp_path / "lone.safetensors")
    assert "names no recipe" in refused("eval", lone, "--photos", photos)


def test_write_is_refused_before_anything_is_measured(refused, trained: Path, photos: Path, monkeypatch) -> None:
    monkeypatch.setattr("stylezoo.evaluate.quality.evaluate", lambda *_, **__: pytest.fail("it was measured"))
    assert "has no model johnson/tiny" in refused("eval", trained, "--photos", photos, "--write")


def test_figures_are_written_into_the_registry(run, trained: Path, photos: Path, tmp_path, monkeypatch) -> None:
    from stylezoo.zoo import catalog
    from stylezoo.zoo.spec import read_zoo

    registry = tmp_path / "zoo.yaml"
    style = "{id: stripes, title: Stripes, rights: CC0-1.0, source: a test}"
    weights = f"{{file: johnson/tiny.safetensors, sha256: '{'0' * 64}', bytes: 1, dtype: float16, bundled: true}}"
    model = f"{{family: johnson, arch: {{}}, styles: [{style}], license: MIT, weights: {weights}}}"
    registry.write_text(f"schema: 1\naliases: {{}}\nmodels: {{johnson/tiny: {model}}}\n")
    monkeypatch.setattr(catalog, "zoo_file", lambda: registry)
    result = run("eval", trained, "--photos", photos, "--size", "64", "--json", "--write")
    assert result.exit_code == 0, result.stderr
    found = read_zoo(registry).models["johnson/tiny"].metrics["stripes"]
    assert found.content == json.loads(result.stdout)["content"]
    assert found.photos == 5


def test_a_net_is_worth_a_number_of_iterations(run, refused, trained: Path, photos: Path) -> None:
    result = run("eval", trained, "--photos", photos, "--equivalents", "--size", "64", "--limit", "3")
    assert result.exit_code == 0, result.stderr
    (line,) = result.stdout.splitlines()
    assert line.startswith("johnson/tiny  stripes  ") and "iterations  (5 photos" in line and "at 64 px)" in line
    assert "--write is of C and S" in refused("eval", trained, "--photos", photos, "--equivalents", "--write")


def test_iterations_are_counted_at_two_sizes_on_a_few_photos(run, trained: Path, photos: Path, monkeypatch) -> None:
    from stylezoo.evaluate.equivalents import Equivalents

    asked = []

    def stand_in(stylizer, photos, loss, styles, *, size, limit, progress):
        asked.append((len(photos), styles, size, limit))
        return {"stripes": Equivalents(iterations=61.5, spread=8.0, reached=1, photos=len(photos))}

    monkeypatch.setattr("stylezoo.evaluate.equivalents.measure_equivalents", stand_in)
    monkeypatch.setattr("stylezoo.cli.eval.PHOTOS", 2)
    lines = run("eval", trained, "--photos", photos, "--equivalents", "--json").stdout.splitlines()
    assert asked == [(2, ["stripes"], 256, 500), (2, ["stripes"], 512, 500)]
    assert json.loads(lines[1]) == {
        "model": "johnson/tiny",
        "style_id": "stripes",
        "size": 512,
        "limit": 500,
        "iterations": 61.5,
        "spread": 8.0,
        "reached": 1,
        "photos": 2,
    }
    text = run("eval", trained, "--photos", photos, "--equivalents", "--size", "300").stdout
    assert "at least 61.5 ± 8.0 iterations  (2 photos, 1 of which do not come as far in 500, at 300 px)" in text


@pytest.fixture
def recorded(run, trained: Path, photos: Path, monkeypatch):
    """Record the figures of `trained` on its photos at 64 px, times a factor, as those of the registry."""
    from msgspec import structs

    from stylezoo import stylizer
    from stylezoo.zoo.spec import MetricsSpec

    found = json.loads(run("eval", trained, "--photos", photos, "--size", "64", "--json").stdout)
    facts = {field: found[field] for field in MetricsSpec.__struct_fields__}
    load = stylizer.load

    def record(**factors: float) -> None:
        metrics = MetricsSpec(**facts | {field: facts[field] * factor for field, factor in factors.items()})

        def load_with_figures(name, **options):
            loaded = load(name, **options)
            loaded.spec = structs.replace(loaded.spec, metrics={"stripes": metrics})
            return loaded

        monkeypatch.setattr(stylizer, "load", load_with_figures)

    return record


def test_check_holds_a_model_to_its_record_at_the_recorded_size(run, recorded, trained: Path, photos: Path) -> None:
    recorded()
    result = run("eval", trained, "--photos", photos, "--check", "--json")
    assert result.exit_code == 0, result.stderr
    assert json.loads(result.stdout)["ok"] is True and json.loads(result.stdout)["size"] == 64
    recorded(style=1.05)
    result = run("eval", trained, "--photos", photos, "--check")
    assert result.exit_code == 2
    assert "S 0." in result.stdout  # it is measured and printed all the same
    (line,) = [line for line in result.stderr.splitlines() if "outside" in line]
    assert "johnson/tiny  stripes  S " in line and "1 figure is not as recorded" in result.stderr


def test_what_cannot_be_checked_is_refused(refused, recorded, trained: Path, photos: Path) -> None:
    assert "no figures of" in refused("eval", trained, "--photos", photos, "--check")
    assert "leave one out" in refused("eval", trained, "--photos", photos, "--check", "--write")
    recorded()
    assert "recorded at 64 px" in refused("eval", trained, "--photos", photos, "--check", "--size", "128")


def test_a_distance_of_another_kind_is_measured_beside(run, trained: Path, photos: Path, monkeypatch) -> None:
    from stylezoo.evaluate import stlpips

    monkeypatch.setattr(stlpips, "STLPIPS", lambda device: lambda photo, painted: (photo - painted).abs().mean().item())
    arguments = ("eval", trained, "--photos", photos, "--size", "64", "--stlpips")
    found = json.loads(run(*arguments, "--json").stdout)
    assert 0 < found["stlpips"] < 1 and found["stlpips_spread"] > 0
    assert f"ST-LPIPS {found['stlpips']:.3f}" in run(*arguments).stdout
