from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional as F

from stylezoo.nn.compact import CompactTrunk, EnlargingConv
from stylezoo.runtime.graphs import fold_head


@pytest.fixture
def head() -> EnlargingConv:
    torch.manual_seed(0)
    return EnlargingConv(4, 3).double().requires_grad_(False)


def test_the_head_is_a_convolution_of_the_enlarged_picture(head: EnlargingConv) -> None:
    x = torch.randn(2, 4, 9, 12, dtype=torch.float64)
    large = F.interpolate(x, scale_factor=2, mode="bilinear")
    expected = F.conv2d(large, head.weight, head.bias, padding=1)
    torch.testing.assert_close(head(x)[..., 2:-2, 2:-2], expected[..., 2:-2, 2:-2])
    assert head(x).shape == (2, 3, 18, 24)


def test_the_head_leaves_no_checkerboard_on_flat_areas_and_gradients(head: EnlargingConv) -> None:
    flat = head(torch.full((1, 4, 8, 8), 0.7, dtype=torch.float64))
    assert torch.allclose(flat, flat[..., :1, :1])
    ramp = torch.arange(16.0, dtype=torch.float64).expand(1, 4, 16, 16)
    steps = head(ramp)[..., 4:-4, 4:-4].diff(dim=-1)
    assert torch.allclose(steps, steps[..., :1])


def test_kernels_that_are_made_once_are_the_same(head: EnlargingConv) -> None:
    weight, bias = fold_head(head.weight.detach().float().numpy(), head.bias.detach().float().numpy())
    np.testing.assert_allclose(weight, head.kernels().detach().numpy(), atol=1e-6)
    np.testing.assert_allclose(bias, head.bias.detach().repeat_interleave(4).numpy(), atol=1e-6)


def test_nothing_is_computed_at_full_resolution_but_pixels() -> None:
    trunk, sides = CompactTrunk(8, (4, 4), 1), []
    for module in trunk.modules():
        if isinstance(module, nn.Conv2d):
            module.register_forward_hook(lambda module, inputs, output: sides.append(output.shape[-1]))
    assert trunk(torch.rand(1, 3, 64, 64), trunk.neutral_affine()).shape == (1, 3, 64, 64)
    assert sides == [16, 16, 16, 16, 32]
