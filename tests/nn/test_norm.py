from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from stylezoo.nn.norm import (
    InstanceNorm,
    Statistics,
    Unmeasured,
    frozen_statistics,
    own_statistics,
    partial_statistics,
    recorded_statistics,
    smoothed_statistics,
    statistics_of_regions,
)


class Net(nn.Module):
    """Two norms at two resolutions, so that statistics must find their own layer."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.second = InstanceNorm(4), InstanceNorm(4)

    def forward(self, x: Tensor) -> Tensor:
        one, zero = torch.ones(1, 4), torch.zeros(1, 4)
        return self.second(self.first(x, 2 * one, zero)[..., ::2, ::2].square(), one, zero)


def features(n: int = 2, c: int = 4, h: int = 12, w: int = 10, seed: int = 0) -> Tensor:
    return 3 * torch.randn(n, c, h, w, generator=torch.Generator().manual_seed(seed)) + 5


def reference(x: Tensor, gamma: Tensor, beta: Tensor, eps: float = 1e-5) -> np.ndarray:
    v = x.double().numpy()
    mean, variance = v.mean(axis=(2, 3), keepdims=True), v.var(axis=(2, 3), keepdims=True)
    return (v - mean) / np.sqrt(variance + eps) * gamma.double().numpy()[..., None, None] + beta.double().numpy()[
        ..., None, None
    ]


@pytest.mark.parametrize("rows", [1, 2])
def test_is_the_formula_with_one_row_for_all_or_one_a_picture(rows: int) -> None:
    x = features()
    gamma, beta = torch.randn(rows, 4), torch.randn(rows, 4)
    np.testing.assert_allclose(InstanceNorm(4)(x, gamma, beta).numpy(), reference(x, gamma, beta), atol=1e-5)


def shares_of_two() -> Tensor:
    first = torch.rand(1, 1, 12, 10, generator=torch.Generator().manual_seed(3))
    return torch.cat([first, 1 - first], dim=1)


def test_gamma_and_beta_of_regions_mix_from_pixel_to_pixel() -> None:
    x, shares, gamma, beta = features(), shares_of_two(), torch.randn(2, 4), torch.randn(2, 4)
    expected = sum(
        reference(x, gamma[k : k + 1], beta[k : k + 1]) * shares[:, k : k + 1].double().numpy() for k in (0, 1)
    )
    norm = InstanceNorm(4)
    np.testing.assert_allclose(norm(x, gamma, beta, shares).numpy(), expected, atol=1e-4)
    with recorded_statistics(norm) as statistics:
        norm(x[:1], gamma, beta, shares)
    with frozen_statistics(norm, statistics):
        cut = norm(x[:1, ..., :5], gamma, beta, shares[..., :5])
    np.testing.assert_allclose(cut.numpy(), expected[:1, ..., :5], atol=1e-4)


def test_every_region_may_have_statistics_of_its_own() -> None:
    x, shares, gamma, beta = features(1), shares_of_two(), torch.randn(2, 4), torch.randn(2, 4)
    mean, inverse = torch.randn(2, 4, 1, 1), torch.rand(2, 4, 1, 1) + 0.5
    m, i, g, b = (
        np.einsum("nkhw,kc->nchw", shares.double().numpy(), v.double().numpy().reshape(2, 4))
        for v in (mean, inverse, gamma, beta)
    )
    expected = (x.double().numpy() - m) * i * g + b
    norm = InstanceNorm(4)
    with frozen_statistics(norm, {"": (mean, inverse)}):
        np.testing.assert_allclose(norm(x, gamma, beta, shares).numpy(), expected, atol=1e-4)


def test_a_region_may_be_normalised_by_its_own_part() -> None:
    x, shares, gamma, beta = features(1), shares_of_two(), torch.randn(2, 4), torch.randn(2, 4)
    v, share = x.double().numpy()[0], shares.double().numpy()[0]
    expected = np.zeros_like(v)
    for k in (0, 1):
        weight = share[k] / share[k].sum()
        mean = (v * weight).sum(axis=(1, 2), keepdims=True)
        inverse = 1 / np.sqrt((np.square(v - mean) * weight).sum(axis=(1, 2), keepdims=True) + 1e-5)
        g, b = (value[k].double().numpy()[:, None, None] for value in (gamma, beta))
        expected += share[k] * ((v - mean) * inverse * g + b)
    norm = InstanceNorm(4, by_part=True)
    with own_statistics(norm), recorded_statistics(norm) as statistics:
        np.testing.assert_allclose(norm(x, gamma, beta, shares)[0].numpy(), expected, atol=1e-4)
    with frozen_statistics(norm, statistics):
        cut = norm(x[..., :5], gamma, beta, shares[..., :5])
    np.testing.assert_allclose(cut[0].numpy(), expected[..., :5], atol=1e-4)
    whole = norm(x, gamma, beta, shares)
    assert (whole[0].numpy() - expected).std() > 0.01, "outside the block it is normalised by all of the picture"


def test_frozen_statistics_are_not_smoothed_again() -> None:
    net, memory = Net(), Statistics()
    with recorded_statistics(net) as statistics:
        net(features(1))
    with frozen_statistics(net, statistics):
        expected = net(features(1, seed=1))
        for _ in range(2):
            with smoothed_statistics(net, memory, 0.9):
                assert torch.equal(net(features(1, seed=1)), expected)
    assert not memory


def test_statistics_of_regions_are_those_of_each_style_alone() -> None:
    net, asked = Net(), []

    def measure(code: Tensor) -> dict[str, tuple[Tensor, Tensor]]:
        asked.append(code)
        with recorded_statistics(net) as statistics:
            net(features(1) * code[0, 0])
        return statistics

    codes = torch.tensor([[1.0], [2.0], [3.0]])
    together = statistics_of_regions(net, measure, codes)
    assert together is not None and torch.equal(torch.cat(asked), codes)
    for k, code in enumerate(codes.split(1)):
        for name, alone in measure(code).items():
            assert all(torch.equal(ours[k : k + 1], one) for ours, one in zip(together[name], alone, strict=True))
    asked.clear()
    assert statistics_of_regions(net, measure, torch.ones(3, 1)) is None, "they are all the same"
    assert statistics_of_regions(net.first, measure, codes) is None, "what the only norm is fed has no style"
    assert not asked


def test_bessels_correction_also_where_statistics_are_frozen() -> None:
    x, gamma, beta = features(h=3, w=5), torch.randn(1, 4), torch.randn(1, 4)
    v, shape = x.double().numpy(), (1, 4, 1, 1)
    deviation = np.sqrt(v.var(axis=(2, 3), ddof=1, keepdims=True) + 1e-5)
    expected = (v - v.mean(axis=(2, 3), keepdims=True)) / deviation * gamma.numpy().reshape(shape)
    expected += beta.numpy().reshape(shape)
    norm = InstanceNorm(4, correction=1)
    np.testing.assert_allclose(norm(x, gamma, beta).numpy(), expected, atol=1e-5)
    with recorded_statistics(norm) as statistics:
        norm(x, gamma, beta)
    with frozen_statistics(norm, statistics):
        np.testing.assert_allclose(norm(x[..., :2], gamma, beta).numpy(), expected[..., :2], atol=1e-5)


def test_agrees_with_torchs_layer_and_its_gradient() -> None:
    theirs = nn.InstanceNorm2d(4, affine=True)
    with torch.no_grad():
        theirs.weight.normal_()
        theirs.bias.normal_()
    x, weight = features().requires_grad_(), features(seed=1)
    ours = InstanceNorm(4)(x, theirs.weight[None], theirs.bias[None])
    torch.testing.assert_close(ours, theirs(x), atol=1e-5, rtol=1e-5)
    (gradient,) = torch.autograd.grad((ours * weight).sum(), x)
    (expected,) = torch.autograd.grad((theirs(x) * weight).sum(), x)
    torch.testing.assert_close(gradient, expected, atol=1e-5, rtol=1e-4)


def test_eps_is_that_of_the_layer() -> None:
    x, gamma, beta = 0.01 * features(), torch.ones(1, 4), torch.zeros(1, 4)
    np.testing.assert_allclose(InstanceNorm(4, eps=0.1)(x, gamma, beta), reference(x, gamma, beta, eps=0.1), atol=1e-6)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_half_precision_keeps_its_dtype_and_statistics_of_large_values(dtype: torch.dtype) -> None:
    x = (1000 * features(h=64, w=64)).to(dtype)  # their squares overflow float16
    one, zero = torch.ones(1, 4), torch.zeros(1, 4)
    norm = InstanceNorm(4)
    plain = norm(x, one, zero)
    assert plain.dtype == dtype
    np.testing.assert_allclose(plain.float().numpy(), reference(x, one, zero), atol=0.03)
    with recorded_statistics(norm) as statistics:
        assert norm(x, one, zero).dtype == dtype
    mean, inverse = statistics[""]
    assert mean.dtype == inverse.dtype == torch.float32
    np.testing.assert_allclose(mean[..., 0, 0].numpy(), x.double().numpy().mean(axis=(2, 3)), rtol=1e-4)
    np.testing.assert_allclose(inverse[..., 0, 0].numpy(), 1 / x.double().numpy().std(axis=(2, 3)), rtol=1e-4)


def test_recording_changes_nothing_and_names_each_norm() -> None:
    net, x = Net(), features()
    before = net(x)
    with recorded_statistics(net) as statistics:
        torch.testing.assert_close(net(x), before, atol=1e-5, rtol=1e-5)
    assert set(statistics) == {"first", "second"}
    mean, inverse = statistics["first"]
    assert mean.shape == inverse.shape == (2, 4, 1, 1)
    np.testing.assert_allclose(mean.numpy(), x.double().numpy().mean(axis=(2, 3), keepdims=True), rtol=1e-5)


def test_frozen_statistics_make_a_part_come_out_as_in_the_whole() -> None:
    net, x = Net(), features(n=1)
    with recorded_statistics(net) as statistics:
        whole = net(x)
    part = x[..., 4:10, 2:8]
    with frozen_statistics(net, statistics):
        torch.testing.assert_close(net(part), whole[..., 2:5, 1:4], atol=1e-5, rtol=1e-5)
    assert (net(part) - whole[..., 2:5, 1:4]).abs().max() > 0.1


def test_frozen_statistics_of_one_picture_serve_a_batch_of_its_tiles() -> None:
    net, x = Net(), features(n=1)
    with recorded_statistics(net) as statistics:
        whole = net(x)
    tiles = torch.cat([x[..., :6, :], x[..., 6:, :]])
    with frozen_statistics(net, statistics):
        top, bottom = net(tiles)
    torch.testing.assert_close(torch.cat([top, bottom], dim=1)[None], whole, atol=1e-5, rtol=1e-5)


def test_errors_inside_the_blocks_leave_the_net_as_it_was() -> None:
    net, x, other = Net(), features(), features(seed=1, h=6)
    before = net(other)
    with recorded_statistics(net) as statistics:
        net(x)
    with pytest.raises(RuntimeError, match="stop"), frozen_statistics(net, statistics):
        raise RuntimeError("stop")
    torch.testing.assert_close(net(other), before, atol=0, rtol=0)
    with pytest.raises(RuntimeError, match="stop"), recorded_statistics(net):
        net(x)
        raise RuntimeError("stop")
    torch.testing.assert_close(net(other), before, atol=0, rtol=0)
    with pytest.raises(KeyError), frozen_statistics(net, {"first": statistics["first"]}):
        pass
    torch.testing.assert_close(net(other), before, atol=0, rtol=0)


def test_frozen_blocks_nest() -> None:
    net, x, other = Net(), features(), features(seed=1)
    with recorded_statistics(net) as outer:
        net(x)
    with recorded_statistics(net) as inner:
        net(other)
    probe = features(seed=2)
    with frozen_statistics(net, outer):
        expected = net(probe)
        with frozen_statistics(net, inner):
            assert (net(probe) - expected).abs().max() > 1e-3
        torch.testing.assert_close(net(probe), expected, atol=0, rtol=0)


def test_statistics_do_not_travel_with_the_weights() -> None:
    net = Net()
    with recorded_statistics(net) as statistics:
        net(features())
    with frozen_statistics(net, statistics):
        assert not net.state_dict()


@pytest.mark.parametrize("correction", [0, 1])
def test_moments_of_parts_are_those_of_the_whole(correction: int) -> None:
    x = features(n=1, h=13, w=17)
    x[:, 0] = 1000 + 0.1 * x[:, 0]  # a spread that is small next to the mean
    norm = InstanceNorm(4, correction=correction)
    moments = norm.moments()
    for part in (x[..., :5, :], x[..., 5:, :2], x[..., 5:, 2:]):
        moments.add(part)
    mean, inverse = moments.statistics()
    assert mean.shape == inverse.shape == (1, 4, 1, 1) and mean.dtype == inverse.dtype == torch.float32
    v = x.double().numpy()
    deviation = np.sqrt(v.var(axis=(2, 3), ddof=correction, keepdims=True) + 1e-5)
    np.testing.assert_allclose(mean.numpy(), v.mean(axis=(2, 3), keepdims=True), rtol=1e-6)
    np.testing.assert_allclose(inverse.numpy(), 1 / deviation, rtol=1e-3)


def test_moments_of_regions_of_parts_are_those_of_the_whole() -> None:
    x, shares = features(n=1, h=12, w=10), shares_of_two()
    shares[:, 0, :, 6:] = 0  # nothing of the first region in the last part
    norm = InstanceNorm(4)
    moments = norm.moments()
    for columns in (slice(0, 3), slice(3, 6), slice(6, 10)):
        moments.add(x[..., columns], shares[..., columns])
    for ours, theirs in zip(moments.statistics(), norm.measure(x, shares), strict=True):
        assert ours.shape == (2, 4, 1, 1)
        torch.testing.assert_close(ours, theirs)


def test_statistics_are_gathered_norm_after_norm() -> None:
    net, x = Net(), features(n=1)
    with recorded_statistics(net) as expected:
        whole = net(x)
    statistics = {}
    for name in ("first", "second"):
        with partial_statistics(net, statistics), pytest.raises(Unmeasured) as at:
            net(x)
        assert at.value.name == name
        moments = at.value.norm.moments()
        moments.add(at.value.x)
        statistics[name] = moments.statistics()
        for ours, theirs in zip(statistics[name], expected[name], strict=True):
            torch.testing.assert_close(ours, theirs)
    with partial_statistics(net, statistics):
        torch.testing.assert_close(net(x), whole, atol=1e-5, rtol=1e-5)
    torch.testing.assert_close(net(features(seed=1)), Net()(features(seed=1)), atol=0, rtol=0)  # nothing stays
