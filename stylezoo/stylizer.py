"""The front door: a model by its name, and pictures through it."""

from __future__ import annotations

import inspect
import os
from collections.abc import Callable, Iterable, Iterator
from functools import lru_cache, partial
from itertools import groupby, islice
from pathlib import Path
from typing import Any, Literal, Self, get_args

import torch
from msgspec import structs, to_builtins
from torch import Tensor

from stylezoo.errors import OptionError, StyleError, WeightsError, did_you_mean
from stylezoo.graphs import graph_file, has_onnxruntime
from stylezoo.image.io import read
from stylezoo.image.sizes import STYLE_SIZE
from stylezoo.models import StyleCard, StyleCode, StyleNet, create_model
from stylezoo.models.gatys import Gatys
from stylezoo.models.skeleton import make_graph
from stylezoo.models.table import StyleTable
from stylezoo.models.trunk_net import TrunkNet
from stylezoo.pipeline.options import PreserveColor, StylizeOptions, Tile
from stylezoo.pipeline.render import render
from stylezoo.pipeline.steady import STEADY, Steadiness
from stylezoo.schema import convert
from stylezoo.style import Plan, read_plan, resolve_style
from stylezoo.types import ImageLike, MaskLike, PathLike, StyleLike
from stylezoo.zoo.card import CardSpec
from stylezoo.zoo.spec import Kind, ModelSpec, StyleSpec
from stylezoo.zoo.store import find, locate
from stylezoo.zoo.styles import find_style

Backend = Literal["auto", "torch", "onnx"]

LARGE = 2**24  # px of a picture that is painted in no batch
UNSTATED = "unstated: add the rights to the picture before you share the card"


class Stylizer:
    """A net with its record, ready to paint.

    Attributes:
        spec: the model's record.
        net: the net, in evaluation mode; `net(x, code)` maps (N, 3, H, W) in [0, 1] to the same.
    """

    def __init__(self, spec: ModelSpec, net: StyleNet) -> None:
        self.spec = spec
        self._trunk = net.trunk_hash() if isinstance(net, StyleTable) else ""  # before a cast that loses digits
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

    @property
    def backend(self) -> str:
        """ "onnx" where onnxruntime computes the net, as far as it can, else "torch"."""
        return "onnx" if isinstance(self.net, TrunkNet) and self.net.graph else "torch"

    def stylize(
        self,
        image: ImageLike,
        style: StyleLike = None,
        *,
        style_size: int | None = STYLE_SIZE,
        strength: float = 1.0,
        size: int | None = None,
        stroke: float | None = None,
        preserve_color: PreserveColor = False,
        mask: MaskLike = None,
        tile: Tile = "auto",
        progress: bool = False,
        **tuning: Any,
    ) -> Any:
        """Paint one picture; the same type comes back, in the same size unless `size` says otherwise.

        Args:
            image: a path (a PIL image comes back), the bytes of a file, a PIL image, an HxWxC array (uint8, or float in
                [0, 1]), a CxHxW or NxCxHxW tensor. Alpha is kept.
            style, style_size: see `encode_style`.
            strength: 0 gives the photo, 1 the style; up to 3.
            size: long side of the result in px.
            stroke: size of the strokes in relation to the picture, the same at every `size`; 1 is what the net paints
                at a long side of 512 px, 2 twice as coarse. None: what it paints at the size of the result.
            preserve_color: False, "luma" (the photo's hues exactly) or "stats" (its overall palette). With "stats" a
                picture as the style takes on the photo's palette before it is encoded (Gatys et al. 2016,
                arXiv:1606.05897); other styles are matched after painting, and so is a mix of both.
            mask: which part to paint, a picture of the photo's size: white is painted, black stays the photo, grey is
                between; or booleans. Or a mapping of styles to such masks, or pairs of them; then `style` is for the
                rest, and None leaves the photo there. Regions are blended inside the net.
            tile: side in px of the tiles that the picture is painted in, a multiple of the net's `multiple`, such as
                512: any size in bounded memory, the same picture, in about twice the time. None: the whole at once.
                "auto": whole where the memory is there, else in tiles.
            progress: show a bar on stderr where it takes long: of tiles, or of an optimisation's steps.
            tuning: of models that optimise each picture, such as gatys/vgg19: steps, start, optimizer, lr, stages,
                content_layers, style_layers, content_weight, style_weight, tv_weight, pooling, seed and callback;
                see `stylezoo.models.gatys_options.Options`.

        Raises:
            ImageError, StyleError, OptionError: what was given cannot be used, and why.
        """
        StylizeOptions(strength=strength, size=size, stroke=stroke, preserve_color=preserve_color, tile=tile)
        net = self._tuned(tuning, progress)
        plan = read_plan(self.spec, net, style, mask, style_size)
        how = {"strength": strength, "size": size, "stroke": stroke, "tile": tile, "progress": progress}
        paint = _painter(net, plan, preserve_color, **how)
        picture = read(image)
        plan.check(picture)
        return picture.restore(paint(picture.levels))

    def stylize_batch(
        self,
        images: Iterable[ImageLike],
        style: StyleLike = None,
        *,
        batch_size: int = 8,
        style_size: int | None = STYLE_SIZE,
        preserve_color: PreserveColor = False,
        mask: MaskLike = None,
        progress: bool = False,
        **options: Any,
    ) -> Iterator[Any]:
        """Yield the painted pictures in order; neighbours of one size pass the net together, `batch_size` at most.

        Those of more than 16 megapixels pass alone. Takes the options of `stylize`. Pictures are read as they are
        needed, so `images` may be endless.
        """
        if batch_size < 1:
            raise OptionError(f"batch_size must be at least 1, not {batch_size}")
        how = {name: options.pop(name) for name in ("strength", "size", "stroke", "tile") if name in options}
        net = self._tuned(options, progress)
        plan = read_plan(self.spec, net, style, mask, style_size)
        paint = _painter(net, plan, preserve_color, **how, progress=progress)
        pictures = (read(image) for image in images)
        for (shape, *_), run in groupby(pictures, key=lambda p: (p.levels.shape, p.levels.device, p.levels.dtype)):
            while batch := list(islice(run, batch_size if shape[-2] * shape[-1] <= LARGE else 1)):
                plan.check(batch[0])
                painted = paint(torch.cat([p.levels for p in batch]))
                counts = [p.levels.shape[0] for p in batch]
                for picture, pixels in zip(batch, painted.split(counts), strict=True):
                    yield picture.restore(pixels)

    def stylize_frames(
        self,
        frames: Iterable[ImageLike],
        style: StyleLike | Callable[[int], StyleLike] = None,
        *,
        steady: float | Steadiness = STEADY,
        mask: MaskLike | Callable[[int], MaskLike] = None,
        first: int = 0,
        style_size: int | None = STYLE_SIZE,
        preserve_color: PreserveColor = False,
        tile: Tile = None,
        **options: Any,
    ) -> Iterator[Any]:
        """Yield the painted frames of a video in order, each read when it is wanted, of the type that it came in.

        Args:
            frames: pictures in any form that `stylize` takes, also endlessly many.
            style, mask: as `stylize` takes them, or a function that returns such for the number of a frame. A style
                that stays is encoded once; one that changes smoothly is a `StyleCode` mixed of others.
            steady: share of the norms' statistics that comes from the frames before, until a cut: from 0 (each frame
                for itself) up to, but not, 1. It keeps light and colours from pulsing as things come into view. Or a
                `Steadiness`, to go on from frames painted earlier.
            first: number of the first frame.
            tile: as in `stylize`; together with a number or "auto", steady must be 0.
            options: the others of `stylize`.

        Raises:
            ImageError, StyleError, OptionError: what was given cannot be used, and why.
        """
        memory = steady if isinstance(steady, Steadiness) else Steadiness(steady)
        if tile is not None and memory.share:
            raise OptionError(f"tile={tile!r} gathers each frame's own statistics: leave it out, or give steady=0")
        how: dict[str, Any] = {"preserve_color": preserve_color, "tile": tile}
        how |= {name: options.pop(name) for name in ("strength", "size", "stroke") if name in options}
        StylizeOptions(**how)
        net = self._tuned(options)
        return self._paint_frames(frames, style, mask, net, memory, first, style_size, how)

    def _paint_frames(
        self,
        frames: Iterable[ImageLike],
        style: StyleLike | Callable[[int], StyleLike],
        mask: MaskLike | Callable[[int], MaskLike],
        net: StyleNet,
        memory: Steadiness,
        first: int,
        style_size: int | None,
        how: dict[str, Any],
    ) -> Iterator[Any]:
        before: tuple[Any, Any] | None = None
        for number, frame in enumerate(frames, first):
            now = style(number) if callable(style) else style, mask(number) if callable(mask) else mask
            if before is None or any(new is not old for new, old in zip(now, before, strict=True)):
                plan = read_plan(self.spec, net, *now, style_size)
                paint, before = _painter(net, plan, **how), now
            picture = read(frame)
            plan.check(picture)
            with memory.frame(net, picture.levels):
                painted = paint(picture.levels)
            yield picture.restore(painted)

    def encode_style(
        self,
        style: StyleLike = None,
        *,
        style_size: int | None = STYLE_SIZE,
        photo: ImageLike | None = None,
        **tuning: Any,
    ) -> StyleCode:
        """Return the code of a style, to be kept and used again: a picture is encoded once for many photos.

        Args:
            style: None where the model has one; a name, an index or a `StyleCode`; for nets that take any picture also
                a picture, in any form that `stylize` takes, white where it is transparent. A name comes before a path.
                Or a mix: a mapping of these to weights, a list of them in equal shares, or of (style, weight) pairs.
                Weights are divided by their sum: 3 and 1 is as 0.75 and 0.25. One may be negative, which goes away
                from it.
            style_size: long side in px, from 16 to 4096, to which style pictures are scaled. Strokes are painted as
                large in px as they are in the picture that the net saw: larger is coarser. None: as it is.
            photo: style pictures take on the mean and covariance of its colours first.
            tuning: see `stylize`; a code serves only style_layers and pooling like those that it was made with.

        Raises:
            StyleError: the model has no such style, or has several and none is named, or the weights sum to nothing.
            ImageError, OptionError: a picture cannot be read, or not at that size.
        """
        pixels = None if photo is None else read(photo).levels
        if pixels is not None and len(pixels) > 1:
            raise OptionError(f"photo must be one picture, not {len(pixels)}: encode the style for each")
        net = self._tuned(tuning)
        return resolve_style(self.spec, net, style, style_size).encode(net, pixels)

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
        net = self._with_rows()
        index = find_style(self.spec, style)
        given = {"id": id, "title": title, "rights": rights, "source": source}
        if index is not None:
            row, record = net.row(index), to_builtins(self.spec.styles[index])
        elif id is None:
            raise StyleError(
                f"{self.spec.name}: only a style that it knows by name has a card as it is: "
                "give any other an id, as in card(style, id='my_style')"
            )
        else:
            made = resolve_style(self.spec, self.net, style, style_size)
            values = made.encode(self.net).values
            row = values if self.kind == "arbitrary" else values @ net.styles
            name = Path(style).stem if isinstance(style, (str, os.PathLike)) else id
            record = {"title": name, "rights": UNSTATED, "source": str(made)}
        stated = {key: value for key, value in given.items() if value is not None}
        known = convert(record | stated, StyleSpec, "the style card", StyleError)
        spec = self.spec
        card = CardSpec(style=known, family=spec.family, base=spec.name, trunk=self._trunk, license=spec.license)
        return StyleCard(card, row.detach().float())

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
            anew = "encode the picture" if self.kind == "arbitrary" else "learn the style by stylezoo add-style"
            raise WeightsError(
                f"the style card '{style.id}' was made for another trunk, that of {card.spec.base}: "
                f"load that net, or {anew} for {self.spec.name}"
            )
        if card.row.shape != (1, net.styles.shape[1]):
            raise WeightsError(
                f"the style card '{style.id}' holds {card.row.numel()} numbers, not the {net.styles.shape[1]} of "
                f"{self.spec.name}: get the card again"
            )
        net.add_row(card.row)
        facts = {"weights": None, "metrics": None, "check": None}  # of the net before
        self.spec = structs.replace(self.spec, arch=dict(net.arch), styles=(*self.spec.styles, style), **facts)
        return self

    def _tuned(self, tuning: dict[str, Any], progress: bool = False) -> StyleNet:
        """Return the net with the options of one painting; raise OptionError for those that it does not have."""
        if progress and "progress" in self.net.options:
            tuning = {**tuning, "progress": True}
        for name in tuning:
            if name in self.net.options:
                continue
            if name in Gatys.options:
                raise OptionError(
                    f"{name} is for models that optimise each picture, such as gatys/vgg19; {self.spec.name} is a net "
                    "that paints in one pass: leave it out"
                )
            known = [*inspect.signature(self.stylize).parameters, *self.net.options]
            raise OptionError(f"{self.spec.name} takes no option '{name}'.{did_you_mean(name, known)}")
        return self.net.tuned(**tuning) if tuning else self.net

    def _with_rows(self) -> StyleTable:
        if not isinstance(self.net, StyleTable):
            raise StyleError(
                f"{self.spec.name} is a {self.spec.family} net, and style cards are for nets that keep a row a style: "
                "cin, ghiasi and adain"
            )
        return self.net

    def to(self, device: str | torch.device | None = None, dtype: torch.dtype | None = None) -> Self:
        """Move the net, in place."""
        self.net.to(device=device if device is None else pick_device(device), dtype=dtype)
        return self

    def compile(self, **options: Any) -> Self:
        """Compile the net by `torch.compile`, in place: slow once, faster for many pictures of one size."""
        if isinstance(self.net, TrunkNet):
            self.net.run_by(None)
        self.net.compile(**options)
        return self

    def save(self, path: PathLike, dtype: torch.dtype | None = None) -> None:
        """Write a .safetensors file that `stylezoo.load` takes, its record included."""
        if Path(path).suffix != ".safetensors":
            raise OptionError(f"weights are written as .safetensors, not as '{Path(path).name}'")
        self.net.save_weights(Path(path), self.spec, dtype)

    def __repr__(self) -> str:
        return f"Stylizer({self.spec.name!r}, kind={self.kind!r}, device={str(self.device)!r}, dtype={self.dtype})"


def _painter(
    net: StyleNet, plan: Plan, preserve_color: PreserveColor = False, **options: Any
) -> Callable[[Tensor], Tensor]:
    """Return the function from photos, (N, 3, H, W), to their paintings; what can be encoded once is."""
    pictures = [isinstance(content, Tensor) for content in plan.contents]
    if preserve_color != "stats" or not any(pictures):
        return partial(render, net, style=plan.encode(net), preserve_color=preserve_color, **options)
    after: PreserveColor = False if all(pictures) else "stats"

    def paint(photos: Tensor) -> Tensor:
        ways = [(photo, plan.encode(net, photo)) for photo in photos.split(1)]
        return torch.cat([render(net, photo, how, preserve_color=after, **options) for photo, how in ways])

    return paint


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
        device: "auto" takes a GPU if there is one.
        dtype: of the computation; None is float32, also for weights kept in float16.
        revision, cache_dir, offline: of the Hugging Face Hub, for models that do not travel with the package: a branch,
            tag or commit; the cache's folder (None: as HF_HOME says); True: ask nothing of the Hub.
        backend: what computes on a processor. "auto": onnxruntime, where it is installed and the package has a graph of
            the net's trunk, for whole pictures in one style; else torch. "onnx": the same, and an error where it is not
            to be had; a graph of a trunk of other widths is made, which takes some seconds. Their results differ by
            less than 1/255.

    Raises:
        OptionError: the backend is not to be had.
        ModelNotFoundError: no such name, with the nearest ones.
        WeightsError: the weights are missing, damaged or not those of the registry.
        HubError: the Hub cannot be reached, or refuses.
    """
    spec, path = find(name, revision=revision, cache_dir=cache_dir, offline=offline)
    revision = None if str(name).startswith("hf:") else revision  # the record is pinned already
    if not spec.weightless:
        path = path or locate(spec, revision=revision, cache_dir=cache_dir, offline=offline)
    net = create_model(spec.family, **spec.arch, weights=path)
    stylizer = Stylizer(spec, net).to(device, _dtype(dtype))
    _choose_backend(stylizer, backend)
    return stylizer


def stylize(image: ImageLike, model: PathLike = "johnson/mosaic", style: StyleLike = None, **options: Any) -> Any:
    """Paint one picture with a model by name: `load(model).stylize(image, style, **options)`, the model kept loaded."""
    return _kept(str(model)).stylize(image, style, **options)


def _choose_backend(stylizer: Stylizer, backend: Backend) -> None:
    """Let onnxruntime compute a net where `backend` asks for it; raise OptionError where it cannot."""
    if backend not in get_args(Backend):
        raise OptionError(f"backend must be auto, torch or onnx, not {backend!r}")
    net, name = stylizer.net, stylizer.spec.name
    ready = stylizer.device.type == "cpu" and stylizer.dtype == torch.float32
    graph: Path | bytes | None = None
    if backend == "auto":
        graph = graph_file(net.arch) if ready and isinstance(net, TrunkNet) and has_onnxruntime() else None
    elif backend == "onnx":
        if not isinstance(net, TrunkNet):
            raise OptionError(f"{name} is a {net.family} net, which paints by torch alone: use backend='torch'")
        if not ready:
            raise OptionError(
                f"onnxruntime computes in float32 on a processor, not in {stylizer.dtype} on {stylizer.device}: "
                "use backend='torch'"
            )
        if not has_onnxruntime():
            raise OptionError("onnxruntime is not installed: pip install 'stylezoo[onnx]', or use backend='torch'")
        graph = graph_file(net.arch) or make_graph(net)
    if graph and isinstance(net, TrunkNet):
        net.run_by(graph)


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
