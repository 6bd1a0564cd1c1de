from __future__ import annotations

from pathlib import Path

import pytest
from moving import make_clip, pictures

from stylezoo.stylizer.loading import load
from stylezoo.stylizer.stylizer import Stylizer


@pytest.fixture(scope="session")
def net(multi_file: Path) -> Stylizer:
    """cin/tiny with the styles "dots", "lines" and "waves"."""
    return load(multi_file, device="cpu", backend="torch")


@pytest.fixture(scope="session")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """100 frames of 64 x 48 px, 25 a second, with sound. Not to be changed."""
    return make_clip(tmp_path_factory.mktemp("clip") / "clip.mp4", pictures(100), metadata={"title": "A cat"})
