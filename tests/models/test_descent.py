from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor

from stylezoo.errors import OptionError
from stylezoo.models.descent import descend

START = torch.full((1, 3, 8, 10), 0.5)
GOAL = torch.rand(1, 3, 8, 10, generator=torch.Generator().manual_seed(0)) * 1.4 - 0.2  # some of it out of reach


def bowl(x: Tensor) -> dict[str, Tensor]:
    """A bowl that is a hundred times steeper in some pixels than in others."""
    steepness = torch.logspace(-1, 1, x.numel()).view_as(x).to(x)
    return {"total": (steepness * (x - GOAL.to(x)).square()).mean(dim=(1, 2, 3))}


FLOOR = bowl(GOAL.clamp(0, 1))["total"].item()


@pytest.mark.parametrize(("optimizer", "steps"), [("lbfgs", 40), ("adam", 300)])
def test_the_nearest_picture_within_the_range_is_found(optimizer: str, steps: int) -> None:
    found = list(descend(bowl, START, steps=steps, optimizer=optimizer))
    assert [step.number for step in found] == list(range(steps + 1))
    assert torch.equal(found[0].image, START) and found[0].terms["total"] == pytest.approx(bowl(START)["total"].item())
    assert all(step.image.min() >= 0 and step.image.max() <= 1 for step in found)
    assert found[-1].terms["total"] - FLOOR < 1e-3 * (found[0].terms["total"] - FLOOR)
    assert not found[-1].image.requires_grad


def test_lbfgs_needs_fewer_steps_than_adam() -> None:
    last = {name: list(descend(bowl, START, steps=15, optimizer=name))[-1].terms["total"] for name in ("lbfgs", "adam")}
    assert last["lbfgs"] - FLOOR < 0.5 * (last["adam"] - FLOOR)


def test_a_loss_with_slight_slopes_is_descended_too() -> None:
    """As is that of a large picture: torch takes products of steps and slopes below 1e-10 for no curvature at all."""
    found = list(descend(lambda x: {"total": bowl(x)["total"] * 1e-4}, START, steps=40))
    assert found[-1].terms["total"] - 1e-4 * FLOOR < 0.05 * (found[0].terms["total"] - 1e-4 * FLOOR)


def test_a_descent_that_blows_up_goes_on_from_the_best_picture() -> None:
    calls = []

    def wild(x: Tensor) -> dict[str, Tensor]:
        calls.append(x)
        return {"total": bowl(x)["total"] * (float("nan") if len(calls) in (5, 6) else 1)}

    found = list(descend(wild, START, steps=40))
    assert np.isnan([s.terms["total"] for s in found]).nonzero()[0].tolist() == [4, 5]
    best_before = min(s.terms["total"] for s in found[:4])
    assert found[6].terms["total"] == pytest.approx(best_before)
    assert found[-1].terms["total"] - FLOOR < 0.01 * (found[0].terms["total"] - FLOOR)


def test_a_start_without_a_loss_is_refused() -> None:
    with pytest.raises(OptionError, match="loss is nan: lower the weights"):
        list(descend(lambda x: {"total": bowl(x)["total"] * float("nan")}, START, steps=3))


def test_the_caller_may_break_off_and_its_gradients_stay_as_they_were() -> None:
    with torch.no_grad():
        for step in descend(bowl, START, steps=100):
            assert not torch.is_grad_enabled()
            if step.terms["total"] < 0.5 * bowl(START)["total"].item():
                break
    assert 0 < step.number < 100
