"""What computes a net, as the pipeline sees it: arrays in, arrays out, and nothing kept from call to call."""

from __future__ import annotations

import abc
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from stylezoo.errors import OptionError
from stylezoo.runtime.options import StylizeOptions

Floats = NDArray[np.float32]
Array = NDArray[Any]
"""Pixels (N, C, H, W): uint8, or float32 in [0, 1]."""

Statistics = NDArray[np.float32]
"""(N, S): for each norm of a net, in the order of its pass, the means and then the inverse deviations of its channels.
Where a picture has regions, (K, S): for each region those of the whole picture in its style."""


@dataclass(frozen=True, eq=False)
class StyleCode:
    """A style embedding in the form that its net takes; codes of one net can be added, scaled and so mixed.

    Attributes:
        values: (1, D) float array (a tensor becomes one); D and the meaning are the family's.
    """

    values: Floats

    def __post_init__(self) -> None:
        object.__setattr__(self, "values", as_array(self.values))

    def __add__(self, other: StyleCode) -> StyleCode:
        return StyleCode(self.values + other.values)

    def __mul__(self, factor: float) -> StyleCode:
        return StyleCode(self.values * self.values.dtype.type(factor))

    __rmul__ = __mul__

    def lerp(self, other: StyleCode, weight: float) -> StyleCode:
        """Return this code at `weight` 0, `other` at 1, and the straight line through both elsewhere."""
        return self * (1 - weight) + other * weight


@dataclass(frozen=True, eq=False)
class Region:
    """A part of a picture.

    Attributes:
        code: its style; None leaves the photo.
        mask: (1, 1, H, W) in [0, 1], of the photo's size: this region's share of each pixel. All regions' sum to 1.
    """

    code: StyleCode | None
    mask: Floats


LIMIT = 1.25
"""Factor by which the deviation of a frame before may differ from the frame's own. Beyond it, the nearest value that
may counts: the statistics of a black frame, or of one that fades, are not those of the frames after it."""

SHIFT = 0.5
"""Deviations of a frame by which the mean of the frame before may differ from its own, likewise."""


class Passes:
    """The statistics that carry over from frame to frame, pass by pass of a frame.

    Attributes:
        share: of the statistics that comes from the frames before.
        kept: those of the last frame, one for each pass of the net over it; replaced as the passes of this frame come.
    """

    def __init__(self, share: float, kept: list[Statistics]) -> None:
        self.share, self.kept = share, kept
        self._next = 0

    def before(self) -> Statistics | None:
        """Return the statistics of this pass over the frame before; None: there was no such pass."""
        return self.kept[self._next] if self._next < len(self.kept) else None

    def keep(self, statistics: Statistics) -> None:
        """Put the statistics of a pass into the place of those before, and go on to the next pass."""
        self.kept[self._next : self._next + 1] = [statistics]
        self._next += 1


@dataclass(frozen=True)
class Sizes:
    """(height, width) in px of the photo, of the result, and of what the net is to see."""

    photo: tuple[int, int]
    result: tuple[int, int]
    small: tuple[int, int]


class NeedsTilesError(OptionError):
    """A picture is to be computed in tiles, or has no room in memory otherwise, which takes torch."""


class Runtime(abc.ABC):
    """A net that is ready to compute. Any number of threads may call it at the same time.

    Attributes:
        name: "onnx" or "torch".
        multiple: height and width of what `run` is given must be multiples of this many pixels,
        minimum: and at least this many.
        norms: how many norms the net has.
        gives_back: whether `render` adds what the net cannot give back of the photo, so that strength 0 is the photo.
        code_width: D, how many numbers a code has.
    """

    name: ClassVar[str]
    multiple: int
    minimum: int
    norms: int
    gives_back: bool
    code_width: int

    @abc.abstractmethod
    def named_code(self, style: int) -> Floats:
        """Return the code, (1, D), of the style with that index among those that the net knows by name."""

    @abc.abstractmethod
    def encode(self, style: Floats) -> Floats:
        """Return the code, (1, D), of a style image, (1, 3, H, W) in [0, 1]; of nets that take any picture."""

    @abc.abstractmethod
    def photo_code(self, x: Floats) -> Floats | None:
        """Return the codes, (N or 1, D), that come nearest to giving the photos `x`, (N, 3, H, W), back.

        They are the start of the line that `strength` walks. None: the net has no such code.
        """

    @abc.abstractmethod
    def run(
        self,
        x: Floats,
        code: Floats,
        shares: Floats | None = None,
        statistics: Statistics | None = None,
        passes: Passes | None = None,
    ) -> Floats:
        """Return `x`, (N, 3, H, W) in [0, 1], stylized by `code`, (N or 1, D).

        Args:
            shares: (1, K, H, W): how much of each of K codes every pixel has; `code` is (K, D) then.
            statistics: of the norms, in place of those of `x`; one row for all of it, or one a region.
            passes: smooth the statistics over frames.
        """

    @abc.abstractmethod
    def measure(self, x: Floats, code: Floats, passes: Passes | None = None) -> Statistics:
        """Return the statistics of the norms on the way of `x`, (N, 3, H, W), through the net with `code`, (1, D)."""

    def fit(self, tile: Any, sizes: Sizes, code: Floats, count: int = 1) -> Any:
        """Return how to tile `count` pictures; None: they are computed whole, all at once.

        Raises:
            NeedsTilesError: it takes tiles, which this runtime does not have.
            OptionError: the net does not tile, or not in tiles of that side.
        """
        return None

    def render_tiled(
        self,
        photo: Array,
        style: StyleCode | Sequence[Region],
        options: StylizeOptions,
        sizes: Sizes,
        tiling: Any,
        bar: Any,
    ) -> Array:
        """Return what `render` makes of one photo, computed in tiles as `fit` says."""
        raise NotImplementedError


def as_array(values: Any) -> NDArray[Any]:
    """Return an array, or the array of a tensor, which may be on a GPU, have a slope, or be of bfloat16."""
    if isinstance(values, np.ndarray):
        return values
    if hasattr(values, "detach"):
        values = values.detach().cpu()
        return np.asarray(values.float() if str(values.dtype) in ("torch.bfloat16", "torch.float16") else values)
    return np.asarray(values, dtype=np.float32)
