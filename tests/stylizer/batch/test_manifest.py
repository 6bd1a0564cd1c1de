from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from stylezoo.errors import OptionError
from stylezoo.stylizer.batch import Job, Manifest, Outcome
from stylezoo.stylizer.batch.manifest import MANIFEST

FACTS = {"model": "johnson/tiny", "weights": "ab", "style": "dots", "strength": 1.0, "size": None, "files": {}}


@pytest.fixture
def jobs(tmp_path, monkeypatch):
    """Jobs for photos/a.png, b.png and c.png, which go to out/."""
    monkeypatch.chdir(tmp_path)
    Path("photos").mkdir()
    for name in "abc":
        Path(f"photos/{name}.png").write_text(name)
    return [Job(Path(f"photos/{name}.png"), Path(f"out/{name}.png"), "png") for name in "abc"]


def manifest(**facts):
    return Manifest("out", lambda job: FACTS | facts)


def begin_and_stylize(jobs, count):
    """Be a run that ends when so many pictures are done."""
    record = manifest()
    record.begin(jobs)
    for job in jobs[:count]:
        job.target.write_text("stylized")
        record.add(Outcome(job, 48, 32, 0.25))


def test_what_is_done_is_left_out(jobs):
    assert manifest().missing(jobs) == jobs
    begin_and_stylize(jobs, 2)
    assert manifest().missing(jobs) == jobs[2:]
    assert manifest(size=None).missing(jobs, force=True) == jobs[2:]


def test_a_line_tells_how_a_picture_was_made(jobs):
    begin_and_stylize(jobs, 1)
    planned, done = map(json.loads, Path("out", MANIFEST).read_text().splitlines())
    assert planned == {"planned": ["a.png", "b.png", "c.png"]}
    assert done.pop("mtime_ns") == os.stat("photos/a.png").st_mtime_ns  # noqa: PTH116
    assert done == {
        "output": "a.png",
        "input": "../photos/a.png",
        "bytes": 1,
        "format": "png",
        "model": "johnson/tiny",
        "weights": "ab",
        "style": "dots",
        "strength": 1.0,
        "files": {},
        "width": 48,
        "height": 32,
        "seconds": 0.25,
    }


def test_a_picture_whose_file_is_gone_is_stylized_again(jobs):
    begin_and_stylize(jobs, 3)
    jobs[1].target.unlink()
    assert manifest().missing(jobs) == [jobs[1]]


def test_a_picture_that_was_written_when_its_run_was_killed_is_stylized_again(jobs):
    begin_and_stylize(jobs, 1)
    jobs[1].target.write_text("stylized, but not yet listed")
    assert manifest().missing(jobs) == jobs[1:]


@pytest.mark.parametrize("cut", [1, 2, 40])
def test_a_torn_last_line_is_as_if_it_were_not_there(jobs, cut):
    begin_and_stylize(jobs, 2)
    path = Path("out", MANIFEST)
    path.write_bytes(path.read_bytes()[:-cut])
    missing = manifest().missing(jobs)
    assert missing == (jobs[1:] if cut > 1 else jobs[2:])  # with the line break alone nothing is lost
    record = manifest()
    record.begin(missing)
    for job in missing:
        job.target.write_text("stylized")
        record.add(Outcome(job))
    assert manifest().missing(jobs) == []


def test_a_folder_with_another_cwd_is_the_same(jobs, monkeypatch):
    begin_and_stylize(jobs, 3)
    monkeypatch.chdir("photos")
    moved = [Job(Path(job.source.name), Path("../out", job.target.name), "png") for job in jobs]
    assert Manifest("../out", lambda job: FACTS).missing(moved) == []


@pytest.mark.parametrize(
    ("facts", "reason"),
    [
        ({"strength": 0.5}, "with strength 1.0, not 0.5"),
        ({"style": {"dots": 0.5}}, 'with style "dots", not {"dots": 0.5}'),
        ({"size": 512}, "with size none, not 512"),
        ({"style": None}, 'with style "dots", not none'),
        ({"weights": "cd"}, "with other weights"),
        ({"files": {"wave.jpg": "ef"}}, "with another picture as style or mask"),
    ],
)
def test_pictures_made_in_another_way_are_refused(jobs, facts, reason):
    begin_and_stylize(jobs, 2)
    with pytest.raises(OptionError, match=r"'out/a.png' was stylized .* pass --force to stylize it again") as raised:
        manifest(**facts).missing(jobs)
    assert reason in str(raised.value)
    assert manifest(**facts).missing(jobs, force=True) == jobs


def test_a_changed_input_is_refused(jobs):
    begin_and_stylize(jobs, 3)
    jobs[1].source.write_text("longer")
    with pytest.raises(OptionError, match=r"'out/b.png' was stylized before 'photos/b.png' changed"):
        manifest().missing(jobs)
    assert manifest().missing(jobs, force=True) == [jobs[1]]


def test_another_input_of_that_name_is_refused(jobs):
    begin_and_stylize(jobs, 3)
    Path("photos").rename("pictures")
    moved = [Job(Path("pictures", job.source.name), job.target, "png") for job in jobs]
    with pytest.raises(OptionError, match=r"'out/a.png' was stylized from '../photos/a.png'"):
        manifest().missing(moved)


def test_files_of_others_are_refused(jobs):
    begin_and_stylize(jobs[:1], 1)
    jobs[2].target.write_text("a drawing")
    with pytest.raises(OptionError, match=rf"'out/c.png' exists, and out/{MANIFEST} does not list it"):
        manifest().missing(jobs)
    assert manifest().missing(jobs, force=True) == jobs[1:]


def test_what_is_stylized_over_is_done_only_when_it_is_done_again(jobs):
    begin_and_stylize(jobs, 3)
    begin_and_stylize(jobs, 1)  # with --force, and killed
    assert manifest().missing(jobs) == jobs[1:]


def test_lines_that_mean_nothing_are_passed_over(jobs):
    begin_and_stylize(jobs, 2)
    with Path("out", MANIFEST).open("ab") as file:
        file.write(b"\xff\xfe\n[1]\n\n7\n{}\n")
    assert manifest().missing(jobs) == jobs[2:]


def test_stdin_cannot_be_compared(jobs):
    with pytest.raises(OptionError, match="name files"):
        manifest().missing([Job(None, Path("out/stdin.png"), "png")])


def test_an_input_that_is_gone_is_left_to_its_own_job(jobs):
    Path("photos/b.png").unlink()
    begin_and_stylize(jobs, 1)
    assert manifest().missing(jobs) == jobs[1:]


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
def test_a_full_disk_is_named(jobs):
    record = manifest()
    record.path = Path("out.jsonl")
    record.path.symlink_to("/dev/full")  # only to write into: it can be read without end
    with pytest.raises(OSError, match="No space left") as caught:
        record.begin(jobs)
    assert caught.value.filename == "out.jsonl"
