"""A photo's detail in its stylized image of a smaller size."""

from __future__ import annotations

import tracemalloc
from typing import Any

import numpy as np
import pytest
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray
from PIL import Image
from skimage import data

from stylezoo.images.color import rgb_to_ycbcr, ycbcr_to_rgb
from stylezoo.images.detail import with_detail
from stylezoo.images.planes import as_levels, resample, resize

LUMA = np.array([0.299, 0.587, 0.114])


def photo(height: int = 150, width: int = 201) -> NDArray[np.float32]:
    return data.astronaut()[:height, 100 : 100 + width].transpose(2, 0, 1)[None].astype(np.float32) / 255


def small(x: NDArray[Any], factor: float = 3.0) -> NDArray[np.float32]:
    return resize(x, (round(x.shape[-2] / factor), round(x.shape[-1] / factor)))


def painted(seen: NDArray[np.float32], seed: int = 1) -> NDArray[np.float32]:
    """Other colours, with strokes."""
    strokes = np.random.default_rng(seed).random((1, 3, *(-(-side // 4) for side in seen.shape[-2:])))
    strokes = np.kron(strokes, np.ones((4, 4)))[..., : seen.shape[-2], : seen.shape[-1]]
    return (0.5 * (1 - seen[:, ::-1]) + 0.5 * strokes).astype(np.float32)


def enlarged(x: NDArray[Any], size: tuple[int, int]) -> NDArray[np.float64]:
    """Pillow's bicubic interpolation of (..., h, w), which the package does not use here."""
    flat = [
        np.asarray(Image.fromarray(p.astype(np.float32)).resize(size[::-1], 3)) for p in x.reshape(-1, *x.shape[-2:])
    ]
    return np.stack(flat).reshape(*x.shape[:-2], *size).astype(np.float64)


def reference(original: Any, seen: Any, stylized: Any) -> NDArray[np.float64]:
    """The docstring of `with_detail`, in float64 and of the whole picture at once."""
    original, seen, stylized = (np.asarray(x[0], dtype=np.float64) for x in (original, seen, stylized))

    def up(x: NDArray[np.float64]) -> NDArray[np.float64]:
        return enlarged(x, original.shape[-2:])

    def windows(x: NDArray[np.float64]) -> NDArray[np.float64]:
        padded = np.pad(x, [(0, 0)] * (x.ndim - 2) + [(1, 1), (1, 1)], mode="edge")
        return sliding_window_view(padded, (3, 3), axis=(-2, -1)).reshape(*x.shape, 9)

    def mean(x: NDArray[np.float64]) -> NDArray[np.float64]:
        return windows(x).mean(-1)

    apart = stylized - seen
    slope = (mean(seen * apart) - mean(seen) * mean(apart)).sum(0) / ((mean(seen**2) - mean(seen) ** 2).sum(0) + 3e-3)
    gain = mean(slope.clip(-1, 1))
    light, change = (np.einsum("c,chw->hw", LUMA, x) for x in (stylized, apart))
    least, most = windows(light).min(-1), windows(light).max(-1)
    reach = np.minimum(most - least, windows(change).max(-1) - windows(change).min(-1))
    place = (np.einsum("c,chw->hw", LUMA, up(stylized)) - up(least)) / np.maximum(up(most - least), 1e-4)
    place = place.clip(0, 1)
    steep = place**2 * (3 - 2 * place)
    steep = steep**2 * (3 - 2 * steep)
    sharpening = up(reach).clip(0) * (steep - place)
    return (original + up(apart) + up(gain) * (original - up(seen)) + sharpening).clip(0, 1)


def sharpness(x: NDArray[Any], where: Any = np.True_) -> float:
    """Mean squared difference of neighbouring pixels."""
    light = np.einsum("c,chw->hw", LUMA, x[0].astype(np.float64))
    across = (light[:-1, 1:] - light[:-1, :-1]) ** 2 + (light[1:, :-1] - light[:-1, :-1]) ** 2
    return float(across[np.broadcast_to(where, light.shape)[:-1, :-1]].mean())


@pytest.mark.parametrize(("height", "width", "factor"), [(150, 201, 3.0), (129, 67, 4.7), (65, 300, 1.2), (64, 64, 8)])
def test_it_is_what_its_docstring_says(height: int, width: int, factor: float) -> None:
    x = photo(height, width)
    seen = small(x, factor)
    made = with_detail(x, seen, painted(seen))
    assert made.dtype == np.float32 and made.shape == x.shape
    assert np.abs(made - reference(x, seen, painted(seen))[None]).max() < 1e-4


@pytest.mark.parametrize("luma", [False, True])
def test_what_is_not_stylized_is_the_photo_to_the_bit(luma: bool) -> None:
    x = as_levels(photo())
    seen = small(x)
    half = painted(seen)
    half[..., seen.shape[-1] // 2 :] = seen[..., seen.shape[-1] // 2 :]
    assert np.array_equal(with_detail(x, seen, seen.copy(), luma=luma), x)
    if not luma:
        assert np.array_equal(with_detail(photo(), seen, seen.copy()), photo())
        made = with_detail(x, seen, half)
        assert np.array_equal(made[..., 120:], x[..., 120:]) and not np.array_equal(made[..., :80], x[..., :80])


def test_levels_are_the_rounded_floats_and_each_picture_is_by_itself() -> None:
    x = as_levels(np.concatenate([photo(), 1 - photo()]))
    seen = small(x)
    strokes = np.concatenate([painted(seen[:1]), painted(seen[1:], seed=2)])
    made = with_detail(x, seen, strokes)
    floats = with_detail(x.astype(np.float32) / np.float32(255), seen, strokes)
    assert made.dtype == np.uint8
    assert np.abs(made - floats * 255).max() < 0.51
    assert np.array_equal(made[1:], with_detail(x[1:], seen[1:], strokes[1:]))
    assert np.array_equal(made, with_detail(np.asfortranarray(x), seen, strokes))


def test_edges_that_photo_and_stylized_image_share_are_as_sharp_as_in_the_photo() -> None:
    x = np.full((1, 3, 120, 160), 0.2, dtype=np.float32)
    x[..., 83:] = 0.7
    seen = small(x, 4)
    stylized = 0.9 * seen + 0.05
    made, soft = with_detail(x, seen, stylized), resize(stylized, (120, 160))
    jump = np.diff(made[0, 1, 60, 78:88])
    assert jump.max() > 0.8 * 0.45 and sharpness(made) > 3 * sharpness(soft)


def test_an_edge_that_the_stylized_image_lacks_does_not_come_back() -> None:
    x = np.full((1, 3, 120, 160), 0.2, dtype=np.float32)
    x[..., 83:] = 0.7
    seen = small(x, 4)
    made = with_detail(x, seen, np.full_like(seen, 0.4))
    assert np.abs(made - 0.4).max() < 0.05


def test_edges_of_strokes_that_are_not_in_the_photo_are_sharpened_and_stay_in_range() -> None:
    x = np.full((1, 3, 160, 160), 0.5, dtype=np.float32)
    seen = small(x, 4)
    stylized = np.full_like(seen, 0.3)
    stylized[..., 10:30, 15:] = 0.8
    made, soft = with_detail(x, seen, stylized), resize(stylized, (160, 160))
    assert sharpness(made) > 1.5 * sharpness(soft)
    assert made.min() > soft.min() - 0.01 and made.max() < soft.max() + 0.01


def test_a_real_photo_comes_out_sharper_near_its_edges_and_the_same_from_afar() -> None:
    x = photo(400, 400)
    seen = small(x, 4)
    stylized = painted(seen) * 0.4 + seen * 0.6
    light = np.einsum("c,chw->hw", LUMA, x[0])
    edges = np.abs(np.gradient(light, axis=1)) > 0.1
    made, soft = with_detail(x, seen, stylized), resize(stylized, (400, 400))
    assert sharpness(made, edges) > 3 * sharpness(soft, edges)
    assert np.abs(resize(made, seen.shape[-2:]) - stylized).mean() < 0.02


def test_with_luma_the_chroma_is_the_photos() -> None:
    x = 0.3 + 0.4 * photo()  # colours that no luma drives out of range
    seen = small(x)
    ycbcr = rgb_to_ycbcr(seen)
    ycbcr[:, :1] = 0.4 + 0.2 * painted(seen)[:, :1]
    made = with_detail(x, seen, ycbcr_to_rgb(ycbcr).astype(np.float32), luma=True)
    inside = ((made > 0) & (made < 1)).all(axis=1)
    assert inside.mean() > 0.9
    assert np.abs((rgb_to_ycbcr(made) - rgb_to_ycbcr(x))[:, 1:] * inside).max() < 1e-5


def test_beyond_the_result_memory_does_not_grow_with_the_picture() -> None:
    def peak(height: int) -> float:
        x = np.zeros((1, 3, height, 1500), dtype=np.uint8)
        seen = np.zeros((1, 3, 75, 100), dtype=np.float32)
        tracemalloc.start()
        made = with_detail(x, seen, seen)
        most = tracemalloc.get_traced_memory()[1] - made.nbytes
        tracemalloc.stop()
        return most

    assert peak(2400) < 1.2 * peak(400) < 4e7


def test_a_line_is_resampled_as_by_pillow() -> None:
    line = np.random.default_rng(3).random((1, 40)).astype(np.float32)
    for after in (17, 40, 133):
        made = np.concatenate([line[:, t.first : t.last] @ t.weights.T for t in resample(40, after, 0, after)], axis=1)
        expected = np.asarray(Image.fromarray(line).resize((after, 1), Image.Resampling.BICUBIC))
        assert np.abs(made - expected).max() < 1e-5


@pytest.mark.parametrize("factor", [1.0, 1.7, 3.0])
def test_detail_of_a_picture_that_tiles_is_that_of_the_middle_of_nine(factor: float) -> None:
    original = photo(90, 120)
    seen = small(original, factor)
    stylized = painted(seen)
    nine = [np.tile(x, (1, 1, 3, 3)) for x in (original, seen, stylized)]
    wanted = with_detail(*nine)[..., 90:180, 120:240]
    assert np.abs(with_detail(original, seen, stylized, wrap=True) - wanted).max() < 1e-4
