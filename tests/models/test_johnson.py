from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from skimage import data
from torch import Tensor, nn
from torch.nn import functional as F

import stylezoo
from stylezoo.errors import OptionError, WeightsError
from stylezoo.models import Johnson, create_model
from stylezoo.nn.norm import frozen_statistics, recorded_statistics
from stylezoo.zoo.store import read_header

VARIANTS = ["fast", "compact", "classic", "magenta"]
BUNDLED = sorted((Path(stylezoo.__file__).parent / "bundled" / "johnson").glob("*.safetensors"))


def johnson(variant: str, seed: int = 0, **args: Any) -> Johnson:
    """A net with random weights; its gammas and betas too, or wrong ones would pass unseen."""
    torch.manual_seed(seed)
    net = Johnson(variant, **args)
    with torch.no_grad():
        net.style += 0.3 * torch.randn_like(net.style)
        if variant == "classic":  # else its first pictures are black: it works on 0..255
            net.trunk.head.weight *= 50
            net.trunk.head.bias.fill_(128)
    return net.eval().requires_grad_(False)


def photo(height: int, width: int) -> Tensor:
    return torch.from_numpy(data.astronaut()[:height, :width]).permute(2, 0, 1)[None].float() / 255


# What it takes and gives


@pytest.mark.parametrize("variant", VARIANTS)
def test_gives_a_picture_of_the_same_shape(variant: str) -> None:
    net = johnson(variant)
    for height, width in [(net.minimum, net.minimum), (28, 44)]:
        stylized = net(torch.rand(2, 3, height, width))
        assert stylized.shape == (2, 3, height, width)
        assert stylized.min() >= 0 and stylized.max() <= 1 and stylized.std() > 0.01


def test_classic_clamps_outside_training_only() -> None:
    net, x = johnson("classic"), photo(32, 32)
    with torch.no_grad():
        net.trunk.head.weight *= 20
    stylized, free = net(x), net.train()(x)
    assert free.min() < 0 and free.max() > 1
    torch.testing.assert_close(stylized, free.clamp(0, 1))


@pytest.mark.parametrize("variant", VARIANTS)
def test_gradients_reach_every_parameter(variant: str) -> None:
    net = johnson(variant).train().requires_grad_()
    net(photo(32, 32)).square().sum().backward()
    for name, parameter in net.named_parameters():
        assert parameter.grad is not None and parameter.grad.isfinite().all(), name
        # A norm removes the bias of the convolution before it, so nothing but rounding is left for its gradient.
        if not name.endswith("conv.bias"):
            assert parameter.grad.abs().max() > 0, name


@pytest.mark.slow
@pytest.mark.parametrize("variant", VARIANTS)
def test_a_code_replaces_the_nets_own_affine_vector(variant: str) -> None:
    net, other, x = johnson(variant), johnson(variant, seed=1), photo(32, 32)
    own, code = net(x), other.named_code(0)
    assert (net(x, code) - own).abs().max() > 1e-3
    torch.testing.assert_close(net(x, net.named_code(0)), own)
    both = net(x.repeat(2, 1, 1, 1), torch.cat([net.style, code]))
    torch.testing.assert_close(both, torch.cat([own, net(x, code)]), atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize("variant", VARIANTS)
def test_regions_of_equal_codes_are_no_regions(variant: str) -> None:
    net, x = johnson(variant), photo(32, 32)
    left = (torch.arange(32) < 16).float().expand(1, 1, 32, 32)
    same = net(x, net.style.repeat(2, 1), torch.cat([left, 1 - left], dim=1))
    torch.testing.assert_close(same, net(x), atol=1e-5, rtol=0)
    other = net(x, torch.cat([net.style, johnson(variant, seed=1).style]), torch.cat([left, 1 - left], dim=1))
    assert (other - net(x))[..., 16:].abs().mean() > (other - net(x))[..., :16].abs().mean()


# Its arguments


def test_classic_has_the_size_of_the_reference_net() -> None:
    assert sum(p.numel() for p in Johnson("classic").parameters()) == 1_679_235


def test_width_and_blocks_change_the_net() -> None:
    small = Johnson("fast", width=16, blocks=1)
    assert small.arch == {"variant": "fast", "width": 16, "blocks": 1}
    assert sum(p.numel() for p in small.parameters()) < 40_000
    assert small.overlap < Johnson("fast").overlap
    assert create_model("johnson", **small.arch).state_dict().keys() == small.state_dict().keys()


@pytest.mark.parametrize(
    ("variant", "width"), [("fast", "4-8-6-2"), ("classic", "2-4-8-3-5"), ("magenta", "8-8-8-2-1")]
)
def test_every_stage_may_have_a_width_of_its_own(variant: str, width: str) -> None:
    net = johnson(variant, width=width, blocks=1)
    assert net.arch == {"variant": variant, "width": width, "blocks": 1}
    stages = [stage.conv.out_channels for stage in (*net.trunk.encoder, *net.trunk.decoder)]
    assert "-".join(map(str, stages)) == width
    assert net(photo(32, 32)).shape == (1, 3, 32, 32)


def test_a_number_is_the_proportional_widths() -> None:
    torch.manual_seed(0)
    one = Johnson("magenta", 16, 1)
    same = Johnson("magenta", "4-8-16-8-4", 1)
    assert {k: v.shape for k, v in one.state_dict().items()} == {k: v.shape for k, v in same.state_dict().items()}
    assert not any(name.endswith("bias") for name in one.state_dict())


@pytest.mark.parametrize(
    ("args", "message"),
    [
        ({"variant": "slow"}, "no variant 'slow'; there are classic, fast, compact, magenta"),
        ({"width": 30}, "multiple of 4 from 8 to 1024, not 30"),
        ({"width": 0}, "multiple of 4 from 8 to 1024, not 0"),
        ({"width": 4096}, "not 4096"),
        ({"blocks": -1}, "blocks must be from 0 to 64, not -1"),
        ({"widht": 64}, "widht"),
        ({"width": "64"}, "4 numbers from 1 to 1024, one per stage, as in '64-128-64-32', not '64'"),
        ({"width": "8-8-8-8-8"}, "4 numbers .*not '8-8-8-8-8'"),
        (
            {"variant": "classic", "width": "8-8-0-8-8"},
            "5 numbers from 1 to 1024, one per stage, as in '32-64-128-64-32', not '8-8-0-8-8'",
        ),
        ({"variant": "classic", "width": "8-8-99999999-8-8"}, "5 numbers .*not '8-8-99999999-8-8'"),
    ],
)
def test_bad_arguments_are_named(args: dict[str, Any], message: str) -> None:
    with pytest.raises(OptionError, match=message):
        create_model("johnson", **args)


# Tiles


def tiles(net: Johnson, x: Tensor, side: int) -> Iterator[tuple[Tensor, slice, slice, slice, slice]]:
    """Yield a tile with its context, where its inner part lies in the tile, and where in the picture."""
    height, width = x.shape[-2:]

    def cut(start: int, end: int) -> tuple[slice, slice, slice]:
        stop = min(start + side, end)
        low = max(start - net.overlap, 0) // net.multiple * net.multiple
        high = min(-(-(stop + net.overlap) // net.multiple) * net.multiple, end)
        return slice(low, high), slice(start - low, stop - low), slice(start, stop)

    for top in range(0, height, side):
        for left in range(0, width, side):
            (rows, y, whole_y), (columns, z, whole_z) = cut(top, height), cut(left, width)
            yield x[..., rows, columns], y, z, whole_y, whole_z


@pytest.mark.slow
@pytest.mark.parametrize("variant", VARIANTS)
def test_tiles_with_frozen_statistics_are_the_whole_picture(variant: str) -> None:
    net, x = johnson(variant), photo(192, 256)
    with recorded_statistics(net) as statistics:
        whole = net(x)
    torch.testing.assert_close(whole, net(x), atol=1e-4, rtol=0)
    tiled = torch.zeros_like(whole)
    for tile, y, z, whole_y, whole_z in tiles(net, x, 96):
        with frozen_statistics(net, statistics):
            tiled[..., whole_y, whole_z] = net(tile)[..., y, z]
    torch.testing.assert_close(tiled, whole, atol=1e-4, rtol=0)
    assert tile.numel() < x.numel() / 2  # they are tiles indeed
    assert (net(tile)[..., y, z] - whole[..., whole_y, whole_z]).abs().max() > 0.02  # and need the statistics


# The reference layout: pytorch/examples, fast_neural_style


class ReferenceConv(nn.Module):
    def __init__(self, inputs: int, outputs: int, kernel: int, stride: int = 1, enlarge: int = 1) -> None:
        super().__init__()
        self.enlarge, self.pad = enlarge, nn.ReflectionPad2d(kernel // 2)
        self.conv2d = nn.Conv2d(inputs, outputs, kernel, stride)

    def forward(self, x: Tensor) -> Tensor:
        if self.enlarge > 1:
            x = F.interpolate(x, scale_factor=self.enlarge, mode="nearest")
        return self.conv2d(self.pad(x))


class ReferenceResidual(nn.Module):
    def __init__(self, **norm: bool) -> None:
        super().__init__()
        self.conv1, self.in1 = ReferenceConv(128, 128, 3), nn.InstanceNorm2d(128, **norm)
        self.conv2, self.in2 = ReferenceConv(128, 128, 3), nn.InstanceNorm2d(128, **norm)

    def forward(self, x: Tensor) -> Tensor:
        return x + self.in2(self.conv2(F.relu(self.in1(self.conv1(x)))))


class ReferenceNet(nn.Module):
    """Takes and gives 0..255."""

    def __init__(self, **norm: bool) -> None:
        super().__init__()
        self.conv1, self.in1 = ReferenceConv(3, 32, 9), nn.InstanceNorm2d(32, **norm)
        self.conv2, self.in2 = ReferenceConv(32, 64, 3, 2), nn.InstanceNorm2d(64, **norm)
        self.conv3, self.in3 = ReferenceConv(64, 128, 3, 2), nn.InstanceNorm2d(128, **norm)
        self.res1, self.res2, self.res3, self.res4, self.res5 = (ReferenceResidual(**norm) for _ in range(5))
        self.deconv1, self.in4 = ReferenceConv(128, 64, 3, enlarge=2), nn.InstanceNorm2d(64, **norm)
        self.deconv2, self.in5 = ReferenceConv(64, 32, 3, enlarge=2), nn.InstanceNorm2d(32, **norm)
        self.deconv3 = ReferenceConv(32, 3, 9)

    def forward(self, x: Tensor) -> Tensor:
        x = F.relu(self.in1(self.conv1(x)))
        x = F.relu(self.in2(self.conv2(x)))
        x = F.relu(self.in3(self.conv3(x)))
        x = self.res5(self.res4(self.res3(self.res2(self.res1(x)))))
        x = F.relu(self.in4(self.deconv1(x)))
        x = F.relu(self.in5(self.deconv2(x)))
        return self.deconv3(x)


def reference_net(old: bool = False) -> ReferenceNet:
    torch.manual_seed(3)
    net = ReferenceNet(affine=True, track_running_stats=old).train()
    with torch.no_grad():
        for module in net.modules():
            if isinstance(module, nn.InstanceNorm2d):
                module.weight.uniform_(0.3, 1.7)
                module.bias.normal_(0, 0.3)
        net.deconv3.conv2d.weight *= 100  # bring the output into 0..255, some of it beyond
        net.deconv3.conv2d.bias.fill_(120)
    return net


@pytest.mark.parametrize("old", [False, True], ids=["plain", "with_running_statistics"])
def test_reads_weights_of_the_reference_net_and_stylizes_as_it_does(old: bool) -> None:
    reference, x = reference_net(old), photo(68, 84)
    weights = reference.state_dict()
    assert old == any("running_mean" in name for name in weights)
    net = create_model("johnson", variant="classic", weights=weights).eval()
    with torch.no_grad():
        raw = reference(x * 255) / 255
        torch.testing.assert_close(net(x), raw.clamp(0, 1), atol=1e-5, rtol=0)
    assert raw.min() < 0 and raw.max() > 1 and ((raw > 0) & (raw < 1)).float().mean() > 0.5  # a fair comparison


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("deconv3.conv2d.bias", None, "'deconv3.conv2d.bias' is missing"),
        ("conv2.conv2d.weight", torch.zeros(64, 32, 5, 5), r"'conv2.conv2d.weight' has shape \(64, 32, 5, 5\)"),
        ("in4.weight", None, "'in4.weight' is missing"),
        ("res2.in1.bias", torch.zeros(64), r"'res2.in1.bias' has shape \(64,\) in place of \(128,\)"),
        ("in2.weight", torch.zeros(64, 1), r"'in2.weight' has shape \(64, 1\)"),
        ("res6.conv1.conv2d.weight", torch.zeros(128, 128, 3, 3), "'res6.conv1.conv2d.weight' is unknown"),
    ],
)
def test_what_is_wrong_in_a_reference_layout_is_named(name: str, value: Tensor | None, message: str) -> None:
    weights = reference_net().state_dict()
    if value is None:
        del weights[name]
    else:
        weights[name] = value
    with pytest.raises(WeightsError, match=message):
        create_model("johnson", variant="classic", weights=weights)


def test_the_reference_layout_does_not_fit_the_fast_variant() -> None:
    with pytest.raises(WeightsError, match=r"does not fit johnson\(variant=fast, .*\): .* and \d+ more"):
        create_model("johnson", weights=reference_net().state_dict())


# The checkerboard of period 2


class PixelShuffled(nn.Module):
    """The fast net as it must not be: its last doubling is a pixel shuffle, whose four phases drift apart."""

    def __init__(self, net: Johnson) -> None:
        super().__init__()
        self.trunk, self.style = net.trunk, net.style
        self.head = nn.Conv2d(net.trunk.head.in_channels * 2, 12, 3, padding=1, padding_mode="reflect")

    def forward(self, x: Tensor) -> Tensor:
        shuffled = []
        hook = self.trunk.decoder[1].register_forward_pre_hook(lambda _, args: shuffled.append(args[0]))
        self.trunk(x, self.style)
        hook.remove()
        half_resolution = F.avg_pool2d(shuffled[0], 2)  # about undoes the upsampling
        return torch.sigmoid(F.pixel_shuffle(self.head(half_resolution), 2))


def checkerboard(stylized: Tensor, border: int = 24) -> float:
    """Return the energy exactly at period 2, rows or columns, over that of the high frequencies next to it.

    The border is cropped and a Hann window keeps the rest from leaking along the axes. Noise of one grey level is
    added to the comparison, so that what nobody could see in an 8-bit picture does not count.
    """
    inner = stylized[..., border:-border, border:-border].double()
    inner = inner - inner.mean(dim=(2, 3), keepdim=True)
    height, width = inner.shape[-2:]
    window = torch.outer(*(torch.hann_window(side, dtype=torch.float64) for side in (height, width)))
    energy = torch.fft.fft2(inner * window).abs().square().mean(dim=(0, 1))
    noise = window.square().sum() / 255**2
    ratios = []
    for spectrum in (energy, energy.T):
        nyquist = spectrum.shape[0] // 2
        around = torch.cat([spectrum[nyquist - 10 : nyquist - 2], spectrum[nyquist + 3 : nyquist + 11]])
        ratios.append((spectrum[nyquist].mean() / (around.mean() + noise)).item())
    return max(ratios)


def smooth_pictures() -> dict[str, Tensor]:
    side = 176
    y, x = torch.meshgrid(torch.linspace(0, 1, side), torch.linspace(0, 1, side), indexing="ij")
    waves = [0.5 + 0.4 * torch.sin(7 * x + 3 * y), 0.5 + 0.3 * torch.cos(5 * y), 0.5 + 0.2 * torch.sin(4 * x * y)]
    return {
        "grey": torch.full((1, 3, side, side), 0.5),
        "orange": torch.tensor([0.9, 0.4, 0.1]).view(1, 3, 1, 1).expand(1, 3, side, side),
        "ramp": torch.stack([x, y, 1 - x])[None],
        "waves": torch.stack(waves)[None],
    }


def test_the_measure_finds_a_checkerboard_and_nothing_else() -> None:
    rough = torch.rand(1, 3, 176, 176, generator=torch.Generator().manual_seed(0))
    assert checkerboard(rough) < 2
    for axis in (2, 3):
        lines = torch.ones(176)
        lines[::2] = -1
        lines = lines.view(-1, 1) if axis == 2 else lines
        assert checkerboard(rough + 0.2 * lines) > 10
        assert checkerboard(smooth_pictures()["ramp"] + 0.02 * lines) > 10
    assert checkerboard(smooth_pictures()["waves"]) < 0.1


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(3))
def test_no_checkerboard_whatever_the_weights(seed: int) -> None:
    net = johnson("fast", seed)
    shuffled = PixelShuffled(net).requires_grad_(False)
    for name, picture in smooth_pictures().items():
        assert checkerboard(net(picture)) < 2, name
        assert checkerboard(shuffled(picture)) > 8, name


@pytest.mark.slow
@pytest.mark.skipif(not BUNDLED, reason="no johnson weights are bundled")
@pytest.mark.parametrize("path", BUNDLED, ids=lambda path: path.stem)
def test_bundled_nets_leave_no_hatch(path: Path) -> None:
    net = create_model("johnson", **read_header(path).arch, weights=path).eval().requires_grad_(False)
    for name, picture in smooth_pictures().items():
        assert checkerboard(net(picture)) < 2, name
