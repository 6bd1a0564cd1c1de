from __future__ import annotations

import sys

import numpy as np
import pytest
from moving import make_clip, pictures
from skimage import data

from stylezoo.errors import OptionError
from stylezoo.video import stylize_video
from stylezoo.video.flow import SHARE, FlowBlend


def test_without_opencv_it_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "cv2", None)
    with pytest.raises(OptionError, match=r"pip install 'stylezoo\[flow\]'"):
        FlowBlend()


@pytest.mark.slow
def test_what_was_stylized_moves_with_the_photo():
    pytest.importorskip("cv2")
    photo = data.astronaut()
    rng = np.random.default_rng(0)
    blend = FlowBlend()
    before = rng.integers(0, 256, (32, 32, 3), dtype=np.uint8).repeat(8, 0).repeat(8, 1)
    first = blend(photo[100:356, 100:356], before)
    assert np.array_equal(first, before)
    black = np.zeros_like(before)
    second = blend(photo[103:359, 105:361], black)  # what is seen moves by 3 up and 5 to the left
    moved = np.zeros(before.shape)
    moved[:-3, :-5] = before[3:, 5:]
    inner = (slice(16, 224), slice(16, 224))
    assert np.abs(second - SHARE * moved)[inner].mean() < 12
    assert np.abs(second - SHARE * before.astype(float))[inner].mean() > 25  # not where it was
    assert second[:, -4:].max() == 0  # nothing comes from outside


def test_at_a_cut_nothing_is_blended():
    pytest.importorskip("cv2")
    blend = FlowBlend()
    blend(data.astronaut()[:256, :256], np.full((256, 256, 3), 255, np.uint8))
    after = blend(255 - data.coffee()[:256, :256], np.zeros((256, 256, 3), np.uint8))
    assert after.mean() < 25  # where the pictures agree by chance; without the check it is 153


@pytest.mark.slow
def test_a_clip_is_steadier_and_its_state_goes_on(net, tmp_path):
    pytest.importorskip("cv2")
    still = pictures(1)[0].astype(int)
    rng = np.random.default_rng(1)
    frames = [np.clip(still + rng.normal(0, 12, still.shape), 0, 255).astype(np.uint8) for _ in range(60)]
    source = make_clip(tmp_path / "in.mkv", frames, codec="ffv1", pixel_format="bgr0", sound=None)

    def flicker(name, **options):
        from moving import read_clip

        stylize_video(source, tmp_path / name, net, "dots", codec="ffv1", **options)
        found = np.stack(read_clip(tmp_path / name)[1][10:]).astype(float)
        return np.abs(np.diff(found, axis=0)).mean()

    assert flicker("flow.mkv", flow=True) < 0.7 * flicker("plain.mkv")
