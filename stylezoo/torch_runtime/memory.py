"""How much memory there is, how much a painting needs, and so whether and in what tiles it is stylized."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from weakref import WeakKeyDictionary

import torch
from torch import Tensor

from stylezoo.errors import OptionError
from stylezoo.models import StyleNet
from stylezoo.runtime.base import Sizes
from stylezoo.runtime.memory import MOST, free_memory, whole_bytes
from stylezoo.runtime.options import Tile

SIDE, LEAST_SIDE = 512, 128


@dataclass(frozen=True)
class Tiling:
    """Tiles of `side` px; with `keep`, the whole picture's activations are kept between the sections of the net."""

    side: int
    keep: bool


def pick_tiling(
    tile: Tile,
    net: StyleNet,
    code: Tensor,
    sizes: Sizes,
    count: int = 1,
) -> Tiling | None:
    """Return the tiles to stylize pictures in, one after the other, or None to stylize them whole, all at once.

    Args:
        tile: "auto" takes tiles where the whole picture needs more than half of the free memory, or than MOST.
        code: any that the net takes, (1, D).
        sizes: of the photo, of the result, and of what the net is to see.
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
            f"{net.family} optimises the whole picture and cannot use tiles: leave tile={tile} out, or reduce size"
        )
    per_pixel, per_kept = bytes_per_pixel(net, code)
    kept = per_kept * sizes.small[0] * sizes.small[1]
    if tile != "auto":
        side, least = int(tile), max(net.minimum, 4 * net.multiple)
        if side % net.multiple or side < least:
            near = max(least, (side + net.multiple // 2) // net.multiple * net.multiple)
            raise OptionError(
                f"tile={side} must be a multiple of {net.multiple} and at least {least} for this model, such as {near}"
            )
        one = max(*sizes.photo, *sizes.result, *sizes.small) <= side
        return None if one else Tiling(side, kept <= device_memory(net.device) // 2)
    free = device_memory(net.device)
    if count * whole_bytes(sizes, per_pixel) <= min(free // 2, MOST):
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


def device_memory(device: torch.device) -> int:
    """Return how many bytes can be taken on a device without crowding others out; a guess where nobody says."""
    if device.type == "cuda":
        free, _ = torch.cuda.mem_get_info(device)
        return free + torch.cuda.memory_reserved(device) - torch.cuda.memory_allocated(device)
    return free_memory()
