"""The share of a photo that stays in every pixel, by the options `protect` and `only`."""

from __future__ import annotations

import warnings
from collections.abc import Callable

import numpy as np

from stylezoo.detect.faces import face_detector, face_mask
from stylezoo.detect.subject import subject_detector
from stylezoo.errors import OptionError
from stylezoo.images.planes import Array, Floats, resize
from stylezoo.images.sizes import fit_long_side
from stylezoo.runtime.options import StylizeOptions, protected_share

SIZE = 512
"""Largest long side of a mask in px. Masks are smooth, and scaled to the size of the result."""

FindKept = Callable[[Array, str], Floats]
"""Maps photos, (N, 3, H, W), and their name in warnings ("": none) to the share of the photo that stays,
(N, 1, h, w) in [0, 1]."""


def keeper(options: StylizeOptions) -> FindKept | None:
    """Return what finds the parts of photos that stay; None if the options keep nothing.

    Where nothing is found, nothing stays, with a warning.

    Raises:
        OptionError: a detector is not installed.
    """
    share = protected_share(options.protect)
    if not share and options.only is None:
        return None
    try:
        faces = face_detector() if share else None
    except OptionError as cause:
        raise OptionError(f"protect='{options.protect}' (--protect): {cause}") from None
    try:
        subject = subject_detector() if options.only else None
    except OptionError as cause:
        raise OptionError(f"only='{options.only}' (--only): {cause}") from None

    def kept(photo: Array, name: str) -> Floats:
        height, width = photo.shape[-2:]
        size = fit_long_side(height, width, min(SIZE, max(height, width)))
        mask: Floats = np.zeros((1, 1, *size), dtype=np.float32)
        if faces:
            boxes = faces(photo)
            _warn_if(not len(boxes), name, "no face found, so protect has no effect")
            mask = np.float32(share) * face_mask(boxes, (height, width), size)
        if subject:
            found = subject(photo)
            there = bool(found.any())
            _warn_if(not there, name, "no subject found, so only has no effect")
            if there:
                inside = resize(found, size)
                mask = np.maximum(mask, inside if options.only == "background" else 1 - inside)
        return mask

    return lambda photos, name: np.concatenate([kept(photos[i, None], name) for i in range(len(photos))])


def _warn_if(missing: bool, name: str, what: str) -> None:
    if missing and name:
        warnings.warn(f"{name}: {what}", UserWarning, stacklevel=5)
