"""Which picture goes where: every input and output is settled and checked before a model is loaded."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from stylezoo._files import exists
from stylezoo.cli.console import say
from stylezoo.errors import ImageError, OptionError
from stylezoo.images.folder import PICTURES, ending, has_more, list_pictures
from stylezoo.stylizer.batch.job import Job
from stylezoo.stylizer.batch.manifest import MANIFEST

FORMATS = {
    "png": "png",
    "jpg": "jpeg",
    "jpeg": "jpeg",
    "jfif": "jpeg",
    "jpe": "jpeg",
    "jif": "jpeg",
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

_ENDINGS = ", ".join(f".{name}" for name in FORMATS)
_AS_JPEG = {"heic", "heif", "hif", "mpo"}  # photos; other formats that are not written become PNG, which keeps alpha


def plan(
    inputs: Sequence[str],
    output: str,
    *,
    labels: Sequence[str] = (),
    format: str | None = None,
    force: bool = False,
    recursive: bool = False,
) -> list[Job]:
    """Return a job for every picture that `inputs` name, in their order.

    `inputs` are files, folders (every picture in them, sorted by name; `recursive`: and in those below, whose results
    go to folders of the same names) and '-' for stdin. `output` is a file for one
    picture, a folder for several or for a folder, or '-' for stdout. `format`, one of FORMATS, replaces the one that
    the names state. With `labels` each picture has a job for each, `<picture>_<label>`, and `output` is a folder.

    Raises ImageError for an input that does not exist or holds no picture, and OptionError for an output whose format
    is unknown, that two inputs share, that is an input itself, or that exists (unless `force`).
    """
    sources = list(find_sources(inputs, recursive=recursive, without=Path(output)))
    if not output:
        raise OptionError("--output is empty: name a file, or a folder for several pictures")
    if output == "-":
        if (count := len(sources) * len(labels or "-")) > 1:
            raise OptionError(f"stdout takes one picture, not {count}: name a folder with --output")
        jobs = [Job(sources[0].path, None, format or _ending(sources[0].path) or "png", *labels)]
    elif (
        len(sources) > 1
        or labels
        or Path(output).is_dir()
        or output.endswith("/")
        or any(Path(i).is_dir() for i in inputs)
    ):
        jobs = list(_into_folder(sources, output, format, labels or ("",)))
    else:
        jobs = [_to_file(sources[0].path, output, format)]
    _check(jobs, force)
    return jobs


class Source(NamedTuple):
    """A picture to read, None being stdin, and the subfolder of a folder IN in which it is."""

    path: Path | None
    folder: str = ""


def find_sources(
    inputs: Sequence[str], *, recursive: bool | None = None, without: Path | None = None
) -> Iterator[Source]:
    """Yield the pictures that `inputs` name, see `plan`; those in the folder `without` are no inputs."""
    if inputs.count("-") > 1:
        raise OptionError("stdin ('-') can be read only once")
    if recursive and not any(name and Path(name).is_dir() for name in inputs):
        raise OptionError("--recursive is for folders, and IN names none: leave it out")
    for name in inputs:
        path = Path(name)
        if name == "-":
            yield Source(None)
        elif not name:  # an unset variable of a script: to Path it is the folder that one is in
            raise ImageError("no such file or folder: ''")
        elif path.is_dir():
            for picture in pictures_in(path, recursive=recursive, without=without):
                folder = picture.parent.relative_to(path).as_posix()
                yield Source(picture, "" if folder == "." else folder)
        elif exists(path):  # which takes a name that is too long for one that does not exist
            yield Source(path)
        else:
            raise ImageError(f"no such file or folder: '{name}'")


def pictures_in(folder: Path | str, *, recursive: bool | None = None, without: Path | None = None) -> list[Path]:
    """Return the pictures of a folder, sorted by name. Raises ImageError if there are none.

    A line on stderr says where subfolders have more; `recursive` None: the command has no such option.
    """
    found = list_pictures(folder, recursive=bool(recursive), without=without)
    remedy = "" if recursive is None else ": --recursive reads them"
    more = not recursive and has_more(folder)
    if not found:
        hint = f"; there are some in its subfolders{remedy}" if more else ""
        raise ImageError(f"no pictures in folder '{folder}': looked for names in {_ENDINGS} and others{hint}")
    if more:
        say(f"the pictures in subfolders of '{folder}' are left out{remedy}")
    return found


def _ending(path: Path | None) -> str | None:
    """Return the key of FORMATS that a name ends with, or None."""
    found = ending(path) if path else ""
    return found if found in FORMATS else None


def _written(path: Path) -> str | None:
    """Return in which of FORMATS a result is that nobody named one for: that of the input, or one like it."""
    known = ending(path)
    if known in FORMATS or known not in PICTURES:
        return _ending(path)
    return "jpg" if known in _AS_JPEG else "png"


def _into_folder(sources: list[Source], output: str, format: str | None, labels: Sequence[str]) -> Iterator[Job]:
    folder = Path(output)
    if folder.exists() and not folder.is_dir():
        raise OptionError(f"--output '{output}' is a file, but {len(sources) * len(labels)} pictures need a folder")
    if not folder.exists() and _ending(folder):
        raise OptionError(
            f"--output '{output}' looks like a file, but several pictures need a folder: drop the suffix, or "
            "draw them on one page by stylezoo sheet"
        )
    for source in sources:
        path = source.path or Path("stdin.png")
        own = _ending(path)
        if format is None and own is None and (like := _written(path)):
            suffix, kind = f".{like}", like
        elif format is None and own is None:
            raise OptionError(f"'{path.name}' names no format that can be written: pass --format, such as --format png")
        elif format is None or (own and FORMATS[own] == FORMATS[format]):
            suffix, kind = path.suffix, own or "png"  # photo.JPEG stays photo.JPEG, unless the format changes
        else:
            suffix, kind = f".{format}", format
        for label in labels:
            stem = f"{path.stem}_{label}" if label else path.stem
            yield Job(source.path, folder / source.folder / f"{stem}{suffix}", kind, label, source.folder)


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
        if exists(target) and target.is_dir():
            raise OptionError(f"'{job.output}' is a folder, but '{job.input}' would be written there")
        if exists(target) and not force:
            go_on = "--resume to stylize only what is missing, " if (target.parent / MANIFEST).exists() else ""
            raise OptionError(f"'{job.output}' exists: pass {go_on}--force to overwrite it, or choose another --output")
        blocked = next((p for p in target.parents if exists(p)), None)
        if blocked and not blocked.is_dir():
            raise OptionError(f"cannot write '{job.output}': '{blocked}' is not a folder")
