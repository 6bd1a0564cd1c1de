"""Where results go: jobs that meet, long names, devices, pipes and links, and formats with a largest size."""

from __future__ import annotations

import os
import re
import stat
import threading
import time
from pathlib import Path

import numpy as np
import pytest
from moving import make_clip, pictures
from PIL import Image

from stylezoo._files import LOCK, lock, replacing
from stylezoo.errors import OptionError
from stylezoo.stylizer.batch.manifest import MANIFEST
from stylezoo.video import stylize_video

PIXELS = np.random.default_rng(0).integers(0, 256, (32, 40, 3), dtype=np.uint8)


@pytest.fixture
def photos(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    Path("photos").mkdir()
    for name in "abc":
        Image.fromarray(PIXELS).save(f"photos/{name}.png")
    return Path("photos")


def test_a_second_job_into_the_same_folder_is_refused(run, net_file: Path, photos: Path) -> None:
    held = lock(Path("out") / LOCK, "out")
    result = run("stylize", "photos", "-m", net_file, "-o", "out")
    assert result.exit_code == 2 and "'out'" in result.stderr and result.stderr.count("\n") == 1
    assert not list(Path("out").glob("*.png")) and not (Path("out") / MANIFEST).exists()
    held()
    assert run("stylize", "photos", "-m", net_file, "-o", "out").exit_code == 0
    assert len(list(Path("out").glob("*.png"))) == 3
    again = run("stylize", "photos", "-m", net_file, "-o", "out", "--force")  # the lock was given back
    assert again.exit_code == 0, again.stderr


def test_single_pictures_may_go_into_a_folder_at_once(run, net_file: Path, photos: Path) -> None:
    held = lock(Path("out") / LOCK, "out")
    assert run("stylize", "photos/a.png", "-m", net_file, "-o", "out/").exit_code == 0
    held()


def test_a_lock_ends_with_its_process(tmp_path: Path) -> None:
    path = tmp_path / "x.lock"
    child = os.fork()
    if child == 0:
        lock(path, "x")
        os._exit(0)
    os.waitpid(child, 0)
    lock(path, "x")()


def test_a_lock_that_cannot_be_made_is_an_error_that_names_the_output(refused, net_file: Path, photos: Path) -> None:
    Path("out", LOCK).mkdir(parents=True)
    assert "'out'" in refused("stylize", "photos", "-m", net_file, "-o", "out")
    Path("file").write_text("")
    with pytest.raises(OptionError, match=r"'it'.*--there"):
        lock(Path("file") / "x.lock", "'it'", "--there")


def test_a_second_video_job_leaves_the_parts_of_the_first(multi_file: Path, tmp_path: Path) -> None:
    clip = make_clip(tmp_path / "clip.mp4", pictures(4), sound=None)
    out = tmp_path / "out.mp4"
    held = lock(tmp_path / "out.mp4.lock", "out")
    parts = tmp_path / "out.mp4.parts"
    parts.mkdir()
    (parts / "000000").write_bytes(b"of the first")
    with pytest.raises(OptionError, match=re.escape(f"'{out}' ")):
        stylize_video(clip, out, multi_file, "dots")
    assert (parts / "000000").read_bytes() == b"of the first"
    held()
    (parts / "000000").unlink()
    parts.rmdir()
    stylize_video(clip, out, multi_file, "dots")
    stylize_video(clip, out, multi_file, "lines", overwrite=True)
    assert sorted(p.name for p in tmp_path.iterdir() if p.name.startswith("out")) == ["out.mp4"]


@pytest.mark.parametrize("letter", ["x", "ж", "𝄞"])
def test_the_longest_name_that_the_disk_takes_is_written(tmp_path: Path, letter: str) -> None:
    stem = letter * ((255 - 4) // len(letter.encode()))
    with replacing(tmp_path / f"{stem}.png") as temporary:
        temporary.write_bytes(b"1")
    assert (tmp_path / f"{stem}.png").read_bytes() == b"1"
    assert len(list(tmp_path.iterdir())) == 1


def test_a_name_over_the_limit_fails_alone(run, multi_file: Path, photos: Path) -> None:
    Image.fromarray(PIXELS).save(photos / f"{'n' * 250}.png")
    result = run("stylize", "photos", "-m", multi_file, "-s", "dots", "-s", "lines", "-o", "out")
    assert result.exit_code == 2
    assert "2 of 8 pictures failed" in result.stderr
    assert len(list(Path("out").glob("*.png"))) == 6


def test_force_writes_through_links_and_leaves_them(run, net_file: Path, photos: Path) -> None:
    Path("real.png").write_bytes(b"old")
    Path("link.png").symlink_to("real.png")
    result = run("stylize", "photos/a.png", "-m", net_file, "-o", "link.png", "--force")
    assert result.exit_code == 0, result.stderr
    assert Path("link.png").is_symlink()
    with Image.open("real.png") as made:
        assert made.size == (40, 32)


def test_a_link_that_leads_in_a_circle_is_written_over_by_force_alone(
    run, refused, net_file: Path, photos: Path
) -> None:
    Path("round.png").symlink_to("round.png")
    assert "round.png exists" in refused("stylize", "photos/a.png", "-m", net_file, "-o", "round.png")
    assert run("stylize", "photos/a.png", "-m", net_file, "-o", "round.png", "--force").exit_code == 0
    with Image.open("round.png") as made:
        assert made.size == (40, 32)


def test_force_writes_into_a_pipe_and_leaves_it(run, net_file: Path, photos: Path) -> None:
    os.mkfifo("pipe.png")
    got: list[bytes] = []
    reader = threading.Thread(target=lambda: got.append(Path("pipe.png").read_bytes()), daemon=True)
    reader.start()
    time.sleep(0.1)
    result = run("stylize", "photos/a.png", "-m", net_file, "-o", "pipe.png", "--force")
    reader.join(20)
    assert result.exit_code == 0, result.stderr
    assert stat.S_ISFIFO(Path("pipe.png").stat().st_mode)
    assert got and got[0].startswith(b"\x89PNG")
    Path("pipe.png").unlink()


def test_force_leaves_a_device_one(run, net_file: Path, photos: Path) -> None:
    null = Path("/dev/null")
    before = null.stat().st_rdev
    result = run("stylize", "photos/a.png", "-m", net_file, "-o", "/dev/null", "--format", "png", "--force")
    assert result.exit_code == 0, result.stderr
    assert null.stat().st_rdev == before and stat.S_ISCHR(null.stat().st_mode)


def test_a_clip_does_not_go_into_a_pipe(refused, net_file: Path, photos: Path) -> None:
    clip = make_clip(Path("clip.mp4"), pictures(3), sound=None)
    os.mkfifo("pipe.mp4")
    assert "pipe" in refused("video", clip, "-m", net_file, "-o", "pipe.mp4", "--force")
    assert stat.S_ISFIFO(Path("pipe.mp4").stat().st_mode)


def test_a_size_that_the_format_cannot_hold_is_refused_before_the_work(
    refused, photos: Path, net_file: Path, monkeypatch
) -> None:
    monkeypatch.setattr("stylezoo.stylizer.rendering.render", lambda *a, **k: pytest.fail("the net ran"))
    Image.new("L", (16400, 8)).save("wide.png")
    for more in (["wide.png"], ["photos/a.png", "--size", 16384]):
        said = refused("stylize", *more, "-m", net_file, "-o", "out.webp")
        assert "16383" in said and "out.webp" in said


@pytest.mark.slow
def test_bytes_of_a_format_that_cannot_hold_the_result_come_back_as_png(net_file: Path) -> None:
    import io

    import stylezoo

    buffer = io.BytesIO()
    Image.fromarray(np.zeros((2, 64, 3), np.uint8)).save(buffer, "WEBP")
    back = stylezoo.load(net_file, device="cpu").stylize(buffer.getvalue(), size=16384, strength=0)
    assert Image.open(io.BytesIO(back)).format == "PNG"
