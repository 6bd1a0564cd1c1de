from __future__ import annotations

import platform
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from rendering import render
from torch import Tensor

from stylezoo.errors import OptionError
from stylezoo.models import StyleNet, create_model
from stylezoo.runtime import memory as ram
from stylezoo.runtime.base import Sizes, StyleCode
from stylezoo.runtime.options import StylizeOptions
from stylezoo.torch_runtime import memory
from stylezoo.torch_runtime.memory import Tiling, bytes_per_pixel, pick_tiling

GB = 2**30


@pytest.fixture(scope="module")
def net() -> StyleNet:
    return create_model("johnson").eval().requires_grad_(False)


@pytest.fixture(scope="module")
def code(net: StyleNet) -> Tensor:
    return net.named_code(0)


def pick(net: StyleNet, code: Tensor, side: int, tile: int | str | None = "auto", count: int = 1) -> Tiling | None:
    return pick_tiling(tile, net, code, Sizes(*[(side, side)] * 3), count=count)


def test_auto_is_whole_where_memory_allows_and_tiles_where_it_does_not(
    net: StyleNet, code: Tensor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(memory, "device_memory", lambda device: 16 * GB)
    assert pick(net, code, 512) is None
    assert pick(net, code, 2048) is None
    assert pick(net, code, 2048, count=8) is not None
    assert pick(net, code, 10_000) == Tiling(512, keep=True)  # never so much as a whole of that size wants
    monkeypatch.setattr(memory, "device_memory", lambda device: GB // 2)
    assert pick(net, code, 512) is None
    assert pick(net, code, 2048) == Tiling(256, keep=True)
    assert pick(net, code, 10_000) == Tiling(256, keep=False)
    monkeypatch.setattr(memory, "device_memory", lambda device: 0)
    assert pick(net, code, 512) == Tiling(128, keep=False)


def test_none_is_whole_and_a_number_is_tiles_whatever_is_free(
    net: StyleNet, code: Tensor, monkeypatch: pytest.MonkeyPatch
) -> None:
    for free in (0, 100 * GB):
        monkeypatch.setattr(memory, "device_memory", lambda device, free=free: free)
        assert pick(net, code, 10_000, None) is None
        tiling = pick(net, code, 600, 256)
        assert tiling and tiling.side == 256
        assert pick(net, code, 256, 256) is None  # one tile


@pytest.mark.slow
def test_a_picture_that_is_short_of_memory_is_stylized_in_tiles(
    net: StyleNet, code: Tensor, monkeypatch: pytest.MonkeyPatch
) -> None:
    x = torch.rand(1, 3, 200, 300, generator=torch.Generator().manual_seed(0))
    seen: list[int] = []
    whole = render(net, x, StyleCode(code))
    monkeypatch.setattr(memory, "device_memory", lambda device: 0)
    handle = net.trunk.encoder[0].register_forward_pre_hook(lambda _, args: seen.append(args[0].shape[-1]))
    stylized = render(net, x, StyleCode(code))
    handle.remove()
    assert max(seen) < 300 // 2
    torch.testing.assert_close(stylized, whole, atol=1e-4, rtol=0)


@pytest.mark.parametrize("variant", ["fast", "classic"])
def test_the_estimate_follows_the_widths(variant: str) -> None:
    narrow, wide = (create_model("johnson", variant=variant, width=w).requires_grad_(False) for w in (32, 64))
    (need, kept), (more, kept_more) = (bytes_per_pixel(n, n.named_code(0)) for n in (narrow, wide))
    assert kept == 32 * 4 / 16 and kept_more == 2 * kept  # channels, float32, at a quarter of the resolution
    assert more == 2 * need and need >= 4 * 8 * 4  # the widest at full resolution
    wide.to(torch.bfloat16)
    assert bytes_per_pixel(wide, wide.named_code(0))[1] == kept


@pytest.mark.parametrize(("tile", "near"), [(8, 16), (50, 52), (511, 512), (1, 16)])
def test_a_side_that_the_net_cannot_take(net: StyleNet, code: Tensor, tile: int, near: int) -> None:
    with pytest.raises(OptionError, match=rf"tile={tile} .*multiple of 4 .*16 .*, such as {near}$"):
        pick(net, code, 1000, tile)


@pytest.mark.parametrize("tile", [0, -4, 1.5, True, "whole", "512"])
def test_what_is_no_tile(tile: object) -> None:
    with pytest.raises(OptionError, match=r"tile must be 'auto', None .* or a tile size in px, not"):
        StylizeOptions(tile=tile)


def group(folder: Path, **files: str) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in files.items():
        (folder / name.replace("__", ".")).write_text(text)


def test_limits_of_control_groups_count(tmp_path: Path) -> None:
    root, groups = tmp_path / "cgroup", tmp_path / "groups"
    groups.write_text("0::/user/app\n")
    group(root)
    group(
        root / "user", memory__max="3000000\n", memory__current="1000000\n", memory__stat="anon 5\ninactive_file 500\n"
    )
    group(root / "user" / "app", memory__max="max\n", memory__current="900000\n")
    assert list(ram._free_of_groups(root, groups)) == [2_000_500]
    groups.write_text("12:cpu:/app\n5:memory:/app\n")
    group(root / "memory" / "app", memory__limit_in_bytes="800\n", memory__usage_in_bytes="1000\n")
    assert list(ram._free_of_groups(root, groups)) == [0]
    assert list(ram._free_of_groups(root, tmp_path / "none")) == []


def test_free_memory_is_that_of_a_real_machine() -> None:
    assert 2**20 < ram.free_memory() < 2**50


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="other C libraries return memory by themselves, or never")
def test_freed_memory_between_blocks_in_use_is_returned() -> None:
    code = """
from pathlib import Path
from stylezoo.runtime.memory import release_memory

def rss():
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4096

blocks = [bytearray(60_000 if number % 2 else 2_000) for number in range(8_000)]  # below 128 kB, so on the heap
held = blocks[::2]
del blocks
before = rss()
release_memory()
print(before, rss())
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    before, after = map(int, done.stdout.split())
    assert before > 200e6 and after < before - 150e6
