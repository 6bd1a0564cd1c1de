"""A family that nobody knew: one class, one record, and all of the package takes it."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import ClassVar

import numpy as np
import pytest
import torch
from click.testing import CliRunner
from msgspec import structs
from skimage import data
from torch import Tensor, nn

import stylezoo
from stylezoo.cli.add_style import command
from stylezoo.errors import OptionError, RecipeError, StyleError
from stylezoo.evaluate.verify import verify_model
from stylezoo.models import StyleNet
from stylezoo.models.sampling import Draw, PictureStyles
from stylezoo.models.table import StyleTable
from stylezoo.recipe import Recipe
from stylezoo.train.inputs import build_net
from stylezoo.train.recipe import load_recipe
from stylezoo.train.trainer import train
from stylezoo.zoo import families
from stylezoo.zoo.families import Family, register, those


class Tint(StyleNet):
    """Each pixel by one linear layer; the code, (1, 3), is added to it."""

    family: ClassVar[str] = "tint"

    def __init__(self, depth: int = 1) -> None:
        super().__init__()
        self.arch = {"depth": depth}
        self.multiple, self.minimum, self.overlap = 1, 8, 0
        self.layers = nn.Sequential(*(nn.Conv2d(3, 3, 1) for _ in range(depth)))
        self.style = nn.Parameter(torch.zeros(1, 3))

    def forward(self, x: Tensor, code: Tensor | None = None, regions: Tensor | None = None) -> Tensor:
        shift = (self.style if code is None else code)[..., None, None]
        if regions is not None:
            shift = (regions[:, :, None] * shift[None]).sum(dim=1)
        return torch.sigmoid(self.layers(x) + shift)

    def named_code(self, style: int) -> Tensor:
        return self.style

    @classmethod
    def check_recipe(cls, recipe: Recipe) -> None:
        if recipe.run.batch > 8:
            raise RecipeError(f"run.batch must be at most 8 for tint, not {recipe.run.batch}")


class Tints(StyleTable, Tint):
    """Any picture's mean colour as the style; what it knows by name are rows of a table."""

    family: ClassVar[str] = "tints"
    learns_photo = False

    def __init__(self, styles: int = 0, depth: int = 1) -> None:
        super().__init__(depth)
        self.arch = {"styles": styles, "depth": depth}
        self.styles = nn.Parameter(torch.zeros(styles, 3))

    def named_code(self, style: int) -> Tensor:
        return self.styles[style, None]

    def encode(self, style: Tensor) -> Tensor:
        return style.mean(dim=(2, 3))


@pytest.fixture(autouse=True)
def tint(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    known = dict(families.FAMILIES)
    monkeypatch.setitem(sys.modules, "tint_module", sys.modules[__name__])
    register(Family(id="tint", kind="single", paper="arXiv:0000.00000", net="tint_module:Tint", starts_from=("tint",)))
    register(Family(id="tints", kind="arbitrary", paper="arXiv:0000.00000", net="tint_module:Tints", takes_cards=True))
    yield
    families.FAMILIES.clear()
    families.FAMILIES.update(known)


@pytest.fixture
def recipe(run_inputs: Path, recipe_file: Path) -> Recipe:
    changes = ["model.family=tint", "model.args={depth: 2}", "name=tint/tiny", "run.steps=2", "optim.lr=0.05"]
    return load_recipe(recipe_file, overrides=changes)


@pytest.mark.slow
def test_it_is_trained_loaded_and_stylizes(recipe: Recipe, tmp_path: Path) -> None:
    folder = train(recipe, tmp_path / "run", device="cpu", progress=False)
    log = [json.loads(line) for line in (folder / "log.jsonl").read_text().splitlines()]
    assert log[-1]["step"] == 2
    model = stylezoo.load(folder)
    assert (model.spec.family, model.kind, model.backend) == ("tint", "single", "torch")
    torch.manual_seed(recipe.run.seed)
    assert (model.net.style != 0).all()  # it was zero before the two steps
    photo = data.astronaut()[:40, :50]
    result = model.stylize(photo)
    x = torch.from_numpy(photo).permute(2, 0, 1)[None].float() / 255
    with torch.no_grad():
        expected = (model.net(x)[0].permute(1, 2, 0) * 255).numpy()
    assert np.abs(result.astype(float) - expected).max() <= 0.51
    assert all(finding.ok for finding in verify_model(model.spec, folder / "weights.safetensors")[:-1])


@pytest.mark.slow
def test_it_starts_from_a_trained_one(recipe: Recipe, tmp_path: Path) -> None:
    folder = train(recipe, tmp_path / "run", device="cpu", progress=False)
    later = structs.replace(recipe, model=structs.replace(recipe.model, start=str(folder)))
    net, start = build_net(later), stylezoo.load(folder).net
    assert all(torch.equal(a, b) for a, b in zip(net.state_dict().values(), start.state_dict().values(), strict=True))
    other = structs.replace(recipe, model=structs.replace(recipe.model, start="johnson/mosaic"))
    with pytest.raises(RecipeError, match="a tint model cannot start from a johnson model"):
        build_net(other)


def test_its_own_rule_for_recipes_is_led_by_the_file(recipe_file: Path) -> None:
    changes = ["model.family=tint", "name=tint/tiny", "model.args={}", "run.batch=9"]
    with pytest.raises(RecipeError, match=rf"{recipe_file.name}: run\.batch .*not 9"):
        load_recipe(recipe_file, overrides=changes)


def test_it_does_not_start_from_the_nearest_trunk(recipe_file: Path) -> None:
    changes = ["model.family=tint", "name=tint/tiny", "model.args={}"]
    assert load_recipe(recipe_file, overrides=changes, style=recipe_file.with_name("stripes.png")).model.start is None
    with pytest.raises(RecipeError, match=r"model\.start nearest .*not tint\b"):
        load_recipe(recipe_file, overrides=[*changes, "model.start=nearest"])


@pytest.mark.slow
def test_cards_and_exports_ask_its_record(recipe: Recipe, tmp_path: Path) -> None:
    model = stylezoo.load(train(recipe, tmp_path / "run", device="cpu", progress=False))
    with pytest.raises(StyleError, match=r"tint/tiny .*\btint model"):
        model.card(model.styles[0])
    with pytest.raises(OptionError, match=r"\btint model\b.*torch"):
        stylezoo.load(tmp_path / "run", backend="onnx")
    answer = CliRunner().invoke(command, [str(tmp_path / "run"), "--image", __file__, "--name", "x"])
    assert isinstance(answer.exception, OptionError) and "family tint" in str(answer.exception)


def test_any_picture_is_a_style_by_default_too(run_inputs: Path) -> None:
    net = stylezoo.create_model("tints", styles=1)
    spec = stylezoo.zoo.ModelSpec(
        name="tints/any",
        family="tints",
        arch=net.arch,
        license="CC0-1.0",
        styles=(stylezoo.zoo.StyleSpec(id="grey", title="Grey", rights="CC0-1.0", source="code"),),
    )
    model = stylezoo.Stylizer(spec, net)
    photo, style = data.astronaut()[:32, :32], data.coffee()[:64, :64]
    assert not np.array_equal(model.stylize(photo, style), model.stylize(photo, "grey"))
    card = model.card(style, id="coffee", rights="CC0-1.0")
    model.add_card(card)
    assert np.abs(model.stylize(photo, "coffee").astype(int) - model.stylize(photo, style)).max() <= 1
    assert model.card("coffee").spec.trunk == card.spec.trunk


def test_the_default_sampler_encodes_the_pictures_of_a_set(recipe: Recipe) -> None:
    class Pictures:
        def __len__(self) -> int:
            return 3

        def at(self, style: Tensor) -> Tensor:
            return torch.ones(len(style), 3, 64, 64) * style[:, None, None, None] / 4

    class Loss:
        def content_targets(self, batch: Tensor) -> dict[str, Tensor]:
            return {"pixels": batch}

    net, batch = Tints(), torch.rand(3, 3, 16, 16)
    sampler = net.style_sampler(recipe, Pictures())  # type: ignore[arg-type]
    assert isinstance(sampler, PictureStyles)
    draw: Draw = sampler.draw(net, Loss(), batch, first=0, share=0.0)  # type: ignore[arg-type]
    assert sorted(draw.style.tolist()) == [0, 1, 2] and draw.code is not None
    assert torch.allclose(draw.code, draw.style[:, None].expand(3, 3) / 4)


def test_records_name_what_exists() -> None:
    for family in families.FAMILIES.values():
        assert issubclass(families.resolve(family.net), StyleNet)
        assert families.resolve(family.net).family == family.id
        assert {*family.starts_from, family.extension or family.id} <= families.FAMILIES.keys()
    assert those(weightless=True) == ["gatys"]
