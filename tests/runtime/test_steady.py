from __future__ import annotations

import numpy as np
import pytest
import torch
from skimage import data

import stylezoo
from stylezoo.errors import OptionError
from stylezoo.nn.norm import InstanceNorm, smoothed_statistics
from stylezoo.runtime.steady import Steadiness


@pytest.fixture(scope="module")
def zoo() -> stylezoo.Stylizer:
    return stylezoo.load("cin/16", backend="torch")


@pytest.fixture(scope="module")
def pan() -> list[np.ndarray]:
    """A camera that moves four pixels a frame."""
    photo = np.asarray(data.coffee())[::2, ::2]
    return [photo[20:148, 4 * i : 4 * i + 128] for i in range(12)]


@pytest.fixture(scope="module")
def passer_by() -> list[np.ndarray]:
    """Something white that goes through the left of a still picture."""
    frames = [np.asarray(data.coffee())[100:228, 60:508].copy() for _ in range(10)]
    for i, frame in enumerate(frames[3:7], 3):
        frame[16:112, 24 * (i - 3) : 24 * (i - 3) + 40] = 255
    return frames


def test_statistics_are_a_running_mean() -> None:
    norm, gamma, beta = InstanceNorm(3), torch.tensor([[1.5, 2, 0.5]]), torch.tensor([[0.0, 1, -1]])
    torch.manual_seed(0)
    frames = [torch.randn(1, 3, 32, 32) * (1 + 0.05 * i) + 0.1 * i for i in range(4)]
    mean = inverse = None
    statistics: dict[str, tuple[torch.Tensor, torch.Tensor]] = {}
    for x in frames:
        wide = x.double()
        now, own = wide.mean((2, 3), keepdim=True), (wide.var((2, 3), correction=0, keepdim=True) + 1e-5).rsqrt()
        mean = now if mean is None else 0.75 * mean + 0.25 * now
        inverse = own if inverse is None else 0.75 * inverse + 0.25 * own
        with smoothed_statistics(norm, statistics, 0.75):
            y = norm(x, gamma, beta)
        expected = (wide - mean) * inverse * gamma[..., None, None] + beta[..., None, None]
        torch.testing.assert_close(y.double(), expected, rtol=1e-5, atol=1e-5)
    assert norm.free


def test_statistics_far_from_a_frame_s_own_count_as_the_nearest_that_are_not() -> None:
    """Of a frame before that was flat, or dark, or all of another colour."""
    norm, one, zero = InstanceNorm(1), torch.ones(1, 1), torch.zeros(1, 1)
    torch.manual_seed(0)
    x = torch.randn(1, 1, 32, 32)
    x = (x - x.mean()) / x.std(correction=0)  # so that the frame's own are 0 and 1
    for before, kept in (((9.0, 1.0), (0.5, 1.0)), ((-9.0, 300.0), (-0.5, 1.25)), ((0.1, 0.01), (0.1, 0.8))):
        statistics = {"#1": tuple(torch.full((1, 1, 1, 1), value) for value in before)}
        with smoothed_statistics(norm, statistics, 0.75):
            norm(x, one, zero)
        expected = [0.75 * value + 0.25 * own for value, own in zip(kept, (0.0, 1.0), strict=True)]
        np.testing.assert_allclose([float(value) for value in statistics["#1"]], expected, atol=1e-4)


@pytest.mark.slow
@pytest.mark.parametrize("backend", ["onnx", "torch"])
@pytest.mark.parametrize("name", ["cin/16-video", "adain/vgg19"])
def test_after_a_fade_frames_are_what_stills_are(name: str, backend: str) -> None:
    """In from black, and out of it again by a dissolve: neither flat frames nor dark ones outlast themselves."""
    stylizer = stylezoo.load(name, backend=backend)
    style = "starry_night" if stylizer.styles else np.asarray(data.coffee())[::4, ::4]
    photo = np.asarray(data.astronaut())[::4, ::4]
    fade = [(photo * k).astype(np.uint8) for k in np.linspace(0, 1, 12)]
    frames = [np.zeros_like(photo), *fade, *[photo] * 25, *fade[::-1], *fade, *[photo] * 12]
    results = [frame.astype(float) for frame in stylizer.stylize_frames(frames, style, palette=0)]
    still, black = (stylizer.stylize(x, style, palette=0).astype(float) for x in (photo, np.zeros_like(photo)))
    second = 1 + len(fade) + 24
    assert np.abs(results[second] - still).mean() < 4
    assert np.abs(results[-1] - still).mean() < 12  # half a second after it
    spoilt = [((frame < 2) | (frame > 253)).mean() for frame in results[13:]]
    assert max(spoilt) < 0.25 + ((still < 2) | (still > 253)).mean()
    assert np.abs(results[0] - black).mean() < 1


def test_each_frame_for_itself_is_what_stylize_paints(zoo: stylezoo.Stylizer, pan: list[np.ndarray]) -> None:
    for frame, stylized in zip(pan, zoo.stylize_frames(pan[:3], "great_wave", steady=0), strict=False):
        np.testing.assert_array_equal(stylized, zoo.stylize(frame, "great_wave", tile=None))


def test_what_passes_by_changes_the_rest_less(zoo: stylezoo.Stylizer, passer_by: list[np.ndarray]) -> None:
    """The right, further from it than the net sees, is the same in every photo."""

    def flicker(steady: float) -> float:
        right = np.stack(list(zoo.stylize_frames(passer_by, "starry_night", steady=steady)))[:, :, 320:]
        return float(np.square(np.diff(right.astype(float), axis=0)).mean())

    assert flicker(0.9) < 0.5 * flicker(0)


def test_a_cut_starts_again(zoo: stylezoo.Stylizer, pan: list[np.ndarray]) -> None:
    other = np.asarray(data.chelsea())[60:188, 60:188]
    frames = [*pan[:3], other]
    *_, after = zoo.stylize_frames(frames, "udnie")
    np.testing.assert_allclose(after, zoo.stylize(other, "udnie", tile=None), atol=1)
    *_, carried = zoo.stylize_frames(frames, "udnie", steady=Steadiness(cuts=False))
    assert np.abs(carried.astype(int) - after).mean() > 2


def test_frames_go_on_from_a_state(zoo: stylezoo.Stylizer, pan: list[np.ndarray]) -> None:
    whole = list(zoo.stylize_frames(pan[:6], "the_kiss"))
    first, second = Steadiness(), Steadiness()
    parts = list(zoo.stylize_frames(pan[:3], "the_kiss", steady=first))
    second.load_state(first.state())
    parts += list(zoo.stylize_frames(pan[3:6], "the_kiss", steady=second, first=3))
    np.testing.assert_array_equal(parts, whole)


def test_style_and_mask_follow_the_number(zoo: stylezoo.Stylizer, pan: list[np.ndarray]) -> None:
    start, end = zoo.encode_style("starry_night"), zoo.encode_style("great_wave")
    left = np.zeros((128, 128), bool)
    left[:, :64] = True
    masks = {4: left, 5: ~left}
    frames = zoo.stylize_frames(
        pan[:2], lambda i: start * (5 - i) + end * (i - 4), mask=masks.__getitem__, steady=0, first=4
    )
    for frame, stylized, style, mask in zip(pan, frames, (start, end), masks.values(), strict=False):
        np.testing.assert_array_equal(stylized, zoo.stylize(frame, style, mask=mask, tile=None))


def test_strength_smooths_each_pass_of_the_net_by_itself(zoo: stylezoo.Stylizer, pan: list[np.ndarray]) -> None:
    still = [pan[0]] * 3
    for stylized in zoo.stylize_frames(still, "senecio", strength=0.5):
        np.testing.assert_allclose(stylized, zoo.stylize(pan[0], "senecio", strength=0.5, tile=None), atol=1)


def test_frames_are_read_when_they_are_wanted(zoo: stylezoo.Stylizer, pan: list[np.ndarray]) -> None:
    def endless():
        while True:
            yield from pan

    frames = zoo.stylize_frames(endless(), "senecio", size=32)
    assert next(frames).shape == (32, 32, 3)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"steady": 1.0}, r"steady .*not 1\.0$"),
        ({"steady": float("nan")}, "steady must be"),
        ({"tile": 128}, "tile=128 .*steady=0"),
        ({"strength": 9}, "strength must be"),
        ({"stregth": 1}, "strength"),
    ],
)
def test_what_cannot_be_used_is_refused_at_once(zoo: stylezoo.Stylizer, options: dict, words: str) -> None:
    with pytest.raises(OptionError, match=words):
        zoo.stylize_frames([], "senecio", **options)
