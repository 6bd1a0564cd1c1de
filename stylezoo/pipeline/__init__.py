"""From a photo's pixels to a painting's: everything around the net that does not depend on the family."""

from __future__ import annotations

from stylezoo.pipeline.blend import PreserveColor, Region
from stylezoo.pipeline.memory import Tile
from stylezoo.pipeline.render import MAX_SIZE, STROKE_SIZE, check_options, render
from stylezoo.pipeline.steady import STEADY, Steadiness

__all__ = [
    "MAX_SIZE",
    "STEADY",
    "STROKE_SIZE",
    "PreserveColor",
    "Region",
    "Steadiness",
    "Tile",
    "check_options",
    "render",
]
