"""--tileable of `stylize`."""

from __future__ import annotations

import numpy as np
from PIL import Image
from tiling import periodic, seams


def test_the_result_tiles_and_the_option_is_stated(run, multi_file, tmp_path) -> None:
    Image.fromarray((periodic(48, 64) * 255).astype(np.uint8)).save(tmp_path / "in.png")
    line = ["stylize", tmp_path / "in.png", "-m", multi_file, "-s", "dots", "-o", tmp_path / "out.png", "--json"]
    done = run(*line, "--tileable")
    assert done.exit_code == 0 and '"tileable": true' in done.stdout
    with Image.open(tmp_path / "out.png") as made:
        assert max(seams(made)) <= 2
    assert "tile=64" in run(*line, "--tileable", "--tile", "64", "--force").stderr
