"""A job: one picture to stylize, its input and its output."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path, PurePosixPath


@dataclass(frozen=True)
class Job:
    """One picture to stylize.

    Attributes:
        source: the input file; None for stdin.
        target: the output file; None for stdout.
        format: format of the output, such as 'png' or 'jpeg'.
        label: label of the style, if there are several.
        folder: subfolder of the output folder that has the target; "" for the output folder itself.
    """

    source: Path | None
    target: Path | None
    format: str
    label: str = ""
    folder: str = ""

    @property
    def name(self) -> str:
        """The target relative to the output folder, as in the manifest; "" for stdout."""
        return "" if self.target is None else (PurePosixPath(self.folder) / self.target.name).as_posix()

    @property
    def root(self) -> Path | None:
        """The output folder; None for stdout."""
        return None if self.target is None else self.target.parents[len(PurePosixPath(self.folder).parts)]

    @property
    def input(self) -> str:
        """The input as the user would write it."""
        return "-" if self.source is None else str(self.source)

    @property
    def output(self) -> str:
        """The output as the user would write it."""
        return "-" if self.target is None else str(self.target)
