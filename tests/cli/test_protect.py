"""--protect and --only of `stylize`, `sheet` and `video`."""

from __future__ import annotations

import json
from pathlib import Path

import detectors
import numpy as np
import pytest
from moving import make_clip, read_clip
from PIL import Image

from stylezoo.detect import faces, subject
from stylezoo.stylizer.loading import load

PHOTO = np.random.default_rng(0).integers(0, 120, (64, 96, 3), dtype=np.uint8)
PHOTO[16:40, 56:80] = 255


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with photos/white.png, whose white part counts as a face and the subject, and photos/dark.png."""
    detectors.install(tmp_path / "packages", monkeypatch)
    monkeypatch.chdir(tmp_path)
    Path("photos").mkdir()
    Image.fromarray(PHOTO).save("photos/white.png")
    Image.fromarray(PHOTO // 9).save("photos/dark.png")
    return tmp_path


def test_photos_of_a_folder_without_a_face_are_named_and_stylized(here, run, multi_file):
    done = run("stylize", "photos", "-o", "out", "-m", multi_file, "-s", "dots", "--protect", "face:0.5", "--json")
    assert done.exit_code == 0
    assert done.stderr.count("\n") == 1 and "dark.png: no face found" in done.stderr
    facts = [json.loads(line) for line in done.stdout.splitlines()]
    assert {fact["protect"] for fact in facts} == {"face:0.5"} and {fact["only"] for fact in facts} == {None}
    net = load(multi_file)
    for name, photo, options in (("white", PHOTO, {"protect": "face:0.5"}), ("dark", PHOTO // 9, {})):
        made = np.asarray(Image.open(f"out/{name}.png"))
        np.testing.assert_array_equal(made, net.stylize(photo, "dots", **options))


def test_another_share_is_another_picture_to_resume(here, run, multi_file):
    common = ("stylize", "photos", "-o", "out", "-m", multi_file, "-s", "dots", "--only", "subject", "--resume")
    assert run(*common).exit_code == 0
    assert "2 of 2 pictures are already done" in run(*common).stderr
    assert run(*common, "--protect", "face").exit_code == 2  # the folder is of other options


@pytest.mark.parametrize("command", ["stylize", "sheet", "video"])
@pytest.mark.parametrize("words", [("--protect", "face"), ("--only", "subject"), ("--only", "background")])
def test_a_missing_detector_is_one_line_with_its_install_command(
    here, refused, multi_file, monkeypatch, command, words
):
    for module in (faces, subject):
        monkeypatch.setattr(module, "packaged", lambda name, file: None)
    monkeypatch.setattr(faces, "find_spec", lambda name: None)
    source = make_clip(here / "clip.mp4", [PHOTO] * 2, sound=None) if command == "video" else "photos/white.png"
    style = () if command == "sheet" else ("-s", "dots")
    said = refused(
        command, source, "-o", "out.mp4" if command == "video" else "out.png", "-m", multi_file, *style, *words
    )
    assert words[0] in said and "pip install --no-deps" in said


def test_a_sheet_keeps_the_face_in_every_style(here, run, multi_file):
    arguments = ("sheet", "photos/white.png", "-m", multi_file, "--size", 96)
    for name, words in (("plain", ()), ("kept", ("--only", "background"))):
        assert run(*arguments, "-o", f"{name}.png", *words).exit_code == 0
    plain, kept = (np.asarray(Image.open(f"{name}.png")).astype(int) for name in ("plain", "kept"))
    white = [(page.min(axis=2) > 250).sum() for page in (plain, kept)]
    assert white[1] > white[0] + 3 * 300


def test_the_subject_of_a_clip_stays(here, run, multi_file):
    clip = make_clip(here / "clip.mp4", [np.roll(PHOTO, i, 1) for i in range(4)], sound=None)
    done = run(
        "video", clip, "-o", "out.mkv", "-m", multi_file, "-s", "dots", "--only", "background", "--codec", "ffv1"
    )
    assert (done.exit_code, done.stderr) == (0, "")
    for i, (made, photo) in enumerate(zip(read_clip(here / "out.mkv")[1], read_clip(clip)[1], strict=True)):
        middle = np.s_[20:36, 62 + i : 74 + i]
        assert np.abs(made[middle].astype(int) - photo[middle]).max() <= 3
        assert np.abs(made[:, :40].astype(int) - photo[:, :40]).mean() > 10
