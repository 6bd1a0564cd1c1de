"""Semantic maps: pictures whose flat colours name the regions of a photo or a style image. Imports no torch."""

from __future__ import annotations

import warnings
from collections.abc import Collection
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from PIL import ImageColor

from stylezoo.errors import OptionError
from stylezoo.images.io import read
from stylezoo.images.planes import Floats, as_levels
from stylezoo.types import ImageLike

LEAST = 0.005
"""The share of a map that a colour must cover to name a region; pixels of others count as the nearest of these."""
STRAY = 0.25
"""The share of a map that may be in such other colours."""
MOST = 32
"""The most regions of a map."""
NEAR = 8
"""Levels of red, green and blue by which JPEG changes a flat colour."""
REMEDY = "save it as PNG with flat colours, without antialiasing"


@dataclass(frozen=True, eq=False)
class SemanticMap:
    """A map.

    Attributes:
        name: its option and file, for messages.
        pixels: (H, W), each 0xRRGGBB.
        counts: colour -> number of its pixels, the most frequent first.
    """

    name: str
    pixels: NDArray[np.int32]
    counts: dict[int, int]

    @property
    def main(self) -> set[int]:
        """The colours that cover at least `LEAST` of the map."""
        return {colour for colour, count in self.counts.items() if count >= LEAST * self.pixels.size}

    def settled(self, named: Collection[int]) -> SemanticMap:
        """Return the map in the colours `named` alone: pixels of others get the nearest of them, with a warning.

        Raises:
            OptionError: the map is not in flat colours.
        """
        kept = [colour for colour in self.counts if colour in named]
        strays = [colour for colour in self.counts if colour not in named]
        share = sum(self.counts[colour] for colour in strays) / self.pixels.size
        if share > STRAY or len(kept) > MOST:
            seen = f"{self.name} has {len(self.counts)} colours"
            if share > STRAY:
                seen += f", and {share:.0%} of it is in colours that cover less than {LEAST:.1%} each"
            else:
                seen += f", {len(kept)} of which cover at least {LEAST:.1%}; the most are {MOST}"
            raise OptionError(f"{seen}: it is a photo, antialiased, or a JPEG file: {REMEDY}")
        if not strays:
            return self
        for index, colour in enumerate(kept):
            if near := [other for other in kept[:index] if _are_near(colour, other)]:
                raise OptionError(
                    f"{self.name} has {len(self.counts)} colours, such as {_listed([near[0], colour])}: it is a JPEG "
                    f"file or a gradient: {REMEDY}"
                )
        warnings.warn(
            f"{self.name} has {len(strays)} colours that cover less than {LEAST:.1%} each, {share:.1%} of it in all: "
            f"they count as the nearest of {_listed(kept)}; to choose yourself, {REMEDY}",
            UserWarning,
            stacklevel=6,
        )
        known, places = np.unique(self.pixels, return_inverse=True)
        colours = _nearest(known, np.array(kept, np.int32))[places].reshape(self.pixels.shape)
        return replace(self, pixels=colours, counts=_counts(colours))

    def masks(self, colours: Collection[int]) -> list[Floats]:
        """Return where each of the colours is, (1, 1, H, W) of 0 and 1 each."""
        return [(self.pixels == colour).astype(np.float32)[None, None] for colour in colours]


def read_map(image: ImageLike, option: str) -> SemanticMap:
    """Return a map; transparent pixels count as white.

    Args:
        image: any picture.
        option: what messages call it.

    Raises:
        ImageError: it cannot be read.
        OptionError: it is more than one picture.
    """
    picture = read(image)
    if len(picture.levels) > 1:
        raise OptionError(f"{option} must be one picture, but {picture.name} has {len(picture.levels)}")
    red, green, blue = as_levels(picture.on_white())[0].astype(np.int32)
    pixels = red << 16 | green << 8 | blue
    return SemanticMap(f"{option} '{picture.name}'", pixels, _counts(pixels))


def match(content: SemanticMap, style: SemanticMap) -> tuple[SemanticMap, SemanticMap]:
    """Return two maps that have the same colours, settled; a colour that is large in one may be small in the other.

    Raises:
        OptionError: a map has a colour that the other lacks, or is not in flat colours.
    """
    named = content.main | style.main
    content, style = content.settled(named), style.settled(named)
    for one, other in ((content, style), (style, content)):
        for colour in one.counts:
            if colour not in other.counts:
                near = any(_are_near(colour, another) for another in other.counts)
                remedy = f"JPEG changes colours: {REMEDY}" if near else "give both maps the same colours"
                raise OptionError(
                    f"{one.name} has the colour {name_of(colour)}, but {other.name} has only {_listed(other.counts)}: "
                    f"{remedy}"
                )
    return content, style


def choose(content: SemanticMap, colours: Collection[str]) -> list[Floats]:
    """Return the masks of colours, as `parse_color` reads them, in a map.

    Raises:
        OptionError: no such colour, or the map does not have it, or is not in flat colours.
    """
    wanted = [parse_color(colour) for colour in colours]
    settled = content.settled(content.main | (set(wanted) & content.counts.keys()))
    for colour in wanted:
        if colour not in settled.counts:
            raise OptionError(
                f"{content.name} has no {name_of(colour)}, only {_listed(settled.counts)}: name one of these"
            )
    return settled.masks(wanted)


def parse_color(text: str) -> int:
    """Return a colour, such as 'red' or '#ff0000', as 0xRRGGBB; raise OptionError if there is no such."""
    try:
        red, green, blue = ImageColor.getrgb(text)[:3]
    except (ValueError, AttributeError):
        raise OptionError(f"{text!r} is not a colour of content_map: write it as red or #ff0000") from None
    return red << 16 | green << 8 | blue


def name_of(colour: int) -> str:
    """Return '#rrggbb'."""
    return f"#{colour:06x}"


def _counts(pixels: NDArray[np.int32]) -> dict[int, int]:
    colours, counts = np.unique(pixels, return_counts=True)
    order = np.argsort(-counts, kind="stable")
    return dict(zip(colours[order].tolist(), counts[order].tolist(), strict=True))


def _nearest(colours: NDArray[np.int32], kept: NDArray[np.int32]) -> NDArray[np.int32]:
    """Return for each colour the nearest of those kept, by the distance in RGB."""
    best, least = np.zeros(len(colours), np.int32), np.full(len(colours), np.inf)
    for one in kept:
        apart = sum(((colours >> shift & 255) - (one >> shift & 255)) ** 2 for shift in (16, 8, 0))
        best, least = np.where(apart < least, one, best), np.minimum(apart, least)
    return best


def _are_near(a: int, b: int) -> bool:
    return all(abs((a >> shift & 255) - (b >> shift & 255)) <= NEAR for shift in (16, 8, 0))


def _listed(colours: Collection[int]) -> str:
    names = [name_of(colour) for colour in colours]
    return ", ".join(names[:8]) + (f" and {len(names) - 8} more" if len(names) > 8 else "")
