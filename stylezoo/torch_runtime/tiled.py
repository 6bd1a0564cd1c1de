"""A picture stylized by tiles, which come out as in the whole: pictures of any size in bounded memory.

Of the whole picture there are the photo, the painting, both in 8 bits where the photo came so, and what a
`WholePicture` keeps: at 100 megapixels 0.3 GB, as much again, and for a fast net of 64 channels 1.6 GB. Only tiles
are ever float.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import Any

import numpy as np
import torch
from torch import Tensor

from stylezoo.errors import ImageError
from stylezoo.images.color import ColourStatistics, colour_statistics, move_colours, statistics_inside
from stylezoo.images.planes import lerp
from stylezoo.images.tiles import Box, Kept, Padded, Stacked, View, as_levels, resized, rows_of_tiles
from stylezoo.models import StyleNet
from stylezoo.nn.norm import Statistics, frozen_statistics, statistics_of_regions
from stylezoo.runtime.base import Array, Floats, Region, Sizes, StyleCode, as_array
from stylezoo.runtime.blend import join, palette_maps, recoloured, rows_of, wants_photo_code, with_chroma
from stylezoo.runtime.options import PreserveColor, StylizeOptions
from stylezoo.runtime.render import NAN_REMEDY
from stylezoo.torch_runtime.memory import Tiling
from stylezoo.torch_runtime.whole import WholePicture

Window = Callable[[Box], Floats]
"""What a part of a picture holds, (1, C, h, w)."""


class Shares(Stacked):
    """Masks as the shares of regions, which sum to 1 even where three of them, scaled, meet."""

    def window(self, box: Box) -> Tensor:
        x = super().window(box)
        return x / x.sum(dim=1, keepdim=True)


def render_tiled(
    net: StyleNet,
    pixels: Array,
    style: StyleCode | Sequence[Region],
    options: StylizeOptions,
    sizes: Sizes,
    *,
    tiling: Tiling,
    bar: Any,
) -> Array:
    """Return what `render` makes of one photo, (1, 3, H, W), in the photo's dtype; `bar` is tqdm's."""
    photo, size, small, strength = torch.from_numpy(pixels), sizes.result, sizes.small, options.strength
    view = resized(Kept(photo), size)
    result = torch.empty(1, 3, *size, dtype=photo.dtype, device=photo.device)
    if strength == 0 and net.gives_back:
        return pixels if view.size == photo.shape[-2:] else _write(view.window, result, tiling, bar).numpy()
    padded = Padded(resized(view, small), net.multiple, net.minimum)
    regions = [] if isinstance(style, StyleCode) else style
    masks = [resized(Kept(torch.from_numpy(region.mask)), size) for region in regions]
    stays = [mask for mask, region in zip(masks, regions, strict=True) if region.code is None]
    shares = Shares([Padded(resized(m, small), net.multiple, net.minimum) for m in masks]) if masks else None
    how: dict[str, Any] = {"size": small, "tiling": tiling, "device": photo.device, "bar": bar}

    def stylize(code: Tensor, shares: View | None, known: Statistics | None, keep: bool = False) -> View:
        painting: View = WholePicture(net, padded, code, shares, statistics=known, **how)
        if keep or small != size:  # in 16 bits, as colours may be stretched yet; and what made it is freed
            room = torch.empty(1, 3, *small, dtype=torch.int16, device=photo.device)
            painting = Kept(_write(painting.window, room, tiling, bar))
        return resized(painting, size)

    start, known = _photo_code(net, padded, style, how) if wants_photo_code(style, strength) else (None, None)
    # First, as much of what makes it is freed before the painting needs the same.
    again = None
    if start is not None and (stays or (net.gives_back and strength < 1)):
        again = stylize(_code(net, start), None, known, keep=True)
    own = shares and net.measures_parts and any(region.own for region in regions)
    if shares and own:
        start, known = _own_codes(net, padded, shares, rows_of(style, start, strength), start is not None, how)
    rows = _code(net, rows_of(style, start, strength))
    if shares and not own:
        known = statistics_of_regions(net, lambda row: WholePicture(net, padded, row, **how).statistics, rows) or known
    stylized = stylize(rows, shares, known)
    each = partial(_each, size=size, tiling=tiling, bar=bar)

    def alone(code: StyleCode) -> View:
        return stylize(_code(net, rows_of(code, start, strength)), None, None)

    colours = partial(_colours, stylized, regions, masks, alone, each)
    maps = palette_maps(style, options, start is not None, colours)

    photo_in, stay_in = partial(_array_of, view), partial(_sum, stays)

    def joined(box: Box) -> Floats:
        # `back` is called only where there is `again`
        back = None if start is None else partial(_array_of, again or view, box)
        here = recoloured(stylized.window(box).numpy(), maps, [mask.window(box).numpy() for mask in masks])
        return join(photo_in(box), here, stay_in(box), strength, net.gives_back, back)

    finished = _coloured(options.preserve_color, photo_in, joined, stay_in, each)
    return _write(lambda box: torch.from_numpy(finished(box)), result, tiling, bar).numpy()


def _colours(
    stylized: View,
    regions: Sequence[Region],
    masks: Sequence[View],
    alone: Callable[[StyleCode], View],
    each: Callable[[Window], Iterator[Floats]],
    number: int,
) -> ColourStatistics:
    """Return the colours of a stylized image: of a region's own part, or of the whole picture in a region's style."""
    if regions and regions[number].own:
        parts = zip(each(partial(_array_of, stylized)), each(partial(_array_of, masks[number])), strict=True)
        return statistics_inside(parts)
    code = regions[number].code if regions else None
    return colour_statistics(each(partial(_array_of, alone(code) if code else stylized)))


def _photo_code(
    net: StyleNet, padded: Padded, style: StyleCode | Sequence[Region], how: dict[str, Any]
) -> tuple[Floats | None, Statistics | None]:
    """Return the photo's own code, if the net has one, and the whole photo's statistics where that depends on them."""
    known: Statistics | None = None
    if net.measures_photo:
        code = style if isinstance(style, StyleCode) else next(r.code for r in style if r.code)
        known = WholePicture(net, padded, _code(net, code.values), **how).statistics
    return _code_of_statistics(net, padded, known, how), known


def _own_codes(
    net: StyleNet,
    padded: Padded,
    shares: View,
    rows: Floats,
    wanted: bool,
    how: dict[str, Any],
) -> tuple[Floats | None, Statistics]:
    """Return the own codes of the regions' parts of the photo, if `wanted`, and their statistics in `rows`, (K, D)."""
    known = WholePicture(net, padded, _code(net, rows), shares, own=True, **how).statistics
    return _code_of_statistics(net, padded, known, how) if wanted else None, known


def _code_of_statistics(net: StyleNet, padded: Padded, known: Statistics | None, how: dict[str, Any]) -> Floats | None:
    """Return the photo's own code with these statistics, of which any part of it has the code of the whole."""
    part = padded.window(rows_of_tiles(padded.size, how["tiling"].side)[0][0]).to(net.device, net.dtype)
    with frozen_statistics(net, known):
        found = net.photo_code(part)
    return None if found is None else as_array(found)


def _coloured(
    preserve: PreserveColor, photo: Window, joined: Window, stay: Window, each: Callable[[Window], Iterator[Floats]]
) -> Window:
    """Return the window of the result whose colours are the photo's as far as `preserve` says."""
    if preserve == "luma":
        return lambda box: with_chroma(photo(box), joined(box), stay(box))
    if preserve == "stats":
        moved, wanted = colour_statistics(each(joined)), colour_statistics(each(photo))
        return lambda box: lerp(move_colours(joined(box), moved, wanted), photo(box), stay(box))
    return joined


def _code(net: StyleNet, values: Floats) -> Tensor:
    return torch.as_tensor(values).to(net.device, net.dtype)


def _array_of(view: View, box: Box) -> Floats:
    return view.window(box).numpy()


def _sum(views: Sequence[View], box: Box) -> Floats:
    return sum((_array_of(view, box) for view in views), np.zeros((), dtype=np.float32))


def _each(window: Callable[[Box], Any], size: tuple[int, int], tiling: Tiling, bar: Any) -> Iterator[Any]:
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
            raise ImageError(f"the result has NaN or infinity: {NAN_REMEDY}")
        canvas.paste(box, x if room.is_floating_point() else as_levels(x.clamp(0, 1), room.dtype))
    return room
