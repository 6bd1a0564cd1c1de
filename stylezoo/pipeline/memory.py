"""How much memory there is, how much a painting needs, and so whether and in what tiles it is painted."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from weakref import WeakKeyDictionary

import torch
from torch import Tensor

from stylezoo.errors import OptionError
from stylezoo.models import StyleNet
from stylezoo.pipeline.options import Tile

MOST = 3 * 2**30
"""Bytes that "auto" lets a whole picture take, however much is free."""
SIDE, LEAST_SIDE = 512, 128
UNKNOWN = 4 * 2**30


@dataclass(frozen=True)
class Tiling:
    """Tiles of `side` px; with `keep`, the whole picture's activations are kept between the sections of the net."""

    side: int
    keep: bool


def pick_tiling(
    tile: Tile,
    net: StyleNet,
    code: Tensor,
    photo: tuple[int, int],
    result: tuple[int, int],
    small: tuple[int, int],
    count: int = 1,
) -> Tiling | None:
    """Return the tiles to paint pictures in, one after the other, or None to paint them whole, all at once.

    Args:
        tile: "auto" takes tiles where the whole picture needs more than half of the free memory, or than MOST.
        code: any that the net takes, (1, D).
        photo, result, small: (height, width) of the photo, of the result, and of what the net is to see.
        count: of pictures.

    Raises:
        OptionError: the net does not tile, or not in tiles of that side.
    """
    if tile is None:
        return None
    if not net.tiles:
        if tile == "auto":
            return None
        raise OptionError(
            f"{net.family} optimises the picture as a whole and paints no tiles: leave tile={tile} out, or paint it "
            "smaller (size)"
        )
    per_pixel, per_kept = bytes_per_pixel(net, code)
    kept = per_kept * small[0] * small[1]
    if tile != "auto":
        side, least = int(tile), max(net.minimum, 4 * net.multiple)
        if side % net.multiple or side < least:
            near = max(least, (side + net.multiple // 2) // net.multiple * net.multiple)
            raise OptionError(
                f"tile={side} must be a multiple of {net.multiple} px from {least} on for this net, such as {near}"
            )
        one = max(*photo, *result, *small) <= side
        return None if one else Tiling(side, kept <= free_memory(net.device) // 2)
    free = free_memory(net.device)
    # Float pixels of 12 bytes: the photo, the result, and what they pass through on the way there.
    whole = 24 * photo[0] * photo[1] + 60 * result[0] * result[1] + per_pixel * small[0] * small[1]
    if count * whole <= min(free // 2, MOST):
        return None
    keep = kept <= free // 2
    overlap = max(net.sections) if keep else net.overlap
    side = SIDE
    while side < 8 * overlap:  # or the overlaps would be much of the work
        side *= 2
    while side > LEAST_SIDE and per_pixel * (side + 2 * overlap) ** 2 > free // 4:
        side //= 2
    return Tiling(-(-side // net.multiple) * net.multiple, keep)


_measured: WeakKeyDictionary[StyleNet, tuple[torch.dtype, int, int]] = WeakKeyDictionary()


@torch.no_grad()
def bytes_per_pixel(net: StyleNet, code: Tensor) -> tuple[int, int]:
    """Return about how many bytes a net needs for each pixel that it sees, and how many to keep between its sections.

    Taken from a pass of the net over a small picture: four times the largest activation of any layer. A convolution has
    its input, the padded input, the output and as a rule a copy of one in the layout that it likes; a norm its input
    and three steps on the way to its output.
    """
    known = _measured.get(net)
    if known and known[0] == net.dtype:
        return known[1:]
    side = max(64, net.minimum)
    sizes = [3 * 4 * side**2]

    def measure(module: Any, args: Any, output: Any) -> None:
        sizes.extend(t.nbytes for t in (*args, output) if isinstance(t, Tensor) and t.dim() == 4)

    hooks = [module.register_forward_hook(measure) for module in net.modules()]
    x = torch.zeros(1, 3, side, side, device=net.device, dtype=net.dtype)
    kept = 0
    try:
        net.forward(x, code[:1].to(x))
        if len(net.sections) > 1:
            with net.section(0):
                kept = net.forward(x, code[:1].to(x)).nbytes
    finally:
        for hook in hooks:
            hook.remove()
    per_pixel, per_kept = 4 * max(sizes) // side**2, kept // side**2
    _measured[net] = net.dtype, per_pixel, per_kept
    return per_pixel, per_kept


def free_memory(device: torch.device) -> int:
    """Return how many bytes can be had on a device without crowding others out; a guess where nobody says."""
    if device.type == "cuda":
        free, _ = torch.cuda.mem_get_info(device)
        return free + torch.cuda.memory_reserved(device) - torch.cuda.memory_allocated(device)
    return min(_free_of_system(), *_free_of_groups(), 2**62)


def _free_of_system() -> int:
    with suppress(OSError, ValueError, IndexError):
        for line in Path("/proc/meminfo").read_text().splitlines():
            if line.startswith("MemAvailable:"):
                return int(line.split()[1]) * 1024
    if os.name == "nt":
        with suppress(Exception):
            return _free_of_windows()
    with suppress(OSError, ValueError, AttributeError):
        return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") // 2  # macOS: what is free it does not say so
    return UNKNOWN


def _free_of_windows() -> int:
    import ctypes

    class Status(ctypes.Structure):
        _fields_ = (
            ("length", ctypes.c_ulong),
            ("load", ctypes.c_ulong),
            *((name, ctypes.c_ulonglong) for name in ("total", "free", "t", "f", "tv", "fv", "ev")),
        )

    status = Status(length=ctypes.sizeof(Status))
    ctypes.windll.kernel32.GlobalMemoryStatusEx(ctypes.byref(status))  # type: ignore[attr-defined]  # not on Linux
    return int(status.free) or UNKNOWN


def _free_of_groups(root: Path = Path("/sys/fs/cgroup"), groups: Path = Path("/proc/self/cgroup")) -> Iterator[int]:
    """Yield what the control groups around this process leave it: containers limit memory so, and meminfo is silent."""
    with suppress(OSError):
        for line in groups.read_text().splitlines():
            _, controllers, path = line.split(":", 2)
            if controllers == "":
                top, limit, used = root, "memory.max", "memory.current"
            elif "memory" in controllers.split(","):
                top, limit, used = root / "memory", "memory.limit_in_bytes", "memory.usage_in_bytes"
            else:
                continue
            here = top / path.lstrip("/")
            for group in (here, *here.parents):  # within a container its own group is the top, whatever its path
                with suppress(OSError, ValueError):  # the top has no limit, and "max" is none
                    free = int((group / limit).read_text()) - int((group / used).read_text())
                    with suppress(OSError, StopIteration):  # files that are cached go when memory is wanted
                        lines = (group / "memory.stat").read_text().splitlines()
                        free += int(next(line for line in lines if line.startswith("inactive_file ")).split()[1])
                    yield max(0, free)
                if group == top:
                    break
