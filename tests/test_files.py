from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from stylezoo._files import replacing, sha256_of


def test_writes_a_new_file_and_its_folders(tmp_path: Path) -> None:
    target = tmp_path / "a" / "b" / "new.txt"
    with replacing(target) as temporary:
        temporary.write_text("whole")
        assert not target.exists()
        assert temporary.parent == target.parent  # a rename across file systems would not be one step
        assert temporary.suffix == ".txt"  # which tells encoders the format
    assert target.read_text() == "whole"
    assert list(target.parent.iterdir()) == [target]


def test_readers_see_the_old_file_until_the_new_one_is_whole(tmp_path: Path) -> None:
    target = tmp_path / "file.json"
    target.write_text("old")
    with replacing(str(target)) as temporary:
        temporary.write_text("new, half of i")
        assert target.read_text() == "old"
        temporary.write_text("new")
    assert target.read_text() == "new"


@pytest.mark.parametrize("existed", [True, False])
def test_a_failure_leaves_everything_as_it_was(existed: bool, tmp_path: Path) -> None:
    target = tmp_path / "file.bin"
    if existed:
        target.write_bytes(b"old")
    with pytest.raises(KeyboardInterrupt), replacing(target) as temporary:
        temporary.write_bytes(b"half")
        raise KeyboardInterrupt
    assert [p.name for p in tmp_path.iterdir()] == (["file.bin"] if existed else [])
    assert not existed or target.read_bytes() == b"old"


@pytest.mark.parametrize("links", [True, False])
def test_a_file_made_in_the_meantime_is_not_overwritten(
    links: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if not links:  # as on FAT

        def refuse(*paths: Path) -> None:
            raise PermissionError(1, "Operation not permitted")

        monkeypatch.setattr(os, "link", refuse)
    target = tmp_path / "file.txt"
    with replacing(target, overwrite=False) as temporary:
        temporary.write_text("first")
    with pytest.raises(FileExistsError), replacing(target, overwrite=False) as temporary:
        temporary.write_text("second")
    assert target.read_text() == "first"
    assert list(tmp_path.iterdir()) == [target]


@pytest.mark.skipif(os.name != "posix", reason="permission bits are POSIX's")
def test_results_are_as_readable_as_other_new_files(tmp_path: Path) -> None:
    before = os.umask(0o027)
    try:
        with replacing(tmp_path / "file.txt") as temporary:
            temporary.write_text("x")
        assert stat.S_IMODE((tmp_path / "file.txt").stat().st_mode) == 0o640
        assert os.umask(0o027) == 0o027
    finally:
        os.umask(before)


def test_sha256_is_the_published_one(tmp_path: Path) -> None:
    path = tmp_path / "abc"
    path.write_bytes(b"abc")
    assert sha256_of(path) == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"  # FIPS 180-2
    path.write_bytes(b"a" * 1_000_000)
    assert sha256_of(str(path)) == "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0"
