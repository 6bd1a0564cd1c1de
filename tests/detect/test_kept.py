from __future__ import annotations

import warnings
from pathlib import Path

import numpy as np
import pytest

from stylezoo.detect.kept import SIZE, keeper
from stylezoo.errors import OptionError
from stylezoo.runtime.options import PROTECT, StylizeOptions


@pytest.fixture
def photo() -> np.ndarray:
    """A large white part on the left, which the networks of `detectors` take for faces and a subject."""
    photo = np.zeros((1, 3, 64, 96), np.uint8)
    photo[..., 16:48, 8:40] = 255
    return photo


@pytest.mark.usefixtures("nothing")
def test_nothing_is_looked_for_unless_asked() -> None:
    assert keeper(StylizeOptions()) is None
    assert keeper(StylizeOptions(protect="face:0")) is None
    with pytest.raises(OptionError, match=r"protect='face:0\.5' .*pip install"):
        keeper(StylizeOptions(protect="face:0.5"))
    with pytest.raises(OptionError, match=r"only='subject' .*pip install"):
        keeper(StylizeOptions(only="subject"))


def test_masks_say_how_much_of_the_photo_stays(fakes: Path, photo: np.ndarray) -> None:
    def kept(**options: str) -> np.ndarray:
        keep = keeper(StylizeOptions(**options))
        assert keep
        return keep(photo, "a")[0, 0]

    face, half = kept(protect="face"), kept(protect="face:0.5")
    assert face.shape == (64, 96) and face.max() == pytest.approx(PROTECT) and face[:, 90].max() == 0
    np.testing.assert_allclose(half * PROTECT, face * 0.5, atol=1e-6)
    subject, background = kept(only="subject"), kept(only="background")
    np.testing.assert_allclose(subject + background, 1, atol=1e-6)
    assert background[32, 24] > 0.99 and background[32, 80] < 0.01
    both = kept(protect="face:0.5", only="subject")
    np.testing.assert_allclose(both, np.maximum(half, subject))


def test_photos_of_a_batch_have_their_own_masks_and_large_ones_small_masks(fakes: Path, photo: np.ndarray) -> None:
    keep = keeper(StylizeOptions(protect="face"))
    assert keep
    pair = keep(np.concatenate([photo, photo[..., ::-1]]), "a")
    assert pair.shape == (2, 1, 64, 96) and pair[0].max() == pair[1].max() and (pair[0] != pair[1]).any()
    assert keep(np.repeat(np.repeat(photo, 9, 2), 9, 3), "a").shape == (1, 1, 341, SIZE)


def test_a_photo_without_a_face_or_subject_stays_nowhere_and_is_named(fakes: Path, photo: np.ndarray) -> None:
    for options, word in (({"protect": "face"}, "face"), ({"only": "subject"}, "subject")):
        keep = keeper(StylizeOptions(**options))
        assert keep
        with pytest.warns(UserWarning, match=rf"cat\.jpg: no {word} found"):
            assert not keep(photo * 0, "cat.jpg").any()
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            keep(photo * 0, "")
