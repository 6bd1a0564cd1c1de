from __future__ import annotations

import json
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from moving import make_clip, pictures, read_clip, sound_of
from PIL import Image


@pytest.fixture
def here(tmp_path, monkeypatch):
    """A folder with clip.mp4, 12 frames of 64 x 48 px with sound."""
    monkeypatch.chdir(tmp_path)
    make_clip(tmp_path / "clip.mp4", pictures(12))
    return tmp_path


@pytest.fixture
def stylize(run, multi_file):
    """Stylize a clip by the command line, once sure that it went well; return what it said."""

    def call(*arguments, model=multi_file):
        result = run("video", *arguments, "-m", model, "--device", "cpu")
        assert result.exit_code == 0, result.output
        return result

    return call


@pytest.fixture
def not_stylized(refused, multi_file):
    """Ask for what cannot be: return the one line that is said, once sure that nothing was written."""

    def call(*arguments):
        before = {path: path.is_file() and path.read_bytes() for path in Path().rglob("*")}
        line = refused("video", *arguments, "-m", multi_file, "--device", "cpu")
        assert {path: path.is_file() and path.read_bytes() for path in Path().rglob("*")} == before
        return line

    return call


def test_a_clip_is_stylized(here, stylize):
    result = stylize("clip.mp4", "-o", "new/out.mp4", "-s", "dots", "--json")
    assert result.stderr == ""
    said = json.loads(result.stdout)
    assert said["seconds"] >= 0
    expected = {
        "input": "clip.mp4",
        "output": "new/out.mp4",
        "model": "cin/tiny",
        "style": "dots",
        "frames": 12,
        "duration": 0.48,
        "codec": "h264",
        "sound": "copy",
    }
    assert said | expected == said
    assert read_clip(Path("new/out.mp4"))[0] == [Fraction(i, 25) for i in range(12)]
    assert sound_of(Path("new/out.mp4")) == sound_of(Path("clip.mp4"))


@pytest.mark.slow
def test_all_options_together(here, stylize):
    Image.fromarray(np.full((48, 64), 255, np.uint8)).save("mask.png")
    said = json.loads(
        stylize(
            *(
                "clip.mp4",
                "-o",
                "out.mkv",
                "--keyframes",
                "0:dots,0.2s:lines+waves",
                "--mask",
                "mask.png",
                "--size",
                32,
            ),
            *("--strength", 0.9, "--stroke", 1.5, "--preserve-color", "luma", "--steady", 0.5, "--start", 0.08),
            *("--duration", 0.2, "--no-sound", "--codec", "hevc", "--quality", 30, "--json"),
        ).stdout
    )
    assert (said["width"], said["height"], said["frames"], said["codec"], said["sound"]) == (32, 24, 5, "hevc", "none")
    assert said["keyframes"] == "0:dots,0.2s:lines+waves"


def test_an_option_of_style_images_says_that_no_keyframe_has_one(here, stylize):
    changing = ("--keyframes", "0:dots,0.2s:lines", "--duration", "0.08")
    assert "warning: --palette has no effect" in stylize("clip.mp4", "-o", "a.mp4", *changing, "--palette", 1).stderr
    assert "warning" not in stylize("clip.mp4", "-o", "b.mp4", *changing).stderr


def test_an_animation_is_stylized(here, stylize):
    first, *rest = [Image.fromarray(picture) for picture in pictures(4)]
    first.save("in.gif", save_all=True, append_images=rest, duration=80, loop=0)
    stylize("in.gif", "-o", "out.webp", "-s", "dots:0.5,lines:0.5")
    with Image.open("out.webp") as image:
        assert image.n_frames == 4


@pytest.mark.slow
def test_it_says_that_it_goes_on(here, stylize, run, multi_file, monkeypatch):
    from stylezoo.video import film

    make_clip(here / "long.mp4", pictures(60))
    monkeypatch.setattr(film.Film, "join", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
    assert run("video", "long.mp4", "-o", "out.mp4", "-s", "dots", "-m", multi_file, "--device", "cpu").exit_code != 0
    monkeypatch.undo()
    monkeypatch.chdir(here)
    assert "60 of 60 frames were kept" in stylize("long.mp4", "-o", "out.mp4", "-s", "dots").stderr


def test_bad_input_is_told_in_one_line(here, not_stylized):
    assert "does not exist" in not_stylized("none.mp4", "-o", "out.mp4", "-s", "dots")
    Path("noise.mp4").write_bytes(np.random.default_rng(0).bytes(3000))
    assert "FFmpeg cannot read noise.mp4" in not_stylized("noise.mp4", "-o", "out.mp4", "-s", "dots")
    assert "'clip.mp4' is the input" in not_stylized("clip.mp4", "-o", "clip.mp4", "-s", "dots", "--force")
    assert "no container has the suffix '.xyz'" in not_stylized("clip.mp4", "-o", "out.xyz", "-s", "dots")
    assert "codec 'h267' is unknown" in not_stylized("clip.mp4", "-o", "out.mp4", "-s", "dots", "--codec", "h267")
    assert "cannot read '0:'" in not_stylized("clip.mp4", "-o", "out.mp4", "--keyframes", "0:")
    assert "dotz" in not_stylized("clip.mp4", "-o", "out.mp4", "--keyframes", "0:dotz")
    Path("out.mp4").write_text("mine")
    assert "'out.mp4' exists: pass" in not_stylized("clip.mp4", "-o", "out.mp4", "-s", "dots")
    Image.fromarray(pictures(1)[0]).save("mask.png")
    assert "is an input" in not_stylized("clip.mp4", "-o", "mask.png", "-s", "dots", "--mask", "mask.png", "--force")


def test_without_pyav_it_says_what_to_install(here, not_stylized, monkeypatch):
    import sys

    monkeypatch.setitem(sys.modules, "av", None)
    assert "pip install 'stylezoo[video]'" in not_stylized("clip.mp4", "-o", "out.mp4", "-s", "dots")


def test_a_terminal_gets_a_line_about_the_clip_that_was_written(stylize, here, monkeypatch):
    monkeypatch.setattr("stylezoo.cli.video.say_wrote", lambda what, seconds: print(f"{what} in {seconds:.1f} s"))
    assert stylize("clip.mp4", "-o", "out.mp4", "-s", "dots").stdout.startswith("out.mp4 in ")
