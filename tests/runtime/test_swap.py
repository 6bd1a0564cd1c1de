"""Style swap against a loop over all patches in float64."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from stylezoo.errors import OptionError, StyleError
from stylezoo.runtime import swap
from stylezoo.runtime.swap import CHANNELS, Swap, level_sizes, read_code, write_code, write_region_codes

Floats = NDArray[np.float32]


def features(seed: int, height: int, width: int) -> Floats:
    values = np.random.default_rng(seed).standard_normal((CHANNELS, height, width))
    return np.maximum(0, values).astype(np.float32)


def padded(how: Swap, x: Floats) -> Floats:
    return np.pad(x, ((0, 0), how.padding(x.shape[1]), how.padding(x.shape[2])), mode="reflect")


def setting(patch: int, stride: int) -> tuple[Swap, Floats, list[Floats]]:
    """Return a swap, the features of a photo, and those of a style at two scales."""
    how = Swap(patch, stride)
    return how, padded(how, features(0, 9, 12)), [features(1, 14, 11), features(2, 7, 6)]


@pytest.fixture
def block(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(swap, "BLOCK", request.param)


def loop(
    photo: Floats, styles: list[Floats], patch: int, stride: int, inside: list[NDArray[np.bool_]] | None = None
) -> NDArray[np.float64]:
    def patches(x: Floats) -> list[tuple[int, int, NDArray[np.float64]]]:
        rows, columns = (range(0, side - patch + 1, stride) for side in x.shape[1:])
        return [(i, j, x[:, i : i + patch, j : j + patch].astype(np.float64)) for i in rows for j in columns]

    whole = inside or [np.ones(style.shape[1:], bool) for style in styles]
    known = [
        cut
        for style, kept in zip(styles, whole, strict=True)
        for i, j, cut in patches(style)
        if kept[i : i + patch, j : j + patch].all()
    ]
    directions = np.stack([cut.ravel() / np.linalg.norm(cut) for cut in known])
    total, count = np.zeros(photo.shape), np.zeros(photo.shape[1:])
    for i, j, cut in patches(photo):
        total[:, i : i + patch, j : j + patch] += known[int((directions @ cut.ravel()).argmax())]
        count[i : i + patch, j : j + patch] += 1
    return total / count


@pytest.mark.parametrize(("patch", "stride"), [(3, 1), (3, 2), (3, 3), (1, 1), (5, 2), (4, 3)])
@pytest.mark.parametrize("block", [1, 20_000, 2**22], indirect=True)
def test_patches_are_those_that_a_loop_finds(patch: int, stride: int, block: None) -> None:
    how, photo, styles = setting(patch, stride)
    expected = loop(photo, styles, patch, stride)
    np.testing.assert_allclose(how.features(np, photo, styles), expected, atol=1e-5)
    ours: Any = how.features(torch, torch.from_numpy(photo), [torch.from_numpy(style) for style in styles])
    np.testing.assert_allclose(ours.numpy(), expected, atol=1e-5)


@pytest.mark.parametrize(("patch", "stride"), [(3, 1), (1, 1), (4, 1)])
@pytest.mark.parametrize("block", [1, 2**22], indirect=True)
def test_a_region_has_patches_that_lie_in_it_alone(patch: int, stride: int, block: None) -> None:
    how, photo, styles = setting(patch, stride)
    disc = np.hypot(np.arange(14)[:, None] - 8, np.arange(11) - 5) < 5
    rows = np.arange(7)[:, None] >= np.array([3] * 6)
    shares = [np.stack([0.8 * m + 0.1, 0.9 - 0.8 * m]).astype(np.float32) for m in (disc, rows)]
    expected = [loop(photo, styles, patch, stride, kept) for kept in ([disc, rows], [~disc, ~rows])]
    codes = write_region_codes(styles, shares, np)
    also = write_region_codes(*([torch.from_numpy(p) for p in parts] for parts in (styles, shares)), torch)
    np.testing.assert_array_equal(also.numpy(), codes)
    for k in range(2):
        np.testing.assert_allclose(how.features(np, photo, read_code(codes[k])), expected[k], atol=1e-5)
        found: Any = how.features(torch, torch.from_numpy(photo), read_code(also[k]))
        np.testing.assert_allclose(found.numpy(), expected[k], atol=1e-5)


def test_black_patches_of_a_photo_become_none_from_outside() -> None:
    style, black = features(1, 9, 9), np.zeros((CHANNELS, 5, 5), np.float32)
    shares = np.zeros((1, 9, 9), np.float32)
    shares[:, 2:6, 3:8] = 1
    (code,) = write_region_codes([style], [shares], np)
    assert Swap().features(np, black, read_code(code)).min() >= 0


@pytest.mark.parametrize(("side", "words"), [(0, "position of 4 px"), (2, "patch of 12 px")])
def test_a_region_without_a_patch_is_an_error(side: int, words: str) -> None:
    shares = np.zeros((1, 9, 9), np.float32)
    shares[:, :side, :side] = 1
    with pytest.raises(StyleError, match=f"style map.*{words}"):
        codes = write_region_codes([features(1, 9, 9)], [shares], np)
        Swap().features(np, features(0, 6, 6), read_code(codes[0]))


def test_brightness_does_not_choose_patches_but_a_patch_brings_its_own() -> None:
    how, x = Swap(), features(3, 8, 8)
    style = [features(3, 8, 8) * 3]
    found = how.features(np, padded(how, x), style)[:, 1:9, 1:9]
    np.testing.assert_allclose(found[:, 2:-2, 2:-2], 3 * x[:, 2:-2, 2:-2], rtol=1e-5)  # further out they are mirrored


def test_black_styles_and_photos_are_swapped() -> None:
    how, black = Swap(), np.zeros((CHANNELS, 8, 8), np.float32)
    assert np.array_equal(how.features(np, black, [black]), black)
    assert np.isfinite(how.features(np, black, [features(0, 6, 6)])).all()


@pytest.mark.parametrize("patch", [1, 2, 3, 6, 9])
def test_every_position_is_covered_from_the_least_side_on(patch: int) -> None:
    for stride in range(1, patch + 1):
        how = Swap(patch, stride)
        assert how.minimum % how.multiple == 0
        for side in range(how.minimum // 4, 40, stride):
            before, after = how.padding(side)
            assert max(before, after) < side and (before + side + after - patch) % stride == 0
            assert after >= patch // 2 or stride > 1


def test_a_code_holds_the_features_and_may_end_in_zeros() -> None:
    maps = [features(0, 40, 33), features(1, 20, 16)]
    code = write_code(maps, np)[0]
    for longer in (code, np.concatenate([code, np.zeros(99, np.float32)])):
        assert all(np.array_equal(a, b) for a, b in zip(read_code(longer), maps, strict=True))
    half = torch.from_numpy(write_code([features(0, 1, 300)], np)[0]).bfloat16()
    assert read_code(half)[0].shape == (CHANNELS, 1, 300)


@pytest.mark.parametrize(
    "code", [np.zeros(0), np.zeros(1024), np.ones(1024), np.array([1.0, 0, 3, 0, 3, 5]), np.full(9, 3.0)]
)
def test_a_code_of_another_net_is_refused(code: NDArray[np.float64]) -> None:
    with pytest.raises(StyleError, match="another net"):
        read_code(code)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"patch": 0}, "patch .*not 0"),
        ({"patch": 10}, "patch .*not 10"),
        ({"patch": 2.5}, r"patch .*not 2\.5"),
        ({"stride": 4}, "stride .*not 4"),
        ({"stride": True}, "stride .*not True"),
    ],
)
def test_values_out_of_range_are_named(options: dict[str, Any], words: str) -> None:
    with pytest.raises(OptionError, match=words):
        Swap(**options)


def test_a_style_smaller_than_a_patch_is_an_error() -> None:
    how = Swap(patch=9)
    with pytest.raises(StyleError, match="36 px"):
        how.features(np, padded(how, features(0, 12, 12)), [features(1, 8, 20)])


def test_patches_come_from_three_scales_while_these_are_large_enough() -> None:
    assert level_sizes(512, 300) == [(512, 300), (256, 150), (128, 75)]
    assert level_sizes(200, 130) == [(200, 130), (100, 65)]
    assert level_sizes(64, 64) == [(64, 64)]
