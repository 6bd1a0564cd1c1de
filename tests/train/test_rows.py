from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from stylezoo.errors import ModelNotFoundError, RecipeError
from stylezoo.models import CIN, StyleCard
from stylezoo.stylizer import load
from stylezoo.train.inputs import build_loss, build_net
from stylezoo.train.recipe import Recipe, load_recipe
from stylezoo.train.rows import start_rows
from stylezoo.train.trainer import train

LONGER = ("run.steps=24", "run.batch=2", "optim.lr=2.0e-2", "optim.warmup=2", "run.ema=0.9", "loss.balance=0.0")


@pytest.fixture
def plan(mine_file: Path) -> Recipe:
    return load_recipe(mine_file, overrides=LONGER)


@pytest.fixture
def run(plan: Recipe, tmp_path: Path) -> Path:
    return train(plan, tmp_path / "run", device="cpu", progress=False)


def test_only_the_new_rows_are_learnt(run: Path, multi_file: Path) -> None:
    base, ours = load_file(multi_file), load_file(run / "weights.safetensors")
    assert ours.keys() == base.keys()
    for name in base:
        if name != "styles":
            assert torch.equal(ours[name], base[name]), name
    assert (ours["styles"].shape[0], base["styles"].shape[0]) == (3, 4)
    assert torch.equal(ours["styles"][-1], base["styles"][-1])  # the photo's
    for new in ours["styles"][:-1]:
        assert all((new - old).abs().max() > 1e-3 for old in base["styles"])


def test_the_loss_of_the_new_styles_falls(run: Path) -> None:
    log = [json.loads(line) for line in (run / "log.jsonl").read_text().splitlines()]
    assert all(line["styles"].keys() == {"tiles", "steps"} for line in log)  # the photo's row is the base's
    total = [line["total"] for line in log]
    assert np.mean(total[-6:]) < 0.8 * np.mean(total[:6])


def test_the_cards_paint_in_the_base_to_the_bit_what_the_run_does(run: Path, multi_file: Path, photos: Path) -> None:
    ours, base = load(run, device="cpu"), load(multi_file, device="cpu")
    assert (ours.spec.name, ours.styles) == ("cin/mine", ("tiles", "steps"))
    before = [base.stylize(photos / "0.png", style) for style in base.styles]
    for style in ours.styles:
        path = run / f"{style}.card.safetensors"
        assert path.stat().st_size < 16 * 1024
        card = StyleCard.read(path)
        assert (card.spec.style.id, card.spec.base, card.spec.license) == (style, "cin/tiny", ours.spec.license)
        assert card.spec.style.rights == "CC0-1.0"
        base.add_card(path)
    for style in ours.styles:
        for strength in (1, 0.5, 1.5):
            theirs = base.stylize(photos / "0.png", style, strength=strength)
            assert np.array_equal(ours.stylize(photos / "0.png", style, strength=strength), theirs)
    for style, picture in zip(("dots", "lines", "waves"), before, strict=True):
        assert np.array_equal(base.stylize(photos / "0.png", style), picture)


def test_a_stopped_run_goes_on_to_the_same_bits_though_its_base_has_changed(
    mine_file: Path, multi_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Such as a base that is itself still in training: the run keeps the trunk that it began with."""
    base = Path(shutil.copy(multi_file, tmp_path / "base.safetensors"))
    plan = load_recipe(mine_file, overrides=[f"model.base={base}", "loss.balance=1.0"])
    whole = train(plan, tmp_path / "whole", device="cpu", progress=False)

    def crash(*_: object) -> None:
        if sum(1 for _ in (tmp_path / "run" / "log.jsonl").open()) == 8:
            raise MemoryError

    with monkeypatch.context() as patch:
        patch.setattr("stylezoo.train.trainer.any_process", crash)
        with pytest.raises(MemoryError):
            train(plan, tmp_path / "run", device="cpu", progress=False)
    changed = load(base, device="cpu")
    with torch.no_grad():
        changed.net.trunk.head.bias += 0.1
    changed.save(base)
    again = train(plan, tmp_path / "run", device="cpu", resume=True, progress=False)
    files = sorted(p.name for p in whole.glob("*.safetensors"))
    assert files == ["checkpoint.safetensors", "steps.card.safetensors", "tiles.card.safetensors", "weights.safetensors"]
    for name in files:
        assert (again / name).read_bytes() == (whole / name).read_bytes(), name


def test_a_new_row_starts_from_the_nearest_of_the_base(plan: Recipe, multi_file: Path) -> None:
    loss, net, base = build_loss(plan), build_net(plan), load(multi_file, device="cpu")
    assert isinstance(net, CIN) and isinstance(base.net, CIN)
    photos = torch.rand(2, 3, 32, 32, generator=torch.Generator().manual_seed(0))
    start_rows(plan, net, loss, photos)
    for style, row in enumerate(net.styles[:-1]):
        totals = []
        for name in base.styles:
            painted = base.stylize(photos, name)
            totals.append(float(loss(painted, photos, torch.full((2,), style))["total"].mean()))
        assert torch.equal(row, base.net.styles[int(np.argmin(totals))])
        assert max(totals) > 1.01 * min(totals)  # it matters which
    assert torch.equal(net.styles[-1], base.net.styles[-1])
    assert net.styles.requires_grad


def test_bases_that_cannot_serve(mine_file: Path, net_file: Path, multi_file: Path, tmp_path: Path) -> None:
    def begin(*overrides: str) -> None:
        train(load_recipe(mine_file, overrides=overrides), tmp_path / "run", device="cpu", progress=False)

    with pytest.raises(RecipeError, match=r"model.base: .*tiny.safetensors is a johnson net, and only cin nets"):
        begin(f"model.base={net_file}")
    with pytest.raises(ModelNotFoundError, match="cin/sixteeen"):
        begin("model.base=cin/sixteeen")
    text = mine_file.read_text().replace("id: steps", "id: waves")
    mine_file.write_text(text)
    with pytest.raises(RecipeError, match=r"styles: .*tiny.safetensors has a style 'waves' already: choose another id"):
        begin()
