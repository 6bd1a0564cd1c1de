"""What a run writes of its progress: a line of the log for every few steps."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, distributed

from stylezoo._files import replacing
from stylezoo.errors import TrainingError
from stylezoo.losses.perceptual import PHOTO

COPY = "copy"  # the name of the term while a teacher's pictures are copied
SHOWN = (COPY, "content", "style", "consistency")  # on the progress bar


@dataclass
class Window:
    """The steps since the last line of the log, kept on the training device until the line is due.

    Reading a number from a GPU waits for all that it has to do, so nothing is read at each step: a loss that is not
    finite is found when the window is read, which is before each line, checkpoint and sample.
    """

    styles: list[Tensor] = field(default_factory=list)
    terms: list[dict[str, Tensor]] = field(default_factory=list)
    norms: list[Tensor] = field(default_factory=list)
    rates: list[float] = field(default_factory=list)

    @property
    def copies(self) -> bool:
        """Whether a teacher's pictures were copied."""
        return COPY in self.terms[0]

    def add(self, style: Tensor, terms: dict[str, Tensor], norm: Tensor, rate: float) -> None:
        """Take a step: its pictures' styles and terms, (N,) each, its gradient's norm and learning rate."""
        self.styles.append(style)
        self.terms.append(terms)
        self.norms.append(norm)
        self.rates.append(rate)

    def check(self, name: str, step: int) -> None:
        """Raise TrainingError if a loss or gradient of the window, which ends with `step`, is not finite."""
        if not self.norms:
            return
        finite = torch.isfinite(torch.stack(self.norms)).tolist()
        if all(finite):
            return
        first = finite.index(False)
        loss = self.terms[first]["total"].mean().item()
        raise TrainingError(
            f"{name}: the loss or its gradient is not finite at step {step - len(finite) + first + 1} "
            f"(loss {loss:g}, learning rate {self.rates[first]:g}); the last checkpoint is kept: "
            f"lower optim.lr or loss.style_weight, or set run.precision=fp32"
        )

    def means(self, names: list[str]) -> dict[str, Any]:
        """Return the means over all pictures, of all processes, and, of the style term, for each of the styles."""
        style = torch.cat(self.styles)
        terms = {name: torch.cat([terms[name] for terms in self.terms]) for name in self.terms[0]}
        stylized = (style != PHOTO).to(style.device)
        sums = torch.stack([(term * stylized).sum() for term in terms.values()] + [stylized.sum()])
        each = torch.zeros(2, len(names) + 1, device=style.device)  # PHOTO, -1, is the last
        known = terms[COPY if COPY in terms else "style"].float()
        each[0].index_add_(0, style % (len(names) + 1), known)
        each[1].index_add_(0, style % (len(names) + 1), torch.ones_like(known))
        if distributed.is_available() and distributed.is_initialized():
            distributed.all_reduce(sums)
            distributed.all_reduce(each)
        means = sums[:-1] / sums[-1].clamp_min(1)
        line: dict[str, Any] = {name: round(mean, 6) for name, mean in zip(terms, means.tolist(), strict=True)}
        if len(names) > 1:
            seen = zip([*names, "photo"], each[0].tolist(), each[1].tolist(), strict=True)
            line["styles"] = {name: round(total / count, 6) for name, total, count in seen if count}
        return line


def append_line(path: Path, line: dict[str, Any]) -> None:
    """Write a line of the log."""
    with path.open("a", encoding="utf-8") as file:
        file.write(json.dumps(line) + "\n")


def truncate_log(path: Path, step: int) -> None:
    """Drop the lines behind `step`: they are of work that the kill undid and that is done again."""
    if path.exists():
        lines = path.read_text(encoding="utf-8").splitlines(keepends=True)
        kept = [line for line in lines if line.endswith("\n") and json.loads(line)["step"] <= step]
        with replacing(path) as temporary:
            temporary.write_text("".join(kept), encoding="utf-8")
