"""Bring a photo's detail back into its stylized image that was made at a smaller size. Imports no torch."""

from __future__ import annotations

import numpy as np

from stylezoo.images.color import keep_luma
from stylezoo.images.planes import Array, Floats, as_float, as_levels, resample

EDGE = 1e-3
"""Variance of the photo, per channel, above which the stylized image decides how much of its detail comes back."""

MARGIN = 4  # px beyond an edge: enlarging reads two, and `_planes` two around these

BAND = 64  # rows at a time, one run of `resample`: what is float stays in the cache, whatever the picture's size


def with_detail(photo: Array, seen: Floats, stylized: Floats, *, luma: bool = False, wrap: bool = False) -> Array:
    """Return a stylized image at the size of its photo, with the photo's detail.

    With D the difference that stylizing made at the small size, the result is photo + up(D) + gain * (photo - up(seen))
    + sharpening. `up` enlarges by bicubic interpolation. The gain is the slope of D over the photo in windows of 3x3
    px, as in the guided filter (He et al. 2013, doi:10.1109/TPAMI.2012.213), from -1 to 1: an edge of the photo that
    the stylized image lacks does not come back, one that it has is as sharp as in the photo. The guided filter itself
    would blur strokes, which are not in the photo. Their edges are sharpened instead: luma moves from the middle of
    the range of its 3x3 px towards the nearer end, never beyond. Where D is 0 the result is exactly the photo.

    Args:
        photo: (N, 3, H, W), RGB, float32 in [0, 1] or uint8.
        seen: the photo at the small size, (N, 3, h, w), in [0, 1].
        stylized: likewise.
        luma: the stylized image has the photo's chroma, and so shall the result.
        wrap: opposite edges are neighbours, as in a picture that tiles.

    Returns:
        (N, 3, H, W) in the photo's dtype. It is computed in bands of rows: beyond photo and result, memory depends on
        the small size alone.
    """
    result = np.empty_like(photo)
    height, width = photo.shape[-2:]
    margin = MARGIN if wrap else 0
    small = seen.shape[-2], seen.shape[-1]
    if wrap:
        around = (0, 0), (0, 0), (margin, margin), (margin, margin)
        seen, stylized = (np.pad(x, around, mode="wrap") for x in (seen, stylized))
    across = resample(small[1], width, 0, width, margin)
    for index in range(len(photo)):
        planes = _planes(seen[index], stylized[index])
        for top in range(0, height, BAND):
            rows = slice(top, min(top + BAND, height))
            [down] = resample(small[0], height, rows.start, rows.stop, margin)
            near = planes[:, down.first : down.last]
            # products this small stay in one thread, whatever else the machine does
            parts = [down.weights @ near[..., t.first : t.last] @ t.weights.T for t in across]
            wide = np.concatenate(parts, axis=2, dtype=np.float32)
            original = as_float(np.ascontiguousarray(photo[index, :, rows]))
            band = _detailed(original, wide).clip(0, 1)
            if luma:
                band = keep_luma(band[None], original[None])[0]
            result[index, :, rows] = as_levels(band) if photo.dtype == np.uint8 else band
    return result


def _planes(seen: Floats, stylized: Floats) -> Floats:
    """Return what is enlarged, (10, h, w): D, the photo, gain, the least luma nearby, its range, and its reach."""
    apart = stylized - seen
    variance = (_mean(seen * seen) - _mean(seen) ** 2).sum(axis=0)
    slope = (_mean(seen * apart) - _mean(seen) * _mean(apart)).sum(axis=0) / (variance + 3 * np.float32(EDGE))
    gain = _mean(slope.clip(-1, 1)[None])
    light, change = (_light(x)[None] for x in (stylized, apart))
    least = _nearby(np.minimum, light)
    span, changed = (_nearby(np.maximum, x) - _nearby(np.minimum, x) for x in (light, change))
    return np.concatenate([apart, seen, gain, least, span, np.minimum(span, changed)])


def _detailed(photo: Floats, planes: Floats) -> Floats:
    """Return (3, H, W) from the photo and the enlarged planes of `_planes`."""
    apart, seen, (gain, least, span, reach) = planes[:3], planes[3:6], planes[6:]
    place = (_light(apart + seen) - least) / np.maximum(span, np.float32(1e-4))
    place = place.clip(0, 1)
    steep = place * place * (3 - 2 * place)
    steep = steep * steep * (3 - 2 * steep)
    return photo + (apart + gain * (photo - seen) + reach.clip(0) * (steep - place))


def _light(x: Floats) -> Floats:
    """Return the luma, (H, W), of (3, H, W); not a product of matrices, which several threads would share."""
    return np.float32(0.299) * x[0] + np.float32(0.587) * x[1] + np.float32(0.114) * x[2]


def _nearby(join: np.ufunc, x: Floats) -> Floats:
    """Return `join` over each 3x3 px of (C, h, w); at the edge over those that there are."""
    rows = np.pad(x, ((0, 0), (1, 1), (0, 0)), mode="edge")
    x = join(join(rows[:, :-2], rows[:, 1:-1]), rows[:, 2:])
    columns = np.pad(x, ((0, 0), (0, 0), (1, 1)), mode="edge")
    return np.asarray(join(join(columns[..., :-2], columns[..., 1:-1]), columns[..., 2:]))


def _mean(x: Floats) -> Floats:
    return _nearby(np.add, x) / np.float32(9)
