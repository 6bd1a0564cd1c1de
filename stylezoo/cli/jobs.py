"""Which picture goes where: every input and output is settled and checked before a model is loaded."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from stylezoo.engines.job import Job
from stylezoo.engines.manifest import MANIFEST
from stylezoo.errors import ImageError, OptionError

FORMATS = {
    "png": "png",
    "jpg": "jpeg",
    "jpeg": "jpeg",
    "webp": "webp",
    "tif": "tiff",
    "tiff": "tiff",
    "avif": "avif",
    "jp2": "jpeg2000",
    "bmp": "bmp",
    "gif": "gif",
    "tga": "tga",
    "ppm": "ppm",
}
"""What a file's name ends with -> the format that is meant."""

_ENDINGS = ", ".join(f".{ending}" for ending in FORMATS)


def plan(
    inputs: Sequence[str],
    output: str,
    *,
    labels: Sequence[str] = (),
    format: str | None = None,
    force: bool = False,
) -> list[Job]:
    """Return a job for every picture that `inputs` name, in their order.

    `inputs` are files, folders (every picture in them, sorted by name) and '-' for stdin. `output` is a file for one
    picture, a folder for several or for a folder, or '-' for stdout. `format`, one of FORMATS, replaces the one that
    the names state. With `labels` each picture has a job for each, `<picture>_<label>`, and `output` is a folder.

    Raises ImageError for an input that does not exist or holds no picture, and OptionError for an output whose format
    is unknown, that two inputs share, that is an input itself, or that exists (unless `force`).
    """
    sources = list(find_sources(inputs))
    if not output:
        raise OptionError("--output is empty: name a file, or a folder for several pictures")
    if output == "-":
        if (count := len(sources) * len(labels or "-")) > 1:
            raise OptionError(f"stdout takes one picture, not {count}: name a folder with --output")
        jobs = [Job(sources[0], None, format or _ending(sources[0]) or "png", *labels)]
    elif (
        len(sources) > 1
        or labels
        or Path(output).is_dir()
        or output.endswith("/")
        or any(Path(i).is_dir() for i in inputs)
    ):
        jobs = list(_into_folder(sources, output, format, labels or ("",)))
    else:
        jobs = [_to_file(sources[0], output, format)]
    _check(jobs, force)
    return jobs


def find_sources(inputs: Sequence[str]) -> Iterator[Path | None]:
    """Yield the pictures that `inputs` name, see `plan`; None is stdin."""
    if inputs.count("-") > 1:
        raise OptionError("stdin ('-') can be read only once")
    for name in inputs:
        path = Path(name)
        if name == "-":
            yield None
        elif not name:  # an unset variable of a script: to Path it is the folder that one is in
            raise ImageError("no such file or folder: ''")
        elif path.is_dir():
            yield from pictures_in(path)
        elif path.exists():
            yield path
        else:
            raise ImageError(f"no such file or folder: '{name}'")


def pictures_in(folder: Path | str) -> list[Path]:
    """Return the pictures of a folder, sorted by name. Raises ImageError if there are none."""
    found = sorted(p for p in Path(folder).iterdir() if _ending(p) and p.is_file())
    if not found:
        raise ImageError(f"no pictures in folder '{folder}': looked for names in {_ENDINGS}")
    return found


def _ending(path: Path | None) -> str | None:
    """Return the key of FORMATS that a name ends with, or None."""
    ending = path.suffix.lower().lstrip(".") if path else ""
    return ending if ending in FORMATS else None


def _into_folder(sources: list[Path | None], output: str, format: str | None, labels: Sequence[str]) -> Iterator[Job]:
    folder = Path(output)
    if folder.exists() and not folder.is_dir():
        raise OptionError(f"--output '{output}' is a file, but {len(sources) * len(labels)} pictures need a folder")
    if not folder.exists() and _ending(folder):
        raise OptionError(
            f"--output '{output}' looks like a file, but several pictures need a folder: drop the suffix, or "
            "draw them on one page by stylezoo sheet"
        )
    for source in sources:
        path = source or Path("stdin.png")
        own = _ending(path)
        if format is None and own is None:
            raise OptionError(f"'{path.name}' names no format that can be written: pass --format, such as --format png")
        # photo.JPEG stays photo.JPEG, unless the format changes
        keep = format is None or (own and FORMATS[own] == FORMATS[format])
        suffix, kind = (path.suffix, own or "png") if keep else (f".{format}", format or "png")
        for label in labels:
            stem = f"{path.stem}_{label}" if label else path.stem
            yield Job(source, folder / f"{stem}{suffix}", kind, label)


def _to_file(source: Path | None, output: str, format: str | None) -> Job:
    target = Path(output)
    own = _ending(target)
    if format and own and FORMATS[format] != FORMATS[own]:
        raise OptionError(f"--format {format} contradicts the name of --output '{output}'")
    chosen = format or own
    if chosen is None:
        raise OptionError(f"--output '{output}' states no format: end its name in {_ENDINGS}, or pass --format")
    return Job(source, target, chosen)


def _check(jobs: list[Job], force: bool) -> None:
    writers: dict[Path, str] = {}
    read = {job.source.resolve() for job in jobs if job.source}
    for job in jobs:
        if job.target is None:
            continue
        target = job.target.resolve()
        if target in writers:
            raise OptionError(f"'{writers[target]}' and '{job.input}' would both become '{job.output}'")
        writers[target] = job.input
        if target in read:
            raise OptionError(f"'{job.output}' is an input and is never overwritten: choose another --output")
        if target.is_dir():
            raise OptionError(f"'{job.output}' is a folder, but '{job.input}' would be written there")
        if target.exists() and not force:
            go_on = "--resume to paint only what is missing, " if (target.parent / MANIFEST).exists() else ""
            raise OptionError(f"'{job.output}' exists: pass {go_on}--force to overwrite it, or choose another --output")
        blocked = next((p for p in target.parents if p.exists()), None)
        if blocked and not blocked.is_dir():
            raise OptionError(f"cannot write '{job.output}': '{blocked}' is not a folder")
