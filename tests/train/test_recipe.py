from __future__ import annotations

from pathlib import Path

import pytest
import yaml
from msgspec import structs
from PIL import Image

from stylezoo.errors import RecipeError
from stylezoo.train import references
from stylezoo.train.recipe import find_recipe, from_yaml, load_recipe, packaged_recipes
from stylezoo.train.same_run import same_run
from stylezoo.zoo.catalog import default_zoo
from stylezoo.zoo.families import FAMILIES
from stylezoo.zoo.spec import Zoo

STYLE = {"id": "dots", "title": "Dots", "rights": "CC0-1.0", "source": "a test", "image": "dots.png"}
GHIASI = {"name": "ghiasi/any", "model": {"family": "ghiasi"}, "styles": []}
ADAIN = {"name": "adain/any", "model": {"family": "adain"}, "styles": []}


@pytest.fixture
def write(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Write a recipe into the current folder: write("a.yaml", run={"steps": 3})."""
    monkeypatch.chdir(tmp_path)

    def call(file: str = "mine.yaml", **keys) -> Path:
        Path(file).parent.mkdir(exist_ok=True)
        Path(file).write_text(yaml.safe_dump(keys))
        return Path(file)

    return call


@pytest.fixture
def mine(write) -> Path:
    return write(name="johnson/dots", styles=[STYLE])


def problem(*arguments, **options) -> str:
    with pytest.raises(RecipeError) as caught:
        load_recipe(*arguments, **options)
    return str(caught.value)


@pytest.mark.parametrize("path", sorted(packaged_recipes().glob("*.yaml")), ids=lambda p: p.stem)
def test_packaged_recipes_are_whole(path: Path, tmp_path: Path) -> None:
    picture = tmp_path / "own.png"
    Image.new("RGB", (8, 8)).save(picture)
    plain = yaml.safe_load(path.read_text())
    learns = not FAMILIES[plain.get("name", "johnson/mine").partition("/")[0]].reconstructs
    own = learns and "styles" not in plain  # a base, to which a picture is given
    recipe = load_recipe(path, style=picture if own else None)
    assert recipe.name.startswith(f"{recipe.model.family}/")
    (tmp_path / "effective.yaml").write_text(recipe.to_yaml(), encoding="utf-8")
    assert from_yaml(tmp_path / "effective.yaml") == recipe
    if not own:
        assert all(s.rights and s.source and s.title for s in recipe.styles)


@pytest.mark.parametrize("name", ["johnson_mosaic", "johnson_mosaic.yaml", "recipes/johnson_mosaic.yaml"])
def test_a_packaged_recipe_is_found_from_any_folder(name: str, tmp_path: Path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    recipe = load_recipe(name)
    assert recipe.name == "johnson/mosaic"
    assert Path(recipe.styles[0].image).is_file()  # the picture lies next to the recipe


def test_a_missing_recipe_is_named_with_those_that_exist(tmp_path: Path) -> None:
    message = problem("johnson_mosaik")
    assert "no recipe is named johnson_mosaik" in message
    assert "Did you mean johnson_mosaic" in message
    assert "starry_night" in message


def test_a_missing_file_of_another_folder_is_not_replaced_by_a_packaged_one(tmp_path: Path) -> None:
    assert "no recipe" in problem(tmp_path / "johnson.yaml")


def test_the_file_here_comes_before_the_packaged_one(write) -> None:
    write("johnson.yaml", name="johnson/here", styles=[STYLE])
    assert find_recipe("johnson.yaml") == Path("johnson.yaml")


def test_extends_lays_keys_over_those_of_the_base(write) -> None:
    run = {"steps": 100, "batch": 4}
    write("bases/ground.yaml", name="johnson/ground", run=run, loss={"style_weight": 5.0, "style": {"relu1_1": 1.0}})
    write("bases/middle.yaml", extends="ground.yaml", run={"steps": 200})
    write("top.yaml", extends="bases/middle.yaml", name="johnson/top", styles=[STYLE], loss={"style": {"relu2_1": 2.0}})
    recipe = load_recipe("top.yaml")
    assert (recipe.name, recipe.run.steps, recipe.run.batch) == ("johnson/top", 200, 4)
    assert recipe.loss.style_weight == 5.0
    assert recipe.loss.style == {"relu2_1": 2.0}  # layers are replaced as a whole


def test_own_recipes_extend_packaged_ones(write) -> None:
    write(extends="johnson.yaml", name="johnson/own", styles=[STYLE])
    base = load_recipe("johnson", style="dots.png")
    assert load_recipe("mine.yaml").optim == base.optim


def test_a_cycle_of_bases_is_refused(write) -> None:
    write("a.yaml", extends="b.yaml", name="johnson/a")
    write("b.yaml", extends="a.yaml")
    message = problem("a.yaml")
    assert "extends itself" in message
    assert "b.yaml" in message
    write("c.yaml", extends="c.yaml")
    assert "extends itself" in problem("c.yaml")


@pytest.mark.parametrize("base", [3, ["johnson.yaml"]])
def test_extends_names_one_file(write, base) -> None:
    assert "extends: must be the file name of a recipe" in problem(write(extends=base))


def test_extends_of_nothing(write) -> None:
    assert "no recipe is named gone.yaml" in problem(write(extends="gone.yaml"))


def test_overrides_are_yaml_values(mine: Path) -> None:
    changes = ["run.steps=7", "loss.style={relu1_1: 2}", "optim.lr=2.0e-3", "data.short_side=[64, 80]", "summary=a b"]
    recipe = load_recipe(mine, overrides=[*changes, "model.args.width=16", "loss.normalize=false"])
    assert (recipe.run.steps, recipe.loss.style, recipe.optim.lr) == (7, {"relu1_1": 2.0}, 0.002)
    assert (recipe.data.short_side, recipe.summary, recipe.loss.normalize) == ((64, 80), "a b", False)
    assert recipe.model.args == {"width": 16}


def test_options_replace_style_content_and_name(mine: Path) -> None:
    recipe = load_recipe(mine, style="pictures/Käthe's Wave.png", content="shots", name="johnson/wave")
    assert (recipe.name, recipe.styles[0].id) == ("johnson/wave", "wave")
    assert Path(recipe.styles[0].image) == Path.cwd() / "pictures/Käthe's Wave.png"
    assert Path(recipe.data.content) == Path.cwd() / "shots"
    assert "unstated" in recipe.styles[0].rights
    assert load_recipe(mine, style="Käthe's Wave.png").styles[0].id == "k_the_s_wave"


def test_a_folder_of_styles_is_too_much_for_a_net_of_one(mine: Path) -> None:
    Path("many").mkdir()
    for name in ("a.png", "b.jpg", "notes.txt"):
        (Path("many") / name).touch()
    assert "learns one style, but 2 are given" in problem(mine, styles="many")
    assert "no such folder" in problem(mine, styles="nowhere")
    assert "--style and --styles" in problem(mine, styles="many", style="a.png")


def test_a_net_of_several_styles_takes_a_folder_of_them(write) -> None:
    path = write(name="cin/two", model={"family": "cin"})
    Path("many").mkdir()
    for name in ("b.jpg", "a.png"):
        (Path("many") / name).touch()
    assert [s.id for s in load_recipe(path, styles="many").styles] == ["a", "b"]
    assert [s.id for s in load_recipe(path, style="many/b.jpg").styles] == ["b"]
    (long,) = load_recipe(path, style=f"many/{'a painting ' * 12}.jpg").styles
    assert long.id.startswith("a_painting_a_") and len(long.id) <= 96


@pytest.mark.parametrize("keys", [GHIASI, ADAIN])
def test_a_net_of_any_style_learns_from_a_folder_and_keeps_what_is_named(write, keys) -> None:
    path = write(**keys)
    assert load_recipe(path).styles == ()
    recipe = load_recipe(path, styles="many")  # whether it is there is asked when the run begins
    assert (recipe.data.styles, recipe.styles) == (str(Path.cwd() / "many"), ())
    recipe = load_recipe(path, style="wave.jpg")
    assert ([s.id for s in recipe.styles], recipe.data.styles) == (["wave"], "styles")
    named = load_recipe(write(**keys | {"styles": [STYLE, STYLE | {"id": "lines"}]}), styles="many")
    assert ([s.id for s in named.styles], named.data.styles) == (["dots", "lines"], str(Path.cwd() / "many"))


def test_adain_learns_by_the_backbone_that_it_encodes_with(write) -> None:
    for encoder, backbone in (("vgg19", "vgg19:caffe"), ("vgg16:torchvision", "vgg16:torchvision"), (None, "vgg19")):
        model = {"family": "adain", "args": {"encoder": encoder} if encoder else {}}
        assert load_recipe(write(**ADAIN | {"model": model, "loss": {"backbone": backbone}})).loss.backbone == backbone


def test_content_into_a_section_that_is_empty(write) -> None:
    assert "data" in problem(write(name="johnson/dots", styles=[STYLE], data=None), content="shots")


@pytest.mark.parametrize(
    ("keys", "parts"),
    [
        ({"stepz": 1}, ["unknown key 'stepz'"]),
        ({"run": {"stepz": 1}}, ["run: ", "unknown key 'stepz'", "Did you mean steps?"]),
        ({"styles": [{**STYLE, "imagge": "a"}]}, ["styles[0]", "'imagge'", "Did you mean image?"]),
        ({"run": {"steps": "many"}}, ["run.steps", "Expected `int`", "'many'"]),
        ({"run": {"precision": "fp16"}}, ["run.precision", "fp16"]),
        ({"run": {"steps": 2.5}}, ["run.steps", "Expected `int`"]),
        ({"data": {"short_side": [400]}}, ["data.short_side"]),
        ({"loss": {"normalize": "yes please"}}, ["loss.normalize", "Expected `bool`"]),
        ({"styles": [{"id": "dots"}]}, ["styles[0]", "title"]),
        ({"styles": [{**STYLE, "id": "Two Dots"}]}, ["id", "Two Dots"]),
        ({"styles": [STYLE, STYLE]}, ["one style"]),
        ({"styles": []}, ["no style to learn", "--style IMAGE"]),
        ({"styles": [{**STYLE, "size": 0}]}, ["size", "dots", "not 0"]),
        ({"styles": [{**STYLE, "whole_colors": True}]}, ["whole_colors", "dots", "crop"]),
        ({"name": "johnson/Two Dots"}, ["name", "Two Dots", "lowercase"]),
        ({"name": "cin/dots"}, ["name 'cin/dots'", "johnson"]),
        ({"license": ""}, ["license"]),
        ({"model": {"family": "jonson"}}, ["model.family 'jonson'", "johnson"]),
        ({"data": {"crop": 8}}, ["data.crop", "at least 32", "not 8"]),
        ({"data": {"hold_out": 1}}, ["data.hold_out", "not 1"]),
        ({"data": {"short_side": [500, 400]}}, ["data.short_side", "rising"]),
        ({"loss": {"style": {"relu1_1": 0.0}}}, ["loss.style", "positive weight"]),
        ({"loss": {"content": {"relu1_1": -1.0, "relu2_1": 2.0}}}, ["loss.content", "negative"]),
        ({"loss": {"style_weight": float("inf")}}, ["loss.style_weight", "not inf"]),
        ({"loss": {"tv_weight": float("nan")}}, ["loss.tv_weight", "not nan"]),
        ({"optim": {"lr": 0.0}}, ["optim.lr", "not 0.0"]),
        ({"optim": {"betas": [0.9, 1.5]}}, ["optim.betas", "1.5"]),
        ({"optim": {"warmup": -1}}, ["optim.warmup", "not -1"]),
        ({"optim": {"final": 2.0}}, ["optim.final", "not 2.0"]),
        ({"run": {"steps": 0}}, ["run.steps", "at least 1"]),
        ({"run": {"ema": 1.0}}, ["run.ema", "not 1.0"]),
        ({"run": {"seed": -1}}, ["run.seed", "not -1"]),
        ({"loss": {"balance": -0.1}}, ["loss.balance must be from 0 (off) to 4, not -0.1"]),
        ({"loss": {"balance": 5}}, ["loss.balance", "not 5"]),
        ({"loss": {"balance": float("nan")}}, ["loss.balance", "not nan"]),
        ({"model": {"base": "cin/16"}}, ["model.base is for multi-style models, not for johnson"]),
        ({"model": {"args": {"styles": 2}}}, ["model.args.styles is counted from the recipe's styles"]),
        ({"name": "cin/dots", "model": {"family": "cin", "args": {"styles": 1}}}, ["model.args.styles"]),
        (
            {"name": "cin/dots", "model": {"family": "cin", "base": "cin/16", "args": {"width": 64}}},
            ["model.base sets model.args: leave them out"],
        ),
        ({"loss": {"consistency": -1}}, ["loss.consistency must be a number of at least 0"]),
        ({"name": "cin/dots", "model": {"family": "cin"}, "styles": []}, ["no style to learn"]),
        ({"model": {"family": "gatys"}, "name": "gatys/dots"}, ["model.family gatys has nothing to train"]),
        (
            ADAIN | {"model": {"family": "adain", "start": "cin/16"}},
            ["model.start is not for adain"],
        ),
        (
            {"name": "cin/dots", "model": {"family": "cin", "base": "cin/16", "start": "cin/16"}},
            ["model.base and model.start exclude each other"],
        ),
        (
            GHIASI | {"model": {"family": "ghiasi", "base": "ghiasi/lite"}},
            ["model.base is for multi-style models, not for ghiasi"],
        ),
        (GHIASI | {"model": {"family": "ghiasi", "args": {"styles": 2}}}, ["model.args.styles"]),
        (GHIASI | {"styles": [STYLE, STYLE]}, ["the same id occurs twice: dots"]),
        (
            GHIASI | {"loss": {"style": {"relu1_1": 1.0, "relu3_1": 1.0}}},
            ["loss.style lacks relu2_1, relu4_1", "ghiasi nets learn from", "weight 0"],
        ),
        (
            GHIASI | {"loss": {"content": {"relu2_2": 1.0, "relu3_1": 1.0}}},
            ["loss.content must name relu4_1 or a deeper layer, not ['relu2_2', 'relu3_1']"],
        ),
        (GHIASI | {"data": {"crop": 48}}, ["data.crop must be at least 64 px for ghiasi", "not 48"]),
        (GHIASI | {"data": {"style_count": 1}}, ["data.style_count must be at least 2, not 1"]),
        (GHIASI | {"data": {"style_side": 63}}, ["data.style_side must be at least 64 px, not 63"]),
        (GHIASI | {"data": {"style_short_side": [300, 200]}}, ["data.style_short_side must be two rising px values"]),
        (GHIASI | {"run": {"teacher": 1.5}}, ["run.teacher must be from 0 to 1, not 1.5"]),
        (ADAIN | {"loss": {"style": {"relu3_1": 1.0}}}, ["loss.style lacks relu4_1", "adain nets learn from"]),
        (
            ADAIN | {"loss": {"content": {"relu4_2": 1.0}}},
            ["loss.content must name relu4_1, which adain decodes, not ['relu4_2']"],
        ),
        (
            ADAIN | {"loss": {"backbone": "vgg16:torchvision"}},
            ["loss.backbone must be the net's encoder, vgg19:caffe, not vgg16:torchvision"],
        ),
        (
            ADAIN | {"model": {"family": "adain", "args": {"encoder": "vgg19:timm"}}},
            ["loss.backbone must be the net's encoder, vgg19:timm, not vgg19:caffe"],
        ),
        (
            {"name": "cin/dots", "model": {"family": "cin"}, "styles": [STYLE, STYLE]},
            ["the same id occurs twice: dots"],
        ),
    ],
)
def test_what_cannot_work_is_refused_by_its_dotted_path(write, keys, parts) -> None:
    message = problem(write(**{"name": "johnson/dots", "styles": [STYLE], **keys}))
    assert message.startswith("mine.yaml: ")
    assert "\n" not in message
    for part in parts:
        assert part in message


def test_layers_may_count_for_nothing_and_be_deeper(write) -> None:
    layers = {"relu1_1": 0.0, "relu2_1": 0.0, "relu3_1": 1.0, "relu4_1": 0.0, "relu5_1": 2.0}
    for deeper in ("relu4_2", "relu5_1"):
        loss = load_recipe(write(**GHIASI | {"loss": {"style": layers, "content": {deeper: 1.0}}})).loss
        assert (loss.style, loss.content) == (layers, {deeper: 1.0})


@pytest.mark.parametrize("model", [3, "ghiasi", ["ghiasi"], {"family": ["ghiasi"]}, None])
def test_a_model_that_is_no_section_is_refused_next_to_a_folder_of_styles_too(write, model) -> None:
    path = write(name="ghiasi/any", model=model)
    Path("many").mkdir()
    (Path("many") / "a.png").touch()
    assert "model" in problem(path, styles="many")


@pytest.mark.parametrize(("text", "right"), [("1e-3", "1.0e-3"), ("2.5e4", "2.5e+4"), ("1E5", "1.0e+5")])
def test_numbers_that_yaml_reads_as_words_are_refused_with_the_right_spelling(write, text: str, right: str) -> None:
    path = write(name="johnson/dots", styles=[STYLE])
    path.write_text(path.read_text() + f"optim: {{lr: {text}}}\n")
    message = problem(path)
    assert "optim.lr" in message
    assert f"write {right}" in message
    assert isinstance(yaml.safe_load(right), float)  # the advice is sound
    assert f"write {right}" in problem(write(name="johnson/dots", styles=[STYLE]), overrides=[f"optim.lr={text}"])


@pytest.mark.parametrize(
    ("override", "part"),
    [
        ("run.steps", "section.key=value"),
        ("=3", "section.key=value"),
        ("run..steps=3", "section.key=value"),
        ("name.first=3", "'name' has no keys"),
        ("run.steps=[1", "not a YAML value"),
        ("run.stepz=3", "Did you mean steps?"),
    ],
)
def test_bad_overrides(mine: Path, override: str, part: str) -> None:
    assert part in problem(mine, overrides=[override])


@pytest.mark.parametrize("text", ["- a list", "a: [1", "\x00"])
def test_files_that_are_no_recipe(tmp_path: Path, text: str) -> None:
    (tmp_path / "bad.yaml").write_text(text)
    assert "bad.yaml" in problem(tmp_path / "bad.yaml")


def test_same_run_names_what_changes_the_weights(mine: Path) -> None:
    recipe = load_recipe(mine)
    assert same_run(recipe, load_recipe(mine, overrides=["run.log_every=3", "run.checkpoint_every=9"])) == []
    changed = load_recipe(mine, overrides=["run.steps=9", "loss.style={relu1_1: 1.0}"])
    assert same_run(recipe, changed) == ["loss.style.relu2_1", "loss.style.relu3_1", "loss.style.relu4_1", "run.steps"]


def test_a_section_left_out_is_the_same_run_as_its_defaults_written_out(mine: Path) -> None:
    recipe = load_recipe(mine)
    Path("effective.yaml").write_text(recipe.to_yaml())
    assert same_run(from_yaml("effective.yaml"), recipe) == []


def _refers(folder: Path, **changes: object) -> Path:
    plain = {"name": "johnson/waves", "training_data": "{photos}; and mine", "styles": [{"artwork": "great_wave"}]}
    path = folder / "refers.yaml"
    path.write_text(yaml.safe_dump(plain | changes))
    return path


def test_an_artwork_of_the_registry_brings_its_facts(tmp_path: Path) -> None:
    artwork = default_zoo().artworks["great_wave"]
    (style,) = load_recipe(_refers(tmp_path, styles=[{"artwork": "great_wave", "size": 700}])).styles
    assert artwork.picture is not None
    assert (style.id, style.image, style.size) == ("great_wave", artwork.picture.file, 700)
    assert load_recipe(_refers(tmp_path)).record({}).styles == (artwork,)
    (style,) = load_recipe(_refers(tmp_path, styles=[{"artwork": "great_wave", "id": "sea", "image": "b.png"}])).styles
    assert (style.id, style.title, style.image) == ("sea", artwork.title, "b.png")


def test_a_saved_recipe_refers_to_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    recipe = load_recipe(_refers(tmp_path))
    assert recipe.training_data is not None and recipe.training_data.startswith("3,707 photos")
    assert recipe.training_data.endswith("; and mine") and "BSDS500" in recipe.training_data
    (tmp_path / "saved.yaml").write_text(recipe.to_yaml())
    monkeypatch.setattr(references, "default_zoo", lambda: Zoo(schema=1, aliases={}, models={}))
    assert from_yaml(tmp_path / "saved.yaml") == load_recipe(tmp_path / "saved.yaml") == recipe


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"styles": [{"artwork": "great_wav"}]}, r"styles\[0\]: artwork: .* 'great_wav'\. Did you mean great_wave"),
        ({"styles": [{"artwork": "mosaic", "title": "x"}]}, r"styles\[0\]: the artwork 'mosaic' already states title"),
        ({"styles": [{"artwork": "mosaic"}]}, r"styles\[0\]: Object missing required field `image`"),
        ({"training_data": "{fotos}"}, r"training_data: refers to \{fotos\}, which does not exist"),
    ],
)
def test_references_that_lead_nowhere_are_named(tmp_path: Path, changes: dict[str, object], message: str) -> None:
    with pytest.raises(RecipeError, match=message):
        load_recipe(_refers(tmp_path, **changes))


def test_words_do_not_make_another_run(tmp_path: Path) -> None:
    one, two = (load_recipe(_refers(tmp_path, summary=text, training_data=text)) for text in ("One.", "Two."))
    named = structs.replace(two, styles=(structs.replace(two.styles[0], title="A wave"),))
    assert same_run(one, named) == []
    larger = structs.replace(two, styles=(structs.replace(two.styles[0], size=700),))
    assert same_run(one, larger) == ["styles"]
