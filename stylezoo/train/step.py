"""One training step: draw styles, stylize, compute the loss, and update. It never synchronizes with a GPU."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn

from stylezoo.data.style_set import StyleSet
from stylezoo.losses import PerceptualLoss
from stylezoo.models.sampling import StyleSampler
from stylezoo.recipe import Recipe
from stylezoo.train.checkpoint import TrainingState
from stylezoo.train.consistency import draw_view
from stylezoo.train.distill import Teacher
from stylezoo.train.log import COPY

GRID = 4  # px; the nets work in steps of 2 and 4, and so do the first two pools of VGG


def shift(seed: int, step: int) -> Callable[[Tensor], Tensor]:
    """Return a function that crops pictures, (N, C, H, W), by `GRID` rows and columns, split randomly between sides.

    Otherwise the loss would always see the net's grid at the same offset. VGG's pooling weighs pixels unequally, and
    the net would learn to draw that lattice.
    """
    top, left = np.random.default_rng([seed, 8, step]).integers(0, GRID + 1, 2)

    def cut(x: Tensor) -> Tensor:
        return x[..., top : x.shape[-2] - GRID + top, left : x.shape[-1] - GRID + left]

    return cut


@dataclass
class Stepper:
    """The inputs of a step.

    Attributes:
        model: the net, or its distributed wrapper.
        pictures: the style images that an arbitrary-style net learns from.
        teacher: the net to copy first.
        rank, world: rank of this process, and number of processes.
        half: compute in bfloat16 where that is safe.
    """

    recipe: Recipe
    state: TrainingState
    model: nn.Module
    loss: PerceptualLoss
    styles: StyleSampler
    pictures: StyleSet | None
    teacher: Teacher | None
    rank: int
    world: int
    half: bool

    def autocast(self, device: torch.device) -> AbstractContextManager[object]:
        return torch.autocast(device.type, torch.bfloat16) if self.half else nullcontext()

    def copies(self, share: float) -> bool:
        """Whether a teacher is copied when `share` of the run is done."""
        return self.teacher is not None and share < self.recipe.run.distill / self.recipe.run.steps

    def descend(self, batch: Tensor, share: float, rate: float) -> tuple[Tensor, dict[str, Tensor], Tensor, Tensor]:
        """Update the net once on `batch`, (N, 3, H, W), with learning rate `rate`.

        Returns:
            From before the update: the styles of the pictures, (N,), their loss terms, (N,) each, the gradient norm,
            (), and the results, (N, 3, H, W).
        """
        state, optim = self.state, self.recipe.optim
        for group in state.optimizer.param_groups:
            group["lr"] = rate * group["share"]
        first = (state.step * self.world + self.rank) * len(batch)
        self.loss.redraw(first)
        with self.autocast(batch.device):
            style, output, terms, each = self._forward(batch, first, share)
        each.mean().backward()
        norm = nn.utils.clip_grad_norm_(state.net.parameters(), optim.clip)
        state.optimizer.step()
        state.optimizer.zero_grad()
        state.step += 1
        if COPY not in terms:
            state.balance.observe(style, terms["style"])
        # A short memory at first, so that the random start does not stay in the average.
        decay = min(self.recipe.run.ema, state.step / (state.step + 9))
        with torch.no_grad():
            torch._foreach_lerp_(list(state.average.parameters()), list(state.net.parameters()), 1 - decay)
        terms = {name: value.detach() for name, value in ({"total": each} | terms).items()}
        return style, terms, norm.detach(), output.detach()

    def _forward(self, batch: Tensor, first: int, share: float) -> tuple[Tensor, Tensor, dict[str, Tensor], Tensor]:
        """Return the styles, results and terms of a step, and the loss of each picture, (N,)."""
        state = self.state
        if self.teacher is not None and self.copies(share):
            style, code = self.styles.choose(state.net, batch, first)
            output = self.model(batch, code)
            terms = {COPY: self.teacher.errors(output, batch, style)}
            return style.to(batch.device, non_blocking=True), output, terms, terms[COPY]
        look = shift(self.recipe.run.seed, state.step)
        draw = self.styles.draw(state.net, self.loss, look(batch), first, share)
        output, unsteady = self._stylize(batch, draw.code, first)
        terms = self.loss.terms(look(output), draw.targets, draw.style)
        each = self.loss.total(terms, state.balance.coefficients(draw.style))
        each = sum(draw.terms.values(), each)
        terms |= draw.terms
        if unsteady is not None:
            each = each + self.recipe.loss.consistency * unsteady
            terms["consistency"] = unsteady
        return draw.style, output, terms, each

    def _stylize(self, batch: Tensor, code: Tensor | None, first: int) -> tuple[Tensor, Tensor | None]:
        """Return the stylized `batch`, and the consistency errors, (N,), if the recipe has that term."""
        if not self.recipe.loss.consistency:
            return self.model(batch, code), None
        view = draw_view(batch, np.random.default_rng([self.recipe.run.seed, 7, first]))
        both = torch.cat([batch, view.photograph(batch)])
        output, again = self.model(both, code if code is None else torch.cat([code, code])).chunk(2)
        return output, view.error(output, again)
