"""Which texels a model shows, and what fills the rest."""

from __future__ import annotations

import models
import numpy as np
import pytest

from stylezoo.mesh.islands import coverage, fill, within
from stylezoo.mesh.model import NO_TRIANGLES

REPEAT, CLAMP = ("repeat", "repeat"), ("clamp", "clamp")


def square(left: float, top: float, right: float, bottom: float) -> np.ndarray:
    a, b, c, d = (left, top), (right, top), (right, bottom), (left, bottom)
    return np.array([(a, b, c), (a, c, d)])


def test_the_islands_of_the_cube_are_covered_and_no_more_than_their_edges() -> None:
    _, uv, faces = models.cube()
    covered = coverage(uv.astype(np.float64)[faces.astype(int)], (128, 128), REPEAT)
    wanted = models.islands(128)
    assert covered[wanted].all()
    assert (covered & ~wanted).mean() < 0.04  # texels that an edge touches


@pytest.mark.parametrize(
    ("box", "wrap", "wanted"),
    [
        ((0.25, 0.5, 0.5, 0.75), REPEAT, (slice(32, 48), slice(16, 32))),
        ((2.25, -0.5, 2.5, -0.25), REPEAT, (slice(32, 48), slice(16, 32))),
        ((1.25, 0.5, 1.5, 0.75), ("mirror", "repeat"), (slice(32, 48), slice(32, 48))),
        ((-3.0, 0.5, 0.5, 0.75), CLAMP, (slice(32, 48), slice(0, 32))),
    ],
)
def test_coordinates_beyond_the_edge_come_back(box, wrap, wanted) -> None:
    covered = coverage(square(*box), (64, 64), wrap)
    assert covered[wanted].all()
    assert covered.sum() <= 1.4 * covered[wanted].size


def test_a_triangle_across_the_edge_is_on_both_sides() -> None:
    covered = coverage(square(0.9, 0.25, 1.1, 0.75), (64, 64), REPEAT)
    assert covered[20:44, :5].all() and covered[20:44, 59:].all() and not covered[:, 10:50].any()


@pytest.mark.parametrize("triangles", [NO_TRIANGLES, square(0, 0, 50, 50), np.full((1, 3, 2), np.nan)])
def test_what_is_unknown_or_everywhere_covers_all(triangles: np.ndarray) -> None:
    assert coverage(triangles, (32, 48), REPEAT).all()


def test_the_fill_continues_edges_and_has_no_colour_of_its_own() -> None:
    colours = np.zeros((96, 96, 3), dtype=np.float32)
    covered = np.zeros((96, 96), dtype=bool)
    covered[8:40, 8:40] = covered[60:90, 60:90] = True
    colours[8:40, 8:40], colours[60:90, 60:90] = (0.9, 0.2, 0.4), (0.8, 0.3, 0.6)
    filled = fill(colours, covered, (False, False))
    assert np.array_equal(filled[covered], colours[covered])
    assert np.abs(filled[8:40, 40:48] - colours[20, 20]).max() < 1e-6  # eight texels and more
    assert np.abs(filled[48:60, 70:80] - colours[70, 70]).max() < 1e-6
    assert (filled.min(axis=(0, 1)) > (0.75, 0.15, 0.35)).all() and (filled.max(axis=(0, 1)) < (0.95, 0.35, 0.65)).all()


def test_the_fill_goes_around_where_the_texture_repeats() -> None:
    colours = np.zeros((32, 64, 3), dtype=np.float32)
    covered = np.zeros((32, 64), dtype=bool)
    covered[:, :4] = covered[:, 30:34] = True
    colours[:, :4], colours[:, 30:34] = 0.9, 0.1
    assert fill(colours, covered, (True, True))[:, 56:].min() > 0.89
    assert fill(colours, covered, (False, False))[:, 58:].max() < 0.5


def test_a_whole_texture_is_left_alone() -> None:
    colours = np.random.default_rng(0).random((5, 7, 3)).astype(np.float32)
    assert fill(colours, np.ones((5, 7), dtype=bool), (True, True)) is colours


def test_edges_are_left_out_but_not_thin_islands() -> None:
    covered = np.zeros((20, 20), dtype=bool)
    covered[2:9, 2:9] = covered[12:14, 3] = covered[15, 15] = True
    wanted = covered.copy()
    wanted[2:9, 2:9] = False
    wanted[3:8, 3:8] = True
    assert np.array_equal(within(covered, (False, False)), wanted)
    whole = np.ones((6, 8), dtype=bool)
    assert within(whole, (False, True)).all()
