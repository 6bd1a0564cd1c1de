"""From a photo's pixels to a painting's: everything around the net that does not depend on the family."""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor

from stylezoo.errors import OptionError
from stylezoo.image.color import keep_luma, match_stats
from stylezoo.image.resize import crop, fit_long_side, pad_to_multiple, resize
from stylezoo.models import StyleCode, StyleNet

PreserveColor = Literal[False, "luma", "stats"]
MAX_SIZE = 16384


def check_options(strength: float, size: int | None, preserve_color: PreserveColor) -> None:
    """Raise OptionError where `render` could not use a value."""
    if not (isinstance(strength, (int, float)) and 0 <= strength <= 3):  # NaN is not
        raise OptionError(f"strength must be from 0 (the photo) by 1 (the style) up to 3, not {strength!r}")
    if size is not None and not (isinstance(size, int) and 1 <= size <= MAX_SIZE):
        raise OptionError(f"size must be the long side in px, from 1 to {MAX_SIZE}, not {size!r}")
    if preserve_color not in (False, "luma", "stats"):
        raise OptionError(f"preserve_color must be False, 'luma' or 'stats', not {preserve_color!r}")


@torch.inference_mode()
def render(
    net: StyleNet,
    photo: Tensor,
    code: StyleCode,
    *,
    strength: float = 1.0,
    size: int | None = None,
    preserve_color: PreserveColor = False,
) -> Tensor:
    """Paint a batch of photos of one size.

    Args:
        photo: (N, 3, H, W), float32 RGB in [0, 1], on any device.
        strength: 0 the photo, 1 the style, above 1 beyond it.
        size: scale the long side to this many px first; the result stays at that size.
        preserve_color: "luma" keeps the photo's chroma under the painting's light and dark, true to every colour;
            "stats" moves the painting's colours to the photo's mean and covariance, which leaves the style's accents.

    Returns:
        (N, 3, H', W'), float32 in [0, 1], on the device of `photo`.
    """
    check_options(strength, size, preserve_color)
    if size is not None:
        photo = resize(photo, fit_long_side(photo.shape[-2], photo.shape[-1], size))
    padded, inner = pad_to_multiple(photo, net.multiple, net.minimum)
    painted = net(padded.to(net.device, net.dtype), code.values.to(net.device, net.dtype))
    painted = crop(painted, inner).to(photo.device, photo.dtype)
    if preserve_color == "luma":
        painted = keep_luma(painted, photo)
    elif preserve_color == "stats":
        painted = match_stats(painted, photo)
    if strength != 1:
        painted = torch.lerp(photo, painted, strength).clamp(0, 1)
    return painted
