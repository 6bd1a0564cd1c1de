"""The options of `stylize`: the one place that names, explains and checks them. No torch."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import Field, asdict, dataclass, field, fields, replace
from numbers import Integral, Real
from typing import Any, Literal, Self, get_args

from stylezoo.errors import OptionError
from stylezoo.images.sizes import STYLE_SIZE, STYLE_SIZES
from stylezoo.types import Keep

PreserveColor = Literal[False, "luma", "stats"]
Tile = Literal["auto"] | int | None

KEEP: tuple[Keep, ...] = get_args(Keep)
MAX_SIZE = 16384
STROKE_SIZE = 512
"""The long side, in px, at which strokes have size 1."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StylizeOptions:
    """How a picture is stylized. `Stylizer.stylize`, the command line, manifests and the page all use this class.

    Attributes:
        strength: 0 gives the photo, 1 the style; up to 3.
        size: long side of the result in px, from 1 to 16384. None: that of the photo.
        stroke: size of the strokes in relation to the picture, from 1/16 to 16, the same at every `size`: 1 is what the
            net makes at a long side of 512 px, 2 is twice as coarse. None: what it makes at the size of the result.
        preserve_color: False, "luma" (the photo's hues exactly) or "stats" (its overall palette). With "stats" a style
            image takes on the photo's palette before it is encoded (Gatys et al. 2016, arXiv:1606.05897); the result
            in other styles, and in mixes of both, is matched to the photo.
        tile: side in px of the tiles that the picture is computed in, a multiple of the net's `multiple`, such as 512:
            any size in bounded memory, the same result, in about twice the time. None: the whole picture at once.
            "auto": in tiles where the memory for the whole is short.
        style_size: long side in px, from 16 to 4096, to which style images are scaled. Strokes are as large in px as
            they are in the image that the net saw: larger is coarser. None: as it is.
        metadata: what a result keeps of its file's metadata. "safe": artist, copyright, description, dates, resolution,
            and that it is sRGB; not the place, the camera, the program or a thumbnail. "keep": all but what is no
            longer so. "none": nothing. It goes into PIL images (`Image.info`), files and their bytes.

    Raises:
        OptionError: a value is out of range.
    """

    strength: float = field(default=1.0, metadata={"help": "How much of the style: 0 the photo, 1 the style, up to 3."})
    size: int | None = field(
        default=None, metadata={"help": "Long side of the result.  [default: as IN]", "metavar": "PX"}
    )
    stroke: float | None = field(
        default=None, metadata={"help": "Size of the strokes at any size: 1 as at 512 px, 2 twice as coarse."}
    )
    preserve_color: PreserveColor = field(
        default=False, metadata={"help": "Keep the colours of the photo.", "choices": ("luma", "stats")}
    )
    tile: Tile = field(
        default="auto",
        metadata={
            "help": "Compute in tiles of PX px, for pictures of any size; auto does so where memory is short.",
            "metavar": "auto|none|PX",
        },
    )
    style_size: int | None = field(
        default=STYLE_SIZE,
        metadata={"help": "Long side at which a style image is read: larger for coarser strokes.", "metavar": "PX"},
    )
    metadata: Keep = field(
        default="safe",
        metadata={"help": "Keep all metadata; author, rights, dates and resolution; or none.", "choices": KEEP},
    )

    def __post_init__(self) -> None:
        for name, (check, expected) in _CHECKS.items():
            value = getattr(self, name)
            if not check(value):
                raise OptionError(f"{name} must be {expected}, not {value!r}")
            if isinstance(value, Real) and not isinstance(value, bool):  # numpy's numbers are welcome too
                number = float(value)
                object.__setattr__(self, name, number if name in ("strength", "stroke") else int(number))

    def as_dict(self) -> dict[str, Any]:
        """Return name -> value, as JSON can hold it."""
        return asdict(self)

    def changed(self, **changes: Any) -> Self:
        """Return these options with others in place of some."""
        return replace(self, **changes) if changes else self


def _is_count(value: Any, low: int, high: int) -> bool:
    return isinstance(value, Integral) and not isinstance(value, bool) and low <= int(value) <= high


def _is_word(value: Any, *words: str) -> bool:
    return isinstance(value, str) and value in words


def _is_number(value: Any, low: float, high: float) -> bool:
    return isinstance(value, Real) and not isinstance(value, bool) and low <= float(value) <= high  # NaN is not


_CHECKS: dict[str, tuple[Callable[[Any], bool], str]] = {
    "strength": (lambda v: _is_number(v, 0, 3), "from 0 (the photo) by 1 (the style) up to 3"),
    "size": (lambda v: v is None or _is_count(v, 1, MAX_SIZE), f"the long side in px, from 1 to {MAX_SIZE}"),
    "stroke": (lambda v: v is None or _is_number(v, 1 / 16, 16), "from 1/16 (fine) by 1 up to 16 (coarse)"),
    "preserve_color": (lambda v: v is False or _is_word(v, "luma", "stats"), "False, 'luma' or 'stats'"),
    "tile": (
        lambda v: v is None or _is_word(v, "auto") or _is_count(v, 1, 10**6),
        "'auto', None (the whole picture at once) or the side of tiles in px",
    ),
    "style_size": (
        lambda v: v is None or _is_count(v, *STYLE_SIZES),
        f"the long side of a style image in px, from {STYLE_SIZES[0]} to {STYLE_SIZES[1]}, or None",
    ),
    "metadata": (lambda v: _is_word(v, *KEEP), "'keep', 'safe' or 'none'"),
}


def option_fields() -> dict[str, Field[Any]]:
    """Return name -> field; its metadata has the `help`, and `metavar` or `choices` where there are such."""
    return {option.name: option for option in fields(StylizeOptions)}


def take_options(given: Mapping[str, Any]) -> tuple[StylizeOptions, dict[str, Any]]:
    """Return the options that are among keyword arguments, and the other arguments.

    Raises:
        OptionError: see `StylizeOptions`.
    """
    names = option_fields()
    own = {name: value for name, value in given.items() if name in names}
    return StylizeOptions(**own), {name: value for name, value in given.items() if name not in names}
