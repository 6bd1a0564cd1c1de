from __future__ import annotations

from fractions import Fraction

import pytest
import torch

from stylezoo.errors import OptionError
from stylezoo.runtime.base import StyleCode
from stylezoo.video.keyframes import Course, Keyframe, read_keyframes


def test_texts_and_pairs():
    assert read_keyframes("0:starry_night,5s:great_wave,120:the_kiss+udnie") == [
        Keyframe(Fraction(0), False, "starry_night"),
        Keyframe(Fraction(5), True, "great_wave"),
        Keyframe(Fraction(120), False, ["the_kiss", "udnie"]),
    ]
    assert read_keyframes([(0, "a"), ("2.5s", "b"), (3.0, "c")]) == [
        Keyframe(Fraction(0), False, "a"),
        Keyframe(Fraction(5, 2), True, "b"),
        Keyframe(Fraction(3), True, "c"),
    ]


def test_names_of_files_may_hold_anything(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "a+b, c:d.png").touch()
    assert [frame.style for frame in read_keyframes("0:a+b, c:d.png,1s:e")] == ["a+b, c:d.png", "e"]


@pytest.mark.parametrize("text", ["", "starry_night", "0:", "5m:a", "-1:a", "0.5:a", "s:a"])
def test_texts_that_are_none(text):
    with pytest.raises(OptionError, match="write TIME:STYLE"):
        read_keyframes(text)


def test_lines_between_and_ends_held():
    numbers = {"a": 0.0, "b": 10.0, "c": 0.0}

    def course(text):
        return Course(read_keyframes(text), lambda s: StyleCode(torch.tensor([[numbers[s]]])), Fraction(10))

    def values(made, frames):
        return [round(made(n, Fraction(n, 10)).values.item(), 4) for n in frames]

    assert values(course("10:a,20:b,30:c"), [0, 10, 12, 20, 25, 30, 99]) == [0, 0, 2, 10, 5, 0, 0]
    assert values(course("1s:a,2s:b,3s:c"), [0, 10, 12, 20, 25, 30, 99]) == [0, 0, 2, 10, 5, 0, 0]
    assert values(course("10:a,2s:b,30:c"), [0, 10, 12, 20, 25, 30, 99]) == [0, 0, 2, 10, 5, 0, 0]
    assert values(course("5:b"), [0, 5, 9]) == [10, 10, 10]
    late = course("10:a,20:b")  # of frames that do not come evenly the numbers count
    assert late(15, Fraction(100)).values.item() == 5
    for text in ("10:a,10:b", "2s:a,1s:b", "15:a,1s:b"):
        with pytest.raises(OptionError, match="order them by time"):
            course(text)
