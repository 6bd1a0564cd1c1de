"""One picture to paint: where it comes from and where it goes."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Job:
    """One picture to paint.

    Attributes:
        source: its file; None for stdin.
        target: the file to write; None for stdout.
        format: of the file to write, such as 'png' or 'jpeg'.
        label: which of several styles it is painted in.
    """

    source: Path | None
    target: Path | None
    format: str
    label: str = ""

    @property
    def input(self) -> str:
        """The input as the user would write it."""
        return "-" if self.source is None else str(self.source)

    @property
    def output(self) -> str:
        """The output as the user would write it."""
        return "-" if self.target is None else str(self.target)
