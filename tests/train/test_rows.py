from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from msgspec import structs
from safetensors.torch import load_file

from stylezoo.data.styles import read_style
from stylezoo.errors import ModelNotFoundError, RecipeError
from stylezoo.models import CIN, Ghiasi, Johnson, create_model
from stylezoo.models.trunk_net import TrunkNet
from stylezoo.recipe import Recipe
from stylezoo.stylizer.card import StyleCard
from stylezoo.stylizer.loading import load
from stylezoo.train import rows
from stylezoo.train.inputs import build_loss, build_net
from stylezoo.train.recipe import load_recipe
from stylezoo.train.rows import start_rows
from stylezoo.train.trainer import train


def recipe(path: Path, *overrides: str) -> Recipe:
    return load_recipe(path, overrides=["run.steps=24", "optim.lr=5.0e-2", "optim.warmup=2", "run.ema=0.9", *overrides])


@pytest.fixture(scope="module")
def run(mine_file: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a run that nothing disturbed. Not to be changed."""
    return train(recipe(mine_file), tmp_path_factory.mktemp("rows") / "run", device="cpu", progress=False)


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
    for style in ("tiles", "steps"):
        errors = [line["styles"][style] for line in log]
        assert np.mean(errors[-6:]) < 0.95 * np.mean(errors[:6])  # a trunk of random weights can little


def test_the_cards_stylize_in_the_base_to_the_bit_what_the_run_does(
    run: Path, multi_file: Path, run_inputs: Path
) -> None:
    ours, base, photo = load(run, device="cpu"), load(multi_file, device="cpu"), run_inputs / "photos" / "0.png"
    assert (ours.spec.name, ours.styles) == ("cin/mine", ("tiles", "steps"))
    before = [base.stylize(photo, style) for style in base.styles]
    for style in ours.styles:
        path = run / f"{style}.card.safetensors"
        assert path.stat().st_size < 16 * 1024
        card = StyleCard.read(path)
        assert (card.spec.style.id, card.spec.base, card.spec.license) == (style, "cin/tiny", ours.spec.license)
        assert card.spec.style.rights == "CC0-1.0"
        base.add_card(path)
    for style in ours.styles:
        for strength in (1, 0.5, 1.5):
            theirs = base.stylize(photo, style, strength=strength)
            assert np.array_equal(ours.stylize(photo, style, strength=strength), theirs)
    for style, picture in zip(("dots", "lines", "waves"), before, strict=True):
        assert np.array_equal(base.stylize(photo, style), picture)


def test_a_stopped_run_goes_on_to_the_same_bits_though_its_base_has_changed(
    run: Path, mine_file: Path, multi_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Such as a base that is itself still in training: the run keeps the trunk that it began with."""
    base = Path(shutil.copy(multi_file, tmp_path / "base.safetensors"))
    plan = recipe(mine_file, f"model.base={base}")

    def crash(mine: list[float]) -> list[float]:
        log = tmp_path / "run" / "log.jsonl"
        if log.exists() and log.read_text().count("\n") == 8:
            raise MemoryError
        return mine

    with monkeypatch.context() as patch:
        patch.setattr("stylezoo.train.loop.agree", crash)
        with pytest.raises(MemoryError):
            train(plan, tmp_path / "run", device="cpu", progress=False)
    changed = load(base, device="cpu")
    with torch.no_grad():
        changed.net.trunk.head.bias += 0.1
    changed.save(base)
    again = train(plan, tmp_path / "run", device="cpu", resume=True, progress=False)
    files = sorted(p.name for p in run.glob("*.safetensors"))
    assert files == [
        "checkpoint.safetensors",
        "steps.card.safetensors",
        "tiles.card.safetensors",
        "weights.safetensors",
    ]
    for name in files:
        assert (again / name).read_bytes() == (run / name).read_bytes(), name


def test_a_new_row_starts_from_the_nearest_of_the_base(mine_file: Path, multi_file: Path) -> None:
    plan = recipe(mine_file)
    loss, net, base = build_loss(plan), build_net(plan), load(multi_file, device="cpu")
    assert isinstance(net, CIN) and isinstance(base.net, CIN)
    photos = torch.rand(2, 3, 32, 32, generator=torch.Generator().manual_seed(0))
    start_rows(plan, net, loss, photos)
    for style, row in enumerate(net.styles[:-1]):
        totals = []
        for name in base.styles:
            stylized = base.stylize(photos, name)
            totals.append(float(loss(stylized, photos, torch.full((2,), style))["total"].mean()))
        assert torch.equal(row, base.net.styles[int(np.argmin(totals))])
        assert max(totals) > 1.01 * min(totals)  # it matters which
    assert torch.equal(net.styles[-1], base.net.styles[-1])
    assert net.styles.requires_grad


def test_a_net_starts_from_the_rows_of_the_same_styles(trio_file: Path, tmp_path: Path) -> None:
    torch.manual_seed(0)
    first = recipe(trio_file)
    trained = build_net(first)
    with torch.no_grad():
        for value in trained.parameters():
            value.normal_()
    path = tmp_path / "trained.safetensors"
    trained.save_weights(path, first.record(dict(trained.arch)))
    plan = recipe(trio_file, f"model.start={path}")
    swapped = structs.replace(plan, styles=(plan.styles[2], structs.replace(plan.styles[1], id="new"), plan.styles[0]))
    net = build_net(swapped)
    assert isinstance(net, CIN) and isinstance(trained, CIN)
    assert torch.equal(net.styles[[0, 2, 3]], trained.styles[[2, 0, 3]])
    assert not torch.equal(net.styles[1], trained.styles[1])
    for name, value in net.trunk.state_dict().items():
        assert torch.equal(value, trained.trunk.state_dict()[name]), name


def test_a_net_of_one_style_starts_from_another(run_inputs: Path, net_file: Path) -> None:
    net = build_net(recipe(run_inputs / "tiny.yaml", f"model.start={net_file}"))
    for name, value in load(net_file, device="cpu").net.state_dict().items():
        assert torch.equal(net.state_dict()[name], value), name


def test_a_net_of_one_style_starts_from_the_nearest_row_of_another_family(
    run_inputs: Path, multi_file: Path, any_file: Path
) -> None:
    for file in (multi_file, any_file):
        plan = recipe(run_inputs / "tiny.yaml", f"model.start={file}")
        net, start = build_net(plan), load(file, device="cpu").net
        assert isinstance(net, Johnson) and isinstance(start, CIN)
        photos = torch.rand(2, 3, 32, 32, generator=torch.Generator().manual_seed(0))
        loss = build_loss(plan)
        (chosen,) = start_rows(plan, net, loss, photos)
        assert torch.equal(net.style, chosen.row)
        for name, value in net.trunk.state_dict().items():
            assert torch.equal(value, start.trunk.state_dict()[name]), name
        with torch.no_grad():
            known = [start.row(index) for index in range(len(start.styles) - 1)]
            if isinstance(start, Ghiasi):
                known.append(start.encode(read_style(run_inputs / "stripes.png", 512)))
            totals = [float(loss(start.stylize(photos, row), photos)["total"].mean()) for row in known]
        assert chosen.loss == pytest.approx(min(totals), rel=1e-4)
        assert torch.equal(chosen.row, known[int(np.argmin(totals))])


def test_the_nearest_net_of_the_zoo_is_the_one_with_the_lowest_loss(
    run_inputs: Path, trio_file: Path, net_file: Path, multi_file: Path, any_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    starts = [load(file, device="cpu") for file in (net_file, multi_file, any_file)]
    monkeypatch.setattr(rows, "_nets_like", lambda net: starts)
    photos = torch.rand(2, 3, 32, 32, generator=torch.Generator().manual_seed(0))
    for path, count in ((run_inputs / "tiny.yaml", 1), (trio_file, 3)):
        plan = recipe(path, "model.start=nearest")
        net, loss = build_net(plan), build_loss(plan)
        assert isinstance(net, TrunkNet)
        chosen = start_rows(plan, net, loss, photos)
        totals = {s.spec.name: sum(r.loss for r in rows._nearest_rows(plan, s, loss, photos)) for s in starts}
        best = min(totals, key=lambda name: totals[name])
        assert len(chosen) == count and all(row.name.startswith(best) for row in chosen)
        (start,) = [s.net for s in starts if s.spec.name == best]
        for name, value in net.trunk.state_dict().items():
            assert torch.equal(value, start.trunk.state_dict()[name]), name
        own = net.styles[:count] if isinstance(net, CIN) else net.style
        assert torch.equal(own, torch.cat([row.row for row in chosen]))


def test_without_a_net_of_that_size_the_start_is_random_and_said_so(run_inputs: Path) -> None:
    plan = recipe(run_inputs / "tiny.yaml", "model.start=nearest")
    net = build_net(plan)
    before = {name: value.clone() for name, value in net.state_dict().items()}
    with pytest.warns(UserWarning, match="width 8.*random weights"):
        assert start_rows(plan, net, build_loss(plan), torch.rand(1, 3, 32, 32)) == []
    assert all(torch.equal(value, before[name]) for name, value in net.state_dict().items())


def test_the_zoo_has_nets_to_start_a_style_of_ones_own_from() -> None:
    found = [start.spec.name for start in rows._nets_like(create_model("johnson", width=64, blocks=5))]
    assert {"cin/16-large", "ghiasi/lite-large", "johnson/mosaic-large"} <= {*found}
    assert "cin/16" not in found  # of another trunk


def test_bases_that_cannot_serve(mine_file: Path, net_file: Path, tmp_path: Path) -> None:
    with pytest.raises(
        RecipeError, match=r"model.base: .*tiny.safetensors is a johnson model, but only cin and ghiasi models"
    ):
        build_net(recipe(mine_file, f"model.base={net_file}"))
    with pytest.raises(ModelNotFoundError, match="cin/sixteeen"):
        build_net(recipe(mine_file, "model.base=cin/sixteeen"))
    twice = mine_file.with_name("twice.yaml")
    twice.write_text(mine_file.read_text().replace("id: steps", "id: waves"))
    with pytest.raises(RecipeError, match=r"styles: .*tiny.safetensors already has a style 'waves': choose another id"):
        build_net(recipe(twice))
