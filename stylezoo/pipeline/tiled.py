"""A picture painted by tiles, which come out as in the whole: pictures of any size in bounded memory.

Of the whole picture there are the photo, the painting, both in 8 bits where the photo came so, and what a `Painting`
keeps: at 100 megapixels 0.3 GB, as much again, and for a fast net of 64 channels 1.6 GB. Only tiles are ever float.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import Any

import torch
from torch import Tensor

from stylezoo.errors import ImageError
from stylezoo.image.color import colour_statistics, move_colours
from stylezoo.image.io import NAN_REMEDY
from stylezoo.image.tiles import Box, Kept, Padded, Stacked, View, as_levels, resized, rows_of_tiles
from stylezoo.models import StyleCode, StyleNet
from stylezoo.nn.norm import Statistics, frozen_statistics, statistics_of_regions
from stylezoo.pipeline.blend import Region, join, rows_of, wants_photo_code, with_chroma
from stylezoo.pipeline.memory import Tiling
from stylezoo.pipeline.options import PreserveColor
from stylezoo.pipeline.painting import Painting


def render_tiled(
    net: StyleNet,
    photo: Tensor,
    style: StyleCode | Sequence[Region],
    *,
    strength: float,
    size: tuple[int, int],
    small: tuple[int, int],
    preserve_color: PreserveColor,
    tiling: Tiling,
    bar: Any,
) -> Tensor:
    """Return what `render` makes of one photo, (1, 3, H, W), uint8 or float32, in the photo's dtype.

    Args:
        size: (height, width) of the result.
        small: of what the net is to see.
        bar: a tqdm bar, which counts tiles.
    """
    view = resized(Kept(photo), size)
    if strength == 0 and net.gives_back and view.size == photo.shape[-2:]:
        return photo
    result = torch.empty(1, 3, *size, dtype=photo.dtype, device=photo.device)
    if strength == 0 and net.gives_back:
        return _write(view.window, result, tiling, bar)
    padded = Padded(resized(view, small), net.multiple, net.minimum)
    regions = [] if isinstance(style, StyleCode) else style
    masks = [resized(Kept(region.mask), size) for region in regions]
    stays = [mask for mask, region in zip(masks, regions, strict=True) if region.code is None]
    shares = Stacked([Padded(resized(m, small), net.multiple, net.minimum) for m in masks]) if masks else None
    how: dict[str, Any] = {"size": small, "tiling": tiling, "device": photo.device, "bar": bar}

    def paint(code: Tensor, shares: View | None, keep: bool = False) -> View:
        painting: View = Painting(net, padded, code, shares, statistics=known, **how)
        if keep or small != size:  # in 16 bits, as colours may be stretched yet; and what made it is freed
            room = torch.empty(1, 3, *small, dtype=torch.int16, device=photo.device)
            painting = Kept(_write(painting.window, room, tiling, bar))
        return resized(painting, size)

    start: Tensor | None = None
    known: Statistics | None = None
    if wants_photo_code(style, strength):
        if net.measures_photo:
            code = style if isinstance(style, StyleCode) else next(r.code for r in style if r.code)
            known = Painting(net, padded, code.values.to(net.device, net.dtype), **how).statistics
        part = padded.window(rows_of_tiles(padded.size, tiling.side)[0][0]).to(net.device, net.dtype)
        with frozen_statistics(net, known):
            start = net.photo_code(part)
    # First, as much of what makes it is freed before the painting needs the same.
    again = None
    if start is not None and (stays or (net.gives_back and strength < 1)):
        again = paint(start, None, keep=True)
    rows = rows_of(net, style, start, strength)
    if shares:
        known = statistics_of_regions(net, lambda row: Painting(net, padded, row, **how).statistics, rows) or known
    painted = paint(rows, shares)

    def stay_in(box: Box) -> Tensor:
        return sum((mask.window(box) for mask in stays), torch.zeros(()))

    def joined(box: Box) -> Tensor:
        back = None if start is None else partial((again or view).window, box)  # called only where there is `again`
        return join(view.window(box), painted.window(box), stay_in(box), strength, net.gives_back, back)

    def in_luma(box: Box) -> Tensor:
        return with_chroma(view.window(box), joined(box), stay_in(box))

    if preserve_color == "luma":
        return _write(in_luma, result, tiling, bar)
    if preserve_color == "stats":
        moved = colour_statistics(_each(joined, size, tiling, bar))
        wanted = colour_statistics(_each(view.window, size, tiling, bar))

        def in_palette(box: Box) -> Tensor:
            photo = view.window(box)
            return torch.lerp(move_colours(joined(box), moved, wanted), photo, stay_in(box).to(photo))

        return _write(in_palette, result, tiling, bar)
    return _write(joined, result, tiling, bar)


def _each(window: Callable[[Box], Tensor], size: tuple[int, int], tiling: Tiling, bar: Any) -> Iterator[Tensor]:
    rows = rows_of_tiles(size, tiling.side)
    bar.total += len(rows) * len(rows[0])
    for row in rows:
        for box in row:
            yield window(box)
            bar.update()


def _write(window: Callable[[Box], Tensor], room: Tensor, tiling: Tiling, bar: Any) -> Tensor:
    """Fill `room`, (1, 3, H, W), with windows, which are float32 in [0, 1], in its own dtype; return it."""
    size = room.shape[-2], room.shape[-1]
    boxes = (box for row in rows_of_tiles(size, tiling.side) for box in row)
    canvas = Kept(room)
    for box, x in zip(boxes, _each(window, size, tiling, bar), strict=True):
        if not torch.isfinite(x).all():
            raise ImageError(f"the painting holds NaN or infinity: {NAN_REMEDY}")
        canvas.paste(box, x if room.is_floating_point() else as_levels(x.clamp(0, 1), room.dtype))
    return room
