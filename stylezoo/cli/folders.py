"""Options for stylizing whole folders: the engine, and resuming a run."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

import click

from stylezoo._files import sha256_of
from stylezoo.cli.console import say
from stylezoo.errors import OptionError
from stylezoo.stylizer.batch import ENGINES, Job, Manifest
from stylezoo.stylizer.batch.manifest import MANIFEST
from stylezoo.zoo.spec import ModelSpec

Command = TypeVar("Command", bound=Callable[..., Any])

OPTIONS = (
    click.option(
        "--engine",
        type=click.Choice(ENGINES),
        default="auto",
        help="Run serially, in a pool of processes, or on a Ray cluster.",
    ),
    click.option("--workers", type=click.IntRange(min=1), metavar="N", help="Number of processes.  [default: auto]"),
    click.option("--resume", is_flag=True, help="Stylize only what is missing in the folder OUT."),
)


def folder_options(command: Command) -> Command:
    """Add the options."""
    for option in reversed(OPTIONS):
        command = option(command)
    return command


def open_manifest(
    jobs: list[Job], facts: Callable[[Job], Mapping[str, Any]], *, resume: bool, force: bool
) -> tuple[list[Job], Manifest | None]:
    """Return the jobs left to do, and the manifest of their folder (None for a single picture).

    Raises:
        OptionError: with `resume`, the output is not a folder, or its manifest does not match the jobs.
    """
    folder = jobs[0].root  # the same for all jobs
    if folder is None:
        if resume:
            raise OptionError("--resume needs a folder: name one with --output instead of -")
        return jobs, None
    if len(jobs) == 1 and not resume and not (folder / MANIFEST).exists():
        return jobs, None
    manifest = Manifest(folder, facts)
    if not resume:
        return jobs, manifest
    missing = manifest.missing(jobs, force=force)
    if done := len(jobs) - len(missing):
        say(f"{done} of {len(jobs)} pictures are already done")
    return missing, manifest


@contextmanager
def advising(manifest: Manifest | None) -> Iterator[None]:
    """After an interruption, say how to resume."""
    try:
        yield
    except KeyboardInterrupt:
        if manifest:
            say(f"{manifest.stylized} of {manifest.planned} pictures are done: add --resume to continue")
        raise


def weights_hash(spec: ModelSpec, file: Path | None) -> str | None:
    """Return the SHA-256 of a model's weights; None if it has none."""
    if spec.weights:
        return spec.weights.sha256
    return sha256_of(file) if file else None
