"""The `Stylizer`: a loaded model. Torch is imported only when needed."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Self, overload

from msgspec import structs, to_builtins
from PIL import Image

from stylezoo.detect.kept import keeper
from stylezoo.errors import OptionError, StyleError
from stylezoo.images.io import read
from stylezoo.images.sizes import STYLE_SIZE
from stylezoo.runtime.base import Runtime, StyleCode
from stylezoo.runtime.device import Device
from stylezoo.runtime.options import StylizeOptions, take_options
from stylezoo.runtime.steady import STEADY, Steadiness
from stylezoo.stylizer.card import StyleCard
from stylezoo.stylizer.engine import Backend, Engine
from stylezoo.stylizer.rendering import Plans, Render, in_batches, in_frames, prepare, read_each
from stylezoo.stylizer.style import Plan, read_plan, resolve_style
from stylezoo.stylizer.tuning import check_tuning
from stylezoo.types import ImageLike, MaskLike, PathLike, StyleLike
from stylezoo.zoo.families import Kind
from stylezoo.zoo.spec import ModelSpec
from stylezoo.zoo.styles import find_style

if TYPE_CHECKING:
    import torch
    from numpy.typing import NDArray
    from torch import Tensor

    from stylezoo.models import StyleNet

UNSTATED = "unstated: add the rights to the picture before you share the card"


class Stylizer:
    """A loaded model with its record.

    It is thread-safe. It can be pickled, deep-copied and sent to other processes: the pickle holds the path and hash of
    the weights file, or the weights if there is no file.

    Args:
        spec: the model's record.
        source: its weights file or its net.
        device, dtype, backend: see `load`.

    Attributes:
        spec: the model's record.
    """

    def __init__(
        self,
        spec: ModelSpec,
        source: PathLike | StyleNet | None = None,
        *,
        device: str | torch.device = "cpu",
        dtype: torch.dtype | str | None = None,
        backend: Backend | None = None,
    ) -> None:
        self.spec = spec
        self._engine = Engine(spec, source, device=device, dtype=dtype, backend=backend)

    @property
    def kind(self) -> Kind:
        """ "single", "multi" or "arbitrary"."""
        return self.spec.kind

    @property
    def styles(self) -> tuple[str, ...]:
        """The ids of the model's named styles."""
        return self.spec.style_ids

    @property
    def net(self) -> StyleNet:
        """The net as a torch module in evaluation mode; `net(x, code)` maps (N, 3, H, W) in [0, 1] to the same.

        Changes to it affect all later results. `add_card` replaces it with a new object.

        Raises:
            OptionError: torch is not installed.
        """
        return self._engine.exposed_net()

    @property
    def device(self) -> Device:
        """The device, as torch writes it: "cpu", "cuda:1"; it has a `type`."""
        return self._engine.device

    @property
    def dtype(self) -> str:
        """The dtype: "float32", "float16", "bfloat16" or "float64"."""
        return self._engine.dtype

    @property
    def backend(self) -> str:
        """ "onnx" if onnxruntime runs the model (except for tiles), else "torch"."""
        return "onnx" if self._engine.uses_onnx else "torch"

    @overload
    def stylize(
        self, image: PathLike | Image.Image, style: StyleLike = ..., *, mask: MaskLike = ..., **options: Any
    ) -> Image.Image: ...
    @overload
    def stylize(self, image: bytes, style: StyleLike = ..., *, mask: MaskLike = ..., **options: Any) -> bytes: ...
    @overload
    def stylize(
        self, image: NDArray[Any], style: StyleLike = ..., *, mask: MaskLike = ..., **options: Any
    ) -> NDArray[Any]: ...
    @overload
    def stylize(self, image: Tensor, style: StyleLike = ..., *, mask: MaskLike = ..., **options: Any) -> Tensor: ...
    def stylize(
        self,
        image: ImageLike,
        style: StyleLike = None,
        *,
        mask: MaskLike = None,
        progress: bool = False,
        **options: Any,
    ) -> Any:
        """Stylize one picture and return the same type, at the same size unless `size` is given.

        Args:
            image: a path (returns a PIL image), the bytes of a file, a PIL image, an HxWxC array (uint8, or float in
                [0, 1]), or a CxHxW or NxCxHxW tensor. Alpha is kept.
            style: see `encode_style`.
            mask: a picture of the photo's size: white gives the style, black the photo, grey a blend; or a boolean
                array. Or a mapping from styles to masks, or (style, mask) pairs; `style` is then used everywhere else,
                and None keeps the photo there. With content_map, the masks are colours of it, such as "red".
            progress: show a progress bar on stderr, for tiles or for the steps of an optimisation.
            options: those of `stylezoo.runtime.options.StylizeOptions`, such as strength, size, stroke, protect and
                content_map. gatys models also take those of `stylezoo.models.gatys_options.Options`, such as steps;
                styleswap models patch and stride, see `stylezoo.runtime.swap`.

        Raises:
            ImageError, StyleError, OptionError: an argument is invalid.
        """
        chosen, tuning = take_options(options)
        (spec, runtime), keep = self._ready(tuning, progress), keeper(chosen)
        plan = read_plan(spec, runtime, style, mask, chosen)
        picture = read(image, metadata=chosen.metadata)
        plan.check(picture)
        kept = keep and keep(picture.seen, picture.name)
        return picture.restore(self._renderer(runtime, chosen, progress)(plan)(picture.seen, None, kept))

    def stylize_batch(
        self,
        images: Iterable[ImageLike],
        style: StyleLike = None,
        *,
        batch_size: int = 8,
        mask: MaskLike = None,
        errors: Literal["raise", "skip"] = "raise",
        progress: bool = False,
        **options: Any,
    ) -> Iterator[Any]:
        """Yield the stylized pictures in order; consecutive ones of the same size form batches of up to `batch_size`.

        Pictures are read lazily, so `images` may be infinite; those of more than 16 megapixels are not batched. Takes
        the options of `stylize`; invalid ones raise at once. If a picture cannot be read, `errors` "raise" raises
        ImageError with its index (from 0); "skip" warns and yields None in its place.
        """
        if errors not in ("raise", "skip"):
            raise OptionError(f"errors must be 'raise' or 'skip', not {errors!r}")
        if batch_size < 1:
            raise OptionError(f"batch_size must be at least 1, not {batch_size}")
        chosen, tuning = take_options(options)
        spec, runtime = self._ready(tuning, progress)
        plan = read_plan(spec, runtime, style, mask, chosen)
        pictures = read_each(images, chosen.metadata, errors)
        return in_batches(pictures, plan, self._renderer(runtime, chosen, progress)(plan), keeper(chosen), batch_size)

    def stylize_frames(
        self,
        frames: Iterable[ImageLike],
        style: StyleLike | Callable[[int], StyleLike] = None,
        *,
        steady: float | Steadiness = STEADY,
        mask: MaskLike | Callable[[int], MaskLike] = None,
        first: int = 0,
        **options: Any,
    ) -> Iterator[Any]:
        """Yield the stylized frames of a video in order, in the type of the input; frames are read lazily.

        Args:
            frames: pictures in any form that `stylize` takes; may be infinite.
            style, mask: see `stylize`, or a function from the frame number to these. A constant style is encoded once;
                for a smooth transition return mixed `StyleCode` objects.
            steady: temporal smoothing: the share of the norm statistics that comes from earlier frames, reset at a cut,
                at least 0 (off) and below 1. It keeps brightness and colours from pulsing when objects enter the frame.
                Pass a `Steadiness` to continue from earlier frames. Masks of `protect` and `only` are always smoothed.
            first: number of the first frame.
            options: see `stylize`. `tile` is None by default; any other value needs steady=0.

        Raises:
            ImageError, StyleError, OptionError: an argument is invalid; options raise at once.
        """
        memory = steady if isinstance(steady, Steadiness) else Steadiness(steady)
        chosen, tuning = take_options({"tile": None} | options)
        if chosen.tile is not None and memory.share:
            raise OptionError(
                f"tile={chosen.tile!r} and temporal smoothing exclude each other: leave tile out, or set steady=0"
            )
        spec, runtime = self._ready(tuning)
        plans = Plans(style, mask, first, lambda s, m: read_plan(spec, runtime, s, m, chosen))
        pictures = (read(frame, metadata=chosen.metadata) for frame in frames)
        return in_frames(pictures, plans, self._renderer(runtime, chosen), keeper(chosen), memory, first)

    def encode_style(
        self,
        style: StyleLike = None,
        *,
        style_size: int | None = STYLE_SIZE,
        photo: ImageLike | None = None,
        **tuning: Any,
    ) -> StyleCode:
        """Return the style code (embedding) of a style, to reuse it for many photos.

        Args:
            style: a name, an index or a `StyleCode`; None for a single-style model. Arbitrary-style models also take a
                picture in any form that `stylize` takes; transparent pixels count as white. A name takes precedence
                over a path. For a mix, pass a mapping from styles to weights, a list of styles (equal weights), or a
                list of (style, weight) pairs. Weights are normalised to sum to 1. A negative weight extrapolates away
                from its style.
            style_size: see `stylezoo.runtime.options.StylizeOptions`.
            photo: match style images to the mean and covariance of its colours before encoding.
            tuning: see `stylize`; a code can be used only with the style_layers and pooling that it was made with.

        Raises:
            StyleError: the model has no such style, needs a style and none is named, or the weights sum to 0.
            ImageError, OptionError: a picture cannot be read, or not at that size.
        """
        pixels = None if photo is None else read(photo).levels
        if pixels is not None and len(pixels) > 1:
            raise OptionError(f"photo must be one picture, not {len(pixels)}: encode the style for each")
        spec, runtime = self._ready(tuning)
        return resolve_style(spec, runtime, style, style_size).encode(runtime, pixels)

    def card(
        self,
        style: StyleLike,
        *,
        id: str | None = None,
        title: str | None = None,
        rights: str | None = None,
        source: str | None = None,
        style_size: int | None = STYLE_SIZE,
    ) -> StyleCard:
        """Return a style as a card, which other models with the same trunk can load.

        Args:
            style: a named style; with `id`, any style that `encode_style` takes, including pictures and mixes.
            id: id of the style on the card.
            title, rights, source: override the record of the style.

        Raises:
            StyleError: the model has no such style, its family has no cards, or a style without a name has no `id`.
        """
        weights = self._engine.weights_with_rows()
        spec = self.spec
        index = find_style(spec, style)
        given = {"id": id, "title": title, "rights": rights, "source": source}
        if index is not None:
            row, record = weights.rows[index, None], to_builtins(spec.styles[index])
        elif id is None:
            raise StyleError(
                f"{spec.name}: the card of a style without a name needs an id, as in card(style, id='my_style')"
            )
        else:
            spec, runtime = self._ready({})
            made = resolve_style(spec, runtime, style, style_size)
            code = made.encode(runtime)
            row = code.values if self.kind == "arbitrary" else code.values @ weights.rows
            name = Path(style).stem if isinstance(style, (str, os.PathLike)) else id
            record = {"title": name, "rights": UNSTATED, "source": str(made)}
            record |= {"palette": code.palette.packed} if code.palette else {}
        stated = {key: value for key, value in given.items() if value is not None}
        return StyleCard.of(spec, weights, row, record | stated)

    def add_card(self, card: PathLike | StyleCard) -> Self:
        """Append the style of a card, in place. The results of other styles stay bit-identical.

        Raises:
            WeightsError: the card cannot be read, or is for another trunk.
            StyleError: the model already has a style of that name, or its family has no cards.
        """
        card = card if isinstance(card, StyleCard) else StyleCard.read(card)
        style = card.spec.style
        with self._engine.lock:
            weights = self._engine.weights_with_rows()
            if style.id in self.styles:
                raise StyleError(f"{self.spec.name} already has a style '{style.id}'")
            card.check_fit(self.spec, weights)
            arch = self._engine.add_row(card.row)
            spec = self.spec
            before = spec.story or (f"one run of {spec.recipe}" if spec.provenance else None)
            self.spec = structs.replace(
                spec,
                arch=arch,
                styles=(*spec.styles, style),
                weights=None,  # the registry's are those without the card
                provenance="handmade",
                story="; ".join(filter(None, [before, f"the style {style.id} was added from a style card"])),
            )
        return self

    def to(self, device: str | torch.device | None = None, dtype: torch.dtype | str | None = None) -> Self:
        """Move the net, in place; raise OptionError if the device or dtype is unknown or not available."""
        self._engine.move(device, dtype)
        return self

    def compile(self, **options: Any) -> Self:
        """Compile the net with `torch.compile`, in place: a slow first call, then faster for pictures of one size."""
        self._engine.compile(**options)
        return self

    def save(self, path: PathLike, dtype: torch.dtype | str | None = None) -> None:
        """Write a .safetensors file with the record, for `stylezoo.load`."""
        if Path(path).suffix != ".safetensors":
            raise OptionError(f"weights files must end in .safetensors, not '{Path(path).name}'")
        self._engine.save(Path(path), self.spec, dtype)

    @property
    def runtime(self) -> Runtime:
        """The current runtime, for low-level access to the net."""
        return self._ready({})[1]

    @property
    def weights_sha256(self) -> str:
        """The SHA-256 of the current weights as arrays (not of a file)."""
        return self._engine.sha256()

    def __repr__(self) -> str:
        return f"Stylizer({self.spec.name!r}, kind={self.kind!r}, device={str(self.device)!r}, dtype={self.dtype!r})"

    def _ready(self, tuning: dict[str, Any], progress: bool = False) -> tuple[ModelSpec, Runtime]:
        """Return the record and the runtime, consistently; raise OptionError if the model lacks an option."""
        engine = self._engine
        if progress and "progress" in engine.tuning_names:
            tuning = {**tuning, "progress": True}
        check_tuning(tuning, engine.tuning_names, self.spec.name)
        with engine.lock:
            return self.spec, engine.runtime(tuning)

    def _renderer(self, runtime: Runtime, options: StylizeOptions, progress: bool = False) -> Callable[[Plan], Render]:
        return lambda plan: prepare(runtime, plan, options, self._engine.torch_runtime, progress)
