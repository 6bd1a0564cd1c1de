"""onnxruntime-web comes from the registry of npm, once, if its hash is right."""

from __future__ import annotations

import hashlib
import io
import tarfile
from pathlib import Path

import pytest

from stylezoo.errors import DataError
from stylezoo.web import ort


@pytest.fixture
def package(web, monkeypatch: pytest.MonkeyPatch) -> bytes:
    """A package on a server of this machine; not the one that is expected."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as archive:
        for name in (*ort.FILES, "other.js"):
            member = tarfile.TarInfo(f"package/dist/{name}")
            member.size = len(name)
            archive.addfile(member, io.BytesIO(name.encode()))
    web.files["/ort.tgz"] = buffer.getvalue()
    monkeypatch.setattr(ort, "URL", f"{web.url}/ort.tgz")
    return buffer.getvalue()


def test_it_is_downloaded_once(package: bytes, web, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(ort, "SHA512", hashlib.sha512(package).hexdigest())
    expected = {name: name.encode() for name in ort.FILES}
    assert ort.find_ort(None, tmp_path) == expected
    web.files.clear()
    assert ort.find_ort(None, tmp_path) == expected
    assert {path.name for path in tmp_path.rglob("*") if path.is_file()} == set(ort.FILES)


def test_another_package_is_refused(package: bytes, tmp_path: Path) -> None:
    with pytest.raises(DataError, match="SHA-512"):
        ort.find_ort(None, tmp_path)
    assert not any(path.is_file() for path in tmp_path.rglob("*"))


def test_without_a_network_the_remedy_is_named(web, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(ort, "URL", f"{web.url}/nowhere.tgz")
    with pytest.raises(DataError, match="--ort"):
        ort.find_ort(None, tmp_path)


@pytest.mark.parametrize("place", [".", "dist"])
def test_a_copy_needs_no_network(place: str, tmp_path: Path) -> None:
    folder = tmp_path / "package" / place
    folder.mkdir(parents=True, exist_ok=True)
    for name in ort.FILES:
        (folder / name).write_bytes(b"copy")
    found = ort.find_ort(tmp_path / "package", tmp_path / "cache")
    assert found == dict.fromkeys(ort.FILES, b"copy") and not (tmp_path / "cache").exists()
