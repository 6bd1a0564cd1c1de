"""Colour: luma and chroma, and matching the colours of one picture to another.

All functions take and return float NCHW RGB in [0, 1], arrays or tensors. They do not import torch.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import Any, TypeAlias, TypeVar

import numpy as np
from numpy.typing import NDArray

from stylezoo.errors import ImageError
from stylezoo.images.planes import Array

Pixels = TypeVar("Pixels", bound=Any)
"""An array or a tensor, (N, 3, H, W)."""

# BT.601 in full range, as in JPEG (JFIF). Row 0 is luma; the chroma rows follow from it.
_TO_YCBCR = (
    (0.299, 0.587, 0.114),
    (-0.299 / 1.772, -0.587 / 1.772, 0.886 / 1.772),
    (0.701 / 1.402, -0.587 / 1.402, -0.114 / 1.402),
)
_TO_RGB = (
    (1.0, 0.0, 1.402),
    (1.0, -0.114 * 1.772 / 0.587, -0.299 * 1.402 / 0.587),
    (1.0, 1.772, 0.0),
)
_NO_CHROMA = 128 / 255  # grey in 8-bit JPEG

# Variance of one 8-bit step. Anything below is rounding noise, which must not be amplified into colour.
_NOISE = 255.0**-2


def rgb_to_ycbcr(x: Pixels) -> Pixels:
    """Return luma, Cb and Cr of RGB `x`, N3HW in [0, 1]; grey has Cb = Cr = 128/255."""
    ycbcr = _mixed(x, _TO_YCBCR)
    ycbcr[:, 1:] += _NO_CHROMA
    return ycbcr


def ycbcr_to_rgb(x: Pixels) -> Pixels:
    """Return RGB for Y, Cb, Cr `x` (N3HW). Not clamped: some triples lie outside [0, 1]."""
    offset = _constant([0, _NO_CHROMA, _NO_CHROMA], x).reshape(3, 1, 1)
    return _mixed(x - offset, _TO_RGB)


def keep_luma(result: Pixels, photo: Pixels) -> Pixels:
    """Return the luma of `result` with the chroma of `photo`: luminance-only transfer (arXiv:1606.05897), clamped.

    Both are N3HW of the same size; otherwise raise ImageError.
    """
    if result.shape != photo.shape:
        raise ImageError(f"the result has {_size(result)} px but the photo has {_size(photo)} px: resize one first")
    ycbcr = rgb_to_ycbcr(photo)
    ycbcr[:, :1] = rgb_to_ycbcr(result)[:, :1]
    return ycbcr_to_rgb(ycbcr).clip(0, 1)


def match_stats(source: Pixels, target: Pixels) -> Pixels:
    """Return `source` (N3HW) with its colours mapped to the mean and covariance of those of `target`, clamped.

    `target` is N3HW or 13HW, of any size. The linear map is the optimal transport between two Gaussians, which moves
    colours least and, unlike Cholesky's, does not depend on the order of the channels. A flat source gives the target's
    mean; a flat target gives its one colour. Statistics are computed in float64.

    Raises:
        ImageError: `target` is a batch of another size.
    """
    if target.shape[0] not in (1, source.shape[0]):
        raise ImageError(f"cannot match {source.shape[0]} pictures to {target.shape[0]}: pass one target, or one each")
    return move_colours(source, colour_statistics([source]), colour_statistics([target]))


Matrix: TypeAlias = NDArray[np.float64]
ColourStatistics: TypeAlias = tuple[Matrix, Matrix]
"""Mean (N, 3, 1) and covariance (N, 3, 3) of the colours of pictures, in float64."""

ColourMap: TypeAlias = tuple[Matrix, Matrix]
"""Matrix (N, 3, 3) and shift (N, 3, 1): a colour x becomes `matrix @ x + shift`."""


def move_colours(source: Pixels, statistics: ColourStatistics, wanted: ColourStatistics) -> Pixels:
    """Return the result of `match_stats` for a part of a picture, given the statistics of the whole."""
    return apply_map(source, colour_map(statistics, wanted))


def colour_map(
    statistics: ColourStatistics, wanted: ColourStatistics, share: float = 1.0, most: float = math.inf
) -> ColourMap:
    """Return the linear map of `match_stats` from colours with one mean and covariance to those with another.

    Args:
        share: how far colours go, from 0 (they stay) to 1.
        most: the largest factor by which any direction of colour is stretched.
    """
    (mean, spread), (wanted_mean, wanted_spread) = statistics, wanted
    values, vectors = np.linalg.eigh(spread)
    values = values.clip(min=_NOISE)
    root = _matrix(np.sqrt(values), vectors)
    inverse_root = _matrix(1 / np.sqrt(values), vectors)
    inner, inner_vectors = np.linalg.eigh(root @ wanted_spread @ root)
    transport = inverse_root @ _matrix(np.sqrt(inner.clip(min=0)), inner_vectors) @ inverse_root
    if most < math.inf:
        factors, directions = np.linalg.eigh(transport)
        transport = _matrix(factors.clip(max=most), directions)
    shift = wanted_mean - transport @ mean  # y = A (x - m) + m' = A x + (m' - A m)
    return share * transport + (1 - share) * np.eye(3), share * shift


def apply_map(source: Pixels, mapping: ColourMap) -> Pixels:
    """Return `source` (N3HW) with its colours mapped, clamped."""
    transport, shift = mapping
    half = source.dtype.itemsize < 4
    work = source.astype(np.float32) if half and isinstance(source, np.ndarray) else source.float() if half else source
    flat = work.reshape(*source.shape[:2], -1)
    moved = (_constant(transport, work) @ flat + _constant(shift, work)).reshape(source.shape).clip(0, 1)
    if not half:
        return moved
    return moved.astype(source.dtype) if isinstance(source, np.ndarray) else moved.to(source.dtype)


def colour_statistics(parts: Iterable[Any]) -> ColourStatistics:
    """Return the statistics of pictures given in `parts`, N3HW of any size in [0, 1]."""
    count: int = 0
    mean, spread = np.zeros(()), np.zeros(())
    for x in parts:
        array = x if isinstance(x, np.ndarray) else x.detach().cpu().double().numpy()
        colours = array.reshape(*array.shape[:2], -1).astype(np.float64, copy=False)
        here = colours.mean(2, keepdims=True)
        centred = colours - here
        products = centred @ centred.swapaxes(1, 2)
        if not count:
            count, mean, spread = colours.shape[2], here, products
            continue
        total, apart = count + colours.shape[2], here - mean  # Chan et al. 1979
        spread = spread + products + apart @ apart.swapaxes(1, 2) * (count * colours.shape[2] / total)
        count, mean = total, mean + apart * (colours.shape[2] / total)
    return mean, spread / count


def statistics_inside(parts: Iterable[tuple[Array, Array]]) -> ColourStatistics:
    """Return the statistics of a picture given in parts, (1, 3, H, W), its pixels weighted by masks, (1, 1, H, W)."""
    total, first, second = 1e-12, np.zeros((3, 1)), np.zeros((3, 3))
    for x, mask in parts:
        colours, weights = (part.reshape(part.shape[1], -1).astype(np.float64) for part in (x, mask))
        total = total + float(weights.sum())
        first = first + (colours * weights).sum(axis=1, keepdims=True)
        second = second + (colours * weights) @ colours.T
    mean = first / total
    return mean[None], (second / total - mean @ mean.T)[None]


def pack_colours(statistics: ColourStatistics) -> list[float]:
    """Return the statistics of one picture as nine numbers: three means, then the covariances of the upper triangle."""
    mean, spread = statistics
    return [float(value) for value in (*mean[0, :, 0], *spread[0][np.triu_indices(3)])]


def unpack_colours(numbers: Sequence[float]) -> ColourStatistics:
    """Return the statistics of `pack_colours`."""
    spread = np.zeros((1, 3, 3))
    spread[0][np.triu_indices(3)] = numbers[3:]
    upper = np.triu(spread, 1)
    return np.array(numbers[:3]).reshape(1, 3, 1), spread + upper.swapaxes(1, 2)


def _matrix(values: Matrix, vectors: Matrix) -> Matrix:
    """The symmetric matrices with these eigenvalues (N, 3) and eigenvectors (N, 3, 3)."""
    result: Matrix = (vectors * values[:, None]) @ vectors.swapaxes(1, 2)
    return result


def _mixed(x: Pixels, matrix: tuple[tuple[float, ...], ...]) -> Pixels:
    return (_constant(matrix, x) @ x.reshape(*x.shape[:2], -1)).reshape(x.shape)


def _constant(values: Any, like: Any) -> Any:
    """Return numbers as an array or tensor like `like`, with its dtype and device."""
    if isinstance(like, np.ndarray):
        return np.asarray(values, dtype=like.dtype)
    return like.new_tensor(np.asarray(values).tolist())


def _size(x: Any) -> str:
    return f"{x.shape[-2]}x{x.shape[-1]}"
