"""Resolve inputs and outputs, and check them before a model is loaded."""

from __future__ import annotations

import mimetypes
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import click
from click.core import ParameterSource

from stylezoo._files import exists, real_path
from stylezoo.cli.console import say
from stylezoo.errors import ImageError, OptionError
from stylezoo.images.folder import PICTURES, ending, has_more, linked_folders, list_pictures
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
"""Suffix -> format."""

WITH_QUALITY = {"jpeg", "webp", "avif"}
_ENDINGS = ", ".join(f".{name}" for name in FORMATS)
_AS_JPEG = {"heic", "heif", "hif", "mpo"}  # photos; other formats that cannot be written become PNG, which keeps alpha


def plan(
    inputs: Sequence[str],
    output: str,
    *,
    labels: Sequence[str] = (),
    format: str | None = None,
    force: bool = False,
    recursive: bool = False,
) -> list[Job]:
    """Return one job per picture, in the order of `inputs`.

    Args:
        inputs: files, folders (every picture in them, sorted by name) and '-' for stdin.
        output: a file for one picture, a folder for several pictures, or '-' for stdout.
        labels: make one job per picture and label, named `<picture>_<label>`; `output` is then a folder.
        format: one of FORMATS; overrides the format of the file names.
        force: allow outputs that exist.
        recursive: include subfolders; the results go into subfolders of the same names.

    Raises:
        ImageError: an input does not exist, or a folder has no pictures.
        OptionError: an output has an unknown format, is shared by two inputs, is itself an input, or exists.
    """
    sources = list(find_sources(inputs, recursive=recursive, without=Path(output)))
    if not output:
        raise OptionError("--output is empty: name a file or folder")
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


def check_quality(jobs: Iterable[Job]) -> None:
    """Raise OptionError if --quality was given and no job writes a format that has a quality."""
    given = click.get_current_context().get_parameter_source("quality") is ParameterSource.COMMANDLINE
    formats = {FORMATS[job.format] for job in jobs}
    if given and not formats & WITH_QUALITY:
        raise OptionError(f"--quality is for JPEG, WebP and AVIF, not for {', '.join(sorted(formats))}: leave it out")


class Source(NamedTuple):
    """A picture to read (None: stdin), and its subfolder within a folder IN."""

    path: Path | None
    folder: str = ""


def find_sources(
    inputs: Sequence[str], *, recursive: bool | None = None, without: Path | None = None
) -> Iterator[Source]:
    """Yield the pictures of `inputs`, see `plan`; skip the folder `without`."""
    if inputs.count("-") > 1:
        raise OptionError("stdin ('-') can be read only once")
    if recursive and not any(name and Path(name).is_dir() for name in inputs):
        raise OptionError("--recursive needs a folder as IN: leave it out")
    for name in inputs:
        path = Path(name)
        if name == "-":
            yield Source(None)
        elif not name:  # an unset shell variable; Path("") would be the current folder
            raise ImageError("no such file or folder: ''")
        elif path.is_dir():
            for picture in pictures_in(path, recursive=recursive, without=without):
                folder = picture.parent.relative_to(path).as_posix()
                yield Source(picture, "" if folder == "." else folder)
        elif exists(path):  # a name that is too long does not exist either
            yield Source(path)
        else:
            raise ImageError(f"no such file or folder: '{name}'")


def pictures_in(folder: Path | str, *, recursive: bool | None = None, without: Path | None = None) -> list[Path]:
    """Return the pictures of a folder, sorted by name; say on stderr if subfolders have more.

    `recursive` is None for commands without that option.

    Raises:
        ImageError: the folder has no pictures.
    """
    found = list_pictures(folder, recursive=bool(recursive), without=without)
    remedy = "" if recursive is None else ": use --recursive to include them"
    more = not recursive and has_more(folder)
    if not found:
        hint = f"; its subfolders have some{remedy}" if more else ""
        raise ImageError(f"no pictures in folder '{folder}': looked for {_ENDINGS} and others{hint}")
    if more:
        say(f"skipped the pictures in subfolders of '{folder}'{remedy}")
    if recursive and (links := linked_folders(folder, without)):
        say(f"skipped {len(links)} linked folders, such as '{links[0]}': name them as IN to include them")
    return found


def _ending(path: Path | None) -> str | None:
    """Return the key of FORMATS for a file's suffix, or None."""
    found = ending(path) if path else ""
    return found if found in FORMATS else None


def _is_clip(name: str) -> bool:
    """Whether a file's name is that of a video."""
    return (mimetypes.guess_type(name)[0] or "").startswith("video/")


def _default_format(path: Path) -> str | None:
    """Return the default format of a result: that of the input, or a similar one that can be written."""
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
            "use stylezoo sheet to draw them on one page"
        )
    for source in sources:
        path = source.path or Path("stdin.png")
        own = _ending(path)
        if format is None and own is None and (like := _default_format(path)):
            suffix, kind = f".{like}", like
        elif format is None and own is None and _is_clip(path.name):
            raise OptionError(f"'{path.name}' is a clip: use stylezoo video")
        elif format is None and own is None:
            raise OptionError(f"cannot write the format of '{path.name}': pass --format, such as --format png")
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
    if chosen is None and _is_clip(output):
        raise OptionError(f"--output '{output}' is a clip: use stylezoo video")
    if chosen is None:
        raise OptionError(f"--output '{output}' has no known suffix: use {_ENDINGS}, or pass --format")
    return Job(source, target, chosen)


def _check(jobs: list[Job], force: bool) -> None:
    writers: dict[Path, str] = {}
    read = {real_path(job.source) for job in jobs if job.source}
    for job in jobs:
        if job.target is None:
            continue
        target = real_path(job.target)
        if target in writers:
            raise OptionError(
                f"'{writers[target]}' and '{job.input}' would both be written to '{job.output}': rename one"
            )
        writers[target] = job.input
        if target in read:
            raise OptionError(f"'{job.output}' is an input and is never overwritten: choose another --output")
        if exists(target) and target.is_dir():
            raise OptionError(f"'{job.output}' is a folder, but '{job.input}' would be written there")
        if exists(target) and not force:
            go_on = "--resume to stylize only the missing ones, " if (target.parent / MANIFEST).exists() else ""
            raise OptionError(f"'{job.output}' exists: pass {go_on}--force to overwrite it, or choose another --output")
        parent = next((p for p in target.parents if exists(p)), None)
        if parent and not parent.is_dir():
            raise OptionError(f"cannot write '{job.output}': '{parent}' is not a folder")
