"""The log of a run: one line for every few steps."""

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

COPY = "copy"  # name of the term while a teacher is copied
SHOWN = (COPY, "content", "style", "consistency")  # in the progress bar


@dataclass
class Window:
    """The steps since the last log line, kept on the training device.

    Reading a number from a GPU synchronizes with it, so steps read nothing: a non-finite loss is found when the window
    is read, before each log line, checkpoint and sample.
    """

    styles: list[Tensor] = field(default_factory=list)
    terms: list[dict[str, Tensor]] = field(default_factory=list)
    norms: list[Tensor] = field(default_factory=list)
    rates: list[float] = field(default_factory=list)

    @property
    def copies(self) -> bool:
        """Whether a teacher was copied."""
        return COPY in self.terms[0]

    def add(self, style: Tensor, terms: dict[str, Tensor], norm: Tensor, rate: float) -> None:
        """Add a step: the styles and terms of its pictures, (N,) each, its gradient norm and learning rate."""
        self.styles.append(style)
        self.terms.append(terms)
        self.norms.append(norm)
        self.rates.append(rate)

    def check(self, name: str, step: int) -> None:
        """Raise TrainingError if a loss or gradient in the window, which ends at `step`, is not finite."""
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
        """Return the means over the pictures of all processes, and the style term's means by style.

        Pictures that should be the photo do not count, unless all should.
        """
        style = torch.cat(self.styles)
        terms = {name: torch.cat([terms[name] for terms in self.terms]) for name in self.terms[0]}
        counted = torch.stack([style != PHOTO, torch.ones_like(style, dtype=torch.bool)])
        sums = torch.stack([(term * counted).sum(dim=1) for term in terms.values()] + [counted.sum(dim=1)])
        each = torch.zeros(2, len(names) + 1, device=style.device)  # PHOTO, -1, is the last
        known = terms[COPY if COPY in terms else "style"].float()
        each[0].index_add_(0, style % (len(names) + 1), known)
        each[1].index_add_(0, style % (len(names) + 1), torch.ones_like(known))
        if distributed.is_available() and distributed.is_initialized():
            distributed.all_reduce(sums)
            distributed.all_reduce(each)
        sums = sums[:, 0] if sums[-1, 0] else sums[:, 1]
        means = sums[:-1] / sums[-1].clamp_min(1)
        line: dict[str, Any] = {name: round(mean, 6) for name, mean in zip(terms, means.tolist(), strict=True)}
        if len(names) > 1:
            seen = zip([*names, "photo"], each[0].tolist(), each[1].tolist(), strict=True)
            line["styles"] = {name: round(total / count, 6) for name, total, count in seen if count}
        return line


def append_line(path: Path, line: dict[str, Any]) -> None:
    """Append a line to the log."""
    with path.open("a", encoding="utf-8") as file:
        file.write(json.dumps(line) + "\n")


def truncate_log(path: Path, step: int) -> None:
    """Drop the lines after `step`: those steps were lost and will be repeated."""
    if path.exists():
        lines = path.read_text(encoding="utf-8").splitlines(keepends=True)
        kept = [line for line in lines if line.endswith("\n") and json.loads(line)["step"] <= step]
        with replacing(path) as temporary:
            temporary.write_text("".join(kept), encoding="utf-8")
