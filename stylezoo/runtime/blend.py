"""Blend a stylized image with its photo: strength, regions and colour. For whole pictures and windows alike."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np

from stylezoo.images.color import ColourMap, ColourStatistics, apply_map, colour_map, keep_luma
from stylezoo.images.planes import lerp, resize
from stylezoo.runtime.base import Floats, Passes, Region, StyleCode
from stylezoo.runtime.options import StylizeOptions

STRETCH = 4.0
"""The most that colours are stretched towards a palette: noise of a flat result must not become colour."""


def wants_photo_code(style: StyleCode | Sequence[Region], strength: float) -> bool:
    """Whether the photo's code is needed, which can cost as much as stylizing; not where all is at full strength."""
    return strength != 1 or not (isinstance(style, StyleCode) or all(r.code for r in style))


def keep_photo(style: StyleCode | Sequence[Region], kept: Floats) -> list[Region]:
    """Return the regions of `style` with the photo in a share of each pixel: `kept`, (1, 1, H, W) in [0, 1]."""
    regions = [Region(style, np.ones_like(kept))] if isinstance(style, StyleCode) else style
    height, width = (max(kept.shape[i], regions[0].mask.shape[i]) for i in (-2, -1))
    kept, regions = resize(kept, (height, width)), [replace(r, mask=resize(r.mask, (height, width))) for r in regions]
    stylized = [replace(r, mask=r.mask * (1 - kept)) for r in regions if r.code is not None]
    rest: Floats = 1 - np.stack([r.mask for r in stylized]).sum(axis=0)
    return [*stylized, Region(None, rest.clip(0))]


def rows_of(style: StyleCode | Sequence[Region], start: Floats | None, strength: float) -> Floats:
    """Return the code for the net: that of a style, (N or 1, D), or those of the regions, (K, D).

    `start` is the photo's code, (N or 1, D), if the net has one, or those of the regions' parts of it, (K, D).
    """

    def code_of(style: StyleCode, start: Floats | None) -> Floats:
        return style.values if start is None else lerp(start, style.values, style.values.dtype.type(strength))

    if isinstance(style, StyleCode):
        return code_of(style, start)
    starts = [start] * len(style) if start is None or len(start) == 1 else list(start[:, None])
    codes = [s if r.code is None else code_of(r.code, s) for r, s in zip(style, starts, strict=True)]
    # Where the photo stays and the net has no code for it, any style will do: the photo covers it below.
    stand_in = next(c for c in codes if c is not None)
    rows = [stand_in if c is None else c for c in codes]
    widest = max(row.shape[1] for row in rows)  # codes that differ in length end with zeros
    return np.concatenate([row if row.shape[1] == widest else _widened(row, widest) for row in rows])


def _widened(row: Floats, width: int) -> Floats:
    wide = np.zeros((len(row), width), dtype=row.dtype)
    wide[:, : row.shape[1]] = row
    return wide


def palette_maps(
    style: StyleCode | Sequence[Region],
    options: StylizeOptions,
    fades: bool,
    measure: Callable[[int], ColourStatistics],
    passes: Passes | None = None,
) -> list[ColourMap | None]:
    """Return the map from the colours of a result to the palette of its style image, for each region or for the only
    style; None where there is nothing to map: no style image, or a share of 0.

    Args:
        fades: whether codes of the net are interpolated with the photo's; colours then follow the strength.
        measure: returns the colours of a region, in the style with that number.
        passes: smooths the colours of results over the frames of a clip.
    """
    share = options.palette * (min(options.strength, 1) if fades else 1)
    codes = [style] if isinstance(style, StyleCode) else [region.code for region in style]
    maps: list[ColourMap | None] = []
    for number, code in enumerate(codes):
        palette = None if code is None else code.palette
        if palette is None or palette.weight <= 0 or share == 0:
            maps.append(None)
            continue
        found = measure(number)
        found = found if passes is None else _steadied(found, passes)
        maps.append(colour_map(found, palette.colours, share * min(palette.weight, 1), STRETCH))
    return maps


def _steadied(colours: ColourStatistics, passes: Passes) -> ColourStatistics:
    mean, spread = colours
    now = np.concatenate([mean, spread], axis=2).reshape(len(mean), -1).astype(np.float32)
    before = passes.before()
    if before is not None and before.shape == now.shape:
        now = lerp(now, before, np.float32(passes.share))
    passes.keep(now)
    both = now.astype(np.float64).reshape(-1, 3, 4)
    return both[..., :1], both[..., 1:]


def recoloured(x: Floats, maps: Sequence[ColourMap | None], masks: Sequence[Floats] = ()) -> Floats:
    """Return pixels, (N, 3, H, W), with the maps of `palette_maps`; of regions with these masks, (1, 1, H, W)."""
    if all(mapping is None for mapping in maps):
        return x
    parts = [x if mapping is None else apply_map(x, mapping) for mapping in maps]
    if not masks:
        return parts[0]
    result: Floats = sum((part * mask for part, mask in zip(parts, masks, strict=True)), np.zeros((), x.dtype))
    return result


def join(
    photo: Floats,
    stylized: Floats,
    kept: Floats,
    strength: float,
    gives_back: bool,
    again: Callable[[], Floats] | None,
) -> Floats:
    """Blend the stylized image with the photo as `render` describes, both (N, 3, H, W).

    Args:
        kept: (1, 1, H, W) or (): where the photo stays.
        gives_back: see `Runtime`.
        again: returns the net's result with the photo's own code; None if the net has no such code.
    """
    if again is None:
        weight = np.float32(strength) * (1 - kept)
        return stylized if (weight == 1).all() else lerp(photo, stylized, weight).clip(0, 1)
    reach = np.float32(min(strength, 1) if gives_back else 1)
    fade = 1 - reach * (1 - kept)
    if (fade == 0).all():
        return stylized
    # Add the residual that the net cannot reconstruct: where the photo stays, and towards strength 0 unless the net's
    # paper defines strength otherwise.
    stylized = (stylized + fade * (photo - again())).clip(0, 1)
    # Near its edge a region is affected by its neighbours: where most of a pixel is the photo's, the photo covers that.
    return lerp(stylized, photo, (2 * kept - 1).clip(0))


def with_chroma(photo: Floats, stylized: Floats, kept: Floats) -> Floats:
    """Return the stylized image with the photo's chroma; where `kept` is 1, exactly the photo."""
    return np.where(kept == 1, photo, keep_luma(stylized, photo))
