"""The run folder: its file names, and whether a run may start or resume there."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from stylezoo._files import LOCK, lock, replacing
from stylezoo.errors import TrainingError
from stylezoo.recipe import Recipe
from stylezoo.train.processes import agree
from stylezoo.train.recipe import from_yaml
from stylezoo.train.same_run import prolongs, same_run

RECIPE, LOG, SAMPLES = "recipe.yaml", "log.jsonl", "samples"
CHECKPOINT, WEIGHTS = "checkpoint.safetensors", "weights.safetensors"
BEFORE_END = "annealing.safetensors"
"""The checkpoint before a constant learning rate starts to fall, from which a run can be extended."""


@contextmanager
def locked(folder: Path, first: bool) -> Iterator[None]:
    """Keep other runs out of a run folder; `first`: whether this is the process that writes.

    Raises:
        OptionError: another process trains in the folder.
    """
    if not first:
        yield
        return
    there = folder.exists()
    release = lock(folder / LOCK, f"run folder '{folder}'", "--out")
    try:
        yield
    finally:
        release()
        if not there:
            with suppress(OSError):  # it is not empty
                folder.rmdir()


def open_folder(folder: Path, recipe: Recipe, *, resume: bool, first: bool) -> Path | None:
    """Write a run's recipe into its folder, and return the checkpoint to resume from, or None.

    Args:
        first: whether this is the process that writes.

    Raises:
        TrainingError: the folder has another run, or with `resume` none.
    """
    record, checkpoint, before_end = folder / RECIPE, folder / CHECKPOINT, folder / BEFORE_END
    longer = False
    if record.exists():
        if not resume and checkpoint.exists():
            raise TrainingError(f"{folder} has a run: resume it with --resume, or choose another --out")
        before = from_yaml(record)
        longer = prolongs(before, recipe)
        if resume and not longer and (changed := same_run(before, recipe)):
            raise TrainingError(
                f"{folder} has a run of another recipe ({', '.join(changed[:4])} differ): choose another --out"
            )
    elif resume:
        raise TrainingError(f"{folder} has no run to resume: leave --resume out")
    if first:
        if not checkpoint.exists():
            for path in (folder / LOG, before_end):
                path.unlink(missing_ok=True)
        elif longer and before_end.exists():
            before_end.replace(checkpoint)  # before the recipe: if killed in between, either recipe can resume
        with replacing(record) as temporary:
            temporary.write_text(recipe.to_yaml(), encoding="utf-8")
    agree([0.0])  # wait until the first process has prepared the folder
    return checkpoint if checkpoint.exists() else None
