"""--content-map and --style-map of `stylize`, and what `video` says of them."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from moving import make_clip, pictures
from PIL import Image

from stylezoo.stylizer.loading import load

RNG = np.random.default_rng(0)
PHOTO, STYLE = (RNG.integers(0, 256, (48, 64, 3), dtype=np.uint8) for _ in range(2))


def halves(left: str, right: str, width: int = 64) -> Image.Image:
    made = Image.new("RGB", (width, 48), right)
    made.paste(left, (0, 0, width // 2, 48))
    return made


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with photo.png, style.png and their maps a.png and b.png."""
    monkeypatch.chdir(tmp_path)
    Image.fromarray(PHOTO).save("photo.png")
    Image.fromarray(STYLE).save("style.png")
    halves("red", "blue").save("a.png")
    halves("blue", "red", 96).save("b.png")
    return tmp_path


def command(net: Path, *words: str, style: str = "style.png") -> tuple[str, ...]:
    styles = ("-s", style) if style else ()
    return ("stylize", "photo.png", "-o", "out.png", "-m", str(net), *styles, *words)


@pytest.mark.parametrize("backend", ["onnx", "torch"])
def test_it_is_what_python_makes(here, run, any_file, backend) -> None:
    words = ("--content-map", "a.png", "--style-map", "b.png", "--backend", backend, "--json")
    done = run(*command(any_file, *words))
    assert done.exit_code == 0, done.stderr
    facts = json.loads(done.stdout)
    assert (facts["content_map"], facts["style_map"], facts["style"]) == ("a.png", "b.png", "style.png")
    expected = load(any_file, backend=backend).stylize(PHOTO, STYLE, content_map="a.png", style_map="b.png")
    np.testing.assert_array_equal(np.asarray(Image.open("out.png")), expected)


def test_colours_choose_styles(here, run, multi_file) -> None:
    words = ("--content-map", "a.png", "--region", "red:dots", "--region", "#0000ff:waves:0.7,lines:0.3")
    assert run(*command(multi_file, *words, style="")).exit_code == 0
    mask = [("dots", "red"), ({"waves": 0.7, "lines": 0.3}, "blue")]
    expected = load(multi_file).stylize(PHOTO, mask=mask, content_map="a.png")
    np.testing.assert_array_equal(np.asarray(Image.open("out.png")), expected)


def test_another_map_is_another_picture_to_resume(here, run, any_file) -> None:
    Path("photos").mkdir()
    for name in ("one", "two"):
        Image.fromarray(PHOTO).save(f"photos/{name}.png")
    words = ("--content-map", "a.png", "--style-map", "b.png", "-s", "style.png", "-m", any_file, "--resume")
    common = ("stylize", "photos", "-o", "out", *words)
    assert run(*common).exit_code == 0
    assert "2 of 2 pictures are already done" in run(*common).stderr
    halves("blue", "red").save("b.png")  # of the same name
    assert run(*common).exit_code == 2


def test_a_map_is_never_overwritten(here, refused, any_file) -> None:
    words = ("--content-map", "a.png", "--style-map", "b.png", "--force", "-o", "a.png")
    assert "'a.png' is an input" in refused(*command(any_file, *words))


@pytest.mark.parametrize("backend", ["onnx", "torch"])
@pytest.mark.parametrize(
    ("words", "named"),
    [
        (("--content-map", "a.png"), "--style-map"),
        (("--style-map", "b.png"), "--content-map"),
        (("--content-map", "a.png", "--style-map", "b.png", "--mask", "a.png"), "--mask"),
        (("--content-map", "a.png", "--style-map", "b.png", "--region", "red:dots"), "--region"),
        (("--content-map", "a.png", "--style-map", "b.png", "--save-card", "x.card.safetensors"), "--save-card"),
        (("--content-map", "a.png", "--style-map", "b.png", "-s", "photo.png"), "--style names 2"),
        (("--content-map", "a.png", "--style-map", "photo.png"), "antialias"),
        (("--content-map", "a.png", "--region", "lime:dots"), "#00ff00"),
        (("--content-map", "a.png", "--region", "red"), "names no style"),
        (("--content-map", "a.png", "--region", "b.png:dots"), "'b.png' is not a colour"),
        (("--content-map", "a.png", "--style-map", "no.png"), "no.png"),
    ],
)
def test_what_cannot_be_is_one_line(here, refused, any_file, words, named, backend) -> None:
    assert named in refused(*command(any_file, *words, "--backend", backend))
    assert not Path("out.png").exists()


def test_a_colour_in_one_map_only_is_named_with_its_map(here, refused, any_file) -> None:
    halves("lime", "blue").save("a.png")
    said = refused(*command(any_file, "--content-map", "a.png", "--style-map", "b.png"))
    assert "content_map 'a.png' has the colour #00ff00" in said and "'b.png'" in said


def test_a_net_of_named_styles_takes_no_style_map(here, refused, multi_file) -> None:
    said = refused(*command(multi_file, "--content-map", "a.png", "--style-map", "b.png", style="dots"))
    assert "cin/tiny takes no style image" in said and "'any'" in said


def test_a_clip_takes_no_maps_and_says_why(here, refused, any_file) -> None:
    make_clip(here / "clip.mp4", pictures(3), sound=None)
    words = ("video", "clip.mp4", "-o", "out.mp4", "-m", any_file, "-s", "style.png")
    for flag in ("--content-map", "--style-map"):
        assert "clip moves" in refused(*words, flag, "a.png")
