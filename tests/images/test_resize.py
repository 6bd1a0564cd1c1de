from __future__ import annotations

import numpy as np
import pytest
import torch
from PIL import Image
from skimage import data

from stylezoo.errors import OptionError
from stylezoo.images import planes
from stylezoo.images.planes import pool
from stylezoo.images.resize import crop, pad_to_multiple, resize, resize_around
from stylezoo.images.sizes import fit_long_side, fit_short_side


def chw(array: np.ndarray) -> torch.Tensor:
    return torch.from_numpy(array).permute(2, 0, 1)[None].float() / 255


@pytest.mark.parametrize("size", [(100, 150), (37, 41), (300, 400), (1, 5)])
def test_resize_agrees_with_pillows_bicubic(size: tuple[int, int]) -> None:
    photo = data.chelsea()[:200, :260]
    height, width = size
    reference = np.asarray(Image.fromarray(photo).resize((width, height), Image.Resampling.BICUBIC))
    ours = (resize(chw(photo), size)[0].permute(1, 2, 0) * 255).numpy()
    assert np.abs(ours - reference).max() < 2  # Pillow rounds to 8 bits after each of its two passes


@pytest.mark.parametrize("size", [(100, 150), (37, 41), (90, 64), (45, 33), (3, 2)])
def test_a_picture_that_tiles_still_does_at_another_size(size: tuple[int, int]) -> None:
    x = np.random.default_rng(0).random((1, 3, 45, 64)).astype(np.float32)
    tiled = planes.resize(np.tile(x, (1, 1, 3, 3)), (3 * size[0], 3 * size[1]))
    middle = tiled[..., size[0] : 2 * size[0], size[1] : 2 * size[1]]
    assert np.abs(planes.resize(x, size, wrap=True) - middle).max() < 1e-4
    assert np.abs(resize_around(torch.from_numpy(x), size).numpy() - middle).max() < 1e-4


def test_resize_does_not_overshoot() -> None:
    edge = torch.zeros(1, 3, 8, 8)
    edge[..., 4:] = 1
    larger = resize(edge, (32, 32))
    assert larger.min() == 0 and larger.max() == 1


def test_resize_keeps_half_precision_and_leaves_its_own_size_alone() -> None:
    x = torch.rand(1, 3, 8, 8).half()
    assert resize(x, (4, 6)).dtype == torch.float16
    assert torch.equal(resize(x, (8, 8)), x)


def test_resize_refuses_nothing() -> None:
    with pytest.raises(OptionError, match="0x4"):
        resize(torch.rand(1, 3, 8, 8), (0, 4))


@pytest.mark.parametrize(
    ("side", "picture", "size", "expected"),
    [
        (fit_long_side, (300, 400), 200, (150, 200)),
        (fit_long_side, (400, 300), 200, (200, 150)),
        (fit_long_side, (1, 5000), 512, (1, 512)),
        (fit_long_side, (100, 100), 333, (333, 333)),
        (fit_short_side, (300, 400), 150, (150, 200)),
        (fit_short_side, (451, 300), 384, (577, 384)),
        (fit_short_side, (1, 7), 3, (3, 21)),
    ],
)
def test_fit(side, picture, size, expected) -> None:
    assert side(*picture, size) == expected


@pytest.mark.parametrize("side", [fit_long_side, fit_short_side])
def test_fit_meets_its_size_exactly(side) -> None:
    chosen = max if side is fit_long_side else min
    for height in range(1, 60, 7):
        for width in range(1, 60, 5):
            for size in (1, 49, 333):
                assert chosen(side(height, width, size)) == size
    with pytest.raises(OptionError, match="size=0"):
        side(3, 4, 0)


@pytest.mark.parametrize("size", [(1, 1), (1, 9), (9, 1), (2, 3), (8, 16), (13, 17)])
@pytest.mark.parametrize(("multiple", "minimum"), [(1, 1), (4, 1), (8, 32), (7, 20)])
def test_padding_reaches_the_multiple_and_is_undone_by_crop(size, multiple, minimum) -> None:
    x = torch.rand(2, 3, *size)
    padded, before = pad_to_multiple(x, multiple, minimum)
    assert before == size
    for old, new in zip(size, padded.shape[-2:], strict=True):
        assert new % multiple == 0
        assert new >= max(old, minimum)
        assert new - multiple < max(old, minimum)
    assert torch.equal(crop(padded, before), x)


def test_padding_reflects_like_numpy_even_beyond_the_picture() -> None:
    x = torch.rand(1, 3, 3, 5)
    padded, _ = pad_to_multiple(x, 16)
    reference = np.pad(x.numpy(), ((0, 0), (0, 0), (0, 13), (0, 11)), mode="reflect")
    assert np.array_equal(padded.numpy(), reference)


def test_padding_refuses_zero() -> None:
    with pytest.raises(OptionError, match="multiple=0"):
        pad_to_multiple(torch.rand(1, 3, 2, 2), 0)


@pytest.mark.parametrize("size", [(6, 9), (5, 4), (12, 1), (7, 9)])
def test_pool_is_torchs_adaptive_average(size: tuple[int, int]) -> None:
    x = torch.rand(2, 3, 12, 9, generator=torch.Generator().manual_seed(0))
    expected = torch.nn.functional.adaptive_avg_pool2d(x.double(), size)
    found = pool(x.numpy(), size)
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, expected.numpy(), atol=1e-6)
