from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
import yaml
from PIL import Image

from stylezoo.models import create_model
from stylezoo.stylizer.card import StyleCard
from stylezoo.stylizer.loading import load
from stylezoo.train import trainer
from stylezoo.train.recipe import from_yaml
from stylezoo.zoo.spec import ModelSpec, StyleSpec


@pytest.fixture
def here(tmp_path, monkeypatch, run_inputs, multi_file):
    """A folder with the net base.safetensors, the pictures stripes.png and photo.png, and small.yaml, a short run."""
    monkeypatch.chdir(tmp_path)
    shutil.copy(multi_file, "base.safetensors")
    shutil.copy(run_inputs / "stripes.png", "stripes.png")
    shutil.copy(run_inputs / "photos" / "0.png", "photo.png")
    plain = yaml.safe_load((run_inputs / "tiny.yaml").read_text())
    del plain["styles"]
    plain |= {"name": "cin/mine", "model": {"family": "cin", "base": "cin/16"}}
    plain["run"] |= {"steps": 2}
    Path("small.yaml").write_text(yaml.safe_dump(plain))
    return tmp_path


@pytest.fixture
def planned(run, monkeypatch):
    """Call add-style without the training: return what was said, and the recipe and the options of the training."""

    def call(*arguments):
        calls = []

        def train(recipe, out, **options):
            calls.append((recipe, options | {"out": out}))
            return out

        monkeypatch.setattr(trainer, "train", train)
        result = run("add-style", *arguments)
        assert result.exit_code == 0, result.stderr
        return result, *calls[0]

    return call


@pytest.mark.slow
def test_a_style_is_learnt_and_stylized_by_its_card(here, run):
    stated = ["--title", "My Stripes", "--artist", "N. N.", "--rights", "CC0-1.0"]
    small = ["--recipe", "small.yaml", "--device", "cpu"]
    shutil.move("base.safetensors", "base #1: é.safetensors")  # YAML would read a comment here
    before = Path("base #1: é.safetensors").read_bytes()
    base = "base #1: é.safetensors"
    result = run("add-style", base, "--image", "stripes.png", "--name", "my-stripes", *stated, *small)
    assert result.exit_code == 0, result.stderr
    card = Path("runs/cin/my-stripes/my-stripes.card.safetensors")
    assert result.stdout == f"{card}\n"
    assert f"--card {card}" in result.stderr
    assert Path(base).read_bytes() == before
    spec = StyleCard.read(card).spec
    style = spec.style
    assert (style.id, style.title, style.artist, style.rights) == ("my-stripes", "My Stripes", "N. N.", "CC0-1.0")
    assert (spec.base, spec.family) == ("cin/tiny", "cin")
    assert from_yaml(card.parent / "recipe.yaml").model.base == str(Path(base).resolve())

    stylized = run("stylize", "photo.png", "-m", base, "--card", card, "-o", "out.png", "--device", "cpu")
    assert stylized.exit_code == 0, stylized.stderr
    expected = load(card.parent, device="cpu").stylize("photo.png")
    assert np.array_equal(np.asarray(Image.open("out.png")), np.asarray(expected))

    again = ["add-style", base, "--image", "stripes.png", "--name", "my-stripes", *small]
    refused = run(*again)
    assert refused.exit_code == 2
    assert "--resume" in refused.stderr
    assert run(*again, *stated, "--resume").stdout == f"{card}\n"


@pytest.mark.slow
def test_a_net_without_a_row_for_the_photo_takes_a_style_too(here, run):
    net = create_model("cin", styles=2, variant="magenta", width=8, blocks=1, photo=False)
    torch.nn.init.normal_(net.styles, mean=0.5)
    styles = tuple(StyleSpec(id=i, title=i, rights="CC0-1.0", source="a test") for i in ("dots", "lines"))
    spec = ModelSpec(name="cin/from_elsewhere", family="cin", arch=net.arch, styles=styles, license="CC0-1.0")
    net.save_weights("base.safetensors", spec)
    small = ["--recipe", "small.yaml", "--device", "cpu"]
    result = run("add-style", "base.safetensors", "--image", "stripes.png", "--name", "mine", *small)
    assert result.exit_code == 0, result.stderr
    learnt = load("runs/cin/mine", device="cpu")
    assert learnt.net.styles.shape == (1, net.styles.shape[1])
    both = load("base.safetensors", device="cpu").add_card("runs/cin/mine/mine.card.safetensors")
    pictures = [np.asarray(stylizer.stylize(Image.open("photo.png"), "mine")) for stylizer in (learnt, both)]
    assert np.array_equal(*pictures)


@pytest.mark.slow
def test_a_net_of_any_style_takes_a_style_that_starts_as_it_predicts(here, run, any_file):
    shutil.copy(any_file, "any.safetensors")
    arguments = ["--image", "stripes.png", "--name", "mine", "--recipe", "small.yaml", "--device", "cpu"]
    result = run("add-style", "any.safetensors", *arguments, "--set", "optim.lr=1.0e-4")
    assert result.exit_code == 0, result.stderr
    card = Path("runs/cin/mine/mine.card.safetensors")
    assert result.stdout == f"{card}\n"
    made, base = StyleCard.read(card), load("any.safetensors", device="cpu")
    assert (made.spec.base, made.spec.trunk) == ("ghiasi/tiny", base.net.trunk_hash())
    predicted = base.encode_style("stripes.png", style_size=512).values
    assert (
        0
        < np.abs(made.row - predicted).max()
        < 1e-3
        < np.abs(predicted - base.net.styles[:2].numpy()).max(axis=1).min()
    )

    stylized = run("stylize", "photo.png", "-m", "any.safetensors", "--card", card, "-o", "out.png", "--device", "cpu")
    assert stylized.exit_code == 0, stylized.stderr
    expected = load(card.parent, device="cpu").stylize("photo.png")
    assert np.array_equal(np.asarray(Image.open("out.png")), np.asarray(expected))


def test_the_packaged_recipe_serves_a_net_of_any_style(here, planned, any_file):
    shutil.copy(any_file, "any.safetensors")
    _, recipe, options = planned("any.safetensors", "--image", "stripes.png", "--name", "mine")
    assert (recipe.name, recipe.model.family, options["out"]) == ("cin/mine", "cin", Path("runs/cin/mine"))
    assert recipe.model.base == str(Path("any.safetensors").resolve())


def test_the_packaged_recipe_serves_without_options(here, planned):
    result, recipe, options = planned("base.safetensors", "--image", "stripes.png", "--name", "stripes")
    assert options == {"out": Path("runs/cin/stripes"), "device": "auto", "resume": False, "progress": True}
    assert (recipe.name, recipe.model.family, recipe.model.args) == ("cin/stripes", "cin", {})
    assert recipe.model.base == str(Path("base.safetensors").resolve())
    (style,) = recipe.styles
    assert (style.id, style.title, style.image) == ("stripes", "stripes", str(Path("stripes.png").resolve()))
    assert "unstated" in style.rights
    assert result.stdout == "runs/cin/stripes/stripes.card.safetensors\n"


def test_options_reach_the_run(here, planned):
    Path("photos").mkdir()
    where = ["--content", "photos", "--out", "elsewhere", "--device", "cpu", "--resume"]
    changes = ["--set", "run.steps=7", "--set", "optim.lr=2.0e-2"]
    _, recipe, options = planned("base.safetensors", "--image", "stripes.png", "--name", "a_b", *where, *changes)
    assert options == {"out": Path("elsewhere"), "device": "cpu", "resume": True, "progress": True}
    assert (recipe.run.steps, recipe.optim.lr) == (7, 0.02)
    assert recipe.data.content == str(Path("photos").resolve())


def test_a_run_folder_is_a_base(here, planned):
    Path("run").mkdir()
    shutil.copy("base.safetensors", "run/weights.safetensors")
    _, recipe, _ = planned("run", "--image", "stripes.png", "--name", "stripes")
    assert Path(recipe.model.base).resolve() in (Path("run").resolve(), Path("run/weights.safetensors").resolve())


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["base.safetensors", "--name", "mine"], "'--image'"),
        (["base.safetensors", "--image", "stripes.png"], "'--name'"),
        (["base.safetensors", "--image", "gone.png", "--name", "mine"], "gone.png"),
        (["base.safetensors", "--image", "stripes.png", "--name", "Two Words"], "--name 'Two Words' must be"),
        (["base.safetensors", "--image", "stripes.png", "--name", "a/b"], "--name 'a/b' must be lowercase letters"),
        (["base.safetensors", "--image", "stripes.png", "--name", ""], "--name '' must be"),
        (["cin/sixteeen", "--image", "stripes.png", "--name", "mine"], "cin/sixteeen"),
        (["gone.safetensors", "--image", "stripes.png", "--name", "mine"], "gone.safetensors"),
        (["single.safetensors", "--image", "stripes.png", "--name", "mine"], "single.safetensors is of family johnson"),
        (["adain/vgg19", "--image", "stripes.png", "--name", "mine"], "adain/vgg19 is of family adain"),
        (["base.safetensors", "--image", "stripes.png", "--name", "mine", "--set", "run.stepz=1"], "mean steps?"),
        (["base.safetensors", "--image", "stripes.png", "--name", "mine", "--recipe", "gone"], "named gone;"),
    ],
)
def test_bad_input_is_refused_before_a_run_begins(here, refused, net_file, monkeypatch, arguments, message):
    monkeypatch.setattr(trainer, "train", lambda *_, **__: pytest.fail("the training began"))
    shutil.copy(net_file, "single.safetensors")
    assert message in refused("add-style", *arguments)


@pytest.mark.slow
def test_a_name_that_the_net_has_already_is_refused(here, refused):
    line = refused(
        "add-style", "base.safetensors", "--image", "stripes.png", "--name", "dots", "--recipe", "small.yaml"
    )
    assert "base.safetensors" in line and "'dots'" in line
