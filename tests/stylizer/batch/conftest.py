from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from stylezoo.stylizer.batch import Job

NAMES = ("a", "broken", "deadly", "e", "unlucky", "z")


@pytest.fixture(scope="session")
def folder(tmp_path_factory) -> Path:
    """Pictures for `LossyWork`: of 48 x 32 px, but broken.png, which is none; z.gif has two frames."""
    path = tmp_path_factory.mktemp("photos")
    for seed, name in enumerate(NAMES):
        pixels = np.random.default_rng(seed).integers(0, 256, (2, 32, 48, 3), dtype=np.uint8)
        first, second = map(Image.fromarray, pixels)
        if name == "z":
            first.save(path / "z.gif", save_all=True, append_images=[second])
        else:
            first.save(path / f"{name}.png")
    (path / "broken.png").write_text("no picture")
    return path


@pytest.fixture(scope="session")
def jobs_into(folder):
    """Return the jobs that stylize the folder into another, of those names that are given."""

    def plan(target: Path, *names: str) -> list[Job]:
        sources = sorted(path for path in folder.iterdir() if path.stem in (names or NAMES))
        return [Job(source, target / f"{source.stem}.png", "png") for source in sources]

    return plan
