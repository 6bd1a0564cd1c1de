from __future__ import annotations

import hashlib
import io
from pathlib import Path
from zipfile import ZIP_STORED, ZipFile, ZipInfo

import pytest
from PIL import Image

from stylezoo.data import photos
from stylezoo.data.fetch import part_of
from stylezoo.data.images import list_photos
from stylezoo.data.photos import fetch_photos, photo_folder, unpack
from stylezoo.errors import DataError
from stylezoo.images.io import encode


def picture(colour: str) -> bytes:
    return encode(Image.new("RGB", (32, 32), colour), "jpeg")


def zipped(members: dict[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with ZipFile(buffer, "w", ZIP_STORED) as bundle:
        for name, content in members.items():
            bundle.writestr(name, content)
    return buffer.getvalue()


ARCHIVE = zipped({"val2017/": b"", "val2017/1.jpg": picture("red"), "val2017/2.jpg": picture("blue"), "README": b"-"})


@pytest.fixture
def site(web, monkeypatch: pytest.MonkeyPatch):
    """A server with a set of two photos."""
    web.files["/val2017.zip"] = ARCHIVE
    monkeypatch.setattr(photos, "URL", f"{web.url}/val2017.zip")
    monkeypatch.setattr(photos, "MD5", hashlib.md5(ARCHIVE).hexdigest())
    return web


def names(folder: Path) -> list[str]:
    return sorted(str(p.relative_to(folder)) for p in folder.rglob("*") if p.is_file())


def test_the_photos_are_unpacked_and_the_archive_is_gone(site, tmp_path: Path) -> None:
    said: list[str] = []
    fetch_photos(tmp_path, tell=said.append)
    assert names(tmp_path) == ["content/val2017/1.jpg", "content/val2017/2.jpg"]
    assert len(list_photos(tmp_path / "content")) == 2
    (line,) = said
    assert site.url in line and "MB" in line
    fetch_photos(tmp_path, tell=said.append)
    assert len(site.asked) == 1


def test_the_set_is_the_published_one() -> None:
    assert photos.URL == "http://images.cocodataset.org/zips/val2017.zip"
    assert photos.MD5 == "442b8da7639aecaf257c1dceb8ba8c80"


def test_the_wrong_archive_is_refused_and_not_kept(site, tmp_path: Path) -> None:
    site.files["/val2017.zip"] = ARCHIVE[:-1] + b"?"
    with pytest.raises(DataError, match=r"val2017\.zip: the md5"):
        fetch_photos(tmp_path, tell=print)
    assert names(tmp_path) == []


def test_a_stopped_call_goes_on_where_it_was(site, tmp_path: Path) -> None:
    part_of(photos.URL, tmp_path / "val2017.zip").write_bytes(ARCHIVE[:500])
    fetch_photos(tmp_path, tell=print)
    assert [wanted for _, wanted, _ in site.asked] == ["bytes=500-"]
    assert names(tmp_path) == ["content/val2017/1.jpg", "content/val2017/2.jpg"]


def test_a_call_stopped_while_it_unpacked_does_not_download_again(site, tmp_path: Path) -> None:
    (tmp_path / "val2017.zip").write_bytes(ARCHIVE)
    (tmp_path / ".val2017-unpacking").mkdir()
    (tmp_path / ".val2017-unpacking" / "1.jpg").write_bytes(b"half")
    fetch_photos(tmp_path, tell=print)
    assert site.asked == []
    assert names(tmp_path) == ["content/val2017/1.jpg", "content/val2017/2.jpg"]
    assert (photo_folder(tmp_path) / "1.jpg").read_bytes() == picture("red")


def test_too_small_a_disk_stops_it_before_anything_comes(site, tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr(photos.shutil, "disk_usage", lambda _: photos.shutil._ntuple_diskusage(9, 9, len(ARCHIVE)))
    with pytest.raises(DataError, match=r"MB free.* are needed.*--to DIR"):
        fetch_photos(tmp_path, tell=print)
    assert names(tmp_path) == []


@pytest.mark.parametrize("name", ["../out.jpg", "a/../../out.jpg", "/out.jpg", "..\\out.jpg", "C:out.jpg"])
def test_a_member_that_would_leave_the_folder_stops_it(tmp_path: Path, name: str) -> None:
    archive = tmp_path / "data" / "a.zip"
    archive.parent.mkdir()
    archive.write_bytes(zipped({"fine.jpg": picture("red"), name: picture("blue")}))
    with pytest.raises(DataError, match=r"a\.zip was not unpacked: its member .*out\.jpg'"):
        unpack(archive, tmp_path / "data" / "photos", tmp_path / "data" / "work")
    assert names(tmp_path) == ["data/a.zip"]


def test_a_link_in_the_archive_stops_it(tmp_path: Path) -> None:
    link = ZipInfo("link.jpg")
    link.external_attr = 0o120777 << 16
    with ZipFile(tmp_path / "a.zip", "w") as bundle:
        bundle.writestr(link, "/etc/passwd")
    with pytest.raises(DataError, match=r"link\.jpg"):
        unpack(tmp_path / "a.zip", tmp_path / "photos", tmp_path / "work")


@pytest.mark.parametrize(
    "content",
    [b"no zip", ARCHIVE.replace(picture("red")[-100:], bytes(100)), zipped({"a": b""})],
    ids=["no archive", "damaged", "empty"],
)
def test_a_damaged_or_empty_archive_leaves_nothing(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "a.zip").write_bytes(content)
    with pytest.raises(DataError, match=r"(a\.zip is a damaged archive|no pictures in .*a\.zip)"):
        unpack(tmp_path / "a.zip", tmp_path / "photos", tmp_path / "work")
    assert names(tmp_path) == ["a.zip"]
