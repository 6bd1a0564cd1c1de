from __future__ import annotations

import sys
from importlib.util import find_spec

import pytest
import torch
from torch.nn.functional import interpolate

from stylezoo.errors import OptionError, StyleZooError
from stylezoo.evaluate.stlpips import STLPIPS


def test_without_the_package_the_message_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("stylezoo.evaluate.stlpips.find_spec", lambda name: None)
    with pytest.raises(OptionError, match=r"pip install 'stylezoo\[eval\]'"):
        STLPIPS()


def test_a_package_that_has_changed_is_an_error_of_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("stylezoo.evaluate.stlpips.find_spec", lambda name: object())
    monkeypatch.setitem(sys.modules, "stlpips_pytorch.stlpips", None)
    with pytest.raises(StyleZooError, match="leave --stlpips out"):
        STLPIPS()


@pytest.mark.skipif(find_spec("stlpips_pytorch") is None, reason="needs stlpips_pytorch")
def test_a_picture_is_near_itself_and_its_shift_and_far_from_another() -> None:
    noise = torch.Generator().manual_seed(0)
    first, second = (
        interpolate(torch.rand(1, 3, 9, 11, generator=noise), (72, 88), mode="bicubic").clamp(0, 1) for _ in "ab"
    )
    distance = STLPIPS()
    assert distance(first, first) == 0
    far = distance(first, second)
    assert far == pytest.approx(distance(second, first), rel=1e-4)
    assert 0 < distance(first, first.roll(1, dims=3)) < far / 2
    # What stood in for packages that are not installed is gone.
    assert all(find_spec(name) is not None or name not in sys.modules for name in ("IPython", "torchsummary"))
