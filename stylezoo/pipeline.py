"""From a photo's pixels to a painting's: everything around the net that does not depend on the family."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from numbers import Integral, Real
from typing import Literal

import torch
from torch import Tensor

from stylezoo.errors import OptionError
from stylezoo.image.color import keep_luma, match_stats
from stylezoo.image.resize import crop, fit_long_side, pad_to_multiple, resize
from stylezoo.models import StyleCode, StyleNet

PreserveColor = Literal[False, "luma", "stats"]
MAX_SIZE = 16384
STROKE_SIZE = 512
"""The long side, in px, at which strokes have size 1."""


@dataclass(frozen=True)
class Region:
    """A part of a picture.

    Attributes:
        code: the style to paint it in; None leaves the photo.
        mask: (1, 1, H, W) in [0, 1], of the photo's size: this region's share of each pixel. All regions' sum to 1.
    """

    code: StyleCode | None
    mask: Tensor


def check_options(
    strength: float = 1.0, size: int | None = None, stroke: float | None = None, preserve_color: PreserveColor = False
) -> None:
    """Raise OptionError where `render` could not use a value."""
    if not (isinstance(strength, Real) and 0 <= strength <= 3):  # NaN is not
        raise OptionError(f"strength must be from 0 (the photo) by 1 (the style) up to 3, not {strength!r}")
    if size is not None and not (isinstance(size, Integral) and 1 <= size <= MAX_SIZE):
        raise OptionError(f"size must be the long side in px, from 1 to {MAX_SIZE}, not {size!r}")
    if stroke is not None and not (isinstance(stroke, Real) and 1 / 16 <= stroke <= 16):
        raise OptionError(f"stroke must be from 1/16 (fine) by 1 up to 16 (coarse), not {stroke!r}")
    if preserve_color not in (False, "luma", "stats"):
        raise OptionError(f"preserve_color must be False, 'luma' or 'stats', not {preserve_color!r}")


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
) -> Tensor:
    """Paint a batch of photos of one size.

    Args:
        photo: (N, 3, H, W), float32 RGB in [0, 1], on any device.
        style: one for all of the picture, or its regions. Regions are mixed inside the net, gamma and beta per pixel
            (Dumoulin et al. 2017 mix them per picture), so even a hard mask leaves no cut edge between two styles.
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

    Returns:
        (N, 3, H', W'), float32 in [0, 1], on the device of `photo`.
    """
    check_options(strength, size, stroke, preserve_color)
    strength, size, stroke = float(strength), size and int(size), stroke and float(stroke)  # numpy's are welcome too
    if not isinstance(style, StyleCode) and len(photo) > 1:  # a net takes codes for pictures or for regions, not both
        one = partial(render, strength=strength, size=size, stroke=stroke, preserve_color=preserve_color)
        return torch.cat([one(net, p, style) for p in photo.split(1)])
    if size is not None:
        photo = resize(photo, fit_long_side(photo.shape[-2], photo.shape[-1], size))
    regions = [] if isinstance(style, StyleCode) else [Region(r.code, _fit(r.mask, photo)) for r in style]
    kept = sum((r.mask for r in regions if r.code is None), torch.zeros(()))  # where the photo is to stay
    if strength == 0 and net.gives_back:
        return photo
    painted = _paint(net, photo, regions or style, kept, strength, stroke)
    if preserve_color == "luma":
        painted = torch.where(kept.to(photo) == 1, photo, keep_luma(painted, photo))
    elif preserve_color == "stats":
        painted = torch.lerp(match_stats(painted, photo), photo, kept.to(photo))
    return painted


def _paint(
    net: StyleNet,
    photo: Tensor,
    style: StyleCode | Sequence[Region],
    kept: Tensor,
    strength: float,
    stroke: float | None,
) -> Tensor:
    height, width = photo.shape[-2:]
    small = photo
    if stroke is not None:
        small = resize(photo, fit_long_side(height, width, min(MAX_SIZE, max(1, round(STROKE_SIZE / stroke)))))
    padded, inner = pad_to_multiple(small, net.multiple, net.minimum)
    x = padded.to(net.device, net.dtype)

    def paint(code: Tensor, shares: Tensor | None = None) -> Tensor:
        painted = crop(net(x, code) if shares is None else net(x, code, shares), inner)
        return resize(painted.to(photo.device, photo.dtype), (height, width))

    # At full strength nothing of the photo's own code is left, which can cost as much as the painting.
    start = None if strength == 1 and isinstance(style, StyleCode) else net.photo_code(x)

    def code_of(style: StyleCode) -> Tensor:
        values = style.values.to(net.device, net.dtype)
        return values if start is None else torch.lerp(start, values, strength)

    if isinstance(style, StyleCode):
        painted = paint(code_of(style))
    else:
        codes = [start if r.code is None else code_of(r.code) for r in style]
        # Where the photo is to stay and the net has no code for it, any style will do: the photo covers it below.
        stand_in = next(c for c in codes if c is not None)
        shares = [pad_to_multiple(_fit(r.mask, small), net.multiple, net.minimum)[0] for r in style]
        rows = torch.cat([stand_in if c is None else c for c in codes])
        painted = paint(rows, torch.cat(shares, dim=1).to(x))
    if start is None:
        weight = (strength * (1 - kept)).to(photo)
        return painted if bool((weight == 1).all()) else torch.lerp(photo, painted, weight).clamp(0, 1)
    reach = min(strength, 1) if net.gives_back else 1
    fade = (1 - reach * (1 - kept)).to(photo)
    if bool((fade == 0).all()):
        return painted
    # What the net cannot give back of the photo is given back to it in proportion: where the photo is to stay, and, but
    # for nets whose paper has it otherwise, towards strength 0.
    painted = (painted + fade * (photo - paint(start))).clamp(0, 1)
    # The regions share their statistics, so the others tint this one: where most is the photo's, it covers the tint.
    return torch.lerp(painted, photo, (2 * kept - 1).clamp_min(0).to(photo))


def _fit(mask: Tensor, photo: Tensor) -> Tensor:
    return resize(mask.to(photo), (photo.shape[-2], photo.shape[-1]))
