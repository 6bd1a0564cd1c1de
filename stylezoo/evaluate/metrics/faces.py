"""F: are the faces of the content image still there?"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from stylezoo.detect.faces import Boxes, face_detector, intersection_over_union
from stylezoo.evaluate.metrics.base import Metric, Picture, Scene

OVERLAP = 0.5
"""Least intersection over union of two boxes of the same face."""


class FacesKept(Metric):
    """F = share of the faces found in the content image that are found in the result, with boxes of IoU >= 0.5.

    From 0 to 1; higher is better. None for a content image without faces. For the detector see
    `stylezoo.detect.faces.face_detector`.

    Raises:
        OptionError: no detector is installed.
    """

    key, title, better, decimals = "F", "faces kept", "higher", 2
    note = "F is the share of the faces of the content image that a detector still finds in the result."

    def __init__(self, device: torch.device | str = "cpu") -> None:
        super().__init__(device)
        self._find = face_detector()

    def find(self, pixels: Tensor) -> Boxes:
        """Return the faces of a picture, (1, 3, H, W) in [0, 1]."""
        return self._find(pixels.float().cpu().numpy())

    def measure(self, result: Picture, scene: Scene) -> float | None:
        faces = scene.content.once("faces", self.find)
        return share_kept(faces, result.once("faces", self.find)) if len(faces) else None


def share_kept(faces: Boxes, found: Boxes) -> float:
    """Return the share of `faces`, at least one, that have a box of their own among those `found`, best pairs first."""
    overlaps = intersection_over_union(faces, found)
    kept = 0
    while overlaps.size and overlaps.max() >= OVERLAP:
        i, j = np.unravel_index(overlaps.argmax(), overlaps.shape)
        overlaps[i, :], overlaps[:, j] = 0, 0
        kept += 1
    return kept / len(faces)
