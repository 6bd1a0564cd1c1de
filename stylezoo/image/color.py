"""Colour: luma and chroma, and moving a picture's colours to another's.

All take and return float NCHW RGB in [0, 1].
"""

from __future__ import annotations

from collections.abc import Iterable

import torch
from torch import Tensor

from stylezoo.errors import ImageError

# BT.601 in full range, as JPEG (JFIF) has it. Row 0 is luma; the chroma rows follow from it.
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
_NO_CHROMA = 128 / 255  # what 8-bit JPEG calls grey

# Variance of one 8-bit step. Whatever varies less is rounding noise, which must not be blown up into colour.
_NOISE = 255.0**-2


def rgb_to_ycbcr(x: Tensor) -> Tensor:
    """Return luma, Cb and Cr of RGB `x`, N3HW in [0, 1]; grey has Cb = Cr = 128/255."""
    ycbcr = _mixed(x, _TO_YCBCR)
    ycbcr[:, 1:] += _NO_CHROMA
    return ycbcr


def ycbcr_to_rgb(x: Tensor) -> Tensor:
    """Return RGB of Y, Cb, Cr `x` (N3HW). Not clamped: not every such triple is a colour within [0, 1]."""
    offset = x.new_tensor([0, _NO_CHROMA, _NO_CHROMA]).view(3, 1, 1)
    return _mixed(x - offset, _TO_RGB)


_TO_XYZ = (  # linear sRGB to CIE XYZ over the white point D65, so that white is (1, 1, 1): IEC 61966-2-1
    (0.4124564 / 0.95047, 0.3575761 / 0.95047, 0.1804375 / 0.95047),
    (0.2126729, 0.7151522, 0.0721750),
    (0.0193339 / 1.08883, 0.1191920 / 1.08883, 0.9503041 / 1.08883),
)
_KNEE = 6 / 29  # below it CIELAB's cube root gives way to a line, as sRGB's power does below 0.04045


def rgb_to_lab(x: Tensor) -> Tensor:
    """Return CIELAB (D65) of sRGB `x`, N3HW in [0, 1]: L from 0 to 100, a and b about -110 to 110. Differentiable."""
    linear = torch.where(x > 0.04045, ((x.clamp_min(0.04045) + 0.055) / 1.055) ** 2.4, x / 12.92)
    xyz = _mixed(linear, _TO_XYZ)
    f = torch.where(xyz > _KNEE**3, xyz.clamp_min(_KNEE**3) ** (1 / 3), xyz / (3 * _KNEE**2) + 4 / 29)
    fx, fy, fz = f.unbind(dim=1)
    return torch.stack([116 * fy - 16, 500 * (fx - fy), 200 * (fy - fz)], dim=1)


def keep_luma(result: Tensor, photo: Tensor) -> Tensor:
    """Return the luma of `result` with the chroma of `photo`: luminance-only transfer (arXiv:1606.05897), clamped.

    Both are N3HW of one size. Raises ImageError where their sizes differ.
    """
    if result.shape != photo.shape:
        raise ImageError(
            f"cannot give a result of {_size(result)} px the chroma of a photo of {_size(photo)} px: resize one first"
        )
    ycbcr = rgb_to_ycbcr(photo)
    ycbcr[:, :1] = rgb_to_ycbcr(result)[:, :1]
    return ycbcr_to_rgb(ycbcr).clamp(0, 1)


def match_stats(source: Tensor, target: Tensor) -> Tensor:
    """Return `source` (N3HW) with its colours moved to the mean and covariance of those of `target`, clamped.

    `target` is N3HW or 13HW, of any size. Of the linear maps that do so this is the one that moves colours least, the
    optimal transport between two Gaussians, so unlike Cholesky's it does not depend on the order of the channels.
    A flat picture gives the target's mean; a flat target gives its one colour. Statistics are computed in float64.
    Raises ImageError where `target` is a batch of another size.
    """
    if target.shape[0] not in (1, source.shape[0]):
        raise ImageError(f"cannot match {source.shape[0]} pictures to {target.shape[0]}: pass one target, or one each")
    return move_colours(source, colour_statistics([source]), colour_statistics([target]))


ColourStatistics = tuple[Tensor, Tensor]
"""Mean (N, 3, 1) and covariance (N, 3, 3) of the colours of pictures, in float64."""


def move_colours(source: Tensor, statistics: ColourStatistics, wanted: ColourStatistics) -> Tensor:
    """Return what `match_stats` makes of a part of a picture, the whole of which has these statistics."""
    (mean, spread), (wanted_mean, wanted_spread) = statistics, wanted
    values, vectors = torch.linalg.eigh(spread)
    values = values.clamp(min=_NOISE)
    root = _matrix(values.sqrt(), vectors)
    inverse_root = _matrix(values.rsqrt(), vectors)
    inner, inner_vectors = torch.linalg.eigh(root @ wanted_spread @ root)
    transport = inverse_root @ _matrix(inner.clamp(min=0).sqrt(), inner_vectors) @ inverse_root
    shift = wanted_mean - transport @ mean  # y = A (x - m) + m' = A x + (m' - A m)
    work = torch.promote_types(source.dtype, torch.float32)
    transport, shift = transport.to(source.device, work), shift.to(source.device, work)
    moved = (transport @ source.to(work).flatten(2) + shift).view(source.shape)
    return moved.clamp(0, 1).to(source.dtype)


def colour_statistics(parts: Iterable[Tensor]) -> ColourStatistics:
    """Return the statistics of pictures that come in `parts`, N3HW of any sizes in [0, 1]."""
    count, mean, spread = 0, torch.zeros(()), torch.zeros(())
    for x in parts:
        home = "cpu" if x.device.type == "mps" else x.device  # Apple's GPUs have no float64
        colours = x.to(home).flatten(2).double()
        here = colours.mean(2, keepdim=True)
        centred = colours - here
        products = centred @ centred.mT
        if not count:
            count, mean, spread = colours.shape[2], here, products
            continue
        total, apart = count + colours.shape[2], here - mean  # Chan et al. 1979
        spread = spread + products + apart @ apart.mT * (count * colours.shape[2] / total)
        count, mean = total, mean + apart * (colours.shape[2] / total)
    return mean, spread / count


def _matrix(values: Tensor, vectors: Tensor) -> Tensor:
    """The symmetric matrices with these eigenvalues (N, 3) and eigenvectors (N, 3, 3)."""
    return vectors @ torch.diag_embed(values) @ vectors.mT


def _mixed(x: Tensor, matrix: tuple[tuple[float, ...], ...]) -> Tensor:
    return torch.einsum("oc,nchw->nohw", x.new_tensor(matrix), x)


def _size(x: Tensor) -> str:
    return f"{x.shape[-2]}x{x.shape[-1]}"
