"""Per-image options of Gatys' method."""

from __future__ import annotations

import dataclasses
import math
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from numbers import Integral, Real
from pathlib import Path
from typing import Any

from torch import Tensor

from stylezoo.errors import OptionError, did_you_mean
from stylezoo.models.descent import OPTIMIZERS
from stylezoo.types import ImageLike

CONTENT_LAYERS = {"relu4_2": 1.0}
STYLE_LAYERS = dict.fromkeys(("relu1_1", "relu2_1", "relu3_1", "relu4_1", "relu5_1"), 1.0)
STARTS = ("photo", "noise")
STAGES = 3
"""The most stages, and how many scales a style is encoded at: itself, a half, a quarter."""

Layers = Mapping[str, float] | Sequence[str] | str
Callback = Callable[[int, Tensor, dict[str, float]], Any]


@dataclass(frozen=True)
class Options:
    """How a picture is optimised; `Stylizer.stylize` takes these in addition to its own options.

    Attributes:
        steps: forward and backward passes in the first stage; each further stage takes 0.4 times as many.
        optimizer: "lbfgs" or "adam".
        lr: learning rate, in units of the pixel range. None: 1 for L-BFGS, 0.05 for Adam.
        start: "photo", "noise", or a picture to start from, such as an earlier result.
        stages: number of stages from coarse to fine, 1 to 3. Each has twice the size of the one before and starts from
            its result; style and photo are scaled alike. None: enough to start at 640 px or less; 1 if `start` is a
            picture.
        content_layers, style_layers: backbone layers; names, or a mapping from name to weight within the term.
        content_weight, style_weight, tv_weight: weights of the terms, each relative to its target. Style 10 to content
            1 is balanced. Content 0 gives a texture, style 0 a reconstruction of the photo from its features.
        pooling: "max" as the backbone was trained and as nets are measured, or "avg" as in Gatys et al.
        seed: seed of the noise.
        callback: called as `callback(step, image, terms)` before the first step (with 0) and after each step. `image`
            is a copy, (1, 3, h, w) in [0, 1] at the size of the stage; `terms` are the loss terms. Return True to stop.
        progress: show a progress bar on stderr.

    Raises:
        OptionError: a value is out of range.
    """

    steps: int = 300
    optimizer: str = "lbfgs"
    lr: float | None = None
    start: ImageLike = "photo"
    stages: int | None = None
    content_layers: Layers = dataclasses.field(default_factory=lambda: dict(CONTENT_LAYERS))
    style_layers: Layers = dataclasses.field(default_factory=lambda: dict(STYLE_LAYERS))
    content_weight: float = 1.0
    style_weight: float = 10.0
    tv_weight: float = 0.0
    pooling: str = "max"
    seed: int = 0
    callback: Callback | None = None
    progress: bool = False

    def __post_init__(self) -> None:
        for name, low, high in (("steps", 1, 1_000_000), ("seed", 0, 2**63 - 1), ("stages", 1, STAGES)):
            value = getattr(self, name)
            if name == "stages" and value is None:
                continue
            if not isinstance(value, Integral) or isinstance(value, bool) or not low <= int(value) <= high:
                raise OptionError(f"{name} must be a whole number from {low} to {high}, not {value!r}")
        if self.optimizer not in OPTIMIZERS:
            known = " or ".join(OPTIMIZERS)
            raise OptionError(f"optimizer must be {known}, not {self.optimizer!r}.{_near(self.optimizer, OPTIMIZERS)}")
        if self.lr is not None and not (_is_number(self.lr) and 0 < self.lr <= 100):
            raise OptionError(f"lr must be above 0 and at most 100, or None for the default, not {self.lr!r}")
        for name in ("content_weight", "style_weight", "tv_weight"):
            value = getattr(self, name)
            if not (_is_number(value) and 0 <= value < math.inf):
                raise OptionError(f"{name} must be a number of at least 0, not {value!r}")
        if self.content_weight == self.style_weight == 0:
            raise OptionError("content_weight and style_weight are both 0: raise one")
        for name in ("content_layers", "style_layers"):
            object.__setattr__(self, name, layer_weights(name, getattr(self, name)))
        if self.pooling not in ("max", "avg"):
            raise OptionError(f"pooling must be max or avg, not {self.pooling!r}")
        if self.callback is not None and not callable(self.callback):
            raise OptionError(f"callback must be a function (step, image, terms), not {self.callback!r}")
        start = self.start
        if isinstance(start, str) and start not in STARTS and not Path(start).is_file():
            raise OptionError(f"start must be photo, noise or a picture, not '{start}'.{did_you_mean(start, STARTS)}")

    @property
    def taps(self) -> list[str]:
        """All layers used by the loss."""
        return [*self.content_layers, *self.style_layers]

    @property
    def from_picture(self) -> bool:
        return not (isinstance(self.start, str) and self.start in STARTS)


def layer_weights(name: str, layers: Layers) -> dict[str, float]:
    """Return layer -> weight; raise OptionError if a layer or weight is invalid."""
    pairs = layers if isinstance(layers, Mapping) else dict.fromkeys([layers] if isinstance(layers, str) else layers, 1)
    if not pairs or not all(isinstance(layer, (str, os.PathLike)) for layer in pairs):
        raise OptionError(f"{name} must name at least one layer, such as relu4_1, not {layers!r}")
    for layer, weight in pairs.items():
        if not (_is_number(weight) and 0 <= weight < math.inf):
            raise OptionError(f"{name}: the weight of {layer} must be a number of at least 0, not {weight!r}")
    if not any(pairs.values()):
        raise OptionError(f"{name}: all weights are 0: raise one, or set the weight of the term to 0")
    return {str(layer): float(weight) for layer, weight in pairs.items()}


def _is_number(value: Any) -> bool:
    return isinstance(value, Real) and not isinstance(value, bool)


def _near(name: Any, known: Mapping[str, Any]) -> str:
    return did_you_mean(name, known) if isinstance(name, str) else ""
