"""What users see of types: a script of theirs passes mypy --strict."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = """
import numpy as np
import stylezoo
from numpy.typing import NDArray
from PIL import Image

model: stylezoo.Stylizer = stylezoo.load("cin/16")
picture: Image.Image = model.stylize(Image.new("RGB", (64, 64)), "udnie", strength=0.5)
from_path: Image.Image = stylezoo.stylize("photo.jpg")
data: bytes = model.stylize(b"...", {"udnie": 0.5, "the_kiss": 0.5})
array: NDArray[np.uint8] = model.stylize(np.zeros((8, 8, 3), np.uint8), "udnie", preserve_color="luma")
picture.save("styled.png")
"""
TENSOR = """
import stylezoo
import torch

tensor: torch.Tensor = stylezoo.load("cin/16").stylize(torch.zeros(3, 8, 8), "udnie")
"""
WRONG = """
import stylezoo

data: bytes = stylezoo.load("cin/16").stylize("photo.jpg", "udnie")
"""


@pytest.mark.slow
def test_a_script_passes_mypy_strict_and_a_wrong_one_does_not(tmp_path: Path) -> None:
    for name, text in (("script", SCRIPT), ("tensors", TENSOR), ("wrong", WRONG)):
        (tmp_path / f"{name}.py").write_text(text)
    root = Path(__file__).parents[1]
    command = [sys.executable, "-m", "mypy", "--strict", "--config-file=", f"--cache-dir={root / '.mypy_cache'}"]
    done = subprocess.run(
        [*command, "--follow-imports=silent", "script.py", "tensors.py", "wrong.py"],
        cwd=tmp_path,
        env=os.environ | {"MYPYPATH": str(root)},
        capture_output=True,
        text=True,
        check=False,
    )
    lines = done.stdout.splitlines()
    assert [line for line in lines if not line.startswith(("wrong.py", "Found"))] == []
    assert any(line.startswith("wrong.py:4") and "Incompatible types in assignment" in line for line in lines), lines
