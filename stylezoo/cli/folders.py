"""Options of commands that stylize whole folders: which engine, and going on where a run stopped."""

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
        help="How: one after another (serial), by processes (pool), or on a Ray cluster.  [default: as suits]",
        show_default=False,
    ),
    click.option("--workers", type=click.IntRange(min=1), metavar="N", help="How many processes.  [default: as suits]"),
    click.option("--resume", is_flag=True, help="Go on in the folder OUT: stylize what is not yet there."),
)


def folder_options(command: Command) -> Command:
    """Add the options."""
    for option in reversed(OPTIONS):
        command = option(command)
    return command


def open_manifest(
    jobs: list[Job], facts: Callable[[Job], Mapping[str, Any]], *, resume: bool, force: bool
) -> tuple[list[Job], Manifest | None]:
    """Return the jobs that are to be done, and the manifest of their folder, which a single picture does not need.

    Raises OptionError where `resume` is asked for and the jobs cannot be compared with what is there.
    """
    folder = jobs[0].root  # of all: only one picture can go elsewhere
    if folder is None:
        if resume:
            raise OptionError("--resume goes on in a folder: name one with --output in place of -")
        return jobs, None
    if len(jobs) == 1 and not resume and not (folder / MANIFEST).exists():
        return jobs, None
    manifest = Manifest(folder, facts)
    if not resume:
        return jobs, manifest
    missing = manifest.missing(jobs, force=force)
    if done := len(jobs) - len(missing):
        say(f"{done} of {len(jobs)} pictures are done already")
    return missing, manifest


@contextmanager
def advising(manifest: Manifest | None) -> Iterator[None]:
    """Tell whoever interrupts how to go on."""
    try:
        yield
    except KeyboardInterrupt:
        if manifest:
            say(f"{manifest.stylized} of {manifest.planned} pictures are done: the same command with --resume goes on")
        raise


def weights_hash(spec: ModelSpec, file: Path | None) -> str | None:
    """Return the SHA-256 of a model's weights; None: it has none."""
    if spec.weights:
        return spec.weights.sha256
    return sha256_of(file) if file else None
