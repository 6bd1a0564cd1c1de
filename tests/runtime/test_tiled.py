from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import rendering
import torch
from rendering import render
from skimage import data
from torch import Tensor

from stylezoo.errors import ImageError
from stylezoo.images.resize import resize
from stylezoo.images.tiles import as_float, as_levels
from stylezoo.models import AdaIN, StyleNet, create_model
from stylezoo.nn.norm import InstanceNorm
from stylezoo.runtime.base import Region, StyleCode
from stylezoo.torch_runtime import memory
from stylezoo.torch_runtime import whole as whole_picture

NETS: dict[str, dict[str, Any]] = {
    "johnson/fast": {"width": 8, "blocks": 2},
    "johnson/classic": {"variant": "classic", "width": 8, "blocks": 1},
    "johnson/antialiased": {"width": 8, "blocks": 1, "antialiased": True},
    "cin/antialiased": {"styles": 2, "variant": "compact", "width": 8, "blocks": 1, "antialiased": True},
    "cin/fast": {"styles": 2, "width": 12, "blocks": 2},
    "cin/magenta": {"styles": 2, "variant": "magenta", "width": 8, "blocks": 0},
    "ghiasi/fast": {"styles": 2, "width": 8, "blocks": 1},
}
LEVEL = 1 / 255


@pytest.fixture(scope="module")
def nets() -> dict[str, StyleNet]:
    with torch.random.fork_rng():
        torch.manual_seed(3)
        made: dict[str, StyleNet] = {}
        for name, arch in NETS.items():
            net = create_model(name.partition("/")[0], **arch).eval().requires_grad_(False)
            for rows in (getattr(net, "style", None), getattr(net, "styles", None)):
                if rows is not None:
                    rows += 0.3 * torch.randn_like(rows)
            made[name] = net
        made["adain"] = AdaIN().eval().requires_grad_(False)
    return made


def style(net: StyleNet, index: int = 0) -> StyleCode:
    if isinstance(net, AdaIN):
        picture = torch.rand(1, 3, 64, 64, generator=torch.Generator().manual_seed(index))
        return StyleCode(net.encode(picture ** (1 + index)))
    return StyleCode(net.named_code(index if net.family != "johnson" else 0).detach() * (1 + 0.1 * index))


def photo(height: int, width: int) -> Tensor:
    """A photo whose parts differ in light and detail, so that statistics of a part are not those of the whole."""
    coffee = torch.from_numpy(data.coffee().copy()).permute(2, 0, 1)[None]
    return as_levels(resize(coffee / 255, (height, width)))


@pytest.mark.slow
@pytest.mark.parametrize("size", [(96, 128), (101, 67), (47, 210)])
@pytest.mark.parametrize("name", NETS)
def test_tiles_make_the_whole_picture(nets: dict[str, StyleNet], name: str, size: tuple[int, int]) -> None:
    net, x = nets[name], as_float(photo(*size))
    whole = render(net, x, style(net), tile=None)
    assert whole.std() > 8 * LEVEL or name == "johnson/classic"
    for side in (32, 64):
        torch.testing.assert_close(render(net, x, style(net), tile=side), whole, atol=1e-4, rtol=0)


@pytest.mark.slow
def test_tiles_of_adain_have_the_statistics_of_the_whole_pictures_features(nets: dict[str, StyleNet]) -> None:
    net, x = nets["adain"], as_float(photo(70, 101))
    for strength in (1.0, 0.6):  # which also needs the whole photo's code
        whole = render(net, x, style(net), tile=None, strength=strength)
        assert whole.std() > 20 * LEVEL
        tiles = render(net, x, style(net), tile=64, strength=strength)
        torch.testing.assert_close(tiles, whole, atol=1e-4, rtol=0)


@pytest.mark.slow
@pytest.mark.parametrize(
    "options",
    [
        {"strength": 0},
        {"strength": 0, "size": 90},
        {"strength": 0.6},
        {"strength": 1.5, "stroke": 4.0},
        {"stroke": 8.0, "strength": 0.4},
        {"size": 90},
        {"size": 150, "stroke": 6.0, "strength": 0.7},
        {"preserve_color": "luma", "strength": 0.8},
        {"preserve_color": "stats"},
        {"preserve_color": "stats", "size": 100, "stroke": 7.0},
    ],
    ids=str,
)
@pytest.mark.parametrize("name", ["johnson/fast", "cin/fast"])
def test_every_option_gives_the_whole_picture(nets: dict[str, StyleNet], name: str, options: dict[str, Any]) -> None:
    net, x = nets[name], as_float(photo(83, 121))
    whole = render(net, x, style(net), tile=None, **options)
    tiles = render(net, x, style(net), tile=32, **options)
    assert tiles.shape == whole.shape and tiles.dtype == torch.float32
    assert (tiles - whole).abs().max() < LEVEL / 20


@pytest.mark.slow
@pytest.mark.parametrize(
    "options", [{}, {"strength": 0.7, "stroke": 5.0}, {"preserve_color": "luma"}, {"size": 90}], ids=str
)
@pytest.mark.parametrize("name", ["johnson/fast", "cin/fast", "adain"])
def test_regions_and_what_stays_the_photo(nets: dict[str, StyleNet], name: str, options: dict[str, Any]) -> None:
    net, x = nets[name], as_float(photo(72, 101))
    left = torch.linspace(1.3, -0.3, 101).clamp(0, 1).expand(1, 1, 72, 101)
    below = torch.linspace(-1, 1.5, 72).clamp(0, 1).view(1, 1, 72, 1).expand_as(left) * (1 - left)
    regions = [Region(style(net, 0), left), Region(style(net, 1), below), Region(None, 1 - left - below)]
    whole = render(net, x, regions, tile=None, **options)
    tiles = render(net, x, regions, tile=64 if name == "adain" else 32, **options)
    assert (tiles - whole).abs().max() < LEVEL / 20
    if not options:
        assert torch.equal(tiles[..., :3, -3:], x[..., :3, -3:])


@pytest.mark.slow
@pytest.mark.parametrize("options", [{}, {"strength": 0.7}], ids=str)
@pytest.mark.parametrize("stays", [False, True])
def test_regions_in_their_own_statistics(nets: dict[str, StyleNet], stays: bool, options: dict[str, Any]) -> None:
    net, x = nets["adain"], as_float(photo(72, 101))
    left = torch.linspace(8, -8, 101).clamp(0, 1).expand(1, 1, 72, 101)
    regions = [Region(style(net, 0), left, own=True)]
    regions += [Region(None, 1 - left)] if stays else [Region(style(net, 1), 1 - left, own=True)]
    whole = render(net, x, regions, tile=None, **options)
    assert (render(net, x, regions, tile=64, **options) - whole).abs().max() < LEVEL / 10
    plain = [Region(region.code, region.mask) for region in regions]
    assert (render(net, x, plain, tile=None, **options) - whole).abs().max() > LEVEL


@pytest.mark.slow
@pytest.mark.parametrize("name", ["johnson/classic", "cin/fast"])
def test_without_room_for_activations_it_is_slower_and_the_same(
    nets: dict[str, StyleNet], name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    net, x = nets[name], as_float(photo(101, 150))
    whole, _ = counted(net, lambda: render(net, x, style(net), tile=None))
    works = []
    for free in (10**9, 1000):
        monkeypatch.setattr(memory, "device_memory", lambda device, free=free: free)
        tiles, work = counted(net, lambda: render(net, x, style(net), tile=32))
        torch.testing.assert_close(tiles, whole, atol=1e-4, rtol=0)
        works.append(work)
    assert works[1] > 2 * works[0]


def counted(net: StyleNet, stylize: Callable[[], Tensor]) -> tuple[Tensor, int]:
    """Return a painting and how many numbers the net's convolutions made on the way."""
    counts: list[int] = []
    convs = [module for module in net.modules() if isinstance(module, torch.nn.Conv2d)]
    hooks = [conv.register_forward_hook(lambda _, args, y: counts.append(y.numel())) for conv in convs]
    stylized = stylize()
    for hook in hooks:
        hook.remove()
    return stylized, sum(counts)


def test_eight_bits_in_and_out_are_the_rounded_whole(nets: dict[str, StyleNet]) -> None:
    net, x = nets["cin/fast"], photo(90, 130)
    whole = as_levels(render(net, x, style(net), tile=None)).int()
    tiles = render(net, x, style(net), tile=32)
    assert tiles.dtype == torch.uint8
    difference = (tiles.int() - whole).abs()
    assert difference.max() <= 1 and (difference > 0).float().mean() < 0.01
    assert torch.equal(render(net, x, style(net), tile=32, strength=0), x)


def test_a_batch_is_each_picture_alone(nets: dict[str, StyleNet]) -> None:
    net, x = nets["cin/fast"], as_float(torch.cat([photo(64, 90), 255 - photo(64, 90)]))
    whole = render(net, x, style(net), tile=None)
    torch.testing.assert_close(render(net, x, style(net), tile=32), whole, atol=1e-4, rtol=0)


def seam(x: Tensor, side: int) -> Tensor:
    """Return how much steeper a picture is across the borders of tiles than within them."""
    across = (x[..., 1:] - x[..., :-1]).abs().mean(dim=(0, 1, 2))
    down = (x[..., 1:, :] - x[..., :-1, :]).abs().mean(dim=(0, 1, 3))
    borders = torch.cat([across[side - 1 :: side], down[side - 1 :: side]])
    return borders.mean() / torch.cat([across, down]).mean()


@pytest.mark.slow
def test_no_seam_at_the_borders_of_tiles(nets: dict[str, StyleNet]) -> None:
    """The energy at the borders is the whole picture's; tiles with their own statistics show that it would tell."""
    net, x, side = nets["cin/fast"], as_float(photo(256, 320)), 32
    whole = render(net, x, style(net), tile=None)
    tiles = render(net, x, style(net), tile=side)
    assert abs(float(seam(tiles, side) - seam(whole, side))) < 1e-3
    alone = [torch.cat([render(net, t, style(net)) for t in row.split(side, -1)], -1) for row in x.split(side, -2)]
    assert seam(torch.cat(alone, -2), side) > 1.3 * seam(whole, side)
    error = (tiles - whole).abs()
    border = torch.zeros(256, 320, dtype=torch.bool)
    for k in (-1, 0):
        border[side + k :: side], border[:, side + k :: side] = True, True
    assert error[..., border].mean() < 2 * error[..., ~border].mean() + 1e-7


def test_half_precision_and_wider_tiles_than_the_picture(nets: dict[str, StyleNet]) -> None:
    net, x = nets["cin/fast"], as_float(photo(64, 90))
    whole = render(net, x, style(net), tile=None)
    assert torch.equal(render(net, x, style(net), tile=128), whole)
    try:
        net.to(torch.bfloat16)
        low = render(net, x, style(net), tile=32)
    finally:
        net.to(torch.float32)
    assert (low - whole).abs().mean() < 0.05


def test_the_net_is_left_as_it_was(nets: dict[str, StyleNet], monkeypatch: pytest.MonkeyPatch) -> None:
    net, x = nets["cin/fast"], as_float(photo(64, 90))
    whole = render(net, x, style(net), tile=None)

    def fail(*_: object) -> None:
        raise KeyboardInterrupt

    for place in ("paste", "window"):
        with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
            patch.setattr(whole_picture.Kept, place, fail)
            render(net, x, style(net), tile=32)
        assert torch.equal(render(net, x, style(net), tile=None), whole)
    assert not any(m._forward_pre_hooks for m in net.modules() if isinstance(m, InstanceNorm))


def test_a_painting_that_is_not_finite_is_an_error(nets: dict[str, StyleNet]) -> None:
    net = nets["cin/fast"]
    with pytest.raises(ImageError, match=r"NaN or infinity: try float32 \(dtype\) or a lower strength"):
        render(net, photo(64, 90), style(net) * float("nan"), tile=32)


def test_a_bar_counts_tiles_on_stderr_when_asked_for(
    nets: dict[str, StyleNet], capsys: pytest.CaptureFixture[str]
) -> None:
    net, x = nets["cin/fast"], as_float(photo(64, 90))
    render(net, x, style(net), tile=32)
    assert capsys.readouterr() == ("", "")
    render(net, x, style(net), tile=32, strength=0.5, preserve_color="stats", progress=True)
    told = capsys.readouterr()
    assert told.out == "" and "tile" in told.err


ENV = os.environ | {
    "PYTHONPATH": os.pathsep.join([str(Path(rendering.__file__).parent), str(Path(__file__).parents[2])])
}
SCRIPT = """
import torch
from stylezoo.models import create_model
from stylezoo.runtime.base import StyleCode
from rendering import render

def peak():
    with open("/proc/self/status") as file:
        return next(int(line.split()[1]) * 1024 for line in file if line.startswith("VmHWM"))

torch.set_num_threads(1)
net = create_model("johnson", width=16, blocks=1).eval().requires_grad_(False)
code = StyleCode(net.named_code(0))
photo = torch.randint(0, 256, (1, 3, 1600, 2400), dtype=torch.uint8)
render(net, photo[..., :512, :512], code, tile=256)
before = peak()
render(net, photo, code, tile=256, stroke=512 / 2400)
print((peak() - before) / (1600 * 2400))
"""


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="the most that a process held is read from /proc")
def test_memory_is_bounded() -> None:
    """Bytes a pixel: 3 of the result, 4 of the activations; the whole would take 12 for each float copy alone."""
    done = subprocess.run([sys.executable, "-c", SCRIPT], env=ENV, capture_output=True, text=True, check=True)
    assert float(done.stdout) < 20
