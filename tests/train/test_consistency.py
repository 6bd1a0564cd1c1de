from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import torch
from scipy import ndimage
from skimage import data

from stylezoo.stylizer.loading import load
from stylezoo.train.consistency import View, draw_view
from stylezoo.train.recipe import load_recipe
from stylezoo.train.trainer import train


def photo(count: int = 1) -> torch.Tensor:
    x = torch.from_numpy(np.asarray(data.astronaut())[100:196, 120:248].copy()).permute(2, 0, 1) / 255
    return x[None].repeat(count, 1, 1, 1)


def clean(view: View) -> View:
    return View(view.grid, view.inside, torch.zeros_like(view.noise))


def test_a_view_is_an_affine_map_of_the_picture() -> None:
    """Against scipy's spline in the middle, where neither sees the border."""
    smooth = torch.nn.functional.avg_pool2d(photo(), 5, 1, 2)
    for seed in range(12):
        view = draw_view(smooth, np.random.default_rng(seed))
        x, y = ((view.grid[0, ..., i].double() + 1) * n / 2 - 0.5 for i, n in ((0, 128), (1, 96)))
        expected = ndimage.map_coordinates(smooth[0, 0].double().numpy(), [y.numpy(), x.numpy()], order=3)
        moved = view.move(smooth)[0, 0].numpy()
        assert np.abs(moved - expected)[24:72, 24:104].max() < 0.01
        step = np.hypot(*(torch.gradient(v)[1].mean().item() for v in (x, y)))
        assert 0.93 < step < 1.07


def test_half_of_the_views_shift_by_whole_pixels_and_exactly() -> None:
    x, whole = photo(), 0
    for seed in range(40):
        view = draw_view(x, np.random.default_rng(seed))
        across = (view.grid[0, 0, 0, 0].item() + 1) * 64 - 0.5
        down = (view.grid[0, 0, 0, 1].item() + 1) * 48 - 0.5
        turned = (view.grid[0, -1, 0, 0] - view.grid[0, 0, 0, 0]).abs() > 1e-5
        if turned or abs(across - round(across)) > 1e-3:
            continue
        whole += 1
        rolled = torch.roll(x, (-round(down), -round(across)), (2, 3))
        error = (view.move(x) - rolled).abs() * view.inside
        assert error.max() < 1e-3
    assert 10 < whole < 30


def test_what_moves_with_the_photo_has_no_error_and_what_stays_has() -> None:
    x = torch.nn.functional.avg_pool2d(photo(4), 5, 1, 2)
    view = clean(draw_view(x, np.random.default_rng(3)))
    stylize = lambda y: 1 - y.square()  # noqa: E731
    screen = torch.rand(1, 1, 96, 128, generator=torch.Generator().manual_seed(0))
    steady = view.error(stylize(x), stylize(view.photograph(x)))
    unsteady = view.error(stylize(x) + screen, stylize(view.photograph(x)) + screen)
    assert steady.shape == (4,)
    assert steady.max() < 2e-3
    assert unsteady.min() > 0.2


def test_the_error_is_in_shares_of_the_variance() -> None:
    x = photo(2)
    view = clean(draw_view(x, np.random.default_rng(1)))
    again = view.move(x) + 0.1
    torch.testing.assert_close(view.error(x, again), 0.01 / x.var((2, 3), correction=0).mean(1), rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(view.error(0.5 * x, 0.5 * again), view.error(x, again), rtol=1e-4, atol=1e-5)


def test_views_are_drawn_by_the_seed() -> None:
    x = photo(2)
    one, same, other = (draw_view(x, np.random.default_rng([0, 7, n])) for n in (4, 4, 6))
    assert torch.equal(one.photograph(x), same.photograph(x))
    assert not torch.equal(one.photograph(x), other.photograph(x))


def test_a_net_learns_to_be_steady(run_inputs: Path, tmp_path: Path) -> None:
    x = torch.nn.functional.interpolate(photo(), (64, 64))
    views = [draw_view(x, np.random.default_rng(seed)) for seed in range(12)]
    errors = []
    for weight in (0, 5):
        changes = ["run.steps=80", "optim.lr=1.0e-2", "optim.warmup=2", "run.ema=0.5", f"loss.consistency={weight}"]
        run = train(
            load_recipe(run_inputs / "tiny.yaml", overrides=changes),
            tmp_path / str(weight),
            progress=False,
            device="cpu",
        )
        terms = json.loads((run / "log.jsonl").read_text().splitlines()[-1])
        assert ("consistency" in terms) == bool(weight)
        net = load(run, device="cpu").net
        errors.append(np.mean([float(view.error(net(x), net(view.photograph(x)))) for view in views]))
    assert errors[1] < 0.7 * errors[0], errors
