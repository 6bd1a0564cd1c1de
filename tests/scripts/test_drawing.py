"""What the scripts that draw style pictures share: smooth noise, and a command line that repeats a seed."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
from PIL import Image

STYLES = ["comic", "impasto", "stained_glass", "watercolor", "woodcut", pytest.param("mosaic", marks=pytest.mark.slow)]
SIZE = 160


@pytest.mark.parametrize("style", STYLES)
def test_the_command_repeats_a_seed(
    load_script: Callable[[str], ModuleType], style: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    script = load_script(f"draw_{style}")
    out = tmp_path / "styles" / "picture.png"
    monkeypatch.setattr(sys, "argv", [f"draw_{style}.py", "--size", str(SIZE), "--seed", "7", "--out", str(out)])
    script.main()
    with Image.open(out) as picture:
        assert (picture.size, picture.mode) == ((SIZE, SIZE), "RGB")
        assert picture.tobytes() == script.draw(size=SIZE, seed=7).tobytes()
        assert picture.tobytes() != script.draw(size=SIZE, seed=8).tobytes()


@pytest.mark.parametrize("style", ["comic", "impasto", "stained_glass", "watercolor", "woodcut", "mosaic"])
def test_a_size_too_small_for_the_drawing_is_refused(load_script: Callable[[str], ModuleType], style: str) -> None:
    with pytest.raises(ValueError, match="size 20"):
        load_script(f"draw_{style}").draw(size=20)


def test_noise_is_smooth_and_of_variance_1(load_script: Callable[[str], ModuleType]) -> None:
    noise = load_script("drawing").smooth_noise(np.random.default_rng(7), 240, 12)
    assert noise.shape == (240, 240)
    assert noise.std() == pytest.approx(1)
    assert np.abs(np.diff(noise)).max() < 0.5  # a wave is 20 pixels long
