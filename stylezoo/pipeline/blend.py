"""How a painting and its photo are joined: strength, regions and colour. Whole pictures and windows of them alike."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from stylezoo.image.color import keep_luma
from stylezoo.models import StyleCode, StyleNet


@dataclass(frozen=True)
class Region:
    """A part of a picture.

    Attributes:
        code: the style to paint it in; None leaves the photo.
        mask: (1, 1, H, W) in [0, 1], of the photo's size: this region's share of each pixel. All regions' sum to 1.
    """

    code: StyleCode | None
    mask: Tensor


def wants_photo_code(style: StyleCode | Sequence[Region], strength: float) -> bool:
    """Return whether the photo's own code counts, which can cost as much as the painting: not at full strength."""
    return strength != 1 or not isinstance(style, StyleCode)


def rows_of(net: StyleNet, style: StyleCode | Sequence[Region], start: Tensor | None, strength: float) -> Tensor:
    """Return what the net is given: the code of a style, (N or 1, D), or of each region, (K, D).

    `start` is the photo's code, (N or 1, D), if the net has one.
    """

    def code_of(style: StyleCode) -> Tensor:
        values = style.values.to(net.device, net.dtype)
        return values if start is None else torch.lerp(start, values, strength)

    if isinstance(style, StyleCode):
        return code_of(style)
    codes = [start if r.code is None else code_of(r.code) for r in style]
    # Where the photo is to stay and the net has no code for it, any style will do: the photo covers it below.
    stand_in = next(c for c in codes if c is not None)
    return torch.cat([stand_in if c is None else c for c in codes])


def join(
    photo: Tensor,
    painted: Tensor,
    kept: Tensor,
    strength: float,
    gives_back: bool,
    again: Callable[[], Tensor] | None,
) -> Tensor:
    """Return the painting with as much of the photo as `render` says, both (N, 3, H, W).

    Args:
        kept: (1, 1, H, W) or (): where the photo is to stay.
        gives_back: the net's.
        again: what the net makes of the photo with the photo's own code; None where it has no such code.
    """
    if again is None:
        weight = (strength * (1 - kept)).to(photo)
        return painted if bool((weight == 1).all()) else torch.lerp(photo, painted, weight).clamp(0, 1)
    reach = min(strength, 1) if gives_back else 1
    fade = (1 - reach * (1 - kept)).to(photo)
    if bool((fade == 0).all()):
        return painted
    # What the net cannot give back of the photo is given back to it in proportion: where the photo is to stay, and, but
    # for nets whose paper has it otherwise, towards strength 0.
    painted = (painted + fade * (photo - again())).clamp(0, 1)
    # Near its edge a region sees what the others are painted like: where most is the photo's, it covers that.
    return torch.lerp(painted, photo, (2 * kept - 1).clamp_min(0).to(photo))


def with_chroma(photo: Tensor, painted: Tensor, kept: Tensor) -> Tensor:
    """Return the painting with the photo's chroma; where `kept` is 1, the photo to the bit."""
    return torch.where(kept.to(photo) == 1, photo, keep_luma(painted, photo))
