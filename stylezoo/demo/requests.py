"""Parse the requests of a page; the values are untrusted."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from PIL import Image

from stylezoo.demo.pictures import from_data_url
from stylezoo.demo.settings import VARIANTS, Settings
from stylezoo.errors import OptionError, StyleError
from stylezoo.runtime.options import Stroke

MOST_STYLES = 4
"""Maximum number of styles in a blend."""
MOST_REGIONS = 3
LEAST = 1e-3  # smaller weights count as 0

Mix = tuple[tuple[str, float], ...]
"""Pairs of style id and weight; at least one weight is above 0."""
Colours = Literal["style", "luma", "stats"]
EXTRAS: Mapping[str, dict[str, Any]] = {"face": {"protect": "face"}, "tile": {"tileable": True}}
"""What a visitor can switch on -> the options of `Stylizer.stylize`."""
PARTS: Mapping[str, dict[str, Any]] = {
    "everything": {},
    "subject": {"only": "subject"},
    "background": {"only": "background"},
}
"""What a visitor can stylize -> the options, likewise."""


@dataclass(frozen=True, eq=False)
class Region:
    """A part of the photo with its own style; `mask` is white inside, of any size."""

    mix: Mix
    mask: Image.Image


@dataclass(frozen=True, eq=False)
class Request:
    """How to stylize.

    Attributes:
        quality: "quick" or "fine"; cameras have "live". See `settings.VARIANTS`.
        mix: the style of the whole picture, or of the part outside all regions.
        strength, stroke: see `Stylizer.stylize`.
        colours: "style", or a value of `preserve_color`.
        regions: parts with their own styles.
        rest: whether the part outside all regions is stylized, or stays the photo.
        extras: names in `EXTRAS`.
        part: a name in `PARTS`.
    """

    quality: str
    mix: Mix
    strength: float = 1.0
    stroke: Stroke = "auto"
    colours: Colours = "style"
    regions: tuple[Region, ...] = ()
    rest: bool = True
    extras: tuple[str, ...] = ()
    part: str = "everything"

    @property
    def styles(self) -> set[str]:
        """The ids of all styles."""
        mixes = [region.mix for region in self.regions] + ([self.mix] if self.rest else [])
        return {name for mix in mixes for name, _ in mix}


def read_request(
    quality: object,
    palette: object,
    strength: object = 1.0,
    stroke: object = "auto",
    colours: object = "style",
    brush: object = None,
    extras: object = None,
    part: object = None,
    *,
    settings: Settings,
) -> Request:
    """Return the request for the values of a page.

    Args:
        palette: {"mix": [[id, weight], ...]}.
        brush: None, or {"rest": bool, "regions": [{"mix": [...], "mask": a data URL}, ...]}.
        extras: None, or a list of names in `EXTRAS`.
        part: None, or a name in `PARTS`.

    Raises:
        StyleError, OptionError, ImageError: a value is invalid.
    """
    if not isinstance(quality, str) or quality not in VARIANTS:
        raise OptionError(f"The quality must be among {', '.join(VARIANTS)}.")
    if colours not in ("style", "luma", "stats"):
        raise OptionError("Colours must be the style's, the photo's (luma) or its palette (stats).")
    chosen = [] if extras is None else extras
    if not isinstance(chosen, list) or not all(isinstance(name, str) and name in EXTRAS for name in chosen):
        raise OptionError(f"The extras must be among {', '.join(EXTRAS)}.")
    seen = "everything" if part is None else part
    if not isinstance(seen, str) or seen not in PARTS:
        raise OptionError(f"What is stylized must be among {', '.join(PARTS)}.")
    parts = _field(brush, "regions") or []
    if not isinstance(parts, list) or len(parts) > MOST_REGIONS:
        raise OptionError(f"Use at most {MOST_REGIONS} brushes.")
    regions = tuple(Region(read_mix(part), from_data_url(_field(part, "mask"), settings)) for part in parts)
    return Request(
        quality,
        read_mix(palette),
        _number(strength, "strength", 0, 3),
        "auto" if stroke == "auto" else _number(stroke, "stroke", 1 / 8, 8),
        colours,
        regions,
        not regions or bool(_field(brush, "rest")),
        tuple(chosen),
        seen,
    )


def read_mix(value: object) -> Mix:
    """Parse {"mix": [[id, weight], ...]}, dropping zero weights; raise StyleError if it is invalid."""
    pairs = _field(value, "mix")
    if not isinstance(pairs, list) or not pairs:
        raise StyleError("Choose a style first.")
    if len(pairs) > MOST_STYLES:
        raise StyleError(f"Blend at most {MOST_STYLES} styles, not {len(pairs)}.")
    mix: dict[str, float] = {}
    for pair in pairs:
        if not (isinstance(pair, list) and len(pair) == 2 and isinstance(pair[0], str)):
            raise StyleError("The page sent an invalid style: reload it.")
        mix[pair[0]] = _number(pair[1], "weight", 0, 1)
    kept = tuple((name, weight) for name, weight in mix.items() if weight >= LEAST)
    if not kept:
        raise StyleError("All styles of the blend are at 0: raise one.")
    return kept


def _field(value: object, name: str) -> Any:
    return value.get(name) if isinstance(value, Mapping) else None


def _number(value: object, name: str, low: float, high: float) -> float:
    if not isinstance(value, (int, float)) or isinstance(value, bool) or not math.isfinite(value):
        raise OptionError(f"The {name} must be a number from {low:g} to {high:g}.")
    if not low <= value <= high:
        raise OptionError(f"The {name} must be from {low:g} to {high:g}, not {value:g}.")
    return float(value)
