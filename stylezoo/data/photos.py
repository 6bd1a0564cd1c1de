"""A standard set of photos to train and measure on: the 5,000 of COCO's val2017."""

from __future__ import annotations

import hashlib
import shutil
import stat
import sys
from collections.abc import Callable
from pathlib import Path, PurePosixPath
from zipfile import BadZipFile, ZipFile, ZipInfo

from tqdm import tqdm

from stylezoo.data.fetch import download
from stylezoo.data.images import SUFFIXES
from stylezoo.errors import DataError

NAME = "val2017"
URL = "http://images.cocodataset.org/zips/val2017.zip"  # as it is published; the md5 stands in for TLS
MD5 = "442b8da7639aecaf257c1dceb8ba8c80"


def photo_folder(data: Path) -> Path:
    """Return where the set lies in the data folder `data`. It is there whole or not at all."""
    return data / "content" / NAME


def fetch_photos(data: Path, *, tell: Callable[[str], None], progress: bool = False) -> None:
    """Fetch the set into the data folder `data`, unless it is there.

    The archive is removed once it is unpacked. A call that was stopped goes on where it was.

    Args:
        tell: is called with how much there is to download.
        progress: show bars on stderr where that is a terminal.

    Raises:
        DataError: it cannot be downloaded, its hash differs, or the disk has too little space.
    """
    archive = data / f"{NAME}.zip"
    if photo_folder(data).is_dir():
        return
    if not _has_md5(archive):

        def starting(total: int | None, have: int) -> None:
            if total is None:
                return tell(f"downloading {URL}, of unknown size")
            there = f", of which {have / 1e6:,.0f} MB are there" if have else ""
            tell(f"downloading {URL}: {total / 1e6:,.0f} MB{there}, plus about as much to unpack")
            _check_room(data, 2 * total - have)  # photos do not compress: unpacked they take what the archive takes

        download(URL, archive, _check_archive, starting=starting, progress=progress)
    unpack(archive, photo_folder(data), data / f".{NAME}-unpacking", progress=progress)
    archive.unlink()


def unpack(archive: Path, target: Path, workplace: Path, *, progress: bool = False) -> None:
    """Unpack the pictures of a zip file into the folder `target`, which is there whole in the end or not at all.

    `workplace` is a folder on the same disk that may be emptied. The archive's own folder, val2017/, is left out.

    Raises:
        DataError: the archive is damaged or unsafe (members outside of it, or links); nothing is left then.
    """
    shutil.rmtree(workplace, ignore_errors=True)
    try:
        with ZipFile(archive) as bundle:
            members = {_inside(m, archive): m for m in bundle.infolist() if not m.is_dir()}
            pictures = {path: m for path, m in members.items() if path.suffix.lower() in SUFFIXES}
            if not pictures:
                raise DataError(f"no pictures in {archive}: delete it and try again")
            _check_room(archive.parent, sum(m.file_size for m in pictures.values()))
            for path, member in tqdm(
                pictures.items(), "unpacking", leave=False, file=sys.stderr, disable=None if progress else True
            ):
                place = workplace / (path.relative_to(NAME) if path.parts[0] == NAME else path)
                place.parent.mkdir(parents=True, exist_ok=True)
                with bundle.open(member) as source, place.open("wb") as copy:
                    shutil.copyfileobj(source, copy)
        target.parent.mkdir(parents=True, exist_ok=True)
        workplace.rename(target)
    except (BadZipFile, EOFError, NotImplementedError) as cause:
        raise DataError(f"{archive} is a damaged archive ({cause}): delete it and try again") from cause
    finally:
        shutil.rmtree(workplace, ignore_errors=True)


def _inside(member: ZipInfo, archive: Path) -> PurePosixPath:
    """Return a member's path, which stays within the folder that it is unpacked to; raise DataError if it leaves it."""
    path = PurePosixPath(member.filename)
    link = stat.S_ISLNK(member.external_attr >> 16)
    if path.is_absolute() or ".." in path.parts or not path.parts or set(member.filename) & set("\\:\0") or link:
        raise DataError(
            f"{archive} was not unpacked: its member '{member.filename}' points outside the folder: delete it"
        )
    return path


def _check_archive(path: Path) -> None:
    if not _has_md5(path):
        raise DataError(f"the md5 of the download is not {MD5}: the file is damaged or another one: try again")


def _has_md5(path: Path) -> bool:
    if not path.is_file():
        return False
    with path.open("rb") as file:  # md5 is what the publisher states
        return hashlib.file_digest(file, lambda: hashlib.md5(usedforsecurity=False)).hexdigest() == MD5


def _check_room(folder: Path, needed: int) -> None:
    free = shutil.disk_usage(folder).free
    if needed > free:
        raise DataError(
            f"{folder} has {free / 1e6:,.0f} MB free, but {needed / 1e6:,.0f} MB are needed: free some space, or "
            "choose another disk with --to DIR"
        )
