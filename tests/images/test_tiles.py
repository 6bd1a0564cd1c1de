from __future__ import annotations

from itertools import chain

import numpy as np
import pytest
import torch
from torch import Tensor

from stylezoo.images import tiles
from stylezoo.images.color import colour_statistics, match_stats, move_colours
from stylezoo.images.resize import pad_to_multiple, resize
from stylezoo.images.tiles import Box, Kept, Padded, Stacked, as_float, as_levels, resized, rows_of_tiles, strips, whole


def picture(height: int, width: int, channels: int = 3) -> Tensor:
    return torch.rand(1, channels, height, width, generator=torch.Generator().manual_seed(height * 1000 + width))


@pytest.mark.parametrize(("size", "side"), [((1, 1), 8), ((16, 16), 16), ((37, 90), 16), ((33, 17), 32), ((5, 64), 8)])
def test_tiles_cover_every_pixel_once(size: tuple[int, int], side: int) -> None:
    seen = np.zeros(size, int)
    for row in rows_of_tiles(size, side):
        assert len({box.top for box in row}) == 1
        for box in row:
            assert 0 < box.height <= side and 0 < box.width <= side
            assert box.top % side == box.left % side == 0
            seen[box.top : box.bottom, box.left : box.right] += 1
    assert (seen == 1).all()


def test_a_box_grows_up_to_the_edges_of_the_picture() -> None:
    assert Box(8, 16, 24, 32).grown(12, (40, 36)) == (0, 4, 36, 36)
    assert Box(9, 16, 23, 32).aligned(8) == (8, 16, 24, 32)


def test_a_box_finds_its_part_at_any_resolution() -> None:
    x = picture(24, 32)
    outer, box = Box(40, 80, 136, 208), Box(48, 88, 64, 208)  # x covers `outer` at a quarter
    assert torch.equal(box.of(x, outer), x[..., 2:6, 2:32])


@pytest.mark.parametrize("after", [(31, 57), (90, 160), (200, 41), (7, 11), (1, 1), (60, 100)])
@pytest.mark.parametrize("strip", [tiles.STRIP, 300])
def test_windows_of_a_resized_picture_are_those_of_the_whole(
    after: tuple[int, int], strip: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tiles, "STRIP", strip)
    x = picture(60, 100)
    expected = resize(x, after)
    view = resized(Kept(x), after)
    assert view.size == after
    for box in (whole(after), *chain(*rows_of_tiles(after, 64)), Box(after[0] // 2, after[1] // 3, *after)):
        torch.testing.assert_close(view.window(box), box.of(expected, whole(after)), atol=1e-5, rtol=0)


@pytest.mark.parametrize("size", [(37, 50), (48, 64), (1, 9), (3, 1), (5, 64)])
def test_windows_of_a_padded_picture_are_those_of_the_whole(size: tuple[int, int]) -> None:
    x = picture(*size)
    expected = pad_to_multiple(x, 8, 32)[0]
    view = Padded(Kept(x), 8, 32)
    assert view.size == expected.shape[-2:]
    for box in (whole(view.size), *chain(*rows_of_tiles(view.size, 16))):
        assert torch.equal(view.window(box), box.of(expected, whole(view.size)))


def test_views_stack_as_channels() -> None:
    a, b, box = picture(20, 30, 1), picture(20, 30, 2), Box(3, 4, 15, 20)
    assert torch.equal(Stacked([Kept(a), Kept(b)]).window(box), torch.cat([a, b], dim=1)[..., 3:15, 4:20])


def test_eight_bits_are_float_in_a_window_and_come_back() -> None:
    levels = torch.arange(256, dtype=torch.uint8).view(1, 1, 16, 16).expand(1, 3, 16, 16)
    x = Kept(levels).window(Box(0, 0, 16, 16))
    assert x.dtype == torch.float32 and x.min() == 0 and x.max() == 1
    assert torch.equal(as_levels(x), levels)
    fine = torch.linspace(0, 1, 10_001)
    assert torch.equal(
        as_levels(torch.tensor([0.0, 1.0]), torch.int16), torch.tensor([-32768, 32767], dtype=torch.int16)
    )
    torch.testing.assert_close(as_float(as_levels(fine, torch.int16)), fine, atol=0.51 / 65535, rtol=0)
    assert torch.equal(as_levels(torch.tensor([0.499 / 255, 0.501 / 255])), torch.tensor([0, 1], dtype=torch.uint8))


def test_statistics_of_strips_are_those_of_the_picture(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tiles, "STRIP", 400)
    levels = as_levels(picture(61, 47) ** 2)
    parts = list(strips(levels))
    assert len(parts) > 5 and torch.equal(torch.cat(parts, dim=-2), as_float(levels))
    mean, spread = colour_statistics(parts)
    colours = levels[0].flatten(1).numpy() / 255
    np.testing.assert_allclose(mean[0, :, 0], colours.mean(axis=1), rtol=1e-6)
    np.testing.assert_allclose(spread[0], np.cov(colours, bias=True), rtol=1e-5, atol=1e-9)
    x, target = picture(30, 40), picture(20, 20) ** 3
    moved = move_colours(x[..., 5:9, :], colour_statistics([x]), colour_statistics([target]))
    torch.testing.assert_close(moved, match_stats(x, target)[..., 5:9, :])
