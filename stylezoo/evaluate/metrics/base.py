"""What every metric of single pictures shares: its description, its inputs, and how its values are averaged."""

from __future__ import annotations

import math
import statistics
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar, Literal, TypeVar, cast

import torch
from torch import Tensor

from stylezoo.zoo.results import MetricInfo

T = TypeVar("T")

Better = Literal["lower", "higher", "one"]
"""Which values are good: low ones, high ones, or those near 1."""


@dataclass(frozen=True, eq=False)
class Picture:
    """Pixels, (1, 3, H, W) in [0, 1], and what metrics have computed of them, such as features that several share."""

    pixels: Tensor
    _kept: dict[Any, Any] = field(default_factory=dict, repr=False)

    def once(self, key: object, compute: Callable[[Tensor], T]) -> T:
        """Return `compute(pixels)`; computed at the first call with this `key`, kept for later ones."""
        if key not in self._kept:
            self._kept[key] = compute(self.pixels)
        return cast("T", self._kept[key])


@dataclass(frozen=True, eq=False)
class Scene:
    """What a stylized image was made from.

    Attributes:
        content: the content image, at the size of the result.
        style: the style image at the size that its strokes are compared at; None: unknown, as for the numbered styles
            of other projects.
        style_id: of `style` in `gallery`.
        gallery: the style images among which `Recognition` looks for the right one, by id.
    """

    content: Picture
    style: Picture | None = None
    style_id: str | None = None
    gallery: Mapping[str, Picture] = field(default_factory=dict)


class Metric(ABC):
    """One number for a stylized image.

    A subclass states `key` (the letter or word in tables and the name of its file in results/), `title`, `better`, a
    one-sentence `note` for cards, and `decimals`. Its docstring holds the formula, the range and the paper.

    Args:
        device: where networks compute.
    """

    key: ClassVar[str]
    title: ClassVar[str]
    better: ClassVar[Better]
    note: ClassVar[str]
    decimals: ClassVar[int] = 3

    def __init__(self, device: torch.device | str = "cpu") -> None:
        self.device = torch.device(device)

    @abstractmethod
    def measure(self, result: Picture, scene: Scene) -> float | None:
        """Return the value of a result, or None where the metric has no meaning: no style, no face, a single style."""

    @classmethod
    def info(cls) -> MetricInfo:
        """Return what cards and tables need to know of the metric."""
        return MetricInfo(key=cls.key, title=cls.title, better=cls.better, note=cls.note, decimals=cls.decimals)

    def pool(self, values: Sequence[float]) -> float:
        """Return the value of several results together: their mean."""
        return statistics.fmean(values)


def geometric_mean(values: Sequence[float]) -> float:
    """Return the geometric mean of values of at least 0, each counted as 1e-6 or more."""
    return math.exp(statistics.fmean(math.log(max(value, 1e-6)) for value in values))


@torch.inference_mode()
def relative_gram_error(grams: Sequence[Tensor], targets: Sequence[Tensor]) -> float:
    """Return the mean over layers of ||G - T||_F^2 / ||T||_F^2, Gram matrices being (1, C, C)."""
    pairs = zip(grams, targets, strict=True)
    return statistics.fmean(float((g - t).square().sum() / t.square().sum().clamp_min(1e-12)) for g, t in pairs)
