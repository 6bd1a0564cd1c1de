"""The metrics of stylized images. To add one, add a file with its class and a line in `METRICS`."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch

from stylezoo.errors import OptionError, did_you_mean
from stylezoo.evaluate.metrics.base import Metric, Picture, Scene
from stylezoo.evaluate.metrics.checkerboard import CheckerboardEnergy
from stylezoo.evaluate.metrics.chroma import ChromaShare
from stylezoo.evaluate.metrics.clipped import ClippedPixels
from stylezoo.evaluate.metrics.content import ContentError
from stylezoo.evaluate.metrics.faces import FacesKept
from stylezoo.evaluate.metrics.palette import PaletteDistance
from stylezoo.evaluate.metrics.recognition import Recognition
from stylezoo.evaluate.metrics.stlpips import STLPIPS
from stylezoo.evaluate.metrics.style import StyleError
from stylezoo.evaluate.metrics.texture import TextureError

METRICS: tuple[type[Metric], ...] = (
    ContentError,
    StyleError,
    PaletteDistance,
    TextureError,
    ChromaShare,
    Recognition,
    STLPIPS,
    FacesKept,
    CheckerboardEnergy,
    ClippedPixels,
)
"""Every metric, in the order of tables."""


def create_metrics(
    keys: Sequence[str] = (),
    device: torch.device | str = "cpu",
    *,
    skipped: Callable[[str], None] | None = None,
) -> list[Metric]:
    """Return the metrics of these keys, or all, in the order of `METRICS`.

    Args:
        keys: such as "C" or "checker".
        device: where their networks compute.
        skipped: called with one line for each metric that is skipped because its package is missing; None: raise an
            error instead, as for metrics named in `keys`.

    Raises:
        OptionError: no metric has that key, or its package is missing; says how to install it.
    """
    known = {metric.key: metric for metric in METRICS}
    if unknown := next((key for key in keys if key not in known), None):
        raise OptionError(
            f"no metric is named '{unknown}'; there are {', '.join(known)}.{did_you_mean(unknown, known)}"
        )
    made = []
    for key, metric in known.items():
        if keys and key not in keys:
            continue
        try:
            made.append(metric(device))
        except OptionError as cause:
            if keys or skipped is None:
                raise OptionError(f"{key} ({metric.title}) {cause}") from cause
            skipped(f"{key} ({metric.title}) {cause}")
    return made


__all__ = ["METRICS", "Metric", "Picture", "Scene", "create_metrics"]
