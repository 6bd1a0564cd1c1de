"""The pipeline from a photo to a stylized image. Imports no torch: a `Runtime` computes the net."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial

import numpy as np

from stylezoo._files import shows
from stylezoo.errors import ImageError, OptionError
from stylezoo.images.color import ColourStatistics, colour_statistics, match_stats, statistics_inside
from stylezoo.images.detail import with_detail
from stylezoo.images.planes import Array, Floats, crop, lerp, pad_to_multiple, resize
from stylezoo.images.sizes import fit_long_side
from stylezoo.runtime.base import Passes, Region, Runtime, Sizes, Statistics, StyleCode
from stylezoo.runtime.blend import join, palette_maps, recoloured, rows_of, wants_photo_code, with_chroma
from stylezoo.runtime.options import AUTO_SIZE, MAX_SIZE, STROKE_SIZE, StylizeOptions

NAN_REMEDY = "try float32 (dtype) or a lower strength"


def sizes_of(photo: Array, options: StylizeOptions, period: int = 1, minimum: int = 1) -> Sizes:
    """Return the sizes of the photo, the net's input and the result.

    The net's input has multiples of `period` of at least `minimum` as sides if the picture tiles.
    """
    sizes = _free_sizes(photo, options)
    if not options.tileable:
        return sizes
    height, width = (max(-(-minimum // period), (side + period // 2) // period) * period for side in sizes.small)
    return Sizes(sizes.photo, sizes.result, (height, width))


def _free_sizes(photo: Array, options: StylizeOptions) -> Sizes:
    before = after = photo.shape[-2], photo.shape[-1]
    if options.size is not None:
        after = fit_long_side(*before, options.size)
    if options.stroke == "auto":
        most = max(AUTO_SIZE, AUTO_SIZE * max(after) // (2 * min(after)))
        # from the photo, as if `size` were `most`, so that both look the same
        return Sizes(before, after, after if max(after) <= most else fit_long_side(*before, most))
    small = fit_long_side(*after, min(MAX_SIZE, max(1, round(STROKE_SIZE / options.stroke))))
    return Sizes(before, after, small)


def render(
    runtime: Runtime,
    photo: Array,
    style: StyleCode | Sequence[Region],
    options: StylizeOptions = StylizeOptions(),  # noqa: B008 - frozen
    *,
    passes: Passes | None = None,
    progress: bool = False,
) -> Array:
    """Stylize a batch of photos of the same size.

    If the net has a code for the photo, `strength` interpolates between the codes: the result is
    net(x, lerp(photo_code, code, strength)). If `gives_back`, up to strength 1 the residual
    (1 - strength) * (photo - net(x, photo_code)) is added, so that 0 is exactly the photo. The result of a net without
    such a code is cross-faded with the photo.

    By `palette`, the colours of the result are brought to those of the style image; each region's, as if the whole
    picture had its style, which takes one more pass per region.

    With a number as `stroke` the net runs at 512 / stroke px at any size and the result is scaled, so that a preview
    looks like the final picture. With "auto", a result of more than 1024 px is that of 1024 px, enlarged with the
    detail of the photo.

    With `tileable`, opposite edges of photo and masks are neighbours throughout. With `smooth`, net(x, ...) is the mean
    of two runs, of which the second sees the picture shifted by half of `Runtime.multiple`.

    Args:
        photo: (N, 3, H, W), RGB, float32 in [0, 1] or uint8.
        style: one style, or regions. Regions are mixed inside the net, gamma and beta per pixel (Dumoulin et al. 2017
            mix them per picture), so that even a hard mask leaves no visible seam. Each region uses the norm statistics
            of the whole picture in its style, which takes one extra pass per region; where it is `own` and the net has
            `measures_parts`, those of its own part of the picture.
        passes: smooths the norm statistics over the frames of a clip.
        progress: show a progress bar over tiles on stderr.

    Returns:
        (N, 3, H', W'), float32 in [0, 1]; in tiles and enlarged with detail, uint8 if `photo` is and keeps its size.

    Raises:
        NeedsTilesError: tiles are needed, but the runtime has none.
    """
    wrap = options.tileable
    if wrap and not runtime.wraps:
        raise OptionError("this model does not make pictures that tile: leave tileable out, or choose another model")
    if options.smooth and runtime.multiple == 1:
        raise OptionError("smooth is for nets with strides, which this model has not: leave smooth out")
    sizes = sizes_of(photo, options, runtime.period, runtime.minimum)
    if options.stroke == "auto" and sizes.small != sizes.result:
        seen = resize(photo, sizes.small, wrap=wrap)
        stylized = render(runtime, seen, style, options.changed(size=None), passes=passes, progress=progress)
        full = photo if sizes.result == sizes.photo else resize(photo, sizes.result, wrap=wrap)
        return with_detail(full, seen, stylized, luma=options.preserve_color == "luma", wrap=wrap)
    code = next(c for c in ([style] if isinstance(style, StyleCode) else [r.code for r in style]) if c)
    together = isinstance(style, StyleCode)  # a net takes one code per picture or per region, not both
    tile = None if wrap or options.smooth else options.tile
    runtime = runtime.circular() if wrap else runtime
    tiling = runtime.fit(tile, sizes, code.values, count=len(photo) if together else 1)
    if len(photo) > 1 and (tiling or not together):
        together = False
        tiling = runtime.fit(tile, sizes, code.values)
    parts = [photo] if together else [photo[i, None] for i in range(len(photo))]
    if tiling is None:
        return _together([_render_whole(runtime, part, style, options, sizes, passes) for part in parts])
    from tqdm import tqdm

    with tqdm(total=0, unit="tile", disable=not shows(progress), leave=False, dynamic_ncols=True) as bar:
        return _together([runtime.render_tiled(part, style, options, sizes, tiling, bar) for part in parts])


def _render_whole(
    runtime: Runtime,
    photo: Array,
    style: StyleCode | Sequence[Region],
    options: StylizeOptions,
    sizes: Sizes,
    passes: Passes | None,
) -> Floats:
    """Return the result of `render` for whole photos in float32."""
    strength, size = options.strength, sizes.result
    scaled = partial(resize, wrap=options.tileable)
    photo = scaled(photo, size)
    regions = [] if isinstance(style, StyleCode) else [replace(r, mask=scaled(r.mask, size)) for r in style]
    kept = sum((r.mask for r in regions if r.code is None), np.zeros((), dtype=np.float32))  # where the photo stays
    if strength == 0 and runtime.gives_back:
        return photo
    seen = scaled(photo, sizes.small)
    x = pad_to_multiple(seen, runtime.multiple, runtime.minimum)

    def compute(code: Floats, shares: Floats | None = None, statistics: Statistics | None = None) -> Floats:
        result = runtime.run(x, code, shares, statistics, passes)
        if options.smooth:
            moved, back = shifted(runtime.multiple // 2, options.tileable)
            other = None if shares is None else moved(shares)
            result = (result + back(runtime.run(moved(x), code, other, statistics, passes))) * np.float32(0.5)
        # one pass over the data: the sum of values near [0, 1] cannot overflow
        if not np.isfinite(result.sum()):
            raise ImageError(f"the result has NaN or infinity: {NAN_REMEDY}")
        return scaled(crop(result, sizes.small), size)

    start = starts = runtime.photo_code(x) if wants_photo_code(style, strength) else None
    if regions:
        masks = [pad_to_multiple(scaled(r.mask, sizes.small), runtime.multiple, runtime.minimum) for r in regions]
        shares, own = np.concatenate(masks, axis=1), None
        shares /= shares.sum(axis=1, keepdims=True)  # scaling is not exact where three regions meet
        if runtime.measures_parts and any(r.own for r in regions):
            own = runtime.measure(x, rows_of(regions, start, strength), passes, shares)
            starts = None if start is None else runtime.photo_code(x, own)
        rows = rows_of(regions, starts, strength)
        statistics = _statistics_of_regions(runtime, x, rows, passes) if own is None else own
        stylized = compute(rows, shares, statistics)
    else:
        rows = rows_of(style, start, strength)
        stylized = compute(rows)

    measure = partial(_colours, stylized, regions, lambda code: compute(rows_of(code, start, strength)))
    maps = palette_maps(style, options, start is not None, measure, passes)
    stylized = recoloured(stylized, maps, [r.mask for r in regions])
    again = None if start is None else partial(compute, start)
    stylized = join(photo, stylized, kept, strength, runtime.gives_back, again)
    if options.preserve_color == "luma":
        stylized = with_chroma(photo, stylized, kept)
    elif options.preserve_color == "stats":
        stylized = lerp(match_stats(stylized, photo), photo, kept)
    return stylized


def _colours(
    stylized: Floats, regions: Sequence[Region], compute: Callable[[StyleCode], Floats], number: int
) -> ColourStatistics:
    """Return the colours of a stylized image: of a region's own part, or of the whole picture in a region's style."""
    code = regions[number].code if regions else None
    if code is None:
        return colour_statistics([stylized])
    if regions[number].own:
        return statistics_inside([(stylized, regions[number].mask)])
    return colour_statistics([compute(code)])


def shifted(by: int, wrap: bool) -> tuple[Callable[[Floats], Floats], Callable[[Floats], Floats]]:
    """Return how to move pictures, (N, C, H, W), by so many px against a net's grid, and how to move results back.

    They are continued by reflection and grow by `by` px on every side, or, with `wrap`, are rolled.
    """
    if wrap:
        return lambda x: np.roll(x, (by, by), (2, 3)), lambda x: np.roll(x, (-by, -by), (2, 3))
    around = ((0, 0), (0, 0), (by, by), (by, by))
    return lambda x: np.pad(x, around, mode="reflect"), lambda x: x[..., by : x.shape[-2] - by, by : x.shape[-1] - by]


def _statistics_of_regions(runtime: Runtime, x: Floats, codes: Floats, passes: Passes | None) -> Statistics | None:
    """Return the norm statistics of the whole picture in each of `codes`, (K, D), one per region.

    With these, a region looks as if the whole picture had its style; shared statistics would let styles affect each
    other's contrast and colour. None: no norm follows the first, or all styles are equal.
    """
    if runtime.norms < 2 or (codes == codes[:1]).all():  # the input of the first norm has no style yet
        return None
    return np.concatenate([runtime.measure(x, code[None], passes) for code in codes])


def _together(parts: list[Array]) -> Array:
    return parts[0] if len(parts) == 1 else np.concatenate(parts)  # avoids a copy, which may be huge
