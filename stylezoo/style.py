"""What people mean by a style, made into what `render` takes: names, pictures, codes, mixes of them, and masks."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from numbers import Integral
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from stylezoo.errors import OptionError, StyleError
from stylezoo.image.color import colour_statistics, move_colours, rgb_to_ycbcr
from stylezoo.image.io import Picture, read
from stylezoo.image.sizes import STYLE_SIZE, STYLE_SIZES, fit_long_side
from stylezoo.image.tiles import Box, Kept, resized, strips, whole
from stylezoo.models import StyleCode, StyleNet
from stylezoo.models.table import StyleTable
from stylezoo.pipeline.blend import Region
from stylezoo.types import MaskLike, StyleLike
from stylezoo.zoo.spec import ModelSpec
from stylezoo.zoo.styles import find_style, read_mix

PICTURES = (str, os.PathLike, bytes, bytearray, memoryview, Image.Image, np.ndarray, Tensor)


@dataclass(frozen=True, eq=False)
class Part:
    """What a style is made of.

    Attributes:
        name: what a record of the style calls it.
        weight: its share; those of all parts sum to 1.
        content: a code, or a picture yet to be encoded, (1, 3, H, W) in [0, 1].
    """

    name: str
    weight: float
    content: StyleCode | Tensor


@dataclass(frozen=True, eq=False)
class Style:
    """A style whose names are looked up and whose pictures are read: parts, and `str` of it says which."""

    parts: tuple[Part, ...]

    @torch.no_grad()
    def encode(self, net: StyleNet, photo: Tensor | None = None) -> StyleCode:
        """Return the code of the parts together.

        Pictures first take on the colours of `photo`, (1, 3, H, W), uint8 or float in [0, 1].
        """
        codes = []
        wanted = None if photo is None else colour_statistics(strips(photo))
        for part in self.parts:
            content = part.content
            if isinstance(content, Tensor):
                picture = content
                if photo is not None and wanted is not None:
                    picture = content.to(photo.device)
                    picture = move_colours(picture, colour_statistics([picture]), wanted)
                content = StyleCode(net.encode(picture.to(net.device, net.dtype)))
            codes.append(content * part.weight)
        return sum(codes[1:], codes[0])

    def __str__(self) -> str:
        if len(self.parts) == 1:
            return self.parts[0].name
        return f"a mix of {', '.join(f'{part.name} {part.weight:.3g}' for part in self.parts)}"


@dataclass(frozen=True, eq=False)
class Plan:
    """Which style goes where.

    Attributes:
        styles: one for each mask; None leaves the photo.
        masks: (1, 1, H, W) in [0, 1] each, which sum to 1 in every pixel. None at all: the only style is everywhere.
    """

    styles: tuple[Style | None, ...]
    masks: tuple[Tensor, ...] = ()

    @property
    def contents(self) -> list[StyleCode | Tensor]:
        """All codes and pictures of all styles."""
        return [part.content for style in self.styles if style for part in style.parts]

    def encode(self, net: StyleNet, photo: Tensor | None = None) -> StyleCode | list[Region]:
        """Return what `render` takes; for `photo` see `Style.encode`."""
        codes = [None if style is None else style.encode(net, photo) for style in self.styles]
        if not self.masks and codes[0]:
            return codes[0]
        return [Region(code, mask) for code, mask in zip(codes, self.masks, strict=True)]

    def check(self, picture: Picture) -> None:
        """Raise OptionError unless the masks have the size of the picture."""
        for mask in self.masks[:1]:
            if mask.shape[-2:] != picture.levels.shape[-2:]:
                raise OptionError(
                    f"{picture.name} has {_size(picture.levels)} px and its mask {_size(mask)} px: "
                    f"they must be of one size"
                )


def read_plan(spec: ModelSpec, net: StyleNet, style: StyleLike, mask: MaskLike, size: int | None) -> Plan:
    """Return the plan for a style and its masks, both as `Stylizer.stylize` takes them."""

    def get(style: StyleLike) -> Style:
        return resolve_style(spec, net, style, size)

    if mask is None:
        return Plan((get(style),))
    if isinstance(mask, (Mapping, list, tuple)):
        pairs, rest = list(mask.items() if isinstance(mask, Mapping) else mask), style
        if not pairs or not all(isinstance(pair, (tuple, list)) and len(pair) == 2 for pair in pairs):
            raise OptionError("mask must be a picture, {style: picture, ...} or [(style, picture), ...]")
    else:
        pairs, rest = [(style, mask)], None
    styles = [get(wanted) for wanted, _ in pairs]
    masks = [_read_mask(picture) for _, picture in pairs]
    if len({m.shape for m in masks}) > 1:
        raise OptionError(f"the masks are of different sizes: {', '.join(_size(m) for m in masks)}")
    total = torch.stack(masks).sum(dim=0)
    shares = [m / total.clamp_min(1) for m in masks]
    return Plan((*styles, None if rest is None else get(rest)), (*shares, (1 - total).clamp_min(0)))


def resolve_style(spec: ModelSpec, net: StyleNet, style: StyleLike, size: int | None = STYLE_SIZE) -> Style:
    """Return a style with its names looked up and its pictures read, `size` px on their long side.

    Raises:
        StyleError, ImageError, OptionError: see `Stylizer.encode_style`.
    """
    low, high = STYLE_SIZES
    if size is not None and not (isinstance(size, Integral) and low <= size <= high):
        raise OptionError(
            f"style_size must be the long side of a style picture in px, from {low} to {high}, or None, not {size!r}"
        )
    return Style(tuple(_parts(spec, net, style, size, 1.0)))


class OnWhite:
    """A picture's colours, (N, 3, H, W) in [0, 1], with white where it is transparent, as a view."""

    def __init__(self, picture: Picture) -> None:
        self._colours = Kept(picture.levels)
        self._veil = None if picture.veil is None else Kept(picture.veil)
        self.size = self._colours.size

    def window(self, box: Box) -> Tensor:
        colours = self._colours.window(box)
        if self._veil is None:
            return colours
        alpha = self._veil.window(box)
        return colours * alpha + (1 - alpha)


def on_white(picture: Picture, long_side: int | None = None) -> Tensor:
    """Return a picture's colours, (N, 3, H, W), with white where it is transparent, `long_side` px large if given.

    A huge picture is shrunk strip by strip: it is never there in float as a whole.
    """
    view = OnWhite(picture)
    size = view.size if long_side is None else fit_long_side(*view.size, long_side)
    return resized(view, size).window(whole(size))


def _parts(spec: ModelSpec, net: StyleNet, style: Any, size: int | None, weight: float) -> Iterator[Part]:
    if isinstance(style, (Mapping, list, tuple)):
        for member, share in read_mix(spec, style):
            yield from _parts(spec, net, member, size, weight * share)
    elif isinstance(style, StyleCode):
        yield Part("a style code", weight, _fitting(spec, net, style))
    elif (index := find_style(spec, style)) is not None:
        yield Part(spec.style_ids[index], weight, StyleCode(net.named_code(index).detach()))
    elif not isinstance(style, PICTURES):
        ways = f"name, number or mix ({', '.join(spec.style_ids) or 'it knows none'})"
        ways = f"picture, {ways}" if spec.kind == "arbitrary" else ways
        raise StyleError(f"{spec.name} takes a style by {ways}, not {type(style).__name__}")
    else:
        name = Path(style).name if isinstance(style, (str, os.PathLike)) else "a picture"
        yield Part(name, weight, _read_picture(spec, style, size))


def _fitting(spec: ModelSpec, net: StyleNet, code: StyleCode) -> StyleCode:
    """Return a code as this net computes; raise StyleError if it is another net's."""
    width = net.styles.shape[1] if spec.kind == "arbitrary" and isinstance(net, StyleTable) else net.code_width
    if code.values.shape != (1, width):
        raise StyleError(
            f"{spec.name}: the style code of {code.values.numel()} numbers is of another net: encode it anew"
        )
    return StyleCode(code.values.to(net.device, net.dtype))


def _read_picture(spec: ModelSpec, style: Any, size: int | None) -> Tensor:
    if spec.kind != "arbitrary":
        raise StyleError(
            f"{spec.name} paints only in styles that it has learnt ({', '.join(spec.style_ids)}), not in a picture's: "
            "load a net that takes any picture, such as 'any'"
        )
    picture = read(style)
    if len(picture.levels) > 1:
        raise StyleError(f"a style is one picture, and {picture.name} holds {len(picture.levels)}: give one, or a list")
    if size is None and max(picture.levels.shape[-2:]) > STYLE_SIZES[1]:
        raise OptionError(f"{picture.name} has {_size(picture.levels)} px: give style_size, at most {STYLE_SIZES[1]}")
    return on_white(picture, None if size is None else int(size))


def _read_mask(mask: Any) -> Tensor:
    """Return the lightness of a mask, (1, 1, H, W) in [0, 1]; what is transparent in it counts as black."""
    if isinstance(mask, Tensor):
        mask = (mask[None] if mask.ndim == 2 else mask) * (1.0 if mask.dtype == torch.bool else 1)
    elif isinstance(mask, np.ndarray) and mask.dtype == bool:
        mask = mask.astype(np.float32)
    picture = read(mask)
    if len(picture.pixels) > 1:
        raise OptionError(f"a mask is one picture, and {picture.name} holds {len(picture.pixels)}")
    light = rgb_to_ycbcr(picture.pixels)[:, :1].clamp(0, 1)
    return light if picture.alpha is None else light * picture.alpha


def _size(x: Tensor) -> str:
    return f"{x.shape[-1]}x{x.shape[-2]}"
