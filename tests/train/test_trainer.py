from __future__ import annotations

import json
import shutil
import signal
import threading
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

import stylezoo
from stylezoo.errors import DataError, OptionError, RecipeError, TrainingError
from stylezoo.losses import PerceptualLoss
from stylezoo.models import Johnson
from stylezoo.models.sampling import in_turn
from stylezoo.recipe import Recipe
from stylezoo.train.balance import StyleBalance
from stylezoo.train.inputs import build_net, find_content
from stylezoo.train.recipe import load_recipe
from stylezoo.train.schedule import learning_rate
from stylezoo.train.trainer import train

FILES = ("weights.safetensors", "checkpoint.safetensors")


def recipe(path: Path, *overrides: str) -> Recipe:
    return load_recipe(path, overrides=overrides)


def lines(run: Path) -> list[dict[str, float]]:
    return [json.loads(line) for line in (run / "log.jsonl").read_text().splitlines()]


def same_files(a: Path, b: Path) -> bool:
    return all((a / name).read_bytes() == (b / name).read_bytes() for name in FILES)


@pytest.fixture(scope="module")
def reference(run_inputs: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the run that nothing disturbed. Not to be changed."""
    return train(recipe(run_inputs / "tiny.yaml"), tmp_path_factory.mktemp("reference") / "run", progress=False)


@pytest.fixture
def unbroken(reference: Path, recipe_file: Path, tmp_path: Path) -> Path:
    """A copy of the run that nothing disturbed, as `recipe_file` makes it."""
    folder = Path(shutil.copytree(reference, tmp_path / "unbroken"))
    (folder / "recipe.yaml").write_text(recipe(recipe_file).to_yaml())
    return folder


@pytest.fixture
def at_step(monkeypatch: pytest.MonkeyPatch):
    """Call something in the middle of a step, where weights are new and the step is not counted yet: at_step(5, f)."""

    def arrange(step: int, action) -> None:
        zero_grad, calls = torch.optim.Adam.zero_grad, []

        def disturbed(self, *arguments) -> None:
            calls.append(1)
            if len(calls) == step:
                action()
            zero_grad(self, *arguments)

        monkeypatch.setattr(torch.optim.Adam, "zero_grad", disturbed)

    return arrange


def test_a_run_folder_is_a_model(unbroken: Path) -> None:
    stylizer = stylezoo.load(unbroken)
    assert (stylizer.spec.name, stylizer.styles) == ("johnson/tiny", ("stripes",))
    assert stylizer.spec.arch == {"variant": "fast", "width": 8, "blocks": 1}
    photo = np.random.default_rng(0).integers(0, 255, (40, 30, 3), np.uint8)
    stylized = stylizer.stylize(photo)
    assert stylized.shape == photo.shape
    assert not np.array_equal(stylized, photo)


def test_log_has_every_step_with_its_terms(unbroken: Path) -> None:
    log = lines(unbroken)
    assert [line["step"] for line in log] == list(range(1, 13))
    for line in log:
        assert line["total"] == pytest.approx(line["content"] + 10 * line["style"], rel=1e-4)
        assert line["lr"] > 0 and line["seconds"] > 0


def test_a_log_line_is_the_mean_since_the_last(unbroken: Path, recipe_file: Path, tmp_path: Path) -> None:
    sparse = lines(train(recipe(recipe_file, "run.log_every=5"), tmp_path / "sparse", progress=False))
    assert [line["step"] for line in sparse] == [5, 10, 12]
    each = [line["total"] for line in lines(unbroken)]
    for line, own in zip(sparse, (each[:5], each[5:10], each[10:]), strict=True):
        assert line["total"] == pytest.approx(np.mean(own), rel=1e-4)


def test_the_loss_falls(recipe_file: Path, tmp_path: Path) -> None:
    plan = recipe(recipe_file, "run.steps=30", "optim.lr=5.0e-3", "optim.warmup=2", "optim.final=1.0")
    total = [line["total"] for line in lines(train(plan, tmp_path / "run", progress=False))]
    assert np.mean(total[-5:]) < 0.8 * np.mean(total[:5])


def test_samples_show_photos_above_paintings(recipe_file: Path, photos: Path, tmp_path: Path) -> None:
    (photos / "0.png").write_bytes(b"no picture")
    with pytest.warns(UserWarning, match="1 photos could not be read and were skipped: .*0.png"):
        run = train(recipe(recipe_file, "run.sample_every=8"), tmp_path / "run", progress=False)
    assert sorted(p.name for p in (run / "samples").iterdir()) == ["step_000008.png", "step_000012.png"]
    grid = Image.open(run / "samples" / "step_000012.png")
    assert grid.size == (4 * 256, 2 * 256)
    above, below = np.asarray(grid)[:256], np.asarray(grid)[256:]
    assert not np.array_equal(above, below)


def test_another_seed_gives_another_net_and_the_same_seed_the_same(
    unbroken: Path, recipe_file: Path, tmp_path: Path
) -> None:
    again = train(recipe(recipe_file), tmp_path / "again", progress=False)
    other = train(recipe(recipe_file, "run.seed=1"), tmp_path / "other", progress=False)
    assert same_files(unbroken, again)
    assert not same_files(unbroken, other)


def test_without_averaging_the_last_weights_are_kept(recipe_file: Path, tmp_path: Path) -> None:
    run = train(recipe(recipe_file, "run.ema=0.0"), tmp_path / "run", progress=False)
    from safetensors.torch import load_file

    state = load_file(run / "checkpoint.safetensors")
    for name, value in load_file(run / "weights.safetensors").items():
        assert torch.equal(value, state[f"net.{name}"])


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("step", [4, 6])
def test_a_signal_in_the_middle_of_a_step_loses_nothing(
    unbroken, recipe_file, tmp_path, at_step, monkeypatch, capsys, number, step
) -> None:
    before = signal.getsignal(number)
    at_step(step, lambda: signal.raise_signal(number))
    with pytest.raises(KeyboardInterrupt):
        train(recipe(recipe_file), tmp_path / "run", progress=False)
    assert f"stopped after step {step}; go on with --resume" in capsys.readouterr().err
    assert signal.getsignal(number) == before
    monkeypatch.undo()
    monkeypatch.chdir(tmp_path)
    run = train(recipe(recipe_file), tmp_path / "run", resume=True, progress=False)
    assert same_files(run, unbroken)
    assert [line["step"] for line in lines(run)] == list(range(1, 13))


def test_a_second_signal_stops_at_once(recipe_file: Path, tmp_path: Path, at_step) -> None:
    def twice() -> None:
        signal.raise_signal(signal.SIGINT)
        signal.raise_signal(signal.SIGINT)
        pytest.fail("the step went on")

    at_step(4, twice)
    former = signal.signal(signal.SIGINT, signal.default_int_handler)  # a test run in the background ignores it
    try:
        with pytest.raises(KeyboardInterrupt):
            train(recipe(recipe_file), tmp_path / "run", progress=False)
    finally:
        signal.signal(signal.SIGINT, former)


def test_training_in_a_thread_needs_no_signals(unbroken: Path, recipe_file: Path, tmp_path: Path) -> None:
    thread = threading.Thread(target=train, args=(recipe(recipe_file), tmp_path / "run"), kwargs={"progress": False})
    thread.start()
    thread.join()
    assert (tmp_path / "run" / "weights.safetensors").is_file()


def test_a_crash_is_made_good_by_resume(unbroken, recipe_file, tmp_path, at_step, monkeypatch) -> None:
    def crash() -> None:
        raise MemoryError

    at_step(8, crash)
    with pytest.raises(MemoryError):
        train(recipe(recipe_file), tmp_path / "run", progress=False)
    monkeypatch.undo()
    monkeypatch.chdir(tmp_path)
    assert [line["step"] for line in lines(tmp_path / "run")] == list(range(1, 8))
    run = train(recipe(recipe_file), tmp_path / "run", resume=True, progress=False)
    assert same_files(run, unbroken)
    assert [line["step"] for line in lines(run)] == list(range(1, 13))


def test_resuming_a_finished_run_changes_nothing(unbroken: Path, recipe_file: Path) -> None:
    before = {p: p.read_bytes() for p in unbroken.rglob("*.safetensors")}
    log = lines(unbroken)
    train(recipe(recipe_file), unbroken, resume=True, progress=False)
    assert {p: p.read_bytes() for p in unbroken.rglob("*.safetensors")} == before
    assert lines(unbroken) == log


def test_a_folder_that_holds_a_run_is_refused(unbroken: Path, recipe_file: Path) -> None:
    with pytest.raises(TrainingError, match=r"unbroken has a run: .*--resume.*--out"):
        train(recipe(recipe_file), unbroken, progress=False)


def test_resume_with_another_recipe_names_the_keys(unbroken: Path, recipe_file: Path) -> None:
    before = (unbroken / "recipe.yaml").read_text()
    with pytest.raises(TrainingError, match=r"another recipe \(optim.lr, run.steps differ\)"):
        train(recipe(recipe_file, "run.steps=20", "optim.lr=2.0e-3"), unbroken, resume=True, progress=False)
    assert (unbroken / "recipe.yaml").read_text() == before


def test_resume_of_nothing(recipe_file: Path, tmp_path: Path) -> None:
    with pytest.raises(TrainingError, match="nothing_here has no run to resume"):
        train(recipe(recipe_file), tmp_path / "nothing_here", resume=True, progress=False)


def test_resume_before_the_first_checkpoint_starts_again(unbroken, recipe_file, tmp_path, at_step, monkeypatch) -> None:
    def crash() -> None:
        raise MemoryError

    at_step(2, crash)
    with pytest.raises(MemoryError):
        train(recipe(recipe_file), tmp_path / "run", progress=False)
    monkeypatch.undo()
    monkeypatch.chdir(tmp_path)
    run = train(recipe(recipe_file), tmp_path / "run", resume=True, progress=False)
    assert same_files(run, unbroken)
    assert [line["step"] for line in lines(run)] == list(range(1, 13))


def test_a_damaged_checkpoint_is_refused(unbroken: Path, recipe_file: Path) -> None:
    checkpoint = unbroken / "checkpoint.safetensors"
    checkpoint.write_bytes(checkpoint.read_bytes()[:-100])
    with pytest.raises(TrainingError, match=r"cannot resume from .*checkpoint.safetensors.*start again"):
        train(recipe(recipe_file), unbroken, resume=True, progress=False)


def test_a_loss_that_is_not_finite_stops_the_run_and_spares_the_checkpoint(
    unbroken, recipe_file, tmp_path, monkeypatch
) -> None:
    total, calls = PerceptualLoss.total, []

    def broken(self, *arguments):
        calls.append(1)
        return total(self, *arguments) * (float("nan") if len(calls) == 8 else 1)

    monkeypatch.setattr(PerceptualLoss, "total", broken)
    with pytest.raises(TrainingError, match=r"johnson/tiny: .*not finite at step 8 .*lower optim.lr"):
        train(recipe(recipe_file), tmp_path / "run", progress=False)
    monkeypatch.undo()
    monkeypatch.chdir(tmp_path)
    assert same_files(train(recipe(recipe_file), tmp_path / "run", resume=True, progress=False), unbroken)


def test_a_net_that_stylizes_every_pixel_alike_stops_the_run(recipe_file: Path, tmp_path: Path, monkeypatch) -> None:
    colour = torch.tensor([0.9, 0.1, 0.4]).view(1, 3, 1, 1)
    monkeypatch.setattr(Johnson, "forward", lambda self, x, code=None: (colour + 0 * self.style.sum()).expand_as(x))
    with pytest.raises(TrainingError, match=r"the same colour everywhere at step 1: lower optim.lr"):
        train(recipe(recipe_file), tmp_path / "run", progress=False)


def test_photos_of_one_colour_are_refused(recipe_file: Path, photos: Path, tmp_path: Path) -> None:
    for path in photos.iterdir():
        Image.new("RGB", (64, 64), "teal").save(path)
    with pytest.raises(DataError, match="all 5 photos are of a single colour"):
        train(recipe(recipe_file, "run.steps=3"), tmp_path / "run", progress=False)


# Several styles in one net


@pytest.fixture(scope="module")
def trio(trio_file: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a run of three styles that nothing disturbed. Not to be changed."""
    return train(recipe(trio_file, "run.sample_every=12"), tmp_path_factory.mktemp("trio") / "run", progress=False)


def test_a_run_of_several_styles_is_a_model_of_them(trio: Path) -> None:
    stylizer = stylezoo.load(trio, device="cpu")
    assert (stylizer.spec.name, stylizer.styles) == ("cin/trio", ("grid", "rays", "noise"))
    assert stylizer.spec.arch == {"styles": 3, "variant": "fast", "width": 8, "blocks": 1}
    photo = np.random.default_rng(0).integers(0, 255, (40, 30, 3), np.uint8)
    pictures = [stylizer.stylize(photo, style) for style in stylizer.styles]
    assert not any(np.array_equal(pictures[i], pictures[i - 1]) for i in range(3))
    grid = Image.open(trio / "samples" / "step_000012.png")
    assert grid.size == (4 * 160, 4 * 160)  # photos, and a row for each style


def test_the_record_of_a_run_has_the_colours_of_its_styles(trio: Path) -> None:
    palette = stylezoo.load(trio, device="cpu").spec.palettes[2]
    assert palette is not None
    np.testing.assert_allclose(palette[:3], 0.5, atol=0.02)  # noise
    assert 0.03 < palette[3] <= 1 / 12 + 0.01 and abs(palette[4]) < 0.01  # less than noise has: it is scaled down


def test_the_log_tells_the_loss_of_each_style_and_of_the_photo(trio: Path) -> None:
    """Each step has two pictures, whose styles are drawn out; the style that lags is pushed harder."""
    drawn = in_turn(4, range(24), seed=0).view(12, 2).tolist()
    names, balance, pushed = ("grid", "rays", "noise", "photo"), StyleBalance(3, 1.0), []
    for line, pair in zip(lines(trio), drawn, strict=True):
        assert set(line["styles"]) == {names[i] for i in pair}
        style = torch.tensor([i for i in pair if i < 3])  # the photo counts in no mean
        errors = torch.tensor([line["styles"][names[i]] for i in style])
        assert line["style"] == pytest.approx(float(errors.mean()), rel=1e-4)
        emphasis = balance.coefficients(style)
        assert line["total"] == pytest.approx(line["content"] + 10 * float((emphasis * errors).mean()), rel=1e-4)
        balance.observe(style, errors)
        pushed += emphasis.tolist()
    assert max(pushed) > 1.01 > 0.99 > min(pushed)


def test_every_row_is_learnt_and_the_balance_kept(trio: Path, trio_file: Path) -> None:
    from safetensors.torch import load_file

    state, neutral = load_file(trio / "checkpoint.safetensors"), build_net(recipe(trio_file)).styles[:1].detach()
    assert state["net.styles"].shape[0] == 4
    assert ((state["net.styles"] - neutral).abs().amax(dim=1) > 1e-3).all()  # the photo's too
    assert state["balance.error"].shape == (3,) and (state["balance.error"] > 0).all()


def test_a_crash_of_a_run_of_several_styles_is_made_good_by_resume(
    trio, trio_file, tmp_path, at_step, monkeypatch
) -> None:
    def crash() -> None:
        raise MemoryError

    at_step(8, crash)
    with pytest.raises(MemoryError):
        train(recipe(trio_file), tmp_path / "run", progress=False)
    monkeypatch.undo()
    monkeypatch.chdir(tmp_path)
    run = train(recipe(trio_file), tmp_path / "run", resume=True, progress=False)
    assert same_files(run, trio)
    assert [line["styles"] for line in lines(run)] == [line["styles"] for line in lines(trio)]


@pytest.mark.parametrize(
    ("overrides", "error", "message"),
    [
        (["data.crop=34"], RecipeError, "data.crop must be a multiple of 4 for this net, not 34"),
        (["model.args={wdith: 8}"], OptionError, "wdith"),
        (["model.family=gatys", "name=gatys/a"], RecipeError, "model.family gatys has nothing to train"),
        (["data.content=nowhere"], DataError, r"no folder of photos 'nowhere'.*--content DIR"),
        (["loss.backbone=vgg18"], stylezoo.errors.BackboneError, "vgg18"),
        (["loss.style={relu9_1: 1.0}"], stylezoo.errors.BackboneError, "relu9_1"),
    ],
)
def test_what_a_recipe_names_in_vain(recipe_file, tmp_path, overrides, error, message) -> None:
    with pytest.raises(error, match=message):
        train(recipe(recipe_file, *overrides), tmp_path / "run", progress=False)


def test_an_unknown_device(recipe_file: Path, tmp_path: Path) -> None:
    with pytest.raises(OptionError, match="toaster"):
        train(recipe(recipe_file), tmp_path / "run", device="toaster", progress=False)


def test_a_missing_style_picture(recipe_file: Path, tmp_path: Path) -> None:
    (tmp_path / "stripes.png").unlink()
    with pytest.raises(DataError, match=r"stripes.png.*--style IMAGE"):
        train(recipe(recipe_file), tmp_path / "run", progress=False)


def test_without_photos_the_samples_of_scikit_image_serve_with_a_warning(recipe_file, tmp_path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.warns(UserWarning, match=r"5 sample photos.*--content DIR"):
        training, held_out = find_content(recipe(recipe_file, "data.content=content"))
    assert {"astronaut", "coffee"} <= {p.stem for p in training}
    assert held_out == []


def test_photos_are_looked_for_here_and_in_the_data_folder(recipe_file, photos, tmp_path, monkeypatch) -> None:
    monkeypatch.setenv("STYLEZOO_DATA", str(tmp_path))
    training, held_out = find_content(recipe(recipe_file, "data.content=photos", "data.hold_out=3"))
    assert [p.name for p in held_out] == ["0.png", "3.png"]
    assert [p.name for p in training] == ["1.png", "2.png", "4.png"]


def test_a_constant_rate_falls_over_the_last_part(recipe_file: Path) -> None:
    changes = ("optim.schedule=constant", "optim.anneal=0.25", "optim.lr=0.5", "optim.warmup=9", "optim.final=0.1")
    plan = recipe(recipe_file, "run.steps=100", *changes)
    rates = [learning_rate(plan, step, step / 100) for step in range(101)]
    assert rates[9:76] == [0.5] * 67
    assert rates[:10] == sorted(rates[:10]) and rates[75:] == sorted(rates[75:], reverse=True)
    assert rates[81] == pytest.approx(0.5 * (0.1 + 0.9 * (1 - (6 / 25) ** 0.5)))
    assert rates[100] == pytest.approx(0.05)


def test_a_run_of_constant_rate_is_prolonged_from_before_its_rate_fell(recipe_file: Path, tmp_path: Path) -> None:
    changes = ("optim.schedule=constant", "optim.anneal=0.25", "optim.warmup=1")
    longer = recipe(recipe_file, "run.steps=20", *changes)
    whole = train(longer, tmp_path / "whole", progress=False)
    run = train(recipe(recipe_file, *changes), tmp_path / "run", progress=False)
    assert [line["lr"] for line in lines(run)] != [line["lr"] for line in lines(whole)][:12]
    assert not same_files(run, whole)
    train(longer, run, resume=True, progress=False)
    assert same_files(run, whole)
    assert [line["step"] for line in lines(run)] == list(range(1, 21))
    with pytest.raises(TrainingError, match=r"run.steps differ"):  # no run is shortened
        train(recipe(recipe_file, *changes), run, resume=True, progress=False)


def test_the_rate_rises_then_falls_to_its_final_share(recipe_file: Path) -> None:
    plan = recipe(recipe_file, "run.steps=100", "optim.lr=0.5", "optim.warmup=9", "optim.final=0.1")
    rates = [learning_rate(plan, step, step / 100) for step in range(100)]
    assert rates[0] == pytest.approx(0.05)
    assert max(rates) == rates[9] == pytest.approx(0.5)
    assert rates[:10] == sorted(rates[:10]) and rates[9:] == sorted(rates[9:], reverse=True)
    assert rates[54] == pytest.approx(0.5 * 0.55, rel=0.02)  # half-way between 1 and 0.1
    assert rates[99] == pytest.approx(0.05, rel=0.02)
    short = recipe(recipe_file, "run.steps=3", "optim.warmup=9")
    assert all(0 < learning_rate(short, step, step / 3) < short.optim.lr for step in range(3))
