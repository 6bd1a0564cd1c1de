from __future__ import annotations

from pathlib import Path

import pytest
import torch
import yaml
from msgspec import structs

from stylezoo.data.targets import write_targets
from stylezoo.errors import DataError, RecipeError
from stylezoo.recipe import Recipe
from stylezoo.train.inputs import build_loss, find_styles, measure_targets
from stylezoo.train.recipe import load_recipe, load_recipes, packaged_recipes
from stylezoo.train.targets import find_style_targets, style_inputs
from stylezoo.train.trainer import train
from stylezoo.zoo.families import FAMILIES

FULL = ["loss.sliced={relu1_1: 1.0}", "loss.sliced_weight=1.0", "loss.palette_weight=1.0"]


@pytest.fixture
def elsewhere(recipe_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The recipe of `recipe_file` on a machine without its picture, of which the data folder has targets."""
    data = tmp_path / "data"
    write_targets(data / "targets" / "tiny.safetensors", measure_targets([load_recipe(recipe_file, overrides=FULL)]))
    (tmp_path / "stripes.png").rename(tmp_path / "gone.png")
    monkeypatch.setenv("STYLEZOO_DATA", str(data))
    monkeypatch.chdir(data)
    return recipe_file


def plain(recipe: Recipe, picture: Path) -> Recipe:
    return structs.replace(recipe, styles=(structs.replace(recipe.styles[0], image=str(picture)),))


def test_a_loss_of_targets_is_that_of_the_picture(elsewhere: Path, tmp_path: Path) -> None:
    recipe = load_recipe(elsewhere, overrides=FULL)
    with pytest.warns(UserWarning, match="stripes"):
        ours = build_loss(recipe)
    theirs = build_loss(plain(recipe, tmp_path / "gone.png"))
    x, photo = torch.rand(2, 2, 3, 48, 48, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        found, expected = ours(x, photo), theirs(x, photo)
    for name in ("content", "style", "sliced", "palette", "total"):
        torch.testing.assert_close(found[name], expected[name], rtol=2e-3, atol=1e-6)


def test_a_run_without_the_picture_goes_as_one_with_it(elsewhere: Path, tmp_path: Path) -> None:
    recipe = load_recipe(elsewhere, overrides=["run.steps=2"])
    with pytest.warns(UserWarning, match=r"1 of 1 styles"):
        train(recipe, tmp_path / "ours", device="cpu", progress=False)
    train(plain(recipe, tmp_path / "gone.png"), tmp_path / "theirs", device="cpu", progress=False)
    logs = [yaml.safe_load((tmp_path / run / "log.jsonl").read_text().splitlines()[-1]) for run in ("ours", "theirs")]
    assert logs[0]["total"] == pytest.approx(logs[1]["total"], rel=2e-3)


def test_targets_spare_the_measuring_of_the_very_file_that_they_were_measured_on(
    elsewhere: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    image = tmp_path / "data" / "presets" / "stripes.png"
    image.parent.mkdir()
    (tmp_path / "gone.png").rename(image)
    read: list[Path] = []

    def read_style(path: Path, *_: object) -> torch.Tensor:
        read.append(path)
        return torch.rand(1, 3, 9, 9)

    monkeypatch.setattr("stylezoo.train.targets.read_style", read_style)
    recipe = load_recipe(elsewhere, overrides=FULL)
    assert isinstance(style_inputs(recipe)[0], dict) and not read
    assert isinstance(style_inputs(recipe, measure=True)[0], list) and read == [image]
    image.write_bytes(image.read_bytes() + b"another file")
    assert isinstance(style_inputs(recipe)[0], list) and len(read) == 2


@pytest.mark.parametrize(
    ("override", "names"),
    [
        ("loss.style={relu1_1: 1.0, relu1_2: 1.0}", ["gram.relu1_2"]),
        ("loss.style_term=mean_std", []),
        ("loss.palette_space=rgb", ["palette.rgb"]),
    ],
)
def test_a_loss_that_the_targets_do_not_serve_is_told_what_they_lack(
    elsewhere: Path, override: str, names: list[str]
) -> None:
    recipe = load_recipe(elsewhere, overrides=[*FULL, override])
    if not names:
        assert find_style_targets(recipe.loss, recipe.styles[0])
        return
    with pytest.raises(DataError) as caught:
        build_loss(recipe)
    assert all(name in str(caught.value) for name in ["stripes.png", "--style", *names])


def test_a_picture_named_by_its_whole_path_has_no_stand_in(elsewhere: Path, tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"elsewhere.stripes\.png"):
        build_loss(plain(load_recipe(elsewhere), tmp_path / "elsewhere" / "stripes.png"))


def test_a_style_of_two_recipes_is_measured_once_with_the_terms_of_both(recipe_file: Path) -> None:
    one = load_recipe(recipe_file)
    other = load_recipe(recipe_file, overrides=["loss.style={relu1_2: 1.0}", "name=johnson/other"])
    larger = structs.replace(one, styles=(structs.replace(one.styles[0], extra_sizes=(96,)),))
    found = [spec for spec, _ in measure_targets([one, other, one, larger])]
    assert [spec.sizes for spec in found] == [(512,), (512, 96)]
    layers = ("relu1_1", "relu1_2", "relu2_1")
    assert {f"{kind}.{layer}" for kind in ("gram", "moments") for layer in layers} | {"palette.lab"} == {
        *found[0].terms
    }


def test_nets_of_any_style_need_pictures(ghiasi_recipe: Path, tmp_path: Path) -> None:
    recipe = load_recipe(ghiasi_recipe)
    with pytest.raises(RecipeError, match="ghiasi/tiny"):
        measure_targets([recipe])
    without = structs.replace(recipe, data=structs.replace(recipe.data, styles=str(tmp_path / "none")))
    with pytest.raises(DataError, match=r"none'.*style targets.*--styles"):
        find_styles(without)
    unknown = structs.replace(recipe, styles=(structs.replace(recipe.styles[0], image="gone.jpg"),))
    with pytest.raises(DataError, match=r"gone\.jpg"):
        find_styles(unknown)


def test_the_packages_targets_serve_its_recipes() -> None:
    """If not: stylezoo data targets --out stylezoo/bundled/targets/zoo.safetensors, where the pictures are."""
    recipes = [recipe for recipe in load_recipes([]) if FAMILIES[recipe.model.family].kind != "arbitrary"]
    assert len(recipes) >= 6
    for recipe in recipes:
        for style in recipe.styles:
            if not Path(style.image).is_absolute():  # else it lies next to the recipe
                assert find_style_targets(recipe.loss, style).spec.style == style.id, recipe.name


def test_the_packages_targets_are_what_this_code_measures() -> None:
    recipe = load_recipe(packaged_recipes() / "johnson_mosaic_large.yaml", overrides=["loss.style={relu1_1: 1.0}"])
    style = recipe.styles[0]
    ((_, measured),) = measure_targets([recipe])
    known = find_style_targets(recipe.loss, style).read()
    for name, value in measured.items():
        torch.testing.assert_close(known[name], value, rtol=2**-7, atol=1e-3 * float(value.abs().max()))
