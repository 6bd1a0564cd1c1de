"""The front door: a model by its name, and pictures through it."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping
from functools import lru_cache
from itertools import groupby, islice
from pathlib import Path
from typing import Any, Self

import torch
from msgspec import structs
from torch import Tensor

from stylezoo.errors import OptionError, StyleError, WeightsError, did_you_mean
from stylezoo.image.color import rgb_to_ycbcr
from stylezoo.image.io import Picture, read
from stylezoo.models import CIN, StyleCard, StyleCode, StyleNet, create_model
from stylezoo.pipeline import PreserveColor, Region, check_options, render
from stylezoo.types import ImageLike, MaskLike, PathLike, StyleLike
from stylezoo.zoo.card import CardSpec
from stylezoo.zoo.spec import Kind, ModelSpec
from stylezoo.zoo.store import find, locate


class Stylizer:
    """A net with its record, ready to paint.

    Attributes:
        spec: the model's record.
        net: the net, in evaluation mode; `net(x, code)` maps (N, 3, H, W) in [0, 1] to the same.
    """

    def __init__(self, spec: ModelSpec, net: StyleNet) -> None:
        self.spec = spec
        self._trunk = net.trunk_hash() if isinstance(net, CIN) else ""  # before a cast that loses digits
        self.net = net.eval().requires_grad_(False).to(memory_format=torch.channels_last)

    @property
    def kind(self) -> Kind:
        """ "single", "multi" or "arbitrary"."""
        return self.spec.kind

    @property
    def styles(self) -> tuple[str, ...]:
        """The ids of the styles that the net has learnt."""
        return self.spec.style_ids

    @property
    def device(self) -> torch.device:
        return self.net.device

    @property
    def dtype(self) -> torch.dtype:
        return self.net.dtype

    def stylize(
        self,
        image: ImageLike,
        style: StyleLike | StyleCode = None,
        *,
        strength: float = 1.0,
        size: int | None = None,
        stroke: float | None = None,
        preserve_color: PreserveColor = False,
        mask: MaskLike = None,
    ) -> Any:
        """Paint one picture; the same type comes back, in the same size unless `size` says otherwise.

        Args:
            image: a path (a PIL image comes back), the bytes of a file, a PIL image, an HxWxC array (uint8, or float in
                [0, 1]), a CxHxW or NxCxHxW tensor. Alpha is kept.
            style: None where the model has one, else a name, an index, names with weights, or an encoded style.
            strength: 0 gives the photo, 1 the style; up to 3.
            size: long side of the result in px.
            stroke: size of the strokes in relation to the picture, the same at every `size`; 1 is what the net paints
                at a long side of 512 px, 2 twice as coarse. None: what it paints at the size of the result.
            preserve_color: False, "luma" (the photo's hues exactly) or "stats" (its overall palette).
            mask: which part to paint, a picture of the photo's size: white is painted, black stays the photo, grey is
                between. Or a mapping of styles to such masks, or pairs of them; then `style` is for the rest, and
                None leaves the photo there. Regions are blended inside the net.

        Raises:
            ImageError, StyleError, OptionError: what was given cannot be used, and why.
        """
        check_options(strength, size, stroke, preserve_color)
        how = self._regions(style, mask)
        picture = read(image)
        _check_masks(how, picture)
        options: dict[str, Any] = {"size": size, "stroke": stroke, "preserve_color": preserve_color}
        return picture.restore(render(self.net, picture.pixels, how, strength=strength, **options))

    def stylize_batch(
        self,
        images: Iterable[ImageLike],
        style: StyleLike | StyleCode = None,
        *,
        batch_size: int = 8,
        mask: MaskLike = None,
        **options: Any,
    ) -> Iterator[Any]:
        """Yield the painted pictures in order; neighbours of one size pass the net together, `batch_size` at most.

        Takes the options of `stylize`. Pictures are read as they are needed, so `images` may be endless.
        """
        if batch_size < 1:
            raise OptionError(f"batch_size must be at least 1, not {batch_size}")
        how = self._regions(style, mask)
        pictures = (read(image) for image in images)
        for _, run in groupby(pictures, key=lambda p: (p.pixels.shape, p.pixels.device)):
            while batch := list(islice(run, batch_size)):
                _check_masks(how, batch[0])
                painted = render(self.net, torch.cat([p.pixels for p in batch]), how, **options)
                counts = [p.pixels.shape[0] for p in batch]
                for picture, pixels in zip(batch, painted.split(counts), strict=True):
                    yield picture.restore(pixels)

    def _regions(self, style: StyleLike | StyleCode, mask: MaskLike) -> StyleCode | list[Region]:
        """Return what `render` takes for a style and its masks."""
        if mask is None:
            return self.encode_style(style)
        if isinstance(mask, (Mapping, list, tuple)):
            pairs, rest = list(mask.items() if isinstance(mask, Mapping) else mask), style
            if not pairs or not all(isinstance(pair, (tuple, list)) and len(pair) == 2 for pair in pairs):
                raise OptionError("mask must be a picture, {style: picture, ...} or [(style, picture), ...]")
        else:
            pairs, rest = [(style, mask)], None
        codes = [self.encode_style(wanted) for wanted, _ in pairs]
        masks = [_read_mask(picture) for _, picture in pairs]
        if len({m.shape for m in masks}) > 1:
            raise OptionError(f"the masks are of different sizes: {', '.join(_size(m) for m in masks)}")
        total = torch.stack(masks).sum(dim=0)
        regions = [Region(code, m / total.clamp_min(1)) for code, m in zip(codes, masks, strict=True)]
        return [*regions, Region(None if rest is None else self.encode_style(rest), (1 - total).clamp_min(0))]

    def encode_style(self, style: StyleLike | StyleCode = None) -> StyleCode:
        """Return the code of a style: names and indices are looked up, and weights mix the codes of several.

        Weights are divided by their sum: 3 and 1 is as 0.75 and 0.25. One may be negative, which goes away from it.

        Raises:
            StyleError: the model has no such style, or has several and none is named, or the weights sum to nothing.
        """
        if isinstance(style, StyleCode):
            if self.kind != "arbitrary" and (width := style.values.shape[-1]) != self.net.named_code(0).shape[-1]:
                raise StyleError(
                    f"{self.spec.name}: the style code of {width} numbers is of another net: encode it anew"
                )
            return style
        if style is None and len(self.styles) == 1:
            style = 0
        if isinstance(style, Mapping):
            if not style:
                raise StyleError(f"{self.spec.name}: an empty mix of styles: name at least one")
            for weight in style.values():
                if not isinstance(weight, (int, float)) or not math.isfinite(weight):
                    raise StyleError(f"{self.spec.name}: the weights of a mix must be numbers, not {weight!r}")
            if (total := math.fsum(style.values())) < 1e-6:
                raise StyleError(f"{self.spec.name}: the weights of a mix must sum to more than 0, not {total:g}")
            codes = [self.encode_style(name) * (weight / total) for name, weight in style.items()]
            return sum(codes[1:], codes[0])
        known = ", ".join(self.styles)
        if isinstance(style, int) and not isinstance(style, bool):
            if not -len(self.styles) <= style < len(self.styles):
                raise StyleError(f"{self.spec.name} has no style number {style}: it has {len(self.styles)} ({known})")
            return StyleCode(self.net.named_code(style % len(self.styles)).detach())
        if isinstance(style, str):
            if style not in self.styles:
                near = did_you_mean(style, self.styles)
                raise StyleError(f"{self.spec.name} has no style '{style}': it has {known}.{near}")
            return self.encode_style(self.styles.index(style))
        if style is None:
            raise StyleError(f"{self.spec.name} has {len(self.styles)} styles: name one of {known}")
        raise StyleError(f"{self.spec.name} takes a style by name, number or mix ({known}), not {type(style).__name__}")

    def card(self, style: str | int) -> StyleCard:
        """Return one style of a multi-style net as a card, which other nets on the same trunk can add.

        Raises:
            StyleError: the model has no such style, or its family has no cards.
        """
        net = self._with_rows()
        index = int(self.encode_style(style).values.argmax())
        record = CardSpec(
            style=self.spec.styles[index],
            family=self.spec.family,
            base=self.spec.name,
            trunk=self._trunk,
            license=self.spec.license,
        )
        return StyleCard(record, net.row(index).float())

    def add_card(self, card: PathLike | StyleCard) -> Self:
        """Add the style of a card, in place, behind the others, which paint as before to the bit.

        Raises:
            WeightsError: the card is unreadable, or of a net with another trunk.
            StyleError: the model has a style of that name, or its family takes no cards.
        """
        net = self._with_rows()
        card = card if isinstance(card, StyleCard) else StyleCard.read(card)
        style = card.spec.style
        if style.id in self.styles:
            raise StyleError(f"{self.spec.name} has a style '{style.id}' already")
        if card.spec.trunk != self._trunk:
            raise WeightsError(
                f"the style card '{style.id}' was made for another trunk, that of {card.spec.base}: "
                f"load that net, or learn the style for {self.spec.name} by stylezoo add-style"
            )
        if card.row.shape != net.row(0).shape:
            raise WeightsError(
                f"the style card '{style.id}' holds {card.row.numel()} numbers, not the {net.row(0).numel()} of "
                f"{self.spec.name}: get the card again"
            )
        net.add_row(card.row)
        facts = {"weights": None, "metrics": None, "check": None}  # of the net before
        self.spec = structs.replace(self.spec, arch=dict(net.arch), styles=(*self.spec.styles, style), **facts)
        return self

    def _with_rows(self) -> CIN:
        if not isinstance(self.net, CIN):
            raise StyleError(f"{self.spec.name} is a {self.spec.family} net, and style cards are for cin nets")
        return self.net

    def to(self, device: str | torch.device | None = None, dtype: torch.dtype | None = None) -> Self:
        """Move the net, in place."""
        self.net.to(device=device if device is None else pick_device(device), dtype=dtype)
        return self

    def compile(self, **options: Any) -> Self:
        """Compile the net by `torch.compile`, in place: slow once, faster for many pictures of one size."""
        self.net.compile(**options)
        return self

    def save(self, path: PathLike, dtype: torch.dtype | None = None) -> None:
        """Write a .safetensors file that `stylezoo.load` takes, its record included."""
        if Path(path).suffix != ".safetensors":
            raise OptionError(f"weights are written as .safetensors, not as '{Path(path).name}'")
        self.net.save_weights(Path(path), self.spec, dtype)

    def __repr__(self) -> str:
        return f"Stylizer({self.spec.name!r}, kind={self.kind!r}, device={str(self.device)!r}, dtype={self.dtype})"


def load(
    name: PathLike,
    *,
    device: str | torch.device = "auto",
    dtype: torch.dtype | str | None = None,
    revision: str | None = None,
    cache_dir: PathLike | None = None,
    offline: bool | None = None,
) -> Stylizer:
    """Load a model.

    Args:
        name: a name of `stylezoo list`, the run folder of a training, or a .safetensors file.
        device: "auto" takes a GPU if there is one.
        dtype: of the computation; None is float32, also for weights kept in float16.
        revision, cache_dir, offline: of the Hugging Face Hub, for models that do not travel with the package.

    Raises:
        ModelNotFoundError: no such name, with the nearest ones.
        WeightsError: the weights are missing, damaged or not those of the registry.
    """
    spec, path = find(name)
    path = path or locate(spec, revision=revision, cache_dir=cache_dir, offline=offline)
    net = create_model(spec.family, **spec.arch, weights=path)
    return Stylizer(spec, net).to(device, _dtype(dtype))


def stylize(image: ImageLike, model: PathLike = "johnson/mosaic", style: StyleLike = None, **options: Any) -> Any:
    """Paint one picture with a model by name: `load(model).stylize(image, style, **options)`, the model kept loaded."""
    return _kept(str(model)).stylize(image, style, **options)


@lru_cache(maxsize=2)
def _kept(model: str) -> Stylizer:
    return load(model)


def pick_device(device: str | torch.device) -> torch.device:
    """Return the torch device that `device` names, "auto" being the best there is.

    Raises:
        OptionError: unknown, or not on this machine.
    """
    if device == "auto":
        if torch.cuda.is_available():
            return torch.device("cuda")
        return torch.device("mps" if torch.backends.mps.is_available() else "cpu")
    try:
        picked = torch.device(device)
        torch.empty(0, device=picked)
    except (RuntimeError, AssertionError, NotImplementedError) as cause:
        raise OptionError(f"device '{device}' is not to be had here: use auto or cpu") from cause
    return picked


def _read_mask(mask: ImageLike) -> Tensor:
    """Return the lightness of a mask, (1, 1, H, W) in [0, 1]; what is transparent in it counts as black."""
    picture = read(mask)
    if len(picture.pixels) > 1:
        raise OptionError(f"a mask is one picture, and {picture.name} holds {len(picture.pixels)}")
    light = rgb_to_ycbcr(picture.pixels)[:, :1].clamp(0, 1)
    return light if picture.alpha is None else light * picture.alpha


def _check_masks(how: StyleCode | list[Region], picture: Picture) -> None:
    """Raise OptionError unless the masks have the size of the picture."""
    for region in [] if isinstance(how, StyleCode) else how[:1]:
        if region.mask.shape[-2:] != picture.pixels.shape[-2:]:
            raise OptionError(
                f"{picture.name} has {_size(picture.pixels)} px and its mask {_size(region.mask)} px: "
                f"they must be of one size"
            )


def _size(x: Tensor) -> str:
    return f"{x.shape[-1]}x{x.shape[-2]}"


def _dtype(dtype: torch.dtype | str | None) -> torch.dtype:
    if isinstance(dtype, str):
        dtype = getattr(torch, dtype, dtype)
    if dtype is None:
        return torch.float32
    if dtype not in (torch.float32, torch.float16, torch.bfloat16, torch.float64):
        raise OptionError(f"dtype must be float32, float16, bfloat16 or float64, not {dtype}")
    return dtype
