"""A model, and pictures through it. No torch is imported before something needs it."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Self, overload

from msgspec import structs, to_builtins
from PIL import Image

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
    """A model with its record, ready to stylize.

    Any number of threads may use one at the same time. It can be pickled, deep-copied and sent to other processes: as
    the name and the hash of its weights, or, where they are in no file, as the weights.

    Args:
        spec: the model's record.
        source: its weights file, or its net.
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
        """The ids of the styles that the net has learnt."""
        return self.spec.style_ids

    @property
    def net(self) -> StyleNet:
        """The net as a module of torch, in evaluation mode; `net(x, code)` maps (N, 3, H, W) in [0, 1] to the same.

        What is changed in it counts for all that follows. After `add_card` it is another object.

        Raises:
            OptionError: torch is not installed.
        """
        return self._engine.exposed_net()

    @property
    def device(self) -> Device:
        """Where it computes, as torch writes it: "cpu", "cuda:1"; with a `type`."""
        return self._engine.device

    @property
    def dtype(self) -> str:
        """In what it computes: "float32", "float16", "bfloat16" or "float64"."""
        return self._engine.dtype

    @property
    def backend(self) -> str:
        """ "onnx" where onnxruntime computes the net, but for tiles, else "torch"."""
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
        """Stylize one picture; the same type comes back, in the same size unless `size` says otherwise.

        Args:
            image: a path (a PIL image comes back), the bytes of a file, a PIL image, an HxWxC array (uint8, or float in
                [0, 1]), a CxHxW or NxCxHxW tensor. Alpha is kept.
            style: see `encode_style`.
            mask: where the style goes, a picture of the photo's size: white the style, black the photo, grey between;
                or booleans. Or a mapping of styles to such masks, or pairs of them; then `style` is for the rest, and
                None leaves the photo there. Regions are blended inside the net.
            progress: show a bar on stderr where it takes long: of tiles, or of an optimisation's steps.
            options: strength, size, stroke, preserve_color, tile, style_size and metadata, see
                `stylezoo.runtime.options.StylizeOptions`. Of models that optimise each picture, such as gatys/vgg19,
                also steps, start, optimizer, lr, stages, content_layers, style_layers, content_weight, style_weight,
                tv_weight, pooling, seed and callback, see `stylezoo.models.gatys_options.Options`.

        Raises:
            ImageError, StyleError, OptionError: what was given cannot be used, and why.
        """
        chosen, tuning = take_options(options)
        spec, runtime = self._ready(tuning, progress)
        plan = read_plan(spec, runtime, style, mask, chosen.style_size)
        picture = read(image, metadata=chosen.metadata)
        plan.check(picture)
        return picture.restore(self._renderer(runtime, chosen, progress)(plan)(picture.seen, None))

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
        """Yield the stylized pictures in order; neighbours of one size pass the net together, `batch_size` at most.

        Those of more than 16 megapixels pass alone. Takes the options of `stylize`, and raises at once what they raise.
        Pictures are read as they are needed, so `images` may be endless. Of a picture that cannot be read, `errors`
        "raise" raises the ImageError, with its number from 0; "skip" warns of it, yields None in its place and goes on.
        """
        if errors not in ("raise", "skip"):
            raise OptionError(f"errors must be 'raise' or 'skip', not {errors!r}")
        if batch_size < 1:
            raise OptionError(f"batch_size must be at least 1, not {batch_size}")
        chosen, tuning = take_options(options)
        spec, runtime = self._ready(tuning, progress)
        plan = read_plan(spec, runtime, style, mask, chosen.style_size)
        pictures = read_each(images, chosen.metadata, errors)
        return in_batches(pictures, plan, self._renderer(runtime, chosen, progress)(plan), batch_size)

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
        """Yield the stylized frames of a video in order, each read when it is needed, of the type that it came in.

        Args:
            frames: pictures in any form that `stylize` takes, also endlessly many.
            style, mask: as `stylize` takes them, or a function that returns such for the number of a frame. A style
                that stays is encoded once; one that changes smoothly is a `StyleCode` mixed of others.
            steady: share of the norms' statistics that comes from the frames before, until a cut: from 0 (each frame
                for itself) up to, but not, 1. It keeps light and colours from pulsing as things come into view. Or a
                `Steadiness`, to go on from earlier frames.
            first: number of the first frame.
            options: see `stylize`. `tile` is None unless stated; with a number or "auto", steady must be 0.

        Raises:
            ImageError, StyleError, OptionError: what was given cannot be used, and why; options at once.
        """
        memory = steady if isinstance(steady, Steadiness) else Steadiness(steady)
        chosen, tuning = take_options({"tile": None} | options)
        if chosen.tile is not None and memory.share:
            raise OptionError(
                f"tile={chosen.tile!r} and temporal smoothing exclude each other: leave tile out, or set steady=0"
            )
        spec, runtime = self._ready(tuning)
        plans = Plans(style, mask, first, lambda s, m: read_plan(spec, runtime, s, m, chosen.style_size))
        pictures = (read(frame, metadata=chosen.metadata) for frame in frames)
        return in_frames(pictures, plans, self._renderer(runtime, chosen), memory, first)

    def encode_style(
        self,
        style: StyleLike = None,
        *,
        style_size: int | None = STYLE_SIZE,
        photo: ImageLike | None = None,
        **tuning: Any,
    ) -> StyleCode:
        """Return the code of a style, to be kept and used again: a style image is encoded once for many photos.

        Args:
            style: None where the model has one; a name, an index or a `StyleCode`; for nets that take any picture also
                a picture, in any form that `stylize` takes, white where it is transparent. A name comes before a path.
                Or a mix: a mapping of these to weights, a list of them in equal shares, or of (style, weight) pairs.
                Weights are divided by their sum: 3 and 1 is as 0.75 and 0.25. One may be negative, which goes away
                from it.
            style_size: see `stylezoo.runtime.options.StylizeOptions`.
            photo: style images take on the mean and covariance of its colours first.
            tuning: see `stylize`; a code serves only style_layers and pooling like those that it was made with.

        Raises:
            StyleError: the model has no such style, or has several and none is named, or the weights sum to nothing.
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
        """Return a style as a card, which other nets on the same trunk can add.

        Args:
            style: one that the model knows by name. With `id`, any style that `encode_style` takes: a picture is
                encoded once, a mix has its parts' shares, and the card holds it as a style of that id.
            title, rights, source: in place of what is known of the style.

        Raises:
            StyleError: the model has no such style, its family has no cards, or what has no name is given no id.
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
            values = made.encode(runtime).values
            row = values if self.kind == "arbitrary" else values @ weights.rows
            name = Path(style).stem if isinstance(style, (str, os.PathLike)) else id
            record = {"title": name, "rights": UNSTATED, "source": str(made)}
        stated = {key: value for key, value in given.items() if value is not None}
        return StyleCard.of(spec, weights, row, record | stated)

    def add_card(self, card: PathLike | StyleCard) -> Self:
        """Add the style of a card, in place, behind the others, whose results stay the same to the bit.

        Raises:
            WeightsError: the card is unreadable, or of a net with another trunk.
            StyleError: the model has a style of that name, or its family takes no cards.
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
                weights=None,  # those of the registry are of the net before
                provenance="handmade",
                story="; ".join(filter(None, [before, f"the style {style.id} was added from a style card"])),
            )
        return self

    def to(self, device: str | torch.device | None = None, dtype: torch.dtype | str | None = None) -> Self:
        """Move the net, in place. Raises OptionError where the device or the dtype is unknown or not available."""
        self._engine.move(device, dtype)
        return self

    def compile(self, **options: Any) -> Self:
        """Compile the net by `torch.compile`, in place: slow once, faster for many pictures of one size."""
        self._engine.compile(**options)
        return self

    def save(self, path: PathLike, dtype: torch.dtype | str | None = None) -> None:
        """Write a .safetensors file that `stylezoo.load` takes, its record included."""
        if Path(path).suffix != ".safetensors":
            raise OptionError(f"weights files must end in .safetensors, not '{Path(path).name}'")
        self._engine.save(Path(path), self.spec, dtype)

    @property
    def runtime(self) -> Runtime:
        """What computes the net now, for whoever wants to call it without what surrounds it."""
        return self._ready({})[1]

    @property
    def weights_sha256(self) -> str:
        """The SHA-256 of the weights as they are now, as arrays and not as a file; of none, where it has none."""
        return self._engine.sha256()

    def __repr__(self) -> str:
        return f"Stylizer({self.spec.name!r}, kind={self.kind!r}, device={str(self.device)!r}, dtype={self.dtype!r})"

    def _ready(self, tuning: dict[str, Any], progress: bool = False) -> tuple[ModelSpec, Runtime]:
        """Return the record and what computes it, as they are at one moment. OptionError: the model lacks an option."""
        engine = self._engine
        if progress and "progress" in engine.tuning_names:
            tuning = {**tuning, "progress": True}
        check_tuning(tuning, engine.tuning_names, self.spec.name)
        with engine.lock:
            return self.spec, engine.runtime(tuning)

    def _renderer(self, runtime: Runtime, options: StylizeOptions, progress: bool = False) -> Callable[[Plan], Render]:
        return lambda plan: prepare(runtime, plan, options, self._engine.torch_runtime, progress)
