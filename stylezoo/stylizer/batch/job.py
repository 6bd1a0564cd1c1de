"""One picture to stylize: where it comes from and where it goes."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path, PurePosixPath


@dataclass(frozen=True)
class Job:
    """One picture to stylize.

    Attributes:
        source: its file; None for stdin.
        target: the file to write; None for stdout.
        format: of the file to write, such as 'png' or 'jpeg'.
        label: which of several styles it is stylized in.
        folder: the subfolder of the output folder in which the target is, "" being that folder itself.
    """

    source: Path | None
    target: Path | None
    format: str
    label: str = ""
    folder: str = ""

    @property
    def name(self) -> str:
        """The target from the output folder on, as manifests call it; "" for stdout."""
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
