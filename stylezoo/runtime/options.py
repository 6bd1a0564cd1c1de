"""The options of `stylize`: their names, help texts and checks. Imports no torch."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Mapping
from dataclasses import Field, dataclass, field, fields, replace
from numbers import Integral, Real
from typing import Any, Literal, Self, get_args

from stylezoo.errors import OptionError
from stylezoo.images.sizes import STYLE_SIZE, STYLE_SIZES
from stylezoo.types import ImageLike, Keep

PreserveColor = Literal[False, "luma", "stats"]
Stroke = Literal["auto"] | float
Tile = Literal["auto"] | int | None
Only = Literal["subject", "background"] | None

KEEP: tuple[Keep, ...] = get_args(Keep)
PROTECT = 0.7
"""The share of the photo that `protect` keeps on a face if it names none."""
PALETTE = 0.75
"""How far the result takes the colours of a style image, unless `palette` is given."""
MAX_SIZE = 16384
STROKE_SIZE = 512
"""The long side, in px, at which strokes have size 1."""
AUTO_SIZE = 1024
"""The long side, in px, at which stroke="auto" stylizes larger pictures; the short side of a panorama is half of it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StylizeOptions:
    """How a picture is stylized; used by `Stylizer.stylize`, the command line, manifests and the demo page.

    Attributes:
        strength: 0 gives the photo, 1 the style; up to 3.
        size: long side of the result in px, from 1 to 16384. None: that of the photo.
        stroke: stroke size relative to the picture, from 1/16 to 16, independent of `size`: 1 is what the net gives at
            a long side of 512 px, 2 is twice as coarse; where the net sees fewer px than the result has, the result is
            soft. "auto": what the net gives at the size of the result, up to 1024 px. A larger picture is stylized
            at 1024 px, or with 512 px for the short side if it is longer than 2:1, and gets the detail of the photo
            back, see `stylezoo.images.detail`.
        palette: how far, from 0 to 1, the mean and covariance of the result's colours are brought to those of the style
            image, by the least change of colours (the optimal transport between two Gaussians). Nets of one style have
            learnt its colours and keep their own. `gatys` models optimise theirs.
        preserve_color: False, "luma" (keep the photo's hues exactly) or "stats" (keep its overall palette). With
            "stats" a style image is first matched to the photo's palette (Gatys et al. 2016, arXiv:1606.05897); for
            other styles and mixes, the result is matched to the photo.
        protect: "face" or "face:SHARE" keeps that share of the photo on faces, from 0 to 1 (0.7 if it names none), so
            that people stay recognizable. The detector is that of `stylezoo.detect.faces.face_detector`.
        only: "subject" or "background": stylize only that, and keep the photo elsewhere. Needs u2netp, see
            `stylezoo.detect.subject.subject_detector`.
        smooth: run the net twice, the second time on the picture shifted by half its stride, and average both
            (cycle spinning, Coifman & Donoho 1995): the woven pattern of nets with strides goes, for twice the time.
            Such pictures are stylized whole.
        tileable: wrap every convolution and every resampling around, so that the result of a picture that tiles, such
            as a texture, tiles too. What the net sees is scaled to multiples of its stride. Such pictures are stylized
            whole, whatever memory there is.
        content_map, style_map: pictures of any size whose flat colours name regions of the photo and of the style
            image: each region of the photo takes its style from the region of the same colour (Champandard 2016,
            arXiv:1603.01768; Gatys et al. 2017, arXiv:1611.07865). Or a content_map alone, whose colours stand for the
            masks of `mask`. A colour that covers less than 0.5 % of each map counts as the nearest that covers more.
        tile: tile size in px, a multiple of the net's `multiple`, such as 512. Tiling bounds the memory at any size and
            gives the same result in about twice the time. None: the whole picture at once. "auto": tile if the whole
            picture does not fit into memory.
        style_size: long side in px, from 16 to 4096, to which style images are scaled. Larger gives coarser strokes,
            since the net reproduces them at their size in px. None: do not scale.
        metadata: the metadata to keep in PIL images (`Image.info`) and files. "safe": artist, copyright, description,
            dates, resolution and the sRGB profile, but no location, camera, software or thumbnail. "keep": everything
            that still holds for the result. "none": nothing.

    Raises:
        OptionError: a value is out of range, or `tileable` or `smooth` is given with a tile size.
    """

    strength: float = field(default=1.0, metadata={"help": "Style strength: 0 gives the photo, 1 the style; up to 3."})
    size: int | None = field(
        default=None, metadata={"help": "Long side of the result.  [default: that of IN]", "metavar": "PX"}
    )
    stroke: Stroke = field(
        default="auto",
        metadata={
            "help": "Stroke size at any --size: 1 as at 512 px, 2 twice as coarse. auto: as up to 1024 px, and sharp.",
            "metavar": "auto|SIZE",
        },
    )
    palette: float = field(
        default=PALETTE,
        metadata={"help": "How far the result takes the colours of a style image, from 0 to 1.", "metavar": "SHARE"},
    )
    preserve_color: PreserveColor = field(
        default=False,
        metadata={"help": "Keep the photo's hues (luma) or its palette (stats).", "choices": ("luma", "stats")},
    )
    protect: str | None = field(
        default=None,
        metadata={
            "help": f"Keep faces: the share of the photo that stays on them, from 0 to 1 ({PROTECT} if not named).",
            "metavar": "face|face:SHARE",
        },
    )
    only: Only = field(
        default=None,
        metadata={
            "help": "Stylize only the subject of the photo, or only its background.",
            "choices": ("subject", "background"),
        },
    )
    smooth: bool = field(
        default=False, metadata={"help": "Average two runs of the net: no woven pattern, twice the time."}
    )
    tileable: bool = field(
        default=False, metadata={"help": "Make the result tile without a seam, as IN does: for textures."}
    )
    content_map: ImageLike | None = field(
        default=None,
        metadata={
            "help": "Map of the photo: its colours name regions, which take their styles from those of --style-map.",
            "metavar": "FILE",
        },
    )
    style_map: ImageLike | None = field(
        default=None,
        metadata={"help": "Map of the style image, in the colours of --content-map.", "metavar": "FILE"},
    )
    tile: Tile = field(
        default="auto",
        metadata={
            "help": "Tile size; bounds the memory for large pictures. auto tiles if memory is short.",
            "metavar": "auto|none|PX",
        },
    )
    style_size: int | None = field(
        default=STYLE_SIZE,
        metadata={"help": "Long side of style images; larger gives coarser strokes.", "metavar": "PX"},
    )
    metadata: Keep = field(
        default="safe",
        metadata={
            "help": "Metadata to keep: all, none, or only author, rights, dates and resolution (safe).",
            "choices": KEEP,
        },
    )

    def __post_init__(self) -> None:
        for name, (check, expected) in _CHECKS.items():
            value = getattr(self, name)
            if not check(value):
                raise OptionError(f"{name} must be {expected}, not {value!r}")
            if isinstance(value, os.PathLike):
                object.__setattr__(self, name, os.fspath(value))
            if isinstance(value, Real) and not isinstance(value, bool):  # also accepts numpy scalars
                number = float(value)
                object.__setattr__(self, name, number if name in ("strength", "stroke", "palette") else int(number))
        if self.tileable and isinstance(self.tile, int):
            raise OptionError(f"tileable pictures are stylized whole: leave tile={self.tile} out")
        if self.smooth and isinstance(self.tile, int):
            raise OptionError(f"smooth pictures are stylized whole: leave tile={self.tile} out")

    def as_dict(self) -> dict[str, Any]:
        """Return name -> value, ready for JSON if the maps are files."""
        return {name: getattr(self, name) for name in option_fields()}

    def changed(self, **changes: Any) -> Self:
        """Return a copy with some options changed."""
        return replace(self, **changes) if changes else self


def _is_count(value: Any, low: int, high: int) -> bool:
    return isinstance(value, Integral) and not isinstance(value, bool) and low <= int(value) <= high


def _is_word(value: Any, *words: str) -> bool:
    return isinstance(value, str) and value in words


def _is_picture(value: Any) -> bool:
    """Whether `value` is None, or a picture by its type; whether it can be read shows later."""
    if value is None or isinstance(value, (str, os.PathLike, bytes, bytearray, memoryview)):
        return value != ""
    return getattr(value, "ndim", 0) > 1 or hasattr(value, "getbands")  # an array, a tensor, or a PIL image


def _is_number(value: Any, low: float, high: float) -> bool:
    number = isinstance(value, Real) and not isinstance(value, bool)
    return number and bool(low <= value <= high)  # false for NaN; an int may be too large for a float


_CHECKS: dict[str, tuple[Callable[[Any], bool], str]] = {
    "strength": (lambda v: _is_number(v, 0, 3), "from 0 (the photo) through 1 (the style) to 3"),
    "size": (lambda v: v is None or _is_count(v, 1, MAX_SIZE), f"the long side in px, from 1 to {MAX_SIZE}"),
    "stroke": (
        lambda v: _is_word(v, "auto") or _is_number(v, 1 / 16, 16),
        "from 1/16 (fine) through 1 to 16 (coarse), or 'auto'",
    ),
    "palette": (lambda v: _is_number(v, 0, 1), "from 0 (the net's own colours) to 1 (those of the style image)"),
    "preserve_color": (lambda v: v is False or _is_word(v, "luma", "stats"), "False, 'luma' or 'stats'"),
    "protect": (
        lambda v: v is None or (isinstance(v, str) and protected_share(v) is not None),
        "'face' or 'face:SHARE' with a share from 0 to 1",
    ),
    "only": (lambda v: v is None or _is_word(v, "subject", "background"), "'subject' or 'background'"),
    "smooth": (lambda v: isinstance(v, bool), "True or False"),
    "tileable": (lambda v: isinstance(v, bool), "True or False"),
    "content_map": (lambda v: _is_picture(v), "a picture, or None"),
    "style_map": (lambda v: _is_picture(v), "a picture, or None"),
    "tile": (
        lambda v: v is None or _is_word(v, "auto") or _is_count(v, 1, 10**6),
        "'auto', None (no tiles) or a tile size in px",
    ),
    "style_size": (
        lambda v: v is None or _is_count(v, *STYLE_SIZES),
        f"the long side of a style image in px, from {STYLE_SIZES[0]} to {STYLE_SIZES[1]}, or None",
    ),
    "metadata": (lambda v: _is_word(v, *KEEP), "'keep', 'safe' or 'none'"),
}


def protected_share(protect: str | None) -> float | None:
    """Return the share of the photo that `protect` keeps on faces; None if it is None or invalid."""
    found = re.fullmatch(r"face(?::([0-9]*\.?[0-9]+))?", protect or "")
    share = float(found[1] or PROTECT) if found else 2.0
    return share if share <= 1 else None


def option_fields() -> dict[str, Field[Any]]:
    """Return name -> field; its metadata has `help`, and for some options `metavar` or `choices`."""
    return {option.name: option for option in fields(StylizeOptions)}


def take_options(given: Mapping[str, Any]) -> tuple[StylizeOptions, dict[str, Any]]:
    """Split keyword arguments into options and the rest.

    Raises:
        OptionError: see `StylizeOptions`.
    """
    names = option_fields()
    own = {name: value for name, value in given.items() if name in names}
    return StylizeOptions(**own), {name: value for name, value in given.items() if name not in names}
