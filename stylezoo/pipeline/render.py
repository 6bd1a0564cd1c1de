"""From a photo to its painting, whole or by tiles."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

import torch
from torch import Tensor
from tqdm import tqdm

from stylezoo.image.color import match_stats
from stylezoo.image.resize import crop, pad_to_multiple, resize
from stylezoo.image.sizes import fit_long_side
from stylezoo.image.tiles import as_float
from stylezoo.models import StyleCode, StyleNet
from stylezoo.nn.norm import Statistics, frozen_statistics, recorded_statistics, statistics_of_regions
from stylezoo.pipeline.blend import Region, join, rows_of, wants_photo_code, with_chroma
from stylezoo.pipeline.memory import pick_tiling
from stylezoo.pipeline.options import MAX_SIZE, STROKE_SIZE, PreserveColor, StylizeOptions, Tile
from stylezoo.pipeline.tiled import render_tiled


@torch.inference_mode()
def render(
    net: StyleNet,
    photo: Tensor,
    style: StyleCode | Sequence[Region],
    *,
    strength: float = 1.0,
    size: int | None = None,
    stroke: float | None = None,
    preserve_color: PreserveColor = False,
    tile: Tile = "auto",
    progress: bool = False,
) -> Tensor:
    """Paint a batch of photos of one size.

    Args:
        photo: (N, 3, H, W), RGB, float32 in [0, 1] or uint8, on any device.
        style: one for all of the picture, or its regions. Regions are mixed inside the net, gamma and beta per pixel
            (Dumoulin et al. 2017 mix them per picture), so even a hard mask leaves no cut edge between two styles. Each
            is painted with the norms' statistics of the whole picture in its style: a pass for each besides.
        strength: 0 the photo, 1 the style, above 1 beyond it. Where the net has a code for the photo, this is the
            straight line from it to the style's: the result is net(x, lerp(photo_code, code, strength)), and up to 1,
            where `net.gives_back`, plus (1 - strength) * (photo - net(x, photo_code)), so that 0 is the photo itself
            and not what the net makes of it. A net without such a code has its painting faded into the photo.
        size: scale the long side to this many px first; the result stays at that size.
        stroke: size of the strokes in relation to the picture, 1 being what the net paints at a long side of 512 px:
            the net runs at 512 / stroke px whatever the size, and the result is scaled, so a preview looks like the
            final picture. None: the net runs at the size of the result.
        preserve_color: "luma" keeps the photo's chroma under the painting's light and dark, true to every colour;
            "stats" moves the painting's colours to the photo's mean and covariance, which leaves the style's accents.
        tile: None paints the whole picture at once, a number in tiles of that many px a side, a multiple of
            `net.multiple`: the same picture in less memory and about twice the time. "auto" takes tiles where the
            memory for the whole is not there, see `pick_tiling`.
        progress: show a bar on stderr that counts tiles.

    Returns:
        (N, 3, H', W'), float32 in [0, 1], on the device of `photo`; by tiles, uint8 where `photo` is.
    """
    StylizeOptions(strength=strength, size=size, stroke=stroke, preserve_color=preserve_color, tile=tile)
    strength, size, stroke = float(strength), size and int(size), stroke and float(stroke)  # numpy's are welcome too
    before = after = photo.shape[-2], photo.shape[-1]
    if size is not None:
        after = fit_long_side(*before, size)
    small = after
    if stroke is not None:
        small = fit_long_side(*after, min(MAX_SIZE, max(1, round(STROKE_SIZE / stroke))))
    code = next(c for c in ([style] if isinstance(style, StyleCode) else [r.code for r in style]) if c)
    together = isinstance(style, StyleCode)  # a net takes codes for pictures or for regions, not both
    tiling = pick_tiling(tile, net, code.values, before, after, small, count=len(photo) if together else 1)
    if len(photo) > 1 and (tiling or not together):
        together = False
        tiling = pick_tiling(tile, net, code.values, before, after, small)
    how: dict[str, Any] = {"strength": strength, "size": after, "small": small, "preserve_color": preserve_color}
    parts = [photo] if together else photo.split(1)
    if tiling is None:
        return _together([_render_whole(net, as_float(part), style, **how) for part in parts])
    with tqdm(total=0, unit="tile", disable=not progress, leave=False, dynamic_ncols=True) as bar:
        return _together([render_tiled(net, part, style, **how, tiling=tiling, bar=bar) for part in parts])


def _render_whole(
    net: StyleNet,
    photo: Tensor,
    style: StyleCode | Sequence[Region],
    *,
    strength: float,
    size: tuple[int, int],
    small: tuple[int, int],
    preserve_color: PreserveColor,
) -> Tensor:
    """Return what `render` makes of photos, float32, at once; for the arguments see `render_tiled`."""
    photo = resize(photo, size)
    regions = [] if isinstance(style, StyleCode) else [Region(r.code, _fit(r.mask, photo)) for r in style]
    kept = sum((r.mask for r in regions if r.code is None), torch.zeros(()))  # where the photo is to stay
    if strength == 0 and net.gives_back:
        return photo
    seen = resize(photo, small)
    padded, inner = pad_to_multiple(seen, net.multiple, net.minimum)
    x = padded.to(net.device, net.dtype)

    def paint(code: Tensor, shares: Tensor | None = None) -> Tensor:
        painted = crop(net(x, code) if shares is None else net(x, code, shares), inner)
        return resize(painted.to(photo.device, photo.dtype), size)

    def measure(code: Tensor) -> Statistics:
        with recorded_statistics(net) as statistics:
            net(x, code)
        return statistics

    start = net.photo_code(x) if wants_photo_code(style, strength) else None
    rows = rows_of(net, regions or style, start, strength)
    if regions:
        shares = [pad_to_multiple(_fit(r.mask, seen), net.multiple, net.minimum)[0] for r in regions]
        with frozen_statistics(net, statistics_of_regions(net, measure, rows)):
            painted = paint(rows, torch.cat(shares, dim=1).to(x))
    else:
        painted = paint(rows)
    painted = join(photo, painted, kept, strength, net.gives_back, None if start is None else partial(paint, start))
    if preserve_color == "luma":
        painted = with_chroma(photo, painted, kept)
    elif preserve_color == "stats":
        painted = torch.lerp(match_stats(painted, photo), photo, kept.to(photo))
    return painted


def _together(parts: list[Tensor]) -> Tensor:
    return parts[0] if len(parts) == 1 else torch.cat(parts)  # which copies, and one may be huge


def _fit(mask: Tensor, photo: Tensor) -> Tensor:
    return resize(mask.to(photo), (photo.shape[-2], photo.shape[-1]))
