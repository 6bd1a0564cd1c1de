"""Where things are in the frames, against geometry that is worked out here by other means."""

from __future__ import annotations

import cmath
import math
from collections.abc import Callable

import numpy as np
import pytest
import torch
from torch import Tensor

from stylezoo.evaluate.clips import camera
from stylezoo.evaluate.motion import Layer, Scene, affine, sample, whole

HEIGHT, WIDTH = 12, 16
CENTRE = complex((WIDTH - 1) / 2, (HEIGHT - 1) / 2)


def disc(radius: float) -> Callable[[Tensor], Tensor]:
    return lambda where: radius - torch.hypot(where[..., 0], where[..., 1])


def plain(path: Tensor, outline: Callable[[Tensor], Tensor] | None = None) -> Layer:
    return Layer(torch.rand(3, 40, 40, dtype=torch.float64), path, outline)


@pytest.mark.parametrize(("turn", "grow"), [(0.0, 0.9), (0.0, 1.1), (math.radians(7), 1.0), (math.radians(-40), 0.8)])
def test_a_turning_and_zooming_camera_has_each_pixel_where_it_was(turn: float, grow: float) -> None:
    """In the complex plane around the frame's middle: multiplied by grow * exp(i turn) a frame, to the borders."""
    scene = Scene((plain(camera(HEIGHT, WIDTH, 4, np.zeros(2), turn, grow)),), HEIGHT, WIDTH)
    where, visible = scene.known(1, 3)
    factor = cmath.rect(grow, turn) ** 2
    for y, x in ((0, 0), (0, WIDTH - 1), (HEIGHT - 1, 0), (HEIGHT - 1, WIDTH - 1), (5, 3)):
        expected = CENTRE + factor * (complex(x, y) - CENTRE)
        assert where[y, x].tolist() == pytest.approx([expected.real, expected.imag], abs=1e-9)
        left, top = math.floor(expected.real) - 1, math.floor(expected.imag) - 1
        inside = left in range(WIDTH - 3) and top in range(HEIGHT - 3)
        assert bool(visible[y, x]) == inside
    assert visible.any() and not (turn and visible.all())


def test_frames_show_what_the_motion_says_to_the_borders() -> None:
    """A smooth picture given by a formula: each pixel of a frame is the formula at the place that the map gives."""

    def formula(x: np.ndarray, y: np.ndarray) -> np.ndarray:
        return 0.5 + 0.4 * np.sin(0.15 * x + 0.1 * y)

    y, x = np.mgrid[:60, :60].astype(float)
    picture = torch.from_numpy(np.stack([formula(x, y)] * 3))
    path = torch.stack([affine(math.radians(5 * t), 0.9, (22.0, 24.0)) for t in range(3)])
    scene = Scene((Layer(picture, path),), HEIGHT, WIDTH)
    frame = scene.render(2).numpy()
    for py, px in np.ndindex(HEIGHT, WIDTH):
        place = complex(22, 24) + 0.9 * cmath.exp(1j * math.radians(10)) * complex(px, py)
        assert frame[0, py, px] == pytest.approx(formula(np.array(place.real), np.array(place.imag)), abs=5e-3)


def test_a_pan_by_whole_pixels_shifts_the_frame_exactly() -> None:
    scene = Scene((plain(camera(HEIGHT, WIDTH, 3, np.array([3.0, -2.0]), 0.0, 1.0) + place(12)),), HEIGHT, WIDTH)
    before, after = scene.render(0), scene.render(1)
    torch.testing.assert_close(after[:, 2:, :-3], before[:, :-2, 3:], rtol=0, atol=1e-12)
    where, visible = scene.known(0, 1)
    expected = torch.zeros(HEIGHT, WIDTH, dtype=torch.bool)
    expected[2:, :-3] = True
    assert torch.equal(visible, expected)
    torch.testing.assert_close(sample(before, where)[:, visible], after[:, visible], rtol=0, atol=1e-12)


def place(shift: float) -> Tensor:
    """What to add to maps for the scene's (0, 0) to be that far from the picture's corner."""
    moved = torch.zeros(3, 3, dtype=torch.float64)
    moved[:2, 2] = shift + 0.5
    return moved


def test_what_is_covered_or_uncovered_is_not_compared() -> None:
    """Against each pixel by itself: the disc moves by (3, 1) to the right and down, before a still background."""
    still = torch.eye(3, dtype=torch.float64).repeat(2, 1, 1)
    centres = [(5.0, 4.0), (8.0, 5.0)]
    path = torch.stack([affine(shift=(-x, -y)) for x, y in centres])
    scene = Scene((plain(still), plain(path, disc(3.2))), HEIGHT, WIDTH)
    where, visible = scene.known(0, 1)

    def kind(frame: int, x: int, y: int) -> str:
        if not (0 <= x < WIDTH and 0 <= y < HEIGHT):
            return "outside"
        depth = 3.2 - math.hypot(x - centres[frame][0], y - centres[frame][1])
        return "disc" if depth >= 0.5 else "background" if depth <= -0.5 else "edge"

    counts = dict.fromkeys((True, False), 0)
    for y, x in np.ndindex(HEIGHT, WIDTH):
        now = kind(1, x, y)
        before = (x - 3, y - 1) if now == "disc" else (x, y)
        expected = now in ("disc", "background") and kind(0, *before) == now
        assert bool(visible[y, x]) == expected, (x, y)
        if expected:
            assert where[y, x].tolist() == pytest.approx(before)
        counts[expected] += 1
    assert counts[True] > 100 and counts[False] > 30


def test_a_place_between_pixels_needs_all_that_interpolation_takes() -> None:
    mask = torch.ones(8, 8, dtype=torch.bool)
    mask[4, 6] = False

    def one(x: float, y: float) -> bool:
        return bool(whole(mask, torch.tensor([[[x, y]]], dtype=torch.float64)))

    assert one(5.0, 4.0) and not one(6.0, 4.0) and not one(4.5, 4.0) and one(3.5, 4.0) and not one(4.5, 2.5)
    assert one(4.5, 1.5) and one(0.0, 0.0) and one(7.0, 7.0) and one(1.0 - 1e-9, 0.0) and not one(0.5, 0.0)
    assert not one(-1.0, 0.0) and not one(7.0, 8.0)
