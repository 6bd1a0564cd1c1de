"""The interface of runtimes: arrays in, arrays out, no state between calls."""

from __future__ import annotations

import abc
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, NamedTuple

import numpy as np
from numpy.typing import NDArray

from stylezoo.errors import OptionError, StyleError
from stylezoo.images.color import ColourStatistics, pack_colours
from stylezoo.runtime.options import StylizeOptions

Floats = NDArray[np.float32]
Array = NDArray[Any]
"""Pixels (N, C, H, W): uint8, or float32 in [0, 1]."""

Statistics = NDArray[np.float32]
"""(N, S): for each norm of a net, in forward order, the means and then the inverse standard deviations of its channels,
or the covariances where it whitens.
For a picture with regions, (K, S): one row per region, of the whole picture in the region's style, or of the region's
own part of the picture."""


class Palette(NamedTuple):
    """The colours of style images.

    Attributes:
        mean, spread: sum of the images' means, (1, 3, 1), and covariances, (1, 3, 3), by their weights in the style.
        weight: the sum of these weights: less than 1 in a mix with styles whose colours are unknown.
    """

    mean: NDArray[np.float64]
    spread: NDArray[np.float64]
    weight: float = 1.0

    @property
    def colours(self) -> ColourStatistics:
        """The mean of the images' statistics."""
        return self.mean / self.weight, self.spread / self.weight

    @property
    def packed(self) -> list[float]:
        """These as nine numbers, for records."""
        return pack_colours(self.colours)


@dataclass(frozen=True, eq=False)
class StyleCode:
    """A style embedding. Codes of most nets can be added and scaled, and so mixed.

    Attributes:
        values: (1, D) float array (a tensor is converted); D and the meaning depend on the family.
        mixes: whether codes of this net can be mixed.
        palette: the colours that results are brought to; None: the net's own.

    Raises:
        StyleError: they cannot.
    """

    values: Floats
    mixes: bool = True
    palette: Palette | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "values", as_array(self.values))

    def __add__(self, other: StyleCode) -> StyleCode:
        self._check()
        palette = self.palette or other.palette
        if self.palette and other.palette:
            (mean, spread, weight), (means, spreads, weights) = self.palette, other.palette
            palette = Palette(mean + means, spread + spreads, weight + weights)
        return StyleCode(self.values + other.values, palette=palette)

    def __mul__(self, factor: float) -> StyleCode:
        if factor == 1:
            return self
        self._check()
        palette = self.palette
        if palette:
            palette = Palette(palette.mean * factor, palette.spread * factor, palette.weight * factor)
        return StyleCode(self.values * self.values.dtype.type(factor), palette=palette)

    __rmul__ = __mul__

    def _check(self) -> None:
        if not self.mixes:
            raise StyleError(
                "this model takes one style at a time, since it keeps its patches: name one, or use regions"
            )

    def lerp(self, other: StyleCode, weight: float) -> StyleCode:
        """Interpolate linearly: this code at `weight` 0, `other` at 1."""
        return self * (1 - weight) + other * weight


@dataclass(frozen=True, eq=False)
class Region:
    """A part of a picture.

    Attributes:
        code: its style; None keeps the photo.
        mask: (1, 1, H, W) in [0, 1], scaled to the size of the result: the region's share of each pixel. The masks of
            all regions have the same size and sum to 1.
        own: whether a net with `measures_parts` normalises it by its own part of the photo, not by all of it: so that
            part alone takes on the statistics of the style.
    """

    code: StyleCode | None
    mask: Floats
    own: bool = False


LIMIT = 1.25
"""Factor by which the standard deviation carried over may differ from the frame's own; it is clamped to that. The
statistics of a black or fading frame do not fit the frames after it."""

SHIFT = 0.5
"""Standard deviations by which the mean carried over may differ from the frame's own, likewise."""


class Passes:
    """The statistics carried over from frame to frame, one set per pass of the net.

    Attributes:
        share: share of the statistics that comes from earlier frames.
        kept: statistics of the last frame, one per pass; replaced one by one during the passes of this frame.
    """

    def __init__(self, share: float, kept: list[Statistics]) -> None:
        self.share, self.kept = share, kept
        self._next = 0

    def before(self) -> Statistics | None:
        """Return the statistics of this pass in the previous frame; None if there was no such pass."""
        return self.kept[self._next] if self._next < len(self.kept) else None

    def keep(self, statistics: Statistics) -> None:
        """Replace the statistics of this pass, and move on to the next pass."""
        self.kept[self._next : self._next + 1] = [statistics]
        self._next += 1


@dataclass(frozen=True)
class Sizes:
    """(height, width) in px of the photo, the result, and the input of the net."""

    photo: tuple[int, int]
    result: tuple[int, int]
    small: tuple[int, int]


class NeedsTilesError(OptionError):
    """Tiles were requested, or are needed to fit into memory, which takes torch."""


class Runtime(abc.ABC):
    """A net that is ready to compute; thread-safe.

    Attributes:
        name: "onnx" or "torch".
        multiple: the height and width of the input of `run` must be multiples of this, in px,
        minimum: and at least this.
        wraps: whether it has a `circular` form.
        period: sides of a picture that tiles must be multiples of this, for `circular` to be exact.
        norms: number of norms of the net.
        measures_photo: whether `photo_code` depends on the photo, and that by the norms' statistics alone.
        measures_parts: whether the norms can normalise each region of a photo by the region's own part of it.
        gives_back: whether `render` adds the residual that the net cannot reconstruct, so that strength 0 is the photo.
        code_width: D, the length of a code; None: it depends on the style image.
        mixes: whether codes can be mixed, see `StyleCode`.
        takes_palette: whether results are brought to the palette of the style image.
        tuning: the options of its family that were given, see `Family.options`.
    """

    name: ClassVar[str]
    multiple: int
    minimum: int
    period: int
    norms: int
    wraps: bool = True
    measures_photo: bool = False
    measures_parts: bool = False
    gives_back: bool
    code_width: int | None
    mixes: bool = True
    takes_palette: bool = True
    tuning: dict[str, Any] = {}  # noqa: RUF012 - replaced, never changed

    @abc.abstractmethod
    def circular(self) -> Runtime:
        """Return this net with circular padding in every convolution: what it makes of a picture that tiles, tiles."""

    @abc.abstractmethod
    def named_code(self, style: int) -> Floats:
        """Return the code, (1, D), of the named style with this index."""

    @abc.abstractmethod
    def encode(self, style: Floats, regions: Floats | None = None) -> Floats:
        """Return the code, (1, D), of a style image, (1, 3, H, W) in [0, 1]; only for arbitrary-style nets.

        With `regions`, (1, K, H, W), the codes of its K parts, (K, D); only for families with `takes_maps`.
        """

    @abc.abstractmethod
    def photo_code(self, x: Floats, statistics: Statistics | None = None) -> Floats | None:
        """Return the codes, (N or 1, D), that best reconstruct the photos `x`, (N, 3, H, W).

        `strength` interpolates from these to the style. With `statistics`, (K, S), of a net with `measures_photo`:
        those of parts with these, (K, D). None: the net has no such code.
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
            shares: (1, K, H, W): share of each of K codes in every pixel; `code` is then (K, D).
            statistics: statistics of the norms, instead of those of `x`; one row, or one per region.
            passes: smooth the statistics over frames.
        """

    @abc.abstractmethod
    def measure(
        self, x: Floats, code: Floats, passes: Passes | None = None, shares: Floats | None = None
    ) -> Statistics:
        """Return the statistics of the norms when `x`, (N, 3, H, W), passes the net with `code`, (1, D).

        With `shares`, (1, K, H, W), and `code`, (K, D), of a net with `measures_parts`: those of each region's own part
        of one photo, (K, S).
        """

    def fit(self, tile: Any, sizes: Sizes, code: Floats, count: int = 1) -> Any:
        """Return how to tile `count` pictures; None: compute them whole, in one batch.

        Raises:
            NeedsTilesError: tiles are needed, but this runtime has none.
            OptionError: the net does not support tiles, or not of this size.
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
        """Return the result of `render` for one photo, computed in tiles as returned by `fit`."""
        raise NotImplementedError


def as_array(values: Any) -> NDArray[Any]:
    """Return an array, or convert a tensor, which may be on a GPU, require gradients, or be bfloat16."""
    if isinstance(values, np.ndarray):
        return values
    if hasattr(values, "detach"):
        values = values.detach().cpu()
        return np.asarray(values.float() if str(values.dtype) in ("torch.bfloat16", "torch.float16") else values)
    return np.asarray(values, dtype=np.float32)
