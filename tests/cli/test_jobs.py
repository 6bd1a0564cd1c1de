from __future__ import annotations

from pathlib import Path

import pytest

from stylezoo.cli.jobs import plan
from stylezoo.errors import ImageError, OptionError


@pytest.fixture
def here(tmp_path, monkeypatch):
    """A folder with a.jpg, b.PNG, and photos/ with c.webp, d.jpeg, notes.txt, clip.mp4 and a folder; all empty."""
    monkeypatch.chdir(tmp_path)
    Path("photos/more").mkdir(parents=True)
    for name in (
        "a.jpg",
        "b.PNG",
        "photos/c.webp",
        "photos/d.jpeg",
        "photos/notes.txt",
        "photos/clip.mp4",
        "photos/more/e.jpg",
    ):
        Path(name).touch()
    return tmp_path


def routes(*arguments, **options):
    return [(job.input, job.output, job.format) for job in plan(*arguments, **options)]


def test_one_file_to_one_file_takes_the_format_of_the_output(here):
    assert routes(["a.jpg"], "out.png") == [("a.jpg", "out.png", "png")]


def test_one_file_into_a_folder_that_exists(here):
    assert routes(["b.PNG"], "photos") == [("b.PNG", "photos/b.PNG", "png")]


def test_one_file_into_a_folder_to_be_made(here):
    assert routes(["a.jpg"], "new/") == [("a.jpg", "new/a.jpg", "jpg")]


def test_several_files_keep_their_names(here):
    assert routes(["a.jpg", "b.PNG"], "out") == [("a.jpg", "out/a.jpg", "jpg"), ("b.PNG", "out/b.PNG", "png")]


def test_folder_gives_its_own_pictures_sorted(here):
    assert [i for i, _, _ in routes(["photos"], "out")] == ["photos/c.webp", "photos/d.jpeg"]


def test_folder_of_one_picture_still_goes_into_a_folder(here):
    assert routes(["photos/more"], "out") == [("photos/more/e.jpg", "out/e.jpg", "jpg")]


def test_labels_give_each_picture_a_job_for_each(here):
    jobs = plan(["photos"], "out", labels=["wave", "night"], format="png")
    assert [(job.input, job.output, job.label) for job in jobs] == [
        ("photos/c.webp", "out/c_wave.png", "wave"),
        ("photos/c.webp", "out/c_night.png", "night"),
        ("photos/d.jpeg", "out/d_wave.png", "wave"),
        ("photos/d.jpeg", "out/d_night.png", "night"),
    ]
    assert routes(["a.jpg"], "out", labels=["wave"]) == [("a.jpg", "out/a_wave.jpg", "jpg")]
    assert routes(["a.jpg"], "-", labels=["wave"]) == [("a.jpg", "-", "jpg")]
    with pytest.raises(OptionError, match="stdout takes one picture, not 2"):
        plan(["a.jpg"], "-", labels=["wave", "night"])


def test_format_changes_the_suffix_only_where_it_differs(here):
    assert routes(["photos"], "out", format="jpg") == [
        ("photos/c.webp", "out/c.jpg", "jpg"),
        ("photos/d.jpeg", "out/d.jpeg", "jpeg"),
    ]


def test_stdin_and_stdout(here):
    assert routes(["-"], "-") == [("-", "-", "png")]
    assert routes(["-"], "-", format="webp") == [("-", "-", "webp")]
    assert routes(["a.jpg"], "-") == [("a.jpg", "-", "jpg")]
    assert routes(["-"], "out.jpg") == [("-", "out.jpg", "jpg")]
    assert routes(["-", "a.jpg"], "out")[0] == ("-", "out/stdin.png", "png")


@pytest.mark.parametrize(
    ("inputs", "output", "options", "message"),
    [
        (["a.jpg", "b.PNG"], "-", {}, "stdout takes one picture, not 2"),
        (["a.jpg", "b.PNG"], "a.jpg", {}, "'a.jpg' is a file, but 2 pictures need a folder"),
        (["a.jpg", "b.PNG"], "out.png", {}, "looks like a file"),
        (["photos"], "out.png", {}, "looks like a file"),
        (["-", "-"], "out", {}, "only once"),
        (["a.jpg"], "out", {}, "--format"),
        (["a.jpg"], "out.txt", {}, "'out.txt'"),
        (["a.jpg"], "out.png", {"format": "webp"}, "--format webp contradicts"),
        (["photos/notes.txt"], "photos/more", {}, "'notes.txt'"),
        (["photos/clip.mp4"], "photos/more", {}, "'clip.mp4' is a clip: use stylezoo video"),
        (["a.jpg"], "out.webm", {}, "'out.webm' is a clip: use stylezoo video"),
        (["a.jpg", "photos/../a.jpg"], "out", {}, "would both be written to 'out/a.jpg'"),
        (["a.jpg"], "b.PNG", {}, "'b.PNG' exists: pass --force"),
        (["a.jpg"], "b.PNG/c.png", {"force": True}, "is not a folder"),
    ],
)
def test_output_that_cannot_be_is_refused(here, inputs, output, options, message):
    with pytest.raises(OptionError, match=message):
        plan(inputs, output, **options)


@pytest.mark.parametrize("force", [False, True])
@pytest.mark.parametrize(("inputs", "output"), [(["a.jpg"], "a.jpg"), (["a.jpg"], "."), (["photos"], "photos")])
def test_input_is_never_overwritten(here, inputs, output, force):
    with pytest.raises(OptionError, match="is an input and is never overwritten"):
        plan(inputs, output, force=force)


def test_input_is_recognised_through_a_link(here):
    Path("link.jpg").symlink_to("a.jpg")
    with pytest.raises(OptionError, match="is an input"):
        plan(["a.jpg"], "link.jpg", force=True)


def test_picture_that_another_input_reads_is_not_overwritten_either(here):
    Path("more").mkdir()
    Path("more/a.jpg").touch()
    with pytest.raises(OptionError, match="is an input"):
        plan(["a.jpg", "more/a.jpg"], "more", force=True)


def test_force_allows_files_that_exist(here):
    assert routes(["a.jpg"], "b.PNG", force=True) == [("a.jpg", "b.PNG", "png")]


def test_input_that_is_not_there_is_named(here):
    with pytest.raises(ImageError, match=r"no such file or folder: 'c\.jpg'"):
        plan(["a.jpg", "c.jpg"], "out")


def test_folder_without_pictures_is_named(here):
    Path("empty").mkdir()
    with pytest.raises(ImageError, match="no pictures in folder 'empty'"):
        plan(["empty"], "out")
