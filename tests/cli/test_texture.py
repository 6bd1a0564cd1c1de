"""`stylezoo texture`."""

from __future__ import annotations

import json

import numpy as np
import pytest
from PIL import Image

from stylezoo.cli.texture import parse_size
from stylezoo.errors import OptionError
from stylezoo.runtime import device


@pytest.fixture
def picture(tmp_path):
    pixels = np.kron(np.random.default_rng(0).integers(0, 256, (8, 8, 3), dtype=np.uint8), np.ones((8, 8, 1), np.uint8))
    Image.fromarray(pixels).save(tmp_path / "in.png")
    return tmp_path / "in.png"


def test_a_texture_is_written_and_described(run, picture) -> None:
    out = picture.with_name("out.png")
    line = ["texture", picture, "-o", out, "--size", "64x48", "--steps", "2"]
    done = run(*line, "--tileable", "--seed", "3", "--json")
    assert done.exit_code == 0, done.stderr
    facts = json.loads(done.stdout)
    assert (facts["width"], facts["height"], facts["seed"], facts["tileable"]) == (64, 48, 3, True)
    with Image.open(out) as made:
        assert made.size == (64, 48)
    assert "--force" in run(*line).stderr


def test_a_net_makes_one_in_a_style_of_its_own(run, refused, multi_file, picture) -> None:
    out = picture.with_name("net.png")
    line = ["texture", "-m", multi_file, "-o", out, "--size", "64"]
    done = run(*line, "-s", "dots:0.5,waves:0.5", "--tileable", "--json")
    assert done.exit_code == 0, done.stderr
    facts = json.loads(done.stdout)
    assert (facts["input"], facts["style"], facts["width"]) == (None, "dots:0.5,waves:0.5", 64)
    assert "dots" in refused("texture", "-m", multi_file, "-o", out, "--force")
    assert "exclude" in refused("texture", picture, "-s", "dots", "-m", multi_file, "-o", out, "--force")
    assert "steps" in refused(*line, "-s", "dots", "--steps", "9", "--force")


def test_what_is_wrong_is_one_line(refused, picture, monkeypatch) -> None:
    out = picture.with_name("out.png")
    assert "'big'" in refused("texture", picture, "-o", out, "--size", "big")
    assert "8x8" in refused("texture", picture, "-o", out, "--size", "8")
    assert "never overwritten" in refused("texture", picture, "-o", picture, "--force")
    assert "out.xyz" in refused("texture", picture, "-o", picture.with_name("out.xyz"))
    monkeypatch.setattr(device, "has_torch", lambda: False)
    assert "pip install 'stylezoo[train]'" in refused("texture", picture, "-o", out)


def test_sizes_are_read() -> None:
    assert parse_size("2048x1024") == (2048, 1024) and parse_size("512") == (512, 512)
    for text in ("", "0", "2048x", "x", "-5x5", "1.5"):
        with pytest.raises(OptionError, match="--size"):
            parse_size(text)
