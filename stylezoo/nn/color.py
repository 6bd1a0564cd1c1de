"""Colours as the eye has them, differentiable."""

from __future__ import annotations

import torch
from torch import Tensor

_TO_XYZ = (  # linear sRGB to CIE XYZ over the white point D65, so that white is (1, 1, 1): IEC 61966-2-1
    (0.4124564 / 0.95047, 0.3575761 / 0.95047, 0.1804375 / 0.95047),
    (0.2126729, 0.7151522, 0.0721750),
    (0.0193339 / 1.08883, 0.1191920 / 1.08883, 0.9503041 / 1.08883),
)
_KNEE = 6 / 29  # below it CIELAB's cube root gives way to a line, as sRGB's power does below 0.04045


def rgb_to_lab(x: Tensor) -> Tensor:
    """Return CIELAB (D65) of sRGB `x`, N3HW in [0, 1]: L from 0 to 100, a and b about -110 to 110. Differentiable."""
    linear = torch.where(x > 0.04045, ((x.clamp_min(0.04045) + 0.055) / 1.055) ** 2.4, x / 12.92)
    xyz = torch.einsum("oc,nchw->nohw", x.new_tensor(_TO_XYZ), linear)
    f = torch.where(xyz > _KNEE**3, xyz.clamp_min(_KNEE**3) ** (1 / 3), xyz / (3 * _KNEE**2) + 4 / 29)
    fx, fy, fz = f.unbind(dim=1)
    return torch.stack([116 * fy - 16, 500 * (fx - fy), 200 * (fy - fz)], dim=1)
