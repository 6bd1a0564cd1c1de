"""The share of pixels that are burnt out or black."""

from __future__ import annotations

from stylezoo.evaluate.metrics.base import Metric, Picture, Scene

STEP = 0.5 / 255


class ClippedPixels(Metric):
    """clipped = share of pixels with a channel at 0 or 255, where the range of 8 bits cut off what the net gave.

    From 0 to 1; lower is better. Style images have some too, so compare with their row.
    """

    key, title, better = "clipped", "clipped pixels", "lower"
    note = "clipped is the share of pixels with a channel at 0 or 255."

    def measure(self, result: Picture, scene: Scene) -> float:
        pixels = result.pixels
        return float(((pixels < STEP) | (pixels > 1 - STEP)).any(dim=1).float().mean())
