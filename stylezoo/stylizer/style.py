"""Resolve styles (names, pictures, codes and mixes) and masks into the input of `render`."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from stylezoo.errors import OptionError, StyleError
from stylezoo.images.color import colour_statistics, move_colours, rgb_to_ycbcr, statistics_inside, unpack_colours
from stylezoo.images.io import Picture, is_tensor, read
from stylezoo.images.maps import choose, match, read_map
from stylezoo.images.planes import STRIP, Array, Floats, as_float, resize
from stylezoo.images.sizes import STYLE_SIZE, STYLE_SIZES
from stylezoo.runtime.base import Palette, Region, Runtime, StyleCode
from stylezoo.runtime.options import StylizeOptions
from stylezoo.types import MaskLike, StyleLike
from stylezoo.zoo.families import FAMILIES, those
from stylezoo.zoo.spec import ModelSpec
from stylezoo.zoo.styles import find_style, read_mix

PICTURES = (str, os.PathLike, bytes, bytearray, memoryview, Image.Image, np.ndarray)


@dataclass(frozen=True, eq=False)
class Part:
    """A component of a style.

    Attributes:
        name: its name in records of the style.
        weight: its share; the shares of all parts sum to 1.
        content: a code, or a picture to encode, (1, 3, H, W) in [0, 1].
    """

    name: str
    weight: float
    content: StyleCode | Floats


@dataclass(frozen=True, eq=False)
class Style:
    """A resolved style: its names are looked up and its pictures read. `str` describes its parts."""

    parts: tuple[Part, ...]

    def encode(self, runtime: Runtime, photo: Array | None = None) -> StyleCode:
        """Return the mixed code of all parts.

        With `photo`, (1, 3, H, W), uint8 or float in [0, 1], pictures are first matched to its colours.
        """
        codes = []
        wanted = None if photo is None else colour_statistics(_strips(photo))
        for part in self.parts:
            content = part.content
            if not isinstance(content, StyleCode):
                picture = content if wanted is None else move_colours(content, colour_statistics([content]), wanted)
                palette = Palette(*colour_statistics([picture])) if runtime.takes_palette else None
                content = StyleCode(runtime.encode(picture), runtime.mixes, palette)
            codes.append(content * part.weight)
        return sum(codes[1:], codes[0])

    def __str__(self) -> str:
        if len(self.parts) == 1:
            return self.parts[0].name
        return f"a mix of {', '.join(f'{part.name} {part.weight:.3g}' for part in self.parts)}"


@dataclass(frozen=True, eq=False)
class Plan:
    """The styles of a picture and their masks.

    Attributes:
        styles: one per mask; None keeps the photo.
        masks: (1, 1, H, W) in [0, 1] each; they sum to 1 in every pixel. Empty: the only style is used everywhere.
        by_map: whether they are of a map, which is scaled to the picture.
    """

    styles: tuple[Style | None, ...]
    masks: tuple[Floats, ...] = ()
    by_map: bool = False

    @property
    def contents(self) -> list[StyleCode | Floats]:
        """All codes and pictures of all styles."""
        return [part.content for style in self.styles if style for part in style.parts]

    def encode(self, runtime: Runtime, photo: Array | None = None) -> StyleCode | list[Region]:
        """Return the `style` argument of `render`; for `photo` see `Style.encode`."""
        codes = [None if style is None else style.encode(runtime, photo) for style in self.styles]
        if not self.masks and codes[0]:
            return codes[0]
        return [Region(code, mask) for code, mask in zip(codes, self.masks, strict=True)]

    def check(self, picture: Picture) -> None:
        """Raise OptionError unless the masks have the size of the picture, or are of a map."""
        for mask in () if self.by_map else self.masks[:1]:
            if mask.shape[-2:] != picture.levels.shape[-2:]:
                raise OptionError(
                    f"{picture.name} has {_size(picture.levels)} px but its mask has {_size(mask)} px: resize the mask"
                )


@dataclass(frozen=True, eq=False)
class GuidedPlan(Plan):
    """The regions of a picture, each in the style of its region of one style image.

    Attributes:
        image: the style image, (1, 3, H, W) in [0, 1].
        parts: (1, K, H, W) in [0, 1]: its regions, in the order of the masks.
    """

    image: Floats = field(kw_only=True)
    parts: Floats = field(kw_only=True)

    @property
    def contents(self) -> list[StyleCode | Floats]:
        return [self.image]

    def encode(self, runtime: Runtime, photo: Array | None = None) -> list[Region]:
        image = self.image
        if photo is not None:
            image = move_colours(image, colour_statistics([image]), colour_statistics(_strips(photo)))
        regions = []
        for number, (code, mask) in enumerate(zip(runtime.encode(image, self.parts), self.masks, strict=True)):
            part = image, self.parts[:, number, None]
            palette = Palette(*statistics_inside([part])) if runtime.takes_palette else None
            regions.append(Region(StyleCode(code[None], palette=palette), mask, own=True))
        return regions


def read_plan(spec: ModelSpec, runtime: Runtime, style: StyleLike, mask: MaskLike, options: StylizeOptions) -> Plan:
    """Return the plan for a style, a mask and the maps of `options`, see `Stylizer.stylize`."""

    def get(style: StyleLike) -> Style:
        return resolve_style(spec, runtime, style, options.style_size)

    if options.style_map is not None:
        if mask is not None:
            raise OptionError("mask (--mask, --region) and style_map (--style-map) exclude each other: leave one out")
        return _guided(spec, get, style, options)
    by_map = options.content_map is not None
    if by_map and not isinstance(mask, (Mapping, list, tuple)):
        raise OptionError(
            "content_map (--content-map) needs style_map (--style-map), or a style for each colour (--region "
            "COLOUR:STYLE)"
        )
    if mask is None:
        return Plan((get(style),))
    if isinstance(mask, (Mapping, list, tuple)):
        pairs, rest = list(mask.items() if isinstance(mask, Mapping) else mask), style
        if not pairs or not all(isinstance(pair, (tuple, list)) and len(pair) == 2 for pair in pairs):
            raise OptionError("mask must be a picture, {style: picture, ...} or [(style, picture), ...]")
    else:
        pairs, rest = [(style, mask)], None
    styles = [get(wanted) for wanted, _ in pairs]
    masks = _by_color(options, pairs) if by_map else [_read_mask(picture) for _, picture in pairs]
    if len({m.shape for m in masks}) > 1:
        raise OptionError(f"the masks have different sizes, {', '.join(_size(m) for m in masks)}: resize them")
    total: Floats = np.stack(masks).sum(axis=0)
    shares = [m / total.clip(1) for m in masks]
    return Plan((*styles, None if rest is None else get(rest)), (*shares, (1 - total).clip(0)), by_map)


def _by_color(options: StylizeOptions, pairs: list[Any]) -> list[Floats]:
    """Return the masks of the colours that stand in place of masks."""
    assert options.content_map is not None
    for _, color in pairs:
        if not isinstance(color, str):
            raise OptionError(
                f"with content_map, a style goes with a colour of it, such as 'red', not with {type(color).__name__}"
            )
    return choose(read_map(options.content_map, "content_map"), [color for _, color in pairs])


def _guided(
    spec: ModelSpec, get: Callable[[StyleLike], Style], style: StyleLike, options: StylizeOptions
) -> GuidedPlan:
    """Return the plan for a style image with its map."""
    if options.content_map is None or options.style_map is None:
        raise OptionError(
            "style_map (--style-map) needs content_map (--content-map): where its colours are in the photo"
        )
    if spec.kind != "arbitrary":
        raise StyleError(
            f"{spec.name} takes no style image, so it takes no style map: use a model for any style, such as 'any', or "
            "name a style for each colour of content_map (--region COLOUR:STYLE)"
        )
    if not FAMILIES[spec.family].takes_maps:
        raise StyleError(f"{spec.family} models take no style map, only {', '.join(those(takes_maps=True))} models")
    parts = get(style).parts
    image = parts[0].content
    if len(parts) > 1 or isinstance(image, StyleCode):
        found = "a mix" if len(parts) > 1 else f"'{parts[0].name}'"
        raise StyleError(f"a style map (--style-map) is of one style image, which {found} is not: give a picture")
    content, guide = match(read_map(options.content_map, "content_map"), read_map(options.style_map, "style_map"))
    size = image.shape[-2], image.shape[-1]
    masks = guide.masks(content.counts)
    seen = np.concatenate([resize(mask, size) for mask in masks], axis=1)
    return GuidedPlan((), tuple(content.masks(content.counts)), True, image=image, parts=seen)


def resolve_style(spec: ModelSpec, runtime: Runtime, style: StyleLike, size: int | None = STYLE_SIZE) -> Style:
    """Return a style with its names looked up and its pictures read at `size` px on the long side.

    Raises:
        StyleError, ImageError, OptionError: see `Stylizer.encode_style`.
    """
    size = StylizeOptions(style_size=size).style_size
    return Style(tuple(_parts(spec, runtime, style, size, 1.0)))


def _strips(x: Array) -> Iterator[Floats]:
    """Yield a picture, (N, C, H, W), from top to bottom in strips of at most STRIP px, in float."""
    rows = max(1, STRIP // (x.shape[0] * x.shape[-1]))
    for top in range(0, x.shape[-2], rows):
        yield as_float(x[..., top : top + rows, :])


def _parts(spec: ModelSpec, runtime: Runtime, style: Any, size: int | None, weight: float) -> Iterator[Part]:
    if isinstance(style, (Mapping, list, tuple)):
        for member, share in read_mix(spec, style):
            yield from _parts(spec, runtime, member, size, weight * share)
    elif isinstance(style, StyleCode):
        yield Part("a style code", weight, _fitting(spec, runtime, style))
    elif (index := find_style(spec, style)) is not None:
        numbers = spec.palettes[index]
        palette = None if numbers is None else Palette(*unpack_colours(numbers))
        yield Part(spec.style_ids[index], weight, StyleCode(runtime.named_code(index), palette=palette))
    elif not (isinstance(style, PICTURES) or is_tensor(style)):
        ways = f"name, number or mix ({', '.join(spec.style_ids) or 'it has none'})"
        ways = f"picture, {ways}" if spec.kind == "arbitrary" else ways
        raise StyleError(f"{spec.name} takes a style as {ways}, not {type(style).__name__}")
    else:
        name = Path(style).name if isinstance(style, (str, os.PathLike)) else "a picture"
        yield Part(name, weight, _read_picture(spec, style, size))


def _fitting(spec: ModelSpec, runtime: Runtime, code: StyleCode) -> StyleCode:
    """Return `code`; raise StyleError if it is from another net."""
    if code.values.shape != (1, runtime.code_width or code.values.size):
        raise StyleError(
            f"{spec.name}: the style code of {code.values.size} numbers is from another model: encode it again"
        )
    return code


def _read_picture(spec: ModelSpec, style: Any, size: int | None) -> Floats:
    if spec.kind != "arbitrary":
        raise StyleError(
            f"{spec.name} takes no style image, only its styles ({', '.join(spec.style_ids)}): "
            "use a model for any style, such as 'any'"
        )
    picture = read(style)
    if len(picture.levels) > 1:
        raise StyleError(f"a style is one picture, but {picture.name} has {len(picture.levels)}: give one, or a list")
    if size is None and max(picture.levels.shape[-2:]) > STYLE_SIZES[1]:
        raise OptionError(
            f"{picture.name} is too large, {_size(picture.levels)} px: set style_size, at most {STYLE_SIZES[1]}"
        )
    return picture.on_white(size)


def _read_mask(mask: Any) -> Floats:
    """Return the luma of a mask, (1, 1, H, W) in [0, 1]; transparent pixels count as black."""
    if is_tensor(mask):
        mask = mask[None] if mask.ndim == 2 else mask
        mask = mask.float() if not mask.is_floating_point() and str(mask.dtype) == "torch.bool" else mask
    elif isinstance(mask, np.ndarray) and mask.dtype == bool:
        mask = mask.astype(np.float32)
    picture = read(mask)
    if len(picture.levels) > 1:
        raise OptionError(f"a mask is one picture, but {picture.name} has {len(picture.levels)}")
    light = rgb_to_ycbcr(as_float(picture.levels))[:, :1].clip(0, 1)
    return light if picture.veil is None else light * as_float(picture.veil)


def _size(x: Array) -> str:
    return f"{x.shape[-1]}x{x.shape[-2]}"
