"""Runs of nets that take any picture as the style, and what nets start from."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from msgspec import structs
from PIL import Image
from safetensors.torch import load_file
from torch import Tensor

from stylezoo.data.crops import RandomCrops
from stylezoo.data.style_set import StyleSet
from stylezoo.data.styles import read_style
from stylezoo.errors import DataError, RecipeError, WeightsError
from stylezoo.images.resize import resize
from stylezoo.losses import PerceptualLoss
from stylezoo.models import CIN, AdaIN, Ghiasi, StyleNet
from stylezoo.recipe import Recipe
from stylezoo.stylizer.card import StyleCard
from stylezoo.stylizer.loading import load
from stylezoo.train.inputs import build_loss, build_net, find_content, find_styles
from stylezoo.train.recipe import load_recipe
from stylezoo.train.rows import start_rows
from stylezoo.train.trainer import train

FAMILIES = ["ghiasi", "adain"]
FILES = ("weights.safetensors", "checkpoint.safetensors")
STEPS = 10
SAMPLE = {"ghiasi": STEPS, "adain": 0}


@pytest.fixture(scope="module")
def plans(ghiasi_recipe: Path, adain_recipe: Path) -> dict[str, Recipe]:
    """By family, a recipe of a run of ten steps."""
    rates, paths = {"ghiasi": 2.0e-3, "adain": 3.0e-4}, {"ghiasi": ghiasi_recipe, "adain": adain_recipe}
    run = [f"run.steps={STEPS}", "run.ema=0.8", "run.checkpoint_every=4", "optim.warmup=2", "optim.final=1.0"]
    changes = {f: [*run, f"run.sample_every={SAMPLE[f]}", f"optim.lr={rates[f]}"] for f in FAMILIES}
    return {family: load_recipe(paths[family], overrides=changes[family]) for family in FAMILIES}


@pytest.fixture(scope="module")
def runs(plans: dict[str, Recipe], tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """By family, the folder of a run that nothing disturbed. Not to be changed."""
    folder = tmp_path_factory.mktemp("runs")
    return {family: train(plans[family], folder / family, device="cpu", progress=False) for family in FAMILIES}


@pytest.fixture(scope="module")
def pictures(plans: dict[str, Recipe]) -> StyleSet:
    found = find_styles(plans["ghiasi"])
    assert found is not None
    return found


@pytest.fixture(scope="module")
def loss(plans: dict[str, Recipe], pictures: StyleSet) -> PerceptualLoss:
    return build_loss(plans["ghiasi"], pictures)


def lines(run: Path) -> list[dict[str, float]]:
    return [json.loads(line) for line in (run / "log.jsonl").read_text().splitlines()]


def photos(count: int, side: int = 64) -> Tensor:
    return torch.rand(count, 3, side, side, generator=torch.Generator().manual_seed(0))


# Runs


@pytest.mark.parametrize("family", FAMILIES)
def test_a_run_is_a_model_of_any_picture(family: str, runs: dict[str, Path], paintings: Path) -> None:
    stylizer = load(runs[family], device="cpu")
    assert (stylizer.spec.name, stylizer.kind, stylizer.styles) == (f"{family}/tiny", "arbitrary", ("stripes",))
    photo = np.random.default_rng(0).integers(0, 255, (40, 30, 3), np.uint8)
    styles = (paintings / "cup_0.png", paintings / "cat_3.png", "stripes")
    results = [stylizer.stylize(photo, style, style_size=64) for style in styles]
    for index, result in enumerate(results):
        assert result.shape == photo.shape
        assert not np.array_equal(result, results[index - 1])


@pytest.mark.parametrize("family", FAMILIES)
def test_named_styles_are_the_codes_of_their_pictures(family: str, runs: dict[str, Path], run_inputs: Path) -> None:
    stylizer = load(runs[family], device="cpu")
    picture = read_style(run_inputs / "stripes.png", 64)
    with torch.no_grad():
        torch.testing.assert_close(stylizer.net.named_code(0), stylizer.net.encode(picture))
    state = load_file(runs[family] / "checkpoint.safetensors")
    assert torch.equal(state["average.styles"], load_file(runs[family] / "weights.safetensors")["styles"])
    neutral = stylizer.net.trunk.neutral_affine() if isinstance(stylizer.net, Ghiasi) else torch.zeros(1, 1024)
    assert torch.equal(state["net.styles"][:1], neutral)  # they are not learnt


@pytest.mark.parametrize("family", FAMILIES)
def test_the_log_has_all_terms(family: str, runs: dict[str, Path]) -> None:
    log = lines(runs[family])
    assert [line["step"] for line in log] == list(range(1, STEPS + 1))
    for line in log:
        assert ("encoder" in line) is (family == "ghiasi") and "styles" not in line
        assert line["total"] == pytest.approx(line["content"] + 10 * line["style"] + line.get("encoder", 0), rel=1e-4)


@pytest.mark.parametrize("family", FAMILIES)
def test_the_loss_falls(
    family: str, runs: dict[str, Path], plans: dict[str, Recipe], pictures: StyleSet, loss: PerceptualLoss
) -> None:
    plan = plans[family]
    torch.manual_seed(plan.run.seed)
    before, after = build_net(plan), load(runs[family], device="cpu").net
    batch = RandomCrops(find_content(plan)[0], plan.data.crop, plan.data.short_side, batch=3, seed=99).at(0)

    @torch.no_grad()
    def totals(net: StyleNet) -> dict[str, float]:
        draw = net.style_sampler(plan, pictures).draw(net.eval(), loss, batch, first=1, share=1.0)
        terms = loss.terms(net(batch, draw.code), draw.targets, draw.style)
        return {"total": float(loss.total(terms).mean())} | {k: float(v.mean()) for k, v in draw.terms.items()}

    start, end = totals(before), totals(after)
    assert start.keys() == end.keys() == {"total", *(["encoder"] if family == "ghiasi" else [])}
    for name in start:
        assert end[name] < 0.99 * start[name], name


def test_ghiasi_learns_a_row_that_gives_the_photo_back_and_adain_needs_none(runs: dict[str, Path]) -> None:
    net = load(runs["ghiasi"], device="cpu").net
    assert isinstance(net, Ghiasi) and net.styles.shape[0] == 2
    assert (net.styles[-1] - net.trunk.neutral_affine()).abs().max() > 1e-3
    assert load_file(runs["adain"] / "weights.safetensors")["styles"].shape == (1, 1024)


def test_the_encoder_of_adain_is_neither_written_nor_learnt(runs: dict[str, Path]) -> None:
    weights = load_file(runs["adain"] / "weights.safetensors")
    assert {name.split(".")[0] for name in weights} == {"decoder", "styles"}
    state = load_file(runs["adain"] / "checkpoint.safetensors")
    decoder, moments = [name for name in weights if name.startswith("decoder.")], load(runs["adain"], device="cpu").net
    assert sum(name.endswith("exp_avg") for name in state) == len(decoder)
    assert isinstance(moments, AdaIN) and moments.arch == {"styles": 1, "encoder": "vgg19:caffe"}


def test_samples_show_photos_above_and_next_to_each_style_picture_what_is_made_of_them(
    runs: dict[str, Path], pictures: StyleSet
) -> None:
    assert [p.name for p in (runs["ghiasi"] / "samples").iterdir()] == [f"step_{STEPS:06}.png"]
    grid = np.asarray(Image.open(runs["ghiasi"] / "samples" / f"step_{STEPS:06}.png")).astype(int)
    assert grid.shape == (7 * 160, 5 * 160, 3)  # six style pictures, four photos
    cells = grid.reshape(7, 160, 5, 160, 3).swapaxes(1, 2)
    assert (cells[0, 0] == 255).all()
    for picture, cell in zip(pictures, cells[1:, 0], strict=True):
        shown = resize(picture, (160, 160))[0].permute(1, 2, 0).numpy() * 255
        assert np.abs(shown - cell).max() <= 0.51
    assert not any(np.array_equal(cells[row, 1], cells[row - 1, 1]) for row in range(1, 7))
    assert not (runs["adain"] / "samples").exists()


def done(out: Path) -> int:
    """Return how many steps a run has logged so far."""
    log = out / "log.jsonl"
    return log.read_text().count("\n") if log.exists() else 0


def test_a_run_that_is_stopped_between_two_checkpoints_ends_with_the_same_bits(
    plans: dict[str, Recipe], runs: dict[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plan, out = plans["ghiasi"], tmp_path / "run"
    with monkeypatch.context() as patch:
        patch.setattr("stylezoo.train.loop.agree", lambda mine: [mine[0], done(out) == 3, mine[2]])
        with pytest.raises(KeyboardInterrupt):
            train(plan, out, device="cpu", progress=False)
    assert len(lines(out)) == 3
    train(plan, out, device="cpu", resume=True, progress=False)
    for name in FILES:
        assert (out / name).read_bytes() == (runs["ghiasi"] / name).read_bytes(), name
    same = ("step", "total", "content", "style", "encoder", "lr")
    for mine, other in zip(lines(out), lines(runs["ghiasi"]), strict=True):
        assert {key: mine[key] for key in same} == {key: other[key] for key in same}


def test_a_crash_is_made_good_by_resume(
    plans: dict[str, Recipe], runs: dict[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plan, out = plans["adain"], tmp_path / "run"

    def crash(mine: list[float]) -> list[float]:
        if done(out) == 6:
            raise MemoryError
        return mine

    with monkeypatch.context() as patch:
        patch.setattr("stylezoo.train.loop.agree", crash)
        with pytest.raises(MemoryError):
            train(plan, out, device="cpu", progress=False)
    train(plan, out, device="cpu", resume=True, progress=False)
    for name in FILES:
        assert (out / name).read_bytes() == (runs["adain"] / name).read_bytes(), name
    assert [line["step"] for line in lines(out)] == list(range(1, STEPS + 1))


# The style pictures


def test_paintings_that_are_held_out_are_never_learnt(ghiasi_recipe: Path, tmp_path: Path) -> None:
    for index in range(9):  # of grey 25 i, faintly checked
        checks = 6 * (np.add.outer(np.arange(70) // 4, np.arange(70) // 4) % 2)
        Image.fromarray((25 * index + checks).astype(np.uint8)).save(tmp_path / f"own_{index}.png")

    def seen(hold_out: int) -> set[int]:
        changes = [f"data.styles={tmp_path}", f"data.hold_out={hold_out}", "data.style_count=40"]
        found = find_styles(load_recipe(ghiasi_recipe, overrides=changes))
        assert found is not None and len(found) == 40
        with_middle = [round((float(cut.amin() + cut.amax()) / 2 * 255 - 3) / 25) for cut in found]
        return set(with_middle)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("stylezoo.data.style_set.recolor", lambda cut, rng: cut)
        assert seen(0) == set(range(9))
        assert seen(3) == {1, 2, 4, 5, 7, 8}


def test_paintings_are_looked_for_here_and_in_the_data_folder(
    ghiasi_recipe: Path, paintings: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("STYLEZOO_DATA", raising=False)
    monkeypatch.chdir(tmp_path)
    plan = load_recipe(ghiasi_recipe, overrides=["data.styles=styles"])
    with pytest.raises(DataError, match=r"no folder of style images 'styles' here: .*--styles DIR"):
        find_styles(plan)
    monkeypatch.setenv("STYLEZOO_DATA", str(tmp_path / "data"))
    with pytest.raises(DataError, match=r"no folder of style images 'styles' here or in .*data: .*--styles DIR"):
        find_styles(plan)
    shutil.copytree(paintings, tmp_path / "data" / "styles")
    assert len(find_styles(plan) or ()) == 6
    (tmp_path / "empty").mkdir()
    with pytest.raises(DataError, match=r"no pictures in .*empty"):
        find_styles(load_recipe(ghiasi_recipe, styles=tmp_path / "empty"))
    with pytest.raises(DataError, match=r"no folder of style images '.*nowhere'"):
        find_styles(load_recipe(ghiasi_recipe, styles=tmp_path / "nowhere"))


def test_broken_paintings_are_reported(ghiasi_recipe: Path, paintings: Path, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(paintings, tmp_path / "paintings"))
    for name in ("cup_1.png", "cat_2.png"):
        (folder / name).write_bytes(b"no picture")
    with pytest.warns(UserWarning, match=r"2 style images could not be read and were skipped: .*c\w\w_[12].png"):
        assert (
            len(find_styles(load_recipe(ghiasi_recipe, styles=folder, overrides=["data.style_count=16"])) or ()) == 16
        )


def test_nets_of_fixed_styles_need_no_paintings(trio_file: Path) -> None:
    assert find_styles(load_recipe(trio_file, overrides=["data.styles=nowhere"])) is None


# What a net starts from


@pytest.fixture
def started(ghiasi_recipe: Path) -> Callable[..., StyleNet]:
    """Build the net of a recipe that starts from a file."""

    def call(start: Path, *overrides: str, path: Path = ghiasi_recipe) -> StyleNet:
        return build_net(load_recipe(path, overrides=[f"model.start={start}", *overrides]))

    return call


def test_a_net_that_predicts_starts_from_the_trunk_of_one_that_has_learnt(started, multi_file: Path) -> None:
    net, start = started(multi_file), load(multi_file, device="cpu").net
    assert isinstance(net, Ghiasi) and isinstance(start, CIN)
    assert net.trunk_hash() == start.trunk_hash()
    assert torch.equal(net.styles[-1], start.styles[-1]) and net.styles.shape[0] == 2
    assert all(parameter.requires_grad for parameter in net.parameters())
    mean = start.styles[:-1].mean(dim=0)
    codes = net.encode(photos(3))
    assert (codes - mean).abs().max() < 0.2 < (codes - net.styles[-1]).abs().max()


def test_a_net_that_predicts_starts_from_one_that_predicts(started, any_file: Path) -> None:
    net, start = started(any_file), load_file(any_file)
    for name, value in net.state_dict().items():
        assert torch.equal(value[-1:], start[name][-1:]) if name == "styles" else torch.equal(value, start[name]), name


def test_a_folded_net_goes_on_learning_end_to_end(ghiasi_recipe: Path, any_file: Path, tmp_path: Path) -> None:
    before = load(any_file, device="cpu")
    assert isinstance(before.net, Ghiasi)
    folded = before.net.fold()
    folded.save_weights(tmp_path / "folded.safetensors", structs.replace(before.spec, arch=folded.arch))
    args = ["model.args={width: 8, blocks: 1, folded: true}", "run.steps=3"]
    with pytest.raises(RecipeError, match=r"model\.args\.folded is for training on from a folded net"):
        load_recipe(ghiasi_recipe, overrides=args)
    plan = load_recipe(ghiasi_recipe, overrides=[*args, f"model.start={tmp_path / 'folded.safetensors'}"])
    start = build_net(plan)
    assert isinstance(start, Ghiasi) and torch.equal(start.encode(photos(2)), folded.encode(photos(2)))
    after = load(train(plan, tmp_path / "run", device="cpu", progress=False), device="cpu").net
    for name in ("encoder.head.2.weight", "predictor.2.weight", "trunk.head.weight"):
        assert not torch.equal(after.state_dict()[name], folded.state_dict()[name]), name


def test_a_net_of_named_styles_starts_from_any_trunk(
    started, any_file: Path, multi_file: Path, trio_file: Path
) -> None:
    for path in (any_file, multi_file):
        net, start = started(path, path=trio_file), load(path, device="cpu").net
        assert isinstance(net, CIN) and isinstance(start, CIN) and not isinstance(net, Ghiasi)
        assert net.trunk_hash() == start.trunk_hash()
        assert torch.equal(net.styles[-1], start.styles[-1]) and net.styles.shape[0] == 4


def test_starts_that_cannot_serve(started, net_file: Path, multi_file: Path) -> None:
    with pytest.raises(RecipeError, match=r"model.start: a ghiasi model cannot start from a johnson model"):
        started(net_file)
    for change in ("model.args={width: 16, blocks: 1}", "model.args={width: 8, blocks: 2}"):
        with pytest.raises(
            WeightsError, match=r"model.start: the trunk of .*tiny.safetensors does not fit ghiasi\("
        ) as caught:
            started(multi_file, change)
        assert change.split(": ")[1].split(",")[0] in str(caught.value)


# Styles for a net that predicts


@pytest.fixture(scope="module")
def added(mine_file: Path, any_file: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Recipe, Path]:
    """A recipe of two styles for the net of `any_file`, and the folder of its run. Not to be changed."""
    plan = load_recipe(mine_file, overrides=[f"model.base={any_file}", "run.steps=4", "optim.lr=5.0e-2"])
    return plan, train(plan, tmp_path_factory.mktemp("added") / "run", device="cpu", progress=False)


def test_a_new_row_starts_as_the_net_predicts_it(
    added: tuple[Recipe, Path], any_file: Path, loss: PerceptualLoss
) -> None:
    plan, base = added[0], load(any_file, device="cpu").net
    net = build_net(plan)
    assert isinstance(net, CIN) and not isinstance(net, Ghiasi)
    start_rows(plan, net, loss, photos(1, 32))
    for style, row in zip(plan.styles, net.styles[:-1], strict=True):
        torch.testing.assert_close(row[None], base.encode(read_style(Path(style.image), style.size)))
    assert torch.equal(net.styles[-1], base.styles[-1])
    assert net.styles.requires_grad and not any(p.requires_grad for p in net.trunk.parameters())


def test_cards_stylize_in_the_net_that_predicts_what_the_run_does(
    added: tuple[Recipe, Path], any_file: Path, run_inputs: Path
) -> None:
    plan, run = added
    ours, base, photo = load(run, device="cpu"), load(any_file, device="cpu"), run_inputs / "photos" / "0.png"
    assert (ours.spec.family, ours.kind, ours.styles) == ("cin", "multi", ("tiles", "steps"))
    for index, style in enumerate(ours.styles):
        card = StyleCard.read(run / f"{style}.card.safetensors")
        assert (card.spec.base, card.spec.trunk) == ("ghiasi/tiny", base.net.trunk_hash())
        predicted = base.encode_style(plan.styles[index].image, style_size=plan.styles[index].size).values
        assert np.abs(card.row - predicted).max() > 1e-3  # it has learnt
        base.add_card(card)
    assert base.styles == ("dots", "lines", *ours.styles)
    for style in ours.styles:
        assert np.array_equal(base.stylize(photo, style), ours.stylize(photo, style))
