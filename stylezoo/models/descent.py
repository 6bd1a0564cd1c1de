"""Descending a loss over the pixels of a picture: what Gatys' method does in place of a net."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.optim import LBFGS, Adam, Optimizer

from stylezoo.errors import OptionError

OPTIMIZERS = {"lbfgs": 1.0, "adam": 0.05}
"""The optimisers and their learning rates; Adam's is in units of the pixels' range."""

HISTORY, HISTORY_SIDE = 100, 512
_BLOWN_UP = 4.0  # times the best loss so far: nothing comes back from there by itself

Objective = Callable[[Tensor], Mapping[str, Tensor]]
"""From pictures, (1, 3, H, W), to their terms, (1,) each; "total" is what is descended."""


@dataclass(frozen=True, eq=False)
class Step:
    """Where a descent is.

    Attributes:
        number: how many steps were taken: 0 is the start.
        image: (1, 3, H, W) in [0, 1], a copy.
        terms: the objective's, of this picture.
    """

    number: int
    image: Tensor
    terms: dict[str, float]


def descend(
    objective: Objective, start: Tensor, *, steps: int, optimizer: str = "lbfgs", lr: float | None = None
) -> Iterator[Step]:
    """Yield the start, (1, 3, H, W) in [0, 1], and the picture after each of `steps` steps; break off at will.

    A step is one pass through the objective and back, for either optimiser. L-BFGS is Liu and Nocedal's (1989), by
    torch, as the field uses it, without a line search: a strong-Wolfe one, in trials, stuck at the start, where pixels
    were pushed back into their range. Where a step blows the loss up, the descent goes on from the best picture at half
    the rate, with nothing remembered.

    Departures from Gatys et al. 2016: pixels are put back into [0, 1] after each step, for what lies outside cannot be
    shown;
    and of the 100 steps that L-BFGS remembers, fewer are kept for pictures above 512 px, so that they fit 0.7 GB.

    Raises:
        OptionError: the objective is not finite at the start.
    """
    x = start.detach().clone(memory_format=torch.contiguous_format).requires_grad_()
    rate = OPTIMIZERS[optimizer] if lr is None else lr
    made = _make(optimizer, x, rate)
    best, best_image = math.inf, x.detach().clone()
    for number in range(steps + 1):
        x.grad = None
        with torch.set_grad_enabled(number < steps):
            found = objective(x)
            # Not the mean over pixels: the slopes of a large picture would fall below what torch takes for curvature.
            loss = found["total"].sum() * x.numel()
        terms = {name: value.detach().sum().item() for name, value in found.items()}
        total = terms["total"]
        yield Step(number, x.detach().clone(), terms)
        if not math.isfinite(total) and not math.isfinite(best):
            raise OptionError(f"the initial loss is {total}: lower the weights, or use another start")
        if number == steps:
            return
        if not total <= _BLOWN_UP * best:  # NaN is not
            rate /= 2
            made = _make(optimizer, x, rate)
            with torch.no_grad():
                x.copy_(best_image)
            continue
        if total < best:
            best, best_image = total, x.detach().clone()
        loss.backward()
        _hold(x)
        made.step(loss.item)
        with torch.no_grad():
            x.clamp_(0, 1)


def _hold(x: Tensor) -> None:
    """Take the slope off pixels that it would push out of the range, so that it tells of the steps that are taken."""
    assert x.grad is not None
    stuck = ((x <= 0) & (x.grad > 0)) | ((x >= 1) & (x.grad < 0))
    x.grad.masked_fill_(stuck, 0)


def _make(optimizer: str, x: Tensor, rate: float) -> Optimizer:
    if optimizer == "adam":
        return Adam([x], lr=rate)
    history = max(10, min(HISTORY, HISTORY * 3 * HISTORY_SIDE**2 // x.numel()))
    # The tolerances would end the descent where a picture is large and so each pixel's slope small.
    return LBFGS([x], lr=rate, max_iter=1, history_size=history, tolerance_grad=0, tolerance_change=0)
