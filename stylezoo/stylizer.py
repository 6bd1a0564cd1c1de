"""The front door: a model by its name, and pictures through it. No torch is imported before something needs it."""

from __future__ import annotations

import os
import warnings
from collections.abc import Callable, Iterable, Iterator
from functools import lru_cache
from itertools import groupby, islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Self, overload

import numpy as np
from msgspec import structs, to_builtins
from PIL import Image

from stylezoo.card import StyleCard
from stylezoo.engine import Backend, Engine
from stylezoo.errors import ImageError, OptionError, StyleError, WeightsError, did_you_mean
from stylezoo.image.io import Picture, read
from stylezoo.image.planes import Array
from stylezoo.image.sizes import STYLE_SIZE
from stylezoo.pipeline.options import StylizeOptions, option_fields, take_options
from stylezoo.pipeline.render import render
from stylezoo.pipeline.steady import STEADY, Steadiness
from stylezoo.runtime.base import NeedsTilesError, Passes, Runtime, StyleCode
from stylezoo.runtime.device import Device, has_torch
from stylezoo.schema import convert
from stylezoo.style import Plan, read_plan, resolve_style
from stylezoo.types import ImageLike, Keep, MaskLike, PathLike, StyleLike
from stylezoo.zoo.card import CardSpec
from stylezoo.zoo.spec import Kind, ModelSpec, StyleSpec
from stylezoo.zoo.store import find, locate
from stylezoo.zoo.styles import find_style

if TYPE_CHECKING:
    import torch
    from numpy.typing import NDArray
    from torch import Tensor

    from stylezoo.models import StyleNet

LARGE = 2**24  # px of a picture that shares no batch
UNSTATED = "unstated: add the rights to the picture before you share the card"

Render = Callable[[Array, Passes | None], Array]


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
                `stylezoo.pipeline.options.StylizeOptions`. Of models that optimise each picture, such as gatys/vgg19,
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
        return picture.restore(self._renderer(runtime, plan, chosen, progress)(picture.seen, None))

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
        return _batches(
            _read_each(images, chosen.metadata, errors),
            plan,
            self._renderer(runtime, plan, chosen, progress),
            batch_size,
        )

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
                f"tile={chosen.tile!r} gathers each frame's own statistics: leave it out, or give steady=0"
            )
        spec, runtime = self._ready(tuning)

        def plan_for(number: int, before: tuple[Any, Any] | None) -> tuple[tuple[Any, Any], Plan | None]:
            now = style(number) if callable(style) else style, mask(number) if callable(mask) else mask
            if before is not None and all(new is old for new, old in zip(now, before, strict=True)):
                return now, None
            return now, read_plan(spec, runtime, *now, chosen.style_size)

        start = None if callable(style) or callable(mask) else plan_for(first, None)
        return self._frames(frames, runtime, plan_for, start, memory, first, chosen)

    def _frames(
        self,
        frames: Iterable[ImageLike],
        runtime: Runtime,
        plan_for: Callable[[int, Any], tuple[tuple[Any, Any], Plan | None]],
        start: tuple[tuple[Any, Any], Plan | None] | None,
        memory: Steadiness,
        first: int,
        options: StylizeOptions,
    ) -> Iterator[Any]:
        before: tuple[Any, Any] | None = None
        for number, frame in enumerate(frames, first):
            before, changed = start or plan_for(number, before)
            start = None
            if changed is not None:
                plan = changed
                run = self._renderer(runtime, plan, options)
            picture = read(frame, metadata=options.metadata)
            plan.check(picture)
            yield picture.restore(run(picture.seen, memory.frame(picture.seen)))

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
            style_size: see `stylezoo.pipeline.options.StylizeOptions`.
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
                f"{spec.name}: only a style that it knows by name has a card as it is: "
                "give any other an id, as in card(style, id='my_style')"
            )
        else:
            spec, runtime = self._ready({})
            made = resolve_style(spec, runtime, style, style_size)
            values = made.encode(runtime).values
            row = values if self.kind == "arbitrary" else values @ weights.rows
            name = Path(style).stem if isinstance(style, (str, os.PathLike)) else id
            record = {"title": name, "rights": UNSTATED, "source": str(made)}
        stated = {key: value for key, value in given.items() if value is not None}
        known = convert(record | stated, StyleSpec, "the style card", StyleError)
        trunk = weights.trunk_hash
        return StyleCard(
            CardSpec(style=known, family=spec.family, base=spec.name, trunk=trunk, license=spec.license), row
        )

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
                raise StyleError(f"{self.spec.name} has a style '{style.id}' already")
            if card.spec.trunk != weights.trunk_hash:
                instead = "encode the picture" if self.kind == "arbitrary" else "learn the style by stylezoo add-style"
                raise WeightsError(
                    f"the style card '{style.id}' was made for another trunk, that of {card.spec.base}: "
                    f"load that net, or {instead} for {self.spec.name}"
                )
            if card.row.shape != (1, weights.rows.shape[1]):
                raise WeightsError(
                    f"the style card '{style.id}' holds {card.row.size} numbers, not the {weights.rows.shape[1]} of "
                    f"{self.spec.name}: get the card again"
                )
            arch = self._engine.add_row(card.row)
            facts = {"weights": None, "check": None}  # of the net before
            self.spec = structs.replace(self.spec, arch=arch, styles=(*self.spec.styles, style), **facts)
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
            raise OptionError(f"weights are written as .safetensors, not as '{Path(path).name}'")
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
        """Return the record and what computes it, as they are at one moment.

        Raises OptionError for options that the model does not have.
        """
        engine = self._engine
        if progress and "progress" in engine.tuning_names:
            tuning = {**tuning, "progress": True}
        for name in tuning:
            if name in engine.tuning_names:
                continue
            if name in _gatys_options():
                raise OptionError(
                    f"{name} is for models that optimise each picture, such as gatys/vgg19; {self.spec.name} is a net "
                    "that stylizes in one pass: leave it out"
                )
            known = ["style", "mask", "progress", *option_fields(), *engine.tuning_names]
            raise OptionError(f"{self.spec.name} takes no option '{name}'.{did_you_mean(name, known)}")
        with engine.lock:
            return self.spec, engine.runtime(tuning)

    def _renderer(self, runtime: Runtime, plan: Plan, options: StylizeOptions, progress: bool = False) -> Render:
        """Return the function from photos, (N, 3, H, W), to their results; what can be encoded once is."""
        images = [not isinstance(content, StyleCode) for content in plan.contents]

        def run(photos: Array, style: Any, options: StylizeOptions, passes: Passes | None) -> Array:
            try:
                return render(runtime, photos, style, options, passes=passes, progress=progress)
            except NeedsTilesError:
                if not has_torch():
                    raise
                return render(self._engine.torch_runtime(), photos, style, options, passes=passes, progress=progress)

        if options.preserve_color != "stats" or not any(images):
            style = plan.encode(runtime)
            return lambda photos, passes: run(photos, style, options, passes)
        after = options.changed(preserve_color=False) if all(images) else options

        def each(photos: Array, passes: Passes | None) -> Array:
            parts = [photos[i, None] for i in range(len(photos))]
            return np.concatenate([run(part, plan.encode(runtime, part), after, passes) for part in parts])

        return each


def _read_each(images: Iterable[ImageLike], keep: Keep, errors: str) -> Iterator[Picture | None]:
    """Yield the pictures; None for one that cannot be read where `errors` is "skip"."""
    for number, image in enumerate(images):
        try:
            picture = read(image, metadata=keep)
        except ImageError as cause:
            if errors == "raise":
                raise ImageError(f"picture {number} of the batch: {cause}") from cause
            warnings.warn(f"picture {number} of the batch is left out: {cause}", UserWarning, stacklevel=3)
            yield None
        else:
            yield picture


def _batches(pictures: Iterable[Picture | None], plan: Plan, run: Render, batch_size: int) -> Iterator[Any]:
    def kind(picture: Picture | None) -> Any:
        return ((), None) if picture is None else (picture.levels.shape, picture.levels.dtype)

    for (shape, _), group in groupby(pictures, key=kind):
        if not shape:
            yield from group
            continue
        found = (picture for picture in group if picture is not None)
        while batch := list(islice(found, batch_size if shape[-2] * shape[-1] <= LARGE else 1)):
            plan.check(batch[0])
            counts = [len(picture.levels) for picture in batch]
            results = run(np.concatenate([picture.seen for picture in batch]), None)
            for picture, pixels in zip(batch, np.split(results, np.cumsum(counts)[:-1]), strict=True):
                yield picture.restore(pixels)


def _gatys_options() -> tuple[str, ...]:
    if not has_torch():
        return ()
    from stylezoo.models.gatys import Gatys

    return Gatys.options


def load(
    name: PathLike,
    *,
    device: str | torch.device = "auto",
    dtype: torch.dtype | str | None = None,
    revision: str | None = None,
    cache_dir: PathLike | None = None,
    offline: bool | None = None,
    backend: Backend = "auto",
) -> Stylizer:
    """Load a model.

    Args:
        name: a name of `stylezoo list`, 'hf:owner/zoo/family/style' for a model of someone's repository on the Hugging
            Face Hub ('hf:owner/zoo@v1/family/style' at that revision), the run folder of a training, or a .safetensors
            file.
        device: "auto" takes a GPU if there is one that torch can use.
        dtype: of the computation; None is float32, also for weights kept in float16.
        revision, cache_dir, offline: of the Hugging Face Hub, for models that do not travel with the package: a branch,
            tag or commit; the cache's folder (None: as HF_HOME says); True: ask nothing of the Hub.
        backend: what computes. "auto": onnxruntime on a CPU in float32, torch for all else: GPUs, other dtypes, tiles,
            and models that optimise each picture. "onnx": the same, and an error where onnxruntime cannot. "torch":
            torch alone. Their results differ by less than 1/255.

    Raises:
        OptionError: the backend, device or dtype is not available, or torch is needed and not installed.
        ModelNotFoundError: no such name, with the nearest ones.
        WeightsError: the weights are missing, damaged or not those of the registry.
        HubError: the Hub cannot be reached, or refuses.
    """
    spec, path = find(name, revision=revision, cache_dir=cache_dir, offline=offline)
    revision = None if str(name).startswith("hf:") else revision  # the record is pinned already
    if not spec.weightless:
        path = path or locate(spec, revision=revision, cache_dir=cache_dir, offline=offline)
    return Stylizer(spec, path, device=device, dtype=dtype, backend=backend)


@overload
def stylize(
    image: PathLike | Image.Image, model: PathLike = ..., style: StyleLike = ..., **options: Any
) -> Image.Image: ...
@overload
def stylize(image: bytes, model: PathLike = ..., style: StyleLike = ..., **options: Any) -> bytes: ...
@overload
def stylize(image: NDArray[Any], model: PathLike = ..., style: StyleLike = ..., **options: Any) -> NDArray[Any]: ...
@overload
def stylize(image: Tensor, model: PathLike = ..., style: StyleLike = ..., **options: Any) -> Tensor: ...
def stylize(image: Any, model: PathLike = "johnson/mosaic", style: StyleLike = None, **options: Any) -> Any:
    """Stylize one picture: `load(model).stylize(image, style, **options)`, the model kept loaded."""
    path = find(model)[1]
    state = path.stat() if path else None  # a run that goes on writes its weights again
    key = (
        None if path is None or state is None else (str(path.resolve()), state.st_ino, state.st_ctime_ns, state.st_size)
    )
    return _kept(str(model), key).stylize(image, style, **options)


@lru_cache(maxsize=2)
def _kept(model: str, file: tuple[str, int, int, int] | None) -> Stylizer:
    return load(model)
