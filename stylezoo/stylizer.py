"""The front door: a model by its name, and pictures through it."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping
from functools import lru_cache
from itertools import groupby, islice
from pathlib import Path
from typing import Any, Self

import torch

from stylezoo.errors import OptionError, StyleError, did_you_mean
from stylezoo.image.io import read
from stylezoo.models import StyleCode, StyleNet, create_model
from stylezoo.pipeline import PreserveColor, check_options, render
from stylezoo.types import ImageLike, PathLike, StyleLike
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
        preserve_color: PreserveColor = False,
    ) -> Any:
        """Paint one picture; the same type comes back, in the same size unless `size` says otherwise.

        Args:
            image: a path (a PIL image comes back), the bytes of a file, a PIL image, an HxWxC array (uint8, or float in
                [0, 1]), a CxHxW or NxCxHxW tensor. Alpha is kept.
            style: None where the model has one, else a name, an index, names with weights, or an encoded style.
            strength: 0 gives the photo, 1 the style; up to 3.
            size: long side of the result in px.
            preserve_color: False, "luma" (the photo's hues exactly) or "stats" (its overall palette).

        Raises:
            ImageError, StyleError, OptionError: what was given cannot be used, and why.
        """
        check_options(strength, size, preserve_color)
        code = style if isinstance(style, StyleCode) else self.encode_style(style)
        picture = read(image)
        painted = render(self.net, picture.pixels, code, strength=strength, size=size, preserve_color=preserve_color)
        return picture.restore(painted)

    def stylize_batch(
        self, images: Iterable[ImageLike], style: StyleLike | StyleCode = None, *, batch_size: int = 8, **options: Any
    ) -> Iterator[Any]:
        """Yield the painted pictures in order; neighbours of one size pass the net together, `batch_size` at most.

        Takes the options of `stylize`. Pictures are read as they are needed, so `images` may be endless.
        """
        if batch_size < 1:
            raise OptionError(f"batch_size must be at least 1, not {batch_size}")
        code = style if isinstance(style, StyleCode) else self.encode_style(style)
        pictures = (read(image) for image in images)
        for _, run in groupby(pictures, key=lambda p: (p.pixels.shape, p.pixels.device)):
            while batch := list(islice(run, batch_size)):
                painted = render(self.net, torch.cat([p.pixels for p in batch]), code, **options)
                counts = [p.pixels.shape[0] for p in batch]
                for picture, pixels in zip(batch, painted.split(counts), strict=True):
                    yield picture.restore(pixels)

    def encode_style(self, style: StyleLike = None) -> StyleCode:
        """Return the code of a style: names and indices are looked up, weights mix their codes.

        Raises:
            StyleError: the model has no such style, or has several and none is named.
        """
        if style is None and len(self.styles) == 1:
            style = 0
        if isinstance(style, Mapping):
            if not style:
                raise StyleError(f"{self.spec.name}: an empty mix of styles: name at least one")
            for weight in style.values():
                if not isinstance(weight, (int, float)) or not math.isfinite(weight):
                    raise StyleError(f"{self.spec.name}: the weights of a mix must be numbers, not {weight!r}")
            codes = [self.encode_style(name) * float(weight) for name, weight in style.items()]
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


def _dtype(dtype: torch.dtype | str | None) -> torch.dtype:
    if isinstance(dtype, str):
        dtype = getattr(torch, dtype, dtype)
    if dtype is None:
        return torch.float32
    if dtype not in (torch.float32, torch.float16, torch.bfloat16, torch.float64):
        raise OptionError(f"dtype must be float32, float16, bfloat16 or float64, not {dtype}")
    return dtype
