"""Every picture of a folder is stylized or named: other kinds, subfolders, hidden files."""

from __future__ import annotations

import json
import os
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

PIXELS = np.random.default_rng(0).integers(0, 256, (32, 40, 3), dtype=np.uint8)


@pytest.fixture
def photos(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """photos/ with a picture of each of several kinds, in it and below."""
    monkeypatch.chdir(tmp_path)
    folder = Path("photos")
    (folder / "trip" / "day1").mkdir(parents=True)
    for name in ("a.jpg", "b.jfif", "c.JPE", "trip/a.jpg", "trip/day1/d.jpg"):
        Image.fromarray(PIXELS).save(folder / name, "JPEG")
    return folder


def names(folder: str) -> list[str]:
    return sorted(p.relative_to(folder).as_posix() for p in Path(folder).rglob("[!.]*") if p.is_file())


def test_jfif_and_jpe_are_jpeg(run, net_file: Path, photos: Path) -> None:
    result = run("stylize", "photos", "-m", net_file, "-o", "out")
    assert result.exit_code == 0, result.stderr
    assert names("out") == ["a.jpg", "b.jfif", "c.JPE"]
    with Image.open("out/b.jfif") as made:
        assert made.format == "JPEG"
    assert "--recursive" in result.stderr  # there are subfolders


def test_recursive_takes_subfolders_and_keeps_their_names(run, net_file: Path, photos: Path) -> None:
    out = "photos/out"  # inside of the input, which must not feed on itself
    for _ in range(2):
        result = run("stylize", "photos", "-m", net_file, "-o", out, "--recursive", "--resume", "--json")
        assert result.exit_code == 0, result.stderr
        assert names(out) == ["a.jpg", "b.jfif", "c.JPE", "trip/a.jpg", "trip/day1/d.jpg"]
    assert result.stdout == "" and "5 of 5" in result.stderr
    lines = [json.loads(line) for line in Path(out, ".stylezoo.jsonl").read_text().splitlines()]
    assert {line["output"] for line in lines if "output" in line} == set(names(out))


def test_recursive_without_a_folder_is_refused(refused, net_file: Path, photos: Path) -> None:
    assert "--recursive" in refused("stylize", "photos/a.jpg", "-m", net_file, "-o", "o.jpg", "--recursive")


def test_a_folder_with_pictures_only_below_says_so(refused, net_file: Path, photos: Path) -> None:
    Path("photos/trip/a.jpg").unlink()
    assert "--recursive" in refused("stylize", "photos/trip", "-m", net_file, "-o", "out")


def test_what_cannot_be_read_is_named_and_counted(run, net_file: Path, photos: Path) -> None:
    Path("photos/e.eps").write_bytes(b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 10 10\n")
    Path("photos/f.CR2").write_bytes(b"II*\0\x10\0\0\0CR\x02\0" + bytes(64))
    Path("photos/g.svg").write_bytes(b"<?xml version='1.0'?><svg xmlns='http://www.w3.org/2000/svg'/>")
    Path("photos/._a.jpg").write_bytes(b"\0\x05\x16\x07" + bytes(64))
    Path("photos/notes.txt").write_text("no picture")
    result = run("stylize", "photos", "-m", net_file, "-o", "out")
    assert result.exit_code == 2
    assert names("out") == ["a.jpg", "b.jfif", "c.JPE"]
    assert "3 of 6 pictures failed" in result.stderr
    for name, kind in (("e.eps", "EPS"), ("f.CR2", "raw"), ("g.svg", "SVG")):
        (line,) = (line for line in result.stderr.splitlines() if name in line)
        assert kind in line and "damaged" not in line
    assert "._a" not in result.stderr and "notes" not in result.stderr


def test_heic_and_jxl_are_read_by_their_plugins(run, net_file: Path, photos: Path) -> None:
    heif = pytest.importorskip("pillow_heif")
    pytest.importorskip("pillow_jxl")
    heif.from_pillow(Image.fromarray(PIXELS)).save("photos/h.heic", quality=90)
    Image.fromarray(PIXELS).save("photos/j.jxl")
    result = run("stylize", "photos", "-m", net_file, "-o", "out")
    assert result.exit_code == 0, result.stderr
    assert {"h.jpg", "j.png"} <= set(names("out"))


def test_heic_and_jxl_without_their_plugins_name_them(run, net_file: Path, photos: Path, monkeypatch) -> None:
    monkeypatch.setattr("stylezoo.images.pillow.load_plugin", lambda plugin: False)
    monkeypatch.setattr(Image, "ID", [kind for kind in Image.ID if kind not in {"HEIF", "JXL"}])
    Path("photos/h.heic").write_bytes(b"\0\0\0\x18ftypheic\0\0\0\0mif1heic" + bytes(99))
    Path("photos/j.jxl").write_bytes(b"\0\0\0\x0cJXL \r\n\x87\n" + bytes(99))
    result = run("stylize", "photos", "-m", net_file, "-o", "out")
    assert result.exit_code == 2
    for name in ("h.heic", "j.jxl"):
        (line,) = (line for line in result.stderr.splitlines() if name in line)
        assert "stylezoo[formats]" in line


@pytest.mark.parametrize(
    ("head", "kind"),
    [
        (b"%PDF-1.7\n", "PDF"),
        (b"gimp xcf v011\0", "GIMP"),
        (b"v/1\x01\x02\0\0\0", "EXR"),
        (b"\0\0\0\x20ftypisom\0\0\2\0", "video"),
        (b"version https://git-lfs.github.com/spec/v1\n", "lfs"),
        (b"<!DOCTYPE html><html>", "web page"),
        (b"PK\x03\x04\x14\0", "zip"),
    ],
)
def test_known_kinds_are_named(refused, net_file: Path, photos: Path, head: bytes, kind: str) -> None:
    Path("x.jpg").write_bytes(head + bytes(200))
    assert kind.lower() in refused("stylize", "x.jpg", "-m", net_file, "-o", "o.png").lower()


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("photo.jpg", b"\xff\xd8\xff\xe0\0\x10JFIF", ["picture", "--style"]),
        ("photo.heic", b"\0\0\0\x18ftypheic", ["picture", "--style"]),
        ("m.pth", b"PK\x03\x04\x14\0", ["pickle", "stylezoo import"]),
        ("m.pt", b"\x80\x02}q\0", ["pickle", "stylezoo import"]),
        ("m.onnx", b"\x08\x08\x12\x07pytorch", ["exported"]),
        ("r.yaml", b"style: [a]", ["stylezoo train --recipe"]),
        ("weights.bin", (64).to_bytes(8, "little") + b'{"a":', [".safetensors"]),
        ("notes", b"words", ["stylezoo list"]),
    ],
)
def test_a_file_that_is_no_model_says_what_it_is(refused, photos: Path, name: str, content: bytes, words: list) -> None:
    Path(name).write_bytes(content + bytes(64))
    said = refused("stylize", "photos/a.jpg", "-m", name, "-o", "out.png")
    assert name in said and all(word in said for word in words)


def test_links_that_lead_nowhere_are_named_and_counted(run, net_file: Path, photos: Path) -> None:
    Path("photos/gone.jpg").symlink_to("no/such/photo.jpg")
    Path("photos/round.jpg").symlink_to("round.jpg")
    Path("photos/same.jpg").symlink_to("a.jpg")
    for option in ((), ("--recursive",)):
        result = run("stylize", "photos", "-m", net_file, "-o", f"out{len(option)}", *option)
        assert result.exit_code == 2
        assert "2 of " in result.stderr and "gone.jpg is a link" in result.stderr and "round.jpg" in result.stderr
        assert (Path(f"out{len(option)}") / "same.jpg").exists()


def test_linked_folders_are_named(run, net_file: Path, photos: Path) -> None:
    Path("more").mkdir()
    Image.fromarray(PIXELS).save("more/m.png")
    Path("photos/trip/linked").symlink_to(Path("more").absolute())
    result = run("stylize", "photos", "-m", net_file, "-o", "out", "--recursive")
    assert result.exit_code == 0
    assert "photos/trip/linked" in result.stderr and "m.png" not in names("out")


def test_a_subfolder_without_permission_is_named(
    refused, net_file: Path, photos: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def guarded(read):
        def read_unless(path):
            if str(path) == "photos/trip":
                raise PermissionError(13, "Permission denied", str(path))
            return read(path)

        return read_unless

    for name in ("listdir", "scandir"):  # root may read everything, so permissions do not serve
        monkeypatch.setattr(os, name, guarded(getattr(os, name)))
    for arguments in (("photos", "--recursive"), ("photos/trip",)):
        line = refused("stylize", *arguments, "-m", net_file, "-o", "out")
        assert "photos/trip: Permission denied; " in line
        assert not Path("out").exists()
